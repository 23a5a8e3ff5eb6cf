//! What GitHub knows of deployments.

use super::badge;
use anyhow::Result;
use jiff::Timestamp;
use maud::{Markup, html};
use stand_ins::github::Deployment;

/// Letters of a commit that are shown.
const COMMIT: usize = 7;

/// A table for each environment, newest first; times count from `began`.
pub(super) fn section(deployments: Result<Vec<Deployment>>, began: Timestamp) -> Markup {
    match deployments {
        Ok(deployments) => tables(&deployments, began),
        Err(error) => html! { p { (badge(false, &format!("{error:#}"))) } },
    }
}

fn tables(deployments: &[Deployment], began: Timestamp) -> Markup {
    let mut environments: Vec<&str> = Vec::new();
    for deployment in deployments {
        if !environments.contains(&deployment.environment.as_str()) {
            environments.push(&deployment.environment);
        }
    }
    html! {
        @for environment in environments {
            h3 { (environment) }
            table {
                tr { th { "release" } th { "commit" } th { "by" } th { "statuses" } }
                @for deployment in deployments.iter().rev().filter(|one| one.environment == environment) {
                    (row(deployment, began))
                }
            }
        }
    }
}

fn row(deployment: &Deployment, began: Timestamp) -> Markup {
    html! {
        tr {
            td { code { (deployment.payload["release"].as_str().unwrap_or("unknown")) } }
            td { code title=(deployment.sha) { (deployment.sha.chars().take(COMMIT).collect::<String>()) } }
            td { (deployment.creator.login) }
            td {
                @if deployment.statuses.is_empty() { span class="quiet" { "none" } } @else {
                    ol {
                        @for status in &deployment.statuses {
                            li {
                                span class=(class(&status.state)) { (status.state) } " "
                                span class="quiet" title=(status.created_at) { (after(status.created_at, began)) } " "
                                (status.description)
                            }
                        }
                    }
                }
            }
        }
    }
}

fn class(state: &str) -> &'static str {
    match state {
        "success" => "passed",
        "failure" | "error" => "failed",
        "in_progress" | "queued" | "pending" => "under-way",
        _ => "skipped",
    }
}

/// A moment in seconds since the rehearsal began.
fn after(at: Timestamp, began: Timestamp) -> String {
    format!("{:.0} s", at.duration_since(began).as_secs_f64().max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use stand_ins::github::{DeploymentStatus, User};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000 + second).expect("a moment")
    }

    fn deployment(id: u64, environment: &str, release: &str, statuses: &[(&str, &str, i64)]) -> Deployment {
        let status = |(state, description, second): &(&str, &str, i64)| DeploymentStatus {
            id,
            state: (*state).to_owned(),
            description: (*description).to_owned(),
            log_url: String::new(),
            environment_url: String::new(),
            creator: User::named("github-actions[bot]"),
            created_at: at(*second),
        };
        Deployment {
            id,
            git_ref: "main".into(),
            sha: "0123456789abcdef".into(),
            task: "deploy".into(),
            environment: environment.into(),
            description: None,
            payload: json!({ "release": release }),
            production: false,
            transient: false,
            creator: User::named("github-actions[bot]"),
            created_at: at(0),
            updated_at: at(0),
            statuses: statuses.iter().map(status).collect(),
        }
    }

    #[test]
    fn each_environment_has_its_deployments_newest_first() {
        let deployments = vec![
            deployment(1, "staging", "r1", &[("in_progress", "50 %", 5), ("success", "<b>serves", 9)]),
            deployment(2, "production", "r1", &[("failure", "taken back", 70)]),
            deployment(3, "staging", "r2", &[]),
        ];
        let shown = section(Ok(deployments), at(0)).into_string();
        let (staging, production) = shown.split_once("<h3>production</h3>").expect("two environments");
        assert!(staging.find("r2") < staging.find("r1") && !staging.contains("taken back"), "{shown}");
        assert!(staging.contains("<code title=\"0123456789abcdef\">0123456</code>"), "{shown}");
        assert!(staging.find("under-way") < staging.find("class=\"passed\">success"), "{shown}");
        assert!(staging.contains(">9 s</span> &lt;b&gt;serves"), "{shown}");
        assert!(
            production.contains("<span class=\"failed\">failure</span>") && production.contains(">70 s</span>"),
            "{shown}"
        );
    }
}
