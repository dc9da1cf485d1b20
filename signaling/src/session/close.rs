//! Why the server ends a Session. docs/protocol.md lists the codes.

/// A reason that the server has; what a client closes with is its own affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The server stops; the client may resume at once, here or on the next start.
    GoingAway,
    /// A binary message: the protocol is text.
    NotText,
    /// Longer than a message may be.
    TooBig,
    /// The client reads too slowly; it may resume.
    TooSlow,
    /// No `hello` in time.
    HelloTimeout,
    /// Nothing was heard for two ping intervals; the client may resume.
    Idle,
    /// Too many messages that were malformed or came too fast.
    Misbehaved,
    /// Another Session resumed as this Participant.
    Replaced,
    /// The token of `hello` was refused.
    Unauthorized,
    UnsupportedProtocol,
}

impl Close {
    /// RFC 6455 §7.4.1 where it has a word for it, else our own from §7.4.2's
    /// private range.
    pub const fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::NotText => 1003,
            Self::TooBig => 1009,
            Self::TooSlow => 1013,
            Self::HelloTimeout => 4000,
            Self::Idle => 4001,
            Self::Misbehaved => 4002,
            Self::Replaced => 4003,
            Self::Unauthorized => 4004,
            Self::UnsupportedProtocol => 4005,
        }
    }

    /// For people who look at it in a browser's console.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "the server stops",
            Self::NotText => "the protocol is text",
            Self::TooBig => "the message is too big",
            Self::TooSlow => "reading too slowly",
            Self::HelloTimeout => "no hello in time",
            Self::Idle => "nothing heard",
            Self::Misbehaved => "too many bad messages",
            Self::Replaced => "continued elsewhere",
            Self::Unauthorized => "not authorized",
            Self::UnsupportedProtocol => "unsupported protocol",
        }
    }

    /// For carriers that have no codes.
    pub const fn word(self) -> &'static str {
        match self {
            Self::GoingAway => "going-away",
            Self::NotText => "not-text",
            Self::TooBig => "too-big",
            Self::TooSlow => "too-slow",
            Self::HelloTimeout => "hello-timeout",
            Self::Idle => "idle",
            Self::Misbehaved => "misbehaved",
            Self::Replaced => "replaced",
            Self::Unauthorized => "unauthorized",
            Self::UnsupportedProtocol => "unsupported-protocol",
        }
    }

    pub const ALL: &[Self] = &[
        Self::GoingAway,
        Self::NotText,
        Self::TooBig,
        Self::TooSlow,
        Self::HelloTimeout,
        Self::Idle,
        Self::Misbehaved,
        Self::Replaced,
        Self::Unauthorized,
        Self::UnsupportedProtocol,
    ];
}
