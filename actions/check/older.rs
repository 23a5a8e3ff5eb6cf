//! Whether something newer is live. Runs of one environment wait for each other, but GitHub promises no order of theirs, and
//! anybody may run an old one again: its plan is the one that was reviewed then.

use anyhow::{Result, anyhow};

use crate::{
    github::{GitHub, compare::Standing},
    ledger::{Ledger, Release},
    runner,
};

/// What is live, and is not in the delivered commit's past.
#[derive(Debug)]
pub(super) struct Older {
    /// The release that is live.
    pub(super) live: String,
    /// Its commit.
    pub(super) commit: String,
    /// Whether the delivered commit is in its past; else neither is in the other's.
    pub(super) behind: bool,
}

/// Looks whether the release is older than what it would replace. Where GitHub does not know one of the commits, nobody can
/// say; that is a warning.
///
/// # Errors
/// If the ledger cannot be read, or GitHub does not answer.
pub(super) async fn find(github: &GitHub, ledger: &Ledger, release: &Release) -> Result<Option<Older>> {
    let Some(id) = ledger.live().await?.release.filter(|id| *id != release.id) else { return Ok(None) };
    let live = ledger.release(&id).await?;
    if live.commit == release.commit {
        return Ok(None);
    }
    let behind = match github.compare(&live.commit, &release.commit).await {
        Ok(compared) => match compared.status {
            Standing::Ahead | Standing::Identical => return Ok(None),
            Standing::Behind => true,
            Standing::Diverged => false,
        },
        Err(refusal) if matches!(refusal.status, Some(404 | 422)) => {
            runner::warning(format_args!(
                "nobody can say whether commit {} is older than {}, which is live by {id}: {refusal}",
                release.commit, live.commit
            ));
            return Ok(None);
        }
        Err(refusal) => {
            let what = format!("what is live cannot be compared with commit {}", release.commit);
            return Err(anyhow!(refusal).context(format!("{what}; give the job `contents: read`")));
        }
    };
    Ok(Some(Older { live: id, commit: live.commit, behind }))
}
