//! An HTTP client for the SDK that can hold, lose or refuse requests on purpose.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{Barrier, Notify};

/// What happens to a request.
pub(crate) enum Fault {
    /// It is sent, its answer comes back.
    None,
    /// It is never sent; who waits is told that it got here.
    Hold(Arc<Notify>),
    /// It is sent and carried out; its answer never comes back.
    LoseAnswer(Arc<Notify>),
    /// It is not sent; AWS seems to answer 400 with this JSON.
    Refuse(String),
    /// It is sent when as many others got here as the barrier waits for.
    Meet(Arc<Barrier>),
}

/// The same settings, with every request judged first: by its operation, such as `GetItem`, and its body.
pub(crate) fn faulty(sdk: &SdkConfig, judge: impl Fn(&str, &str) -> Fault + Send + Sync + 'static) -> SdkConfig {
    let inner = sdk.http_client().expect("an HTTP client");
    let wire = Wire { inner, judge: Arc::new(judge) };
    sdk.to_builder().http_client(SharedHttpClient::new(wire)).build()
}

/// What DynamoDB answers when every action of a cancelled transaction has this reason.
pub(crate) fn cancelled(body: &str, reason: &str) -> Fault {
    let body: serde_json::Value = serde_json::from_str(body).expect("a request");
    let actions = body["TransactItems"].as_array().expect("a transaction").len();
    let reasons = vec![serde_json::json!({"Code": reason, "Message": "on purpose"}); actions];
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    Fault::Refuse(serde_json::json!({"__type": kind, "CancellationReasons": reasons}).to_string())
}

/// What AWS answers to a request it finds wrong or forbidden.
pub(crate) fn refused(kind: &str) -> Fault {
    Fault::Refuse(serde_json::json!({"__type": kind, "message": "on purpose"}).to_string())
}

type Judge = Arc<dyn Fn(&str, &str) -> Fault + Send + Sync>;

#[derive(Clone)]
struct Wire<Inner> {
    inner: Inner,
    judge: Judge,
}

impl<Inner> fmt::Debug for Wire<Inner> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Wire { inner, judge: Arc::clone(&self.judge) })
    }
}

impl HttpConnector for Wire<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = std::str::from_utf8(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        let fault = (self.judge)(operation, body);
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            match fault {
                Fault::None => inner.call(request).await,
                Fault::Hold(reached) => {
                    reached.notify_one();
                    std::future::pending().await
                }
                Fault::LoseAnswer(reached) => {
                    inner.call(request).await?;
                    reached.notify_one();
                    std::future::pending().await
                }
                Fault::Refuse(body) => {
                    let status = StatusCode::try_from(400).expect("a status");
                    Ok(HttpResponse::new(status, body.into()))
                }
                Fault::Meet(barrier) => {
                    barrier.wait().await;
                    inner.call(request).await
                }
            }
        })
    }
}
