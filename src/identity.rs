//! Who may come in, from configuration: the authenticator of the server and of
//! `convoke token`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use convoke_signaling::auth::jwks::{Expected, RemoteKeys};
use convoke_signaling::auth::{AuthConfig, Authenticator, token::Invite};
use convoke_signaling::clock::{Clock as _, SystemClock};
use convoke_signaling::outbound::{Outbound, OutboundLimits, Reach};

use crate::cli::TokenRequest;
use crate::config::Config;
use crate::data_dir;

/// Clocks of the host application and of this server may differ by this much.
const LEEWAY: Duration = Duration::from_secs(5);

pub(crate) fn authenticator(
    config: &Config,
    remote_keys: Option<Arc<RemoteKeys>>,
) -> anyhow::Result<Authenticator> {
    let server_secret = data_dir::secret(&config.data_dir)?;
    let jwt_secret = config.auth.jwt_secret.as_ref().unwrap_or(&server_secret);
    let keys = config.auth.api_keys.iter();
    Ok(Authenticator::new(AuthConfig {
        jwt_secret: jwt_secret.reveal().as_bytes().to_vec(),
        server_secret: server_secret.reveal().as_bytes().to_vec(),
        api_keys: keys.map(|key| key.reveal().to_owned()).collect(),
        guests: config.guests_allowed(),
        leeway: LEEWAY,
        remote_keys,
    }))
}

/// Keys that the host application publishes, if it does. Nothing is fetched yet.
pub(crate) fn remote_keys(config: &Config) -> anyhow::Result<Option<Arc<RemoteKeys>>> {
    let Some(url) = &config.auth.jwks_url else {
        return Ok(None);
    };
    let url = url.parse().context("auth.jwks_url is no URL")?;
    // The operator named it; it may well be in his own network.
    let outbound = Outbound::new(Reach::Anywhere, OutboundLimits::default())?;
    let expected = Expected {
        issuer: config.auth.jwks_issuer.clone(),
        audience: config.auth.jwks_audience.clone(),
    };
    let keys = RemoteKeys::new(url, expected, outbound, Arc::new(SystemClock));
    Ok(Some(Arc::new(keys)))
}

/// `convoke token`: the token, and the link that a person enters with. The token is
/// in the fragment, which browsers send to no server and proxies do not log.
pub(crate) fn issue_token(config: &Config, request: &TokenRequest) -> anyhow::Result<String> {
    data_dir::create(&config.data_dir)?;
    let invite = Invite {
        user: request.user.clone(),
        name: request.name.clone(),
        room: request.room.clone(),
        moderator: request.moderator,
        ttl: request.ttl,
    };
    let token = authenticator(config, None)?
        .mint(&invite, SystemClock.now())
        .context("such a token would not be accepted")?;
    let url = config.http.url(config.http.listen);
    let path = match &request.room {
        Some(room) => format!("r/{room}"),
        None => String::new(),
    };
    Ok(format!("{token}\n\n{url}/{path}#token={token}"))
}
