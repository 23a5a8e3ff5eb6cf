//! The fix for each way in which STS says no.

use super::{
    diagnosis::issuer,
    sts::{Order, Refusal},
    token::Claims,
};

/// What to change, the likeliest first.
pub(super) fn fixes(order: &Order, refusal: &Refusal) -> Vec<String> {
    let code = refusal.code.as_deref().unwrap_or_default();
    let nobody = Claims::default();
    let claims = refusal.claims.as_ref().unwrap_or(&nobody);
    let role = &order.role;
    match code {
        "AccessDenied" | "AccessDeniedException" | "NoSuchEntity" if order.chain => chained(order),
        "AccessDenied" | "AccessDeniedException" | "NoSuchEntity" => trust(order, claims),
        "InvalidIdentityToken" => invalid_token(order, refusal, claims),
        "IDPRejectedClaim" => audience(order, claims),
        _ if refusal.is_expired() && order.chain => {
            vec!["the credentials at hand have expired: assume the first role again before this one".to_owned()]
        }
        _ if refusal.is_expired() => vec![
            "two new tokens in a row were too old for AWS: correct the clock of this runner (timedatectl, chrony); \
             GitHub's tokens are good for minutes"
                .to_owned(),
        ],
        "PackedPolicyTooLarge" => vec![
            "Lockgate sends neither session policies nor tags: what is too large comes with the token or with the \
             session that it is chained from; shorten the tags or policies there"
                .to_owned(),
        ],
        "ValidationError" => vec![
            format!(
                "if the duration is the reason: ask for less (--duration, now {} s), or allow the role more: aws iam \
                 update-role --role-name {} --max-session-duration {}",
                order.duration, role.name, order.duration
            ),
            format!("else one of these is malformed: role {}, session name {}", role.arn, order.session_name),
        ],
        "RegionDisabledException" => vec![format!(
            "switch STS on for {} (IAM > Account settings > Security Token Service), or give another --region",
            order.region
        )],
        _ if refusal.heals => vec![
            "run the job again; if it goes on, see https://health.aws.amazon.com and https://www.githubstatus.com"
                .to_owned(),
        ],
        _ if order.chain && refusal.code.is_none() => vec![
            "--chain needs credentials: assume the first role in an earlier step of this job, or sign in (aws sso login)"
                .to_owned(),
        ],
        _ => vec![format!("see https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html for `{code}`")],
    }
}

fn chained(order: &Order) -> Vec<String> {
    vec![
        format!("the role at hand needs the permission sts:AssumeRole on {}", order.role.arn),
        format!(
            "the trust policy of {} must name the role at hand as Principal.AWS, for sts:AssumeRole",
            order.role.name
        ),
        missing_role(order),
    ]
}

/// STS refuses alike when the role does not exist, when it is another account's, and when a condition does not hold.
fn trust(order: &Order, claims: &Claims) -> Vec<String> {
    let mut fixes = Vec::new();
    let sub = claims.get("sub").unwrap_or_default();
    if claims.get("aud").is_some_and(|aud| aud != order.role.audience()) {
        fixes.extend(audience(order, claims));
    }
    fixes.extend(subject(&sub, claims));
    fixes.push(
        "compare the policy's sub with the token's, character by character: StringEquals takes no `*` (StringLike \
         does), and upper case is not lower case"
            .to_owned(),
    );
    fixes.push(missing_role(order));
    fixes
}

/// What the subject's form tells (<https://docs.github.com/en/actions/reference/security/oidc>).
fn subject(sub: &str, claims: &Claims) -> Vec<String> {
    let mut fixes = Vec::new();
    let Some((repository, context)) = sub.strip_prefix("repo:").and_then(|rest| rest.split_once(':')) else {
        if !sub.is_empty() {
            fixes.push(format!(
                "the repository or its organisation made a subject of its own (gh api repos/<owner>/<repository>/\
                 actions/oidc/customization/sub): the policy must say it in that form, {sub}"
            ));
        }
        return fixes;
    };
    if let Some(plain) = without_ids(repository) {
        fixes.push(format!(
            "this repository's subjects carry ids (made, renamed or transferred since July 2026): a policy that says \
             repo:{plain}:{context} does not match, write repo:{repository}:{context}"
        ));
    } else if let (Some(owner), Some(id)) = (claims.get("repository_owner_id"), claims.get("repository_id"))
        && let Some((name, repository)) = repository.split_once('/')
    {
        fixes.push(format!(
            "if the policy says repo:{name}@{owner}/{repository}@{id}:...: this repository's subjects carry no ids yet; \
             write repo:{name}/{repository}:{context}, or switch immutable subjects on"
        ));
    }
    match context.split_once(':') {
        Some(("environment", name)) => {
            fixes.push(format!(
                "the job runs in the environment {name}: a policy for a branch (...:ref:refs/heads/...) does not match, \
                 its subject ends in :{context}"
            ));
            if name.contains("%3A") {
                fixes.push(
                    "a `:` in an environment's name is `%3A` in the subject, and must be in the policy".to_owned(),
                );
            }
        }
        _ => fixes.push(format!(
            "the job names no environment, so its subject ends in :{context}; if the policy says \
             ...:environment:<name>, add `environment: <name>` to the job"
        )),
    }
    let repository_of = |claim| Some(claims.get(claim)?.split_once("/.github/")?.0.to_owned());
    if let (Some(called), Some(caller)) = (repository_of("job_workflow_ref"), repository_of("workflow_ref"))
        && called != caller
    {
        fixes.push(format!(
            "the job is in a reusable workflow of {called}, but sub and repository are its caller's, {caller}: a policy \
             that says repo:{called}:... does not match; it may name the workflow by job_workflow_ref besides"
        ));
    }
    fixes
}

/// `owner/repository` of `owner@id/repository@id`, if it has that form.
fn without_ids(repository: &str) -> Option<String> {
    let (owner, name) = repository.split_once('/')?;
    Some(format!("{}/{}", owner.rsplit_once('@')?.0, name.rsplit_once('@')?.0))
}

fn audience(order: &Order, claims: &Claims) -> Vec<String> {
    let (aud, usual) = (claims.get("aud").unwrap_or_else(|| order.audience.clone()), order.role.audience());
    vec![format!(
        "the token is made for {aud}: give --audience {usual}, or name {aud} in the provider's client ids and in the \
         policy's aud (aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {} --client-id \
         {aud})",
        order.role.provider(&issuer(claims))
    )]
}

fn invalid_token(order: &Order, refusal: &Refusal, claims: &Claims) -> Vec<String> {
    let (account, issuer) = (&order.role.account, issuer(claims));
    if refusal.said.contains("No OpenIDConnect provider") {
        return vec![
            format!(
                "account {account} does not know {issuer}: aws iam create-open-id-connect-provider --url {issuer} \
                 --client-id-list {} (terraform/bootstrap makes it when github_repository is set)",
                order.audience
            ),
            format!("if it does: {account} is the account in --role; is it the one you mean?"),
        ];
    }
    if refusal.said.to_lowercase().contains("audience") {
        return audience(order, claims);
    }
    vec![format!(
        "AWS could not validate the token: the provider {} must be the issuer's, and {issuer} must be reachable from AWS",
        order.role.provider(&issuer)
    )]
}

fn missing_role(order: &Order) -> String {
    format!(
        "see what the policy says, and that the role is there at all: aws iam get-role --role-name {} --query \
         Role.AssumeRolePolicyDocument, signed in to account {}",
        order.role.name, order.role.account
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fixes_for(workflow: &str, called: &str) -> String {
        let sub = "repo:acme/calls:ref:refs/heads/main";
        let claims = json!({ "sub": sub, "workflow_ref": workflow, "job_workflow_ref": called });
        let claims = Claims::from_json(claims).expect("an object");
        subject(sub, &claims).join("\n")
    }

    #[test]
    fn trap_08_a_workflow_of_another_repository_does_not_change_the_subject() {
        let (own, shared) =
            ("acme/calls/.github/workflows/on-main.yml@x", "acme/shared/.github/workflows/deploy.yml@y");
        assert!(fixes_for(own, shared).contains("a policy that says repo:acme/shared:... does not match"));
        assert!(!fixes_for(own, "acme/calls/.github/workflows/deploy.yml@x").contains("reusable workflow"));
    }
}
