//! What is read of Trivy's report. The texts in which a secret stands are not among it.

use std::collections::HashMap;

use serde::{Deserialize, de::IgnoredAny};

use super::nullable;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Document {
    #[serde(default)]
    pub(super) schema_version: Option<u32>,
    #[serde(default)]
    pub(super) trivy: Option<Version>,
    #[serde(default)]
    pub(super) artifact_name: Option<String>,
    #[serde(default)]
    pub(super) artifact_type: Option<String>,
    #[serde(default)]
    pub(super) results: Option<Vec<Scanned>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Version {
    #[serde(default)]
    pub(super) version: Option<String>,
}

/// A target and what was found in it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Scanned {
    #[serde(default)]
    pub(super) target: String,
    #[serde(default)]
    pub(super) class: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) packages: Vec<Listed>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) vulnerabilities: Vec<Vulnerability>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) misconfigurations: Vec<Misconfiguration>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) secrets: Vec<Secret>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) licenses: Vec<License>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) experimental_modified_findings: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    #[serde(default, rename = "ID")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) locations: Vec<Lines>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Lines {
    #[serde(default)]
    pub(super) start_line: u32,
    #[serde(default)]
    pub(super) end_line: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Vulnerability {
    #[serde(rename = "VulnerabilityID")]
    pub(super) id: String,
    #[serde(default, rename = "VendorIDs", deserialize_with = "nullable")]
    pub(super) vendor_ids: Vec<String>,
    #[serde(default, rename = "PkgID")]
    pub(super) pkg_id: String,
    #[serde(default)]
    pub(super) pkg_name: String,
    #[serde(default)]
    pub(super) pkg_path: String,
    #[serde(default)]
    pub(super) installed_version: String,
    #[serde(default)]
    pub(super) fixed_version: String,
    #[serde(default)]
    pub(super) severity: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default, rename = "PrimaryURL")]
    pub(super) primary_url: String,
    #[serde(default, rename = "CVSS", deserialize_with = "nullable")]
    pub(super) cvss: HashMap<String, Cvss>,
    #[serde(default)]
    pub(super) severity_source: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Cvss {
    #[serde(default, rename = "V3Score")]
    pub(super) v3: Option<f64>,
    #[serde(default, rename = "V40Score")]
    pub(super) v4: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Misconfiguration {
    #[serde(default, rename = "ID")]
    pub(super) id: String,
    /// Its name in versions that have another `ID`.
    #[serde(default, rename = "AVDID")]
    pub(super) avd_id: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) resolution: String,
    #[serde(default)]
    pub(super) severity: String,
    #[serde(default, rename = "PrimaryURL")]
    pub(super) primary_url: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) cause_metadata: Cause,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Cause {
    #[serde(default)]
    pub(super) resource: String,
    #[serde(default)]
    pub(super) start_line: u32,
    #[serde(default)]
    pub(super) end_line: u32,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) occurrences: Vec<Occurrence>,
}

/// Where a module is called in which something was found.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Occurrence {
    #[serde(default)]
    pub(super) filename: String,
    #[serde(default)]
    pub(super) location: Option<Lines>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Secret {
    #[serde(rename = "RuleID")]
    pub(super) rule_id: String,
    #[serde(default)]
    pub(super) severity: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) start_line: u32,
    #[serde(default)]
    pub(super) end_line: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct License {
    #[serde(default)]
    pub(super) severity: String,
    #[serde(default)]
    pub(super) category: String,
    #[serde(default)]
    pub(super) pkg_name: String,
    #[serde(default)]
    pub(super) file_path: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) link: String,
}
