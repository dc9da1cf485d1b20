//! `/ws`: from an HTTP request to a Session. Who may open one is decided before the
//! upgrade, where a refusal still is a plain HTTP answer.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;

use super::AppState;
use super::extract::ClientAddress;
use super::problem::{Problem, RequestRefused};
use crate::session::{Session, websocket};

pub(super) async fn open(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| RequestRefused::NoUpgrade)?;
    if !origin_allowed(&headers, &uri, &state.config().allowed_origins) {
        return Err(RequestRefused::ForeignOrigin.into());
    }
    let permit = state.admission().admit(address)?;
    let session = Session::new(state.sessions().clone());
    let counting = state.clone();
    let session = session.counting_guest_calls(Box::new(move |now| {
        counting.rates().guest_call(address, now)
    }));
    let ping_interval = state.sessions().config.ping_interval;
    let stop = state.stop().clone();
    // Taken before the upgrade, so that a stopping server waits for this one too.
    let token = state.running().token();
    Ok(websocket::bounded(upgrade).on_upgrade(async move |socket| {
        let id = session.id();
        tracing::debug!(session.id = %id, "a session opened");
        let close = websocket::carry(socket, session, ping_interval, stop).await;
        let reason = close.map_or("the client's side", |close| close.reason());
        tracing::debug!(session.id = %id, reason, "a session closed: {reason}");
        drop((permit, token));
    }))
}

/// A browser always says whose page it is that connects, and only our own host's and
/// the listed sites' may (CWE-1385); what is no browser sends no Origin. The scheme is
/// not compared: a proxy in front may have ended TLS.
pub(super) fn origin_allowed(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let listed = allowed
        .iter()
        .any(|site| site.trim_end_matches('/') == origin);
    let host = super::layers::host(headers, uri);
    let same = origin
        .split_once("://")
        .zip(host)
        .is_some_and(|((_, site), host)| site.eq_ignore_ascii_case(host));
    listed || same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let allowed = ["https://app.example.org".to_owned()];
        let cases = [
            (None, true),
            (Some("http://calls.example.org:8080"), true),
            (Some("https://calls.example.org:8080"), true),
            (Some("https://CALLS.example.org:8080"), true),
            (Some("https://app.example.org"), true),
            (Some("https://calls.example.org"), false),
            (Some("https://calls.example.org:8080.evil.example"), false),
            (Some("https://app.example.org.evil.example"), false),
            (Some("http://app.example.org"), false),
            (Some("null"), false),
            (Some(""), false),
        ];
        for (origin, want) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "calls.example.org:8080".parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            let got = origin_allowed(&headers, &Uri::from_static("/ws"), &allowed);
            assert_eq!(got, want, "{origin:?}");
        }
    }
}
