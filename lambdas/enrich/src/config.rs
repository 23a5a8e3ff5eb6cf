//! Every environment variable that `enrich` reads, in one struct.

use phonenumber::country;

/// What the environment says; the names are the variables'.
#[derive(Debug, Clone)]
pub struct Config {
    /// `BRONZE_TABLE`: where an erased call's records are deleted.
    pub bronze_table: String,
    /// `SILVER_TABLE`: the calls.
    pub silver_table: String,
    /// `COUNTER_TABLE`: sums by client and day.
    pub counter_table: String,
    /// `ERASED_TABLE`: the tombstones.
    pub erased_table: String,
    /// `DEAD_LETTER_QUEUE_URL`: where records go that can never be enriched.
    pub dead_letter_queue_url: String,
    /// How records are read.
    pub rules: Rules,
    /// `AWS_LAMBDA_FUNCTION_NAME`, set by Lambda.
    pub function: String,
    /// `AWS_LAMBDA_FUNCTION_VERSION`, set by Lambda.
    pub version: String,
}

/// What the cleaning depends on besides the record.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// `SLA_SECONDS`: a call that takes longer breaks the service level.
    pub sla_seconds: u64,
    /// `DEFAULT_COUNTRY`, ISO 3166-1 alpha-2: where a number without country code belongs.
    pub default_country: country::Id,
}

/// A variable is missing or says nothing usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not set, or empty.
    #[error("environment variable {0} is not set; set it in the function's configuration")]
    Missing(&'static str),
    /// Set to something else than it takes.
    #[error("environment variable {name} is {value:?}, which is no {wanted}; correct the function's configuration")]
    Unusable {
        /// Which variable.
        name: &'static str,
        /// What it says.
        value: String,
        /// What it should say.
        wanted: &'static str,
    },
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`Invalid`] names the first variable that is missing or unusable.
    pub fn from_env() -> Result<Self, Invalid> {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Invalid> {
        let text = |name| variable(name).filter(|value| !value.is_empty()).ok_or(Invalid::Missing(name));
        let unusable = |name, wanted| move |value| Invalid::Unusable { name, value, wanted };
        Ok(Self {
            bronze_table: text("BRONZE_TABLE")?,
            silver_table: text("SILVER_TABLE")?,
            counter_table: text("COUNTER_TABLE")?,
            erased_table: text("ERASED_TABLE")?,
            dead_letter_queue_url: text("DEAD_LETTER_QUEUE_URL")?,
            rules: Rules {
                sla_seconds: parsed(text("SLA_SECONDS")?)
                    .map_err(unusable("SLA_SECONDS", "whole number of seconds"))?,
                default_country: parsed(text("DEFAULT_COUNTRY")?)
                    .map_err(unusable("DEFAULT_COUNTRY", "ISO 3166-1 alpha-2 code in capitals"))?,
            },
            function: text("AWS_LAMBDA_FUNCTION_NAME")?,
            version: text("AWS_LAMBDA_FUNCTION_VERSION")?,
        })
    }
}

/// The value, or the text that is none.
fn parsed<T: std::str::FromStr>(text: String) -> Result<T, String> {
    text.parse().map_err(|_| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 9] = [
        ("BRONZE_TABLE", "bronze"),
        ("SILVER_TABLE", "silver"),
        ("COUNTER_TABLE", "counter"),
        ("ERASED_TABLE", "erased"),
        ("DEAD_LETTER_QUEUE_URL", "https://queue"),
        ("SLA_SECONDS", "600"),
        ("DEFAULT_COUNTRY", "DE"),
        ("AWS_LAMBDA_FUNCTION_NAME", "enrich-staging"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "7"),
    ];

    fn read(changed: &str, value: Option<&str>) -> Result<Config, Invalid> {
        Config::read(|name| {
            let set = COMPLETE.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            if name == changed { value.map(ToOwned::to_owned) } else { set }
        })
    }

    #[test]
    fn a_complete_environment_is_read() {
        let config = read("", None).expect("complete");
        assert_eq!((config.rules.sla_seconds, config.rules.default_country), (600, country::DE));
        assert_eq!((config.silver_table.as_str(), config.version.as_str()), ("silver", "7"));
    }

    #[test]
    fn a_missing_or_empty_variable_is_named() {
        for (name, _) in COMPLETE {
            assert_eq!(read(name, None).expect_err("missing"), Invalid::Missing(name));
            assert_eq!(read(name, Some("")).expect_err("empty"), Invalid::Missing(name));
        }
    }

    #[test]
    fn an_unusable_value_is_named_with_what_it_should_be() {
        for (name, value) in [("SLA_SECONDS", "-1"), ("SLA_SECONDS", "ten"), ("DEFAULT_COUNTRY", "Germany")] {
            let message = read(name, Some(value)).expect_err("unusable").to_string();
            assert!(message.contains(name) && message.contains(value), "{message}");
        }
    }
}
