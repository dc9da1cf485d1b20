//! `/whip` and `/whep`: one handler a route. A resource is whoever's that can show what
//! opened it; to everybody else nothing is there.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::TAG;
use super::wire::{Created, FragmentBody, Named, SdpBody, Shown};
use crate::domain::principal::{Principal, Standing};
use crate::http::AppState;
use crate::http::extract::{AskerOrGuest, ClientAddress, PathId};
use crate::http::problem::{Problem, Refusals, RequestRefused};
use crate::ids::{RoomName, UserId};
use crate::session::resource::{Opening, Owner, Patched, Purpose, Resource};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(publish))
        .routes(routes!(receive))
        .routes(routes!(receive_one))
        .routes(routes!(patch_publisher, delete_publisher))
        .routes(routes!(patch_receiver, delete_receiver))
}

type NameQuery = Result<Query<Named>, QueryRejection>;

fn named(query: NameQuery) -> Result<Named, RequestRefused> {
    let named = query.map_err(|_| RequestRefused::Malformed("participant"))?;
    Ok(named.0)
}

/// Publishes into a room (WHIP)
///
/// The offer's audio m-line becomes a microphone, its video m-line a camera; one of each
/// at most. `Location` names the session, which lives as long as its media path.
#[utoipa::path(post, path = "/whip/{room}", tag = TAG,
    params(("room" = String, Path), Named),
    security((), ("bearer" = [])),
    request_body(content = String, content_type = "application/sdp"),
    responses((status = 201, body = String, content_type = "application/sdp"), Refusals))]
async fn publish(
    State(state): State<AppState>,
    from: ClientAddress,
    AskerOrGuest(known): AskerOrGuest,
    shown: Shown,
    PathId(room): PathId<RoomName>,
    query: NameQuery,
    SdpBody(sdp): SdpBody,
) -> Result<Created, Problem> {
    let who = named(query)?.publisher(known, &state)?;
    open(&state, from, who, shown, room, Purpose::Publish, sdp).await
}

/// Receives a room (WHEP)
///
/// Each recvonly m-line of the offer shows who speaks, or shares a screen, in its turn.
#[utoipa::path(post, path = "/whep/{room}", tag = TAG,
    params(("room" = String, Path), Named),
    security((), ("bearer" = [])),
    request_body(content = String, content_type = "application/sdp"),
    responses((status = 201, body = String, content_type = "application/sdp"), Refusals))]
async fn receive(
    State(state): State<AppState>,
    from: ClientAddress,
    AskerOrGuest(known): AskerOrGuest,
    shown: Shown,
    PathId(room): PathId<RoomName>,
    query: NameQuery,
    SdpBody(sdp): SdpBody,
) -> Result<Created, Problem> {
    let who = named(query)?.viewer(known, &state)?;
    let purpose = Purpose::Receive { whom: None };
    open(&state, from, who, shown, room, purpose, sdp).await
}

/// Receives one participant of a room (WHEP)
///
/// Named as in the room, or by user id; waited for if not there yet.
#[utoipa::path(post, path = "/whep/{room}/{name}", tag = TAG,
    params(("room" = String, Path), ("name" = String, Path), Named),
    security((), ("bearer" = [])),
    request_body(content = String, content_type = "application/sdp"),
    responses((status = 201, body = String, content_type = "application/sdp"), Refusals))]
async fn receive_one(
    State(state): State<AppState>,
    from: ClientAddress,
    AskerOrGuest(known): AskerOrGuest,
    shown: Shown,
    path: Result<Path<(String, String)>, PathRejection>,
    query: NameQuery,
    SdpBody(sdp): SdpBody,
) -> Result<Created, Problem> {
    let Path((room, whom)) = path.map_err(|_| RequestRefused::Malformed("the path"))?;
    let room = RoomName::try_from(room.as_str()).map_err(crate::error::CallError::from)?;
    // Names and user ids are no longer.
    if whom.chars().count() > UserId::MAX_CHARS {
        return Err(RequestRefused::Malformed("the name is too long").into());
    }
    let who = named(query)?.viewer(known, &state)?;
    let purpose = Purpose::Receive { whom: Some(whom) };
    open(&state, from, who, shown, room, purpose, sdp).await
}

async fn open(
    state: &AppState,
    ClientAddress(from): ClientAddress,
    who: Principal,
    Shown(proof): Shown,
    room: RoomName,
    purpose: Purpose,
    sdp: String,
) -> Result<Created, Problem> {
    let (rates, now) = (state.rates(), state.sessions().clock.now());
    rates.opening(from, now)?;
    // As on a WebSocket: joining what goes on is free.
    if who.standing == Standing::Guest && !state.sessions().service.goes_on(&room) {
        rates.guest_request(from, now)?;
    }
    let root = match purpose {
        Purpose::Publish => "/whip",
        Purpose::Receive { .. } => "/whep",
    };
    let opening = Opening {
        owner: Owner::of(&who.user, &proof),
        who,
        from,
        room,
        purpose,
        sdp,
    };
    Ok(Created {
        opened: state.resources().open(opening).await?,
        root,
        ice_servers: state.sessions().config.ice_servers.clone(),
    })
}

/// The resource that the path names, for whoever may have it.
struct Own(Arc<Resource>);

impl FromRequestParts<AppState> for Own {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let id = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = id.map_err(|_| RequestRefused::NoSuchResource)?;
        let Shown(proof) = Shown::from_request_parts(parts, state).await?;
        let found = state.resources().find(&id, &proof).await;
        Ok(Self(found.ok_or(RequestRefused::NoSuchResource)?))
    }
}

/// Adds candidates, or restarts ICE
///
/// With new credentials and `If-Match: *`, ICE begins anew.
#[utoipa::path(patch, path = "/whip/~/{id}", tag = TAG,
    params(("id" = String, Path), ("If-Match" = String, Header)),
    security((), ("bearer" = [])),
    request_body(content = String, content_type = "application/trickle-ice-sdpfrag"),
    responses((status = 200, description = "ICE begins anew", body = String,
        content_type = "application/trickle-ice-sdpfrag"),
        (status = 204, description = "Candidates were added"), Refusals))]
async fn patch_publisher(
    Own(resource): Own,
    FragmentBody(condition, fragment): FragmentBody,
) -> Result<Patched, Problem> {
    Ok(resource.patch(&condition, fragment).await?)
}

/// Adds candidates, or restarts ICE
///
/// With new credentials and `If-Match: *`, ICE begins anew.
#[utoipa::path(patch, path = "/whep/~/{id}", tag = TAG,
    params(("id" = String, Path), ("If-Match" = String, Header)),
    security((), ("bearer" = [])),
    request_body(content = String, content_type = "application/trickle-ice-sdpfrag"),
    responses((status = 200, description = "ICE begins anew", body = String,
        content_type = "application/trickle-ice-sdpfrag"),
        (status = 204, description = "Candidates were added"), Refusals))]
async fn patch_receiver(
    Own(resource): Own,
    FragmentBody(condition, fragment): FragmentBody,
) -> Result<Patched, Problem> {
    Ok(resource.patch(&condition, fragment).await?)
}

/// Leaves the room
#[utoipa::path(delete, path = "/whip/~/{id}", tag = TAG,
    params(("id" = String, Path)),
    security((), ("bearer" = [])),
    responses((status = 200), Refusals))]
async fn delete_publisher(
    State(state): State<AppState>,
    Own(resource): Own,
) -> Result<StatusCode, Problem> {
    state.resources().close(&resource).await?;
    Ok(StatusCode::OK)
}

/// Leaves the room
#[utoipa::path(delete, path = "/whep/~/{id}", tag = TAG,
    params(("id" = String, Path)),
    security((), ("bearer" = [])),
    responses((status = 200), Refusals))]
async fn delete_receiver(
    State(state): State<AppState>,
    Own(resource): Own,
) -> Result<StatusCode, Problem> {
    state.resources().close(&resource).await?;
    Ok(StatusCode::OK)
}
