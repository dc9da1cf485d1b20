//! Refusals in this document's words. Its front ends read `error`; the rest of the
//! problem stands beside it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::Value;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::http::envelope::Envelope;
use crate::http::kinds::type_schema;
use crate::http::problem::Problem;

pub(crate) const ENVELOPE: Envelope = Envelope {
    prefix: "/api/calls",
    render,
};

fn render(problem: &Problem) -> (StatusCode, Value) {
    let (status, error) = words(problem);
    let mut body = problem.members();
    body["status"] = status.as_u16().into();
    body["error"] = error.into();
    (status, body)
}

/// The document's, where it has any.
pub(super) fn words(problem: &Problem) -> (StatusCode, &str) {
    match problem.kind() {
        "unknown-call" if problem.withheld() => {
            (StatusCode::FORBIDDEN, "You are not a participant")
        }
        "unknown-call" | "call-over" => (StatusCode::NOT_FOUND, "Call not found"),
        "forbidden" => (problem.status(), "Only a moderator may do this"),
        _ => (problem.status(), problem.message()),
    }
}

/// How the API's document shows it.
#[derive(ToSchema)]
#[schema(as = calls::Refusal)]
#[expect(dead_code, reason = "a schema; what is sent is made by render")]
pub(super) struct Refusal {
    /// For people.
    #[schema(example = "Call not found")]
    error: String,
    #[schema(schema_with = type_schema)]
    r#type: String,
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    detail: Option<String>,
}

/// The refusals of any route here.
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let refusal = Ref::from_schema_name(Refusal::name());
        let response = ResponseBuilder::new()
            .description("Refused; `error` says why")
            .content("application/json", Content::new(Some(refusal)));
        BTreeMap::from([("default".to_owned(), response.build().into())])
    }
}
