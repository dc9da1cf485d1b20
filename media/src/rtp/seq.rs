//! Extends 16-bit sequence numbers by their rollovers and tells a jump of the
//! sender from a stray packet (RFC 3550 appendix A.1).

use crate::ids::SeqNo;

/// A step forward of at most this is loss; beyond it the sender may have started
/// anew (RFC 3550 A.1, MAX_DROPOUT).
const MAX_DROPOUT: u64 = 3000;
/// A step back of at most this is reordering or a repair. More than RFC 3550's 100,
/// because retransmissions of a fast Encoding come hundreds of packets late.
const MAX_MISORDER: u64 = 2000;

/// Where a packet stands in its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Newest so far; `gap` numbers before it are missing.
    Newest { seq: SeqNo, gap: u64 },
    /// Older than the newest.
    Late { seq: SeqNo },
    /// The sender started anew: nothing before relates to it.
    Restart { seq: SeqNo },
    /// Too far off, and its successor was not seen yet: dropped.
    Stray,
}

/// Extends the sequence numbers of one source.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequencer {
    newest: Option<SeqNo>,
    /// What would follow the last stray packet, making both a restart.
    probation: Option<u16>,
}

impl Sequencer {
    pub fn newest(&self) -> Option<SeqNo> {
        self.newest
    }

    /// Places `seq` and advances when it is the newest.
    pub fn place(&mut self, seq: u16) -> Position {
        let Some(newest) = self.newest else {
            return self.restart(SeqNo(u64::from(seq) + (1 << 16)));
        };
        let extended = newest.nearest(seq);
        if extended > newest {
            let gap = extended.0 - newest.0 - 1;
            if gap < MAX_DROPOUT {
                self.newest = Some(extended);
                self.probation = None;
                return Position::Newest { seq: extended, gap };
            }
        } else if newest.0 - extended.0 <= MAX_MISORDER {
            return Position::Late { seq: extended };
        }
        if self.probation == Some(seq) {
            return self.restart(SeqNo((u64::from(newest.roc()) + 2) << 16 | u64::from(seq)));
        }
        self.probation = Some(seq.wrapping_add(1));
        Position::Stray
    }

    /// The place of a packet that cannot advance the sequence: a retransmission.
    pub fn place_repair(&self, seq: u16) -> Option<SeqNo> {
        let newest = self.newest?;
        let extended = newest.nearest(seq);
        (extended <= newest && newest.0 - extended.0 <= MAX_MISORDER).then_some(extended)
    }

    fn restart(&mut self, extended: SeqNo) -> Position {
        self.newest = Some(extended);
        self.probation = None;
        Position::Restart { seq: extended }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_loss_wrap_and_restart_are_told_apart() {
        let base = 1 << 16;
        let cases = [
            (
                65_534,
                Position::Restart {
                    seq: SeqNo(base + 65_534),
                },
            ),
            (
                65_535,
                Position::Newest {
                    seq: SeqNo(base + 65_535),
                    gap: 0,
                },
            ),
            (
                2,
                Position::Newest {
                    seq: SeqNo(2 * base + 2),
                    gap: 2,
                },
            ),
            (
                65_535,
                Position::Late {
                    seq: SeqNo(base + 65_535),
                },
            ),
            (
                1,
                Position::Late {
                    seq: SeqNo(2 * base + 1),
                },
            ),
            (30_000, Position::Stray),
            (
                3,
                Position::Newest {
                    seq: SeqNo(2 * base + 3),
                    gap: 0,
                },
            ),
            (30_000, Position::Stray),
            (
                30_001,
                Position::Restart {
                    seq: SeqNo(4 * base + 30_001),
                },
            ),
            (
                30_002,
                Position::Newest {
                    seq: SeqNo(4 * base + 30_002),
                    gap: 0,
                },
            ),
        ];
        let mut sequencer = Sequencer::default();
        for (seq, want) in cases {
            assert_eq!(sequencer.place(seq), want, "{seq}");
        }
    }

    #[test]
    fn repairs_never_advance() {
        let mut sequencer = Sequencer::default();
        assert_eq!(sequencer.place_repair(5), None);
        sequencer.place(10);
        assert_eq!(sequencer.place_repair(9), Some(SeqNo(65_536 + 9)));
        assert_eq!(sequencer.place_repair(11), None);
        assert_eq!(sequencer.place_repair(40_000), None);
    }
}
