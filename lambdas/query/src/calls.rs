//! `GET /calls` and `GET /calls/{id}`: calls as the silver table keeps them.

use crate::app::App;
use crate::page;
use crate::params::{self, CallId, End, Nothing, Params};
use crate::problem::Problem;
use crate::tables::{self, Listed, Range, text};
use axum::Json;
use axum::extract::State;
use call_model::SilverCall;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Rows of a page unless asked otherwise, and at most.
const LIMIT: (u32, u32) = (50, 100);

/// The times that every stored one lies between.
const ALWAYS: (&str, &str) = ("0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z");

/// Which calls.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Calls of this client. Exactly one of `client_id` and `day` has to be given.
    client_id: Option<String>,
    /// Calls that began on this day (UTC), `YYYY-MM-DD`.
    day: Option<String>,
    /// Calls that began at this time or later (RFC 3339).
    from: Option<String>,
    /// Calls that began at this time or earlier (RFC 3339).
    to: Option<String>,
    /// Rows of a page; 50 unless given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next` of the page before, with the same filters.
    page: Option<String>,
}

/// One page of calls, by time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Calls {
    /// At most `limit` calls. A page may be shorter although another follows.
    calls: Vec<SilverCall>,
    /// The token of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Calls of one client, or of one day, by time.
///
/// What was delivered a moment ago may be missing still.
#[utoipa::path(get, path = "/calls", operation_id = "list_calls", params(Filter), responses(
    (status = 200, description = "A page of calls", body = Calls),
    (status = "4XX", description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "The service failed", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(State(app): State<App>, Params(filter): Params<Filter>) -> Result<Json<Calls>, Problem> {
    let (index, key, value) = match (filter.client_id, filter.day) {
        (Some(client), None) => ("by_client", "client_id", params::id("client_id", client)?),
        (None, Some(day)) => ("by_day", "day", params::day("day", &day)?),
        _ => return Err(Problem::bad_request("give exactly one of `client_id` and `day`")),
    };
    let from = filter.from.map_or(Ok(ALWAYS.0.to_owned()), |from| params::time("from", &from, End::From))?;
    let to = filter.to.map_or(Ok(ALWAYS.1.to_owned()), |to| params::time("to", &to, End::To))?;
    let (from, to) = params::ordered(from, to)?;
    let limit = params::limit(filter.limit, LIMIT.0, LIMIT.1)?;
    let filters = [key, &value, &from, &to];
    let start = filter.page.map(|token| page::open("/calls", &filters, &token)).transpose()?;
    let range = Range {
        table: &app.config.silver_table,
        index: Some(index),
        partition: (key, &value),
        sort: "started_at",
        between: Some((&from, &to)),
        more_keys: &["call_id"],
        listed: Listed::Unexpired,
    };
    let (calls, next) = range.page(&app, limit, start).await?;
    Ok(Json(Calls { calls, next: next.map(|keys| page::seal("/calls", &filters, &keys)) }))
}

/// One call.
#[utoipa::path(get, path = "/calls/{*id}", operation_id = "get_call",
    params(("id" = String, Path, description = "Its `call_id`, percent-encoded", min_length = 1, max_length = 256)),
    responses(
        (status = 200, description = "The call", body = SilverCall),
        (status = 404, description = "There is no such call, not yet, or no more", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn get(
    State(app): State<App>,
    Params(Nothing {}): Params<Nothing>,
    CallId(call_id): CallId,
) -> Result<Json<SilverCall>, Problem> {
    let call = read(&app, &call_id).await?;
    let now = Timestamp::now().as_second();
    let unexpired = call.filter(|call| call.expires_at.is_none_or(|at| at > now));
    unexpired.map(Json).ok_or_else(|| Problem::not_found("there is no such call"))
}

/// A call as it is at this moment, also if it has expired and still stands there.
pub(crate) async fn read(app: &App, call_id: &str) -> Result<Option<SilverCall>, Problem> {
    let answer = app
        .dynamodb
        .get_item()
        .table_name(&app.config.silver_table)
        .key("call_id", text(call_id))
        .consistent_read(true)
        .send()
        .await?;
    let unreadable = || Problem::internal(format!("the item of call {call_id} is none that this release can read"));
    answer.item.map(|item| tables::read(item).ok_or_else(unreadable)).transpose()
}
