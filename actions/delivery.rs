//! `lockgate.toml`: what a repository delivers, in TOML (<https://toml.io/en/v1.1.0>).

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// The file's name; it lies in the root of the repository, beside the workspace's `Cargo.toml`.
pub const FILE: &str = "lockgate.toml";

/// Everything that is delivered together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The functions by name, the stem of every other name. At least one.
    #[serde(rename = "function", default)]
    pub functions: BTreeMap<String, Function>,
}

/// One Lambda function.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// What it is shipped as.
    pub package: Kind,
    /// The cargo package with the one binary that it runs.
    pub cargo: String,
    /// The alias that receives traffic; only `promote` and `rollback` move it.
    pub alias: String,
    /// The Terraform variable that takes the package.
    pub variable: String,
    /// The namespace of its own metrics.
    pub metrics: String,
    /// An event that it answers without side effects.
    pub probe: serde_json::Value,
}

/// What a function is shipped as.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A ZIP for the runtime `provided.al2023`.
    Zip,
    /// A single-platform OCI image, FROM scratch.
    Image,
}

impl Delivery {
    /// Reads [`FILE`] in `root`.
    ///
    /// # Errors
    /// The file is missing, is no TOML, has a key that is unknown, missing or of another type, or names no function
    /// or one that could not be an AWS name. The error names the file and, where there is one, the line and the key.
    pub fn read(root: &Path) -> Result<Self> {
        let text = fs::read_to_string(root.join(FILE)).with_context(|| {
            format!(
                "{FILE} cannot be read in {}; run lockgate in the repository's root, which holds it",
                root.display()
            )
        })?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let delivery: Self = toml::from_str(text).with_context(|| format!("{FILE} is not as it should be"))?;
        ensure!(!delivery.functions.is_empty(), "{FILE} delivers nothing; add a table [function.<name>]");
        for name in delivery.functions.keys() {
            ensure!(
                is_stem(name),
                "{FILE}: [function.{name}] cannot be the stem of AWS names; use lower-case letters, digits and \
                 hyphens, and a letter first"
            );
        }
        Ok(delivery)
    }

    /// The functions called `names`, or all without any.
    ///
    /// # Errors
    /// A name that the file does not hold; the error lists those it does.
    pub fn select(&self, names: &[String]) -> Result<BTreeMap<&str, &Function>> {
        let known = || self.functions.iter().map(|(name, function)| (name.as_str(), function));
        for name in names {
            ensure!(
                self.functions.contains_key(name),
                "there is no function `{name}` in {FILE}; it has {}",
                known().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
            );
        }
        Ok(known().filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name)).collect())
    }
}

/// Names become file names, step outputs and AWS names; this set is safe in all of them.
fn is_stem(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"
        [function.tally]
        package = "zip"
        cargo = "tally-lambda"
        alias = "live"
        variable = "tally_zip"
        metrics = "Shop"
        probe = { lockgate = "probe" }

        [function.answer]
        package = "image"
        cargo = "answer"
        alias = "live"
        variable = "answer_image"
        metrics = "Shop"
        probe = { lockgate = "probe" }
    "#;

    fn refusal(text: &str) -> String {
        format!("{:#}", Delivery::parse(text).expect_err("this file is wrong"))
    }

    #[test]
    fn this_repository_delivers_three_functions() {
        let root = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("run by cargo")).join("..");
        let delivery = Delivery::read(&root).expect("the repository's own file is right");
        let kinds: Vec<_> = delivery.functions.iter().map(|(name, f)| (name.as_str(), f.package)).collect();
        assert_eq!(kinds, [("enrich", Kind::Image), ("ingest", Kind::Zip), ("query", Kind::Image)]);
    }

    #[test]
    fn selects_by_name_or_everything() {
        let delivery = Delivery::parse(TWO).expect("the sample is right");
        let names = |wanted: &[&str]| -> Vec<String> {
            let wanted: Vec<_> = wanted.iter().map(ToString::to_string).collect();
            delivery.select(&wanted).expect("the names are known").keys().map(ToString::to_string).collect()
        };
        assert_eq!(names(&[]), ["answer", "tally"]);
        assert_eq!(names(&["tally", "tally"]), ["tally"]);

        let unknown = delivery.select(&["tell".into()]).expect_err("there is no such function").to_string();
        assert_eq!(unknown, "there is no function `tell` in lockgate.toml; it has answer, tally");
    }

    #[test]
    fn an_error_names_file_line_and_key() {
        let typo = refusal(&TWO.replacen("alias", "alais", 1));
        assert!(typo.contains("lockgate.toml") && typo.contains("line 5,"), "{typo}");
        assert!(typo.contains("unknown field `alais`, expected one of"), "{typo}");

        let missing = refusal(&TWO.replacen("metrics = \"Shop\"", "", 1));
        assert!(missing.contains("missing field `metrics`"), "{missing}");

        let kind = refusal(&TWO.replace("\"zip\"", "\"jar\""));
        assert!(kind.contains("line 3") && kind.contains("expected `zip` or `image`"), "{kind}");
    }

    #[test]
    fn a_name_that_cannot_be_a_stem_is_refused() {
        for name in ["Tally", "1tally", "../tally", "tally_it", ""] {
            let text = TWO.replace("[function.tally]", &format!("[function.\"{name}\"]"));
            assert!(refusal(&text).contains("cannot be the stem of AWS names"), "{name} was taken");
        }
    }

    #[test]
    fn a_file_without_functions_is_refused() {
        assert_eq!(refusal(""), "lockgate.toml delivers nothing; add a table [function.<name>]");
    }
}
