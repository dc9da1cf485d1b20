//! What a webhook is sent: the body, and the signature that proves it is ours.
//!
//! `Convoke-Signature: t=<unix seconds>,v1=<hex>`, where `v1` is HMAC-SHA256
//! (RFC 2104) under the shared secret over `<t>.<body>`. The receiver compares in
//! constant time and refuses times that are too old, which stops replays.

use std::fmt::Write as _;

use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::domain::event::{CallEvent, Happening};
use crate::domain::participant::Participant;
use crate::domain::time::UnixMillis;
use crate::ids::{CallId, UserId};
use crate::service::CallRecord;

pub const SIGNATURE_HEADER: &str = "convoke-signature";
/// The stable id of a delivery, the same however often it is tried.
pub const ID_HEADER: &str = "convoke-event-id";

/// One event of one Call has the same id at every delivery.
pub(crate) fn event_id(call: CallId, seq: i64) -> String {
    format!("{call}-{seq}")
}

pub(crate) fn signature(secret: &[u8], at: UnixMillis, body: &str) -> String {
    let seconds = at.0.div_euclid(1000);
    let mut text = format!("t={seconds},v1=");
    // A key of any length is a key (RFC 2104 §2).
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) {
        mac.update(format!("{seconds}.").as_bytes());
        mac.update(body.as_bytes());
        for byte in mac.finalize().into_bytes() {
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

/// The event, and the Call as it is when it is sent.
pub(crate) fn body(record: &CallRecord, event: &CallEvent) -> String {
    let call = &record.call;
    let about = &call.about;
    let time = |at: Option<UnixMillis>| at.map(UnixMillis::rfc3339);
    let people = record.participants.iter().map(|p| person(&p.participant));
    json!({
        "id": event_id(call.id, event.seq),
        "type": format!("call.{}", event.what.word()),
        "at": event.at.rfc3339(),
        "event": {
            "seq": event.seq,
            "user": event.user.as_ref().map(|user| named(record, user)),
            "participantId": event.participant.map(|id| id.to_string()),
            "reason": reason(event.what),
            "media": media(event.what),
        },
        "call": {
            "id": call.id.to_string(),
            "number": call.number,
            "room": call.room.as_str(),
            "title": about.title,
            "kind": call.nature.kind.as_str(),
            "mode": call.nature.mode.as_str(),
            "backend": call.nature.backend.as_str(),
            "origin": call.nature.origin.as_str(),
            "chatId": about.chat.as_ref().map(|chat| chat.as_str()),
            "appointmentId": about.appointment.as_ref().map(|id| id.as_str()),
            "initiatedBy": call.initiated_by.as_ref().map(|user| named(record, user)),
            "status": call.status.as_str(),
            "endReason": call.end_reason.map(|reason| reason.as_str()),
            "createdAt": call.times.created.rfc3339(),
            "scheduledAt": time(call.times.scheduled),
            "ringsUntil": time(call.times.rings_until),
            "startedAt": time(call.times.started),
            "answeredAt": time(call.times.answered),
            "endedAt": time(call.times.ended),
            "durationSecs": call.duration().map(|duration| duration.as_secs()),
        },
        "participants": people.collect::<Vec<_>>(),
    })
    .to_string()
}

fn person(participant: &Participant) -> Value {
    json!({
        "id": participant.id.to_string(),
        "userId": participant.user.as_str(),
        "name": participant.name,
        "role": participant.role.as_str(),
        "status": participant.status.as_str(),
    })
}

fn named(record: &CallRecord, user: &UserId) -> Value {
    let name = record.users.get(user).map(|user| user.name.as_str());
    json!({ "id": user.as_str(), "name": name })
}

fn reason(what: Happening) -> Option<&'static str> {
    match what {
        Happening::Left(reason) => Some(reason.as_str()),
        Happening::Ended(reason) => Some(reason.as_str()),
        _ => None,
    }
}

fn media(what: Happening) -> Option<Vec<&'static str>> {
    match what {
        Happening::Media { state, .. } => Some(state.words().collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compared with `printf '1700000000.{}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn a_signature_is_what_openssl_says() {
        let got = signature(b"secret", UnixMillis(1_700_000_000_999), "{}");
        let want =
            "t=1700000000,v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163";
        assert_eq!(got, want);
    }
}
