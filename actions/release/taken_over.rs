//! A release that another environment has: its bytes are uploaded and have served there, so only the ledger is written. Nothing
//! is built, and nothing can differ.

use super::{Args, create, shown};
use crate::{
    aws,
    failure::{Blame, Failure},
    ledger::{Function, Ledger, Release, State},
    origin, runner, who,
};

pub(super) async fn run(args: &Args, from: &str, id: &str) -> Result<(), Failure> {
    let config = aws::config().await.usage()?;
    let theirs = Ledger::new(&config, from).release(id).await.world()?;
    // Who releases does not read what is held; whoever applies does.
    if let Some(why) = origin::withdrawn(&theirs, from) {
        return Err(Failure::Gate(why.into()));
    }
    let release = of(&args.environment, theirs);
    runner::say(shown(&release));
    if args.dry_run {
        return Ok(());
    }
    create(&Ledger::new(&config, &args.environment), &release).await?;
    runner::output("release", &release.id).usage()?;
    runner::output("tfvars", "").usage()
}

/// The same release in another environment, where nothing of it was applied yet.
fn of(environment: &str, theirs: Release) -> Release {
    let function = |stem: &str, function: Function| Function {
        function: format!("{stem}-{environment}"),
        version: None,
        configuration: None,
        ..function
    };
    let functions = theirs.functions.into_iter().map(|(stem, theirs)| {
        let ours = function(&stem, theirs);
        (stem, ours)
    });
    Release {
        state: State::Building,
        run: who::run(),
        actor: who::actor(),
        created_at: jiff::Timestamp::now(),
        applied_at: None,
        live_since: None,
        taken_out_at: None,
        previous: None,
        reason: None,
        functions: functions.collect(),
        ..theirs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_the_same_release_with_nothing_of_the_other_environment() {
        let function = json!({"function": "tally-staging", "package": "zip", "code": "c0de", "alias": "live",
            "metrics": "Shop", "probe": "{}", "version": "7", "configuration": "conf"});
        let theirs = json!({"id": "r1-abc", "schema": 1, "state": "live", "commit": "c", "tree": "t", "toolchain": "x",
            "run": "r", "actor": "a", "created_at": "2026-11-22T00:00:00Z", "applied_at": "2026-11-22T00:00:00Z",
            "live_since": "2026-11-22T00:00:00Z", "previous": "r0-abc", "functions": {"tally": function}});
        let ours = of("production", serde_json::from_value(theirs).expect("a release"));
        let function = &ours.functions["tally"];
        assert_eq!((ours.id.as_str(), ours.tree.as_str(), function.code.as_str()), ("r1-abc", "t", "c0de"));
        assert_eq!((function.function.as_str(), &function.version), ("tally-production", &None));
        assert_eq!((ours.state, ours.previous, ours.applied_at), (State::Building, None, None));
    }
}
