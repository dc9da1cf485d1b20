//! Keys that a host application publishes: fetched, cached and renewed, so that a user
//! token signed with one of them (RS256, ES256, EdDSA) is verified without asking
//! anybody.
//!
//! Verifying never waits: it reads the keys that are there. A task renews them in time
//! ([`RemoteKeys::keep_fresh`]), and who meets a key id that is not there may have them
//! fetched out of turn ([`RemoteKeys::refresh`]), which happens once for all who wait
//! and not more often than [`MIN_INTERVAL`]. A key server that fails takes nothing
//! away: the keys stay as they were.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hyper::{HeaderMap, Uri, header};
use jsonwebtoken::Header;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::jwk::{KeySet, KeySetError};
use super::token::VerificationKey;
use crate::clock::Clock;
use crate::domain::time::UnixMillis;
use crate::outbound::{Outbound, OutboundError};

/// Between two fetches, whoever wants them: a stranger with invented key ids costs
/// the key server no more than this.
pub const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// A withdrawn key is believed no longer than the server said, within these bounds.
const MIN_AGE: Duration = Duration::from_secs(5 * 60);
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);
/// For a server that does not say.
const DEFAULT_AGE: Duration = Duration::from_secs(3600);
/// Failures in a row wait twice as long each, up to this.
const MAX_BACKOFF: Duration = Duration::from_secs(5 * 60);

/// What a token signed with these keys must say besides. A key server that signs for
/// more than one application, as Google's does, needs both.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    pub issuer: Option<String>,
    pub audience: Option<String>,
}

/// The cache.
pub struct RemoteKeys {
    url: Uri,
    pub(super) expected: Expected,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    keys: RwLock<Arc<KeySet>>,
    /// Held while fetching, so that one fetch serves all who wait.
    last_fetch: Mutex<Option<UnixMillis>>,
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("it answered with {0}")]
    Status(u16),
    #[error(transparent)]
    Keys(#[from] KeySetError),
}

impl RemoteKeys {
    /// Has no keys yet.
    pub fn new(url: Uri, expected: Expected, outbound: Outbound, clock: Arc<dyn Clock>) -> Self {
        Self {
            url,
            expected,
            outbound,
            clock,
            keys: RwLock::default(),
            last_fetch: Mutex::new(None),
        }
    }

    /// Fetches at once and then whenever the keys have aged, until `stop`.
    pub async fn keep_fresh(&self, stop: CancellationToken) {
        let mut backoff = MIN_INTERVAL;
        loop {
            let wait = match self.fetch_in_turn().await {
                Some(Ok(age)) => {
                    backoff = MIN_INTERVAL;
                    age
                }
                Some(Err(())) => {
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                    backoff
                }
                None => MIN_INTERVAL,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(wait) => {}
            }
        }
    }

    /// For a token whose key is not here: returns when the keys are as new as they
    /// may be had.
    pub async fn refresh(&self) {
        let _ = self.fetch_in_turn().await;
    }

    /// The key that the header names, if it is here.
    pub(super) fn find<T>(
        &self,
        header: &Header,
        then: impl FnOnce(&VerificationKey) -> T,
    ) -> Option<T> {
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        keys.find(header).map(then)
    }

    /// `None` when the last fetch is too recent; else how long the keys are good for.
    /// The clock may have been set back since: then it is no measure.
    async fn fetch_in_turn(&self) -> Option<Result<Duration, ()>> {
        let mut last = self.last_fetch.lock().await;
        let now = self.clock.now();
        if last.is_some_and(|last| now >= last && now.since(last) < MIN_INTERVAL) {
            return None;
        }
        let fetched = self.fetch().await;
        *last = Some(self.clock.now());
        Some(fetched.map_err(|error| {
            tracing::warn!(
                auth.key_server = self.url.host(),
                "the key server was of no use, known keys stay: {error}"
            );
        }))
    }

    async fn fetch(&self) -> Result<Duration, FetchError> {
        let answer = self.outbound.get(&self.url).await?;
        if answer.status != 200 {
            return Err(FetchError::Status(answer.status));
        }
        let keys = KeySet::parse(&answer.body)?;
        tracing::debug!(auth.keys = keys.len(), "fetched keys of user tokens");
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(age_of(&answer.headers))
    }
}

/// How long the answer is fresh (RFC 9111 §5.2.2.1, less the time it has been in
/// caches, §5.1), within our bounds.
fn age_of(headers: &HeaderMap) -> Duration {
    let directives = headers.get_all(header::CACHE_CONTROL).into_iter();
    let max_age = directives
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|directive| directive.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("max-age"))
        .and_then(|(_, seconds)| seconds.trim_matches('"').parse().ok());
    let spent = headers
        .get(header::AGE)
        .and_then(|age| age.to_str().ok()?.parse().ok())
        .unwrap_or(0);
    let fresh = max_age.map(|seconds: u64| Duration::from_secs(seconds.saturating_sub(spent)));
    fresh.unwrap_or(DEFAULT_AGE).clamp(MIN_AGE, MAX_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_age_as_the_server_says_within_bounds() {
        let cases = [
            (None, None, 3600),
            (Some("public, max-age=19845, must-revalidate"), None, 19845),
            (Some("public, Max-Age=19845"), Some("845"), 19000),
            (Some("max-age=0"), None, 300),
            (Some("no-store"), None, 3600),
            (Some("max-age=600"), Some("900"), 300),
            (Some("max-age=999999999"), None, 86_400),
            (Some("max-age=soon"), None, 3600),
        ];
        for (control, age, want) in cases {
            let mut headers = HeaderMap::new();
            if let Some(control) = control {
                headers.insert(header::CACHE_CONTROL, control.parse().unwrap());
            }
            if let Some(age) = age {
                headers.insert(header::AGE, age.parse().unwrap());
            }
            let got = age_of(&headers);
            assert_eq!(got, Duration::from_secs(want), "{control:?} {age:?}");
        }
    }
}
