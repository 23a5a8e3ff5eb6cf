//! Pull requests on GitHub's stand-in, and a runner that plays what they start.

use crate::clock::Kind;
use crate::github_page::{Conversation, Said, State};
use crate::repository::Repository;
use crate::stage::{GITHUB_REPOSITORY, Stage};
use crate::story::Checks;
use crate::workflows::{self, Outcome, Request, Workflows};
use anyhow::{Context, Result, ensure};
use lockgate::sticky::marker;
use serde_json::{Value, json};
use stand_ins::emulator::{ACCOUNT, REGION};
use stand_ins::folders;
use stand_ins::github::{Comment, Github, NewPull};
use stand_ins::oidc::{GITHUB, Issuer, Job};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const WORKFLOW: &str = ".github/workflows/on-pull-request.yml";

/// Who opens pull requests.
const CONTRIBUTOR: &str = "octocat";

/// GitHub with the story's repository on it, and the checkout in which a runner works.
#[derive(Debug)]
pub struct Pulls {
    /// GitHub.
    pub(crate) github: Github,
    /// The checkout.
    pub(crate) repository: Repository,
    workflows: Workflows,
    /// Folders of tools that the runner has.
    path: Vec<PathBuf>,
    /// The advisory database.
    advisories: PathBuf,
    /// The commit of main.
    base: String,
    /// How many workflows ran so far.
    runs: u64,
    /// What became of each pull request's jobs, of its last run.
    jobs: BTreeMap<u64, BTreeMap<String, String>>,
}

/// A pull request: its number, and its branch.
#[derive(Debug)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    branch: String,
}

impl Pulls {
    /// Plays with those of the stage, which are made if no act had any before, and leaves them there.
    ///
    /// # Errors
    /// If a tool is missing, or the copy cannot be made; or what `play` says.
    pub(crate) async fn with(
        stage: &mut Stage,
        play: impl AsyncFnOnce(&mut Stage, &mut Self) -> Result<()>,
    ) -> Result<()> {
        let mut pulls = match stage.pulls.take() {
            Some(pulls) => pulls,
            None => Self::new(stage).await?,
        };
        stage.settle().await;
        let played = play(stage, &mut pulls).await;
        stage.pulls = Some(pulls);
        played
    }

    async fn new(stage: &mut Stage) -> Result<Self> {
        let github = Github::start()?;
        github.add_repository(GITHUB_REPOSITORY, true);
        let tokens = |granted: &[(String, String)]| {
            let granted: Vec<_> = granted.iter().map(|(right, level)| (right.as_str(), level.as_str())).collect();
            Some(github.token(GITHUB_REPOSITORY, &granted))
        };
        let folder = stage.file("pull-request");
        let mut workflows = Workflows::copy(&stage.repository.folder, &folder, GITHUB_REPOSITORY, &tokens).await?;
        let terraform = stage.tools.iter().find(|tool| tool.name == "terraform").context("terraform")?.clone();
        workflows.put_tool(&terraform)?;
        let (mut path, mut advisories) = (Vec::new(), PathBuf::new());
        for scanner in &stage.scanners().await? {
            // tfsec is in no RELEASE: it is scanned with where the runner has it.
            match scanner.name {
                "tfsec" => path.extend(scanner.path.parent().map(Path::to_owned)),
                "advisory-db" => advisories.clone_from(&scanner.path),
                _ => workflows.put_tool(scanner)?,
            }
        }
        stage.note_rewrites(&workflows);
        let repository = Repository { folder: workflows.folder.clone() };
        let base = repository.head().await?;
        Ok(Self { github, repository, workflows, path, advisories, base, runs: 1, jobs: BTreeMap::new() })
    }

    /// Begins a branch at main.
    ///
    /// # Errors
    /// If git fails.
    pub(crate) async fn branch(&self, name: &str) -> Result<()> {
        self.repository.git(&["switch", "--quiet", "--create", name, &self.base]).await
    }

    /// Opens a pull request for the branch as it is.
    ///
    /// # Errors
    /// If git fails.
    pub(crate) async fn open(&self, branch: &str, title: &str) -> Result<Pull> {
        let new = NewPull {
            title: title.to_owned(),
            user: CONTRIBUTOR.to_owned(),
            head_ref: branch.to_owned(),
            head_sha: self.repository.head().await?,
            base_sha: self.base.clone(),
            ..NewPull::default()
        };
        let number = self.github.add_pull(GITHUB_REPOSITORY, new)?;
        Ok(Pull { number, branch: branch.to_owned() })
    }

    /// The event as GitHub sends it, as far as workflows look at it.
    async fn event(&self, pull: &Pull) -> Result<Value> {
        let repository = json!({ "full_name": GITHUB_REPOSITORY, "private": true });
        let side = |branch: &str, sha: &str| json!({ "ref": branch, "sha": sha, "repo": repository });
        Ok(json!({
            "action": "synchronize",
            "number": pull.number,
            "repository": repository,
            "pull_request": {
                "number": pull.number,
                "state": "open",
                "head": side(&pull.branch, &self.repository.head().await?),
                "base": side("main", &self.base),
            },
        }))
    }

    /// Runs what GitHub runs when the branch is pushed, to its end.
    ///
    /// # Errors
    /// If act cannot be had or run.
    pub(crate) async fn run(&mut self, stage: &mut Stage, act_name: &str, pull: &Pull) -> Result<Outcome> {
        self.runs += 1;
        let run_id = self.runs;
        let issuer = Issuer::start_as(Some(GITHUB))?;
        let (owner, name) = GITHUB_REPOSITORY.split_once('/').context("owner and name")?;
        let job = Job {
            owner: owner.to_owned(),
            repository: name.to_owned(),
            event: "pull_request".to_owned(),
            git_ref: format!("refs/pull/{}/merge", pull.number),
            run_id,
            workflow: WORKFLOW.to_owned(),
            ..Job::default()
        };
        let bootstrap = stage.bootstrap.as_ref().context("the act bootstrap was not played")?;
        let output = |name: &str| bootstrap.text(&[name]);
        let vars = [
            ("LOCKGATE_PLAN_ROLE", output("plan_role")?),
            ("LOCKGATE_STATE_BUCKET", output("state_bucket")?),
            ("LOCKGATE_LOCK_TABLE", output("lock_table")?),
            ("LOCKGATE_ARTIFACTS_BUCKET", output("artifacts_bucket")?),
            // No database of vulnerabilities is within reach: the gate lets that pass only because it is named.
            ("LOCKGATE_SCAN_ALLOW", "trivy/vulnerabilities".to_owned()),
            ("AWS_ACCOUNT_ID", ACCOUNT.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
        ];
        let target = folders::target()?;
        let env = [
            ("AWS_ENDPOINT_URL", stage.emulator.url.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("GITHUB_API_URL", self.github.url.clone()),
            ("LOCKGATE_ADVISORY_DB", self.advisories.display().to_string()),
            ("LOCKGATE_FROM", target.join("debug/lockgate").display().to_string()),
            ("CARGO_TARGET_DIR", target.display().to_string()),
            // Where Terraform finds the provider, and how it speaks to an emulated S3.
            ("TF_CLI_CONFIG_FILE", stage.terraform.configuration.display().to_string()),
            ("TF_CLI_ARGS_init", "-backend-config=use_path_style=true".to_owned()),
            ("TF_VAR_s3_use_path_style", "true".to_owned()),
        ];
        let request = Request {
            workflow: WORKFLOW.to_owned(),
            event: "pull_request".to_owned(),
            payload: self.event(pull).await?,
            run_id,
            vars: workflows::pairs(&vars),
            env: workflows::pairs(&env),
            oidc: Some(issuer.grant(job)?),
            path: self.path.clone(),
        };
        let act = stage.act().await?;
        let from = stage.clock.elapsed().as_secs_f64();
        let what = format!("act {WORKFLOW}");
        let run = self.workflows.run(&act.path, &request);
        let done = stage.clock.measure(Kind::Step, act_name, &what, run).await?;
        std::fs::write(stage.file(&format!("act-{run_id}.log")), done.log.join("\n"))?;
        for step in &done.steps {
            let kind = match step.name.rsplit('/').next() {
                Some("package") => Kind::Cargo,
                Some("plan") => Kind::Terraform,
                Some("scan") => Kind::Scanner,
                _ => Kind::Step,
            };
            let what = format!("{} in {}", step.name, step.job.rsplit('/').next().unwrap_or_default());
            stage.clock.add(kind, act_name, &what, from + step.from, from + step.to);
        }
        self.jobs.insert(pull.number, done.jobs.clone());
        Ok(done)
    }

    /// The one comment of an action.
    ///
    /// # Errors
    /// If there is none, or a second one.
    pub(crate) fn comment(&self, pull: &Pull, action: &str) -> Result<Comment> {
        let repository = self.github.repository(GITHUB_REPOSITORY)?;
        let ours =
            |comment: &&Comment| comment.number == pull.number && !marker::sections(action, &comment.body).is_empty();
        let mut comments = repository.comments.values().filter(ours);
        let comment =
            comments.next().with_context(|| format!("there is no comment of {action} on the pull request"))?;
        ensure!(comments.next().is_none(), "there is more than one comment of {action}");
        Ok(comment.clone())
    }

    /// Whether everything that was asked and answered was as GitHub describes it.
    pub(crate) fn judge(&self, checks: &mut Checks) {
        checks.equal("every request and answer was as GitHub describes them", &self.github.violations(), &Vec::new());
        let asked = self.github.requests();
        let first = asked.first().map(|one| format!("{} {}", one.method, one.path)).unwrap_or_default();
        checks.that("GitHub was asked", !asked.is_empty(), format!("{} requests, the first {first}", asked.len()));
    }

    /// The pull requests as people read them.
    ///
    /// # Errors
    /// If GitHub lost the repository.
    pub fn conversations(&self) -> Result<Vec<Conversation>> {
        let repository = self.github.repository(GITHUB_REPOSITORY)?;
        let comments = |number: u64| {
            let of = repository.comments.values().filter(move |comment| comment.number == number);
            of.map(|comment| Said {
                author: comment.user.login.clone(),
                body: comment.body.clone(),
                edited: comment.created_at != comment.updated_at,
                note: String::new(),
            })
        };
        let conversation = |(number, jobs): (&u64, &BTreeMap<String, String>)| {
            let issue = repository.issues.get(number)?;
            Some(Conversation {
                title: issue.title.clone(),
                number: *number,
                author: issue.user.login.clone(),
                state: if issue.open { State::Open } else { State::Closed },
                body: Some(issue.body.clone().unwrap_or_default()),
                comments: comments(*number).collect(),
                checks: jobs.iter().map(|(job, result)| (job.clone(), result == "success")).collect(),
            })
        };
        Ok(self.jobs.iter().filter_map(conversation).collect())
    }
}

/// What became of the jobs, and the first errors.
pub(crate) fn told(outcome: &Outcome) -> String {
    let errors = outcome.log.iter().flat_map(|said| said.lines()).filter(|line| line.contains("error"));
    let errors: Vec<_> = errors.take(4).collect();
    format!("{:?} {}", outcome.jobs, errors.join(" | "))
}
