//! Refusals as a dialect's front ends expect them. Everything refuses with a
//! [`Problem`], also what never reaches a dialect's handler (limits, deadlines,
//! unknown paths); a dialect whose document has another shape for errors says here
//! how it renders one.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::problem::Problem;
use crate::dialect;

/// How one dialect words refusals.
pub(crate) struct Envelope {
    /// Of the paths that it is for.
    pub(crate) prefix: &'static str,
    /// Status and body. Headers stay: they are HTTP's, not the dialect's.
    pub(crate) render: fn(&Problem) -> (StatusCode, Value),
}

impl Envelope {
    fn is_for(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn wrap(&self, problem: &Problem, refusal: Response) -> Response {
        let (status, body) = (self.render)(problem);
        let (mut head, _) = refusal.into_parts();
        head.status = status;
        let json = HeaderValue::from_static("application/json");
        head.headers.insert(header::CONTENT_TYPE, json);
        head.headers.remove(header::CONTENT_LENGTH);
        (head, body.to_string()).into_response()
    }
}

/// A layer over everything.
pub(super) async fn apply(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let mut envelopes = dialect::ENVELOPES.iter();
    let envelope = envelopes.find(|envelope| envelope.is_for(path));
    let response = next.run(request).await;
    let problem = response.extensions().get::<Problem>().cloned();
    match (envelope, problem) {
        (Some(envelope), Some(problem)) => envelope.wrap(&problem, response),
        _ => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_for_its_paths_alone() {
        let envelope = Envelope {
            prefix: "/api/calls",
            render: |problem| (problem.status(), Value::Null),
        };
        for (path, want) in [
            ("/api/calls", true),
            ("/api/calls/7/join", true),
            ("/api/calls-of-others", false),
            ("/api/v1/calls", false),
        ] {
            assert_eq!(envelope.is_for(path), want, "{path}");
        }
    }
}
