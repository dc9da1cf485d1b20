//! Headers and bodies: SDP, fragments of it (RFC 8840), entity tags, links to ICE servers.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{SDP, SDP_FRAGMENT};
use crate::auth::AuthError;
use crate::domain::principal::Principal;
use crate::domain::text::display_name;
use crate::http::AppState;
use crate::http::body;
use crate::http::extract::bearer;
use crate::http::problem::{Problem, RequestRefused};
use crate::session::message::IceServer;
use crate::session::resource::{
    Condition, Credentials, EntityTag, Fragment, Opened, Patched, Proof,
};

/// A fragment with the longest credentials and candidates of every kind has a tenth.
const MAX_FRAGMENT_BYTES: usize = 32 * 1024;
/// Entity tags that one `If-Match` may list.
const MAX_TAGS: usize = 16;
/// What a player is called that says nothing of itself.
const VIEWER: &str = "Viewer";

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Named {
    /// What others see; the token's name without it.
    #[param(max_length = 64)]
    participant: Option<String>,
}

impl Named {
    /// Whoever proved something, by the name that it asks for, or a guest of that name.
    pub(super) fn publisher(
        self,
        known: Option<Principal>,
        state: &AppState,
    ) -> Result<Principal, Problem> {
        let Some(known) = known else {
            let name = self.participant.unwrap_or_default();
            let auth = &state.sessions().auth;
            return Ok(auth.guest(&name, Uuid::new_v4())?);
        };
        let name = self.participant.as_deref().map(display_name);
        let name = name.map(|name| name.ok_or(AuthError::InvalidName));
        Ok(Principal {
            shown_as: name.transpose()?,
            ..known
        })
    }

    /// A player need not have a name.
    pub(super) fn viewer(
        self,
        known: Option<Principal>,
        state: &AppState,
    ) -> Result<Principal, Problem> {
        let unnamed = known.is_none() && self.participant.is_none();
        let participant = match unnamed {
            true => Some(VIEWER.to_owned()),
            false => self.participant,
        };
        Self { participant }.publisher(known, state)
    }
}

/// An offer.
pub(super) struct SdpBody(pub(super) String);

impl<S: Send + Sync> FromRequest<S> for SdpBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        body::text(request, state, SDP).await.map(Self)
    }
}

/// What a `PATCH` says, and of which ICE session.
pub(super) struct FragmentBody(pub(super) Condition, pub(super) Fragment);

impl<S: Send + Sync> FromRequest<S> for FragmentBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let condition = condition(request.headers());
        let text = body::text(request, state, SDP_FRAGMENT).await?;
        if text.len() > MAX_FRAGMENT_BYTES {
            return Err(RequestRefused::TooLarge.into());
        }
        Ok(Self(condition?, fragment(&text)?))
    }
}

/// RFC 9110 §13.1.1. Weak tags never match, and need not be told apart for it.
fn condition(headers: &HeaderMap) -> Result<Condition, RequestRefused> {
    let mut tags = Vec::new();
    let mut lists = headers.get_all(header::IF_MATCH).iter().peekable();
    if lists.peek().is_none() {
        return Err(RequestRefused::Unconditional);
    }
    for list in lists {
        let list = list
            .to_str()
            .map_err(|_| RequestRefused::Malformed("If-Match"))?;
        tags.extend(list.split(',').map(|tag| tag.trim().to_owned()));
    }
    match tags.as_slice() {
        [any] if any == "*" => Ok(Condition::Any),
        tags if tags.len() > MAX_TAGS => Err(RequestRefused::Malformed("If-Match")),
        _ => Ok(Condition::OneOf(tags)),
    }
}

/// RFC 8840 §9.1: credentials stand once, for all m-lines of the bundle.
fn fragment(text: &str) -> Result<Fragment, RequestRefused> {
    let value_of = |key: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| {
            line.strip_prefix(key)
                .map(|value| value.trim_end().to_owned())
        })
    };
    let credentials = match (value_of("a=ice-ufrag:"), value_of("a=ice-pwd:")) {
        (Some(ufrag), Some(pwd)) => Some(Credentials { ufrag, pwd }),
        (None, None) => None,
        _ => {
            let half = "ice-ufrag and ice-pwd belong together";
            return Err(RequestRefused::Malformed(half));
        }
    };
    let candidates: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("a=candidate:"))
        .map(|line| line.trim_end().to_owned())
        .collect();
    let ends = text
        .lines()
        .any(|line| line.trim_end() == "a=end-of-candidates");
    if credentials.is_none() && candidates.is_empty() && !ends {
        let empty = "neither credentials nor candidates";
        return Err(RequestRefused::Malformed(empty));
    }
    Ok(Fragment {
        credentials,
        candidates,
    })
}

/// What a request shows for a resource; no proof is one, of a guest's.
pub(super) struct Shown(pub(super) Proof);

impl<S: Send + Sync> FromRequestParts<S> for Shown {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(Proof::new(bearer(&parts.headers))))
    }
}

/// 201 with the answer (RFC 9725 §4.2).
pub(super) struct Created {
    pub(super) opened: Opened,
    /// `/whip` or `/whep`.
    pub(super) root: &'static str,
    pub(super) ice_servers: Vec<IceServer>,
}

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        let Opened { id, entity, sdp } = self.opened;
        let mut response = (StatusCode::CREATED, sdp).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        insert(headers, header::LOCATION, &format!("{}/~/{id}", self.root));
        insert(headers, header::ETAG, entity.as_str());
        let patch = HeaderName::from_static("accept-patch");
        headers.insert(patch, HeaderValue::from_static(SDP_FRAGMENT));
        for link in self.ice_servers.iter().flat_map(links) {
            // A name that no header may carry was no URL either.
            if let Ok(link) = HeaderValue::from_str(&link) {
                headers.append(header::LINK, link);
            }
        }
        response
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Of our own making, and visible ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// RFC 9725 §4.6, one of each URL.
fn links(server: &IceServer) -> impl Iterator<Item = String> {
    let mut parameters = r#"; rel="ice-server""#.to_owned();
    if let (Some(username), Some(credential)) = (&server.username, &server.credential) {
        parameters += &format!(
            r#"; username="{}"; credential="{}"; credential-type="password""#,
            escaped(username),
            escaped(credential)
        );
    }
    let urls = server.urls.iter();
    urls.map(move |url| format!("<{url}>{parameters}"))
}

/// In a quoted string (RFC 9110 §5.6.4).
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"")
}

impl IntoResponse for Patched {
    fn into_response(self) -> Response {
        let (entity, sdp): (EntityTag, String) = match self {
            Self::Trickled => return StatusCode::NO_CONTENT.into_response(),
            Self::Restarted { entity, sdp } => (entity, sdp),
        };
        let mut response = our_fragment(&sdp).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP_FRAGMENT));
        insert(headers, header::ETAG, entity.as_str());
        response
    }
}

/// Of an answer, what a fragment has (RFC 8840 §9.2): credentials, and candidates under
/// the m-line that carries the bundle.
fn our_fragment(answer: &str) -> String {
    let kept = [
        "a=ice-lite",
        "a=group:BUNDLE",
        "a=ice-ufrag:",
        "a=ice-pwd:",
        "a=candidate:",
        "a=end-of-candidates",
    ];
    let mut out = String::new();
    let mut accepted = 0;
    for line in answer.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            // The first that is not rejected; the others say the same again.
            let rejected = media.split(' ').nth(1) == Some("0");
            accepted += usize::from(!rejected);
            if accepted > 1 {
                break;
            }
        }
        let in_head = accepted == 0 && (line.starts_with(kept[0]) || line.starts_with(kept[1]));
        let in_media = accepted == 1
            && (line.starts_with("m=")
                || line.starts_with("a=mid:")
                || kept[2..].iter().any(|key| line.starts_with(key)));
        if in_head || in_media {
            out += line;
            out += "\r\n";
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn conditions() {
        let list = |tags: &[&str]| {
            let tags = tags.iter().map(|tag| (*tag).to_owned());
            Ok(Condition::OneOf(tags.collect()))
        };
        let cases = [
            (headers(&[]), Err(RequestRefused::Unconditional)),
            (headers(&["*"]), Ok(Condition::Any)),
            (headers(&["\"a\""]), list(&["\"a\""])),
            (headers(&["\"a\", W/\"b\""]), list(&["\"a\"", "W/\"b\""])),
            (headers(&["\"a\"", "\"b\""]), list(&["\"a\"", "\"b\""])),
        ];
        for (headers, want) in cases {
            assert_eq!(condition(&headers), want, "{headers:?}");
        }
        let many = headers(&[",".repeat(MAX_TAGS + 1).as_str()]);
        assert!(condition(&many).is_err());
    }

    #[test]
    fn fragments() {
        let candidate = "a=candidate:1 1 udp 2113937151 192.0.2.1 5000 typ host";
        let credentials = Credentials {
            ufrag: "EsAw".to_owned(),
            pwd: "P2uYro0UCOQ4zxjKXaWCBui1".to_owned(),
        };
        let text = format!(
            "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
             m=audio 9 RTP/AVP 0\r\na=mid:0\r\n{candidate}\r\na=end-of-candidates\r\n"
        );
        let want = Fragment {
            credentials: Some(credentials),
            candidates: vec![candidate.to_owned()],
        };
        assert_eq!(fragment(&text), Ok(want));
        assert_eq!(fragment("a=end-of-candidates"), Ok(Fragment::default()));
        for bad in ["", "v=0\r\n", "a=ice-ufrag:EsAw\r\n", "a=ice-pwd:x\r\n"] {
            assert!(fragment(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_fragment_of_an_answer() {
        let answer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\na=ice-lite\r\na=group:BUNDLE 1 2\r\n\
            m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n\
            a=setup:passive\r\na=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n\
            a=end-of-candidates\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=ice-ufrag:u\r\n";
        let want = "a=ice-lite\r\na=group:BUNDLE 1 2\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
            a=mid:1\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n\
            a=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\na=end-of-candidates\r\n";
        assert_eq!(our_fragment(answer), want);
    }

    #[test]
    fn links_to_ice_servers() {
        let server = IceServer {
            urls: vec!["turn:t.example".to_owned(), "turns:t.example".to_owned()],
            username: Some("u".to_owned()),
            credential: Some("a\"b".to_owned()),
        };
        let got: Vec<_> = links(&server).collect();
        let rest =
            r#"; rel="ice-server"; username="u"; credential="a\"b"; credential-type="password""#;
        assert_eq!(
            got,
            [
                format!("<turn:t.example>{rest}"),
                format!("<turns:t.example>{rest}")
            ]
        );
        let plain = IceServer {
            urls: vec!["stun:s.example".to_owned()],
            username: None,
            credential: None,
        };
        let got: Vec<_> = links(&plain).collect();
        assert_eq!(got, [r#"<stun:s.example>; rel="ice-server""#]);
    }
}
