//! What a refusal means: the token's claims beside what the role's trust policy must say, and the fix for each cause.
//! STS itself says only "Not authorized"
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif>).

use std::fmt;

use serde_json::json;

use super::{
    advice,
    role::Role,
    sts::{Order, Refusal},
    token::Claims,
};

/// The claims that are worth seeing, in the order of their weight; whether AWS knows them as condition keys.
const CLAIMS: [(&str, bool); 10] = [
    ("iss", false),
    ("aud", true),
    ("sub", true),
    ("repository", true),
    ("repository_id", true),
    ("environment", true),
    ("ref", true),
    ("job_workflow_ref", true),
    ("workflow_ref", false),
    ("event_name", false),
];

/// GitHub's issuer, where a token says none.
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Everything a person needs to mend the trust, ready to print.
#[derive(Debug)]
pub(super) struct Diagnosis {
    /// Rows of claim, value in the token, and where the trust policy speaks of it.
    rows: Vec<[String; 3]>,
    /// The whole trust policy that lets exactly this job in.
    policy: Option<String>,
    role: String,
    /// What to change, the likeliest first.
    pub(super) fixes: Vec<String>,
}

impl Diagnosis {
    pub(super) fn of(order: &Order, refusal: &Refusal) -> Self {
        let fixes = advice::fixes(order, refusal);
        let role = order.role.name.clone();
        match &refusal.claims {
            Some(claims) => {
                let rows = CLAIMS.iter().filter_map(|(name, key)| row(&order.role, claims, name, *key)).collect();
                Self { rows, policy: policy(&order.role, claims), role, fixes }
            }
            None => Self { rows: Vec::new(), policy: None, role, fixes },
        }
    }
}

fn row(role: &Role, claims: &Claims, name: &str, key: bool) -> Option<[String; 3]> {
    let issuer = issuer(claims);
    let host = host(&issuer);
    let value = match (claims.get(name), name) {
        (Some(value), _) => value,
        // That there is no environment is what most often explains a denial.
        (None, "environment") => "(none)".to_owned(),
        (None, _) => return None,
    };
    let rule = match name {
        "iss" => format!("Principal.Federated: {}", role.provider(&issuer)),
        "aud" => format!("must have: StringEquals {host}:aud"),
        "sub" => format!("must have: StringEquals {host}:sub, every character of it"),
        "environment" => "is the end of sub".to_owned(),
        _ if key => format!("may have: StringEquals {host}:{name}"),
        _ => "AWS has no condition key for it".to_owned(),
    };
    Some([name.to_owned(), value, rule])
}

/// The issuer that the token names.
pub(super) fn issuer(claims: &Claims) -> String {
    claims.get("iss").unwrap_or_else(|| ISSUER.to_owned())
}

fn host(issuer: &str) -> &str {
    issuer.split_once("://").map_or(issuer, |(_, host)| host).trim_end_matches('/')
}

fn policy(role: &Role, claims: &Claims) -> Option<String> {
    let issuer = issuer(claims);
    let host = host(&issuer);
    let (aud, sub) = (claims.get("aud")?, claims.get("sub")?);
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": role.provider(&issuer) },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": { format!("{host}:aud"): aud, format!("{host}:sub"): sub } },
        }],
    });
    serde_json::to_string_pretty(&policy).ok()
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.rows.is_empty() {
            let heading =
                ["claim", "in this job's token", &format!("in the trust policy of {}", self.role)].map(str::to_owned);
            let width = |column: usize| {
                self.rows.iter().chain([&heading]).map(|row| row[column].chars().count()).max().unwrap_or(0)
            };
            let (first, second) = (width(0), width(1));
            for [claim, value, rule] in [&heading].into_iter().chain(&self.rows) {
                writeln!(f, "| {claim:first$} | {value:second$} | {rule}")?;
            }
        }
        if let Some(policy) = &self.policy {
            writeln!(
                f,
                "\nThe trust policy that lets exactly this job in, to be pasted (IAM > Roles > {} > Trust relationships):",
                self.role
            )?;
            writeln!(f, "{policy}")?;
        }
        writeln!(f, "\nWhat to do:")?;
        for (number, fix) in self.fixes.iter().enumerate() {
            writeln!(f, "{}. {fix}", number + 1)?;
        }
        Ok(())
    }
}
