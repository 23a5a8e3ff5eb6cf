//! Every action's surface, case by case: a `.toml` file says what is called and what must come of it.

#[test]
fn cases() {
    trycmd::TestCases::new().case("tests/cmd/*/*.toml");
}
