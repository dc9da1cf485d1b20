//! All that signaling may see of the media core: what it asks ([`Command`]), what
//! it is answered ([`Response`], [`CommandError`]) and what it is told unasked
//! ([`Event`]).

use std::time::Duration;

use crate::ids::{Mid, ParticipantId, Rid, RouterId};

/// What a Track shows or sounds like. A Participant publishes at most one Track
/// of each source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    Microphone,
    Camera,
    Screen,
    ScreenAudio,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaKind {
    Audio,
    Video,
}

impl Source {
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Microphone | Self::ScreenAudio => MediaKind::Audio,
            Self::Camera | Self::Screen => MediaKind::Video,
        }
    }
}

/// A published source of media, named by who publishes it and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId {
    pub participant: ParticipantId,
    pub source: Source,
}

/// An SDP offer and what its publishing m-lines carry. Every `recvonly` m-line
/// is a Slot; `sendonly`, `sendrecv` and `inactive` ones are named in `publish`.
#[derive(Debug, Clone)]
pub struct Offer {
    pub sdp: String,
    pub publish: Vec<PublishIntent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishIntent {
    pub mid: Mid,
    pub source: Source,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub sdp: String,
    pub published: Vec<PublishIntent>,
    pub slots: Vec<SlotInfo>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotInfo {
    pub mid: Mid,
    pub kind: MediaKind,
}

/// What a Slot is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlotTarget {
    /// Nothing.
    Off,
    /// The server chooses: the loudest and most recent speakers' microphones for
    /// audio (screen audio counts as a speaker), their cameras for video. The same
    /// Track is never on two automatic Slots, nor on one beside a pinned one.
    #[default]
    Automatic,
    /// This Track, whether or not it exists yet.
    Pinned(TrackId),
}

/// A client's wish for one of its Slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotRequest {
    pub mid: Mid,
    pub target: SlotTarget,
    /// Largest useful picture in physical pixels, 0x0 for "hidden: send nothing".
    /// Ignored for audio.
    pub max_size: Option<FrameSize>,
    /// 0 to 255; greater is served first when bandwidth is short.
    pub priority: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameSize {
    pub width: u16,
    pub height: u16,
}

impl FrameSize {
    /// Nothing of a picture without a side is seen.
    pub(crate) const fn is_hidden(self) -> bool {
        self.width == 0 || self.height == 0
    }
}

/// A request to the media core. Every one is answered by a [`Response`] or a
/// [`CommandError`], and a refused command changes nothing.
#[derive(Debug, Clone)]
pub enum Command {
    /// Adds a Participant, opening the Router with its first.
    AddParticipant {
        router: RouterId,
        participant: ParticipantId,
    },
    /// First negotiation, renegotiation, or ICE restart (new `ice-ufrag`).
    Offer {
        participant: ParticipantId,
        offer: Offer,
    },
    /// A candidate of the client. An ICE-lite agent learns addresses from checks
    /// (RFC 8445 §2.5), so it is validated, counted and otherwise unused.
    AddCandidate {
        participant: ParticipantId,
        candidate: String,
    },
    /// Replaces the wishes of the Slots named; the others keep theirs.
    SetSlots {
        participant: ParticipantId,
        slots: Vec<SlotRequest>,
    },
    /// A muted Track is not forwarded, whatever its publisher sends.
    SetMuted {
        participant: ParticipantId,
        source: Source,
        muted: bool,
    },
    /// Removes the Participant; the Router goes with its last.
    RemoveParticipant {
        participant: ParticipantId,
    },
    CloseRouter {
        router: RouterId,
    },
    GetStats {
        participant: ParticipantId,
    },
}

#[derive(Debug, Clone)]
pub enum Response {
    Done,
    Answer(Answer),
    Stats(Box<crate::stats::ParticipantStats>),
}

/// Why a [`Command`] was refused. The names are part of the signaling protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("no such participant")]
    UnknownParticipant,
    #[error("no such router")]
    UnknownRouter,
    #[error("the participant is already there")]
    DuplicateParticipant,
    #[error("the server holds all the {limit} it may")]
    LimitReached { limit: &'static str },
    #[error("no slot {0}")]
    UnknownSlot(Mid),
    #[error("the offer was refused: {0}")]
    Offer(#[from] OfferError),
    #[error("not an ICE candidate")]
    InvalidCandidate,
    /// The worker is gone or its queue is full.
    #[error("the media worker is not available")]
    Unavailable,
}

/// Why an SDP offer was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    #[error("{size} bytes, {max} allowed")]
    TooLarge { size: usize, max: usize },
    #[error("{count} m-lines, {max} allowed")]
    TooManySections { count: usize, max: usize },
    #[error("not SDP: {0}")]
    Syntax(String),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    #[error("mid {0} is given twice or not at all")]
    Mid(String),
    #[error("mid {mid} cannot publish {source_name}")]
    Publish { mid: Mid, source_name: &'static str },
    #[error("{count} streams, {max} allowed")]
    TooManyStreams { count: usize, max: usize },
}

/// What the media core tells signaling unasked.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Transport {
        participant: ParticipantId,
        state: TransportState,
    },
    /// The Tracks on a Participant's Slots changed; only the changed Slots.
    Slots {
        participant: ParticipantId,
        assignments: Vec<SlotAssignment>,
    },
    /// Which layers of a source its publisher should send; the others are shown to nobody.
    /// Until it is told, all of them. A layer that is wanted again is told within 100 ms,
    /// one that is not after 5 s.
    Layers {
        participant: ParticipantId,
        source: Source,
        wanted: Vec<Rid>,
    },
    /// Who speaks, loudest first; sent when the list changes, at most every 300 ms.
    Speaking {
        router: RouterId,
        speakers: Vec<Speaker>,
    },
    /// What the Router leaves out because its worker has too much to do: told when it
    /// opens, and when it changes.
    Strained { router: RouterId, strain: Strain },
    /// The Router is gone without having been asked to (its worker failed).
    RouterLost { router: RouterId },
}

/// How much less than wanted a Router sends because its worker is short of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Strain {
    #[default]
    None,
    /// No large pictures.
    SmallerPictures,
    /// Small pictures, and not all of them ([`SlotState::Withheld`]).
    FewerPictures,
}

/// Media path of a Participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportState {
    /// ICE and DTLS done, keys in place.
    Connected,
    /// Consent expired (RFC 7675 §5.1): nothing is sent until a check succeeds.
    Disconnected,
    /// The handshake failed or the client closed it; a new offer may start again.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotAssignment {
    pub mid: Mid,
    pub state: SlotState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    Empty,
    /// The Track is forwarded, or will be when its publisher sends.
    Active(TrackId),
    /// The Track exists and is muted.
    Muted(TrackId),
    /// The Track exists, and the server has too much to do to send it.
    Withheld(TrackId),
    /// None of the Slot's codecs decodes what the Track carries, so nothing is sent.
    Undecodable(TrackId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaker {
    pub participant: ParticipantId,
    /// Smoothed level in -dBov: 0 is loudest, 127 silence (RFC 6464 §3).
    pub level: u8,
}

/// How long a Participant without valid consent is kept (RFC 7675 §5.1).
pub const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);
