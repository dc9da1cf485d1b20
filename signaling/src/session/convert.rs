//! Between the wire's words and the domain's: strings are checked on the way in, ids
//! and times become text on the way out. The only module that knows both sides.

use std::time::Duration;

use convoke_media::control as media;
use convoke_media::ids::Mid;

use super::limits::{MAX_OFFER_BYTES, MAX_SLOTS};
use super::message as wire;
use super::message::{ErrorCode, ServerMessage};
use crate::auth::AuthError;
use crate::domain::call::EndReason;
use crate::domain::participant::{Connection, LeaveReason, PublishState, Role, TrackState};
use crate::domain::principal::{Principal, Standing};
use crate::error::CallError;
use crate::events::notice::{CallView, MediaContinuity, Muted, Notice, ParticipantView, Snapshot};
use crate::ids::ParticipantId;
use crate::service::Silenced;

/// A message of the client that is refused, and how it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    /// How long not to try again, where it is known.
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(super) fn retried_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        let code = match &error {
            CallError::InvalidRoom(_) => ErrorCode::InvalidRoom,
            CallError::Forbidden
            | CallError::UnknownCall
            | CallError::NothingHere(_)
            | CallError::NotMember
            | CallError::UnknownChat
            | CallError::UnknownAppointment
            | CallError::NotDue
            | CallError::WrongPassword
            | CallError::TooManyTries
            | CallError::HeldElsewhere
            | CallError::NotRecordable
            | CallError::NobodyCalled
            | CallError::TooManyMembers { .. }
            | CallError::Busy(_)
            | CallError::AlreadyLive => ErrorCode::Forbidden,
            CallError::RoomFull { .. } => ErrorCode::RoomFull,
            CallError::NotInCall | CallError::Over => ErrorCode::NotInCall,
            CallError::ResumeFailed => ErrorCode::ResumeFailed,
            CallError::Offer(_) => ErrorCode::BadOffer,
            CallError::InvalidCandidate => ErrorCode::BadCandidate,
            CallError::UnknownSlot(_) => ErrorCode::UnknownSlot,
            CallError::Overloaded { .. } => ErrorCode::Overloaded,
            CallError::Unavailable => ErrorCode::Unavailable,
        };
        let refusal = Self::new(code, error.to_string());
        match error {
            CallError::Overloaded { retry_after } => refusal.retried_after(retry_after),
            _ => refusal,
        }
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        let code = match error {
            AuthError::Token(_) | AuthError::UnknownApiKey | AuthError::GuestsNotAdmitted => {
                ErrorCode::Unauthorized
            }
            AuthError::InvalidName => ErrorCode::BadMessage,
        };
        Self::new(code, error.to_string())
    }
}

pub(super) fn offer(sdp: String, publish: &[wire::PublishLine]) -> Result<media::Offer, Refusal> {
    let bad = |message: String| Refusal::new(ErrorCode::BadOffer, message);
    if sdp.len() > MAX_OFFER_BYTES {
        return Err(bad(format!("more than {MAX_OFFER_BYTES} bytes of SDP")));
    }
    if publish.len() > MAX_SLOTS {
        return Err(bad(format!("more than {MAX_SLOTS} published lines")));
    }
    let publish = publish
        .iter()
        .map(|line| {
            let mid = Mid::try_from(line.mid.as_str()).map_err(|e| bad(format!("mid: {e}")))?;
            let source = source(line.source);
            Ok(media::PublishIntent { mid, source })
        })
        .collect::<Result<_, Refusal>>()?;
    Ok(media::Offer { sdp, publish })
}

pub(super) fn slot_requests(wishes: &[wire::SlotWish]) -> Result<Vec<media::SlotRequest>, Refusal> {
    if wishes.len() > MAX_SLOTS {
        let message = format!("more than {MAX_SLOTS} slots");
        return Err(Refusal::new(ErrorCode::BadMessage, message));
    }
    wishes.iter().map(slot_request).collect()
}

fn slot_request(wish: &wire::SlotWish) -> Result<media::SlotRequest, Refusal> {
    let mid = Mid::try_from(wish.mid.as_str())
        .map_err(|e| Refusal::new(ErrorCode::UnknownSlot, format!("mid: {e}")))?;
    let target = match &wish.show {
        wire::SlotTarget::Off {} => media::SlotTarget::Off,
        wire::SlotTarget::Automatic {} => media::SlotTarget::Automatic,
        wire::SlotTarget::Pinned {
            participant_id,
            source: track,
        } => {
            let id: ParticipantId = participant_id
                .parse()
                .map_err(|_| Refusal::new(ErrorCode::BadMessage, "participantId is not an id"))?;
            media::SlotTarget::Pinned(media::TrackId {
                participant: id.into(),
                source: source(*track),
            })
        }
    };
    let max_size = match (wish.width, wish.height) {
        (Some(width), Some(height)) => Some(media::FrameSize { width, height }),
        (None, None) => None,
        _ => {
            let message = "width and height belong together";
            return Err(Refusal::new(ErrorCode::BadMessage, message));
        }
    };
    Ok(media::SlotRequest {
        mid,
        target,
        max_size,
        priority: wish.priority,
    })
}

pub(super) const fn source(source: wire::TrackSource) -> media::Source {
    match source {
        wire::TrackSource::Microphone => media::Source::Microphone,
        wire::TrackSource::Camera => media::Source::Camera,
        wire::TrackSource::Screen => media::Source::Screen,
        wire::TrackSource::ScreenAudio => media::Source::ScreenAudio,
    }
}

pub(super) const fn publish_state(state: wire::PublishState) -> PublishState {
    match state {
        wire::PublishState::Off => PublishState::Off,
        wire::PublishState::Live => PublishState::Live,
        wire::PublishState::Muted => PublishState::Muted,
    }
}

pub(super) fn user_info(principal: &Principal) -> wire::UserInfo {
    wire::UserInfo {
        id: principal.user.to_string(),
        name: principal.name.clone(),
        avatar_url: principal.avatar_url.clone(),
        guest: principal.standing == Standing::Guest,
    }
}

pub(super) fn answer(request: u32, answer: media::Answer) -> ServerMessage {
    let slots = answer.slots.iter().map(|slot| wire::SlotLine {
        mid: slot.mid.to_string(),
        kind: match slot.kind {
            media::MediaKind::Audio => wire::MediaKind::Audio,
            media::MediaKind::Video => wire::MediaKind::Video,
        },
    });
    ServerMessage::Answer {
        request,
        slots: slots.collect(),
        sdp: answer.sdp,
    }
}

pub(super) fn joined(
    request: Option<u32>,
    resume_token: String,
    snapshot: &Snapshot,
) -> ServerMessage {
    ServerMessage::Joined {
        request,
        resume_token,
        call: call_info(&snapshot.call),
        you: participant_info(&snapshot.you),
        participants: snapshot.participants.iter().map(participant_info).collect(),
        slots: snapshot.slots.iter().map(assignment).collect(),
        speakers: snapshot.speakers.iter().map(speaker).collect(),
        strain: wire_strain(snapshot.strain),
        media: match snapshot.media {
            MediaContinuity::New => wire::MediaContinuity::New,
            MediaContinuity::Kept => wire::MediaContinuity::Kept,
        },
    }
}

/// Every notice but [`Notice::Rejoined`], which needs a token, as the wire says it.
pub(super) fn notice(notice: &Notice) -> Result<ServerMessage, &Snapshot> {
    Ok(match notice {
        Notice::ParticipantJoined(view) => ServerMessage::ParticipantJoined {
            participant: participant_info(view),
        },
        Notice::ParticipantChanged(view) => ServerMessage::ParticipantChanged {
            participant: participant_info(view),
        },
        Notice::ParticipantLeft {
            participant,
            reason,
        } => ServerMessage::ParticipantLeft {
            participant_id: participant.to_string(),
            reason: leave_reason(*reason),
        },
        Notice::Speaking(speakers) => ServerMessage::Speaking {
            speakers: speakers.iter().map(speaker).collect(),
        },
        Notice::Strained(strain) => ServerMessage::Strained {
            strain: wire_strain(*strain),
        },
        Notice::Layers { source, wanted } => ServerMessage::Layers {
            source: wire_source(*source),
            wanted: wanted.iter().map(|rid| rid.as_str().to_owned()).collect(),
        },
        Notice::Slots(slots) => ServerMessage::Slots {
            slots: slots.iter().map(assignment).collect(),
        },
        Notice::Transport(state) => ServerMessage::Transport {
            state: match state {
                media::TransportState::Connected => wire::TransportState::Connected,
                media::TransportState::Disconnected => wire::TransportState::Disconnected,
                media::TransportState::Failed => wire::TransportState::Failed,
            },
        },
        Notice::Muted(told) => muted(told),
        Notice::CallEnded(reason) => ServerMessage::CallEnded {
            reason: end_reason(*reason),
        },
        Notice::Rejoined(snapshot) => return Err(snapshot),
    })
}

pub(super) fn muted(muted: &Muted) -> ServerMessage {
    ServerMessage::Muted {
        source: wire_source(muted.source),
        by: muted.by.as_ref().map(|by| wire::Actor {
            user_id: by.user.to_string(),
            name: by.name.clone(),
        }),
    }
}

pub(super) fn others_muted(request: u32, silenced: &[Silenced]) -> ServerMessage {
    let ids = silenced.iter().map(|one| one.participant.to_string());
    ServerMessage::OthersMuted {
        request,
        participant_ids: ids.collect(),
    }
}

fn call_info(call: &CallView) -> wire::CallInfo {
    wire::CallInfo {
        id: call.id.to_string(),
        room: call.room.to_string(),
        started_at: call.started_at.0,
    }
}

fn participant_info(view: &ParticipantView) -> wire::ParticipantInfo {
    wire::ParticipantInfo {
        id: view.id.to_string(),
        user_id: view.user.to_string(),
        name: view.name.clone(),
        avatar_url: view.avatar_url.clone(),
        role: match view.role {
            Role::Host => wire::Role::Host,
            Role::Moderator => wire::Role::Moderator,
            Role::Participant => wire::Role::Participant,
            Role::Viewer => wire::Role::Viewer,
        },
        connection: match view.connection {
            Connection::Connected => wire::Connection::Connected,
            Connection::Reconnecting => wire::Connection::Reconnecting,
        },
        tracks: view.tracks.iter().map(track_info).collect(),
        joined_at: view.joined_at.0,
    }
}

fn track_info(track: &TrackState) -> wire::TrackInfo {
    wire::TrackInfo {
        source: wire_source(track.source),
        muted: track.muted,
    }
}

const fn wire_source(source: media::Source) -> wire::TrackSource {
    match source {
        media::Source::Microphone => wire::TrackSource::Microphone,
        media::Source::Camera => wire::TrackSource::Camera,
        media::Source::Screen => wire::TrackSource::Screen,
        media::Source::ScreenAudio => wire::TrackSource::ScreenAudio,
    }
}

fn assignment(slot: &media::SlotAssignment) -> wire::SlotAssignment {
    let (state, track) = match slot.state {
        media::SlotState::Empty => (wire::SlotState::Empty, None),
        media::SlotState::Active(track) => (wire::SlotState::Active, Some(track)),
        media::SlotState::Muted(track) => (wire::SlotState::Muted, Some(track)),
        media::SlotState::Withheld(track) => (wire::SlotState::Withheld, Some(track)),
        media::SlotState::Undecodable(track) => (wire::SlotState::Undecodable, Some(track)),
    };
    wire::SlotAssignment {
        mid: slot.mid.to_string(),
        state,
        participant_id: track.map(|t| ParticipantId::from(t.participant).to_string()),
        source: track.map(|t| wire_source(t.source)),
    }
}

const fn wire_strain(strain: media::Strain) -> wire::Strain {
    match strain {
        media::Strain::None => wire::Strain::None,
        media::Strain::SmallerPictures => wire::Strain::SmallerPictures,
        media::Strain::FewerPictures => wire::Strain::FewerPictures,
    }
}

fn speaker(speaker: &media::Speaker) -> wire::Speaker {
    wire::Speaker {
        participant_id: ParticipantId::from(speaker.participant).to_string(),
        level: speaker.level,
    }
}

const fn leave_reason(reason: LeaveReason) -> wire::LeaveReason {
    match reason {
        LeaveReason::Left => wire::LeaveReason::Left,
        // To the others a Participant that the media core dropped was lost.
        LeaveReason::TimedOut | LeaveReason::Failed | LeaveReason::Busy => {
            wire::LeaveReason::TimedOut
        }
        LeaveReason::Removed => wire::LeaveReason::Removed,
        LeaveReason::CallEnded => wire::LeaveReason::CallEnded,
    }
}

const fn end_reason(reason: EndReason) -> wire::EndReason {
    match reason {
        EndReason::Completed => wire::EndReason::Completed,
        EndReason::Missed => wire::EndReason::Missed,
        EndReason::Rejected => wire::EndReason::Rejected,
        EndReason::Cancelled => wire::EndReason::Cancelled,
        EndReason::Failed => wire::EndReason::Failed,
        EndReason::NoShow => wire::EndReason::NoShow,
    }
}
