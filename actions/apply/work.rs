//! Plans, compares, applies, records: in this order, and each only if the one before went well.

use super::{
    Args, Ground, publish,
    report::{End, Report},
    tally::Tally,
};
use crate::{
    failure::{Blame, Failure},
    interrupt, origin,
    plan::{Options, Plan, make},
    runner,
    terraform::{Lock, Planning, Terraform},
};

/// The root's output that says where the service says that it is well.
const HEALTH_URL: &str = "health_url";

/// Does it. With a lock in `ground`, that one is ours.
pub(super) async fn work(
    args: &Args,
    terraform: &Terraform,
    mut options: Options,
    ground: Option<&Ground>,
) -> Result<Report, Failure> {
    if interrupt::was_asked() {
        return Ok(Report::new(Plan::failed(&options), End::Cancelled));
    }
    // A person may have taken long to approve this.
    if let (Some(from), Some(id), Some(ground)) = (&args.from, &args.release, ground) {
        let ours = ground.ledger.release(id).await.world()?;
        if let Some(refusal) = origin::refusal(&ground.config, from, &ours).await.world()? {
            return Ok(Report::new(Plan::failed(&options), End::Refused(refusal)));
        }
    }
    let ended = terraform.plan(Planning { lock: !args.dry_run, refresh_only: false }).await.world()?;
    let errors = ended.messages.errors();
    if let Some(lock) = ended.messages.lock() {
        return Ok(Report::new(Plan::failed(&options), locked(&lock)));
    }
    if !terraform.plan_file().exists() {
        return Ok(Report::new(Plan::failed(&options), End::Unplanned { errors }));
    }
    options.digest_key = terraform.lineage().await.world()?.into_bytes();
    let record = terraform.private("record");
    let kept = record.clone();
    let plan = terraform.show(move |from| make::recorded(from, &options, Some(&kept))).await.world()?;
    runner::say(format_args!("{} Digest: {}", plan.counts().terraform(), plan.digest));
    if plan.errored || !ended.ok {
        return Ok(Report::new(plan, End::Unplanned { errors }));
    }
    if !args.approved_digest.is(&plan.digest) {
        let (difference, unknown) = match &args.approved_record {
            None => (None, Some("give the approved plan's record as approved-record".to_owned())),
            Some(place) => match args.approved_digest.compare(place, &record).await {
                Ok(difference) => (Some(difference), None),
                // The plan is refused anyway; this only keeps people from seeing why.
                Err(error) => (None, Some(format!("{error:#}"))),
            },
        };
        return Ok(Report::new(plan, End::Differs { difference, unknown }));
    }
    if args.dry_run {
        return Ok(Report::new(plan, End::Agreed));
    }
    if interrupt::was_asked() {
        return Ok(Report::new(plan, End::Cancelled));
    }
    if let Some(Ground { ledger, held: Some(held), .. }) = ground {
        held.renew(ledger).await.world()?;
    }
    let mut outputs = None;
    let end = if plan.changed() {
        let ended = terraform.apply().await.world()?;
        let tally = Tally::of(&plan, &ended.messages);
        match ended.messages.lock() {
            Some(lock) => locked(&lock),
            None if ended.ok => {
                outputs = Some(ended.messages.outputs);
                End::Applied(tally)
            }
            None => End::Failed { errors: ended.messages.errors(), tally, stopped: ended.stopped },
        }
    } else {
        End::Nothing
    };
    let mut report = Report::new(plan, end);
    if let (Some(ground), Some(id)) = (ground, &args.release)
        && matches!(report.end, End::Applied(_) | End::Nothing)
    {
        // It is applied: whatever fails from here on is told with that.
        let outputs = match outputs {
            Some(outputs) => Ok(outputs),
            None => terraform.outputs().await,
        };
        let recorded = async {
            let outputs = outputs?;
            let value = |name: &str| outputs.get(name).and_then(|output| output.get("value"));
            report.health_url = value(HEALTH_URL).and_then(|url| url.as_str()).map(str::to_owned);
            let functions = value(publish::OUTPUT).cloned().unwrap_or_default();
            publish::record(ground, id, &functions).await
        };
        match recorded.await {
            Ok(versions) => report.versions = versions,
            Err(error) => report.unrecorded = Some(format!("{error:#}")),
        }
    }
    Ok(report)
}

/// Terraform's own lock is held.
fn locked(lock: &Lock) -> End {
    let what = format!(
        "the state is locked by {} since {} ({}, lock id {}); wait for it, or, if nobody is at work any more, free it by \
         `terraform force-unlock {}`",
        lock.who, lock.created, lock.operation, lock.id, lock.id
    );
    End::Locked { owner: lock.who.clone(), what }
}
