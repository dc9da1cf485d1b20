//! All that can happen to a Call, with what is said of it by whoever makes it happen.

use crate::domain::call::EndReason;
use crate::domain::participant::{LeaveReason, MediaChange, Role};
use crate::domain::time::UnixMillis;
use crate::ids::{Epoch, ParticipantId, UserId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transition {
    /// The first one of a Call that people are asked into.
    Plan(Plan),
    Join(Newcomer),
    /// Comes to receive alone, as [`Role::Viewer`] whatever the newcomer's role.
    Watch(Newcomer),
    /// Answers the ring; the joining follows.
    Accept {
        user: UserId,
    },
    Decline {
        user: UserId,
    },
    /// Did not answer the ring; of whoever calls, nobody did.
    Miss {
        user: UserId,
    },
    /// Begins a Call by word.
    Start {
        by: Option<UserId>,
    },
    /// The Session of this attachment is gone.
    Disconnect {
        participant: ParticipantId,
        epoch: Epoch,
    },
    /// A new Session takes over from the attachment `epoch`, or from the one after
    /// it, whose announcement may have been lost on its way.
    Resume {
        participant: ParticipantId,
        epoch: Epoch,
    },
    /// Nothing is heard any more of a user who is present by its word.
    Absent {
        user: UserId,
    },
    /// Or it is again.
    Back {
        user: UserId,
    },
    /// A user goes, it says, of whom we would not have noticed.
    Gone {
        user: UserId,
    },
    /// A user gave a sign of life, and no more.
    Heard {
        user: UserId,
    },
    Leave {
        participant: ParticipantId,
        reason: LeaveReason,
    },
    /// A user leaves with all its devices.
    Depart {
        user: UserId,
    },
    SetMedia {
        user: UserId,
        change: MediaChange,
    },
    SetRecording {
        by: Option<UserId>,
        on: bool,
    },
    /// Possible when the Call is over as well.
    AddRecording {
        by: Option<UserId>,
    },
    /// A lost Participant's time to return is over.
    GraceOver {
        participant: ParticipantId,
    },
    /// Nothing was heard for long of somebody who is there by its word alone.
    WordOver {
        participant: ParticipantId,
    },
    /// An empty Call's time to be entered again is over.
    LingerOver,
    RingOver,
    /// The time that was planned for it is over.
    PlanOver,
    DurationOver,
    /// Somebody ends it, with the reason that follows from how far it came.
    HangUp {
        by: Option<UserId>,
        how: HangUp,
    },
    End {
        by: Option<UserId>,
        reason: EndReason,
    },
    /// A member calls anew: what nobody is known to be in any more is over.
    Supersede {
        by: UserId,
    },
    /// The server starts again; it was last alive at `last_alive`.
    Recover {
        last_alive: UnixMillis,
    },
}

impl Transition {
    /// Whose doing it is, who is therefore alive. Connections that come and go have
    /// transitions of their own.
    pub(super) fn speaker(&self) -> Option<&UserId> {
        match self {
            Self::Join(newcomer) => Some(&newcomer.user),
            Self::Accept { user }
            | Self::Decline { user }
            | Self::Heard { user }
            | Self::SetMedia { user, .. } => Some(user),
            Self::Start { by } | Self::SetRecording { by, .. } | Self::AddRecording { by } => {
                by.as_ref()
            }
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// Enough talked; a Call that nobody has answered yet is cancelled.
    Over,
    Cancel,
    /// Technology failed.
    Failed,
}

/// Who is asked into a new Call, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub by: Option<UserId>,
    /// Every member, whoever plans it included when it is one.
    pub members: Vec<Invitee>,
    /// Rung now, except for whoever plans it; only told otherwise.
    pub ring: bool,
    /// Begins later.
    pub scheduled: Option<UnixMillis>,
    /// When it counts who never came.
    pub over_at: Option<UnixMillis>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitee {
    pub id: ParticipantId,
    pub user: UserId,
    pub name: String,
    pub avatar_url: Option<String>,
    pub role: Role,
    /// In another Call.
    pub busy: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// Of its row, unless it was a member already and has one.
    pub id: ParticipantId,
    pub user: UserId,
    pub name: String,
    pub avatar_url: Option<String>,
    /// Unless the invitation gave it another.
    pub role: Role,
    /// May enter without being a member.
    pub admitted: bool,
    /// Without a device of its own here.
    pub by_word: bool,
}
