//! Runs of workflows: what GitHub starts for an event, by act, with what a hosted runner has.

use super::settings::OPERATOR;
use super::{Hub, Pull};
use crate::clock::Kind;
use crate::http;
use crate::packages;
use crate::stage::{GITHUB_REPOSITORY, Stage};
use crate::terraform::GOGC;
use crate::workflows::{self, Outcome, Request};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use stand_ins::github::Event;
use stand_ins::oidc::Job;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use yaml_serde::Value as Yaml;

/// What a run checks out.
#[derive(Debug, Clone)]
enum Commit {
    /// This one.
    Of(String),
    /// What a pull request's head would be when merged into its base.
    Merge { head: String, base: String },
}

/// A run that GitHub wants.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    /// The workflow's file, from the repository's root.
    pub(crate) workflow: String,
    /// The event's name.
    pub(crate) event: &'static str,
    /// The event, as GitHub sends it, as far as workflows look at it.
    pub(crate) payload: Value,
    /// What it runs on, such as `refs/heads/main`.
    pub(crate) git_ref: String,
    /// What it checks out.
    commit: Commit,
    /// Who started it.
    pub(crate) actor: String,
    /// The run's id.
    pub(crate) run_id: u64,
    /// The one job that is played, and those it needs; all of them if not said.
    pub(crate) only: Option<&'static str>,
    /// The one part of a matrix that is played: its key and value; all of it if not said.
    pub(crate) matrix: Option<(&'static str, &'static str)>,
    /// Whether Terraform compares the provider with the lock file's hash in each of its processes.
    pub(crate) hashes: bool,
    /// Variables of the repository that are others for this run.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// The pull request on whose page its jobs are shown.
    pub(super) shown_on: Option<u64>,
    /// The workflow without what succeeded before, in a further attempt.
    left: Option<String>,
}

impl Hub {
    /// The next run's id.
    pub(crate) fn next_run(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn run_of(&self, workflow: String, event: &'static str, payload: Value, actor: &str, commit: Commit) -> Started {
        let (git_ref, run_id) = ("refs/heads/main".to_owned(), self.next_run());
        let actor = actor.to_owned();
        Started {
            workflow,
            event,
            payload,
            git_ref,
            commit,
            actor,
            run_id,
            only: None,
            matrix: None,
            hashes: false,
            variables: Vec::new(),
            shown_on: None,
            left: None,
        }
    }

    /// What GitHub starts when the branch of a pull request is pushed.
    ///
    /// # Errors
    /// If git fails.
    pub(crate) async fn pushed(&self, pull: &Pull) -> Result<Started> {
        let repository = json!({ "full_name": GITHUB_REPOSITORY, "private": true });
        let side = |branch: &str, sha: &str| json!({ "ref": branch, "sha": sha, "repo": repository });
        let (head, base) = (self.origin.commit_of(&pull.branch).await?, self.origin.commit_of("main").await?);
        self.github.edit(GITHUB_REPOSITORY, |repository| {
            let issue = repository.issues.get_mut(&pull.number)?;
            issue.pull.as_mut().map(|pull| pull.head.sha.clone_from(&head))
        })?;
        let payload = json!({
            "action": "synchronize",
            "number": pull.number,
            "repository": repository,
            "pull_request": {
                "number": pull.number,
                "state": "open",
                "head": side(&pull.branch, &head),
                "base": side("main", &base),
            },
        });
        let run = self.run_of(
            ".github/workflows/on-pull-request.yml".to_owned(),
            "pull_request",
            payload,
            super::CONTRIBUTOR,
            Commit::Merge { head, base },
        );
        Ok(Started { git_ref: format!("refs/pull/{}/merge", pull.number), shown_on: Some(pull.number), ..run })
    }

    /// What the button for the failed jobs of a run starts; `outputs` are those of its other jobs, as `job.output` and value.
    ///
    /// # Errors
    /// If nothing failed.
    pub(crate) fn failed_again(
        &self,
        started: &Started,
        before: &Outcome,
        outputs: &[(&str, &str)],
    ) -> Result<Started> {
        let path = self.origin.folder.join(&started.workflow);
        let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        Ok(Started { left: Some(workflows::failed_alone(&text, before, outputs)?), ..started.clone() })
    }

    /// What GitHub starts by itself when the time of a schedule has come.
    ///
    /// # Errors
    /// If git fails.
    pub(crate) async fn scheduled(&self, workflow: &str) -> Result<Started> {
        let (payload, main) = (json!({ "repository": about() }), Commit::Of(self.origin.commit_of("main").await?));
        Ok(self.run_of(workflow.to_owned(), "schedule", payload, super::MAINTAINER, main))
    }

    /// What GitHub told that it wants started by the push of this commit.
    ///
    /// # Errors
    /// If it told nothing, or no workflow of the repository is for it, or several.
    pub(super) fn started_by_push(&self, commit: &str) -> Result<Started> {
        let (login, event) = self.told(|event| matches!(event, Event::Push { after, .. } if after == commit))?;
        let Event::Push { git_ref, before, after } = event else { bail!("{event:?} is no push") };
        let payload = json!({ "ref": git_ref, "before": before, "after": after, "repository": about() });
        Ok(self.run_of(self.workflow_on_push(&git_ref)?, "push", payload, &login, Commit::Of(after)))
    }

    /// Takes what GitHub told; returns who caused it, too.
    fn told(&self, is: impl Fn(&Event) -> bool) -> Result<(String, Event)> {
        let mut events = self.events.lock().map_err(|_| anyhow!("what GitHub told was lost"))?;
        let at = events.iter().position(|told| is(&told.event)).context("GitHub wants nothing of that started")?;
        let told = events.remove(at);
        Ok((told.sender.login, told.event))
    }

    /// The one workflow that a push to this branch starts, by what the files say.
    fn workflow_on_push(&self, git_ref: &str) -> Result<String> {
        let branch = git_ref.trim_start_matches("refs/heads/");
        let folder = self.origin.folder.join(".github/workflows");
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))? {
            let path = entry?.path();
            let workflow: Yaml = yaml_serde::from_str(&std::fs::read_to_string(&path)?)?;
            let branches = workflow["on"]["push"]["branches"].as_sequence().into_iter().flatten();
            if branches.filter_map(Yaml::as_str).any(|name| name == branch) {
                found.extend(path.file_name().map(|name| format!(".github/workflows/{}", name.to_string_lossy())));
            }
        }
        match &found[..] {
            [only] => Ok(only.clone()),
            _ => bail!("a push to {branch} starts {found:?}, not one workflow"),
        }
    }

    /// Plays a run to its end. Meanwhile somebody approves what waits for these environments, one after another.
    ///
    /// # Errors
    /// If act cannot be run.
    pub(crate) async fn play(
        &self,
        stage: &Stage,
        act: &str,
        started: &Started,
        approvals: &[&str],
    ) -> Result<Outcome> {
        let waits = |environment: &'static str| self.gates.awaited_of(GITHUB_REPOSITORY, started.run_id, environment);
        let approve = async {
            let mut expected = approvals.iter();
            loop {
                // These are the environments that have reviewers.
                let environment = tokio::select! {
                    waiting = waits("staging-approval") => waiting.environment,
                    waiting = waits("production") => waiting.environment,
                };
                if expected.next() != Some(&environment.as_str()) {
                    bail!("run {} waits for an approval of {environment}, which nobody was to give", started.run_id);
                }
                self.github.review(GITHUB_REPOSITORY, started.run_id, &environment, OPERATOR, true, "looks right")?;
                stage.teller.line(&format!("hub   {OPERATOR} approves {environment} of run {}", started.run_id));
            }
        };
        let done = tokio::select! {
            done = self.run(stage, act, started) => done,
            wrong = approve => wrong,
        };
        // A run that broke off has not left them.
        for group in ["deploy-staging", "deploy-production"] {
            self.leave(group, started.run_id).await?;
        }
        done
    }

    /// The same; `meanwhile` is awaited as well, unless the run ends before it.
    ///
    /// # Errors
    /// As [`Hub::play`], or what `meanwhile` says.
    pub(crate) async fn play_and(
        &self,
        stage: &Stage,
        act: &str,
        started: &Started,
        approvals: &[&str],
        meanwhile: impl Future<Output = Result<()>>,
    ) -> Result<Outcome> {
        let playing = self.play(stage, act, started, approvals);
        tokio::pin!(playing, meanwhile);
        tokio::select! {
            done = &mut playing => done,
            seen = &mut meanwhile => {
                let done = playing.await;
                seen.and(done)
            }
        }
    }

    /// Returns when a run was delivered to staging: production's turn comes.
    pub(crate) async fn left_staging(&self, run: u64) {
        self.gates.asked(GITHUB_REPOSITORY, "deploy-production", run).await;
    }

    async fn run(&self, stage: &Stage, act: &str, started: &Started) -> Result<Outcome> {
        let (owner, name) = GITHUB_REPOSITORY.split_once('/').context("owner and name")?;
        let run_id = started.run_id;
        let job = Job {
            owner: owner.to_owned(),
            repository: name.to_owned(),
            event: started.event.to_owned(),
            git_ref: started.git_ref.clone(),
            run_id,
            workflow: started.workflow.clone(),
            actor: started.actor.clone(),
            ..Job::default()
        };
        let mut vars: Vec<(String, String)> =
            self.github.repository(GITHUB_REPOSITORY)?.variables.into_iter().collect();
        // No database of vulnerabilities is within reach: the gate lets that pass only because it is named.
        vars.extend(workflows::pairs(&[("LOCKGATE_SCAN_ALLOW", "trivy/vulnerabilities")]));
        vars.extend(started.variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let (configuration, terraform) = if started.hashes {
            (&stage.terraform.configuration, "terraform".to_owned())
        } else {
            let accepted = stage.terraform.accepted.as_ref().context("the act bootstrap was not played")?;
            (&accepted.configuration, accepted.program.display().to_string())
        };
        let env = [
            ("AWS_ENDPOINT_URL", stage.emulator.url.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("GITHUB_API_URL", self.github.url.clone()),
            ("LOCKGATE_ADVISORY_DB", self.advisories.display().to_string()),
            ("LOCKGATE_FROM", self.program.display().to_string()),
            ("CARGO_TARGET_DIR", packages::target()?.display().to_string()),
            // Where Terraform finds the provider, and how it speaks to an emulated S3.
            ("LOCKGATE_TERRAFORM", terraform),
            ("TF_CLI_CONFIG_FILE", configuration.display().to_string()),
            ("TF_CLI_ARGS_init", "-backend-config=use_path_style=true".to_owned()),
            ("TF_VAR_s3_use_path_style", "true".to_owned()),
            (GOGC.0, GOGC.1.to_owned()),
            // Two scans may run at a time, and Trivy locks a cache of files.
            ("TRIVY_CACHE_BACKEND", "memory".to_owned()),
        ];
        let before = self.before(run_id);
        let request = Request {
            checkout: self.checkout(started, &before.log).await?,
            workflow: started.workflow.clone(),
            event: started.event.to_owned(),
            payload: started.payload.clone(),
            run_id,
            vars,
            env: workflows::pairs(&env),
            oidc: Some(self.issuer.grant(job)?),
            path: self.path.clone(),
            only: started.only,
            matrix: started.matrix,
            gates: Some(workflows::Gated {
                url: self.gates.url.clone(),
                run: vec![
                    ("repository", GITHUB_REPOSITORY.to_owned()),
                    ("run", run_id.to_string()),
                    ("ref", started.git_ref.clone()),
                    ("actor", started.actor.clone()),
                ],
            }),
            registry: stage.emulator.url.trim_start_matches("http://").to_owned(),
        };
        let from = stage.clock.elapsed().as_secs_f64();
        let log = stage.file(&before.log);
        let what = format!("act {}", started.workflow);
        let run = self.workflows.run(&self.act.path, &request);
        let done = stage.clock.measure(Kind::Step, act, &what, run).await;
        self.remember(started, act, from, stage.clock.elapsed().as_secs_f64(), before, &done);
        let done = done?;
        std::fs::write(log, done.log.join("\n"))?;
        for step in &done.steps {
            let kind = match step.name.rsplit('/').next() {
                Some("package") => Kind::Cargo,
                Some("plan" | "check" | "apply" | "drift") => Kind::Terraform,
                Some("scan") => Kind::Scanner,
                _ => Kind::Step,
            };
            let what = format!("{} in {}", step.name, step.job.rsplit('/').next().unwrap_or_default());
            stage.clock.add(kind, act, &what, from + step.from, from + step.to);
        }
        Ok(done)
    }

    /// Waits until a run waits for a concurrency group, while something plays it.
    ///
    /// # Errors
    /// If it ends before that.
    pub(crate) async fn queued(
        &self,
        group: &str,
        run: u64,
        playing: Pin<&mut impl Future<Output = Result<Outcome>>>,
    ) -> Result<()> {
        tokio::select! {
            done = playing => bail!("run {run} ended before it waited for {group}: {}", told(&done?)),
            () = self.gates.queued(GITHUB_REPOSITORY, group, run) => Ok(()),
        }
    }

    /// Whether GitHub lets a job on this ref into an environment, at once or after a review.
    ///
    /// # Errors
    /// If it does not say.
    pub(crate) async fn lets_in(&self, environment: &str, git_ref: &str) -> Result<bool> {
        // No run that is played has this number.
        let run = 0;
        let run_of = format!("run={run}&ref={git_ref}&actor={}&job=any", super::CONTRIBUTOR);
        let repository = GITHUB_REPOSITORY.replace('/', "%2F");
        let url = format!("{}/job?repository={repository}&environment={environment}&{run_of}", self.gates.url);
        let (client, asked) = (http::client(), ::http::Request::post(&url).body(bytes::Bytes::new().into())?);
        tokio::select! {
            answer = http::send(&client, asked) => match answer?.status().as_u16() {
                200 => Ok(true),
                403 => Ok(false),
                other => bail!("GitHub answers {other} for a job in {environment}"),
            },
            _ = self.gates.awaited_of(GITHUB_REPOSITORY, run, environment) => Ok(true),
        }
    }

    /// Has a run that is not played take a concurrency group, once it is free.
    ///
    /// # Errors
    /// If another run takes its place meanwhile.
    pub(crate) async fn queue(&self, group: &str, run: u64) -> Result<()> {
        self.ask_gates("queue", group, run).await
    }

    /// Has it leave the group.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub(crate) async fn leave(&self, group: &str, run: u64) -> Result<()> {
        self.ask_gates("leave", group, run).await
    }

    async fn ask_gates(&self, what: &str, group: &str, run: u64) -> Result<()> {
        let repository = GITHUB_REPOSITORY.replace('/', "%2F");
        let url = format!("{}/{what}?repository={repository}&group={group}&run={run}", self.gates.url);
        let answer = http::send(&http::client(), ::http::Request::post(&url).body(bytes::Bytes::new().into())?).await?;
        ensure!(answer.status() == 200, "{what} {group}: {:?}", answer.body());
        Ok(())
    }

    /// Asks GitHub to start a workflow, as a person with the button does, and returns what that starts.
    ///
    /// # Errors
    /// If GitHub refuses.
    pub(crate) async fn dispatch(&self, file: &str, inputs: Value) -> Result<Started> {
        let url = format!("{}/repos/{GITHUB_REPOSITORY}/actions/workflows/{file}/dispatches", self.github.url);
        let request = ::http::Request::post(&url)
            .header("authorization", format!("Bearer {}", self.github.user_token(OPERATOR)))
            .header("accept", "application/vnd.github+json")
            .header("content-type", "application/json")
            .header("user-agent", "rehearsal")
            .body(json!({ "ref": "main", "inputs": inputs }).to_string().into())?;
        let answer = http::send(&http::client(), request).await?;
        ensure!(answer.status() == 204, "GitHub answered {}: {:?}", answer.status(), answer.body());
        let (login, event) = self.told(|event| matches!(event, Event::Workflow { file: of, .. } if of == file))?;
        let Event::Workflow { inputs, .. } = event else { bail!("{event:?} is no dispatch") };
        let payload = json!({ "inputs": inputs, "ref": "refs/heads/main", "repository": about() });
        let main = Commit::Of(self.origin.commit_of("main").await?);
        Ok(self.run_of(format!(".github/workflows/{file}"), "workflow_dispatch", payload, &login, main))
    }

    /// A checkout for a run, named after its log.
    async fn checkout(&self, started: &Started, log: &str) -> Result<PathBuf> {
        let folder = self.folder.join("checkouts").join(log.trim_end_matches(".log"));
        let copy = self.origin.cloned(&folder, "main").await?;
        match &started.commit {
            Commit::Of(commit) => copy.git(&["reset", "--quiet", "--hard", commit]).await?,
            Commit::Merge { head, base } => {
                copy.git(&["reset", "--quiet", "--hard", base]).await?;
                copy.git(&["merge", "--quiet", "--no-ff", "--message", "What is tested", head]).await?;
            }
        }
        if let Some(text) = &started.left {
            std::fs::write(folder.join(&started.workflow), text).context("failed to write the workflow")?;
        }
        // act reads the repository's name there.
        copy.git(&["remote", "set-url", "origin", &format!("https://github.com/{GITHUB_REPOSITORY}.git")]).await?;
        Ok(copy.folder)
    }
}

/// The repository, as events describe it.
fn about() -> Value {
    json!({ "full_name": GITHUB_REPOSITORY, "private": true, "default_branch": "main" })
}

/// What became of the jobs, and the first errors.
pub(crate) fn told(outcome: &Outcome) -> String {
    // What a step printed as an annotation, not the shell of actions/setup, which could print one.
    let errors = outcome.log.iter().filter(|said| said.contains("::error") && said.contains('❗'));
    let errors = errors.map(|said| said.trim().to_owned());
    let errors: Vec<_> = errors.take(4).collect();
    format!("{:?} {}", outcome.jobs, errors.join(" | "))
}
