//! What handlers take from a request, checked and typed: who asks, which thing, and
//! from which address.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::header;
use axum::http::request::Parts;

use super::AppState;
use super::problem::{Problem, RequestRefused};
use crate::domain::principal::{Principal, Standing};
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::ids::{AppointmentId, CallId, ChatId, RoomName, UserId};
use crate::service::CallRef;

/// Header of the host application's backend.
const API_KEY_HEADER: &str = "x-api-key";

const NOT_AN_ID: &str = "the id has more than 128 characters, or control characters";

/// Who asks: by `Authorization: Bearer` or `X-Api-Key`. Never by a query: those end
/// up in logs and histories.
pub(crate) struct Asker(pub(crate) Principal);

impl FromRequestParts<AppState> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let ClientAddress(from) = ClientAddress::from_request_parts(parts, state).await?;
        let now = state.sessions().clock.now();
        match prove(parts, state, from, now).await {
            Ok(who) => {
                count(state, &who, now)?;
                Ok(Self(state.sessions().service.recognize(who).await))
            }
            Err(problem) => {
                state.rates().failure(from, now)?;
                Err(problem)
            }
        }
    }
}

/// The same where a name alone may be enough: `None` of somebody who proves nothing.
pub(crate) struct AskerOrGuest(pub(crate) Option<Principal>);

impl FromRequestParts<AppState> for AskerOrGuest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let proofs = [header::AUTHORIZATION.as_str(), API_KEY_HEADER];
        if !proofs
            .iter()
            .any(|proof| parts.headers.contains_key(*proof))
        {
            return Ok(Self(None));
        }
        let Asker(who) = Asker::from_request_parts(parts, state).await?;
        Ok(Self(Some(who)))
    }
}

async fn prove(
    parts: &Parts,
    state: &AppState,
    from: IpAddr,
    now: UnixMillis,
) -> Result<Principal, Problem> {
    let auth = &state.sessions().auth;
    if let Some(key) = parts.headers.get(API_KEY_HEADER) {
        // A token proves itself, a key may be guessed.
        state.rates().may_guess(from, now)?;
        let key = key.to_str().map_err(|_| RequestRefused::Unauthenticated)?;
        return Ok(auth.api_key(key)?);
    }
    let token = bearer(&parts.headers).ok_or(RequestRefused::Unauthenticated)?;
    Ok(auth.token_or_fetch(token, now).await?)
}

fn count(state: &AppState, who: &Principal, now: UnixMillis) -> Result<(), RequestRefused> {
    match who.standing {
        Standing::Backend => state.rates().backend(now),
        Standing::User | Standing::Guest => state.rates().user(&who.user, now),
    }
}

/// RFC 6750 §2.1; the scheme's case does not matter (RFC 9110 §11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The one path parameter of a route.
pub(crate) struct PathId<T>(pub(crate) T);

/// How a path segment becomes an id.
pub(crate) trait PathSegment: Sized {
    fn parse(text: &str) -> Result<Self, Problem>;
}

impl PathSegment for RoomName {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::try_from(text).map_err(|e| CallError::from(e).into())
    }
}

impl PathSegment for CallId {
    /// What is no id names no Call, like an id that nobody has.
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::from_str(text).map_err(|_| CallError::UnknownCall.into())
    }
}

/// A Call as requests name it: by its UUID or by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallName(pub(crate) CallRef);

impl CallName {
    /// What names nothing looks like an id that nobody has.
    pub(crate) fn of(text: &str) -> Result<Self, CallError> {
        let number = || text.parse().map(CallRef::Number).ok();
        let id = CallId::from_str(text).map(CallRef::Id).ok();
        id.or_else(number).map(Self).ok_or(CallError::UnknownCall)
    }
}

impl PathSegment for CallName {
    fn parse(text: &str) -> Result<Self, Problem> {
        Ok(Self::of(text)?)
    }
}

/// Row number of a notification.
pub(crate) struct NotificationNumber(pub(crate) i64);

impl PathSegment for NotificationNumber {
    /// What is no number names nothing.
    fn parse(text: &str) -> Result<Self, Problem> {
        let number = text.parse().map(Self);
        number.map_err(|_| CallError::NothingHere("notification").into())
    }
}

impl PathSegment for UserId {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::try_from(text).map_err(|_| RequestRefused::Malformed(NOT_AN_ID).into())
    }
}

impl PathSegment for ChatId {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::try_from(text).map_err(|_| RequestRefused::Malformed(NOT_AN_ID).into())
    }
}

impl PathSegment for AppointmentId {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::try_from(text).map_err(|_| RequestRefused::Malformed(NOT_AN_ID).into())
    }
}

impl<T: PathSegment, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(segment) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| RequestRefused::Malformed("the path is not UTF-8"))?;
        T::parse(&segment).map(Self)
    }
}

/// The address of the client itself, seen through the proxies that are trusted.
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let ConnectInfo(socket) = ConnectInfo::<SocketAddr>::from_request_parts(parts, state)
            .await
            .map_err(|_| RequestRefused::Malformed("no address"))?;
        let trusted = &state.config().trusted_proxies;
        Ok(Self(client_address(socket.ip(), &parts.headers, trusted)))
    }
}

/// Each proxy appends whom it heard, so the list is read from its end, and only as
/// long as those who wrote it are trusted: what stands further left, a client wrote.
fn client_address(socket: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let mut address = socket.to_canonical();
    let lists = headers.get_all("x-forwarded-for");
    let lists: Vec<_> = lists.iter().filter_map(|list| list.to_str().ok()).collect();
    let heard = lists.iter().rev().flat_map(|list| list.rsplit(','));
    for heard in heard {
        if !trusted.contains(&address) {
            break;
        }
        let Some(next) = forwarded(heard.trim()) else {
            break;
        };
        address = next.to_canonical();
    }
    address
}

/// With or without a port.
fn forwarded(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok();
    address.or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_are_believed_as_far_as_the_proxies_are() {
        let proxies: Vec<IpAddr> = ["10.0.0.1", "10.0.0.2"]
            .map(|a| a.parse().unwrap())
            .to_vec();
        let cases: [(&str, &[&str], &str); 9] = [
            ("192.0.2.1", &[], "192.0.2.1"),
            ("192.0.2.1", &["198.51.100.7"], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            ("10.0.0.1", &["127.0.0.1, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["127.0.0.1", "198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7, garbage"], "10.0.0.1"),
        ];
        for (socket, lists, want) in cases {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append("x-forwarded-for", list.parse().unwrap());
            }
            let got = client_address(socket.parse().unwrap(), &headers, &proxies);
            assert_eq!(got, want.parse::<IpAddr>().unwrap(), "{socket} {lists:?}");
        }
    }

    #[test]
    fn bearer_tokens() {
        for (value, want) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc", Some("abc")),
            ("Basic abc", None),
            ("abc", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            assert_eq!(bearer(&headers), want, "{value}");
        }
    }
}
