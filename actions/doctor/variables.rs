//! Judges the repository's variables: where state, locks and artifacts are, and which roles the jobs take.

use serde_json::Value;
use std::collections::BTreeMap;

use super::{
    facts::Known,
    finding::{Finding, Status},
    fix::Fixes,
};
use crate::{assume_role::role::Role, markdown};

/// The right that shows variables.
const RIGHT: &str = "Variables: read";

/// So many characters of a value are shown.
const SHOWN: usize = 120;

const ACCOUNT: &str = "AWS_ACCOUNT_ID";
const ROLES: &str = "LOCKGATE_ROLES";

/// What is wrong with a value, if something is.
type Check = fn(&str) -> Option<&'static str>;

/// Each with its check, and what a shell makes its value of.
const VARIABLES: [(&str, Check, &str); 5] = [
    ("LOCKGATE_STATE_BUCKET", no_name, "$(terraform -chdir=terraform/bootstrap output -raw state_bucket)"),
    ("LOCKGATE_LOCK_TABLE", no_name, "$(terraform -chdir=terraform/bootstrap output -raw lock_table)"),
    ("LOCKGATE_ARTIFACTS_BUCKET", no_name, "$(terraform -chdir=terraform/bootstrap output -raw artifacts_bucket)"),
    (ACCOUNT, no_account, "$(aws sts get-caller-identity --query Account --output text)"),
    ("AWS_REGION", no_region, "$AWS_REGION"),
];

/// Judges all of them.
pub(super) fn judge(
    variables: &Known<BTreeMap<String, String>>,
    environments: &[String],
    fixes: &Fixes,
) -> Vec<Finding> {
    let page = || fixes.page("variables/actions");
    let all = match variables {
        Ok(all) => all,
        Err(refusal) => return vec![Finding::unknown("variables", refusal, RIGHT)],
    };
    let one = |name: &str, wrong: &dyn Fn(&str) -> Option<String>, fine: &dyn Fn(&str) -> String, value: &str| {
        let fix = [fixes.variable(name, value), page()];
        let what = format!("variable {name}");
        match all.get(name) {
            None => Finding::new(Status::Missing, what, "there is none").fixed_by(fix),
            Some(now) => match wrong(now) {
                Some(why) => Finding::new(Status::Wrong, what, why).fixed_by(fix),
                None => Finding::new(Status::Ok, what, fine(now)),
            },
        }
    };
    let simple = VARIABLES.iter().map(|(name, wrong, value)| {
        let why = |now: &str| wrong(now).map(|why| format!("{} {why}", shown(now)));
        one(name, &why, &|now| now.to_owned(), value)
    });
    let account = all.get(ACCOUNT).map(String::as_str).filter(|account| no_account(account).is_none());
    let problems = |now: &str| {
        let problems = roles(now, environments, account);
        (!problems.is_empty()).then(|| problems.join("; "))
    };
    let fine = |_: &str| format!("has every role of {}", environments.join(", "));
    let roles = one(ROLES, &problems, &fine, "$(terraform -chdir=terraform/bootstrap output -json roles)");
    simple.chain([roles]).collect()
}

fn shown(value: &str) -> String {
    format!("{:?}", markdown::short(value, SHOWN))
}

fn no_name(value: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (value.is_empty() || !value.chars().all(plain)).then_some("is no name of a bucket or table")
}

fn no_account(value: &str) -> Option<&'static str> {
    (value.len() != 12 || !value.bytes().all(|digit| digit.is_ascii_digit()))
        .then_some("is no account id: it is 12 digits")
}

fn no_region(value: &str) -> Option<&'static str> {
    let parts: Vec<_> = value.split('-').collect();
    let words =
        |parts: &[&str]| parts.iter().all(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase()));
    let region = matches!(&parts[..], [words_of @ .., number]
        if words_of.len() >= 2 && words(words_of) && !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()));
    (!region).then_some("is no region, such as eu-central-1")
}

/// What is wrong with the roles: one for each thing that the repository does as a whole, and for each environment one
/// to check, deploy, promote and roll back.
fn roles(value: &str, environments: &[String], account: Option<&str>) -> Vec<String> {
    let Ok(Value::Object(all)) = serde_json::from_str(value) else {
        return vec![format!("{} is no JSON object", shown(value))];
    };
    let whole = ["plan", "release", "drift"].map(|of| (of.to_owned(), all.get(of)));
    let each = ["check", "deploy", "promote", "rollback"].into_iter().flat_map(|of| {
        let roles = all.get(of);
        environments.iter().map(move |name| (format!("{of}.{name}"), roles.and_then(|roles| roles.get(name))))
    });
    let problem = |(place, role): (String, Option<&Value>)| {
        let why = match role {
            None | Some(Value::Null) => "is missing".to_owned(),
            Some(Value::String(arn)) => no_role(arn, account)?,
            Some(other) => format!("is {}, no ARN", shown(&other.to_string())),
        };
        Some(format!("{place} {why}"))
    };
    whole.into_iter().chain(each).filter_map(problem).collect()
}

fn no_role(arn: &str, account: Option<&str>) -> Option<String> {
    match arn.parse::<Role>() {
        Err(why) => Some(format!("is {}: {why}", shown(arn))),
        Ok(role) => {
            let expected = account.filter(|account| *account != role.account)?;
            Some(format!("is a role of account {}, not {expected}", role.account))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENVIRONMENTS: [&str; 2] = ["staging", "production"];

    fn names() -> Vec<String> {
        ENVIRONMENTS.map(ToOwned::to_owned).to_vec()
    }

    fn good() -> Value {
        let role = |name: &str| json!(format!("arn:aws-cn:iam::111122223333:role/{name}"));
        let each = |of: &str| json!({"staging": role(&format!("{of}-staging")), "production": role(of)});
        json!({
            "plan": role("plan"), "release": role("release"), "drift": role("drift"), "check": each("check"),
            "deploy": each("deploy"), "promote": each("promote"), "rollback": each("rollback"),
        })
    }

    fn problems(value: &Value) -> Vec<String> {
        roles(&value.to_string(), &names(), Some("111122223333"))
    }

    #[test]
    fn every_role_has_to_be_one_of_the_account() {
        assert_eq!(problems(&good()), Vec::<String>::new());
        let mut bad = good();
        bad["plan"] = json!("arn:aws:iam::999988887777:role/plan");
        bad["drift"] = json!(7);
        bad["check"] = json!("arn:aws:iam::111122223333:role/check");
        bad["deploy"]["staging"] = json!("arn:aws:iam::111122223333:user/me");
        let found = problems(&bad);
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!(found[0], "plan is a role of account 999988887777, not 111122223333");
        assert_eq!(found[1], "drift is \"7\", no ARN");
        assert_eq!(found[2..4], ["check.staging is missing", "check.production is missing"]);
        assert!(found[4].starts_with("deploy.staging is \"arn:aws:iam::111122223333:user/me\": "), "{found:?}");
    }

    #[test]
    fn another_environments_roles_are_nobodys_business() {
        let mut more = good();
        more["deploy"]["elsewhere"] = json!("nothing");
        assert_eq!(problems(&more), Vec::<String>::new());
        assert_eq!(roles(&good().to_string(), &["elsewhere".to_owned()], None).len(), 4);
    }

    #[test]
    fn values_that_nobody_can_mean_are_wrong() {
        for region in ["eu-central-1", "us-gov-west-1", "eusc-de-east-1", "ap-southeast-2"] {
            assert_eq!(no_region(region), None, "{region}");
        }
        for region in ["", "eu-central", "eu-central-1 ", "Frankfurt", "eu-central-1a", "-a-1"] {
            assert!(no_region(region).is_some(), "{region}");
        }
        assert!(no_account("11112222333").is_some() && no_account("11112222333x").is_some());
        assert!(no_name("").is_some() && no_name("a\nb").is_some() && no_name("lockgate_state_lock").is_none());
    }

    #[test]
    fn a_variable_that_is_not_there_is_made_of_what_the_bootstrap_says() {
        let fixes = Fixes::new("https://github.com", "o/n");
        let found = judge(&Ok(BTreeMap::new()), &names(), &fixes);
        assert_eq!(found.len(), 6);
        assert!(found.iter().all(|finding| finding.status == Status::Missing), "{found:?}");
        let command = "gh variable set LOCKGATE_ROLES --repo o/n --body \"$(terraform -chdir=terraform/bootstrap output -json roles)\"";
        assert_eq!(found[5].fix[0], command);
    }
}
