//! Refusals with the statuses of the document's "Error Handling", and a `message`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::http::envelope::Envelope;
use crate::http::problem::{Problem, URN};

pub(crate) const ENVELOPE: Envelope = Envelope {
    prefix: "/api/video-calls",
    render,
};

fn render(problem: &Problem) -> (StatusCode, Value) {
    if problem.withheld() {
        return not_a_party();
    }
    let status = match problem.kind() {
        // "Appointment not in CONFIRMED/IN_PROGRESS status", or its call is over.
        "not-due" | "call-over" | "already-live" => StatusCode::BAD_REQUEST,
        _ => problem.status(),
    };
    let mut body = problem.members();
    body["status"] = status.as_u16().into();
    body["message"] = problem.message().into();
    (status, body)
}

/// "User not part of appointment", which elsewhere looks as if there were none.
fn not_a_party() -> (StatusCode, Value) {
    let status = StatusCode::FORBIDDEN;
    let body = json!({
        "type": format!("{URN}forbidden"),
        "title": "Not allowed",
        "status": status.as_u16(),
        "message": "the appointment is somebody else's",
    });
    (status, body)
}
