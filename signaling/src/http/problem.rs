//! Every refusal over HTTP as a problem (RFC 9457), from one mapping. `type` is the
//! stable, machine-readable part; `detail` is for people. What went wrong inside is
//! nobody's business outside: 5xx have no detail.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub(crate) use super::kinds::{EnvelopedRefusals, Refusals};
use crate::auth::AuthError;
use crate::error::CallError;
use crate::jitsi::JitsiError;
use crate::links::LinkError;
use crate::session::message::ErrorCode;
use crate::session::{AdmissionRefused, ResourceError};

/// Seconds after which a refusal that will pass is worth another try.
const RETRY_AFTER_SECS: u32 = 2;

/// What every `type` begins with.
pub(crate) const URN: &str = "urn:convoke:problem:";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    /// Last part of the `type` URN.
    kind: &'static str,
    title: &'static str,
    detail: Option<String>,
    /// Seconds after which to try again, where it is known.
    retry_after: Option<u32>,
    /// There is such a thing, which a stranger is not told.
    withheld: bool,
}

/// What HTTP itself refuses, before any service was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestRefused {
    NoSuchResource,
    MethodNotAllowed,
    /// A path, query or header that cannot be parsed; says which.
    Malformed(&'static str),
    /// A body that can be read and does not say what it must; says what is wrong.
    Invalid(String),
    /// The body is in no format that is read here.
    NotJson,
    /// The body is not of this media type.
    WrongMediaType(&'static str),
    /// No `If-Match`, where one must be.
    Unconditional,
    TooLarge,
    /// More requests than one asker may send.
    TooMany {
        retry_after_secs: u32,
    },
    /// No proof of who asks.
    Unauthenticated,
    /// The proof is over, and the connection that it opened is not.
    Expired,
    /// Nobody listens at the other end.
    Unreachable,
    /// A WebSocket asked for by another site's page.
    ForeignOrigin,
    /// Asked for by a name that is not ours, where guests are admitted.
    ForeignHost,
    NoUpgrade,
    TooSlow,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str) -> Self {
        Self {
            status,
            kind,
            title,
            detail: None,
            retry_after: None,
            withheld: false,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The machine-readable part: the last of the `type` URN.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whether a stranger asks for what does exist: for dialects whose document tells
    /// "not yours" from "not there".
    pub(crate) fn withheld(&self) -> bool {
        self.withheld
    }

    /// Whether it is the asker's own mistake, which is not to be repeated.
    pub(crate) fn is_misuse(&self) -> bool {
        matches!(
            self.status,
            StatusCode::BAD_REQUEST
                | StatusCode::UNPROCESSABLE_ENTITY
                | StatusCode::TOO_MANY_REQUESTS
        )
    }

    fn with_detail(mut self, detail: impl ToString) -> Self {
        self.detail = Some(detail.to_string());
        self
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let (status, kind, title) = match &error {
            CallError::InvalidRoom(_) => {
                (StatusCode::BAD_REQUEST, "invalid-room", "Not a room name")
            }
            CallError::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            CallError::UnknownCall => (StatusCode::NOT_FOUND, "unknown-call", "No such call"),
            CallError::RoomFull { .. } => (StatusCode::CONFLICT, "room-full", "The room is full"),
            CallError::NotMember => {
                return Self {
                    withheld: true,
                    ..Self::from(CallError::UnknownCall)
                };
            }
            CallError::UnknownChat => (StatusCode::NOT_FOUND, "unknown-chat", "No such chat"),
            CallError::UnknownAppointment => (
                StatusCode::NOT_FOUND,
                "unknown-appointment",
                "No such appointment",
            ),
            CallError::NotDue => (StatusCode::CONFLICT, "not-due", "Not confirmed"),
            CallError::Busy(_) => (StatusCode::CONFLICT, "busy", "In another call"),
            CallError::AlreadyLive => (
                StatusCode::CONFLICT,
                "already-live",
                "A call is going on there already",
            ),
            CallError::Over => (StatusCode::CONFLICT, "call-over", "The call is over"),
            CallError::TooManyTries => (
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-tries",
                "Too many wrong passwords",
            ),
            CallError::WrongPassword => (
                StatusCode::FORBIDDEN,
                "wrong-password",
                "The password is wrong",
            ),
            CallError::TooManyMembers { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "too-many-members",
                "Too many people are called",
            ),
            CallError::NobodyCalled => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "nobody-called",
                "Nobody is called",
            ),
            CallError::NotRecordable => (
                StatusCode::FORBIDDEN,
                "not-recordable",
                "The call may not be recorded",
            ),
            CallError::HeldElsewhere => (
                StatusCode::CONFLICT,
                "held-elsewhere",
                "The call is held in a Jitsi",
            ),
            CallError::NotInCall => (StatusCode::CONFLICT, "not-in-call", "Not in a call"),
            CallError::ResumeFailed => (StatusCode::GONE, "resume-failed", "Nothing to resume"),
            CallError::Offer(_) => (StatusCode::BAD_REQUEST, "bad-offer", "Offer refused"),
            CallError::InvalidCandidate => (
                StatusCode::BAD_REQUEST,
                "bad-candidate",
                "Not an ICE candidate",
            ),
            CallError::UnknownSlot(_) => (StatusCode::NOT_FOUND, "unknown-slot", "No such slot"),
            CallError::NothingHere(_) => (StatusCode::NOT_FOUND, "not-found", "Nothing is here"),
            CallError::Overloaded { retry_after } => return Self::overloaded(*retry_after),
            CallError::Unavailable => return Self::unavailable(),
        };
        Self::new(status, kind, title).with_detail(error)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let problem = match error {
            AuthError::Token(_) | AuthError::UnknownApiKey | AuthError::GuestsNotAdmitted => {
                Self::unauthorized()
            }
            AuthError::InvalidName => {
                Self::new(StatusCode::BAD_REQUEST, "invalid-name", "Not a usable name")
            }
        };
        problem.with_detail(error)
    }
}

impl Problem {
    /// What a Session says in its own words.
    pub(crate) fn of_session(code: ErrorCode, message: String, retry_after: Option<u32>) -> Self {
        let (status, kind) = match code {
            ErrorCode::BadMessage => (StatusCode::BAD_REQUEST, "malformed"),
            ErrorCode::Unexpected => (StatusCode::BAD_REQUEST, "unexpected"),
            ErrorCode::UnsupportedProtocol => (StatusCode::BAD_REQUEST, "unsupported-protocol"),
            ErrorCode::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            ErrorCode::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            ErrorCode::ResumeFailed => (StatusCode::GONE, "resume-failed"),
            ErrorCode::RoomFull => (StatusCode::CONFLICT, "room-full"),
            ErrorCode::InvalidRoom => (StatusCode::BAD_REQUEST, "invalid-room"),
            ErrorCode::NotInCall => (StatusCode::CONFLICT, "not-in-call"),
            ErrorCode::AlreadyInCall => (StatusCode::CONFLICT, "already-in-call"),
            ErrorCode::BadOffer => (StatusCode::BAD_REQUEST, "bad-offer"),
            ErrorCode::BadCandidate => (StatusCode::BAD_REQUEST, "bad-candidate"),
            ErrorCode::UnknownSlot => (StatusCode::NOT_FOUND, "unknown-slot"),
            ErrorCode::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "too-many-requests"),
            ErrorCode::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            ErrorCode::Unavailable | ErrorCode::Internal => return Self::unavailable(),
        };
        Self {
            retry_after,
            ..Self::new(status, kind, "Refused").with_detail(message)
        }
    }
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Jitsi(JitsiError::Room) => {
                Self::new(StatusCode::BAD_REQUEST, "invalid-room", "Not a room name")
                    .with_detail(error)
            }
            // The operator's to mend, and his log says what.
            LinkError::Jitsi(
                JitsiError::NoKey | JitsiError::Key | JitsiError::Domain | JitsiError::Signing,
            ) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "jitsi-not-configured",
                "Jitsi configuration missing",
            ),
            LinkError::Auth(error) => error.into(),
        }
    }
}

impl From<AdmissionRefused> for Problem {
    fn from(error: AdmissionRefused) -> Self {
        match error {
            AdmissionRefused::ServerFull => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "server-full",
                "The server is full",
            ),
            AdmissionRefused::AddressFull => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "address-full",
                "Too many sessions from this address",
            ),
            AdmissionRefused::UserFull => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "user-full",
                "Too many sessions of this user",
            ),
        }
    }
}

impl From<ResourceError> for Problem {
    fn from(error: ResourceError) -> Self {
        match error {
            ResourceError::Call(error) => error.into(),
            ResourceError::Admission(error) => error.into(),
            ResourceError::Shape(_) | ResourceError::TooManyCandidates => {
                RequestRefused::Invalid(error.to_string()).into()
            }
            ResourceError::Stale => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition-failed",
                "Another ICE session is current",
            ),
            ResourceError::TooFast { retry_after_secs } => {
                RequestRefused::TooMany { retry_after_secs }.into()
            }
        }
    }
}

impl From<RequestRefused> for Problem {
    fn from(refused: RequestRefused) -> Self {
        match refused {
            RequestRefused::NoSuchResource => {
                Self::new(StatusCode::NOT_FOUND, "not-found", "Nothing is here")
            }
            RequestRefused::MethodNotAllowed => Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Not with this method",
            ),
            RequestRefused::Malformed(what) => {
                Self::new(StatusCode::BAD_REQUEST, "malformed", "Malformed request")
                    .with_detail(what)
            }
            RequestRefused::Invalid(what) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "Not a possible request",
            )
            .with_detail(what),
            RequestRefused::NotJson => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "The body must be application/json",
            ),
            RequestRefused::WrongMediaType(wanted) => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "wrong-media-type",
                "Not what is read here",
            )
            .with_detail(wanted),
            RequestRefused::Unconditional => Self::new(
                StatusCode::PRECONDITION_REQUIRED,
                "precondition-required",
                "If-Match must say which ICE session is meant",
            ),
            RequestRefused::TooLarge => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "The body is too large",
            ),
            RequestRefused::TooMany { retry_after_secs } => Self {
                retry_after: Some(retry_after_secs),
                ..Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too-many-requests",
                    "Too many requests",
                )
            },
            RequestRefused::Unauthenticated => Self::unauthorized(),
            RequestRefused::Expired => Self::unauthorized().with_detail("the token has expired"),
            RequestRefused::Unreachable => {
                Self::new(StatusCode::CONFLICT, "unreachable", "Not connected now")
            }
            RequestRefused::ForeignOrigin => Self::new(
                StatusCode::FORBIDDEN,
                "foreign-origin",
                "This site may not open a session",
            ),
            RequestRefused::ForeignHost => Self::new(
                StatusCode::FORBIDDEN,
                "foreign-host",
                "Not a name of this server",
            )
            .with_detail("the name to allow is that of http.public_url"),
            RequestRefused::NoUpgrade => Self::new(
                StatusCode::UPGRADE_REQUIRED,
                "upgrade-required",
                "A WebSocket is needed here",
            ),
            RequestRefused::TooSlow => Self::unavailable(),
        }
    }
}

impl Problem {
    fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "A valid token is needed",
        )
    }

    /// Rounded up, and no sooner than any other: who comes too early comes in vain.
    fn overloaded(retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs_f64().ceil() as u32;
        Self {
            retry_after: Some(seconds.max(RETRY_AFTER_SECS)),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "Too much to do",
            )
        }
    }

    fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Not available now",
        )
    }
}

impl Problem {
    /// The members of RFC 9457 §3.1; an envelope of a dialect adds its own.
    pub(crate) fn members(&self) -> Value {
        let mut body = json!({
            "type": format!("{URN}{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
        });
        if let Some(detail) = self.shown_detail() {
            body["detail"] = detail.into();
        }
        body
    }

    /// What to tell a person in one sentence.
    pub(crate) fn message(&self) -> &str {
        self.shown_detail().unwrap_or(self.title)
    }

    fn shown_detail(&self) -> Option<&str> {
        let detail = self.detail.as_deref();
        detail.filter(|_| !self.status.is_server_error())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.members().to_string()).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.status {
            StatusCode::UNAUTHORIZED => {
                let challenge = HeaderValue::from_static("Bearer");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                let seconds = self.retry_after.unwrap_or(RETRY_AFTER_SECS);
                headers.insert(header::RETRY_AFTER, seconds.into());
            }
            StatusCode::UPGRADE_REQUIRED => {
                // RFC 9110 §15.5.22: the answer must name the protocol.
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}
