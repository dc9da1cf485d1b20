//! A Participant: one device of a user in one Call, from invitation to leaving.

use convoke_media::control::Source;

use super::time::UnixMillis;
use super::words::words;
use crate::ids::{Epoch, ParticipantId, UserId};

words! {
    /// What a Participant may do in its Call; decided by the server, never by its word.
    Role {
        Host => "host",
        Moderator => "moderator",
        Participant => "participant",
        /// Receives and does nothing else: a player, not somebody to talk to.
        Viewer => "viewer",
    }

    ParticipantStatus {
        Invited => "invited",
        Ringing => "ringing",
        Joined => "joined",
        Left => "left",
        Declined => "declined",
        Missed => "missed",
    }

    LeaveReason {
        Left => "left",
        /// Did not return within the grace time.
        TimedOut => "timed_out",
        Removed => "removed",
        CallEnded => "call_ended",
        /// The media core had no place for it.
        Failed => "failed",
        /// Was never rung, because it was in another Call.
        Busy => "busy",
    }

    /// What a Participant says of its own media.
    MediaFlag {
        MicMuted => "mic_muted",
        CameraOff => "camera_off",
        ScreenSharing => "screen_sharing",
        HandRaised => "hand_raised",
    }
}

impl Role {
    /// Host or moderator.
    pub const fn leads(self) -> bool {
        matches!(self, Self::Host | Self::Moderator)
    }
}

/// A Participant as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    pub id: ParticipantId,
    pub user: UserId,
    /// As it was when it joined.
    pub name: String,
    pub avatar_url: Option<String>,
    pub role: Role,
    pub status: ParticipantStatus,
    pub invited: bool,
    /// When it answered the ring.
    pub accepted_at: Option<UnixMillis>,
    pub joined_at: Option<UnixMillis>,
    pub left_at: Option<UnixMillis>,
    pub leave_reason: Option<LeaveReason>,
    pub presence: Presence,
    pub media: MediaState,
}

/// How somebody present is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// By its word alone: through REST, perhaps in a Jitsi, without a Session here.
    pub by_word: bool,
    /// Its last sign of life, when it is there by its word and nothing here stands for
    /// it: neither a Session nor a connection of its application.
    pub heard_at: Option<UnixMillis>,
    /// Since when its Session is gone, while it may still return.
    pub lost_at: Option<UnixMillis>,
    pub epoch: Epoch,
}

impl Presence {
    pub const DEVICE: Self = Self {
        by_word: false,
        heard_at: None,
        lost_at: None,
        epoch: Epoch::FIRST,
    };
    pub const BY_WORD: Self = Self {
        by_word: true,
        ..Self::DEVICE
    };
}

/// The flags that are set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MediaState(u8);

impl MediaState {
    pub const fn has(self, flag: MediaFlag) -> bool {
        self.0 & (1 << flag as u8) != 0
    }

    #[must_use]
    pub const fn with(self, flag: MediaFlag, on: bool) -> Self {
        let bit = 1 << flag as u8;
        Self(if on { self.0 | bit } else { self.0 & !bit })
    }

    /// The flags that are not the same in both.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    /// The words of the flags that are set, in a fixed order.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let set = MediaFlag::ALL.iter().filter(move |flag| self.has(**flag));
        set.map(|flag| flag.as_str())
    }
}

/// What a Participant changes of its [`MediaState`]; the rest stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MediaChange {
    set: MediaState,
    clear: MediaState,
}

impl MediaChange {
    #[must_use]
    pub const fn and(self, flag: MediaFlag, on: Option<bool>) -> Self {
        match on {
            None => self,
            Some(on) => Self {
                set: self.set.with(flag, on),
                clear: self.clear.with(flag, !on),
            },
        }
    }

    pub const fn applied_to(self, state: MediaState) -> MediaState {
        MediaState((state.0 | self.set.0) & !self.clear.0)
    }
}

impl Participant {
    pub fn connection(&self) -> Connection {
        match self.presence.lost_at {
            None => Connection::Connected,
            Some(_) => Connection::Reconnecting,
        }
    }

    /// Whether it is somebody to talk to, and not only a receiver.
    pub fn takes_part(&self) -> bool {
        self.role != Role::Viewer
    }

    /// There by its word, and nothing here would notice its going, or has noticed it.
    pub fn unheld(&self) -> bool {
        let presence = self.presence;
        self.status == ParticipantStatus::Joined
            && presence.by_word
            && (presence.heard_at.is_some() || presence.lost_at.is_some())
    }

    /// How long it was in the Call, once it left.
    pub fn duration(&self) -> Option<std::time::Duration> {
        Some(self.left_at?.since(self.joined_at?))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    Connected,
    Reconnecting,
}

/// What a Participant says of one of its own sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishState {
    /// No longer published.
    Off,
    Live,
    Muted,
}

/// A published Track as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackState {
    pub source: Source,
    pub muted: bool,
}
