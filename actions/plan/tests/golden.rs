//! The whole comment of each sample plan, in `actions/tests/plan/`: a change of its look is seen in review. With
//! `WRITE_GOLDEN=DIR` the new texts are written there.

use super::*;

#[test]
fn comments_look_as_they_did() {
    let golden = [
        ("cbd", CBD, include_str!("../../tests/plan/cbd.md")),
        ("alpha", ALPHA, include_str!("../../tests/plan/alpha.md")),
        ("beta", BETA, include_str!("../../tests/plan/beta.md")),
        ("service", SERVICE, include_str!("../../tests/plan/service.md")),
    ];
    let mut different = Vec::new();
    for (name, text, wanted) in golden {
        let got = comment_of(&plan(text));
        assert_eq!(markdown::wrong(&got), None, "{name}");
        if got != wanted {
            if let Some(folder) = std::env::var_os("WRITE_GOLDEN") {
                std::fs::write(std::path::Path::new(&folder).join(format!("{name}.md")), &got).expect("written");
            }
            different.push(format!("{name}.md is now:\n{got}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
