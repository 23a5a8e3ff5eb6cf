//! GitHub's side of the story: the repository on GitHub's stand-in, the clones of those who contribute, and the runs of
//! workflows, each in a checkout of its own.

mod pages;
mod run;
mod runs;
mod settings;

use crate::github_page::Conversation;
use crate::repository::Repository;
use crate::stage::{GITHUB_REPOSITORY, Stage};
use crate::tools::Tool;
use crate::workflows::Workflows;
use anyhow::{Context, Result, ensure};
use lockgate::sticky::marker;
use stand_ins::folders;
use stand_ins::github::{Comment, Deployment, Dispatch, Gates, Github, Issue, NewPull};
use stand_ins::oidc::{GITHUB, Issuer};
use stand_ins::tools::output;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::process::Command;

pub(crate) use run::{Started, told};
pub(crate) use runs::PlayedRun;
pub(crate) use settings::{CONTRIBUTOR, MAINTAINER};

/// GitHub with the story's repository on it, and a runner.
#[derive(Debug)]
pub struct Hub {
    /// GitHub.
    pub(crate) github: Github,
    /// Where jobs wait.
    pub(crate) gates: Gates,
    /// What GitHub has of the repository. Its own files stay as they were at first.
    pub(crate) origin: Repository,
    /// The clone by which main is changed, by one at a time.
    main: tokio::sync::Mutex<Repository>,
    /// Where the clones are.
    folder: PathBuf,
    workflows: Workflows,
    act: Tool,
    /// Issues the jobs' tokens.
    issuer: Issuer,
    /// Folders of tools that the runner has.
    path: Vec<PathBuf>,
    /// The advisory database.
    advisories: PathBuf,
    /// The program `lockgate` that jobs run.
    program: PathBuf,
    /// How many workflows ran so far.
    runs: AtomicU64,
    /// What GitHub wants to be started, as it was told.
    events: Arc<Mutex<Vec<Dispatch>>>,
    /// The runs that were played.
    played: Mutex<Vec<PlayedRun>>,
}

/// A pull request: its number, and its branch.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    branch: String,
}

/// A branch in a contributor's own clone.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) clone: Repository,
    name: String,
}

impl Branch {
    /// Commits everything and gives it to GitHub.
    ///
    /// # Errors
    /// If git fails.
    pub(crate) async fn push(&self, message: &str) -> Result<()> {
        self.clone.commit(message).await?;
        self.clone.git(&["push", "--quiet", "origin", &self.name]).await
    }
}

impl Hub {
    /// Starts GitHub, and makes what a runner has.
    ///
    /// # Errors
    /// If a tool is missing, or the copy cannot be made.
    pub(crate) async fn new(stage: &mut Stage) -> Result<Self> {
        let github = Github::start()?;
        github.add_repository(GITHUB_REPOSITORY, true);
        let tokens = |granted: &[(String, String)]| {
            let granted: Vec<_> = granted.iter().map(|(right, level)| (right.as_str(), level.as_str())).collect();
            Some(github.token(GITHUB_REPOSITORY, &granted))
        };
        let folder = stage.file("hub");
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
        stage.rewrites.push((
            "(the runner)".to_owned(),
            "but for the run of the act bad-pull-request, Terraform runs the provider that the act bootstrap accepted by its hash, and hashes it no more"
                .to_owned(),
        ));
        let origin = Repository { folder: workflows.folder.clone() };
        let base = origin.head().await?;
        // act copies every file of it for each job.
        origin.git(&["repack", "-a", "-d", "--quiet"]).await?;
        // What is checked out takes no pushes.
        origin.git(&["switch", "--quiet", "--detach"]).await?;
        let main = origin.cloned(&folder.join("main"), "main").await?;
        github.push(GITHUB_REPOSITORY, &base, "What is delivered", MAINTAINER)?;
        settings::set(&github, stage)?;
        let events: Arc<Mutex<Vec<Dispatch>>> = Arc::default();
        let told = Arc::clone(&events);
        github.on_dispatch(move |_, dispatch| {
            told.lock().unwrap_or_else(PoisonError::into_inner).push(dispatch.clone());
        });
        let gates = github.gates()?;
        Ok(Self {
            act: stage.act().await?,
            issuer: Issuer::start_as(Some(GITHUB))?,
            github,
            gates,
            origin,
            main: tokio::sync::Mutex::new(main),
            folder,
            workflows,
            path,
            advisories,
            program: stripped(&folders::target()?.join("debug/lockgate"), &stage.file("lockgate")).await?,
            runs: AtomicU64::new(1),
            events,
            played: Mutex::default(),
        })
    }

    /// Begins a branch at main, in a new clone.
    ///
    /// # Errors
    /// If git fails.
    pub(crate) async fn branch(&self, name: &str) -> Result<Branch> {
        let clone = self.origin.cloned(&self.folder.join("clones").join(name), "main").await?;
        clone.git(&["switch", "--quiet", "--create", name]).await?;
        Ok(Branch { clone, name: name.to_owned() })
    }

    /// Commits what was changed in a branch, and opens a pull request for it.
    ///
    /// # Errors
    /// If git fails.
    pub(crate) async fn open(&self, branch: &Branch, title: &str) -> Result<Pull> {
        branch.push(title).await?;
        let new = NewPull {
            title: title.to_owned(),
            user: CONTRIBUTOR.to_owned(),
            head_ref: branch.name.clone(),
            head_sha: branch.clone.head().await?,
            base_sha: self.origin.commit_of("main").await?,
            ..NewPull::default()
        };
        let number = self.github.add_pull(GITHUB_REPOSITORY, new)?;
        Ok(Pull { number, branch: branch.name.clone() })
    }

    /// Merges a pull request into main, as GitHub's button does, and returns what that starts.
    ///
    /// # Errors
    /// If git finds a conflict, or the pull request is not open.
    pub(crate) async fn merge(&self, pull: &Pull) -> Result<Started> {
        let title = self.github.repository(GITHUB_REPOSITORY)?.issues.get(&pull.number).map(|it| it.title.clone());
        let title = format!("{} (#{})", title.context("the pull request is not there")?, pull.number);
        let main = self.main.lock().await;
        main.git(&["fetch", "--quiet", "origin", &pull.branch]).await?;
        main.git(&["merge", "--quiet", "--squash", "FETCH_HEAD"]).await?;
        let commit = pushed(&main, &title).await?;
        self.github.merge(GITHUB_REPOSITORY, pull.number, &commit, MAINTAINER)?;
        self.started_by_push(&commit)
    }

    /// Changes main without a pull request, and returns what that starts.
    ///
    /// # Errors
    /// If git fails, or the change cannot be made.
    pub(crate) async fn change_main(
        &self,
        title: &str,
        change: impl FnOnce(&Repository) -> Result<()>,
    ) -> Result<Started> {
        let main = self.main.lock().await;
        change(&main)?;
        let commit = pushed(&main, title).await?;
        self.github.push(GITHUB_REPOSITORY, &commit, title, MAINTAINER)?;
        self.started_by_push(&commit)
    }

    /// The pull request of a branch that an earlier act opened.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn pull(&self, branch: &str) -> Result<Pull> {
        let repository = self.github.repository(GITHUB_REPOSITORY)?;
        let of = |issue: &&Issue| issue.pull.as_ref().is_some_and(|pull| pull.head.git_ref == branch);
        let found = repository.issues.values().find(of).with_context(|| format!("no act opened {branch}"))?;
        Ok(Pull { number: found.number, branch: branch.to_owned() })
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

    /// What the one comment of an action says about a subject.
    ///
    /// # Errors
    /// As [`Hub::comment`], or if it says nothing about that.
    pub(crate) fn section(&self, pull: &Pull, action: &str, subject: &str) -> Result<String> {
        let body = self.comment(pull, action)?.body;
        let found = marker::sections(action, &body).into_iter().find(|(of, _)| of == subject);
        found
            .map(|(_, text)| text.to_owned())
            .with_context(|| format!("the comment says nothing about {subject}: {body}"))
    }

    /// What the one comment of an action said about a subject, from its first edit to now.
    pub(crate) fn history(&self, pull: &Pull, action: &str, subject: &str) -> Vec<String> {
        let Ok(comment) = self.comment(pull, action) else { return Vec::new() };
        let said = |body: &String| {
            let found = marker::sections(action, body).into_iter().find(|(of, _)| of == subject);
            found.map(|(_, text)| text.to_owned())
        };
        comment.edits.iter().chain([&comment.body]).filter_map(said).collect()
    }

    /// The last deployment of a release to an environment.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn deployment(&self, environment: &str, release: &str) -> Result<Deployment> {
        let ours = |it: &Deployment| it.environment == environment && it.payload["release"] == release;
        let found = self.deployments()?.into_iter().rfind(ours);
        found.with_context(|| format!("GitHub has no deployment of {release} to {environment}"))
    }

    /// Every deployment, oldest first.
    ///
    /// # Errors
    /// If GitHub lost the repository.
    pub(crate) fn deployments(&self) -> Result<Vec<Deployment>> {
        Ok(self.github.repository(GITHUB_REPOSITORY)?.deployments.into_values().collect())
    }

    /// The pull requests as people read them.
    ///
    /// # Errors
    /// If GitHub lost the repository.
    pub(crate) fn pulls(&self) -> Result<Vec<Conversation>> {
        pages::conversations(self, |issue| issue.pull.is_some())
    }

    /// The issues as people read them.
    ///
    /// # Errors
    /// If GitHub lost the repository.
    pub(crate) fn issues(&self) -> Result<Vec<Conversation>> {
        pages::conversations(self, |issue| issue.pull.is_none())
    }
}

/// Commits everything in a clone and gives it to GitHub; returns the commit.
async fn pushed(main: &Repository, title: &str) -> Result<String> {
    main.commit(title).await?;
    main.git(&["push", "--quiet", "origin", "main"]).await?;
    main.head().await
}

/// A program without its debugging symbols, which are half of it: each job keeps a copy and its digest.
async fn stripped(program: &Path, to: &Path) -> Result<PathBuf> {
    let mut strip = Command::new("strip");
    output(strip.arg("-o").arg(to).arg(program))
        .await
        .context("strip fails; it comes with apt-get install binutils")?;
    Ok(to.to_owned())
}
