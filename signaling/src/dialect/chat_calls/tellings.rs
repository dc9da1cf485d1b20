//! What a connected user is told of what happens in its calls.

use serde_json::{Value, json};

use super::words::{MediaView, call_status};
use crate::dialect::Telling;
use crate::domain::event::Happening;
use crate::domain::participant::{MediaState, Participant, ParticipantStatus};
use crate::domain::time::UnixMillis;
use crate::events::feed::News;
use crate::ids::UserId;

pub(super) fn of(viewer: &UserId, news: &News) -> Option<Telling> {
    match news.event.what {
        Happening::Ringing => news.rings(viewer).then(|| incoming_call(news)),
        Happening::Joined => others(viewer, news, "participant_joined", Value::Null),
        Happening::Left(reason) => {
            let reason = json!({"reason": reason.as_str()});
            others(viewer, news, "participant_left", reason)
        }
        Happening::Media { state, .. } => media_changed(viewer, news, state),
        Happening::Busy | Happening::Accepted | Happening::Declined | Happening::Missed => {
            Some(status_changed(news))
        }
        Happening::Started => Some(status_changed(news)),
        Happening::Ended(_) => Some(call_ended(news)),
        _ => None,
    }
}

fn incoming_call(news: &News) -> Telling {
    let call = &news.call;
    let caller = call.initiated_by.as_ref();
    let name = caller.and_then(|user| news.person(user)).map(|p| &p.name);
    let fields = json!({
        "chatRoomId": call.about.chat.as_ref().map(|chat| chat.as_str()),
        "room": call.room.to_string(),
        "type": call.nature.kind.as_str(),
        "isGroupCall": call.nature.mode == crate::domain::call::CallMode::Group,
        "backend": call.nature.backend.as_str(),
        "initiatedBy": caller.map(UserId::as_str),
        "initiatorName": name,
        "ringsUntil": call.times.rings_until.map(UnixMillis::rfc3339),
    });
    telling("incoming_call", news, fields)
}

/// A user who has several devices comes with the first and goes with the last.
fn others(viewer: &UserId, news: &News, event: &'static str, fields: Value) -> Option<Telling> {
    let person = news.subject().filter(|person| person.user != *viewer)?;
    let elsewhere = |p: &Participant| {
        p.user == person.user && p.id != person.id && p.status == ParticipantStatus::Joined
    };
    if news.people.iter().any(elsewhere) {
        return None;
    }
    Some(telling(event, news, with_person(fields, person)))
}

fn media_changed(viewer: &UserId, news: &News, state: MediaState) -> Option<Telling> {
    let person = news.subject().filter(|person| person.user != *viewer)?;
    let fields = serde_json::to_value(MediaView::from(state)).unwrap_or_default();
    Some(telling(
        "participant_media_changed",
        news,
        with_person(fields, person),
    ))
}

/// Also to the user's own devices: this is how those that ring learn that another
/// answered.
fn status_changed(news: &News) -> Telling {
    let fields = match news.subject() {
        Some(person) => with_person(json!({"participantStatus": news.event.what.word()}), person),
        None => Value::Null,
    };
    telling("call_status_changed", news, fields)
}

fn call_ended(news: &News) -> Telling {
    let call = &news.call;
    let fields = json!({
        "endReason": call.end_reason.map(|reason| reason.as_str()),
        "endedBy": news.event.user.as_ref().map(UserId::as_str),
        "endedAt": call.times.ended.map(UnixMillis::rfc3339),
        "durationSecs": call.duration().map(|duration| duration.as_secs()),
    });
    telling("call_ended", news, fields)
}

fn with_person(fields: Value, person: &Participant) -> Value {
    let mut all = json!({"userId": person.user.as_str(), "userName": person.name});
    merge(&mut all, fields);
    all
}

/// Every event names its call and how it stands.
fn telling(event: &'static str, news: &News, fields: Value) -> Telling {
    let mut payload = json!({
        "callId": news.call.id.to_string(),
        "number": news.call.number,
        "status": call_status(&news.call),
    });
    merge(&mut payload, fields);
    Telling { event, payload }
}

/// Absent rather than null.
fn merge(into: &mut Value, fields: Value) {
    if let (Value::Object(into), Value::Object(fields)) = (into, fields) {
        into.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    }
}
