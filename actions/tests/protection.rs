//! How an environment's protection is read, with GitHub's stand-in.

use lockgate::{
    github::{GitHub, Patience, Refusal},
    protection::{Branches, Protection},
    secret::Secret,
};
use serde_json::json;
use stand_ins::github::{Branches as Let, Environment, Fault, Github, User};

const REPOSITORY: &str = "example/calls";

struct World {
    github: Github,
    client: GitHub,
}

impl World {
    /// A repository with this one environment, and a client with these rights.
    fn with(name: &str, environment: Environment, permissions: &[(&str, &str)]) -> Self {
        let github = Github::start().expect("a GitHub");
        github.add_repository(REPOSITORY, true);
        let add = |repository: &mut stand_ins::github::Repository| {
            repository.environments.insert(name.to_owned(), environment);
        };
        github.edit(REPOSITORY, add).expect("the repository");
        let token = Secret::new(github.token(REPOSITORY, permissions));
        let client = GitHub::new(&github.url, REPOSITORY, &token, "me", Patience::default()).expect("a client");
        Self { github, client }
    }

    async fn read(&self, name: &str) -> Result<Option<Protection>, Refusal> {
        let read = Protection::read(&self.client, name).await;
        assert_eq!(self.github.violations(), Vec::<String>::new());
        read
    }
}

fn named(patterns: &[&str]) -> Environment {
    let patterns = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
    Environment { branches: Let::Named(patterns), ..Environment::default() }
}

async fn branches_of(environment: Environment) -> Protection {
    let world = World::with("staging", environment, &[("actions", "read")]);
    world.read("staging").await.expect("an answer").expect("an environment")
}

#[tokio::test]
async fn all_that_protects_it_is_read() {
    let environment = Environment {
        reviewers: vec![User::named("ada"), User::named("grace")],
        prevent_self_review: true,
        wait_timer: 5,
        ..named(&["main"])
    };
    // A name may hold what a path may not.
    let world = World::with("eu/staging ü", environment, &[("actions", "read")]);
    let protection = world.read("eu/staging ü").await.expect("an answer").expect("an environment");
    let expected = Protection {
        name: "eu/staging ü".to_owned(),
        branches: Branches::Named(vec!["main".to_owned()]),
        reviewers: vec!["ada".to_owned(), "grace".to_owned()],
        wait_minutes: 5,
        prevent_self_review: true,
    };
    assert_eq!(protection, expected);
}

#[tokio::test]
async fn only_the_branchs_own_name_lets_in_that_branch_alone() {
    assert!(branches_of(named(&["main"])).await.lets_in_only("main"));
    for open in [
        Environment::default(),
        Environment { branches: Let::Protected, ..Environment::default() },
        named(&[]),
        named(&["main", "release/*"]),
        named(&["*"]),
        named(&["Main"]),
    ] {
        let protection = branches_of(open).await;
        assert!(!protection.lets_in_only("main"), "{protection:?}");
    }
}

#[tokio::test]
async fn every_page_of_patterns_counts() {
    let many: Vec<_> = (0..100).map(|n| format!("release/{n}")).chain(["main".to_owned()]).collect();
    let many = Environment { branches: Let::Named(many), ..Environment::default() };
    let Branches::Named(patterns) = branches_of(many).await.branches else { panic!("it names branches") };
    assert_eq!((patterns.len(), patterns.last().map(String::as_str)), (101, Some("main")));
}

#[tokio::test]
async fn a_tag_of_the_branchs_name_is_another_thing_and_teams_review_too() {
    let world = World::with("staging", named(&["main"]), &[("actions", "read")]);
    let tag = json!({"total_count": 1, "branch_policies": [{"id": 1, "node_id": "x", "name": "main", "type": "tag"}]});
    let team = json!({
        "id": 1, "node_id": "x", "name": "staging", "url": "u", "html_url": "h", "can_admins_bypass": true,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "protection_rules": [
            {"id": 1, "node_id": "x", "type": "branch_policy"},
            {"id": 2, "node_id": "x", "type": "required_reviewers", "prevent_self_review": false,
                "reviewers": [{"type": "Team", "reviewer": {"id": 7, "name": "On call", "slug": "on-call"}}]},
        ],
        "deployment_branch_policy": {"protected_branches": false, "custom_branch_policies": true},
    });
    let place = "/repos/example/calls/environments/staging";
    // The first that fits is taken.
    world.github.fault("GET", &format!("{place}/deployment-branch-policies"), Fault::Status(200, vec![], tag), 1);
    world.github.fault("GET", place, Fault::Status(200, vec![], team), 1);
    let protection = Protection::read(&world.client, "staging").await.expect("an answer").expect("an environment");
    assert_eq!(protection.branches, Branches::Named(vec!["tag:main".to_owned()]));
    assert!(!protection.lets_in_only("main"));
    assert_eq!(protection.reviewers, ["on-call"]);
}

#[tokio::test]
async fn none_is_no_error_and_a_right_that_lacks_is_one() {
    let world = World::with("staging", named(&["main"]), &[("actions", "read")]);
    assert_eq!(world.read("production").await.expect("an answer"), None);
    let world = World::with("staging", named(&["main"]), &[]);
    let refusal = world.read("staging").await.expect_err("no right");
    assert_eq!(refusal.status, Some(403));
}
