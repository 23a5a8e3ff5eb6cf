//! Everything this function reads from its environment, in one place. The names are those of
//! `terraform/modules/service/query.tf`.

use std::net::SocketAddr;

/// The configuration of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `BRONZE_TABLE`: records as received.
    pub bronze_table: String,
    /// `SILVER_TABLE`: calls, cleaned and enriched.
    pub silver_table: String,
    /// `COUNTER_TABLE`: sums by client and day.
    pub counter_table: String,
    /// `ERASED_TABLE`: tombstones.
    pub erased_table: String,
    /// `LANDING_BUCKET`: where `POST /calls` puts its files.
    pub landing_bucket: String,
    /// `LANDING_RETENTION_DAYS`: after how many days the landing bucket's life cycle expires an object.
    pub landing_retention_days: u32,
    /// `AWS_LAMBDA_FUNCTION_NAME`; `query` outside Lambda.
    pub function: String,
    /// `AWS_LAMBDA_FUNCTION_VERSION`; `0` outside Lambda.
    pub version: String,
    /// Plain HTTP instead of Lambda's events, if asked for.
    pub listen: Option<Listen>,
}

/// Where to serve plain HTTP, and whose tokens to trust there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The argument of `--listen`, or `LISTEN`.
    pub address: SocketAddr,
    /// `JWT_ISSUER` and `JWT_AUDIENCE`; only on loopback it may be absent.
    pub trust: Option<Trust>,
}

/// Whose tokens are good for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// `JWT_ISSUER`: the exact `iss` of a token, and where the issuer's keys are found.
    pub issuer: String,
    /// `JWT_AUDIENCE`: one or several (separated by commas), of which a token must name one.
    pub audience: Vec<String>,
}

/// Why the process does not start.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A variable is absent or empty.
    #[error("the environment variable {0} is not set; terraform/modules/service/query.tf sets all that are needed")]
    Missing(&'static str),
    /// A variable or argument does not parse.
    #[error("{name} is {value:?}, which is not {wanted}")]
    Invalid {
        /// The variable's name.
        name: &'static str,
        /// What it holds.
        value: String,
        /// What it should hold.
        wanted: &'static str,
    },
    /// An open door.
    #[error(
        "refusing to listen on {0}: other machines could reach it without authorisation; set JWT_ISSUER and JWT_AUDIENCE, or listen on 127.0.0.1"
    )]
    Open(SocketAddr),
    /// Half a trust.
    #[error("only one of JWT_ISSUER and JWT_AUDIENCE is set; set both, or neither (on loopback only)")]
    HalfTrust,
    /// This machine trusts nobody.
    #[error("the machine's CA certificates cannot be read: {0}; mount a bundle and name it in SSL_CERT_FILE")]
    Roots(String),
    /// An unknown argument.
    #[error("unknown argument {0:?}; the only one is `--listen ADDRESS:PORT`")]
    Argument(String),
}

impl Config {
    /// Reads the process's arguments (without its name) and its environment.
    ///
    /// # Errors
    /// [`ConfigError`]: the first thing that is missing or wrong.
    pub fn read(
        mut arguments: impl Iterator<Item = String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let optional = |name| variable(name).filter(|value| !value.is_empty());
        let needed = |name| optional(name).ok_or(ConfigError::Missing(name));
        let days = needed("LANDING_RETENTION_DAYS")?;
        let address = match arguments.next().as_deref() {
            None => optional("LISTEN"),
            Some("--listen") => Some(arguments.next().ok_or(ConfigError::Missing("LISTEN (after --listen)"))?),
            Some(other) => return Err(ConfigError::Argument(other.to_owned())),
        };
        if let Some(more) = arguments.next() {
            return Err(ConfigError::Argument(more));
        }
        let listen = match address {
            Some(address) => Some(Listen::new(&address, optional("JWT_ISSUER"), optional("JWT_AUDIENCE"))?),
            None => None,
        };
        Ok(Self {
            bronze_table: needed("BRONZE_TABLE")?,
            silver_table: needed("SILVER_TABLE")?,
            counter_table: needed("COUNTER_TABLE")?,
            erased_table: needed("ERASED_TABLE")?,
            landing_bucket: needed("LANDING_BUCKET")?,
            landing_retention_days: days.parse().ok().filter(|days| *days <= MAX_DAYS).ok_or(ConfigError::Invalid {
                name: "LANDING_RETENTION_DAYS",
                value: days,
                wanted: "a number of days from 0 to 36500",
            })?,
            function: optional("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "query".to_owned()),
            version: optional("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_else(|| "0".to_owned()),
            listen,
        })
    }
}

/// A century: more is a mistake, and dates stay computable.
const MAX_DAYS: u32 = 36_500;

impl Listen {
    fn new(address: &str, issuer: Option<String>, audience: Option<String>) -> Result<Self, ConfigError> {
        let address: SocketAddr = address.parse().map_err(|_| ConfigError::Invalid {
            name: "LISTEN",
            value: address.to_owned(),
            wanted: "an IP address and a port, as in 127.0.0.1:8080",
        })?;
        let audience: Vec<String> = audience
            .iter()
            .flat_map(|list| list.split(','))
            .map(|one| one.trim().to_owned())
            .filter(|one| !one.is_empty())
            .collect();
        match (issuer, audience.is_empty()) {
            (Some(issuer), false) => Ok(Self { address, trust: Some(Trust { issuer, audience }) }),
            (None, true) if address.ip().is_loopback() => Ok(Self { address, trust: None }),
            (None, true) => Err(ConfigError::Open(address)),
            _ => Err(ConfigError::HalfTrust),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAMBDA: [(&str, &str); 6] = [
        ("BRONZE_TABLE", "b"),
        ("SILVER_TABLE", "s"),
        ("COUNTER_TABLE", "c"),
        ("ERASED_TABLE", "e"),
        ("LANDING_BUCKET", "l"),
        ("LANDING_RETENTION_DAYS", "30"),
    ];

    fn read(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(arguments.iter().map(|&a| a.to_owned()), |name| {
            variables.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        [LAMBDA.as_slice(), more].concat()
    }

    #[test]
    fn each_variable_is_needed() {
        assert!(read(&[], &LAMBDA).is_ok());
        for (name, _) in LAMBDA {
            assert_eq!(read(&[], &with(&[(name, "")])), Err(ConfigError::Missing(name)));
        }
        assert!(matches!(
            read(&[], &with(&[("LANDING_RETENTION_DAYS", "soon")])),
            Err(ConfigError::Invalid { name: "LANDING_RETENTION_DAYS", .. })
        ));
    }

    #[test]
    fn only_loopback_may_be_open() {
        let open = read(&["--listen", "127.0.0.1:8080"], &LAMBDA).expect("loopback").listen.expect("listens");
        assert_eq!(open.trust, None);
        assert!(read(&["--listen", "[::1]:8080"], &LAMBDA).is_ok());
        for address in ["0.0.0.0:8080", "[::]:8080", "10.0.0.1:8080", "[::ffff:127.0.0.1]:8080"] {
            assert!(matches!(read(&["--listen", address], &LAMBDA), Err(ConfigError::Open(_))), "{address} was open");
        }
        let trust = [("JWT_ISSUER", "https://issuer.example"), ("JWT_AUDIENCE", "calls, reports")];
        let closed = read(&["--listen", "0.0.0.0:8080"], &with(&trust)).expect("closed").listen.expect("listens");
        assert_eq!(closed.trust.expect("trust").audience, ["calls", "reports"]);
        for half in trust {
            assert_eq!(read(&["--listen", "127.0.0.1:8080"], &with(&[half])), Err(ConfigError::HalfTrust));
        }
        assert_eq!(
            read(&["--listen", "127.0.0.1:8080"], &with(&[trust[0], ("JWT_AUDIENCE", " , ")])),
            Err(ConfigError::HalfTrust)
        );
    }

    #[test]
    fn arguments_that_mean_nothing_are_refused() {
        assert!(matches!(read(&["--lisen", "127.0.0.1:1"], &LAMBDA), Err(ConfigError::Argument(_))));
        assert!(matches!(read(&["--listen", "127.0.0.1:1", "more"], &LAMBDA), Err(ConfigError::Argument(_))));
        assert!(matches!(read(&["--listen"], &LAMBDA), Err(ConfigError::Missing(_))));
        assert!(matches!(read(&["--listen", "localhost"], &LAMBDA), Err(ConfigError::Invalid { name: "LISTEN", .. })));
    }
}
