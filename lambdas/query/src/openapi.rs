//! The routes, and their description in OpenAPI 3.1, made from one list. <https://spec.openapis.org/oas/v3.1.0>

use crate::app::App;
use crate::params::{Nothing, Params};
use crate::problem::Problem;
use crate::{calls, erase, health, land, stats};
use axum::Router;
use axum::response::IntoResponse;
use http::header;
use std::sync::LazyLock;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What is said about the whole. The schemes are alternatives: a deployment has one of them.
#[derive(OpenApi)]
#[openapi(
    info(title = "Lockgate calls", description = "Client calls: what was logged, what it sums up to, and its erasure."),
    modifiers(&Schemes),
    security(("jwt" = []), ("aws_iam" = []))
)]
struct Whole;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let jwt = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        components.add_security_scheme("jwt", SecurityScheme::Http(jwt));
        let signature = ApiKeyValue::with_description("Authorization", "AWS Signature Version 4, service execute-api");
        components.add_security_scheme("aws_iam", SecurityScheme::ApiKey(ApiKey::Header(signature)));
    }
}

/// The router, and the document that describes it.
pub fn routes() -> (Router<App>, utoipa::openapi::OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Whole::openapi())
        .routes(routes!(calls::list, land::land))
        .routes(routes!(calls::get, erase::erase))
        .routes(routes!(stats::list))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(serve))
        .split_for_parts();
    // axum writes a parameter that may hold slashes with a star, OpenAPI does not.
    for (path, item) in std::mem::take(&mut document.paths.paths) {
        document.paths.paths.insert(path.replace("{*", "{"), item);
    }
    (router, document)
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| routes().1.to_json().unwrap_or_default());

/// This description.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", responses(
    (status = 200, description = "OpenAPI 3.1", body = serde_json::Value),
    (status = "4XX", description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
))]
async fn serve(Params(Nothing {}): Params<Nothing>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}
