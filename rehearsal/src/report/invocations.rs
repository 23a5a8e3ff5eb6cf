//! What the functions were asked, counted.

use crate::stage::Stage;
use maud::{Markup, html};

/// A row for each function that was invoked.
pub(super) fn invocations(stage: &Stage) -> Markup {
    let invoked = stage.host.invoked();
    let mut functions: Vec<&str> = invoked.iter().map(|one| one.function.as_str()).collect();
    functions.sort_unstable();
    functions.dedup();
    if functions.is_empty() {
        return Markup::default();
    }
    html! {
        table {
            tr { th { "function" } th { "invocations" } th { "cold" } th { "slowest cold" } th { "slowest warm" } th { "peak memory" } th { "errors" } }
            @for function in functions {
                @let runs: Vec<_> = invoked.iter().filter(|one| one.function == function).collect();
                @let slowest = |cold: bool| runs.iter().filter(|one| one.cold == cold).map(|one| one.milliseconds).fold(0.0, f64::max);
                tr {
                    td { (function) }
                    td { (runs.len()) }
                    td { (runs.iter().filter(|one| one.cold).count()) }
                    td { (format!("{:.0} ms", slowest(true))) }
                    td { (format!("{:.0} ms", slowest(false))) }
                    td { (format!("{:.1} MB", runs.iter().filter_map(|one| one.peak_memory).max().unwrap_or(0) as f64 / 1e6)) }
                    td { (runs.iter().filter(|one| one.error.is_some()).count()) }
                }
            }
        }
    }
}
