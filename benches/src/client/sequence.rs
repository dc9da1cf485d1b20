//! Loss by sequence numbers, which SRTP leaves in the clear. A Slot's numbers are
//! continuous whatever it shows, so within a window from its first to its last number
//! each number either came or was lost; nothing is estimated, and packets in flight
//! at the window's edges fall on one side of it.

/// Numbers behind the newest of which it is still known whether they came.
const WINDOW: u64 = 1024;
const WORDS: usize = (WINDOW / 64) as usize;

/// A step of more than this is a new beginning (RFC 3550 A.1).
const MAX_DROPOUT: i64 = 3000;

/// What a packet's number meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// The newest so far; `gap` numbers before it are missing.
    Newest {
        seq: u64,
        gap: u64,
    },
    /// Filled a gap, by itself or as a repair.
    Filled {
        seq: u64,
    },
    Duplicate,
    /// Too old to tell.
    Old,
    /// The numbers begin anew.
    Restart {
        seq: u64,
    },
}

/// Of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
}

#[derive(Debug, Clone, Copy)]
enum Window {
    Closed,
    /// From this number on, or from the next that comes.
    Open {
        begin: Option<u64>,
    },
    /// Between these, both included: what is late may still come.
    Ending {
        begin: u64,
        end: u64,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct SequenceAccount {
    highest: Option<u64>,
    seen: [u64; WORDS],
    window: Window,
    /// Unique packets of the window so far.
    received: u64,
    duplicates: u64,
    /// Of parts of the window before the numbers began anew.
    before: Counts,
}

impl Default for SequenceAccount {
    fn default() -> Self {
        Self {
            highest: None,
            seen: [0; WORDS],
            window: Window::Closed,
            received: 0,
            duplicates: 0,
            before: Counts::default(),
        }
    }
}

impl SequenceAccount {
    /// A packet on the stream itself.
    pub(crate) fn receive(&mut self, seq: u16) -> Placed {
        let Some(highest) = self.highest else {
            return self.restart(seq);
        };
        let step = i64::from(seq.wrapping_sub(highest as u16) as i16);
        let extended = highest.saturating_add_signed(step);
        if step.abs() > MAX_DROPOUT {
            return self.restart(seq);
        }
        if step <= 0 {
            return self.fill(extended);
        }
        self.advance(extended);
        self.count(extended);
        Placed::Newest {
            seq: extended,
            gap: extended - highest - 1,
        }
    }

    /// A packet that a repair stream repeats: it cannot move the sequence.
    pub(crate) fn receive_repair(&mut self, seq: u16) -> Placed {
        let Some(highest) = self.highest else {
            return Placed::Old;
        };
        let step = i64::from(seq.wrapping_sub(highest as u16) as i16);
        if step > 0 {
            // The original of the newest was lost and its repair is first.
            return self.receive(seq);
        }
        self.fill(highest.saturating_add_signed(step))
    }

    pub(crate) const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Whether a window of packets is being counted, by which time too is told.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.window, Window::Open { .. })
    }

    /// Counts what comes from now on.
    pub(crate) fn begin(&mut self) {
        self.window = Window::Open {
            begin: self.highest.map(|highest| highest + 1),
        };
        self.received = 0;
        self.duplicates = 0;
        self.before = Counts::default();
    }

    /// The newest is the window's last; what is missing before it may still come.
    pub(crate) fn end(&mut self) {
        if let Window::Open { begin } = self.window {
            self.window = match (begin, self.highest) {
                (Some(begin), Some(end)) if end >= begin => Window::Ending { begin, end },
                _ => Window::Closed,
            };
        }
    }

    /// Of the window so far.
    pub(crate) fn counts(&self) -> Counts {
        let expected = match (self.window, self.highest) {
            (Window::Open { begin: Some(begin) }, Some(highest)) => {
                (highest + 1).saturating_sub(begin)
            }
            (Window::Ending { begin, end }, _) => end + 1 - begin,
            _ => self.received,
        };
        Counts {
            received: self.before.received + self.received,
            lost: self.before.lost + expected.saturating_sub(self.received),
            duplicates: self.duplicates,
        }
    }

    fn fill(&mut self, seq: u64) -> Placed {
        let highest = self.highest.unwrap_or(0);
        if highest.saturating_sub(seq) >= WINDOW {
            return Placed::Old;
        }
        if self.bit(seq) {
            self.duplicates += u64::from(self.is_open());
            return Placed::Duplicate;
        }
        self.mark(seq);
        self.count(seq);
        Placed::Filled { seq }
    }

    fn advance(&mut self, seq: u64) {
        let highest = self.highest.unwrap_or(seq);
        if seq - highest >= WINDOW {
            self.seen = [0; WORDS];
        } else {
            for skipped in highest + 1..seq {
                self.seen[word(skipped)] &= !mask(skipped);
            }
        }
        self.highest = Some(seq);
        self.mark(seq);
    }

    fn count(&mut self, seq: u64) {
        let inside = match &mut self.window {
            Window::Closed => false,
            Window::Open { begin } => seq >= *begin.get_or_insert(seq),
            Window::Ending { begin, end } => (*begin..=*end).contains(&seq),
        };
        self.received += u64::from(inside);
    }

    fn restart(&mut self, seq: u16) -> Placed {
        if self.is_open() {
            self.before = Counts {
                duplicates: 0,
                ..self.counts()
            };
            self.received = 0;
            self.window = Window::Open { begin: None };
        }
        let rollovers = self.highest.map_or(1, |highest| (highest >> 16) + 2);
        let extended = rollovers << 16 | u64::from(seq);
        // Nothing before it is known to have come, nor to be missing.
        self.seen = [u64::MAX; WORDS];
        self.highest = Some(extended);
        self.count(extended);
        Placed::Restart { seq: extended }
    }

    fn bit(&self, seq: u64) -> bool {
        self.seen[word(seq)] & mask(seq) != 0
    }

    fn mark(&mut self, seq: u64) {
        self.seen[word(seq)] |= mask(seq);
    }
}

const fn word(seq: u64) -> usize {
    (seq % WINDOW / 64) as usize
}

const fn mask(seq: u64) -> u64 {
    1 << (seq % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(received: u64, lost: u64, duplicates: u64) -> Counts {
        Counts {
            received,
            lost,
            duplicates,
        }
    }

    #[test]
    fn each_number_of_the_window_came_or_was_lost() {
        let mut account = SequenceAccount::default();
        for seq in 65_000..65_100_u16 {
            account.receive(seq);
        }
        account.begin();
        for seq in (65_100..=65_535).chain(0..100) {
            if seq % 10 != 0 {
                account.receive(seq);
            }
        }
        let gaps = (65_100..=65_535_u16).chain(0..100).filter(|s| s % 10 == 0);
        assert_eq!(account.counts(), counts(536 - 54, 54, 0));
        for seq in gaps {
            assert!(matches!(account.receive_repair(seq), Placed::Filled { .. }));
        }
        account.end();
        account.receive(100);
        assert_eq!(account.counts(), counts(536, 0, 0));
    }

    #[test]
    fn a_gap_at_the_end_may_be_filled_after_it() {
        let mut account = SequenceAccount::default();
        account.begin();
        for seq in [1, 2, 4, 5] {
            account.receive(seq);
        }
        assert_eq!(account.receive(5), Placed::Duplicate);
        account.end();
        account.receive(6);
        assert_eq!(account.counts(), counts(4, 1, 1));
        assert_eq!(account.receive(3), Placed::Filled { seq: 65_539 });
        assert_eq!(account.counts(), counts(5, 0, 1));
    }

    #[test]
    fn a_new_beginning_loses_nothing() {
        let mut account = SequenceAccount::default();
        account.begin();
        for seq in [1, 2, 4, 30_000, 30_001, 30_003] {
            account.receive(seq);
        }
        assert_eq!(account.counts(), counts(6, 2, 0));
        // Before the new beginning nothing is missing.
        assert_eq!(account.receive(29_999), Placed::Duplicate);
    }

    #[test]
    fn what_is_too_old_fills_nothing() {
        let mut account = SequenceAccount::default();
        account.begin();
        account.receive(1);
        account.receive(3);
        for seq in 4..2_000 {
            account.receive(seq);
        }
        assert_eq!(account.receive(2), Placed::Old);
        assert_eq!(account.counts().lost, 1);
    }
}
