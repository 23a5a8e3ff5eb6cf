//! The folds of a comment: differences of resources, of outputs, and of what changed outside of Terraform.

use super::{
    comment::Tier,
    model::{Action, Change, Plan, Risk},
    table::words_of,
};
use crate::{
    markdown,
    page::{Page, fold, unfolded},
};

/// So many changes are all shown open.
const FEW: usize = 3;

/// The folds with differences: how many are left out, of how many.
pub(super) fn differences(plan: &Plan, order: &[&Change], tier: Tier, page: &mut Page<'_>) -> (usize, usize) {
    let (mut left_out, mut all, mut heading) = (0, 0, "### Differences\n\n");
    for change in order {
        let nothing = change.detail.is_none() && change.action == Action::Forget;
        if plan.values_hidden || nothing {
            continue;
        }
        all += 1;
        let fits = change.detail.as_ref().is_some_and(|detail| {
            // Where there is no space for the addresses, a few of many new resources say nothing.
            let wanted = tier < Tier::Addresses || change.action != Action::Create;
            let sign = markdown::code(change.action.sign());
            let deposed = if change.deposed.is_some() { " (deposed)" } else { "" };
            let summary =
                format!("{sign} {}{deposed} {}", page.code(&change.address), html_words(&change.action, page));
            // What needs care is read without a click, and so is what is short.
            let open = order.len() <= FEW || change.risk() >= Risk::High || change.grants();
            let fold = if open { unfolded } else { fold };
            wanted && page.push(&format!("{heading}{}", fold(&summary, &page.fence(detail))))
        });
        if fits {
            heading = "";
        } else {
            left_out += 1;
        }
    }
    let outputs: Vec<_> = plan.outputs.iter().map(|output| (&output.name, &output.action, &output.detail)).collect();
    left_out += group(page, "Outputs", &outputs, plan.values_hidden);
    all += outputs.len();
    let drift: Vec<_> = plan.drift.iter().filter(|drift| drift.matters).collect();
    let drift: Vec<_> = drift.iter().map(|drift| (&drift.address, &drift.action, &drift.detail)).collect();
    left_out += group(page, "Changed outside of Terraform, and this plan depends on it", &drift, plan.values_hidden);
    all += drift.len();
    let noise = plan.drift.len() - drift.len();
    if noise > 0 {
        page.push(&format!("{noise} more changed outside of Terraform without effect on this plan.\n\n"));
    }
    (left_out, all)
}

fn html_words(action: &Action, page: &Page<'_>) -> String {
    match action {
        Action::Other(names) => format!("unknown action {}", page.code(&names.join("+"))),
        action => action.words(),
    }
}

/// One heading, the names, and a fold with all differences that fit. How many do not.
fn group(page: &mut Page<'_>, title: &str, items: &[(&String, &Action, &Option<Box<str>>)], hidden: bool) -> usize {
    if items.is_empty() {
        return 0;
    }
    let mut lines = String::new();
    let mut left_out = 0;
    let mut part = page.part(page.room() / 2);
    part.push(&format!("### {title}\n\n"));
    let mut unnamed = 0;
    for (name, action, detail) in items {
        let line = format!("- {} {}\n", part.span(name), words_of(action, &part));
        unnamed += usize::from(part.room() < 60 || !part.push(&line));
        let detail = detail.as_deref().unwrap_or_default();
        if hidden {
        } else if !detail.is_empty() && lines.len() + detail.len() + 400 < page.room() / 3 {
            lines.push_str(&format!("# {}\n{detail}", markdown::plain(name)));
        } else if !(detail.is_empty() && **action == Action::Delete) {
            left_out += 1;
        }
    }
    if unnamed > 0 {
        part.push(&format!("- and {unnamed} more\n"));
    }
    page.push(&format!("{}\n", part.text));
    if !lines.is_empty() && !page.push(&fold("Differences", &page.fence(&lines))) {
        return items.len();
    }
    left_out
}
