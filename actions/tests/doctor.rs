//! `lockgate doctor` as somebody runs it, with GitHub's stand-in: a repository that is set as it should be, and each way in
//! which it is not.

use std::process::{Command, Output};

use serde_json::json;
use stand_ins::github::{Branches, Environment, Fault, Github, Repository, User};

const REPOSITORY: &str = "example/calls";
const RIGHTS: &[(&str, &str)] = &[("actions", "read"), ("actions_variables", "read"), ("administration", "read")];
const SUBJECT: &str = "/repos/example/calls/actions/oidc/customization/sub";

/// What was printed, and how it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    text: String,
    errors: String,
}

impl Said {
    /// The line about a thing, with the lines of commands below it.
    fn about(&self, what: &str) -> Vec<&str> {
        let mut lines = self.text.lines();
        let about = |line: &&str| line.get(9..).is_some_and(|rest| rest.starts_with(&format!("{what} ")));
        let head = lines.find(about).unwrap_or_else(|| panic!("nothing about {what}:\n{}", self.text));
        let fix = lines.take_while(|line| line.starts_with("         ")).map(str::trim);
        [head].into_iter().chain(fix).collect()
    }

    /// Asserts that the thing is judged so, that its line says this, and that the first command is this.
    fn found(&self, status: &str, what: &str, says: &str, fix: &str) {
        let about = self.about(what);
        assert!(about[0].starts_with(&format!("{status} ")) && about[0].contains(says), "{about:#?}");
        assert_eq!(about.get(1).copied().unwrap_or_default(), fix, "{about:#?}");
    }
}

fn environment(reviewers: &[&str]) -> Environment {
    let reviewers = reviewers.iter().map(|login| User::named(login)).collect();
    Environment { reviewers, branches: Branches::Named(vec!["main".to_owned()]), ..Environment::default() }
}

fn well_set(repository: &mut Repository) {
    for (name, reviewers) in [
        ("staging", &[][..]),
        ("staging-approval", &["ada"]),
        ("staging-promote", &[]),
        ("staging-rollback", &[]),
        ("production", &["ada", "grace"]),
        ("production-promote", &[]),
        ("production-rollback", &[]),
    ] {
        repository.environments.insert(name.to_owned(), environment(reviewers));
    }
    let role = |name: &str| format!("arn:aws:iam::111122223333:role/{name}");
    let each = |of: &str| json!({"staging": role(&format!("{of}-staging")), "production": role(of)});
    let roles = json!({
        "plan": role("plan"), "release": role("release"), "drift": role("drift"), "check": each("check"),
        "deploy": each("deploy"), "promote": each("promote"), "rollback": each("rollback"),
    });
    for (name, value) in [
        ("LOCKGATE_STATE_BUCKET", "lockgate-state-111122223333"),
        ("LOCKGATE_LOCK_TABLE", "lockgate_state_lock"),
        ("LOCKGATE_ARTIFACTS_BUCKET", "lockgate-artifacts-111122223333"),
        ("AWS_ACCOUNT_ID", "111122223333"),
        ("AWS_REGION", "eu-central-1"),
        ("LOCKGATE_ROLES", &roles.to_string()),
    ] {
        repository.variables.insert(name.to_owned(), value.to_owned());
    }
    repository.actions.sha_pinning_required = true;
    repository.approvals.insert("main".to_owned(), 1);
}

/// A well-set repository with this change.
fn changed(change: impl FnOnce(&mut Repository)) -> Github {
    let github = Github::start().expect("a GitHub");
    github.add_repository(REPOSITORY, true);
    let all = |repository: &mut Repository| {
        well_set(repository);
        change(repository);
    };
    github.edit(REPOSITORY, all).expect("the repository");
    github
}

fn doctor(github: &Github, rights: &[(&str, &str)], arguments: &[&str]) -> Said {
    let token = github.token(REPOSITORY, rights);
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.arg("doctor").args(arguments).env_clear().envs([
        ("GITHUB_REPOSITORY", REPOSITORY),
        ("GITHUB_API_URL", &*github.url),
        ("INPUT_TOKEN", &*token),
    ]);
    let said = said(command.output().expect("lockgate runs"));
    assert!(!said.text.contains(&token) && !said.errors.contains(&token), "{said:#?}");
    assert_eq!(github.violations(), Vec::<String>::new());
    said
}

fn said(done: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { code: done.status.code(), text: text(done.stdout), errors: text(done.stderr) }
}

/// What is said of a well-set repository with this change, which is no longer well set.
fn fault(change: impl FnOnce(&mut Repository)) -> Said {
    let said = doctor(&changed(change), RIGHTS, &[]);
    assert_eq!(said.code, Some(1), "{said:#?}");
    let bad = said.text.lines().filter(|line| line.starts_with("wrong") || line.starts_with("missing")).count();
    assert_eq!(bad, 1, "one thing is wrong, and is said once: {said:#?}");
    said
}

fn edit(name: &'static str, change: impl FnOnce(&mut Environment)) -> impl FnOnce(&mut Repository) {
    move |repository| change(repository.environments.get_mut(name).expect("an environment"))
}

#[test]
fn a_well_set_repository_passes_with_every_line_ok() {
    let github = changed(|_| {});
    let said = doctor(&github, RIGHTS, &[]);
    assert_eq!(said.code, Some(0), "{said:#?}");
    let lines: Vec<_> = said.text.lines().filter(|line| !line.starts_with(' ')).collect();
    let (end, things) = lines.split_last().expect("lines");
    assert_eq!(*end, "all that is looked at here is set");
    assert!(things.iter().all(|line| line.starts_with("ok ") || line.starts_with("note ")), "{said:#?}");
    assert_eq!(things.len(), 2 + 7 + 6 + 6, "{said:#?}");
    assert!(said.about("environment production")[0].contains("lets in main alone; approved by ada, grace"));
    let writes = github.requests().iter().filter(|asked| asked.method != http::Method::GET).count();
    assert_eq!(writes, 0, "it only reads");
}

#[test]
fn an_environment_that_is_not_there_is_made_for_the_branch_alone() {
    let said = fault(|repository| _ = repository.environments.remove("staging-rollback"));
    let put = "gh api --method PUT repos/example/calls/environments/staging-rollback \
               -F 'deployment_branch_policy[protected_branches]=false' \
               -F 'deployment_branch_policy[custom_branch_policies]=true'";
    said.found("missing", "environment staging-rollback", "there is none", put);
    let post = "gh api --method POST repos/example/calls/environments/staging-rollback/deployment-branch-policies -f name=main -f type=branch";
    let page = "# or at https://github.com/example/calls/settings/environments";
    assert_eq!(said.about("environment staging-rollback")[2..], [post, page]);
}

#[test]
fn another_default_branch_than_the_trusted_one_is_wrong_and_the_environments_stay_mains() {
    let said = fault(|repository| repository.about.default_branch = "trunk/it's".to_owned());
    let rename = "gh api --method POST repos/example/calls/branches/trunk%2Fit%27s/rename -f new_name=main";
    said.found("wrong", "default branch", "is trunk/it's, but the roles trust main alone", rename);
    assert!(said.about("environment production")[0].contains("lets in main alone"), "{said:#?}");
}

#[test]
fn a_main_that_takes_what_nobody_reviewed_is_wrong() {
    let none = fault(|repository| repository.approvals.clear());
    let fix = none.about("rules of main")[1].to_owned();
    none.found("wrong", "rules of main", "no ruleset wants pull requests", &fix);
    let (body, command) = fix.split_once(" | ").expect("a pipe");
    assert_eq!(command, "gh api --method POST repos/example/calls/rulesets --input -");
    let ruleset = body.strip_prefix("printf %s '").and_then(|rest| rest.strip_suffix('\'')).expect("one word");
    let ruleset: serde_json::Value = serde_json::from_str(ruleset).expect("JSON");
    assert_eq!(ruleset["enforcement"], "active");
    assert_eq!(ruleset["conditions"]["ref_name"]["include"], json!(["refs/heads/main"]));
    assert_eq!(ruleset["rules"][2]["parameters"]["required_approving_review_count"], 1);

    let unseen = fault(|repository| _ = repository.approvals.insert("main".to_owned(), 0));
    unseen.found("wrong", "rules of main", "wants an approving review", &fix);
    let other = fault(|repository| repository.approvals = [("trunk".to_owned(), 1)].into());
    other.found("wrong", "rules of main", "no ruleset wants pull requests", &fix);
    let two = doctor(&changed(|repository| _ = repository.approvals.insert("main".to_owned(), 2)), RIGHTS, &[]);
    two.found("ok", "rules of main", "2 approving reviews", "");
}

#[test]
fn an_environment_that_has_to_be_approved_is_made_with_a_reviewer() {
    let said = fault(|repository| _ = repository.environments.remove("production"));
    let put = "gh api user --jq '{reviewers: [{type: \"User\", id}], deployment_branch_policy: \
               {protected_branches: false, custom_branch_policies: true}}' \
               | gh api --method PUT repos/example/calls/environments/production --input -";
    said.found("missing", "environment production", "makes you its reviewer", put);
}

#[test]
fn an_environment_that_lets_in_other_branches_is_wrong() {
    let change = "gh api repos/example/calls/environments/staging --jq '{wait_timer: ([.protection_rules[].wait_timer // 0] | max), \
                  prevent_self_review: ([.protection_rules[].prevent_self_review // false] | any), \
                  reviewers: [.protection_rules[].reviewers // [] | .[] | {type, id: .reviewer.id}], \
                  deployment_branch_policy: {protected_branches: false, custom_branch_policies: true}}' \
                  | gh api --method PUT repos/example/calls/environments/staging --input -";
    let add = "gh api --method POST repos/example/calls/environments/staging/deployment-branch-policies -f name=main -f type=branch";
    for (branches, says) in [(Branches::All, "every branch and tag"), (Branches::Protected, "every protected branch")] {
        let said = fault(edit("staging", |staging| staging.branches = branches));
        said.found("wrong", "environment staging", says, change);
        assert_eq!(said.about("environment staging")[2], add);
    }
    let patterns = ["main", "release/*"].map(ToOwned::to_owned).to_vec();
    let said = fault(edit("staging", |staging| staging.branches = Branches::Named(patterns)));
    let remove = "gh api --paginate repos/example/calls/environments/staging/deployment-branch-policies \
                  --jq '.branch_policies[] | select(.name != \"main\" or .type == \"tag\").id' \
                  | xargs -I {} gh api --method DELETE 'repos/example/calls/environments/staging/deployment-branch-policies/{}'";
    said.found("wrong", "environment staging", "main, release/*", remove);
    let said = fault(edit("staging", |staging| staging.branches = Branches::Named(vec![])));
    said.found("wrong", "environment staging", "lets in nobody", add);
}

#[test]
fn what_has_to_be_approved_needs_a_reviewer() {
    for name in ["production", "staging-approval"] {
        let said = fault(edit(name, |environment| environment.reviewers.clear()));
        let what = format!("environment {name}");
        let fix = said.about(&what)[1];
        said.found("wrong", &what, "nobody has to approve", fix);
        assert!(fix.contains("id: '\"$(gh api user --jq .id)\"'}]"), "{fix}");
    }
}

#[test]
fn which_environment_always_waits_can_be_named() {
    let github = changed(|repository| {
        let [staging, production] = ["staging", "production"].map(|name| repository.environments[name].clone());
        repository.environments.insert("staging".to_owned(), production.clone());
        repository.environments.insert("production".to_owned(), staging);
        repository.environments.remove("staging-approval");
        repository.environments.insert("production-approval".to_owned(), production);
    });
    assert_eq!(doctor(&github, RIGHTS, &["--reviewed", "staging"]).code, Some(0));
    assert_eq!(doctor(&github, RIGHTS, &[]).code, Some(1));
    let both = doctor(&github, RIGHTS, &["--reviewed", "staging", "--reviewed", "production"]);
    assert!(!both.text.contains("-approval"), "where all is approved there is no second way in: {both:#?}");
    let said = doctor(&github, RIGHTS, &["--reviewed", "elsewhere"]);
    assert_eq!(said.code, Some(2));
    assert!(said.errors.contains("staging, production"), "{said:#?}");
    let one = doctor(&changed(|_| {}), RIGHTS, &["--environment", "production"]);
    assert_eq!(one.code, Some(0), "{one:#?}");
    assert!(!one.text.contains("environment staging"), "{one:#?}");
}

#[test]
fn a_rollback_waits_for_nobody() {
    for change in
        [(|it: &mut Environment| it.reviewers.push(User::named("ada"))) as fn(&mut Environment), |it| it.wait_timer = 5]
    {
        let said = fault(edit("production-rollback", change));
        let fix = said.about("environment production-rollback")[1];
        said.found("wrong", "environment production-rollback", "wait", fix);
        assert!(fix.contains("{wait_timer: 0, "), "{fix}");
    }
}

#[test]
fn a_promotion_that_waits_is_a_warning() {
    let github = changed(edit("staging-promote", |promote| promote.reviewers.push(User::named("ada"))));
    let said = doctor(&github, RIGHTS, &[]);
    assert_eq!(said.code, Some(0), "{said:#?}");
    let fix = said.about("environment staging-promote")[1];
    said.found("warning", "environment staging-promote", "(ada)", fix);
    assert!(fix.contains("reviewers: [], "), "{fix}");
    assert!(said.text.contains("is set, but for 1 to think about"), "{said:#?}");
}

#[test]
fn a_variable_that_is_missing_or_wrong_is_set_by_what_the_bootstrap_says() {
    let output = |of: &str| format!("\"$(terraform -chdir=terraform/bootstrap output {of})\"");
    for (name, bad, value) in [
        ("LOCKGATE_STATE_BUCKET", "", output("-raw state_bucket")),
        ("LOCKGATE_LOCK_TABLE", "a table", output("-raw lock_table")),
        ("LOCKGATE_ARTIFACTS_BUCKET", "s3://x", output("-raw artifacts_bucket")),
        (
            "AWS_ACCOUNT_ID",
            "1111-2222-3333",
            "\"$(aws sts get-caller-identity --query Account --output text)\"".to_owned(),
        ),
        ("AWS_REGION", "Frankfurt", "\"$AWS_REGION\"".to_owned()),
        ("LOCKGATE_ROLES", "[]", output("-json roles")),
    ] {
        let (what, fix) =
            (format!("variable {name}"), format!("gh variable set {name} --repo example/calls --body {value}"));
        let missing = fault(|repository| _ = repository.variables.remove(name));
        missing.found("missing", &what, "there is none", &fix);
        let wrong = fault(|repository| _ = repository.variables.insert(name.to_owned(), bad.to_owned()));
        wrong.found("wrong", &what, bad, &fix);
        assert_eq!(wrong.about(&what)[2], "# or at https://github.com/example/calls/settings/variables/actions");
    }
}

#[test]
fn a_role_of_another_account_or_none_for_an_environment_is_wrong() {
    let said = fault(|repository| {
        let roles = repository.variables.get_mut("LOCKGATE_ROLES").expect("roles");
        let mut all: serde_json::Value = serde_json::from_str(roles).expect("JSON");
        all["rollback"] = json!({"staging": "arn:aws:iam::999988887777:role/rollback"});
        *roles = all.to_string();
    });
    let line = said.about("variable LOCKGATE_ROLES")[0];
    assert!(line.contains("rollback.staging is a role of account 999988887777, not 111122223333"), "{line}");
    assert!(line.contains("rollback.production is missing"), "{line}");
}

#[test]
fn actions_settings_that_give_too_much_are_wrong() {
    let permissions = "gh api --method PUT repos/example/calls/actions/permissions -F enabled=true \
                       -f allowed_actions=all -F sha_pinning_required=true";
    let off = fault(|repository| repository.actions.enabled = false);
    off.found("wrong", "Actions", "switched off", permissions);
    let workflow = "gh api --method PUT repos/example/calls/actions/permissions/workflow \
                    -f default_workflow_permissions=read -F can_approve_pull_request_reviews=false";
    let write = fault(|repository| repository.actions.default_permissions = "write".to_owned());
    write.found("wrong", "workflow permissions", "write", workflow);
    let approve = fault(|repository| repository.actions.may_approve = true);
    approve.found("wrong", "pull request approval", "may approve", workflow);
    let subject = fault(|repository| repository.actions.subject = Some(vec!["job_workflow_ref".to_owned()]));
    let default = "gh api --method PUT repos/example/calls/actions/oidc/customization/sub -F use_default=true";
    subject.found("wrong", "OIDC subject", "job_workflow_ref", default);
    let any = doctor(&changed(|repository| repository.actions.sha_pinning_required = false), RIGHTS, &[]);
    any.found("warning", "allowed actions", "can be moved", permissions);
    assert_eq!(any.code, Some(0), "{any:#?}");
}

#[test]
fn terraform_is_told_the_ids_that_tokens_have() {
    let github = changed(|_| {});
    let id = github.repository(REPOSITORY).expect("the repository").about.id;
    let ask = "gh api repos/example/calls/actions/oidc/customization/sub --jq .use_immutable_subject";
    let said = doctor(&github, RIGHTS, &[]);
    said.found("note", "ids in the subject", "github_repository is example/calls", ask);
    let ids = said.about("ids in the subject")[2].to_owned();
    assert!(ids.starts_with("export TF_VAR_github_repository_ids='{owner=\""), "{ids}");
    assert!(ids.ends_with(&format!(",repository=\"{id}\"}}'")), "{ids}");
    // Where GitHub says so itself, nobody has to ask.
    github.fault(
        "GET",
        SUBJECT,
        Fault::Status(200, vec![], json!({"use_default": true, "use_immutable_subject": true})),
        1,
    );
    doctor(&github, RIGHTS, &[]).found("note", "ids in the subject", "yes", &ids);
}

#[test]
fn what_the_token_may_not_see_is_unknown_and_proves_nothing() {
    let github = changed(|_| {});
    for (right, unknown) in [
        (("actions", "Actions: read"), &["environment staging", "OIDC subject"][..]),
        (("actions_variables", "Variables: read"), &["variables"]),
        (("administration", "Administration: read"), &["Actions settings", "workflow permissions"]),
    ] {
        let rights: Vec<_> = RIGHTS.iter().copied().filter(|(name, _)| *name != right.0).collect();
        let said = doctor(&github, &rights, &[]);
        assert_eq!(said.code, Some(1), "{said:#?}");
        for what in unknown {
            said.found("unknown", what, &format!("the token needs the repository permission {}", right.1), "");
        }
        assert!(said.errors.contains("unknown") && said.errors.contains("not proven"), "{said:#?}");
        assert!(said.text.lines().any(|line| line.starts_with("ok ")), "the rest is judged: {said:#?}");
    }
}

#[test]
fn without_a_repository_to_see_there_is_no_verdict() {
    let github = changed(|_| {});
    let said = doctor(&github, RIGHTS, &["--repository", "example/elsewhere"]);
    assert_eq!(said.code, Some(3), "{said:#?}");
    assert!(said.errors.contains("cannot be seen") && said.text.is_empty(), "{said:#?}");
    let nobody = doctor(&github, RIGHTS, &["--token", "ghs_of_nobody"]);
    assert_eq!(nobody.code, Some(2), "{nobody:#?}");
    assert!(nobody.errors.contains("gh auth token") && !nobody.errors.contains("ghs_of_nobody"), "{nobody:#?}");
}

#[test]
fn what_others_named_stays_on_its_line() {
    let said = fault(edit("staging", |staging| {
        let pattern = "x\n::set-env name=a::b\u{1b}[2J\u{202e}";
        staging.branches = Branches::Named(vec!["main".to_owned(), pattern.to_owned()]);
    }));
    let line = said.about("environment staging")[0];
    assert!(line.contains(r"main, x\n::set-env name=a::b\u{1b}[2J\u{202e}"), "{line}");
}
