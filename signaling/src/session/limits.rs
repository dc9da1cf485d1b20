//! What one Session may cost: constants with the trade-off of each, and the bucket
//! that its messages are paid from.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::time::UnixMillis;

/// Ping intervals without a word after which a connection counts as lost.
pub const IDLE_PINGS: u32 = 2;

/// Until the first valid `hello`. A browser sends it at once; ten seconds are for
/// slow radio links, and short enough that idle sockets do not pile up.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// A message with room for [`MAX_OFFER_BYTES`] of SDP whose line ends are escaped.
pub const MAX_MESSAGE_BYTES: usize = 512 * 1024;
/// Chromium's offer with all codecs and 49 video Slots has 265 kB.
pub const MAX_OFFER_BYTES: usize = 400_000;
/// Slots named in one `slots` message, and publishing m-lines in one offer: more
/// than any layout shows.
pub const MAX_SLOTS: usize = 64;
/// Malformed or out-of-turn messages before a Session is closed: a client with a
/// mistake learns of it and goes on, a fuzzer does not go on for long.
pub(super) const MAX_STRIKES: u32 = 50;

/// Socket.IO packets that wait to be sent to a slow reader: a quarter of a full room's News.
/// With what one may pass on to another, 4 MB.
pub(crate) const MAX_OUTGOING_PACKETS: usize = 128;
/// Socket.IO events that wait to be heard: as many as may be said at once, and some.
pub(super) const MAX_WAITING_EVENTS: usize = 128;

/// A layout change in a large call is a handful of messages, trickled candidates a
/// dozen at once.
const BUCKET_SIZE: f64 = 100.0;
const BUCKET_PER_SECOND: f64 = 20.0;
/// An offer is parsed whole and answered whole.
pub(super) const OFFER_COST: f64 = 10.0;
/// A join writes to the database and may create a Call, which stays on record.
pub(super) const JOIN_COST: f64 = 10.0;

/// Each of those who are muted is told of to everybody.
pub(super) const MUTE_OTHERS_COST: f64 = 10.0;

/// One Call that a guest starts, or how long until it may: counted by the carrier,
/// which knows from where the guest comes.
pub(crate) type GuestCalls = Box<dyn Fn(UnixMillis) -> Result<(), Duration> + Send + Sync>;

/// Token bucket over a Session's messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    level: f64,
    at: Instant,
}

impl Bucket {
    pub(super) const fn full(now: Instant) -> Self {
        Self {
            level: BUCKET_SIZE,
            at: now,
        }
    }

    /// Takes `cost`, or says how long until it could.
    pub(super) fn take(&mut self, cost: f64, now: Instant) -> Result<(), Duration> {
        let gained = now.duration_since(self.at).as_secs_f64() * BUCKET_PER_SECOND;
        self.level = (self.level + gained).min(BUCKET_SIZE);
        self.at = now;
        if self.level < cost {
            let missing = (cost - self.level) / BUCKET_PER_SECOND;
            return Err(Duration::from_secs_f64(missing));
        }
        self.level -= cost;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let start = Instant::now();
        let mut bucket = Bucket::full(start);
        for _ in 0..BUCKET_SIZE as u32 {
            assert_eq!(bucket.take(1.0, start), Ok(()));
        }
        let wait = bucket.take(1.0, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(50));
        assert_eq!(bucket.take(1.0, start + wait), Ok(()));
        let much_later = start + Duration::from_secs(3600);
        assert!(bucket.take(BUCKET_SIZE, much_later).is_ok());
        assert!(bucket.take(1.0, much_later).is_err());
    }
}
