//! JSON bodies: what cannot be read is 400, what can be read and is of the wrong shape
//! 422, and neither is ever 500.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::problem::{Problem, RequestRefused};

/// The body as JSON.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Json::from_request(request, state).await;
        let Json(value) = body.map_err(RequestRefused::from)?;
        Ok(Self(value))
    }
}

/// The same where no body at all is as good as `{}`, whatever it is said to be.
#[allow(dead_code, reason = "for the dialects that come")]
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| RequestRefused::from(&rejection))?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        let body = Json::from_bytes(&bytes);
        let Json(value) = body.map_err(RequestRefused::from)?;
        Ok(Self(value))
    }
}

/// A body of text, of this media type.
pub(crate) async fn text<S: Send + Sync>(
    request: Request,
    state: &S,
    media_type: &'static str,
) -> Result<String, Problem> {
    let said = request.headers().get(header::CONTENT_TYPE);
    let said = said.and_then(|said| said.to_str().ok()).unwrap_or_default();
    // Without parameters (RFC 9110 §8.3.1).
    let essence = said.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(media_type) {
        return Err(RequestRefused::WrongMediaType(media_type).into());
    }
    let bytes = Bytes::from_request(request, state).await;
    let bytes = bytes.map_err(|rejection| RequestRefused::from(&rejection))?;
    let text = String::from_utf8(bytes.into());
    Ok(text.map_err(|_| RequestRefused::Malformed("the body is not UTF-8"))?)
}

impl From<JsonRejection> for RequestRefused {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::JsonDataError(error) => Self::Invalid(reason(&error)),
            JsonRejection::JsonSyntaxError(_) => Self::Malformed("the body is not JSON"),
            JsonRejection::MissingJsonContentType(_) => Self::NotJson,
            JsonRejection::BytesRejection(rejection) => Self::from(&rejection),
            _ => Self::Malformed("the body cannot be read"),
        }
    }
}

impl From<&BytesRejection> for RequestRefused {
    fn from(rejection: &BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ => Self::Malformed("the body cannot be read"),
        }
    }
}

/// What serde says of it, which names the field, without our framework's words.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// An id of the host application, which may write it as a number.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(untagged, expecting = "an id is a string or an integer")]
pub(crate) enum HostId {
    Number(i64),
    Text(String),
}

impl HostId {
    /// As a typed id; `what` says which one could not be.
    pub(crate) fn parse<T: for<'a> TryFrom<&'a str>>(
        &self,
        what: &str,
    ) -> Result<T, RequestRefused> {
        let text = match self {
            Self::Number(number) => &number.to_string(),
            Self::Text(text) => text,
        };
        T::try_from(text).map_err(|_| {
            RequestRefused::Invalid(format!(
                "{what} must have 1 to 128 characters, none of them a control character"
            ))
        })
    }
}

#[cfg(test)]
mod tests;
