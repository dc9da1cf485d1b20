//! Why a request to the [`CallService`](crate::service::CallService) was refused.
//! HTTP maps it to a problem in one place, the session protocol to a code in another.

use std::time::Duration;

use convoke_media::control::{CommandError, OfferError};
use convoke_media::ids::Mid;

use crate::ids::UserId;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error(transparent)]
    InvalidRoom(#[from] crate::ids::InvalidRoomName),
    /// Also for what does not exist, wherever a stranger could probe for it.
    #[error("not allowed, or there is no such thing")]
    Forbidden,
    #[error("no such call")]
    UnknownCall,
    /// There is such a Call, which a stranger must not learn: outside it looks like
    /// [`Self::UnknownCall`], except where a dialect's document tells them apart.
    #[error("no such call")]
    NotMember,
    /// The chat that a Call was to grow out of.
    #[error("no such chat")]
    UnknownChat,
    #[error("no such appointment")]
    UnknownAppointment,
    /// Neither confirmed nor going on, by the host's word.
    #[error("the appointment is not confirmed")]
    NotDue,
    #[error("in another call: {}", names(.0))]
    Busy(Vec<UserId>),
    #[error("a call is going on there already")]
    AlreadyLive,
    #[error("the call is over")]
    Over,
    #[error("the password is wrong")]
    WrongPassword,
    #[error("too many wrong passwords: try again in some minutes")]
    TooManyTries,
    #[error("at most {limit} people can be asked into a call")]
    TooManyMembers { limit: usize },
    #[error("nobody to call")]
    NobodyCalled,
    #[error("the call may not be recorded")]
    NotRecordable,
    /// A Jitsi carries the Call's media.
    #[error("the call is held elsewhere")]
    HeldElsewhere,
    #[error("the room is full: {limit} participants")]
    RoomFull { limit: u32 },
    /// The Participant is unknown, or has left, or its Call has ended.
    #[error("not in a call")]
    NotInCall,
    /// The grace time is over, or the Call ended meanwhile.
    #[error("nothing to resume")]
    ResumeFailed,
    #[error("the offer was refused: {0}")]
    Offer(OfferError),
    #[error("not an ICE candidate")]
    InvalidCandidate,
    #[error("no slot {0}")]
    UnknownSlot(Mid),
    #[error("no such {0}")]
    NothingHere(&'static str),
    /// The media workers have no time for another Call, and none sooner than that.
    #[error("the server has too much to do for another call")]
    Overloaded { retry_after: Duration },
    /// No database, worker or room for it now; trying again later may help.
    #[error("not available now")]
    Unavailable,
}

fn names(users: &[UserId]) -> String {
    let names: Vec<_> = users.iter().map(UserId::as_str).collect();
    names.join(", ")
}

impl From<CommandError> for CallError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Offer(error) => Self::Offer(error),
            CommandError::UnknownSlot(mid) => Self::UnknownSlot(mid),
            CommandError::InvalidCandidate => Self::InvalidCandidate,
            CommandError::UnknownParticipant
            | CommandError::UnknownRouter
            | CommandError::DuplicateParticipant
            | CommandError::LimitReached { .. }
            | CommandError::Unavailable => Self::Unavailable,
        }
    }
}
