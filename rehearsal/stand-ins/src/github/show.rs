//! Accounts and repositories in the API's form. GitHub sends dozens of URLs with each, which nobody here follows.

use super::call::Call;
use super::identity::User;
use super::state::{About, Repository, Role, whole};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// <https://docs.github.com/en/rest/users/users>, as inside of other things.
pub(super) fn user(call: &Call<'_>, user: &User) -> Value {
    let login = percent_encoding::utf8_percent_encode(&user.login, percent_encoding::NON_ALPHANUMERIC).to_string();
    let login = login.replace("%2D", "-");
    let below = |rest: &str| format!("{}/users/{login}{rest}", call.api);
    json!({
        "login": user.login,
        "id": user.id,
        "node_id": node("U", user.id),
        "avatar_url": format!("{}/avatars/{}", call.web(), user.id),
        "gravatar_id": "",
        "url": below(""),
        "html_url": format!("{}/{login}", call.web()),
        "followers_url": below("/followers"),
        "following_url": below("/following{/other_user}"),
        "gists_url": below("/gists{/gist_id}"),
        "starred_url": below("/starred{/owner}{/repo}"),
        "subscriptions_url": below("/subscriptions"),
        "organizations_url": below("/orgs"),
        "repos_url": below("/repos"),
        "events_url": below("/events{/privacy}"),
        "received_events_url": below("/received_events"),
        "type": if user.is_bot() { "Bot" } else { "User" },
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// `GET /user`: what a person's token tells of the person.
pub(super) fn oneself(call: &Call<'_>) -> Value {
    let since = time(Timestamp::UNIX_EPOCH);
    let more = json!({
        "name": null, "company": null, "blog": "", "location": null, "email": null, "hireable": null, "bio": null,
        "twitter_username": null, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
        "created_at": since, "updated_at": since,
    });
    merged(user(call, call.user), more)
}

/// What is below a repository's URL, by the members that say so.
const BELOW: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
];

/// <https://docs.github.com/en/rest/repos/repos>, as in pull requests.
pub(super) fn about(call: &Call<'_>, about: &About) -> Value {
    let (page, made) = (call.page_url(about, ""), time(about.created_at));
    let shown = json!({
        "id": about.id,
        "node_id": node("R", about.id),
        "name": about.name,
        "full_name": about.full_name(),
        "owner": user(call, &about.owner),
        "private": about.private,
        "visibility": if about.private { "private" } else { "public" },
        "html_url": page,
        "clone_url": format!("{page}.git"),
        "git_url": format!("{page}.git"),
        "ssh_url": format!("git@github.com:{}.git", about.full_name()),
        "svn_url": page,
        "fork": about.fork,
        "default_branch": about.default_branch,
        "created_at": made,
        "updated_at": made,
        "pushed_at": made,
    });
    // What nobody here has or counts.
    let nothing = json!({
        "mirror_url": null,
        "homepage": null,
        "description": null,
        "language": null,
        "license": null,
        "topics": [],
        "archived": false,
        "disabled": false,
        "is_template": false,
        "allow_forking": true,
        "web_commit_signoff_required": false,
        "has_issues": true,
        "has_projects": true,
        "has_wiki": true,
        "has_pages": false,
        "has_downloads": true,
        "has_discussions": false,
        "size": 0,
        "forks": 0,
        "forks_count": 0,
        "stargazers_count": 0,
        "watchers": 0,
        "watchers_count": 0,
        "open_issues": 0,
        "open_issues_count": 0,
    });
    let urls = BELOW.iter().map(|(member, rest)| ((*member).to_owned(), json!(call.url(about, rest))));
    merged(merged(shown, nothing), Value::Object(urls.collect()))
}

/// `GET /repos/{owner}/{repo}`.
pub(super) fn repository(call: &Call<'_>, repository: &Repository) -> Value {
    let may = |role| call.role >= Some(role);
    let open = repository.issues.values().filter(|issue| issue.open).count();
    let more = json!({
        "open_issues": open,
        "open_issues_count": open,
        "network_count": 0,
        "subscribers_count": 0,
        "permissions": {
            "admin": may(Role::Admin), "maintain": may(Role::Admin), "push": may(Role::Write),
            "triage": may(Role::Write), "pull": true,
        },
    });
    merged(about(call, &repository.about), more)
}

/// What somebody is to a repository.
pub(super) fn association(repository: &Repository, user: &User) -> &'static str {
    if user.login == repository.about.owner.login {
        "OWNER"
    } else if repository.collaborators.contains_key(&user.login) {
        "COLLABORATOR"
    } else {
        "NONE"
    }
}

/// The id of the other API, which is opaque.
pub(super) fn node(kind: &str, id: u64) -> String {
    format!("{kind}_{id}")
}

/// A time as GitHub writes it: in whole seconds.
pub(super) fn time(at: Timestamp) -> Value {
    json!(whole(at).to_string())
}

/// Both objects' members, the second's where both have one.
pub(super) fn merged(mut one: Value, two: Value) -> Value {
    if let (Value::Object(one), Value::Object(two)) = (&mut one, two) {
        one.extend::<Map<String, Value>>(two);
    }
    one
}
