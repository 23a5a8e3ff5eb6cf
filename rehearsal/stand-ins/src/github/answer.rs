//! A request's way: what precedes it, the description, the token, the operation, the description again.

use super::call::{Call, Outcome, Query, Reply};
use super::dispatches::Dispatch;
use super::fault::{self, Fault};
use super::identity::{Identity, Needs};
use super::routes::{self, Handler, USER};
use super::state::Repository;
use super::{Github, Logged, description::Found, locked, show, state, tarball};
use crate::scripted::{Answer, Request};
use bytes::Bytes;
use http::Response;
use percent_encoding::percent_decode_str;
use serde_json::Value;

impl Github {
    /// Answers a request, whatever it is.
    pub(super) fn answer(&self, request: &Request) -> Answer {
        let whole = self.by_name(request.path.strip_prefix(&self.shared.prefix).unwrap_or(&request.path));
        let path = whole.split('?').next().unwrap_or_default();
        if let Some(hook) = fault::take(&mut locked(&self.shared.hooks), &request.method, path) {
            locked(&hook)(self);
        }
        let fault = fault::take(&mut locked(&self.shared.faults), &request.method, path);
        let identity = self.identity(request);
        let answer = match &fault {
            Some(Fault::Reset) => Answer::Reset,
            Some(Fault::Hang) => Answer::Hang,
            Some(fault) if fault.reply().is_some() => fault.reply().map_or(Answer::Reset, sent),
            fault => {
                let answer =
                    self.archive(&request.path).unwrap_or_else(|| sent(self.reply(request, &whole, &identity)));
                match fault {
                    Some(Fault::Lost) => Answer::Reset,
                    Some(Fault::HalfBody) => answer.half(),
                    _ => answer,
                }
            }
        };
        let status = match &answer {
            Answer::Full(response) | Answer::Half(response) => Some(response.status().as_u16()),
            _ => None,
        };
        locked(&self.shared.log).push(Logged { method: request.method.clone(), path: whole, status, identity });
        answer
    }

    /// The path with the repository's name where it has the id, as in GitHub's own links.
    fn by_name(&self, path: &str) -> String {
        let named = || {
            let (id, rest) = path.strip_prefix("/repositories/")?.split_once('/')?;
            let repositories = locked(&self.shared.repositories);
            let found = repositories.values().find(|it| it.about.id.to_string() == id)?;
            Some(format!("/repos/{}/{rest}", found.about.full_name()))
        };
        named().unwrap_or_else(|| path.to_owned())
    }

    fn identity(&self, request: &Request) -> Option<Identity> {
        let (kind, token) = request.header("authorization")?.split_once(' ')?;
        let is_known = kind.eq_ignore_ascii_case("bearer") || kind.eq_ignore_ascii_case("token");
        locked(&self.shared.tokens).get(token).filter(|_| is_known).cloned()
    }

    /// An archive, which anybody gets who was given its address.
    fn archive(&self, path: &str) -> Option<Answer> {
        let (owner, rest) = path.strip_prefix(tarball::PLACE)?.split_once('/')?;
        let (name, git_ref) = rest.split_once('/')?;
        let git_ref = percent_decode_str(git_ref).decode_utf8_lossy();
        let found = self.repository(&format!("{owner}/{name}")).ok()?.tarballs.get(git_ref.as_ref())?.clone();
        Some(Answer::status(200).header("content-type", "application/x-gzip").body(found))
    }

    fn violation(&self, request: &Request, wrong: &str) {
        locked(&self.shared.violations).push(format!("{} {}: {wrong}", request.method, request.path));
    }

    /// The API's answer. `whole` is the path as it is meant, with the query.
    fn reply(&self, request: &Request, whole: &str, identity: &Option<Identity>) -> Reply {
        let (path, query) = whole.split_once('?').unwrap_or((whole, ""));
        let found = self.shared.description.find(&request.method, path);
        let Some(found) = found.filter(|_| request.path.starts_with(&self.shared.prefix)) else {
            self.violation(request, "unknown operation: it is not in openapi/paths.txt");
            return Reply::error(404, "Not Found", "");
        };
        let query = parsed(query);
        let body = match request.body.as_ref() {
            [] => Ok(None),
            bytes => serde_json::from_slice::<Value>(bytes).map(Some),
        };
        let mut wrong = match &body {
            Ok(body) => self.shared.description.wrong_request(&found, &query, body.as_ref()),
            Err(error) => vec![format!("the body is no JSON: {error}")],
        };
        if request.header("user-agent").is_none_or(str::is_empty) {
            wrong.push("it has no user-agent, which GitHub requires".to_owned());
        }
        if !wrong.is_empty() {
            wrong.iter().for_each(|it| self.violation(request, it));
            let message = format!("{} breaks GitHub's description: {}", found.name, wrong.join("; "));
            return Reply::error(500, &message, "");
        }
        let body = body.ok().flatten().unwrap_or_default();
        let reply = match identity {
            None => Err(Reply::error(401, "Bad credentials", "")),
            Some(identity) => self.operate(&found, path, &query, &body, identity),
        };
        let reply = reply.unwrap_or_else(|refusal| refusal);
        for wrong in self.shared.description.wrong_answer(&found, reply.status, reply.body.as_ref()) {
            self.violation(request, &format!("the stand-in's own answer: {wrong}"));
        }
        reply
    }

    fn operate(&self, found: &Found, path: &str, query: &Query, body: &Value, identity: &Identity) -> Outcome {
        let user = identity.user();
        let mut call = Call {
            user: &user,
            role: None,
            api: &self.url,
            path,
            parameters: &found.parameters,
            query,
            body,
            now: state::now(),
            ids: &self.shared.ids,
        };
        if found.name == USER {
            return match identity {
                Identity::Job { .. } => {
                    Err(Reply::error(403, "Resource not accessible by integration", "/users/users"))
                }
                Identity::Person(_) => Ok(Reply::json(200, show::oneself(&call))),
            };
        }
        let Some((needs, handler)) = routes::route(&found.name) else {
            return Err(Reply::error(501, "The stand-in does not answer this operation", ""));
        };
        let name = format!("{}/{}", call.name("owner"), call.name("repo")).to_lowercase();
        let (reply, dispatches) = {
            let mut repositories = locked(&self.shared.repositories);
            let repository = repositories.get_mut(&name).ok_or_else(Reply::not_found)?;
            call.role = identity.role(repository);
            let told = repository.dispatches.len();
            (allowed(&call, repository, identity, &needs, handler), repository.dispatches[told..].to_vec())
        };
        dispatches.iter().for_each(|dispatch| self.tell(dispatch));
        reply
    }

    /// Tells who wants to know what starts workflows.
    pub(super) fn tell(&self, dispatch: &Dispatch) {
        // Not locked while it runs, so that it may ask to be told otherwise, and push itself.
        let told = locked(&self.shared.on_dispatch).clone();
        if let Some(told) = told {
            told(&Self::of(&self.shared), dispatch);
        }
    }
}

fn allowed(
    call: &Call<'_>,
    repository: &mut Repository,
    identity: &Identity,
    needs: &Needs,
    handler: Handler,
) -> Outcome {
    let number = match call.parameters.contains_key("comment_id") {
        true => repository.comments.get(&call.number("comment_id")).map(|comment| comment.number),
        false => call.parameters.get("issue_number").map(|_| call.number("issue_number")),
    };
    let is_issue = number.and_then(|number| repository.issues.get(&number)).is_some_and(|it| it.pull.is_none());
    identity.check(repository, needs, !is_issue)?;
    handler(call, repository)
}

/// A query's parameters.
pub(super) fn parsed(query: &str) -> Query {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    pairs.map(pair).collect()
}

fn sent(reply: Reply) -> Answer {
    let body = reply.body.map_or_else(Bytes::new, |body| body.to_string().into());
    let is_json = !body.is_empty();
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    response.headers_mut().extend(reply.headers);
    let answer = Answer::Full(response);
    let answer = if is_json { answer.header("content-type", "application/json; charset=utf-8") } else { answer };
    answer.header("x-github-request-id", "0000:STAND:IN").header("x-github-api-version-selected", "2022-11-28")
}
