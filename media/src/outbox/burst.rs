//! Sealed datagrams, ready for one or two system calls.

use std::ops::Range;

use crate::limits::{MAX_SEGMENTED_BYTES, MAX_SEGMENTS};
use crate::transport::Path;

/// Bytes of one burst: what was just sealed is still in the second-level cache when
/// the kernel copies it, and one destination's share of a turn fits in several times.
const BURST_BYTES: usize = 128 << 10;

/// One send: `bytes` cut into datagrams of `segment_size`, the last may be shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit<'a> {
    pub path: Path,
    pub segment_size: usize,
    pub bytes: &'a [u8],
}

impl<'a> Transmit<'a> {
    pub fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.bytes.chunks(self.segment_size)
    }
}

/// What the kernel takes as one message: equal sizes to one address, except for a
/// shorter last one.
#[derive(Debug)]
struct Run {
    path: Path,
    bytes: Range<usize>,
    segment_size: usize,
    segments: usize,
    /// Ended by a shorter datagram.
    complete: bool,
}

impl Run {
    fn takes(&self, path: Path, size: usize) -> bool {
        !self.complete
            && self.path == path
            && size <= self.segment_size
            && self.segments < MAX_SEGMENTS
            && self.bytes.len() + size <= MAX_SEGMENTED_BYTES
    }
}

/// See the module. Its memory is used again for the next burst.
#[derive(Debug, Default)]
pub struct Burst {
    bytes: Vec<u8>,
    used: usize,
    runs: Vec<Run>,
}

impl Burst {
    pub fn runs(&self) -> impl Iterator<Item = Transmit<'_>> {
        self.runs.iter().map(|run| Transmit {
            path: run.path,
            segment_size: run.segment_size,
            bytes: &self.bytes[run.bytes.clone()],
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.runs.clear();
    }

    /// Whether a datagram of `size` bytes must wait for the next burst.
    pub(super) fn is_full(&self, size: usize) -> bool {
        self.used + size > BURST_BYTES && self.used > 0
    }

    /// Adds one datagram. `write` gets `room` bytes and answers how many of them are
    /// the datagram, or `None` to send nothing. Whether the datagram begins a run.
    pub(super) fn push(
        &mut self,
        path: Path,
        room: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool {
        let start = self.used;
        if self.bytes.len() < start + room {
            self.bytes.resize((start + room).max(BURST_BYTES), 0);
        }
        let size = write(&mut self.bytes[start..start + room])
            .unwrap_or(0)
            .min(room);
        if size == 0 {
            return false;
        }
        self.used = start + size;
        if let Some(run) = self.runs.last_mut()
            && run.takes(path, size)
        {
            run.bytes.end = self.used;
            run.segments += 1;
            run.complete = size < run.segment_size;
            return false;
        }
        self.runs.push(Run {
            path,
            bytes: start..self.used,
            segment_size: size,
            segments: 1,
            complete: false,
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path {
            local: ([127, 0, 0, 1], 3478).into(),
            remote: ([127, 0, 0, 1], port).into(),
        }
    }

    #[test]
    fn equal_sizes_form_a_run_that_a_shorter_one_ends() {
        let cases: [(&[usize], &[usize]); 6] = [
            (&[100, 100, 100], &[3]),
            (&[100, 100, 50, 50], &[3, 1]),
            (&[50, 100], &[1, 1]),
            (&[100, 50, 100], &[2, 1]),
            (&[1200; 80], &[54, 26]),
            (&[100; 80], &[64, 16]),
        ];
        for (sizes, want) in cases {
            let mut burst = Burst::default();
            for size in sizes {
                burst.push(path(1), *size, |_| Some(*size));
            }
            let counts: Vec<_> = burst.runs().map(|run| run.datagrams().count()).collect();
            assert_eq!(counts, want, "{sizes:?}");
        }
    }

    #[test]
    fn another_address_begins_a_run() {
        let mut burst = Burst::default();
        let begins = [1, 1, 2, 1].map(|port| burst.push(path(port), 10, |_| Some(10)));
        assert_eq!(begins, [true, false, true, true]);
    }

    #[test]
    fn what_is_not_written_is_not_sent_and_takes_no_room() {
        let mut burst = Burst::default();
        assert!(!burst.push(path(1), 100, |_| None));
        assert!(burst.is_empty());
        assert_eq!(burst.used, 0);
    }

    #[test]
    fn a_burst_takes_at_least_one_datagram_whatever_its_size() {
        let mut burst = Burst::default();
        assert!(!burst.is_full(BURST_BYTES + 1));
        burst.push(path(1), 1, |_| Some(1));
        assert!(burst.is_full(BURST_BYTES));
        assert!(!burst.is_full(BURST_BYTES - 1));
    }
}
