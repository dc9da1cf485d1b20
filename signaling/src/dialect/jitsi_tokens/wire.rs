//! What `/api/jitsi` reads and writes, in the document's names.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::call::Backend;
use crate::domain::principal::{Principal, Standing};
use crate::domain::tenancy::Wish;
use crate::domain::text::{self, MAX_TEXT_CHARS};
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::http::body::HostId;
use crate::http::problem::{Problem, RequestRefused};
use crate::ids::{RoomName, UserId};
use crate::jitsi::{Audience, Flags, Placement, TokenShape, Visitor};
use crate::links::{Issued, JoinLinks, LinkError, LinkStyle, NotOpened, OpenedToken, TokenNeed};
use crate::service::{Admittance, RoomRequest};

const STYLE: LinkStyle = LinkStyle {
    token: TokenShape {
        audience: Audience::Jitsi,
        flags: Flags::Boolean,
        lobby_bypass: false,
        features: false,
        lifetime: Duration::from_secs(2 * 3600),
    },
    placement: Placement::Apart,
    need: TokenNeed::Always,
};

/// People in one request.
const MAX_USERS: usize = 50;

/// Whose media, where the request says.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = jitsi_tokens::BackendWord)]
#[serde(rename_all = "lowercase")]
pub(super) enum BackendWord {
    Sfu,
    Jitsi,
}

impl From<BackendWord> for Backend {
    fn from(word: BackendWord) -> Self {
        match word {
            BackendWord::Sfu => Self::Sfu,
            BackendWord::Jitsi => Self::Jitsi,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = jitsi_tokens::TokenBody)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenBody {
    #[schema(example = "ataraxia-123-1699999999")]
    room_name: String,
    #[serde(flatten)]
    user: UserBody,
    backend: Option<BackendWord>,
}

/// Whom a token is for.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = jitsi_tokens::UserBody)]
#[serde(rename_all = "camelCase")]
struct UserBody {
    /// The asker when absent.
    user_id: Option<HostId>,
    user_name: Option<String>,
    user_email: Option<String>,
    #[serde(default)]
    is_moderator: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = jitsi_tokens::RoomBody)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomBody {
    /// One that nobody can guess when absent.
    room_name: Option<String>,
    appointment_id: Option<HostId>,
    #[serde(default)]
    users: Vec<UserBody>,
    therapist_id: Option<HostId>,
    client_id: Option<HostId>,
    backend: Option<BackendWord>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = jitsi_tokens::ValidateBody)]
#[serde(rename_all = "camelCase")]
pub(super) struct ValidateBody {
    pub(super) token: String,
    /// The room that it has to be for.
    pub(super) room_name: Option<String>,
}

/// A request that makes sense.
pub(super) struct Asked {
    request: RoomRequest,
    people: Vec<Named>,
    therapist: Option<UserId>,
    client: Option<UserId>,
}

/// What the request says of somebody.
struct Named {
    name: Option<String>,
    email: Option<String>,
}

impl TokenBody {
    pub(super) fn parse(self, who: &Principal, backend: Backend) -> Result<Asked, Problem> {
        let (wish, named) = self.user.parse(who)?;
        Ok(Asked {
            request: RoomRequest {
                room: room(&self.room_name)?,
                backend: self.backend.map_or(backend, Backend::from),
                wishes: vec![wish],
                making: false,
            },
            people: vec![named],
            therapist: None,
            client: None,
        })
    }
}

impl UserBody {
    fn of(id: HostId, is_moderator: bool) -> Self {
        Self {
            user_id: Some(id),
            is_moderator,
            ..Self::default()
        }
    }

    fn parse(self, who: &Principal) -> Result<(Wish, Named), RequestRefused> {
        let user = match &self.user_id {
            Some(id) => id.parse("userId")?,
            None if who.standing == Standing::Backend => {
                return Err(RequestRefused::Invalid("userId is missing".to_owned()));
            }
            None => who.user.clone(),
        };
        let wish = Wish {
            user,
            moderator: self.is_moderator,
        };
        let email = self.user_email.as_deref();
        let named = Named {
            name: self.user_name.as_deref().and_then(text::display_name),
            email: email.and_then(|email| text::bounded(email, MAX_TEXT_CHARS)),
        };
        Ok((wish, named))
    }
}

impl RoomBody {
    pub(super) fn parse(
        self,
        who: &Principal,
        backend: Backend,
        now: UnixMillis,
    ) -> Result<Asked, Problem> {
        let room = self.room(now)?;
        let party = |id: &Option<HostId>, what| id.as_ref().map(|id| id.parse(what)).transpose();
        let therapist: Option<UserId> = party(&self.therapist_id, "therapistId")?;
        let client: Option<UserId> = party(&self.client_id, "clientId")?;
        let therapist_body = self.therapist_id.map(|id| UserBody::of(id, true));
        let client_body = self.client_id.map(|id| UserBody::of(id, false));
        let mut users: Vec<_> = therapist_body.into_iter().chain(client_body).collect();
        users.extend(self.users);
        if users.is_empty() {
            users.push(UserBody::default());
        }
        if users.len() > MAX_USERS {
            let refused = format!("at most {MAX_USERS} users get tokens at once");
            return Err(RequestRefused::Invalid(refused).into());
        }
        let parsed = users.into_iter().map(|user| user.parse(who));
        let (wishes, people) = parsed.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        Ok(Asked {
            request: RoomRequest {
                room,
                backend: self.backend.map_or(backend, Backend::from),
                wishes,
                making: true,
            },
            people,
            therapist,
            client,
        })
    }

    fn room(&self, now: UnixMillis) -> Result<RoomName, Problem> {
        match (&self.room_name, &self.appointment_id) {
            (Some(name), _) => room(name),
            (None, Some(id)) => {
                let id: crate::ids::AppointmentId = id.parse("appointmentId")?;
                room(&format!("ataraxia-{id}-{}", now.0))
            }
            (None, None) => room(&format!("room-{}", Uuid::new_v4().simple())),
        }
    }
}

fn room(name: &str) -> Result<RoomName, Problem> {
    RoomName::try_from(name).map_err(|error| CallError::from(error).into())
}

#[derive(Serialize, ToSchema)]
#[schema(as = jitsi_tokens::TokenAnswer)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenAnswer {
    token: String,
    room_name: String,
    join_url: String,
    #[schema(example = "2024-11-14T12:00:00Z")]
    expires_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = jitsi_tokens::RoomAnswer)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomAnswer {
    room_name: String,
    /// Without a token where the application hands it over itself; of the first user
    /// otherwise.
    join_url: String,
    expires_at: String,
    tokens: Vec<UserToken>,
    #[serde(skip_serializing_if = "Option::is_none")]
    therapist_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_token: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = jitsi_tokens::UserToken)]
#[serde(rename_all = "camelCase")]
struct UserToken {
    user_id: String,
    user_name: String,
    is_moderator: bool,
    token: String,
    join_url: String,
}

impl Asked {
    pub(super) fn request(&self) -> RoomRequest {
        self.request.clone()
    }

    pub(super) fn token(
        &self,
        who: &Principal,
        given: &Admittance,
        links: &JoinLinks,
        now: UnixMillis,
    ) -> Result<TokenAnswer, LinkError> {
        let (_, issued) = self.issue(0, who, given, links, now)?;
        Ok(TokenAnswer {
            token: issued.token.unwrap_or_default(),
            room_name: self.request.room.to_string(),
            join_url: issued.url,
            expires_at: issued.expires.rfc3339_seconds(),
        })
    }

    pub(super) fn room(
        &self,
        who: &Principal,
        given: &Admittance,
        links: &JoinLinks,
        now: UnixMillis,
    ) -> Result<RoomAnswer, LinkError> {
        let issued = (0..given.wishes.len()).map(|index| self.issue(index, who, given, links, now));
        let issued = issued.collect::<Result<Vec<_>, _>>()?;
        let of = |user: &Option<UserId>| {
            let user = user.as_ref()?;
            let found = issued.iter().find(|(visitor, _)| visitor.user == *user);
            found.and_then(|(_, issued)| issued.token.clone())
        };
        let first = issued.first().map(|(_, issued)| issued);
        Ok(RoomAnswer {
            room_name: self.request.room.to_string(),
            join_url: first.map(|first| first.url.clone()).unwrap_or_default(),
            expires_at: (now + STYLE.token.lifetime).rfc3339_seconds(),
            therapist_token: of(&self.therapist),
            client_token: of(&self.client),
            tokens: issued.into_iter().map(UserToken::from).collect(),
        })
    }

    /// Of the person with this index.
    fn issue(
        &self,
        index: usize,
        who: &Principal,
        given: &Admittance,
        links: &JoinLinks,
        now: UnixMillis,
    ) -> Result<(Visitor, Issued), LinkError> {
        let visitor = visitor(who, given, &given.wishes[index], &self.people[index]);
        let room = &self.request.room;
        let issued = links.issue(given.backend, &STYLE, room, &visitor, now)?;
        Ok((visitor, issued))
    }
}

/// The proof says who the asker is, the directory who others are, and the request
/// what neither knows.
fn visitor(who: &Principal, given: &Admittance, wish: &Wish, named: &Named) -> Visitor {
    let own = who.standing != Standing::Backend && wish.user == who.user;
    let known = given.users.get(&wish.user);
    let known = known.map(|user| (&user.name, &user.email, &user.avatar_url));
    let known = match own {
        true => Some((&who.name, &who.email, &who.avatar_url)),
        false => known,
    };
    // Whoever nobody has named is called as its id.
    let name = known.map(|(name, ..)| name);
    let name = name.filter(|name| name.as_str() != wish.user.as_str());
    let name = name.or(named.name.as_ref()).cloned();
    let email = known.and_then(|(_, email, _)| email.as_ref());
    Visitor {
        name: name.unwrap_or_else(|| wish.user.to_string()),
        email: email.or(named.email.as_ref()).cloned(),
        avatar_url: known.and_then(|(.., avatar)| avatar.clone()),
        user: wish.user.clone(),
        moderator: wish.moderator,
    }
}

impl From<(Visitor, Issued)> for UserToken {
    fn from((visitor, issued): (Visitor, Issued)) -> Self {
        Self {
            user_id: visitor.user.to_string(),
            user_name: visitor.name,
            is_moderator: visitor.moderator,
            token: issued.token.unwrap_or_default(),
            join_url: issued.url,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = jitsi_tokens::TokenCheck)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenCheck {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_moderator: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// Why it is not valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl TokenCheck {
    pub(super) fn of(opened: Result<OpenedToken, NotOpened>, room: Option<&str>) -> Self {
        match opened {
            Ok(token) if room.is_none_or(|room| token.is_for(room)) => Self {
                valid: true,
                room_name: Some(token.room.to_string()),
                user_id: token.user,
                user_name: token.name,
                user_email: token.email,
                is_moderator: Some(token.moderator),
                expires_at: Some(token.expires.rfc3339_seconds()),
                error: None,
            },
            Ok(_) => Self::refused(NotOpened::OtherRoom),
            Err(why) => Self::refused(why),
        }
    }

    fn refused(why: NotOpened) -> Self {
        Self {
            valid: false,
            room_name: None,
            user_id: None,
            user_name: None,
            user_email: None,
            is_moderator: None,
            expires_at: None,
            error: Some(why.to_string()),
        }
    }
}
