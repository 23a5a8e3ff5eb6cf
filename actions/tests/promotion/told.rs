//! Who hears of a promotion: the pull request that it came by, those that it carries, and the deployment; and what is asked
//! once all the traffic has moved.

use std::{
    fs,
    process::Command,
    sync::mpsc::{Receiver, channel},
};

use aws_sdk_cloudwatch::types::StateValue;
use lockgate::ledger::{Release, State};
use stand_ins::{
    github::{Deployment, Fault, Github, NewPull},
    scripted::{Answer, Scripted},
};

use crate::{
    verdicts::alarm,
    world::{FUNCTIONS, NEW, OLD, World},
};

pub(crate) const REPOSITORY: &str = "example/calls";
const PROMOTE: [&str; 6] = ["promote", "--release", NEW, "--strategy", "all-at-once", "--ignore-alarms=true"];

/// Three merges: the release that serves is of the first, the one to promote of the last, and nobody released the second.
pub(crate) struct Merges {
    pub(crate) world: World,
    pub(crate) github: Github,
    token: String,
    pub(crate) deployment: u64,
}

/// The commit that pull request `number` became.
fn commit(number: u64) -> String {
    number.to_string().repeat(40)
}

impl Merges {
    pub(crate) fn new(environment: &str) -> Self {
        let world = World::new(environment);
        let github = Github::start().expect("a GitHub");
        github.add_repository(REPOSITORY, true);
        for number in 1..=3 {
            assert_eq!(github.add_pull(REPOSITORY, NewPull::default()).expect("a pull request"), number);
            github.merge(REPOSITORY, number, &commit(number), "octo-maintainer").expect("a merge");
        }
        let old = world.release(OLD, "1");
        world.put(OLD, &Release { commit: commit(1), state: State::Live, live_since: world.since(), ..old });
        world.put(NEW, &Release { commit: commit(3), ..world.release(NEW, "2") });
        let rights = [("contents", "read"), ("deployments", "write"), ("pull-requests", "write")];
        let token = github.token(REPOSITORY, &rights);
        let deployment = github.add_deployment(REPOSITORY, &commit(3), environment).expect("a deployment");
        Self { world, github, token, deployment }
    }

    /// Promotes as the third merge's run, which has to end so; what it said.
    fn promote(&self, code: i32, health_url: &str) -> String {
        self.ended(code, self.command(health_url))
    }

    fn command(&self, health_url: &str) -> Command {
        let mut command = self.run(&PROMOTE);
        command.env("INPUT_HEALTH_URL", health_url);
        command
    }

    /// `lockgate <arguments>` in the third merge's run.
    pub(crate) fn run(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        command.envs([
            ("GITHUB_API_URL", self.github.url.as_str()),
            ("GITHUB_REPOSITORY", REPOSITORY),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_SHA", &commit(3)),
            ("INPUT_TOKEN", &self.token),
            ("INPUT_DEPLOYMENT", &self.deployment.to_string()),
        ]);
        command
    }

    pub(crate) fn ended(&self, code: i32, mut command: Command) -> String {
        let done = command.output().expect("lockgate runs");
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert_eq!(done.status.code(), Some(code), "lockgate said:\n{said}");
        assert_eq!(self.github.violations(), Vec::<String>::new());
        said
    }

    /// The comments on a pull request.
    pub(crate) fn comments(&self, number: u64) -> Vec<String> {
        let repository = self.github.repository(REPOSITORY).expect("the repository");
        repository.comments_of(number).into_iter().map(|comment| comment.body.clone()).collect()
    }

    /// The only one.
    pub(crate) fn comment(&self, number: u64) -> String {
        let mut comments = self.comments(number);
        assert_eq!(comments.len(), 1, "{comments:?}");
        comments.remove(0)
    }

    pub(crate) fn deployment(&self) -> Deployment {
        let repository = self.github.repository(REPOSITORY).expect("the repository");
        repository.deployments[&self.deployment].clone()
    }

    /// Asserts that all of it was taken back, and that its own pull request alone hears of it, with these words.
    fn taken_back(&self, words: &[&str]) {
        self.world.serves("1", OLD, "taken back");
        assert_eq!(self.world.state(NEW), State::Failed);
        let comment = self.comment(3);
        let headline = format!("## ⛔ Taken back in `{}`\n", self.world.environment);
        let serves = format!("What serves: `{OLD}`.");
        for part in [&[headline.as_str(), &serves][..], words].concat() {
            assert!(comment.contains(part), "{part}: {comment}");
        }
        assert!(!comment.contains("Roll back"), "there is nothing to take back any more: {comment}");
        assert!(self.comments(2).is_empty(), "{:?}", self.comments(2));
    }

    /// A service that answers so when it is asked whether it is well, and tells what the aliases served then.
    fn service(&self, status: u16) -> (Scripted, Receiver<Vec<String>>) {
        let (tell, told) = channel();
        let tell = std::sync::Mutex::new(tell);
        let lambda = self.world.lambda.clone();
        let server = Scripted::start(move |_| {
            let serve = lambda.functions().values().map(|function| function.version.clone()).collect();
            tell.lock().expect("no panic").send(serve).expect("the test waits");
            Answer::status(status)
        });
        (server, told)
    }
}

#[test]
fn a_merge_that_was_overtaken_is_told_which_one_carried_it() {
    let merges = Merges::new("told-carried");
    let (service, asked) = merges.service(200);
    let url = format!("{}/health", service.url);
    merges.promote(0, &url);
    merges.world.serves("2", NEW, "promoted");
    assert_eq!(asked.try_iter().collect::<Vec<_>>(), [["2"; FUNCTIONS.len()]], "asked once, when all has moved");
    assert_eq!(service.requests()[0].path, "/health");

    let carried = merges.comment(2);
    let headline = "<!-- lockgate:deploy of=told-carried -->\n## ✅ Live in `told-carried` with #3\n";
    assert!(carried.starts_with(headline) && carried.contains(NEW), "{carried}");
    assert!(merges.comments(1).is_empty(), "what served before is no news: {:?}", merges.comments(1));
    let own = merges.comment(3);
    for part in [
        "<!-- lockgate:deploy of=told-carried -->\n## ✅ Live in `told-carried`\n",
        "| `enrich` | `2` | `1` | `sha256:enrich2` |",
        &format!("[Roll back](https://github.example/{REPOSITORY}/actions/workflows/on-rollback.yml) to `{OLD}`"),
        &format!("[run](https://github.example/{REPOSITORY}/actions/runs/7)"),
    ] {
        assert!(own.contains(part), "{part}: {own}");
    }
    let deployment = merges.deployment();
    assert_eq!(deployment.states(), ["in_progress", "success"]);
    assert_eq!(deployment.statuses[1].environment_url, url);
    assert!(deployment.statuses.iter().all(|status| status.log_url.ends_with("/actions/runs/7")), "{deployment:?}");
}

#[test]
fn a_service_that_is_not_well_takes_everything_back_and_holds_no_code() {
    let merges = Merges::new("told-unwell");
    let (service, asked) = merges.service(500);
    let said = merges.promote(1, &service.url);
    assert!(said.contains("does not answer 200: it answers 500"), "{said}");
    assert!(asked.try_iter().all(|serve| serve == ["2"; FUNCTIONS.len()]), "it was asked when all had moved");
    merges.taken_back(&["it answers 500"]);
    assert!(
        merges.world.holds().is_empty(),
        "it speaks for the service, not for a function: {:?}",
        merges.world.holds()
    );
    let deployment = merges.deployment();
    assert_eq!(deployment.states(), ["in_progress", "failure"]);
    assert!(deployment.statuses[1].description.contains("was taken back"), "{deployment:?}");
}

/// Has the probe of a function through its alias be answered so.
fn answers_through_its_alias(world: &World, name: &str, answer: fn() -> Answer) {
    let (place, lambda) = (world.function(name), world.lambda.clone());
    world.script(move |request| {
        let asked = request.path.contains(&place) && request.path.contains("/invocations?Qualifier=live");
        asked.then(|| {
            assert!(lambda.functions().values().all(|function| function.version == "2"), "all has moved");
            answer()
        })
    });
}

#[test]
fn a_probe_that_fails_through_its_alias_takes_everything_back_and_holds_that_function() {
    let merges = Merges::new("told-probe");
    let fails = || Answer::status(200).header("x-amz-function-error", "Unhandled").body(r#"{"errorMessage": "boom"}"#);
    answers_through_its_alias(&merges.world, "query", fails);
    merges.promote(1, "");
    merges.taken_back(&["boom"]);
    let held: Vec<_> = merges.world.holds().into_iter().map(|hold| hold.function).collect();
    assert_eq!(held, ["query"], "the others answered");
    assert_eq!(merges.deployment().states(), ["in_progress", "failure"]);
}

#[test]
fn a_probe_that_could_not_be_asked_takes_back_and_blames_nobody() {
    let merges = Merges::new("told-unasked");
    let refused = || Answer::status(403).header("x-amzn-errortype", "AccessDeniedException").body("{}");
    answers_through_its_alias(&merges.world, "query", refused);
    merges.promote(3, "");
    merges.taken_back(&["cannot be invoked"]);
    assert!(merges.world.holds().is_empty(), "{:?}", merges.world.holds());
    assert_eq!(merges.deployment().states(), ["in_progress", "error"]);
}

#[test]
fn where_everybody_may_read_what_failed_is_in_the_log_alone() {
    let merges = Merges::new("told-public");
    let refused = || {
        let words = "not authorized to perform lambda:InvokeFunction in 111122223333";
        Answer::status(403)
            .header("x-amzn-errortype", "AccessDeniedException")
            .body(format!("{{\"message\": \"{words}\"}}"))
    };
    answers_through_its_alias(&merges.world, "query", refused);
    let mut command = merges.command("");
    // Without an event, a run of GitHub's is taken for a public repository's.
    command.env("GITHUB_ACTIONS", "true");
    let said = merges.ended(3, command);
    assert!(said.contains("111122223333"), "{said}");
    let (comment, deployment) = (merges.comment(3), merges.deployment());
    assert!(
        comment.contains("## ⛔ Taken back in `told-public`") && comment.contains("the run's log says"),
        "{comment}"
    );
    assert!(!comment.contains("111122223333") && !comment.contains("authorized"), "{comment}");
    assert_eq!(deployment.states(), ["in_progress", "error"]);
    assert!(!deployment.statuses[1].description.contains("authorized"), "{deployment:?}");
}

#[test]
fn where_everybody_may_read_a_verdict_is_told_without_what_the_function_said() {
    let merges = Merges::new("told-words");
    let fails = || Answer::status(200).header("x-amz-function-error", "Unhandled").body(r#"{"errorMessage": "boom"}"#);
    answers_through_its_alias(&merges.world, "query", fails);
    let place = tempfile::tempdir().expect("a folder");
    let summary = place.path().join("summary");
    let mut command = merges.command("");
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
    let said = merges.ended(1, command);
    assert!(said.contains("boom"), "{said}");
    merges.taken_back(&["fails (Unhandled)"]);
    let summary = fs::read_to_string(&summary).expect("a summary");
    assert!(summary.contains("was taken back: version live of query"), "{summary}");
    for shown in [&merges.comment(3), &merges.deployment().statuses[1].description, &summary] {
        assert!(!shown.contains("boom"), "{shown}");
    }
    // The ledger is not for everybody.
    assert!(merges.world.holds()[0].reason.contains("boom"));

    // Nor is what is held shown with its reason when it is refused.
    let mut command = merges.command("");
    command.env("GITHUB_ACTIONS", "true");
    assert!(merges.ended(1, command).contains("boom"));
    let comment = merges.comment(3);
    assert!(
        comment.contains("contains code that was judged bad: query (hold/") && !comment.contains("boom"),
        "{comment}"
    );
}

#[test]
fn where_everybody_may_read_what_could_not_be_taken_back_is_told_without_what_was_said() {
    let merges = Merges::new("told-stuck");
    let lambda = merges.world.lambda.clone();
    merges.world.script(move |request| {
        if request.path.contains("/invocations?Qualifier=live") {
            let fails = Answer::status(200).header("x-amz-function-error", "Unhandled");
            return Some(fails.body(r#"{"errorMessage": "boom"}"#));
        }
        let moved = lambda.functions().values().all(|function| function.version == "2");
        let refused = || Answer::status(403).header("x-amzn-errortype", "AccessDeniedException").body("{}");
        (request.method == "PUT" && moved).then(refused)
    });
    let mut command = merges.command("");
    command.env("GITHUB_ACTIONS", "true");
    let said = merges.ended(3, command);
    assert!(said.contains("boom") && said.contains("AccessDenied"), "{said}");
    let (comment, deployment) = (merges.comment(3), merges.deployment());
    for shown in [&comment, &deployment.statuses[1].description] {
        assert!(shown.contains("could not be taken back (version live of"), "{shown}");
        assert!(!shown.contains("boom") && !shown.contains("AccessDenied"), "{shown}");
    }
}

#[test]
fn where_everybody_may_read_an_alarm_is_named_without_its_reason() {
    let merges = Merges::new("told-alarm");
    alarm(&merges.world, "lockgate-told-alarm", StateValue::Alarm);
    let mut command = merges.run(&PROMOTE[..5]);
    command.env("GITHUB_ACTIONS", "true");
    let said = merges.ended(1, command);
    assert!(said.contains("the test says so"), "{said}");
    let comment = merges.comment(3);
    assert!(comment.contains("alarm lockgate-told-alarm fires already") && !comment.contains("says so"), "{comment}");
}

#[test]
fn a_release_that_failed_before_and_is_refused_now_was_not_taken_back() {
    let merges = Merges::new("told-again");
    let (service, _asked) = merges.service(500);
    merges.promote(1, &service.url);
    merges.taken_back(&["it answers 500"]);
    let enrich = merges.world.function("enrich");
    merges.world.lambda.functions().get_mut(&enrich).expect("made").version = "2".to_owned();
    merges.promote(1, "");
    let comment = merges.comment(3);
    assert!(comment.contains("## ⛔ Not promoted in `told-again`"), "{comment}");
}

#[test]
fn a_pull_request_that_cannot_be_told_keeps_nothing_from_the_others() {
    let merges = Merges::new("told-others");
    let gone = Fault::Status(404, vec![], serde_json::json!({"message": "Not Found"}));
    let route = format!("/repos/{REPOSITORY}/commits/{}/pulls", commit(3));
    merges.github.fault("GET", &route, gone, 1);
    let mut command = merges.command("");
    command.env("INPUT_PULL_REQUEST", "3");
    let said = merges.ended(0, command);
    assert!(said.contains(&format!("the pull request of commit {} was not told", commit(3))), "{said}");
    assert!(merges.comment(2).contains("with #3"), "{:?}", merges.comment(2));
}

#[test]
fn a_release_that_is_refused_is_told_as_not_promoted_and_nothing_moves() {
    let merges = Merges::new("told-refused");
    // The alias of one function was moved by hand.
    let enrich = merges.world.function("enrich");
    merges.world.lambda.functions().get_mut(&enrich).expect("made").version = "2".to_owned();
    merges.promote(1, "");
    let comment = merges.comment(3);
    assert!(comment.contains("## ⛔ Not promoted in `told-refused`"), "{comment}");
    assert!(comment.contains(&format!("What serves: `{OLD}`.")), "{comment}");
    assert_eq!(merges.deployment().states(), ["in_progress", "failure"]);
    assert_eq!(merges.world.state(NEW), State::Building);
}

#[test]
fn what_is_live_is_live_though_nobody_can_be_told() {
    let mut merges = Merges::new("told-nobody");
    merges.token = merges.github.token(REPOSITORY, &[("contents", "read"), ("pull-requests", "read")]);
    let said = merges.promote(0, "");
    merges.world.serves("2", NEW, "promoted");
    for part in ["the deployment's status was not written", "not everybody was told", "pull-requests: write"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(merges.comments(3).is_empty() && merges.deployment().statuses.is_empty());
}
