//! What serves: by the ledger, and by every alias.

use crate::stage::Stage;
use crate::story::Checks;
use anyhow::{Context, Result};
use lockgate::alias::Aliases;
use lockgate::ledger::Ledger;

/// The release that serves an environment.
pub(super) async fn serving(stage: &Stage, environment: &str) -> Result<String> {
    let live = Ledger::new(&stage.sdk, environment).live().await?;
    live.release.with_context(|| format!("nothing is live in {environment}"))
}

/// Checks that this release serves everything, by the ledger and by every alias.
pub(super) async fn live(stage: &Stage, checks: &mut Checks, environment: &str, id: &str) -> Result<()> {
    let ledger = Ledger::new(&stage.sdk, environment);
    let (live, release) = (ledger.live().await?, ledger.release(id).await?);
    let aliases = Aliases::new(&stage.sdk);
    let (mut right, mut shown) = (live.release.as_deref() == Some(id) && live.moving.is_none(), Vec::new());
    for function in release.functions.values() {
        let alias = aliases.read(&function.function, &function.alias).await?;
        right &= Some(&alias.version) == function.version.as_ref() && alias.weights.is_empty();
        shown.push(format!("{} {}", function.function, alias.shown()));
    }
    checks.that(
        &format!("one release serves everything in {environment}, by the ledger and by every alias"),
        right,
        format!("{id}: {}", shown.join("; ")),
    );
    Ok(())
}
