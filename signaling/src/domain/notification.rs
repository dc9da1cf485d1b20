//! What a user is told even when nobody of its devices was listening, and what a Call
//! leaves behind in its chat. Both follow from what happened.

use super::call::{Call, CallStatus, EndReason};
use super::event::{CallEvent, Happening};
use super::lifecycle::CallState;
use super::participant::ParticipantStatus;
use super::time::UnixMillis;
use super::words::words;
use crate::ids::{CallId, RoomName, UserId};

words! {
    NotificationKind {
        /// Asked into a call that does not ring, or was rung into a meeting.
        Invitation => "invitation",
        /// What one was invited to will not be.
        Cancelled => "cancelled",
        /// It rang, or would have, and was not answered.
        MissedCall => "missed_call",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub number: i64,
    pub kind: NotificationKind,
    pub call: NotifiedCall,
    pub created: UnixMillis,
    pub read: Option<UnixMillis>,
}

/// As much of a Call as its notification shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifiedCall {
    pub id: CallId,
    pub number: i64,
    pub room: RoomName,
    pub title: Option<String>,
    pub status: CallStatus,
    pub scheduled: Option<UnixMillis>,
    /// Who called, with the name as it is now.
    pub host: Option<(UserId, String)>,
}

/// Who has to be told of what has just happened.
pub fn notifications(state: &CallState, events: &[CallEvent]) -> Vec<(UserId, NotificationKind)> {
    let mut due = Vec::new();
    for event in events {
        let kind = match event.what {
            Happening::Invited => NotificationKind::Invitation,
            // Who was rung into a meeting is invited to it, should nobody have heard.
            Happening::Ringing if state.call.planned() => NotificationKind::Invitation,
            Happening::Missed | Happening::Busy if !state.call.planned() => {
                NotificationKind::MissedCall
            }
            Happening::Ended(EndReason::Cancelled) if state.call.planned() => {
                due.extend(uninvited(state));
                continue;
            }
            _ => continue,
        };
        due.extend(event.user.clone().map(|user| (user, kind)));
    }
    due
}

fn uninvited(state: &CallState) -> impl Iterator<Item = (UserId, NotificationKind)> {
    let own = state.call.initiated_by.as_ref();
    let waiting = state.asked.iter().filter(move |p| Some(&p.user) != own);
    let waiting = waiting.filter(|p| p.status != ParticipantStatus::Declined);
    waiting.map(|p| (p.user.clone(), NotificationKind::Cancelled))
}

/// Whether the Call has just become something for its chat's history.
pub fn leaves_message(call: &Call, events: &[CallEvent]) -> bool {
    let ended = |event: &CallEvent| matches!(event.what, Happening::Ended(_));
    call.about.chat.is_some() && call.status == CallStatus::Ended && events.iter().any(ended)
}
