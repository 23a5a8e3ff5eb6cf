//! `/health` and `/ready`, and the probe that a release is judged by.

use crate::app::App;
use crate::error::Error;
use crate::params::{Nothing, Params};
use crate::problem::Problem;
use crate::tables;
use axum::Json;
use axum::extract::State;
use call_model::probe::Answer;
use serde::Serialize;

/// What a healthy process answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// Always `ok`.
    status: &'static str,
    /// The version of the function that answers.
    version: String,
}

/// Whether the process runs. Asks nobody else, and needs no authorisation.
#[utoipa::path(get, path = "/health", operation_id = "health", security(()), responses(
    (status = 200, description = "It runs", body = Health),
    (status = "4XX", description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
))]
pub async fn health(State(app): State<App>, Params(Nothing {}): Params<Nothing>) -> Json<Health> {
    Json(Health { status: "ok", version: app.config.version.clone() })
}

/// Whether the tables answer.
#[utoipa::path(get, path = "/ready", operation_id = "ready", responses(
    (status = 200, description = "They do", body = Health),
    (status = "4XX", description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The detail names those that do not", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "The service failed", body = Problem, content_type = "application/problem+json"),
))]
pub async fn ready(State(app): State<App>, Params(Nothing {}): Params<Nothing>) -> Result<Json<Health>, Problem> {
    let silent = tables::silent(&app).await;
    if silent.is_empty() {
        return Ok(Json(Health { status: "ok", version: app.config.version.clone() }));
    }
    let detail = format!("these tables do not answer: {}", silent.join(", "));
    Err(Problem::unavailable(detail.clone(), detail))
}

/// Answers the probe event: every table is read, none is written.
///
/// # Errors
/// [`Error::Unready`] names the tables that cannot be read.
pub async fn probe(app: &App) -> Result<Answer, Error> {
    let silent = tables::silent(app).await;
    if !silent.is_empty() {
        return Err(Error::Unready(silent.join(", ")));
    }
    let config = &app.config;
    let read = [&config.bronze_table, &config.silver_table, &config.counter_table, &config.erased_table];
    Ok(Answer::ok(&config.function, &config.version, read.into_iter().cloned().collect()))
}
