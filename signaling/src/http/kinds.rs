//! Every kind of problem, for the API's description: what programs tell refusals
//! apart by.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{self, RefOr};
use utoipa::{IntoResponses, ToSchema};

use super::problem::URN;

/// The last part of the `type`, and when it is said.
const KINDS: &[(&str, &str)] = &[
    ("address-full", "too many sessions from one address"),
    ("already-in-call", "the asker is in another call"),
    ("already-live", "a call is going on there already"),
    ("bad-candidate", "not an ICE candidate"),
    ("bad-offer", "an offer that cannot be answered"),
    ("busy", "everybody who is called is in another call"),
    ("call-over", "the call has ended"),
    ("forbidden", "the asker may not do this"),
    (
        "foreign-host",
        "asked for by a name that is not this server's",
    ),
    ("foreign-origin", "another site's page, which is not listed"),
    ("held-elsewhere", "the call is held in a Jitsi"),
    (
        "invalid",
        "a body that is JSON, with wrong or missing fields",
    ),
    ("invalid-name", "not a usable name"),
    ("invalid-room", "not a room name"),
    (
        "jitsi-not-configured",
        "a Jitsi's token is needed and cannot be signed",
    ),
    (
        "malformed",
        "a path, query, header or body that cannot be read",
    ),
    ("method-not-allowed", "not with this method"),
    ("nobody-called", "a call needs somebody besides the caller"),
    ("not-due", "not at this time"),
    ("not-found", "nothing is at this path"),
    ("not-in-call", "the asker is not in the call"),
    ("not-json", "the body is not application/json"),
    ("not-recordable", "the call may not be recorded"),
    ("overloaded", "no time for another call now; try again"),
    (
        "precondition-failed",
        "If-Match names an ICE session that is over",
    ),
    (
        "precondition-required",
        "If-Match must say which ICE session is meant",
    ),
    ("resume-failed", "there is nothing to resume"),
    ("room-full", "as many are in as may be"),
    ("server-full", "the server takes no more sessions"),
    ("too-large", "the body is too large"),
    ("too-many-members", "more people than can be asked at once"),
    ("too-many-requests", "wait for as long as Retry-After says"),
    (
        "too-many-tries",
        "too many wrong passwords for the call; wait some minutes",
    ),
    ("unauthorized", "no proof of who asks, or no valid one"),
    ("unavailable", "not now; try again"),
    (
        "unexpected",
        "a message of the SFU's that makes no sense now",
    ),
    ("unknown-appointment", "no such appointment"),
    (
        "unknown-call",
        "no such call, or none that the asker may know of",
    ),
    ("unknown-chat", "no such chat, or none that the asker is in"),
    ("unknown-slot", "no such slot"),
    ("unreachable", "an address that cannot be reached"),
    ("unsupported-protocol", "another version of the protocol"),
    ("upgrade-required", "a WebSocket is needed here"),
    ("user-full", "too many sessions of one user"),
    (
        "wrong-media-type",
        "the body has another Content-Type than is read here",
    ),
    ("wrong-password", "the call has another password"),
];

/// Of a problem's `type`.
pub(crate) fn type_schema() -> Object {
    let list = KINDS
        .iter()
        .map(|(kind, when)| format!("- `{kind}`: {when}"));
    let list: Vec<_> = list.collect();
    let text = format!(
        "Stable and machine-readable: `{URN}` and one of\n\n{}",
        list.join("\n")
    );
    let words = KINDS.iter().map(|(kind, _)| format!("{URN}{kind}"));
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(text))
        .enum_values(Some(words))
        .build()
}

/// How the API's document shows a problem.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(
    dead_code,
    reason = "a schema; what is sent is made by Problem::members"
)]
pub(crate) struct ProblemBody {
    #[schema(schema_with = type_schema)]
    r#type: String,
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// For people; in 5xx at most that it is too much.
    detail: Option<String>,
}

/// The refusals of any route, for its description.
pub(crate) struct Refusals;

/// The same where an [`Envelope`](super::envelope::Envelope) adds members to it.
pub(crate) struct EnvelopedRefusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        refused("application/problem+json")
    }
}

impl IntoResponses for EnvelopedRefusals {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        refused("application/json")
    }
}

fn refused(content_type: &str) -> BTreeMap<String, RefOr<openapi::Response>> {
    let problem = openapi::Ref::from_schema_name("Problem");
    let content = openapi::Content::new(Some(problem));
    let response = openapi::ResponseBuilder::new()
        .description("Refused; `type` says why")
        .content(content_type, content);
    BTreeMap::from([("default".to_owned(), response.build().into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read out of the one file that makes problems: a kind is the text after a status.
    #[test]
    fn every_kind_is_described() {
        let source = include_str!("problem.rs");
        let mut found = 0;
        for after in source.split("StatusCode::").skip(1) {
            let Some((status, rest)) = after.split_once(',') else {
                continue;
            };
            let is_status = status.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            let Some(text) = rest.trim_start().strip_prefix('"').filter(|_| is_status) else {
                continue;
            };
            let kind = text.split('"').next().unwrap();
            assert!(KINDS.iter().any(|(known, _)| *known == kind), "{kind}");
            found += 1;
        }
        assert!(found > 30, "{found}");
    }
}
