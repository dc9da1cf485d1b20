//! What the Session of a Participant is told unasked.

use convoke_media::control::{SlotAssignment, Source, Speaker, Strain, TransportState};
use convoke_media::ids::Rid;

use crate::domain::call::EndReason;
use crate::domain::participant::{Connection, LeaveReason, Role, TrackState};
use crate::domain::time::UnixMillis;
use crate::ids::{CallId, ParticipantId, RoomName, UserId};

/// One message to one or to every Participant of a Call, in the order in which
/// things were committed.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    ParticipantJoined(ParticipantView),
    /// Name, role, tracks or connection changed.
    ParticipantChanged(ParticipantView),
    ParticipantLeft {
        participant: ParticipantId,
        reason: LeaveReason,
    },
    /// Everybody who speaks now, loudest first.
    Speaking(Vec<Speaker>),
    /// The server sends less than it was asked for, or no longer so.
    Strained(Strain),
    /// To one: the receiver's Slots that changed.
    Slots(Vec<SlotAssignment>),
    /// To one: which layers of a source of the receiver's somebody is shown.
    Layers {
        source: Source,
        wanted: Vec<Rid>,
    },
    /// To one: the receiver's media path.
    Transport(TransportState),
    /// To one: somebody else muted a source of the receiver's, which may unmute it.
    Muted(Muted),
    /// To one: everything anew, with [`MediaContinuity::New`]: the server lost the
    /// media of the Call and the receiver must offer on a new RTCPeerConnection.
    Rejoined(Box<Snapshot>),
    /// The last one: the receiver closes after it.
    CallEnded(EndReason),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Muted {
    pub source: Source,
    /// Nobody in person when the host application did it.
    pub by: Option<Actor>,
}

/// A user who did something to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub user: UserId,
    pub name: String,
}

/// The Call as one Participant sees it at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub call: CallView,
    pub you: ParticipantView,
    /// Everybody else, in order of joining.
    pub participants: Vec<ParticipantView>,
    pub slots: Vec<SlotAssignment>,
    pub speakers: Vec<Speaker>,
    pub strain: Strain,
    pub media: MediaContinuity,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallView {
    pub id: CallId,
    pub number: i64,
    pub room: RoomName,
    pub started_at: UnixMillis,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantView {
    pub id: ParticipantId,
    pub user: UserId,
    pub name: String,
    pub avatar_url: Option<String>,
    pub role: Role,
    pub connection: Connection,
    pub tracks: Vec<TrackState>,
    pub joined_at: UnixMillis,
}

/// Whether the server still holds the Participant's media transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaContinuity {
    /// Nothing was negotiated before, or it was lost.
    New,
    /// The RTCPeerConnection goes on; restart ICE if its path is gone.
    Kept,
}
