//! The role's ARN (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>) and what follows from
//! it: the partition, hence the audience and the regions, and the account.

use anyhow::{Context, Error, Result, bail, ensure};
use serde_json::Value;

/// The partitions, each with what its regions begin with; the last one takes every other region.
const PARTITIONS: [(&str, &str); 4] =
    [("aws-cn", "cn-"), ("aws-us-gov", "us-gov-"), ("aws-eusc", "eusc-"), ("aws", "")];

/// A role as its ARN names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Role {
    /// `arn:<partition>:iam::<account>:role/<path and name>`.
    pub(crate) arn: String,
    /// `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`.
    pub(super) partition: &'static str,
    /// Twelve digits.
    pub(crate) account: String,
    /// Without the path.
    pub(super) name: String,
}

impl std::str::FromStr for Role {
    type Err = Error;

    fn from_str(arn: &str) -> Result<Self> {
        let parts: Vec<_> = arn.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts[..] else {
            bail!("it is no ARN of a role: give arn:aws:iam::<12 digits>:role/<name>, whole");
        };
        let name = resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next());
        let name =
            name.filter(|name| !name.is_empty()).with_context(|| format!("it names no role but `{resource}`"))?;
        ensure!(
            account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit()),
            "an account id is 12 digits, not `{account}`"
        );
        let known = PARTITIONS.iter().find(|(known, _)| *known == partition);
        let (partition, _) = known
            .with_context(|| format!("the partition `{partition}` is none of aws, aws-cn, aws-us-gov, aws-eusc"))?;
        Ok(Self { arn: arn.to_owned(), partition, account: account.to_owned(), name: name.to_owned() })
    }
}

impl Role {
    /// The role of an ARN, or of a place in the object `roles`, whose parts have slashes between.
    ///
    /// # Errors
    /// If there is none, or what is there is no ARN.
    pub(super) fn named(name: &str, roles: Option<&str>) -> Result<Self> {
        if name.starts_with("arn:") {
            return name.parse();
        }
        let roles = roles.context(
            "it is no ARN, and there are no roles to find its place in: give the ARN whole, or LOCKGATE_ROLES, the output \
             `roles` of terraform/bootstrap",
        )?;
        let roles: Value = serde_json::from_str(roles)
            .context("the roles are no JSON; give LOCKGATE_ROLES, the output `roles` of terraform/bootstrap")?;
        let found = name.split('/').fold(&roles, |found, part| &found[part]);
        let arn = found.as_str().with_context(|| {
            format!(
                "the roles have none at this place, but {}; give terraform/bootstrap's output `roles` anew",
                places(&roles)
            )
        })?;
        arn.parse()
    }

    /// Whom a token for this role's STS is made for, unless the trust policy says otherwise.
    pub(super) fn audience(&self) -> &'static str {
        if self.partition == "aws-cn" { "sts.amazonaws.com.cn" } else { "sts.amazonaws.com" }
    }

    /// The identity provider of `issuer` (a URL) in the role's account.
    pub(super) fn provider(&self, issuer: &str) -> String {
        let host = issuer.split_once("://").map_or(issuer, |(_, host)| host).trim_end_matches('/');
        format!("arn:{}:iam::{}:oidc-provider/{host}", self.partition, self.account)
    }

    /// Refuses a region of another partition: its STS does not know the role, and says so in no helpful way.
    pub(super) fn check_region(&self, region: &str) -> Result<()> {
        let home = PARTITIONS.iter().find(|(_, start)| region.starts_with(start)).map_or("aws", |(name, _)| *name);
        ensure!(
            home == self.partition,
            "region {region} is in the partition {home}, the role {} in {}; give a region of the role's partition",
            self.arn,
            self.partition
        );
        Ok(())
    }
}

/// The account id in the ARN of an assumed role; untrusted text that may be anything.
pub(super) fn account_of(arn: &str) -> Option<&str> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "sts", _, account, _] if account.len() == 12 && account.bytes().all(|d| d.is_ascii_digit()) => {
            Some(account)
        }
        _ => None,
    }
}

/// Where roles are, for whoever looked in the wrong place.
fn places(roles: &Value) -> String {
    let mut places = Vec::new();
    for (name, role) in roles.as_object().into_iter().flatten() {
        match role.as_object() {
            Some(more) => places.extend(more.keys().map(|key| format!("{name}/{key}"))),
            None => places.push(name.clone()),
        }
    }
    if places.is_empty() { "nothing at all".to_owned() } else { places.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_by_its_place_among_the_roles() {
        let roles = r#"{"plan": "arn:aws:iam::111122223333:role/plan",
            "deploy": {"staging": "arn:aws:iam::111122223333:role/deploy-staging"}}"#;
        assert_eq!(Role::named("deploy/staging", Some(roles)).expect("a role").name, "deploy-staging");
        assert_eq!(Role::named("plan", Some(roles)).expect("a role").name, "plan");
        let arn = "arn:aws:iam::111122223333:role/other";
        assert_eq!(Role::named(arn, Some(roles)).expect("a role").arn, arn);
        let missing = format!("{:#}", Role::named("deploy/test", Some(roles)).expect_err("no role"));
        assert!(missing.contains("deploy/staging, plan"), "{missing}");
        let alone = format!("{:#}", Role::named("deploy/staging", None).expect_err("no role"));
        assert!(alone.contains("LOCKGATE_ROLES"), "{alone}");
        assert!(Role::named("deploy", Some(roles)).is_err() && Role::named("plan", Some("x")).is_err());
    }

    fn role(arn: &str) -> Result<Role> {
        arn.parse()
    }

    #[test]
    fn trap_07_every_partition_has_its_own_regions_and_audience() {
        for (partition, region, audience) in [
            ("aws", "eu-central-1", "sts.amazonaws.com"),
            ("aws-cn", "cn-north-1", "sts.amazonaws.com.cn"),
            ("aws-us-gov", "us-gov-west-1", "sts.amazonaws.com"),
            ("aws-eusc", "eusc-de-east-1", "sts.amazonaws.com"),
        ] {
            let role = role(&format!("arn:{partition}:iam::111122223333:role/ci/deploy")).expect("a role");
            assert_eq!((role.partition, role.name.as_str(), role.audience()), (partition, "deploy", audience));
            role.check_region(region).expect("a region of the partition");
            for (other, foreign) in [("aws", "us-east-1"), ("aws-cn", "cn-northwest-1")] {
                assert_eq!(role.check_region(foreign).is_ok(), other == partition, "{partition} {foreign}");
            }
            assert_eq!(
                role.provider("https://token.actions.githubusercontent.com/"),
                format!("arn:{partition}:iam::111122223333:oidc-provider/token.actions.githubusercontent.com")
            );
        }
    }

    #[test]
    fn what_is_no_role_is_refused_with_what_it_should_be() {
        for (arn, reason) in [
            ("deploy", "no ARN of a role"),
            ("arn:aws:iam::111122223333:user/me", "no role"),
            ("arn:aws:iam::111122223333:role/ci/", "no role"),
            ("arn:aws:iam::1111:role/deploy", "12 digits"),
            ("arn:aws-moon:iam::111122223333:role/deploy", "none of aws"),
        ] {
            let said = role(arn).expect_err("no role").to_string();
            assert!(said.contains(reason), "{arn}: {said}");
        }
    }

    #[test]
    fn trap_10_an_account_that_cannot_be_read_is_no_account() {
        assert_eq!(account_of("arn:aws:sts::111122223333:assumed-role/deploy/shop-1-1"), Some("111122223333"));
        for arn in ["", "arn:aws:sts:::assumed-role/x", "arn:aws:iam::111122223333:role/x", "111122223333"] {
            assert_eq!(account_of(arn), None, "{arn}");
        }
    }
}
