//! What a repository and a tag may be called:
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests>.

use std::{fmt, net::IpAddr, str::FromStr};

use anyhow::{Context, Error, Result, ensure};

/// A repository in a registry, `host[:port]/name`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Repository {
    /// Host and port, as they were written.
    pub(super) registry: String,
    /// The name within the registry.
    pub(super) name: String,
}

impl FromStr for Repository {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let form =
            "write it as Terraform's `repository_url` gives it: <host>/<name>, without `https://`, tag or digest";
        let split = text.split_once('/').filter(|(_, name)| !name.starts_with('/'));
        let (registry, name) = split.with_context(|| format!("the repository {text:?} has no host; {form}"))?;
        let registry = registry.to_ascii_lowercase();
        let (host, port) = host_and_port(&registry);
        let named = host.contains(['.', ':']) || host == "localhost" || port.is_some();
        ensure!(named && is_host(host), "the repository {text:?} begins with no host; {form}");
        ensure!(
            port.is_none_or(|port| port.parse::<u16>().is_ok()),
            "the repository {text:?} has a wrong port; {form}"
        );
        ensure!(name.len() < 256 && name.split('/').all(is_component), "{name:?} is no repository's name; {form}");
        Ok(Self { registry, name: name.to_owned() })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.name)
    }
}

/// Refuses what is no tag.
pub(super) fn tag(text: &str) -> Result<&str> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    ensure!(
        first && text.len() <= 128 && text.bytes().all(good),
        "{text:?} is no tag: it has 1 to 128 letters, digits, `.`, `_` and `-`, and begins with none of `.` and `-`"
    );
    Ok(text)
}

/// An ECR registry's host: account, region and the partition's domain, none of which is written down here.
/// <https://docs.aws.amazon.com/general/latest/gr/ecr.html>
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Ecr<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    /// `amazonaws.com`, and others in other partitions.
    pub(super) domain: &'a str,
}

impl<'a> Ecr<'a> {
    /// The parts of `<account>.dkr.ecr[-fips].<region>.amazonaws.<…>`.
    pub(super) fn parse(registry: &'a str) -> Option<Self> {
        let (account, rest) = registry.split_once(".dkr.ecr")?;
        let rest = rest.strip_prefix("-fips").unwrap_or(rest).strip_prefix('.')?;
        let (region, domain) = rest.split_once('.')?;
        let good = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) && region.contains('-');
        (good && domain.starts_with("amazonaws.")).then_some(Self { account, region, domain })
    }
}

/// A host and its port; an IPv6 address keeps its brackets off.
pub(super) fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    if let Some((host, port)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, port.strip_prefix(':'));
    }
    match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    }
}

/// Whether the host is this machine: the only one that is spoken to without TLS.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    host.parse::<IpAddr>().is_ok() || host.split('.').all(label)
}

/// Letters and digits, joined by one dot, one or two underscores, or any number of dashes.
fn is_component(part: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = part.bytes().next().is_some_and(word) && part.bytes().last().is_some_and(word);
    let mut joints = part.split(|c: char| word(u8::try_from(c).unwrap_or_default())).filter(|joint| !joint.is_empty());
    ends && joints.all(|joint| matches!(joint, "." | "_" | "__") || joint.bytes().all(|byte| byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_a_host_and_a_name() {
        let good = ["localhost:5000/a", "127.0.0.1:1/a/b-c_d.e", "[::1]:80/a", "registry.example/team/app__x"];
        for text in good {
            assert_eq!(text.parse::<Repository>().expect(text).to_string(), text);
        }
        let bad = ["", "app", "https://registry.example/a", "team/app", "r.example/", "r.example/A", "r.example/a:tag"];
        for text in bad.into_iter().chain(["r.example/a@sha256:1", "r.example//a", "r.example:x/a", "u@r.example/a"]) {
            let said = text.parse::<Repository>().expect_err(text).to_string();
            assert!(said.contains("<host>/<name>"), "{said}");
        }
    }

    #[test]
    fn a_tag_is_checked_before_anybody_is_asked() {
        for good in ["latest", "_1", "r1-0123456789ab", "A.b-c"] {
            tag(good).expect(good);
        }
        for bad in ["", "-a", ".a", "a b", "a/b", "ä", &"a".repeat(129)] {
            assert!(tag(bad).is_err(), "{bad}");
        }
    }

    /// Trap 7: partitions differ in their domain, and none is written down.
    #[test]
    fn an_ecr_host_is_known_in_every_partition() {
        let cases = [
            ("111122223333.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1", "amazonaws.com"),
            ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", "amazonaws.com.cn"),
            ("111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "amazonaws.eu"),
            ("111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", "amazonaws.com"),
        ];
        for (host, region, domain) in cases {
            assert_eq!(Ecr::parse(host), Some(Ecr { account: "111122223333", region, domain }));
        }
        for host in ["ghcr.io", "1.dkr.ecr.eu-central-1.amazonaws.com", "111122223333.dkr.ecr.eu-central-1.example.com"]
        {
            assert_eq!(Ecr::parse(host), None, "{host}");
        }
    }
}
