//! "Socket.IO Events": what clients say on the default namespace, and what they are
//! told of every call that was made here.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::projection::participant_status;
use crate::dialect::{SocketDialect, Telling, payload};
use crate::domain::call::{EndReason, Origin};
use crate::domain::event::Happening;
use crate::domain::lifecycle::HangUp;
use crate::domain::participant::{
    LeaveReason, MediaChange, MediaFlag, MediaState, Participant, ParticipantStatus,
};
use crate::domain::principal::Principal;
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::events::feed::News;
use crate::http::body::HostId;
use crate::http::problem::Problem;
use crate::http::values::CountedId;
use crate::ids::UserId;
use crate::service::CallRef;
use crate::session::socketio::Link;

/// This document's events.
pub(crate) struct CallEvents;

const INCOMING: &str = "call_incoming";
const RECORDING_STARTED: &str = "call_recording_started";
const RECORDING_STOPPED: &str = "call_recording_stopped";

const EVENTS: &[&str] = &[
    INCOMING,
    "call_accept",
    "call_decline",
    "call_join",
    "call_leave",
    "call_end",
    "call_status_update",
    RECORDING_STARTED,
    RECORDING_STOPPED,
];

/// What every event names. `participants` of `call_incoming` are those of the call
/// already.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    call_id: HostId,
    #[serde(default)]
    status: Option<MediaWords>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct MediaWords {
    audio_muted: Option<bool>,
    video_off: Option<bool>,
    screen_sharing: Option<bool>,
}

impl About {
    fn number(&self) -> Result<i64, CallError> {
        let number = match &self.call_id {
            HostId::Number(number) => Some(*number),
            HostId::Text(text) => text.parse().ok(),
        };
        number.ok_or(CallError::UnknownCall)
    }
}

impl From<MediaWords> for MediaChange {
    fn from(words: MediaWords) -> Self {
        Self::default()
            .and(MediaFlag::MicMuted, words.audio_muted)
            .and(MediaFlag::CameraOff, words.video_off)
            .and(MediaFlag::ScreenSharing, words.screen_sharing)
    }
}

impl From<MediaState> for MediaWords {
    fn from(state: MediaState) -> Self {
        Self {
            audio_muted: Some(state.has(MediaFlag::MicMuted)),
            video_off: Some(state.has(MediaFlag::CameraOff)),
            screen_sharing: Some(state.has(MediaFlag::ScreenSharing)),
        }
    }
}

#[async_trait]
impl SocketDialect for CallEvents {
    fn events(&self) -> &'static [&'static str] {
        EVENTS
    }

    async fn heard(&self, link: &mut Link, event: &str, value: Value) -> Result<Value, Problem> {
        let about: About = payload(value)?;
        let number = about.number()?;
        let call = CallRef::Number(number);
        let service = link.service().clone();
        let who = link.who().clone();
        match event {
            "call_accept" => {
                service.accept(&who, call).await?;
            }
            "call_decline" => {
                service.decline(&who, call).await?;
            }
            "call_join" => {
                let record = service.enter(&who, call, None).await?;
                link.arrive(&record).await;
            }
            "call_leave" => {
                let record = service.depart(&who, call).await?;
                link.forget(record.call.id);
            }
            "call_end" => {
                service.hang_up(&who, call, HangUp::Over).await?;
            }
            "call_status_update" => {
                let change = about.status.unwrap_or_default().into();
                let record = service.set_media(&who, call, change).await?;
                link.arrive(&record).await;
            }
            RECORDING_STARTED | RECORDING_STOPPED => {
                let on = event == RECORDING_STARTED;
                service.set_recording(&who, call, on).await?;
            }
            // Everybody was told when the call was made.
            _ => {
                service.call(&who, &call).await?;
            }
        }
        Ok(json!({ "callId": number }))
    }

    fn tells(&self, viewer: &Principal, news: &News) -> Vec<Telling> {
        if news.call.nature.origin != Origin::Chat {
            return Vec::new();
        }
        let told = told(&viewer.user, news).into_iter();
        let stopped = ring_stopped(&viewer.user, news).into_iter();
        told.chain(stopped).collect()
    }
}

/// The document's event.
fn told(viewer: &UserId, news: &News) -> Option<Telling> {
    let own = news.event.user.as_ref() == Some(viewer);
    match news.event.what {
        Happening::Ringing if own => Some(incoming(news)),
        // "Another participant accepted the call": one's own devices stop ringing.
        Happening::Accepted if !own && follows(viewer, news) => by_subject("call_accepted", news),
        Happening::Declined if own || follows(viewer, news) => by_subject("call_declined", news),
        Happening::Joined if alone(news) && follows(viewer, news) => {
            with_participants("call_participant_joined", news)
        }
        // Of everybody's leaving at once, `call_ended` tells.
        Happening::Left(LeaveReason::CallEnded) => None,
        Happening::Left(_) if alone(news) && (own || follows(viewer, news)) => {
            with_participants("call_participant_left", news)
        }
        Happening::Media { state, .. } if follows(viewer, news) => media(state, news),
        Happening::Recording(on) if follows(viewer, news) => Some(recording(on, news)),
        Happening::Ended(_) => Some(ended(news)),
        _ => None,
    }
}

fn telling(event: &'static str, payload: Value) -> Option<Telling> {
    Some(Telling { event, payload })
}

fn incoming(news: &News) -> Telling {
    let call = &news.call;
    Telling {
        event: INCOMING,
        payload: json!({
            "callId": call.number,
            "roomName": call.room.as_str(),
            "callType": call.nature.kind.as_str(),
            "initiatedBy": call.initiated_by.as_ref().map(|user| person(user, news)),
            "expiresAt": call.times.rings_until.map(UnixMillis::rfc3339),
        }),
    }
}

fn ended(news: &News) -> Telling {
    let by = news.event.user.as_ref();
    Telling {
        event: "call_ended",
        payload: json!({
            "callId": news.call.number,
            "endedBy": by.map(|user| person(user, news)),
        }),
    }
}

fn recording(on: bool, news: &News) -> Telling {
    Telling {
        event: match on {
            true => RECORDING_STARTED,
            false => RECORDING_STOPPED,
        },
        payload: json!({ "callId": news.call.number }),
    }
}

fn media(state: MediaState, news: &News) -> Option<Telling> {
    let user = news.event.user.as_ref()?;
    telling(
        "call_participant_status",
        json!({
            "callId": news.call.number,
            "userId": CountedId::of(user),
            "status": MediaWords::from(state),
        }),
    )
}

fn by_subject(event: &'static str, news: &News) -> Option<Telling> {
    let subject = news.subject()?;
    telling(
        event,
        json!({
            "callId": news.call.number,
            "userId": CountedId::of(&subject.user),
            "userName": subject.name,
        }),
    )
}

fn with_participants(event: &'static str, news: &News) -> Option<Telling> {
    let mut telling = by_subject(event, news)?;
    telling.payload["participants"] = present(news);
    Some(telling)
}

/// Everybody who is there now, once.
fn present(news: &News) -> Value {
    let mut seen: Vec<&UserId> = Vec::new();
    let mut shown = Vec::new();
    for p in news.people.iter().filter(|p| is_there(p)) {
        if !seen.contains(&&p.user) {
            seen.push(&p.user);
            shown.push(json!({
                "userId": CountedId::of(&p.user),
                "name": p.name,
                "status": participant_status(p.status),
                "isModerator": p.role.leads(),
                "joinedAt": p.joined_at.map(UnixMillis::rfc3339_seconds),
            }));
        }
    }
    shown.into()
}

fn person(user: &UserId, news: &News) -> Value {
    let name = news.person(user).map(|p| p.name.as_str());
    json!({ "id": CountedId::of(user), "name": name })
}

fn is_there(p: &Participant) -> bool {
    p.status == ParticipantStatus::Joined
}

/// Whether no other device of the same user is there, so that the user came or went.
fn alone(news: &News) -> bool {
    let Some(subject) = news.subject() else {
        return false;
    };
    let same_user = |p: &&Participant| p.user == subject.user && p.id != subject.id;
    !news.people.iter().filter(same_user).any(is_there)
}

/// Whoever left or declined is not told what goes on without it.
fn follows(viewer: &UserId, news: &News) -> bool {
    let of_viewer = news.people.iter().filter(|p| p.user == *viewer);
    let mut statuses = of_viewer.map(|p| p.status);
    statuses.any(|status| {
        matches!(
            status,
            ParticipantStatus::Joined | ParticipantStatus::Invited | ParticipantStatus::Ringing
        )
    })
}

/// For devices that ring: the user answered on another one, or there is nothing to
/// answer any more.
fn ring_stopped(viewer: &UserId, news: &News) -> Option<Telling> {
    let own = news.event.user.as_ref() == Some(viewer);
    let reason = match news.event.what {
        Happening::Accepted if own => "answered_elsewhere",
        Happening::Declined if own => "declined_elsewhere",
        Happening::Missed if own => {
            let ended = news.call.end_reason.unwrap_or(EndReason::Missed);
            ended.as_str()
        }
        _ => return None,
    };
    telling(
        "call_ring_stopped",
        json!({ "callId": news.call.number, "reason": reason }),
    )
}
