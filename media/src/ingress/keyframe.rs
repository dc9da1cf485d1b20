//! Asks a publisher for keyframes: however many subscribers want one, an Encoding
//! is asked at most once per interval, and again until a keyframe arrives or nobody
//! is left to be sent it.

use std::time::{Duration, Instant};

/// State of one Encoding's requests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KeyframeRequests {
    wanted: bool,
    sent_at: Option<Instant>,
    /// Counts FIRs: a repeated request carries the same number (RFC 5104 §4.3.1.1).
    command: u8,
    pub(crate) sent: u64,
}

impl KeyframeRequests {
    /// Remembers the wish; [`due`](Self::due) tells when to send it.
    pub(crate) fn want(&mut self) {
        if !self.wanted {
            self.wanted = true;
            self.command = self.command.wrapping_add(1);
        }
    }

    /// One arrived, or nobody is left who would be sent it.
    pub(crate) fn cease(&mut self) {
        self.wanted = false;
    }

    /// True at most once per `interval`, while a keyframe is wanted.
    pub(crate) fn due(&mut self, now: Instant, interval: Duration) -> bool {
        let rested = self
            .sent_at
            .is_none_or(|at| now.saturating_duration_since(at) >= interval);
        if !self.wanted || !rested {
            return false;
        }
        self.sent_at = Some(now);
        self.sent += 1;
        true
    }

    pub(crate) fn command(&self) -> u8 {
        self.command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_thousand_wishes_a_second_are_two_requests() {
        let start = Instant::now();
        let mut requests = KeyframeRequests::default();
        let interval = Duration::from_millis(500);
        let sent = (0..10_000)
            .filter(|ms| {
                requests.want();
                let sent = requests.due(start + Duration::from_millis(*ms), interval);
                if ms % 700 == 0 {
                    requests.cease();
                }
                sent
            })
            .count();
        assert_eq!(sent, 20);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_request_is_repeated_until_the_keyframe_arrives() {
        let start = Instant::now();
        let interval = Duration::from_millis(500);
        let mut requests = KeyframeRequests::default();
        assert!(!requests.due(start, interval));
        requests.want();
        let command = requests.command();
        assert!(requests.due(start, interval));
        assert!(!requests.due(start + interval / 2, interval));
        assert!(requests.due(start + interval, interval));
        assert_eq!(requests.command(), command);
        requests.cease();
        assert!(!requests.due(start + interval * 2, interval));
        requests.want();
        assert_ne!(requests.command(), command);
    }
}
