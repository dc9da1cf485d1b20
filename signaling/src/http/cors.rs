//! Pages of other sites (the Fetch standard's CORS protocol): those of
//! `allowed_origins` may use the API as our own do, everybody else's may not. There
//! is no wildcard, and we have no cookies, so letting listed sites send credentials
//! gives away nothing that they do not hold already; clients that always ask with
//! credentials work.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// For how long a browser may remember the answer to a preflight.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Nothing where no site is listed: then browsers let our own pages in alone.
pub(super) fn layer(allowed_origins: &[String]) -> Option<CorsLayer> {
    let sites = allowed_origins.iter();
    let sites = sites.filter_map(|site| HeaderValue::from_str(site.trim_end_matches('/')).ok());
    let sites: Vec<_> = sites.filter(|site| site != "*").collect();
    if sites.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(sites))
        .allow_credentials(true)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            HeaderName::from_static("x-api-key"),
        ])
        .expose_headers([
            header::RETRY_AFTER,
            // What players and encoders go on with (RFC 9725 §4.3, §4.6).
            header::LOCATION,
            header::ETAG,
            header::LINK,
            HeaderName::from_static("accept-patch"),
            HeaderName::from_static("accept-post"),
        ])
        .max_age(MAX_AGE);
    Some(layer)
}
