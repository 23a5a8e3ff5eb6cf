//! Judges the environments: each opens a role, so which branch reaches it, and whether somebody has to approve, is what the
//! trust stands on.

use super::{
    facts::Known,
    finding::{Finding, Status},
    fix::{Fixes, Reviewers},
};
use crate::protection::Protection;

/// The right that shows environments.
const RIGHT: &str = "Actions: read";

/// What has to be true of an environment's reviewers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Approval {
    /// Somebody has to approve.
    Always,
    /// As its owners like.
    Free,
    /// Nobody is expected to: it was approved before.
    Unexpected,
    /// Nobody may be waited for, and nothing else.
    Never,
}

/// An environment of GitHub's that the pipeline's jobs name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) approval: Approval,
}

/// GitHub's environments for one of ours.
pub(super) fn wanted(environment: &str, reviewed: bool) -> Vec<Wanted> {
    let one = |end: &str, approval| Wanted { name: format!("{environment}{end}"), approval };
    let apply = if reviewed { Approval::Always } else { Approval::Free };
    let approval = (!reviewed).then(|| one("-approval", Approval::Always));
    let others = [one("-promote", Approval::Unexpected), one("-rollback", Approval::Never)];
    [one("", apply)].into_iter().chain(approval).chain(others).collect()
}

/// Judges one of them.
pub(super) fn judge(wanted: &Wanted, now: &Known<Option<Protection>>, branch: &str, fixes: &Fixes) -> Finding {
    let what = format!("environment {}", wanted.name);
    let add = if wanted.approval == Approval::Always { Reviewers::Add } else { Reviewers::Keep };
    let page = fixes.page("environments");
    let now = match now {
        Err(refusal) => return Finding::unknown(what, refusal, RIGHT),
        Ok(None) => {
            let says = match wanted.approval {
                Approval::Always => "there is none; the command makes you its reviewer",
                _ => "there is none",
            };
            let fix = fixes.environment(&wanted.name, None, add, true, branch);
            return Finding::new(Status::Missing, what, says).fixed_by(fix.into_iter().chain([page]));
        }
        Ok(Some(now)) => now,
    };
    if now.name != wanted.name {
        let says = format!(
            "GitHub calls it {}; a role's trust compares its name as a whole. Make it anew (its variables and secrets go)",
            now.name
        );
        let delete = fixes.delete_environment(&now.name);
        let fix = [delete].into_iter().chain(fixes.environment(&wanted.name, None, add, true, branch));
        return Finding::new(Status::Wrong, what, says).fixed_by(fix.chain([page]));
    }
    let mut wrong = Vec::new();
    let mut status = Status::Ok;
    let mut note = |worse: Status, says: String| {
        status = status.max(worse);
        wrong.push(says);
    };
    if !now.lets_in_only(branch) {
        note(Status::Wrong, now.branches.told(branch));
    }
    let reviewers = match (wanted.approval, now.reviewers.is_empty()) {
        (Approval::Always, true) => {
            note(Status::Wrong, "nobody has to approve; the command makes you its reviewer".to_owned());
            Reviewers::Add
        }
        (Approval::Never, false) => {
            let names = now.reviewers.join(", ");
            note(Status::Wrong, format!("waits for an approval ({names}); a rollback at night must wait for nobody"));
            Reviewers::Remove
        }
        (Approval::Unexpected, false) => {
            let names = now.reviewers.join(", ");
            note(
                Status::Warning,
                format!("waits for an approval ({names}), though what it promotes was approved before"),
            );
            Reviewers::Remove
        }
        _ => Reviewers::Keep,
    };
    let never = wanted.approval == Approval::Never;
    if never && now.wait_minutes > 0 {
        note(Status::Wrong, format!("waits {} minutes; a rollback must not wait", now.wait_minutes));
    }
    if status == Status::Ok {
        return Finding::new(status, what, fine(now, branch));
    }
    let fix = fixes.environment(&wanted.name, Some(now), reviewers, !never, branch);
    Finding::new(status, what, wrong.join("; ")).fixed_by(fix.into_iter().chain([page]))
}

fn fine(now: &Protection, branch: &str) -> String {
    let mut says = format!("lets in {branch} alone");
    if now.reviewers.is_empty() {
        says.push_str("; waits for nobody");
    } else {
        says += &format!("; approved by {}", now.reviewers.join(", "));
        if !now.prevent_self_review {
            says.push_str(", also for their own runs");
        }
    }
    if now.wait_minutes > 0 {
        says += &format!("; waits {} minutes", now.wait_minutes);
    }
    says
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protection::Branches;

    #[test]
    fn what_is_reviewed_anyway_has_no_approval_beside_it() {
        let names = |reviewed| wanted("blue", reviewed).into_iter().map(|it| it.name).collect::<Vec<_>>();
        assert_eq!(names(false), ["blue", "blue-approval", "blue-promote", "blue-rollback"]);
        assert_eq!(names(true), ["blue", "blue-promote", "blue-rollback"]);
        assert_eq!(wanted("blue", true)[0].approval, Approval::Always);
    }

    #[test]
    fn a_name_in_another_case_is_another_name_for_a_role() {
        let now = Protection {
            name: "Blue".to_owned(),
            branches: Branches::Named(vec!["main".to_owned()]),
            reviewers: vec![],
            wait_minutes: 0,
            prevent_self_review: false,
        };
        let fixes = Fixes::new("https://github.com", "o/n");
        let found = judge(&wanted("blue", false)[0], &Ok(Some(now)), "main", &fixes);
        assert_eq!(found.status, Status::Wrong);
        assert!(found.says.starts_with("GitHub calls it Blue;"), "{}", found.says);
        assert_eq!(found.fix[0], "gh api --method DELETE repos/o/n/environments/Blue");
        assert!(found.fix[1].contains("--method PUT repos/o/n/environments/blue "), "{:?}", found.fix);
    }
}
