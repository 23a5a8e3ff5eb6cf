//! *pull-request*: a contributor keeps logs for longer, and a reviewer reads what Terraform would do.

use crate::clock::Kind;
use crate::repository::Repository;
use crate::stage::{ENVIRONMENT, GITHUB_REPOSITORY, Stage};
use crate::story::Checks;
use crate::workflows::{Outcome, Request, Workflows};
use anyhow::{Context, Result, ensure};
use lockgate::sticky::marker;
use serde_json::{Value, json};
use stand_ins::emulator::{ACCOUNT, REGION};
use stand_ins::folders;
use stand_ins::github::{Comment, Github, NewPull};
use stand_ins::oidc::{GITHUB, Issuer, Job};
use std::path::{Path, PathBuf};

const WORKFLOW: &str = ".github/workflows/on-pull-request.yml";
const BRANCH: &str = "longer-logs";
const VALUES: &str = "terraform/environments/staging/terraform.tfvars";

pub(crate) async fn pull_request(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
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
    let scanners = stage.scanners().await?;
    let (mut path, mut advisories) = (Vec::new(), PathBuf::new());
    for scanner in &scanners {
        // tfsec is in no RELEASE: it is scanned with where the runner has it.
        match scanner.name {
            "tfsec" => path.extend(scanner.path.parent().map(Path::to_owned)),
            "advisory-db" => advisories.clone_from(&scanner.path),
            _ => workflows.put_tool(scanner)?,
        }
    }
    stage.note_rewrites(&workflows);
    stage.github = Some(github.clone());

    let repository = Repository { folder: workflows.folder.clone() };
    let base = repository.head().await?;
    repository.git(&["switch", "--quiet", "--create", BRANCH]).await?;
    repository.change(VALUES, "log_retention_days = 14", "log_retention_days = 30")?;
    repository.commit("Keep the logs of staging for a month").await?;
    let pull = Pull { base, github: &github, repository: &repository, path, advisories, number: 0 };
    let pull = pull.open().await?;

    let first = pull.run(stage, &workflows, 2).await?;
    checks.that("every job succeeds", first.succeeded(), told(&first));
    let comment = comment(&github, pull.number, "plan")?;
    let before = judge(checks, &comment, "14 -> 30")?;
    let scanned = self::comment(&github, pull.number, "scan")?;
    let headline = scanned.body.lines().find(|line| line.starts_with("## ")).unwrap_or_default();
    checks.that(
        "the other comment says that nothing new was found",
        headline.contains("nothing new"),
        headline.to_owned(),
    );
    let gap = scanned.body.contains("trivy/vulnerabilities");
    checks.that("and what was not scanned", gap, "trivy/vulnerabilities".to_owned());

    repository.change(VALUES, "log_retention_days = 30", "log_retention_days = 60")?;
    repository.commit("Keep them for two").await?;
    let again = pull.run(stage, &workflows, 3).await?;
    checks.that("pushed again, every job succeeds", again.succeeded(), told(&again));
    let changed = self::comment(&github, pull.number, "plan")?;
    let after = judge(checks, &changed, "14 -> 60")?;
    checks.equal("the same comment has changed", &changed.id, &comment.id);
    checks.equal("the scan's comment is the same, too", &self::comment(&github, pull.number, "scan")?.id, &scanned.id);
    checks.that("the digest has changed with it", before != after, format!("{before}, {after}"));
    let asked = github.requests();
    let asked: Vec<_> = asked.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    checks.equal("every request and answer was as GitHub describes them", &github.violations(), &Vec::new());
    let first = asked.first().cloned().unwrap_or_default();
    checks.that("GitHub was asked", !asked.is_empty(), format!("{} requests, the first {first}", asked.len()));
    Ok(())
}

/// A pull request, and where it comes from.
struct Pull<'p> {
    base: String,
    github: &'p Github,
    repository: &'p Repository,
    /// Folders of tools that the runner has.
    path: Vec<PathBuf>,
    /// The advisory database.
    advisories: PathBuf,
    number: u64,
}

impl Pull<'_> {
    async fn open(mut self) -> Result<Self> {
        let new = NewPull {
            title: "Keep the logs of staging for a month".to_owned(),
            user: "octocat".to_owned(),
            head_ref: BRANCH.to_owned(),
            head_sha: self.repository.head().await?,
            base_sha: self.base.clone(),
            ..NewPull::default()
        };
        self.number = self.github.add_pull(GITHUB_REPOSITORY, new)?;
        Ok(self)
    }

    /// The event as GitHub sends it, as far as workflows look at it.
    async fn event(&self) -> Result<Value> {
        let repository = json!({ "full_name": GITHUB_REPOSITORY, "private": true });
        let side = |branch: &str, sha: &str| json!({ "ref": branch, "sha": sha, "repo": repository });
        Ok(json!({
            "action": "synchronize",
            "number": self.number,
            "repository": repository,
            "pull_request": {
                "number": self.number,
                "state": "open",
                "head": side(BRANCH, &self.repository.head().await?),
                "base": side("main", &self.base),
            },
        }))
    }

    /// Runs what GitHub runs when the branch is pushed, to its end.
    async fn run(&self, stage: &mut Stage, workflows: &Workflows, run_id: u64) -> Result<Outcome> {
        let issuer = Issuer::start_as(Some(GITHUB))?;
        let (owner, name) = GITHUB_REPOSITORY.split_once('/').context("owner and name")?;
        let job = Job {
            owner: owner.to_owned(),
            repository: name.to_owned(),
            event: "pull_request".to_owned(),
            git_ref: format!("refs/pull/{}/merge", self.number),
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
        let pairs = |pairs: &[(&str, String)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        let request = Request {
            workflow: WORKFLOW.to_owned(),
            event: "pull_request".to_owned(),
            payload: self.event().await?,
            run_id,
            vars: pairs(&vars),
            env: pairs(&env),
            oidc: Some(issuer.grant(job)?),
            path: self.path.clone(),
        };
        let act = stage.act().await?;
        let from = stage.clock.elapsed().as_secs_f64();
        let what = format!("act {WORKFLOW}");
        let run = workflows.run(&act.path, &request);
        let done = stage.clock.measure(Kind::Step, "pull-request", &what, run).await?;
        std::fs::write(stage.file(&format!("act-{run_id}.log")), done.log.join("\n"))?;
        for step in &done.steps {
            let kind = match step.name.rsplit('/').next() {
                Some("package") => Kind::Cargo,
                Some("plan") => Kind::Terraform,
                Some("scan") => Kind::Scanner,
                _ => Kind::Step,
            };
            let what = format!("{} in {}", step.name, step.job.rsplit('/').next().unwrap_or_default());
            stage.clock.add(kind, "pull-request", &what, from + step.from, from + step.to);
        }
        Ok(done)
    }
}

/// The one comment of an action.
fn comment(github: &Github, number: u64, action: &str) -> Result<Comment> {
    let repository = github.repository(GITHUB_REPOSITORY)?;
    let ours = |comment: &&Comment| comment.number == number && !marker::sections(action, &comment.body).is_empty();
    let mut comments = repository.comments.values().filter(ours);
    let comment = comments.next().with_context(|| format!("there is no comment of {action} on the pull request"))?;
    ensure!(comments.next().is_none(), "there is more than one comment of {action}");
    Ok(comment.clone())
}

/// Whether a reviewer can decide by the comment; returns the digest of the environment's plan.
fn judge(checks: &mut Checks, comment: &Comment, change: &str) -> Result<String> {
    let sections = marker::sections("plan", &comment.body);
    let roots: Vec<&str> = sections.iter().map(|(root, _)| root.as_str()).collect();
    let expected = ["terraform/environments/production", "terraform/environments/staging"];
    checks.that("one comment has a section for each root", roots == expected, format!("{roots:?}"));
    let root = format!("terraform/environments/{ENVIRONMENT}");
    let (_, section) = sections.iter().find(|(name, _)| *name == root).context("a section for the environment")?;
    let changes = section.matches(&format!("! retention_in_days = {change}")).count();
    let headline = section.lines().find(|line| line.starts_with("## ")).unwrap_or_default();
    checks.that(
        "it says what changes, and nothing else does: the functions' digests are those that run",
        changes > 0 && headline == format!("## Plan of `{ENVIRONMENT}`: {changes} to change"),
        format!("{headline} ({changes} differences of {change})"),
    );
    let digest = section.split("plan digest `").nth(1).and_then(|rest| rest.split('`').next()).unwrap_or_default();
    let is_digest = digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
    checks.that("it carries the plan's digest", is_digest, digest.to_owned());
    Ok(digest.to_owned())
}

/// What became of the jobs, and the first errors.
fn told(outcome: &Outcome) -> String {
    let errors = outcome.log.iter().flat_map(|said| said.lines()).filter(|line| line.contains("error"));
    let errors: Vec<_> = errors.take(4).collect();
    format!("{:?} {}", outcome.jobs, errors.join(" | "))
}
