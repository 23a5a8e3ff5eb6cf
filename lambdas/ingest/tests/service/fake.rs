//! An AWS of one page, for what the emulator cannot play: answers that leave something undone, and a file that is never
//! kept anywhere. It knows the requests that `ingest` makes and checks no signature.

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What GetObject gives: this text so many times.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// One piece of it.
    pub(crate) piece: Bytes,
    /// How many.
    pub(crate) times: usize,
}

/// A DynamoDB operation (`BatchWriteItem`) and its body to the answer's body.
pub(crate) type Answers = dyn Fn(&str, &[u8]) -> String + Send + Sync;

type Body = BoxBody<Bytes, Infallible>;

/// Serves until the runtime ends; the URL.
pub(crate) async fn serve(object: Object, answers: Arc<Answers>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let (object, answers) = (object.clone(), answers.clone());
            let service = service_fn(move |request| answer(request, object.clone(), answers.clone()));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
        }
    });
    url
}

async fn answer(
    request: Request<Incoming>,
    object: Object,
    answers: Arc<Answers>,
) -> Result<Response<Body>, hyper::Error> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let Some(operation) = target.and_then(|target| target.split('.').nth(1)).map(ToOwned::to_owned) else {
        return Ok(get_object(object));
    };
    let body = request.into_body().collect().await?.to_bytes();
    let body = Full::from(answers(&operation, &body)).boxed();
    Ok(Response::builder().header("content-type", "application/x-amz-json-1.0").body(body).expect("a response"))
}

fn get_object(object: Object) -> Response<Body> {
    let length = object.piece.len() * object.times;
    let pieces = stream::iter((0..object.times).map(move |_| Ok(Frame::data(object.piece.clone()))));
    Response::builder()
        .header("content-length", length)
        .header("last-modified", "Thu, 15 Jan 2026 09:30:00 GMT")
        .body(StreamBody::new(pieces).boxed())
        .expect("a response")
}
