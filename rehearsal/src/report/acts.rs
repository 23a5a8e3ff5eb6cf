//! The acts: what each looked at, and which files ran in it.

use super::checkout::Checkout;
use super::{cut, runs};
use crate::hub::PlayedRun;
use crate::story::{Act, Played, Status};
use maud::{Markup, html};

/// A fold for each act.
pub(super) fn acts(acts: &[Played], runs: &[PlayedRun], checkout: &Checkout) -> Markup {
    html! {
        @for act in acts {
            @let of_act: Vec<&PlayedRun> = runs.iter().filter(|run| run.act == act.name).collect();
            (played(act, &of_act, checkout))
        }
    }
}

fn played(act: &Played, runs: &[&PlayedRun], checkout: &Checkout) -> Markup {
    let about = Act::ALL.into_iter().find(|one| one.name() == act.name).map_or("", Act::about);
    let (class, word) = match act.status {
        Status::Passed => ("passed", "passed"),
        Status::Failed => ("failed", "failed"),
        Status::Skipped => ("skipped", "skipped"),
    };
    html! {
        details open[act.status == Status::Failed] {
            summary {
                span class=(class) { (word) } " " b { (act.name) } " " (about) " "
                span class="quiet" { (format!("{:.1} s, {} checks", act.time.total, act.checks.len())) }
            }
            (runs::files(runs, checkout))
            (runs::linked(behind(act.name), checkout))
            table {
                @for check in &act.checks {
                    tr {
                        td { span class=(if check.ok { "passed" } else { "failed" }) { (if check.ok { "✓" } else { "✗" }) } }
                        td { (check.name) }
                        td class="detail" { (cut(&check.detail)) }
                    }
                }
            }
        }
    }
}

/// What is behind an act that runs no workflow.
fn behind(act: &str) -> &'static [&'static str] {
    match act {
        "bootstrap" => &["terraform/bootstrap", "terraform/modules/github-oidc-role"],
        "provision" => {
            &["actions/package", "actions/release", "terraform/environments/staging", "terraform/modules/service"]
        }
        "calls" => &["lambdas/ingest", "lambdas/enrich", "lambdas/query"],
        "replay" => &["lambdas/ingest/src/handler.rs", "lambdas/enrich/src/transaction.rs"],
        "erase" => &["lambdas/query/src/erase.rs", "lambdas/enrich/src/transaction.rs"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Split;
    use stand_ins::folders;

    #[test]
    fn an_act_before_github_names_files_that_are_there() {
        let workspace = folders::workspace().expect("a checkout");
        for act in Act::ALL {
            assert_eq!(behind(act.name()).is_empty(), act.is_on_github(), "{}", act.name());
            for file in behind(act.name()) {
                assert!(
                    workspace.join(file).exists(),
                    "{file} is not there: correct it in rehearsal/src/report/acts.rs"
                );
            }
        }
    }

    #[test]
    fn an_act_names_the_files_that_it_ran() {
        let act =
            |name| Played { name, status: Status::Passed, at: (0.0, 0.0), time: Split::default(), checks: Vec::new() };
        let run =
            PlayedRun { workflow: ".github/workflows/on-main.yml".into(), act: "merge".into(), ..PlayedRun::default() };
        let checkout = Checkout::seen_from("/checkout/target/run".as_ref(), "/checkout".as_ref());
        let shown = acts(&[act("calls"), act("merge")], &[run.clone(), run], &checkout).into_string();
        let link = "<a href=\"../../.github/workflows/on-main.yml\">.github/workflows/on-main.yml</a>";
        assert_eq!(shown.matches(link).count(), 1, "{shown}");
        let (calls, merge) = shown.split_once("</details>").expect("two acts");
        assert!(!calls.contains(link) && merge.contains(link), "{shown}");
    }
}
