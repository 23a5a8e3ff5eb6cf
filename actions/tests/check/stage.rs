//! A merged change before its delivery: an environment with a release, GitHub environments that let in the branch alone, and a
//! Terraform that tells when it is called.

use std::{fs, time::Duration};

use lockgate::{
    ledger::{Change, Hold, Live, Release, State},
    lock::{self, Held, Taken},
};
use stand_ins::github::{Branches, Deployment, Environment as Gate, User};

use crate::{
    environment::{Environment, ID, wait},
    world::{BOT, Done, REPOSITORY, World},
};

/// What deploy.yml gives the job.
pub(crate) const RIGHTS: [(&str, &str); 4] =
    [("actions", "read"), ("contents", "read"), ("deployments", "write"), ("pull-requests", "write")];

/// What the pull request's job packaged: the release's own bytes.
const PACKAGES: &str = r#"{"schema": 1, "toolchain": {"id": "t", "rustc": "r", "libc": "l", "crt": "c", "linker": "l",
    "cc": "c"}, "functions": {"tally": {"package": "image", "path": "tally", "digest": "sha256:c0de", "size": 1}}}"#;

/// The release that is live, where one is.
const LIVE: &str = "r6-bbbbbbbbbbbb";

pub(crate) struct Stage {
    pub(crate) environment: Environment,
    pub(crate) name: String,
}

impl Stage {
    /// `name` has to be unique over all tests. The pull request is open.
    pub(crate) fn new(name: &str, configuration: &str) -> Self {
        let environment = Environment::of(name, World::open(configuration));
        let mut stage = Self { environment, name: name.to_owned() };
        stage.may(&RIGHTS);
        stage.gate("", &[]);
        stage.gate("-promote", &[]);
        stage.gate("-rollback", &[]);
        stage.gate("-approval", &["ada"]);
        let script =
            "echo \"$1\" >> ../calls\nif [ \"$1\" = show ] && [ -f ../plan.json ]; then exec cat ../plan.json; fi";
        stage.world_mut().wrap(script);
        stage
    }

    /// The same, merged without anybody having seen a plan.
    pub(crate) fn merged(name: &str, configuration: &str) -> Self {
        let stage = Self::new(name, configuration);
        stage.world().merge();
        stage
    }

    pub(crate) fn world(&self) -> &World {
        &self.environment.world
    }

    pub(crate) fn world_mut(&mut self) -> &mut World {
        &mut self.environment.world
    }

    /// What the job's token may do from now on.
    pub(crate) fn may(&mut self, rights: &[(&str, &str)]) {
        let token = self.world().github.token(REPOSITORY, rights);
        self.world_mut().set("INPUT_TOKEN", &token);
    }

    /// Sets a GitHub environment that lets in main alone.
    pub(crate) fn gate(&self, end: &str, reviewers: &[&str]) {
        let reviewers = reviewers.iter().map(|login| User::named(login)).collect();
        let branches = Branches::Named(vec!["main".to_owned()]);
        self.set_gate(end, Some(Gate { reviewers, branches, ..Gate::default() }));
    }

    /// Sets a GitHub environment as it is given, or takes it away.
    pub(crate) fn set_gate(&self, end: &str, gate: Option<Gate>) {
        let name = format!("{}{end}", self.name);
        let set = self.world().github.edit(REPOSITORY, |repository| match gate {
            Some(gate) => repository.environments.insert(name, gate),
            None => repository.environments.remove(&name),
        });
        set.expect("the repository");
    }

    /// Has Terraform show this plan instead of its own.
    pub(crate) fn shows(&self, changes: &serde_json::Value) {
        let plan = serde_json::json!({"format_version": "1.2", "planned_values": {}, "resource_changes": changes});
        fs::write(self.world().path("plan.json"), plan.to_string()).expect("written");
    }

    /// Plans for the pull request, as its own job does; the plan's digest.
    pub(crate) fn plan(&self) -> String {
        let number = self.world().pull.to_string();
        let mut command = self.world().command(&["plan", "--pull-request", &number, "--packages", PACKAGES]);
        let child = command.env("INPUT_RELEASE", "").spawn().expect("lockgate runs");
        self.world().ended(0, child).output("digest").to_owned()
    }

    /// The same, and merges it.
    pub(crate) fn review(&self) -> String {
        let digest = self.plan();
        self.world().merge();
        digest
    }

    /// `lockgate check`, which has to end so.
    pub(crate) fn check(&self, code: i32) -> Done {
        self.world().ends(code, &["check"])
    }

    /// The outputs `environment` and `reviewed` of a check that ends well.
    pub(crate) fn decides(&self) -> [String; 2] {
        let done = self.check(0);
        ["environment", "reviewed"].map(|name| done.output(name).to_owned())
    }

    /// The GitHub environment behind which somebody approves.
    pub(crate) fn approval(&self) -> String {
        format!("{}-approval", self.name)
    }

    /// What Terraform was called for.
    pub(crate) fn calls(&self) -> String {
        fs::read_to_string(self.world().path("calls")).unwrap_or_default()
    }

    /// The comment about deliveries on the pull request; there is no other one of its kind.
    pub(crate) fn comment(&self) -> Option<String> {
        let mut found = self.world().comments().into_iter().filter(|body| body.starts_with("<!-- lockgate:deploy "));
        let comment = found.next();
        assert_eq!(found.next(), None, "one comment says everything");
        comment
    }

    /// All deployments, the oldest first.
    pub(crate) fn deployments(&self) -> Vec<Deployment> {
        let repository = self.world().github.repository(REPOSITORY).expect("the repository");
        repository.deployments.into_values().collect()
    }

    /// The same, each with the states that it had.
    pub(crate) fn states(&self) -> Vec<Vec<String>> {
        let states = |made: &Deployment| made.states().into_iter().map(str::to_owned).collect();
        self.deployments().iter().map(states).collect()
    }

    /// Writes the bot's comments as somebody else's.
    pub(crate) fn disown_comments(&self, login: &str) {
        let disown = |repository: &mut stand_ins::github::Repository| {
            repository
                .comments
                .values_mut()
                .filter(|comment| comment.user.login == BOT)
                .for_each(|comment| comment.user = User::named(login));
        };
        self.world().github.edit(REPOSITORY, disown).expect("the repository");
    }

    /// Writes down that the release was built from a commit, and, if there is one, that a release of this other commit is live;
    /// its id.
    pub(crate) fn live(&self, commit: &str, live: Option<&str>) -> &'static str {
        let ledger = &self.environment.ledger;
        wait(async {
            let ours = Release { commit: commit.to_owned(), ..ledger.release(ID).await.expect("a release") };
            let other = live.map(|commit| Release {
                id: LIVE.to_owned(),
                commit: commit.to_owned(),
                state: State::Live,
                ..ours.clone()
            });
            let now = Live { release: live.map(|_| LIVE.to_owned()), ..Live::default() };
            let releases: Vec<_> = [ours].into_iter().chain(other).collect();
            self.write(Change { live: &now, releases: &releases, holds: &[] }).await;
        });
        LIVE
    }

    /// Writes down where the release stands, and what else the ledger has: another one that serves with other code, and one
    /// with this one's code that was taken back for a reason.
    pub(crate) fn stands(&self, state: State, taken_back: Option<&str>) {
        let ledger = &self.environment.ledger;
        wait(async {
            let ours = Release { state, ..ledger.release(ID).await.expect("a release") };
            let mut serves = Release { id: LIVE.to_owned(), state: State::Live, ..ours.clone() };
            serves.functions.get_mut("tally").expect("a function").code = "sha256:0ld".to_owned();
            let back = taken_back.map(|reason| Release {
                id: "r5-cccccccccccc".to_owned(),
                state: State::Failed,
                reason: Some(reason.to_owned()),
                ..ours.clone()
            });
            let now = Live { release: Some(LIVE.to_owned()), ..Live::default() };
            let releases: Vec<_> = [ours, serves].into_iter().chain(back).collect();
            self.write(Change { live: &now, releases: &releases, holds: &[] }).await;
        });
    }

    /// Writes into the ledger.
    async fn write(&self, change: Change<'_>) {
        let ledger = &self.environment.ledger;
        let taken = Held::take(ledger, lock::Name::Alias, "ada", "a test", Duration::from_secs(60)).await;
        let Taken::Ours(held, _) = taken.expect("a ledger") else { panic!("nobody else has it") };
        ledger.write(&held, change).await.expect("written");
        held.give_back(ledger).await;
    }

    /// Holds the release's function as it is with this configuration; the hold's id.
    pub(crate) fn hold(&self, configuration: &str, reason: &str) -> String {
        let mut function = self.environment.function();
        function.configuration = Some(configuration.to_owned());
        let hold = Hold::new("tally", &function, ID, reason, "ada").expect("it is configured");
        let holds = std::slice::from_ref(&hold);
        wait(self.write(Change { live: &Live::default(), releases: &[], holds }));
        hold.id
    }
}
