//! The server: what a job asks, and what it is told.

use super::board::{self, Board, Ticket, Waiting};
use super::queue::Turn;
use super::{found, policy};
use crate::github::answer::parsed;
use crate::github::call::Query;
use crate::github::state::{Repository, now};
use crate::github::{Shared, locked};
use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A status and a sentence.
type Said = (StatusCode, String);

/// Starts one that runs until the sender of `stopped` is dropped, and gives its URL.
pub(super) fn start(shared: Arc<Shared>, stopped: watch::Receiver<()>) -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to find a free port")?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || runtime.block_on(serve(listener, shared, stopped)));
    Ok(url)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<()>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(connection(stream, Arc::clone(&shared), stopped.clone())); }
                Err(_) => break,
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    connections.join_all().await;
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, mut stopped: watch::Receiver<()>) {
    let stopping = stopped.clone();
    let service = service_fn(|request| answer(&shared, stopping.clone(), request));
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    // A client that hangs up ends its own connection only, and with it what it waits for.
    tokio::select! {
        _ = &mut connection => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn answer(
    shared: &Shared,
    mut stopped: watch::Receiver<()>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let query = parsed(request.uri().query().unwrap_or_default());
    let asked = async {
        if request.method() != Method::POST {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "Ask by POST.".to_owned()));
        }
        match request.uri().path() {
            "/job" => job(shared, &query).await,
            "/queue" => queue(shared, &query).await,
            "/leave" => leave(shared, &query),
            _ => Err((StatusCode::NOT_FOUND, "Ask for /job, /queue or /leave.".to_owned())),
        }
    };
    let (status, sentence) = tokio::select! {
        said = asked => said.unwrap_or_else(|refusal| refusal),
        _ = stopped.changed() => (StatusCode::SERVICE_UNAVAILABLE, "The server ends.".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(sentence)));
    *response.status_mut() = status;
    let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, plain);
    Ok(response)
}

/// A parameter. Jobs print what they are told, where a line of its own could be a command: none has control characters.
fn text<'a>(query: &'a Query, name: &str) -> Result<&'a str, Said> {
    let found = query.get(name).filter(|text| !text.is_empty() && !text.contains(char::is_control));
    let wrong = || (StatusCode::BAD_REQUEST, format!("The parameter {name} is missing or no single line."));
    found.map(String::as_str).ok_or_else(wrong)
}

fn run(query: &Query) -> Result<u64, Said> {
    let wrong = || (StatusCode::BAD_REQUEST, "The parameter run is no number.".to_owned());
    text(query, "run")?.parse().map_err(|_| wrong())
}

/// Does something with the repository that a request is about.
fn within<T>(shared: &Shared, query: &Query, then: impl FnOnce(&mut Repository) -> T) -> Result<T, Said> {
    let name = text(query, "repository")?;
    let unknown = || (StatusCode::NOT_FOUND, format!("There is no repository {name}."));
    locked(&shared.repositories).get_mut(&name.to_lowercase()).map(then).ok_or_else(unknown)
}

async fn job(shared: &Shared, query: &Query) -> Result<Said, Said> {
    let (run, git_ref, actor) = (run(query)?, text(query, "ref")?, text(query, "actor")?);
    let (job, wanted) = (text(query, "job")?, text(query, "environment")?);
    let (full_name, environment, refusal, is_reviewed) = within(shared, query, |repository| {
        let known = repository.environments.keys().find(|name| board::same(name, wanted)).cloned();
        let name = known.unwrap_or_else(|| wanted.to_owned());
        // An environment that nobody made comes into being, without any protection.
        let environment = repository.environments.entry(name.clone()).or_default();
        let refusal = policy::refusal(&name, environment, &repository.protected, git_ref);
        (repository.about.full_name(), name, refusal, !environment.reviewers.is_empty())
    })?;
    if let Some(refusal) = refusal {
        return Err((StatusCode::FORBIDDEN, refusal));
    }
    let enter = || shared.gates.send_modify(|board| board.enter(&full_name, &environment, run));
    if !is_reviewed {
        enter();
        return Ok((StatusCode::OK, format!("No review of {environment} is needed.")));
    }
    let waiting = Waiting {
        repository: full_name.clone(),
        run,
        job: job.to_owned(),
        environment: environment.clone(),
        git_ref: git_ref.to_owned(),
        actor: actor.to_owned(),
        since: now(),
    };
    let place = Place::new(&shared.gates, |board| board.wait(waiting));
    let review = found(&shared.gates, |board| board.decided(place.ticket).cloned()).await;
    if review.approved {
        enter();
    }
    let (status, done) =
        if review.approved { (StatusCode::OK, "approved") } else { (StatusCode::FORBIDDEN, "rejected") };
    Ok((status, format!("The deployment to {environment} was {done} by {}.", review.login)))
}

async fn queue(shared: &Shared, query: &Query) -> Result<Said, Said> {
    let (run, group) = (run(query)?, text(query, "group")?);
    let full_name = within(shared, query, |repository| repository.about.full_name())?;
    let mut place = Place::new(&shared.gates, |board| {
        let ticket = board.ticket();
        board.queue_mut(&full_name, group).ask(run, ticket);
        ticket
    });
    match found(&shared.gates, |board| board.queue(&full_name, group)?.turn(run)).await {
        Turn::Held => {
            place.kept = true;
            Ok((StatusCode::OK, format!("Run {run} has {group}.")))
        }
        Turn::Superseded(by) => Err((StatusCode::CONFLICT, format!("superseded by run {by}"))),
        Turn::Left => Err((StatusCode::CONFLICT, format!("run {run} left the queue"))),
    }
}

fn leave(shared: &Shared, query: &Query) -> Result<Said, Said> {
    let (run, group) = (run(query)?, text(query, "group")?);
    let full_name = within(shared, query, |repository| repository.about.full_name())?;
    shared.gates.send_modify(|board| board.queue_mut(&full_name, group).leave(run));
    Ok((StatusCode::OK, format!("Run {run} does not have {group}.")))
}

/// Something on the board for as long as its request waits, or longer if it is kept.
struct Place<'a> {
    board: &'a watch::Sender<Board>,
    ticket: Ticket,
    kept: bool,
}

impl<'a> Place<'a> {
    fn new(board: &'a watch::Sender<Board>, take: impl FnOnce(&mut Board) -> Ticket) -> Self {
        let mut ticket = 0;
        board.send_modify(|board| ticket = take(board));
        Self { board, ticket, kept: false }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.board.send_modify(|board| board.forget(self.ticket));
        }
    }
}
