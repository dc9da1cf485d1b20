//! The API's own description (OpenAPI 3.1) at `/api/openapi.json`, put together from
//! what stands beside each handler and wire type. A route is registered together with
//! its description, so that neither can be without the other.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Info, OpenApi, OpenApiBuilder, SecurityRequirement, Server};
use utoipa_axum::router::OpenApiRouter;

use super::AppState;
use super::kinds::ProblemBody;
use crate::dialect;

const PATH: &str = "/api/openapi.json";

const DESCRIPTION: &str = "Calls as an application's backend and front ends know them. \
Every refusal is a problem (RFC 9457), whose `type` is stable and machine-readable; \
`detail` is for people. See the schema Problem for all of them.";

/// The routes of all dialects, and their description.
pub(super) fn routes() -> Router<AppState> {
    let (router, _) = described().split_for_parts();
    router.route(PATH, get(show))
}

async fn show() -> impl IntoResponse {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
        let json = document().to_json();
        // Of our own making: that it can be written is what the tests show.
        Bytes::from(json.unwrap_or_default())
    });
    let head = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (head, DOCUMENT.clone())
}

fn described() -> OpenApiRouter<AppState> {
    let all = OpenApiRouter::with_openapi(frame());
    let dialects = dialect::routes();
    dialects.into_iter().fold(all, OpenApiRouter::merge)
}

fn document() -> OpenApi {
    described().into_openapi()
}

/// The document without any path.
fn frame() -> OpenApi {
    let info = Info::builder()
        .title("Convoke")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("A user's token, signed by the host application."));
    let key = ApiKeyValue::with_description("X-Api-Key", "The host application's backend.");
    let components = utoipa::openapi::ComponentsBuilder::new()
        .schema_from::<ProblemBody>()
        .security_scheme("bearer", SecurityScheme::Http(bearer.build()))
        .security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(key)));
    let none: [&str; 0] = [];
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([Server::new("/")]))
        .components(Some(components.build()))
        .security(Some([
            SecurityRequirement::new("bearer", none),
            SecurityRequirement::new("apiKey", none),
        ]))
        .build()
}

#[cfg(test)]
mod tests;
