//! The document's events: ten that clients say, nine that they are told.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::MeetingNumber;
use crate::dialect::{SocketDialect, Telling, payload};
use crate::domain::call::{EndReason, Origin};
use crate::domain::event::Happening;
use crate::domain::participant::{
    LeaveReason, MediaChange, MediaFlag, MediaState, Participant, ParticipantStatus,
};
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::events::feed::News;
use crate::http::body::HostId;
use crate::http::problem::{Problem, RequestRefused};
use crate::http::values::CountedId;
use crate::ids::UserId;
use crate::service::{CallRef, Person};
use crate::session::socketio::Link;

const JOIN: &str = "join_meeting_room";
const LEAVE: &str = "leave_meeting_room";
const AUDIO_STATUS: &str = "meeting_audio_status";
const VIDEO_STATUS: &str = "meeting_video_status";
const RECORDING_STARTED: &str = "meeting_recording_started";
const RECORDING_STOPPED: &str = "meeting_recording_stopped";
const SCREEN_SHARE_STARTED: &str = "meeting_screen_share_started";
const SCREEN_SHARE_STOPPED: &str = "meeting_screen_share_stopped";
const HAND_RAISED: &str = "meeting_hand_raised";
const HAND_LOWERED: &str = "meeting_hand_lowered";

const EVENTS: &[&str] = &[
    JOIN,
    LEAVE,
    AUDIO_STATUS,
    VIDEO_STATUS,
    RECORDING_STARTED,
    RECORDING_STOPPED,
    SCREEN_SHARE_STARTED,
    SCREEN_SHARE_STOPPED,
    HAND_RAISED,
    HAND_LOWERED,
];

/// Meetings, as clients of the default namespace speak of them.
pub(crate) struct Meetings;

/// What each event says: which meeting, and two of them one thing more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    meeting_id: HostId,
    is_muted: Option<bool>,
    is_video_on: Option<bool>,
}

impl Said {
    fn meeting(&self) -> Result<CallRef, Problem> {
        let number = match &self.meeting_id {
            HostId::Number(number) => Some(*number),
            HostId::Text(text) => text.parse().ok(),
        };
        let number = number.ok_or(CallError::UnknownCall)?;
        Ok(MeetingNumber(number).into())
    }

    fn media(&self, event: &str) -> Result<MediaChange, RequestRefused> {
        let (flag, on) = match event {
            AUDIO_STATUS => (MediaFlag::MicMuted, needed("isMuted", self.is_muted)?),
            VIDEO_STATUS => (
                MediaFlag::CameraOff,
                !needed("isVideoOn", self.is_video_on)?,
            ),
            SCREEN_SHARE_STARTED => (MediaFlag::ScreenSharing, true),
            SCREEN_SHARE_STOPPED => (MediaFlag::ScreenSharing, false),
            HAND_RAISED => (MediaFlag::HandRaised, true),
            _ => (MediaFlag::HandRaised, false),
        };
        Ok(MediaChange::default().and(flag, Some(on)))
    }
}

fn needed(what: &str, given: Option<bool>) -> Result<bool, RequestRefused> {
    given.ok_or_else(|| RequestRefused::Invalid(format!("{what} is needed")))
}

#[async_trait]
impl SocketDialect for Meetings {
    fn events(&self) -> &'static [&'static str] {
        EVENTS
    }

    async fn heard(&self, link: &mut Link, event: &str, said: Value) -> Result<Value, Problem> {
        let said: Said = payload(said)?;
        let meeting = said.meeting()?;
        match event {
            JOIN => join(link, meeting).await?,
            LEAVE => leave(link, meeting).await?,
            RECORDING_STARTED | RECORDING_STOPPED => {
                let on = event == RECORDING_STARTED;
                let service = link.service();
                service.set_recording(link.who(), meeting, on).await?;
            }
            _ => {
                let change = said.media(event)?;
                let changed = link.service().set_media(link.who(), meeting, change);
                let record = changed.await?;
                link.arrive(&record).await;
            }
        }
        Ok(Value::Null)
    }

    fn tells(&self, viewer: &Principal, news: &News) -> Vec<Telling> {
        if news.call.nature.origin != Origin::Meeting {
            return Vec::new();
        }
        match news.event.what {
            Happening::Media { state, changed } => media(viewer, news, state, changed),
            _ => told(viewer, news).into_iter().collect(),
        }
    }
}

/// Whoever came through REST gave the password there, if there is one.
async fn join(link: &mut Link, meeting: CallRef) -> Result<(), Problem> {
    let (service, who) = (link.service(), link.who());
    let here =
        |person: &Person| person.user == who.user && person.status == ParticipantStatus::Joined;
    let record = match service.call(who, &meeting).await {
        Ok(record) if record.people().iter().any(here) => record,
        _ => service.enter(who, meeting, None).await?,
    };
    link.arrive(&record).await;
    Ok(())
}

async fn leave(link: &mut Link, meeting: CallRef) -> Result<(), Problem> {
    let record = link.service().depart(link.who(), meeting).await?;
    link.forget(record.call.id);
    Ok(())
}

/// What `viewer` is told of anything but media.
fn told(viewer: &Principal, news: &News) -> Option<Telling> {
    let (call, event) = (&news.call, &news.event);
    let (id, title) = (call.number, &call.about.title);
    let own = event.user.as_ref() == Some(&viewer.user);
    let by = event.user.as_ref().map(CountedId::of);
    let (event, payload) = match event.what {
        Happening::Ringing | Happening::Invited if own => (
            "meeting_invitation",
            json!({"meetingId": id, "hostName": host_name(news), "title": title}),
        ),
        Happening::Joined => ("user_joined_meeting", about_another(viewer, news)?),
        // Of those whom the end sends away its own event tells.
        Happening::Left(reason) if reason != LeaveReason::CallEnded => {
            ("user_left_meeting", about_another(viewer, news)?)
        }
        Happening::Recording(true) if is_there(viewer, news) => (
            "recording_started",
            json!({"meetingId": id, "startedBy": by}),
        ),
        Happening::Recording(false) if is_there(viewer, news) => (
            "recording_stopped",
            json!({"meetingId": id, "stoppedBy": by}),
        ),
        Happening::Ended(EndReason::Cancelled) => (
            "meeting_cancelled",
            json!({"meetingId": id, "title": title}),
        ),
        Happening::Ended(_) => {
            let ended = call.times.ended.unwrap_or(event.at);
            (
                "meeting_ended",
                json!({"meetingId": id, "endedAt": ended.rfc3339()}),
            )
        }
        _ => return None,
    };
    Some(Telling { event, payload })
}

/// Of somebody else's coming or leaving, with the first device and the last.
fn about_another(viewer: &Principal, news: &News) -> Option<Value> {
    let subject = another(viewer, news)?;
    let elsewhere = |p: &&Participant| {
        p.user == subject.user && p.id != subject.id && p.status == ParticipantStatus::Joined
    };
    if news.people.iter().any(|p| elsewhere(&p)) {
        return None;
    }
    Some(json!({
        "userId": CountedId::of(&subject.user),
        "userName": subject.name,
        "meetingId": news.call.number,
    }))
}

fn media(viewer: &Principal, news: &News, state: MediaState, changed: MediaState) -> Vec<Telling> {
    let Some(subject) = another(viewer, news) else {
        return Vec::new();
    };
    let (user_id, user_name) = (CountedId::of(&subject.user), &subject.name);
    let mut tellings = Vec::new();
    if changed.has(MediaFlag::MicMuted) {
        let is_muted = state.has(MediaFlag::MicMuted);
        tellings.push(Telling {
            event: "user_audio_status",
            payload: json!({"userId": user_id, "userName": user_name, "isMuted": is_muted}),
        });
    }
    if changed.has(MediaFlag::CameraOff) {
        let is_video_on = !state.has(MediaFlag::CameraOff);
        tellings.push(Telling {
            event: "user_video_status",
            payload: json!({"userId": user_id, "userName": user_name, "isVideoOn": is_video_on}),
        });
    }
    tellings
}

/// Whom it is about, if that is somebody else and the viewer is there to see it.
fn another<'a>(viewer: &Principal, news: &'a News) -> Option<&'a Participant> {
    let subject = news.subject()?;
    (subject.user != viewer.user && is_there(viewer, news)).then_some(subject)
}

fn is_there(viewer: &Principal, news: &News) -> bool {
    let row = news.person(&viewer.user);
    row.is_some_and(|row| row.status == ParticipantStatus::Joined)
}

fn host_name(news: &News) -> Option<&str> {
    let host: &UserId = news.call.initiated_by.as_ref()?;
    news.person(host).map(|host| host.name.as_str())
}
