//! What to paste into a shell to set a thing right: commands of GitHub's CLI (<https://cli.github.com/manual/>), and pages.

use serde_json::Value;

use crate::protection::{self, Branches, Protection};

/// Jobs from the branches that are named, and no others.
const NAMED_BRANCHES: &str = "deployment_branch_policy: {protected_branches: false, custom_branch_policies: true}";

/// What a change of an environment does with its reviewers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reviewers {
    /// They stay.
    Keep,
    /// Who pastes the command becomes one.
    Add,
    /// They go.
    Remove,
}

/// Commands and pages for one repository.
#[derive(Debug)]
pub(super) struct Fixes {
    /// `gh api`, with the host if that is not github.com.
    api: String,
    /// What `gh variable` calls the repository.
    named: String,
    /// The repository in the API.
    path: String,
    /// The repository's settings.
    settings: String,
}

impl Fixes {
    /// For the repository `owner/name` of the server at this URL.
    pub(super) fn new(server: &str, repository: &str) -> Self {
        let server = server.trim_end_matches('/');
        let host = server.split_once("://").map_or(server, |(_, host)| host);
        let (api, named) = if host == "github.com" {
            ("gh api".to_owned(), repository.to_owned())
        } else {
            (format!("gh api --hostname {}", quoted(host)), format!("{host}/{repository}"))
        };
        let settings = format!("{server}/{repository}/settings");
        Self { api, named: quoted(&named), path: format!("repos/{repository}"), settings }
    }

    /// Where a thing is set by hand, such as `actions`: a comment for the shell.
    pub(super) fn page(&self, of: &str) -> String {
        format!("# or at {}/{of}", self.settings)
    }

    /// Shows something of what the API has at a route below the repository.
    pub(super) fn get(&self, route: &str, jq: &str) -> String {
        format!("{} {} --jq {}", self.api, self.at(route), quoted(jq))
    }

    /// Sets what is at a route below the repository, by `gh`'s own flags.
    pub(super) fn put(&self, route: &str, flags: &str) -> String {
        format!("{} --method PUT {} {flags}", self.api, self.at(route))
    }

    /// Sets a variable to what a shell makes of `value`, between double quotes.
    pub(super) fn variable(&self, name: &str, value: &str) -> String {
        format!("gh variable set {name} --repo {} --body \"{value}\"", self.named)
    }

    /// Makes something of this body.
    pub(super) fn post(&self, route: &str, body: &Value) -> String {
        format!("printf %s {} | {} --method POST {} --input -", quoted(&body.to_string()), self.api, self.at(route))
    }

    /// Gives a branch another name.
    pub(super) fn rename_branch(&self, from: &str, to: &str) -> String {
        let route = format!("/branches/{}/rename", protection::encoded(from));
        format!("{} --method POST {} -f {}", self.api, self.at(&route), quoted(&format!("new_name={to}")))
    }

    /// Deletes an environment with all that it holds.
    pub(super) fn delete_environment(&self, name: &str) -> String {
        format!("{} --method DELETE {}", self.api, self.at(&protection::route(name)))
    }

    /// Makes an environment, or changes the one that is there, so that it lets in this branch alone.
    pub(super) fn environment(
        &self,
        name: &str,
        now: Option<&Protection>,
        reviewers: Reviewers,
        keep_wait: bool,
        branch: &str,
    ) -> Vec<String> {
        let route = protection::route(name);
        let mut fix = Vec::new();
        match now {
            None if reviewers == Reviewers::Add => {
                let body = format!("{{reviewers: [{{type: \"User\", id}}], {NAMED_BRANCHES}}}");
                let put = self.put(&route, "--input -");
                fix.push(format!("{} user --jq {} | {put}", self.api, quoted(&body)));
            }
            None => fix.push(self.put(
                &route,
                "-F 'deployment_branch_policy[protected_branches]=false' \
                 -F 'deployment_branch_policy[custom_branch_policies]=true'",
            )),
            Some(now) => {
                let named = matches!(now.branches, Branches::Named(_));
                if !named || reviewers != Reviewers::Keep || (!keep_wait && now.wait_minutes > 0) {
                    fix.push(self.changed(&route, reviewers, keep_wait));
                }
            }
        }
        let patterns = match now.map(|now| &now.branches) {
            Some(Branches::Named(patterns)) => patterns.as_slice(),
            _ => &[],
        };
        let policies = format!("{route}/deployment-branch-policies");
        if !patterns.iter().any(|pattern| pattern == branch) {
            let fields = format!("-f {} -f type=branch", quoted(&format!("name={branch}")));
            fix.push(format!("{} --method POST {} {fields}", self.api, self.at(&policies)));
        }
        if patterns.iter().any(|pattern| pattern != branch) {
            // Their ids are looked up when they are needed.
            let name = Value::from(branch);
            let others = format!(".branch_policies[] | select(.name != {name} or .type == \"tag\").id");
            let (api, at) = (&self.api, self.at(&policies));
            let list = format!("{api} --paginate {at} --jq {}", quoted(&others));
            fix.push(format!("{list} | xargs -I {{}} {api} --method DELETE {}", self.at(&format!("{policies}/{{}}"))));
        }
        fix
    }

    /// GitHub takes an environment's rules as a whole: what is to stay is read and sent again.
    fn changed(&self, route: &str, reviewers: Reviewers, keep_wait: bool) -> String {
        let wait = if keep_wait { "([.protection_rules[].wait_timer // 0] | max)" } else { "0" };
        let people = match reviewers {
            Reviewers::Keep => "[.protection_rules[].reviewers // [] | .[] | {type, id: .reviewer.id}]".to_owned(),
            // Leaves the single quotes that everything is in.
            Reviewers::Add => format!("[{{type: \"User\", id: '\"$({} user --jq .id)\"'}}]", self.api),
            Reviewers::Remove => "[]".to_owned(),
        };
        format!(
            "{} {} --jq '{{wait_timer: {wait}, prevent_self_review: ([.protection_rules[].prevent_self_review // false] | any), \
             reviewers: {people}, {NAMED_BRANCHES}}}' | {}",
            self.api,
            self.at(route),
            self.put(route, "--input -")
        )
    }

    fn at(&self, route: &str) -> String {
        quoted(&format!("{}{route}", self.path))
    }
}

/// One word of a POSIX shell.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:/@%+=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What `gh` is given by a command, by a shell in which it is a function.
    fn words(command: &str) -> Vec<String> {
        let script = format!("gh() {{ for word; do printf '%s\\n' \"$word\"; done; }}; {command}");
        let done = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text").lines().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn a_branch_cannot_command_the_shell() {
        let branch = "it's$(touch /tmp/x)`id`;&|\"main";
        let fixes = Fixes::new("https://github.com", "o/n");
        let now = Protection {
            name: "staging".to_owned(),
            branches: Branches::Named(vec![]),
            reviewers: vec![],
            wait_minutes: 0,
            prevent_self_review: false,
        };
        let fix = fixes.environment("staging", Some(&now), Reviewers::Keep, true, branch);
        let [post] = &fix[..] else { panic!("one command: {fix:?}") };
        let expected = [
            "api",
            "--method",
            "POST",
            "repos/o/n/environments/staging/deployment-branch-policies",
            "-f",
            &format!("name={branch}"),
            "-f",
            "type=branch",
        ];
        assert_eq!(words(post), expected);
    }

    #[test]
    fn another_server_is_named_in_every_command() {
        let fixes = Fixes::new("https://git.example/", "o/n");
        let fix = fixes.environment("eu/staging", None, Reviewers::Add, true, "main");
        assert!(fix.iter().all(|command| command.starts_with("gh api --hostname git.example ")), "{fix:?}");
        assert!(
            fix[0].ends_with(
                "| gh api --hostname git.example --method PUT repos/o/n/environments/eu%2Fstaging --input -"
            )
        );
        assert_eq!(
            words(&fixes.variable("AWS_REGION", "eu-central-1")),
            ["variable", "set", "AWS_REGION", "--repo", "git.example/o/n", "--body", "eu-central-1"]
        );
        assert_eq!(fixes.page("actions"), "# or at https://git.example/o/n/settings/actions");
    }

    #[test]
    fn who_pastes_it_becomes_the_reviewer_inside_of_the_quotes() {
        let change = Fixes::new("https://github.com", "o/n").changed("/environments/p", Reviewers::Add, true);
        let (first, _) = change.split_once(" | gh api --method PUT").expect("a pipe");
        // The inner `gh` gives its words, of which the last stands for the id.
        let given = words(first);
        assert_eq!(given[..3], ["api", "repos/o/n/environments/p", "--jq"]);
        assert!(given.last().is_some_and(|end| end.starts_with(".id}], deployment_branch_policy")), "{given:?}");
    }
}
