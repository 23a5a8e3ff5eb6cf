//! `GET /stats`: the counters that `enrich` keeps by client and day.

use crate::app::App;
use crate::page;
use crate::params::{self, Params};
use crate::problem::Problem;
use crate::tables::{Listed, Range};
use axum::Json;
use axum::extract::State;
use call_model::Counter;
use serde::{Deserialize, Serialize};

/// Rows of a page unless asked otherwise, and at most. Rows are small, and a client's year fits one page.
const LIMIT: (u32, u32) = (366, 1000);

/// The days that every stored one lies between.
const ALWAYS: (&str, &str) = ("0000-01-01", "9999-12-31");

/// Which counters.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Counters of this client, a row a day. Exactly one of `client_id` and `day` has to be given.
    client_id: Option<String>,
    /// Counters of this day (UTC), `YYYY-MM-DD`, a row a client.
    day: Option<String>,
    /// With `client_id`: this day or later, `YYYY-MM-DD`.
    from: Option<String>,
    /// With `client_id`: this day or earlier, `YYYY-MM-DD`.
    to: Option<String>,
    /// Rows of a page; 366 unless given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next` of the page before, with the same filters.
    page: Option<String>,
}

/// One page of counters.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Stats {
    /// By day, or by client; days and clients without calls have no row. A page may be shorter although another follows.
    rows: Vec<Counter>,
    /// The sums over this page's rows: over everything asked for, if this is the only page.
    page_total: Total,
    /// The token of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The sums of several counters.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct Total {
    /// How many calls.
    calls: i64,
    /// How long together, in seconds.
    duration_seconds: i64,
    /// Calls with `direction` inbound.
    inbound: i64,
    /// Calls with `direction` outbound.
    outbound: i64,
    /// Calls with `outcome` resolved.
    resolved: i64,
    /// Calls with `outcome` escalated.
    escalated: i64,
    /// Calls with `outcome` abandoned.
    abandoned: i64,
    /// Calls that broke the service level.
    sla_breaches: i64,
}

impl Total {
    fn of(rows: &[Counter]) -> Self {
        let sum = |field: fn(&Counter) -> i64| rows.iter().map(field).fold(0, i64::saturating_add);
        Self {
            calls: sum(|row| row.calls),
            duration_seconds: sum(|row| row.duration_seconds),
            inbound: sum(|row| row.inbound),
            outbound: sum(|row| row.outbound),
            resolved: sum(|row| row.resolved),
            escalated: sum(|row| row.escalated),
            abandoned: sum(|row| row.abandoned),
            sla_breaches: sum(|row| row.sla_breaches),
        }
    }
}

/// Sums over the calls of one client by day, or of one day by client.
///
/// What was delivered a moment ago may be missing still.
#[utoipa::path(get, path = "/stats", operation_id = "list_stats", params(Filter), responses(
    (status = 200, description = "A page of counters", body = Stats),
    (status = "4XX", description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "The service failed", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(State(app): State<App>, Params(filter): Params<Filter>) -> Result<Json<Stats>, Problem> {
    let limit = params::limit(filter.limit, LIMIT.0, LIMIT.1)?;
    let (key, value, between) = match (filter.client_id, filter.day) {
        (Some(client), None) => {
            let from = filter.from.map_or(Ok(ALWAYS.0.to_owned()), |from| params::day("from", &from))?;
            let to = filter.to.map_or(Ok(ALWAYS.1.to_owned()), |to| params::day("to", &to))?;
            ("client_id", params::id("client_id", client)?, Some(params::ordered(from, to)?))
        }
        (None, Some(_)) if filter.from.is_some() || filter.to.is_some() => {
            return Err(Problem::bad_request("`from` and `to` go with `client_id` only; `day` is one day by itself"));
        }
        (None, Some(day)) => ("day", params::day("day", &day)?, None),
        _ => return Err(Problem::bad_request("give exactly one of `client_id` and `day`")),
    };
    let between = between.as_ref().map(|(from, to)| (from.as_str(), to.as_str()));
    let mut filters = vec![key, &value];
    filters.extend(between.iter().flat_map(|(from, to)| [from, to]));
    let start = filter.page.map(|token| page::open("/stats", &filters, &token)).transpose()?;
    let range = Range {
        table: &app.config.counter_table,
        index: (key == "day").then_some("by_day"),
        partition: (key, &value),
        sort: if key == "day" { "client_id" } else { "day" },
        between,
        more_keys: &[],
        listed: Listed::Positive("calls"),
    };
    let (rows, next) = range.page(&app, limit, start).await?;
    let page_total = Total::of(&rows);
    Ok(Json(Stats { rows, page_total, next: next.map(|keys| page::seal("/stats", &filters, &keys)) }))
}
