//! The workflows: their shape, what two linters say of them, and that they run.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rehearsal::{
    tools,
    workflows::{Gated, Request, Workflows},
};
use serde_json::json;
use stand_ins::{
    folders,
    github::Github,
    oidc::{GITHUB, Issuer, Job},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};
use tokio::process::Command;
use yaml_serde::{Mapping, Value};

/// Every workflow: its file's name, its text, and what it says.
fn workflows() -> Vec<(String, String, Value)> {
    let folder = folders::workspace().expect("a checkout").join(".github/workflows");
    let entries = fs::read_dir(folder).expect("workflows").map(|entry| entry.expect("an entry").path());
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a workflow");
        let value = yaml_serde::from_str(&text).expect("YAML");
        (path.file_name().expect("a name").to_string_lossy().into_owned(), text, value)
    };
    entries.map(read).collect()
}

fn jobs(workflow: &Value) -> Vec<(&str, &Mapping)> {
    let jobs = workflow["jobs"].as_mapping().expect("jobs").iter();
    jobs.map(|(name, job)| (name.as_str().expect("a name"), job.as_mapping().expect("a job"))).collect()
}

/// The lines of a job, without those of the next one.
fn job_lines<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    let begins = format!("  {name}:");
    let within = |line: &&str| line.is_empty() || line.starts_with("    ") || line.trim_start().starts_with('#');
    text.lines().skip_while(move |line| line.trim_end() != begins).skip(1).take_while(within)
}

fn steps(job: &Mapping) -> &[Value] {
    job.get("steps").and_then(Value::as_sequence).map_or(&[], Vec::as_slice)
}

#[test]
fn every_workflow_begins_with_why_and_grants_nothing_to_all_jobs() {
    for (file, text, workflow) in workflows() {
        assert!(text.starts_with("# "), "{file}: begin it with a comment that says why it exists");
        assert_eq!(
            workflow["permissions"].as_mapping().map(Mapping::len),
            Some(0),
            "{file}: write `permissions: {{}}` at its top, and what each job needs into that job"
        );
    }
}

#[test]
fn only_on_files_are_started_by_github() {
    for (file, _, workflow) in workflows() {
        let triggers = workflow["on"].as_mapping();
        let triggers =
            triggers.unwrap_or_else(|| panic!("{file}: write its triggers as names with a colon, below `on:`"));
        let called = triggers.iter().all(|(name, _)| name.as_str() == Some("workflow_call"));
        assert_eq!(
            file.starts_with("on-"),
            !called,
            "{file}: what GitHub starts is named on-<event>.yml, and what is called has the trigger workflow_call alone: \
             rename the file or move its triggers"
        );
    }
}

#[test]
fn every_job_ends_by_itself_and_every_grant_has_its_reason() {
    for (file, text, workflow) in workflows() {
        for (name, job) in jobs(&workflow) {
            // A job that calls a workflow has no time limit of its own.
            if !job.contains_key("uses") {
                assert!(
                    job.contains_key("timeout-minutes"),
                    "{file}: give {name} `timeout-minutes`, or it may hang for 6 hours"
                );
                assert_eq!(
                    job.get("runs-on").and_then(Value::as_str),
                    Some("ubuntu-24.04"),
                    "{file}: {name} has to name this runner: digests are compared by its toolchain"
                );
            }
            let granted = job.get("permissions");
            assert!(
                granted.is_none_or(Value::is_mapping),
                "{file}: name the permissions that {name} needs, one a line"
            );
            for right in granted.map(keys).unwrap_or_default() {
                let with_reason = |line: &str| line.trim().starts_with(&format!("{right}: ")) && line.contains(" # ");
                assert!(
                    job_lines(&text, name).any(with_reason),
                    "{file}: write beside `{right}` of {name} why it needs that, after a #"
                );
            }
        }
        assert!(!text.contains("secrets: inherit"), "{file}: name the secrets that are handed on, or hand on none");
    }
}

#[test]
fn credentials_are_good_for_as_long_as_their_job_may_take() {
    let mut seen = 0;
    for (file, _, workflow) in workflows() {
        for (name, job) in jobs(&workflow) {
            let takes = |step: &&Value| step["uses"].as_str() == Some("$/actions/assume-role");
            for step in steps(job).iter().filter(takes) {
                let minutes = job.get("timeout-minutes").and_then(Value::as_u64).expect("a timeout");
                let given = step["with"]["duration"].as_str().unwrap_or("3600");
                let seconds: u64 = given.parse().expect("seconds");
                assert!(
                    seconds >= minutes * 60,
                    "{file}: {name} may take {minutes} minutes, its session {seconds} s: raise `duration`, and the role's \
                     max_session_duration in terraform/bootstrap, or lower the timeout"
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= 6, "only {seen} steps take a role");
}

#[test]
fn a_delivery_looks_at_the_environment_that_its_release_came_from_at_each_step_before_traffic_moves() {
    let mut seen = 0;
    for (_, _, workflow) in workflows().into_iter().filter(|(file, ..)| file == "deploy.yml") {
        for step in jobs(&workflow).iter().flat_map(|(_, job)| steps(job)) {
            let uses = step["uses"].as_str().and_then(|uses| uses.strip_prefix("$/actions/")).unwrap_or_default();
            if ["release", "check", "apply"].contains(&uses) {
                let from = step["with"]["from"].as_str();
                assert_eq!(
                    from,
                    Some("${{ inputs.from }}"),
                    "deploy.yml: give {uses} the input `from`, or what staging takes back while production waits goes on"
                );
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 3, "deploy.yml has no longer one step each of release, check and apply: change this test with it");
}

#[test]
fn no_expression_is_in_shell() {
    for (file, _, workflow) in workflows() {
        for (name, job) in jobs(&workflow) {
            for run in steps(job).iter().filter_map(|step| step["run"].as_str()) {
                assert!(
                    !run.contains("${{"),
                    "trap 37: {file}: {name} has an expression in its shell: hand it on by the step's `env`"
                );
            }
        }
    }
}

/// What a job is granted, by the rights' names.
fn granted(job: &Mapping) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let permissions = job.get("permissions").and_then(Value::as_mapping).into_iter().flatten();
    permissions.map(|(right, level)| (text(right), text(level))).collect()
}

#[test]
fn a_caller_grants_what_the_called_jobs_need_and_no_more() {
    let all = workflows();
    for (file, _, workflow) in &all {
        for (name, job) in jobs(workflow) {
            let called =
                job.get("uses").and_then(Value::as_str).and_then(|uses| uses.strip_prefix("$/.github/workflows/"));
            let Some(called) = called else { continue };
            let (_, _, called) = all.iter().find(|(file, ..)| file == called).expect("a workflow of this repository");
            let mut needed = BTreeMap::new();
            for (right, level) in jobs(called).into_iter().flat_map(|(_, job)| granted(job)) {
                let most = needed.entry(right).or_insert_with(|| level.clone());
                if level == "write" {
                    *most = level;
                }
            }
            assert_eq!(granted(job), needed, "{file}: grant {name} (left) what the jobs of what it calls need (right)");
        }
    }
}

/// The rights of which an action's description of its token says that it needs them, and their levels.
fn needed(description: &str) -> Vec<(&str, &str)> {
    let (_, needs) = description.split_once("API, with ").expect("a token's description says what it needs");
    let groups = needs.split(", ").flat_map(|group| {
        let (names, level) = group.split_once(" set to ").or_else(|| group.split_once(" to ")).expect("a level");
        names.split(" and ").map(move |name| (name, level))
    });
    groups.collect()
}

#[test]
fn a_job_grants_what_its_steps_need_and_no_more() {
    let mut seen = 0;
    for (file, _, workflow) in workflows() {
        for (name, job) in jobs(&workflow).into_iter().filter(|(_, job)| !job.contains_key("uses")) {
            let mut needs: BTreeMap<String, String> = BTreeMap::new();
            for (step, uses) in steps(job).iter().filter_map(|step| Some((step, step["uses"].as_str()?))) {
                let action = callable(uses);
                let token = action.as_ref().and_then(|action| action["inputs"]["token"]["description"].as_str());
                let role = (uses == "$/actions/assume-role").then_some(("id-token", "write"));
                let code = uses.starts_with("actions/checkout@").then_some(("contents", "read"));
                let findings = step["with"]["upload"].as_bool().is_some_and(|upload| upload);
                let findings = findings.then_some(("security-events", "write"));
                let all = token.map(needed).into_iter().flatten().chain(role).chain(code).chain(findings);
                needs.extend(all.map(|(right, level)| (right.to_owned(), level.to_owned())));
            }
            seen += needs.len();
            assert_eq!(granted(job), needs, "{file}: grant {name} (left) what its steps need (right)");
        }
    }
    assert!(seen > 20, "only {seen} grants were looked at");
}

/// What an action or a called workflow says of itself, by what `uses:` says.
fn callable(uses: &str) -> Option<Value> {
    let path = uses.strip_prefix("$/")?;
    let file = if path.starts_with("actions/") { format!("{path}/action.yml") } else { path.to_owned() };
    let text = fs::read_to_string(folders::workspace().expect("a checkout").join(&file)).expect(&file);
    Some(yaml_serde::from_str(&text).expect("YAML"))
}

fn keys(value: &Value) -> BTreeSet<String> {
    let keys = value.as_mapping().into_iter().flatten();
    keys.map(|(key, _)| key.as_str().expect("a name").to_owned()).collect()
}

/// The inputs of an action or a called workflow.
fn inputs(callable: &Value) -> BTreeSet<String> {
    let own = if callable["runs"].is_null() { &callable["on"]["workflow_call"]["inputs"] } else { &callable["inputs"] };
    keys(own)
}

#[test]
fn what_is_given_to_an_action_or_a_workflow_is_an_input_of_it() {
    for (file, _, workflow) in workflows() {
        for (name, job) in jobs(&workflow) {
            let job = Value::Mapping(job.clone());
            for user in steps(job.as_mapping().expect("a job")).iter().chain([&job]) {
                let Some(called) = user["uses"].as_str().and_then(callable) else { continue };
                let unknown: Vec<String> = keys(&user["with"]).difference(&inputs(&called)).cloned().collect();
                assert!(
                    unknown.is_empty(),
                    "{file}: {name} gives {} {unknown:?}, which it does not know: correct the name",
                    user["uses"].as_str().unwrap_or_default()
                );
            }
        }
    }
}

/// The names after `start` in a text, each up to the first character that is none of a name's.
fn names_after<'t>(text: &'t str, start: &str) -> Vec<&'t str> {
    let name = |rest: &'t str| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').next();
    text.split(start).skip(1).filter_map(name).collect()
}

#[test]
fn an_output_that_is_read_is_set_by_who_is_asked_for_it() {
    for (file, text, workflow) in workflows() {
        for (name, job) in jobs(&workflow) {
            let said = yaml_serde::to_string(&Value::Mapping(job.clone())).expect("YAML");
            for step in steps(job) {
                let (Some(id), Some(action)) = (step["id"].as_str(), step["uses"].as_str().and_then(callable)) else {
                    continue;
                };
                for output in names_after(&said, &format!("steps.{id}.outputs.")) {
                    assert!(
                        keys(&action["outputs"]).contains(output),
                        "{file}: {name} reads the output {output} of {id}, whose action has none: correct the name in one of them"
                    );
                }
            }
        }
        for (name, job) in jobs(&workflow) {
            let outputs = match job.get("uses").and_then(Value::as_str).and_then(callable) {
                Some(called) => keys(&called["on"]["workflow_call"]["outputs"]),
                None => job.get("outputs").map(keys).unwrap_or_default(),
            };
            for start in [format!("needs.{name}.outputs."), format!("jobs.{name}.outputs.")] {
                for output in names_after(&text, &start) {
                    assert!(
                        outputs.contains(output),
                        "{file}: the output {output} of the job {name} is read, which it does not set: correct the name in one of them"
                    );
                }
            }
        }
    }
}

#[test]
fn every_action_that_is_used_is_one_of_ours_or_the_pinned_checkout() {
    const CHECKOUT: &str = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8";
    for (file, text, workflow) in workflows() {
        for (name, job) in jobs(&workflow) {
            for uses in steps(job).iter().filter_map(|step| step["uses"].as_str()) {
                assert!(
                    uses.starts_with("$/actions/") || uses == CHECKOUT,
                    "{file}: {name} uses {uses}: write $/actions/<folder>, or {CHECKOUT}; nothing else runs here"
                );
            }
            let called = job.get("uses").and_then(Value::as_str);
            assert!(
                called.is_none_or(|uses| uses.starts_with("$/.github/workflows/")),
                "{file}: {name} calls {called:?}: write $/.github/workflows/<file>, which is that of the same commit"
            );
        }
        let (all, kept) = (text.matches(CHECKOUT).count(), text.matches("persist-credentials: false").count());
        assert_eq!(all, kept, "{file}: give every checkout persist-credentials: false, or its token stays in .git");
    }
}

#[tokio::test]
async fn actionlint_and_zizmor_find_nothing() {
    let workspace = folders::workspace().expect("a checkout");
    let actionlint = tools::actionlint().await.expect("actionlint");
    let done = Command::new(&actionlint.path).current_dir(&workspace).output().await.expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));

    let zizmor = tools::zizmor().await.expect("zizmor");
    let mut command = Command::new(&zizmor.path);
    command.args(["--offline", "--persona", "pedantic", "--no-progress", ".github", "actions"]);
    let done = command.current_dir(&workspace).output().await.expect("it runs");
    let (found, said) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{found}{said}");
    // A file that it cannot read is one that it did not check.
    assert!(!said.contains("WARN"), "{said}");
}

/// Stands in for lockgate: sets what the workflow hands on, and asks for a token as assume-role does.
const LOCKGATE: &str = r#"#!/bin/bash
set -eu
case "$1" in
  setup) dirname "$(realpath "$0")" >>"$GITHUB_PATH" ;;
  assume-role)
    token=$(curl -fsS -H "authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=a")
    echo "account=$(cut -d. -f2 <<<"$token") $INPUT_ROLE $INPUT_ROLES $INPUT_REGION" >>"$GITHUB_OUTPUT" ;;
  rollback)
    [ "$INPUT_REASON" != bad ] || exit 1
    echo "release=$INPUT_ENVIRONMENT/$INPUT_RELEASE/$GITHUB_RUN_ID/$GITHUB_REPOSITORY" >>"$GITHUB_OUTPUT" ;;
esac
"#;

#[tokio::test]
async fn the_rollback_workflow_runs_as_it_is_but_for_what_is_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let workspace = folders::workspace().expect("a checkout");
    let workflows = Workflows::copy(&workspace, folder.path(), "acme/calls", &|_| None).await.expect("a copy");
    let listed: Vec<_> = workflows.rewrites.iter().filter(|change| change.file.ends_with("/rollback.yml")).collect();
    assert_eq!(listed.len(), 6, "three actions, a checkout, an environment, a token's URL: {listed:?}");

    let actionlint = tools::actionlint().await.expect("actionlint");
    let mut command = Command::new(&actionlint.path);
    command.args(["-config-file", "/dev/null"]).current_dir(&workflows.folder);
    let done = command.output().await.expect("it runs");
    assert!(done.status.success(), "a copy needs no exception: {}", String::from_utf8_lossy(&done.stdout));

    let lockgate = folder.path().join("lockgate");
    fs::write(&lockgate, LOCKGATE).expect("a file");
    fs::set_permissions(&lockgate, fs::Permissions::from_mode(0o755)).expect("a program");
    let issuer = Issuer::start_as(Some(GITHUB)).expect("an issuer");
    let act = tools::act().await.expect("act");
    let github = Github::start().expect("GitHub");
    github.add_repository("acme/calls", true);
    let gates = github.gates().expect("its gates");
    let run_of = |run: u64| {
        let run = [("repository", "acme/calls".to_owned()), ("run", run.to_string())];
        run.into_iter().chain([("ref", "refs/heads/main".to_owned()), ("actor", "octocat".to_owned())]).collect()
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let request = |reason: &str, run_id| Request {
        checkout: workflows.folder.clone(),
        workflow: ".github/workflows/on-rollback.yml".into(),
        event: "workflow_dispatch".into(),
        payload: json!({ "inputs": { "environment": "staging", "release": "r1-0123", "reason": reason } }),
        run_id,
        vars: vec![pair("LOCKGATE_ROLES", "the-roles"), pair("AWS_REGION", "eu-central-1")],
        env: vec![pair("LOCKGATE_FROM", &lockgate.display().to_string())],
        oidc: Some(issuer.grant(Job { event: "workflow_dispatch".into(), ..Job::default() }).expect("a grant")),
        path: Vec::new(),
        only: None,
        matrix: None,
        gates: Some(Gated { url: gates.url.clone(), run: run_of(run_id) }),
        registry: String::new(),
    };

    let outcome = workflows.run(&act.path, &request("a bad release", 4711)).await.expect("a run");
    assert!(outcome.succeeded(), "{:?}\n{}", outcome.jobs, outcome.log.join("\n"));
    assert_eq!(outcome.output("rollback", "release"), Some("staging/r1-0123/4711/acme/calls"));
    let account = outcome.output("3", "account").expect("what assume-role found");
    let (payload, inputs) = account.split_once(' ').expect("a token and inputs");
    assert_eq!(inputs, "rollback/staging the-roles eu-central-1");
    let claims: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("claims");
    assert_eq!(claims["sub"], "repo:acme/calls:environment:staging-rollback");
    assert_eq!(claims["job_workflow_ref"], "acme/calls/.github/workflows/rollback.yml@refs/heads/main");

    let outcome = workflows.run(&act.path, &request("bad", 4712)).await.expect("a run");
    assert!(!outcome.succeeded(), "{:?}", outcome.jobs);
}
