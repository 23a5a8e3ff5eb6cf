//! What the session is called in CloudTrail: `[\w+=,.@-]{2,64}`
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>).

/// The longest name that STS takes.
const LONGEST: usize = 64;

/// `<repository>-<run id>-<attempt>` of the run that this is part of: from CloudTrail back to the log in one step.
pub(super) fn of_run() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let repository = variable("GITHUB_REPOSITORY").unwrap_or_else(|| "lockgate".to_owned());
    let name = repository.rsplit('/').next().unwrap_or_default().to_owned();
    let run: String = [variable("GITHUB_RUN_ID"), variable("GITHUB_RUN_ATTEMPT")].into_iter().flatten().fold(
        String::new(),
        |mut run, part| {
            run.push('-');
            run.push_str(&part);
            run
        },
    );
    name_of(&name, &run)
}

/// `given` with everything that STS refuses replaced.
pub(super) fn sanitised(given: &str) -> String {
    name_of(given, "")
}

/// The end says which run it was: what is too long is cut from the start's end.
fn name_of(start: &str, end: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    let end: String = end.chars().map(allowed).take(LONGEST / 2).collect();
    let mut name: String = start.chars().map(allowed).take(LONGEST - end.len()).collect();
    name.push_str(&end);
    while name.len() < 2 {
        name.push('-');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trap_06_a_session_name_is_always_one_that_sts_takes() {
        assert_eq!(name_of("shop", "-4711-2"), "shop-4711-2");
        assert_eq!(sanitised("Ünï code/x:y"), "-n--code-x-y");
        assert_eq!(sanitised(""), "--");
        let long = name_of(&"r".repeat(100), "-12345678901-1");
        assert_eq!((long.len(), long.ends_with("r-12345678901-1")), (64, true), "{long}");
        let odd = name_of("r", &"9".repeat(100));
        assert!(odd.len() <= 64, "{odd}");
    }
}
