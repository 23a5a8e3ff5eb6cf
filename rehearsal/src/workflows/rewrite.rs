//! What act cannot run as it stands: `$/` (this repository at the running commit), and jobs whose actions come without a
//! checkout. And what GitHub gives to a job by itself: the place where it asks for its OIDC token, and a token for the API
//! with the job's own permissions, where act has one for the whole run.

use super::gates;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use yaml_serde::{Mapping, Value};

/// The variable by which a run says where its jobs ask for tokens; each job adds what it is.
pub(super) const OIDC_URL: &str = "REHEARSAL_OIDC_URL";

/// What the rehearsal does not play, and why.
const LEFT_OUT: (&str, &str) =
    ("$/.github/workflows/ci.yml", "left out, because .ci/run and the README run the same commands on the checkout");

/// The actions with an input `token`.
const WITH_TOKEN: [&str; 7] = [
    "$/actions/apply",
    "$/actions/check",
    "$/actions/drift",
    "$/actions/finish",
    "$/actions/plan",
    "$/actions/promote",
    "$/actions/scan",
];

/// The action that pushes images, and the variable by which a run says where the registry is.
const PUSHES: &str = "$/actions/release";
pub(super) const REGISTRY: &str = "REHEARSAL_REGISTRY";

/// Gives the files of act's own copy, which are all of today, the times of the rehearsal's: cargo would build everything anew.
/// A file that is not there is as old as can be. So cargo takes what it built from another content for this one; that is why
/// each content of a crate that the story changes has a version of its own (`variant::another_version`).
const TIMES: &str = "git ls-files -z | xargs -0 sh -c 'to=$PWD; cd \"$0\"; for file; do \
if [ -e \"$file\" ]; then printf \"%s\\0\" \"$file\"; else touch -d @0 \"$to/$file\"; fi; done \
| xargs -0 cp --parents --attributes-only --preserve=timestamps -t \"$to\"'";

/// The action before which a checkout moves to a place that is the branch's in every run, as it would be on a runner: clippy
/// keeps the full path of the workspace's Cargo.toml, and what it looked at elsewhere counts for nothing. The story scans no
/// branch twice at a time.
const SCANS: &str = "./actions/scan";
const MOVE: &str = r#" && rm -rf "$place" && mkdir -p "${place%/*}" && mv "$PWD" "$place" && ln -s "$place" "$PWD""#;

/// Where checkouts lie.
#[derive(Clone, Copy)]
pub(super) struct Folders<'f> {
    /// The copy whose times the files get.
    pub copy: &'f Path,
    /// Those that are scanned.
    pub places: &'f Path,
}

/// Makes a token for the API of a job with these permissions.
pub type Tokens<'t> = &'t dyn Fn(&[(String, String)]) -> Option<String>;

/// act leaves this one out when it is about the repository it runs, whatever the version.
const CHECKOUT: &str = "actions/checkout@v4";

/// One change.
#[derive(Debug, Clone, Eq, PartialEq)]
pub struct Rewrite {
    /// The file, from the repository's root.
    pub file: String,
    /// What was changed in it, and why.
    pub what: String,
}

/// Changes every workflow and action of the copy.
pub(super) fn all(folders: Folders<'_>, tokens: Tokens<'_>) -> Result<Vec<Rewrite>> {
    let (mut rewrites, copy) = (Vec::new(), folders.copy);
    let workflows = files(&copy.join(".github/workflows"))?.into_iter().map(|name| format!(".github/workflows/{name}"));
    let actions = files(&copy.join("actions"))?.into_iter().map(|name| format!("actions/{name}/action.yml"));
    for file in workflows.chain(actions).filter(|file| copy.join(file).is_file()) {
        let path = copy.join(&file);
        let text = fs::read_to_string(&path)?;
        let (text, changes) =
            one(&file, &text, folders, tokens).with_context(|| format!("failed to rewrite {file}"))?;
        fs::write(&path, text)?;
        rewrites.extend(changes.into_iter().map(|what| Rewrite { file: file.clone(), what }));
    }
    Ok(rewrites)
}

fn files(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?;
    let mut names: Vec<_> =
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}

/// A file as act runs it, and what was changed.
fn one(file: &str, text: &str, folders: Folders<'_>, tokens: Tokens<'_>) -> Result<(String, Vec<String>)> {
    let mut document: Value = yaml_serde::from_str(text)?;
    let mut changes = Vec::new();
    let permissions = document["permissions"].clone();
    if let Some(group) = document["concurrency"]["group"].as_str() {
        changes.push(format!("the group {group} of the whole workflow is not played: act knows none"));
    }
    if let Some(jobs) = document.get_mut("jobs").and_then(Value::as_mapping_mut) {
        jobs.retain(|name, job| {
            let left_out = job["uses"].as_str() == Some(LEFT_OUT.0);
            if left_out {
                changes.push(format!("job {}: {}", name.as_str().unwrap_or_default(), LEFT_OUT.1));
            }
            !left_out
        });
        gates::queue(jobs, &mut changes);
        for (name, job) in jobs.iter_mut() {
            let name = name.as_str().unwrap_or_default().to_owned();
            if let Some(job) = job.as_mapping_mut() {
                rewrite_job(file, &name, job, &permissions, tokens, &mut changes);
                keep_times(&name, job, folders, &mut changes);
            }
        }
    }
    if let Some(steps) =
        document.get_mut("runs").and_then(|runs| runs.get_mut("steps")).and_then(Value::as_sequence_mut)
    {
        steps.iter_mut().filter_map(Value::as_mapping_mut).for_each(|step| to_local(step, &mut changes));
    }
    Ok((yaml_serde::to_string(&document)?, changes))
}

fn rewrite_job(
    file: &str,
    name: &str,
    job: &mut Mapping,
    of_workflow: &Value,
    tokens: Tokens<'_>,
    changes: &mut Vec<String>,
) {
    to_local(job, changes);
    let permissions = job.get("permissions").unwrap_or(of_workflow).clone();
    let granted = permissions["id-token"].as_str() == Some("write");
    let environment = environment(job);
    if job.get_mut("environment").and_then(Value::as_mapping_mut).is_some_and(|it| it.remove("deployment").is_some()) {
        changes.push(format!("job {name}: its environment says nothing of a deployment, which act does not know"));
    }
    let Some(steps) = job.get_mut("steps").and_then(Value::as_sequence_mut) else { return };
    for step in steps.iter_mut().filter_map(Value::as_mapping_mut) {
        with_token(name, step, &permissions, tokens, changes);
        with_registry(name, step, changes);
        to_local(step, changes);
    }
    let checks_out = |step: &Value| step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout@"));
    if !steps.iter().any(checks_out) {
        let mut checkout = Mapping::new();
        checkout.insert("uses".into(), CHECKOUT.into());
        steps.insert(0, Value::Mapping(checkout));
        changes.push(format!("job {name}: a checkout first, without which act finds no action of the repository"));
    }
    if let Some(environment) = &environment {
        steps.insert(0, gates::enter(name, environment));
        changes.push(format!("job {name}: it asks the GitHub stand-in first whether {environment} lets it in"));
    }
    if granted {
        let environment = environment.map(|name| format!("&environment={name}")).unwrap_or_default();
        let url = format!("${{{{ vars.{OIDC_URL} }}}}&called={file}{environment}");
        let variables = job.entry("env".into()).or_insert_with(|| Value::Mapping(Mapping::new()));
        if let Some(variables) = variables.as_mapping_mut() {
            variables.insert("ACTIONS_ID_TOKEN_REQUEST_URL".into(), url.into());
            changes.push(format!("job {name}: where it asks for its OIDC token, as it may write id-token"));
        }
    }
}

/// See [`TIMES`]; for jobs that check out by themselves, which is where something is built.
fn keep_times(name: &str, job: &mut Mapping, folders: Folders<'_>, changes: &mut Vec<String>) {
    let Some(steps) = job.get_mut("steps").and_then(Value::as_sequence_mut) else { return };
    let checks_out = |step: &Value| {
        step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout@") && uses != CHECKOUT)
    };
    let Some(at) = steps.iter().position(checks_out) else { return };
    let mut step = Mapping::new();
    step.insert("name".into(), "times of files".into());
    let mut run = format!("{TIMES} '{}'", folders.copy.display());
    if steps.iter().any(|step| step["uses"].as_str() == Some(SCANS)) {
        let place = format!(" && place='{}'/\"${{GITHUB_HEAD_REF:-$GITHUB_REF_NAME}}\"", folders.places.display());
        run.extend([&place, MOVE]);
        changes.push(format!(
            "job {name}: the checkout lies in the same place in every run of the branch, as on a runner"
        ));
    }
    step.insert("run".into(), run.into());
    steps.insert(at + 1, Value::Mapping(step));
    changes.push(format!("job {name}: files keep their times, so that cargo builds only what has changed"));
}

/// Hands the job's own token for the API on to an action that takes one.
fn with_token(job: &str, step: &mut Mapping, permissions: &Value, tokens: Tokens<'_>, changes: &mut Vec<String>) {
    let Some(uses) = step.get("uses").and_then(Value::as_str).filter(|uses| WITH_TOKEN.contains(uses)) else { return };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let granted: Vec<_> =
        permissions.as_mapping().into_iter().flatten().map(|(right, level)| (text(right), text(level))).collect();
    let Some(token) = tokens(&granted) else { return };
    let shown: Vec<String> = granted.iter().map(|(right, level)| format!("{right}: {level}")).collect();
    let shown = if shown.is_empty() { "no rights".to_owned() } else { shown.join(", ") };
    changes.push(format!("job {job}: {uses} gets a token with {shown}, as github.token has on GitHub"));
    let inputs = step.entry("with".into()).or_insert_with(|| Value::Mapping(Mapping::new()));
    if let Some(inputs) = inputs.as_mapping_mut() {
        inputs.insert("token".into(), token.into());
    }
}

/// Says where the emulated registry is, which has no host name of its own.
fn with_registry(job: &str, step: &mut Mapping, changes: &mut Vec<String>) {
    if step.get("uses").and_then(Value::as_str) != Some(PUSHES) {
        return;
    }
    let inputs = step.entry("with".into()).or_insert_with(|| Value::Mapping(Mapping::new()));
    if let Some(inputs) = inputs.as_mapping_mut() {
        inputs.insert("registry".into(), format!("${{{{ vars.{REGISTRY} }}}}").into());
        changes.push(format!("job {job}: {PUSHES} is told where the emulated registry is"));
    }
}

/// The name of the job's environment, which may be an expression.
fn environment(job: &Mapping) -> Option<String> {
    let environment = job.get("environment")?;
    environment.as_str().or_else(|| environment["name"].as_str()).map(str::to_owned)
}

/// `uses: $/...` as `./...`.
fn to_local(user: &mut Mapping, changes: &mut Vec<String>) {
    let Some(uses) = user.get("uses").and_then(Value::as_str) else { return };
    if let Some(path) = uses.strip_prefix("$/") {
        changes.push(format!("{uses} is ./{path}: act does not know $/"));
        let local = Value::from(format!("./{path}"));
        user.insert("uses".into(), local);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> Folders<'static> {
        Folders { copy: Path::new("/copy"), places: Path::new("/places") }
    }

    const WORKFLOW: &str = "
on: { workflow_call: {} }
permissions: {}
concurrency: { group: schedule }
jobs:
  plain: { runs-on: x, steps: [{ uses: actions/checkout@0123 }, { uses: $/actions/plan }] }
  scan: { runs-on: x, steps: [{ uses: actions/checkout@0123 }, { uses: $/actions/scan }] }
  cloud:
    runs-on: x
    environment: { name: '${{ inputs.environment }}-rollback', deployment: false }
    permissions: { id-token: write }
    env: { KEPT: yes }
    steps: [{ run: 'true' }]
  checks: { uses: $/.github/workflows/ci.yml }
  called: { uses: $/.github/workflows/x.yml, permissions: { id-token: write } }
";

    #[test]
    fn a_job_gets_what_act_does_not_give_and_nothing_it_may_not_have() {
        let token = |granted: &[(String, String)]| Some(format!("{granted:?}"));
        let (text, changes) = one(".github/workflows/w.yml", WORKFLOW, folders(), &token).expect("a workflow");
        let after: Value = yaml_serde::from_str(&text).expect("YAML");
        let jobs = &after["jobs"];
        assert_eq!(jobs["plain"]["steps"][2]["uses"], "./actions/plan");
        assert!(jobs["plain"]["steps"][1]["run"].as_str().is_some_and(|run| run.ends_with(" '/copy'")));
        let scanned = jobs["scan"]["steps"][1]["run"].as_str().unwrap_or_default();
        let place = " '/copy' && place='/places'/\"${GITHUB_HEAD_REF:-";
        assert!(scanned.contains(place) && scanned.ends_with(MOVE), "{scanned}");
        assert_eq!(jobs["plain"]["steps"].as_sequence().map(Vec::len), Some(3), "it has a checkout of its own");
        assert!(jobs["plain"]["env"].is_null(), "it may not have a token");
        assert_eq!(jobs["called"]["uses"], "./.github/workflows/x.yml");
        assert_eq!(jobs["cloud"]["steps"][0]["env"]["ENVIRONMENT"], "${{ inputs.environment }}-rollback");
        assert!(jobs["cloud"]["environment"]["deployment"].is_null(), "act does not know it");
        assert_eq!(jobs["cloud"]["steps"][1]["uses"], CHECKOUT);
        assert_eq!(jobs["cloud"]["env"]["KEPT"], "yes");
        assert_eq!(
            jobs["cloud"]["env"]["ACTIONS_ID_TOKEN_REQUEST_URL"],
            "${{ vars.REHEARSAL_OIDC_URL }}&called=.github/workflows/w.yml&environment=${{ inputs.environment }}-rollback"
        );
        assert_eq!(jobs["plain"]["steps"][2]["with"]["token"], "[]", "a job without grants has a token without rights");
        assert!(jobs["checks"].is_null(), "it is not played");
        assert_eq!(changes.len(), 14, "{changes:?}");
    }

    #[test]
    fn an_actions_own_steps_are_rewritten_too() {
        let action =
            "runs: { using: composite, steps: [{ uses: $/actions/setup }, { run: exec lockgate x, shell: bash }] }";
        let (text, changes) = one("actions/x/action.yml", action, folders(), &|_| None).expect("an action");
        assert!(text.contains("./actions/setup") && !text.contains("$/"), "{text}");
        assert_eq!(changes, ["$/actions/setup is ./actions/setup: act does not know $/"]);
    }
}
