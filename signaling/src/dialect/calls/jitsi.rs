//! The `jitsi` block of a call: what the front end hands to the Jitsi IFrame API, or
//! opens. With our own backend the same shapes lead to our own page.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::call::{Call, CallKind};
use crate::domain::participant::Role;
use crate::domain::principal::Principal;
use crate::domain::time::UnixMillis;
use crate::http::AppState;
use crate::http::problem::Problem;
use crate::jitsi::{Audience, Flags, Placement, TokenShape, Visitor};
use crate::links::{JoinLinks, LinkStyle, TokenNeed};
use crate::service::CallRecord;

/// "JWT Token Structure": flags in text, an hour from `nbf` to `exp`.
const STYLE: LinkStyle = LinkStyle {
    token: TokenShape {
        audience: Audience::Jitsi,
        flags: Flags::Text,
        lobby_bypass: false,
        features: true,
        lifetime: Duration::from_secs(3600),
    },
    placement: Placement::Fragment,
    need: TokenNeed::WhenUsed,
};

/// How to get to where the call takes place.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = calls::Jitsi)]
pub(super) struct JitsiBlock {
    /// Null where the Jitsi asks for none.
    token: Option<String>,
    /// Who holds the call: `sfu`, that is we, or `jitsi`.
    backend: &'static str,
    meeting_url: String,
    config: JitsiConfig,
}

/// For `new JitsiMeetExternalAPI(domain, config)`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = calls::JitsiConfig)]
struct JitsiConfig {
    room_name: String,
    user_info: UserInfo,
    #[schema(value_type = Object)]
    config_overwrite: Value,
    #[schema(value_type = Object)]
    interface_config_overwrite: Value,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = calls::UserInfo)]
struct UserInfo {
    name: String,
    email: String,
}

/// Whether Jitsi can be used, and what is wrong with its configuration.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = calls::ConfigStatus)]
pub(super) struct ConfigStatus {
    configured: bool,
    #[serde(rename = "useJWT")]
    use_jwt: bool,
    domain: String,
    warnings: Vec<String>,
}

impl ConfigStatus {
    pub(super) fn of(links: &JoinLinks) -> Self {
        use crate::domain::call::Backend;

        let jitsi = links.jitsi();
        let backend = links.default_backend();
        Self {
            configured: backend == Backend::Sfu || jitsi.configured(),
            // Our own rooms are never without.
            use_jwt: backend == Backend::Sfu || jitsi.config().use_jwt,
            domain: links.domain(backend).to_owned(),
            warnings: jitsi.warnings().iter().map(ToString::to_string).collect(),
        }
    }
}

impl JitsiBlock {
    pub(super) fn of(
        state: &AppState,
        who: &Principal,
        record: &CallRecord,
    ) -> Result<Self, Problem> {
        let links = state.links();
        let visitor = Visitor {
            email: Some(email(links, who)),
            ..Visitor::of(who, moderates(record, who))
        };
        let call = &record.call;
        let now: UnixMillis = state.sessions().clock.now();
        let issued = links.issue(call.nature.backend, &STYLE, &call.room, &visitor, now)?;
        Ok(Self {
            token: issued.token,
            backend: issued.backend.as_str(),
            meeting_url: issued.url,
            config: JitsiConfig::of(call, &visitor),
        })
    }
}

/// Whether the server knows `who` as a moderator of the call.
pub(super) fn moderates(record: &CallRecord, who: &Principal) -> bool {
    let role = record.role_of(&who.user);
    role.is_some_and(Role::leads)
}

fn email(links: &JoinLinks, who: &Principal) -> String {
    who.email.clone().unwrap_or_else(|| {
        let application = links.jitsi().config().app_id.replace('_', "-");
        let name = who.username.as_deref().unwrap_or(who.user.as_str());
        format!("{name}@{application}.local")
    })
}

impl JitsiConfig {
    /// The options of "Jitsi External API".
    fn of(call: &Call, visitor: &Visitor) -> Self {
        let audio_only = call.nature.kind == CallKind::Audio;
        Self {
            room_name: call.room.to_string(),
            user_info: UserInfo {
                name: visitor.name.clone(),
                email: visitor.email.clone().unwrap_or_default(),
            },
            config_overwrite: json!({
                "startWithAudioMuted": false,
                "startWithVideoMuted": audio_only,
                "startAudioOnly": audio_only,
                "startScreenSharing": call.nature.kind == CallKind::Screen,
                "enableWelcomePage": false,
                "prejoinPageEnabled": false,
            }),
            interface_config_overwrite: json!({
                "SHOW_JITSI_WATERMARK": false,
                "DEFAULT_REMOTE_DISPLAY_NAME": "Participant",
            }),
        }
    }
}
