//! Every refusal over HTTP as a problem (RFC 9457), from one mapping. `type` is the
//! stable, machine-readable part; `detail` is for people. What went wrong inside is
//! nobody's business outside: 5xx have no detail.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::auth::AuthError;
use crate::error::CallError;
use crate::jitsi::JitsiError;
use crate::links::LinkError;
use crate::session::AdmissionRefused;

/// Seconds after which a refusal that will pass is worth another try.
const RETRY_AFTER_SECS: u32 = 2;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    /// Last part of the `type` URN.
    kind: &'static str,
    title: &'static str,
    detail: Option<String>,
}

/// What HTTP itself refuses, before any service was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestRefused {
    NoSuchResource,
    MethodNotAllowed,
    /// A path, query or header that cannot be parsed; says which.
    Malformed(&'static str),
    /// No proof of who asks.
    Unauthenticated,
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
        }
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
            CallError::NotInCall => (StatusCode::CONFLICT, "not-in-call", "Not in a call"),
            CallError::ResumeFailed => (StatusCode::GONE, "resume-failed", "Nothing to resume"),
            CallError::Offer(_) => (StatusCode::BAD_REQUEST, "bad-offer", "Offer refused"),
            CallError::InvalidCandidate => (
                StatusCode::BAD_REQUEST,
                "bad-candidate",
                "Not an ICE candidate",
            ),
            CallError::UnknownSlot(_) => (StatusCode::NOT_FOUND, "unknown-slot", "No such slot"),
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
            RequestRefused::Unauthenticated => Self::unauthorized(),
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

    fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Not available now",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("urn:convoke:problem:{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
        });
        if let Some(detail) = self.detail.filter(|_| !self.status.is_server_error()) {
            body["detail"] = detail.into();
        }
        let mut response = (self.status, body.to_string()).into_response();
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
                headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECS.into());
            }
            StatusCode::UPGRADE_REQUIRED => {
                // RFC 9110 §15.5.22: the answer must name the protocol.
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            _ => {}
        }
        response
    }
}
