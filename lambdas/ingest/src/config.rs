//! Every environment variable that `ingest` reads, in one struct.

/// What the environment says; the names are the variables'.
#[derive(Debug, Clone)]
pub struct Config {
    /// `BRONZE_TABLE`: where records are written.
    pub bronze_table: String,
    /// `ERASED_TABLE`: the tombstones.
    pub erased_table: String,
    /// `RETENTION_DAYS`: how long records are kept, in days; 0 is for ever.
    pub retention_days: u32,
    /// `AWS_LAMBDA_FUNCTION_NAME`, set by Lambda.
    pub function: String,
    /// `AWS_LAMBDA_FUNCTION_VERSION`, set by Lambda.
    pub version: String,
}

/// A variable is missing or says nothing usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not set, or empty.
    #[error("environment variable {0} is not set; set it in the function's configuration")]
    Missing(&'static str),
    /// Set to something that is no number of days.
    #[error(
        "environment variable {name} is {value:?}, which is no whole number of days; correct the function's configuration"
    )]
    NoDays {
        /// Which variable.
        name: &'static str,
        /// What it says.
        value: String,
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
        let days = |name| {
            let value = text(name)?;
            value.parse().map_err(|_| Invalid::NoDays { name, value })
        };
        Ok(Self {
            bronze_table: text("BRONZE_TABLE")?,
            erased_table: text("ERASED_TABLE")?,
            retention_days: days("RETENTION_DAYS")?,
            function: text("AWS_LAMBDA_FUNCTION_NAME")?,
            version: text("AWS_LAMBDA_FUNCTION_VERSION")?,
        })
    }

    /// When an item may expire whose file was stored then, both in seconds since 1970. A replay finds the same time.
    #[must_use]
    pub fn expires_at(&self, last_modified: i64) -> Option<i64> {
        (self.retention_days > 0).then(|| last_modified + i64::from(self.retention_days) * 24 * 60 * 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 5] = [
        ("BRONZE_TABLE", "bronze"),
        ("ERASED_TABLE", "erased"),
        ("RETENTION_DAYS", "30"),
        ("AWS_LAMBDA_FUNCTION_NAME", "ingest-staging"),
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
        assert_eq!((config.bronze_table.as_str(), config.retention_days), ("bronze", 30));
        assert_eq!(config.expires_at(1_000), Some(1_000 + 2_592_000));
        assert_eq!(read("RETENTION_DAYS", Some("0")).expect("off").expires_at(1_000), None);
    }

    #[test]
    fn a_missing_or_empty_variable_is_named() {
        for (name, _) in COMPLETE {
            assert_eq!(read(name, None).expect_err("missing"), Invalid::Missing(name));
            assert_eq!(read(name, Some("")).expect_err("empty"), Invalid::Missing(name));
        }
    }

    #[test]
    fn an_unusable_number_of_days_is_named() {
        for value in ["-1", "30d", "forever"] {
            let message = read("RETENTION_DAYS", Some(value)).expect_err("unusable").to_string();
            assert!(message.contains("RETENTION_DAYS") && message.contains(value), "{message}");
        }
    }
}
