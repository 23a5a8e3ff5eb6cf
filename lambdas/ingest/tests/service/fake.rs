//! An AWS of one page, for what the emulator cannot play: answers that leave something undone, a file that is never kept
//! anywhere, and S3's strictness with check sums. It knows the requests that `ingest` makes and checks no signature.

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
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
        return match *request.method() {
            Method::GET => Ok(get_object(object)),
            _ => upload(request).await,
        };
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

/// A multipart upload whose id is the check sum that was agreed on at its beginning. As S3, it refuses a part with another.
async fn upload(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let agreed = query.split('&').find_map(|pair| pair.strip_prefix("uploadId="));
    let xml = |status, text: String| {
        Response::builder().status(status).header("etag", "\"e\"").body(Full::from(text).boxed()).expect("a response")
    };
    let answer = match (request.method(), agreed) {
        (&Method::POST, None) => {
            let named = header("x-amz-checksum-algorithm").unwrap_or("none");
            let text =
                format!("<InitiateMultipartUploadResult><UploadId>{named}</UploadId></InitiateMultipartUploadResult>");
            xml(StatusCode::OK, text)
        }
        (&Method::PUT, Some(agreed)) => match header("x-amz-sdk-checksum-algorithm") {
            Some(sent) if sent != agreed => {
                let text = format!("Checksum Type mismatch occurred, expected: {agreed}, actual: {sent}");
                xml(
                    StatusCode::BAD_REQUEST,
                    format!("<Error><Code>InvalidRequest</Code><Message>{text}</Message></Error>"),
                )
            }
            _ => xml(StatusCode::OK, String::new()),
        },
        _ => xml(StatusCode::OK, "<CompleteMultipartUploadResult/>".to_owned()),
    };
    request.into_body().collect().await?;
    Ok(answer)
}
