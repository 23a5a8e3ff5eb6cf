//! The one comment on a pull request, with GitHub's stand-in: whatever others do meanwhile, one comment says everything.

use std::time::Duration;

use lockgate::{
    github::{GitHub, Patience},
    secret::Secret,
    sticky::{
        comment::{Ending, Sticky, pull_request_of, write, write_on_merged},
        marker,
    },
};
use stand_ins::github::{ENTERPRISE, Fault, Github, NewPull};

const REPOSITORY: &str = "example/calls";
const BOT: &str = "github-actions[bot]";
const COMMENTS: &str = "/repos/example/calls/issues";
const ONE_COMMENT: &str = "/repos/example/calls/issues/comments";

/// Far longer than a job needs from reading a comment to writing it, which is what the last look has to outlast.
const SETTLE: Duration = Duration::from_millis(300);

/// A GitHub with one open pull request, and a client with a job's token.
struct World {
    github: Github,
    client: GitHub,
    number: u64,
}

impl World {
    fn new() -> Self {
        Self::with(Github::start().expect("a GitHub"), &[("pull-requests", "write")], NewPull::default())
    }

    fn with(github: Github, permissions: &[(&str, &str)], pull: NewPull) -> Self {
        github.add_repository(REPOSITORY, true);
        let number = github.add_pull(REPOSITORY, pull).expect("a pull request");
        let token = Secret::new(github.token(REPOSITORY, permissions));
        let patience = Patience { pause: Duration::from_millis(1), ..Patience::default() };
        let client = GitHub::new(&github.url, REPOSITORY, &token, BOT, patience).expect("a client");
        Self { github, client, number }
    }

    async fn write(&self, root: &str, text: &str) -> anyhow::Result<Ending> {
        let sticky = Sticky { action: "plan", subject: root, most: 65_000, settle: SETTLE };
        write(&self.client, self.number, sticky, |_| section(root, text)).await
    }

    /// The bodies of the bot's comments, the oldest first. What was asked until now was in order.
    fn bodies(&self) -> Vec<String> {
        assert_eq!(self.github.violations(), Vec::<String>::new());
        let repository = self.github.repository(REPOSITORY).expect("the repository");
        repository.comments.values().filter(|it| it.user.login == BOT).map(|comment| comment.body.clone()).collect()
    }
}

fn section(root: &str, text: &str) -> String {
    format!("{}\n{text}\n", marker::line("plan", root))
}

fn written(ending: anyhow::Result<Ending>) {
    assert!(matches!(ending, Ok(Ending::Written { .. })), "{ending:?}");
}

#[tokio::test]
async fn the_same_comment_changes_and_says_nothing_twice() {
    let world = World::new();
    written(world.write("a", "one").await);
    written(world.write("a", "two").await);
    assert_eq!(world.bodies(), [section("a", "two")]);
    let again = world.write("a", "two").await.expect("an ending");
    assert!(matches!(again, Ending::Unchanged { .. }), "{again:?}");
    let changes = world.github.requests().iter().filter(|asked| asked.method != http::Method::GET).count();
    assert_eq!(changes, 2, "one comment was made, and changed once");
}

#[tokio::test]
async fn plan_trap_08_it_is_found_by_author_and_marker_over_all_pages() {
    let world = World::new();
    for n in 0..230 {
        let body = if n == 3 { section("a", "a forged one") } else { format!("comment {n}") };
        world.github.add_comment(REPOSITORY, world.number, "mallory", &body).expect("a comment");
    }
    let ours = world.github.add_comment(REPOSITORY, world.number, BOT, &section("a", "old")).expect("a comment");
    // The bot says other things, too, and quotes.
    world
        .github
        .add_comment(REPOSITORY, world.number, BOT, &format!("> {}", section("a", "quoted")))
        .expect("one more");
    written(world.write("a", "new").await);
    let repository = world.github.repository(REPOSITORY).expect("the repository");
    assert_eq!(repository.comments[&ours].body, section("a", "new"));
    assert_eq!(repository.comments.len(), 232);
    assert!(repository.comments.values().any(|comment| comment.body.contains("forged")), "it was not ours to change");
    assert_eq!(world.github.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn plan_trap_09_two_jobs_that_begin_at_once_end_with_one_comment() {
    let world = World::new();
    let (number, other) = (world.number, section("b", "of the other job"));
    let create = move |github: &Github| {
        github.add_comment(REPOSITORY, number, BOT, &other).expect("the other job's comment");
    };
    world.github.before("POST", COMMENTS, 1, create);
    written(world.write("a", "ours").await);
    assert_eq!(world.bodies(), [format!("{}\n{}", section("a", "ours"), section("b", "of the other job"))]);
}

#[tokio::test]
async fn plan_trap_09_two_real_jobs_end_with_one_comment() {
    let world = World::new();
    let (one, other) = tokio::join!(world.write("a", "one"), world.write("b", "other"));
    written(one);
    written(other);
    assert_eq!(world.bodies(), [format!("{}\n{}", section("a", "one"), section("b", "other"))]);
}

/// Has another job write the comment, with its own section alone, just before we look for these times (from 1).
fn overwritten(world: &World, texts: &[(usize, &str)]) {
    let texts: Vec<(usize, String)> = texts.iter().map(|(look, text)| (*look, section("b", text))).collect();
    let mut looks = 0;
    let overwrite = move |github: &Github| {
        looks += 1;
        if let Some((_, body)) = texts.iter().find(|(look, _)| *look == looks) {
            github
                .edit(REPOSITORY, |repository| {
                    repository.comments.values_mut().for_each(|comment| comment.body.clone_from(body));
                })
                .expect("the repository");
        }
    };
    world.github.before("GET", COMMENTS, 9, overwrite);
}

#[tokio::test]
async fn plan_trap_09_what_another_job_overwrote_is_written_again() {
    let world = World::new();
    written(world.write("b", "before").await);
    // The other job read the comment before our section was in it, and writes now.
    overwritten(&world, &[(2, "of the other job")]);
    written(world.write("a", "ours").await);
    assert_eq!(world.bodies(), [format!("{}\n{}", section("a", "ours"), section("b", "of the other job"))]);
}

#[tokio::test]
async fn plan_trap_09_what_another_job_writes_while_this_one_keeps_out_of_its_way_is_kept() {
    let world = World::new();
    written(world.write("b", "before").await);
    overwritten(&world, &[(2, "of the other job"), (3, "its next words")]);
    written(world.write("a", "ours").await);
    assert_eq!(world.bodies(), [format!("{}\n{}", section("a", "ours"), section("b", "its next words"))]);
}

#[tokio::test]
async fn duplicates_melt_into_the_oldest_without_losing_a_section() {
    let world = World::new();
    for body in [section("b", "b's"), section("a", "a's"), section("c", "c's")] {
        world.github.add_comment(REPOSITORY, world.number, BOT, &body).expect("a comment");
    }
    written(world.write("a", "new").await);
    assert_eq!(world.bodies(), [[section("a", "new"), section("b", "b's"), section("c", "c's")].join("\n")]);
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_comment() {
    let world = World::new();
    world.github.fault("POST", COMMENTS, Fault::Lost, 1);
    written(world.write("a", "one").await);
    assert_eq!(world.bodies(), [section("a", "one")]);
}

#[tokio::test]
async fn limits_and_server_errors_heal() {
    let world = World::new();
    world.github.fault("POST", COMMENTS, Fault::SecondaryRateLimit { retry_after: 0 }, 2);
    written(world.write("a", "one").await);
    world.github.fault("GET", COMMENTS, Fault::Reset, 1);
    world.github.fault("PATCH", ONE_COMMENT, Fault::Status(502, Vec::new(), serde_json::Value::Null), 2);
    world.github.fault("PATCH", ONE_COMMENT, Fault::HalfBody, 1);
    written(world.write("a", "two").await);
    assert_eq!(world.bodies(), [section("a", "two")]);
}

#[tokio::test]
async fn a_comment_that_somebody_deletes_meanwhile_is_made_again() {
    let world = World::new();
    written(world.write("a", "one").await);
    let delete = |github: &Github| {
        github.edit(REPOSITORY, |repository| repository.comments.clear()).expect("the repository");
    };
    world.github.before("PATCH", ONE_COMMENT, 1, delete);
    written(world.write("a", "two").await);
    assert_eq!(world.bodies(), [section("a", "two")]);
}

#[tokio::test]
async fn a_closed_or_locked_pull_request_ends_quietly() {
    let world = World::new();
    let number = world.number;
    let edit = |change: fn(&mut stand_ins::github::Issue)| {
        let found = world.github.edit(REPOSITORY, |repository| repository.issues.get_mut(&number).map(change));
        found.expect("the repository").expect("the pull request");
    };
    edit(|issue| issue.locked = true);
    let locked = world.write("a", "x").await.expect("an ending");
    assert_eq!(locked, Ending::Locked);
    assert!(locked.told(number).is_some_and(|told| told.contains("unlock it")));
    edit(|issue| issue.open = false);
    assert_eq!(world.write("a", "x").await.expect("an ending"), Ending::Closed);
    assert_eq!(world.bodies(), Vec::<String>::new());
}

#[tokio::test]
async fn what_became_of_a_change_is_said_where_it_was_merged_and_nowhere_else() {
    let world = World::new();
    let sticky = Sticky { action: "apply", subject: "a", most: 65_000, settle: SETTLE };
    let body = || format!("{}\ndone\n", marker::line("apply", "a"));
    world.github.merge(REPOSITORY, world.number, &"c".repeat(40), "octo-maintainer").expect("a merge");
    written(write_on_merged(&world.client, world.number, sticky, |_| body()).await);
    assert_eq!(world.write("a", "a plan").await.expect("an ending"), Ending::Closed);
    assert_eq!(world.bodies(), [body()]);

    let world = World::new();
    let close = |repository: &mut stand_ins::github::Repository| {
        repository.issues.get_mut(&world.number).expect("the pull request").open = false;
    };
    world.github.edit(REPOSITORY, close).expect("the repository");
    let ending = write_on_merged(&world.client, world.number, sticky, |_| body()).await;
    assert_eq!(ending.expect("an ending"), Ending::Closed);
    assert_eq!(world.bodies(), Vec::<String>::new());
}

#[tokio::test]
async fn a_token_that_may_only_read_is_told_from_a_forks() {
    let read = &[("pull-requests", "read")];
    let world = World::with(Github::start().expect("a GitHub"), read, NewPull::default());
    let error = format!("{:#}", world.write("a", "x").await.expect_err("it may not comment"));
    assert!(error.contains("pull-requests: write") && error.contains("403"), "{error}");

    let fork = NewPull { fork: Some("mallory/calls".to_owned()), ..NewPull::default() };
    let world = World::with(Github::start().expect("a GitHub"), read, fork);
    assert_eq!(world.write("a", "x").await.expect("an ending"), Ending::Fork);
}

#[tokio::test]
async fn an_enterprise_server_is_reached_below_its_path() {
    let github = Github::start_below(ENTERPRISE).expect("a GitHub");
    let world = World::with(github, &[("pull-requests", "write")], NewPull::default());
    for n in 0..120 {
        world.github.add_comment(REPOSITORY, world.number, "octocat", &format!("{n}")).expect("a comment");
    }
    written(world.write("a", "one").await);
    written(world.write("a", "two").await);
    assert_eq!(world.bodies(), [section("a", "two")]);
}

/// A section that takes all the room that it is given, most of it in a fold.
fn greedy(root: &str, room: usize) -> String {
    let bare = section(root, "headline\n\n<details><summary>x</summary>\n\n\n\n</details>");
    let fold = "é".repeat(room.saturating_sub(bare.encode_utf16().count()));
    section(root, &format!("headline\n\n<details><summary>x</summary>\n\n{fold}\n\n</details>"))
}

#[tokio::test]
async fn plan_trap_10_several_roots_share_what_github_takes() {
    let world = World::new();
    let sticky = |subject| Sticky { action: "plan", subject, most: 65_000, settle: SETTLE };
    let job = |subject| write(&world.client, world.number, sticky(subject), move |room| greedy(subject, room));
    written(job("a").await);
    assert!(world.bodies()[0].len() > 120_000, "alone it has it all");
    written(job("b").await);
    let bodies = world.bodies();
    assert!(bodies[0].chars().count() <= 65_000 && bodies[0].contains("Differences are left out here"));
    assert_eq!(bodies[0].matches("headline").count(), 2);

    // Three jobs that all want everything come to an end, and each says at least its headline.
    let (one, two, three) = tokio::join!(job("a"), job("b"), job("c"));
    [one, two, three].into_iter().for_each(|ending| assert!(ending.is_ok(), "{ending:?}"));
    let bodies = world.bodies();
    assert_eq!(bodies.len(), 1);
    assert!(bodies[0].chars().count() <= 65_000, "{}", bodies[0].len());
    assert_eq!(bodies[0].matches("headline").count(), 3);
}

#[tokio::test]
async fn plan_trap_26_a_commit_leads_to_the_pull_request_it_came_by() {
    let world = World::with(
        Github::start().expect("a GitHub"),
        &[("contents", "read"), ("pull-requests", "read")],
        NewPull::default(),
    );
    let commit = "c".repeat(40);
    world.github.merge(REPOSITORY, world.number, &commit, "octo-maintainer").expect("a merge");
    assert_eq!(pull_request_of(&world.client, &commit).await.expect("found"), Some(world.number));
    assert_eq!(pull_request_of(&world.client, &"d".repeat(40)).await.unwrap_or(None), None);
    assert!(pull_request_of(&world.client, "main").await.is_err());
}
