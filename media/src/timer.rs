//! Deadlines of everything that an [`Sfu`](crate::sfu::Sfu) owns.
//!
//! Nearly every packet moves some deadline, nearly always later (consent is
//! renewed, a report was just sent). So a deadline that moves later only changes
//! its table entry; the queue is corrected when the old entry comes up. Asking
//! for the next deadline is then a look at the top of a heap, whatever the number
//! of Routers, at the price of an occasional early wake-up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// What a deadline belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Handshake retransmission and consent of the Participant at this index.
    Transport(u32),
    /// Feedback, reports and speakers of the Router at this index.
    Router(u32),
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    deadline: Option<Instant>,
    /// Earliest queue entry of this timer.
    queued: Option<Instant>,
}

#[derive(Debug, Default)]
pub struct TimerTable {
    transports: Vec<Entry>,
    routers: Vec<Entry>,
    queue: BinaryHeap<Reverse<(Instant, Timer)>>,
}

impl TimerTable {
    /// Replaces the deadline of `timer`; `None` stops it.
    pub fn set(&mut self, timer: Timer, deadline: Option<Instant>) {
        let entry = self.entry(timer);
        entry.deadline = deadline;
        let Some(at) = deadline else { return };
        if entry.queued.is_none_or(|queued| at < queued) {
            entry.queued = Some(at);
            self.queue.push(Reverse((at, timer)));
        }
    }

    /// No later than the earliest deadline; sometimes earlier.
    pub fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one timer that is due; its deadline is then unset.
    pub fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        while let Some(&Reverse((at, timer))) = self.queue.peek() {
            if at > now {
                return None;
            }
            self.queue.pop();
            let entry = self.entry(timer);
            if entry.queued != Some(at) {
                // An earlier entry of this timer has come up already.
                continue;
            }
            entry.queued = None;
            match entry.deadline {
                Some(deadline) if deadline <= now => {
                    entry.deadline = None;
                    return Some(timer);
                }
                later => self.set(timer, later),
            }
        }
        None
    }

    fn entry(&mut self, timer: Timer) -> &mut Entry {
        let (table, index) = match timer {
            Timer::Transport(index) => (&mut self.transports, index as usize),
            Timer::Router(index) => (&mut self.routers, index as usize),
        };
        if index >= table.len() {
            table.resize(index + 1, Entry::default());
        }
        &mut table[index]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn anchor() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "an arbitrary origin")]
        Instant::now()
    }

    fn ms(origin: Instant, ms: u64) -> Instant {
        origin + Duration::from_millis(ms)
    }

    #[test]
    fn a_deadline_that_moved_later_does_not_fire_early() {
        let t0 = anchor();
        let mut table = TimerTable::default();
        table.set(Timer::Router(3), Some(ms(t0, 10)));
        table.set(Timer::Router(3), Some(ms(t0, 30)));
        assert_eq!(table.pop_due(ms(t0, 20)), None);
        assert_eq!(table.next(), Some(ms(t0, 30)));
        assert_eq!(table.pop_due(ms(t0, 30)), Some(Timer::Router(3)));
        assert_eq!(table.pop_due(ms(t0, 99)), None);
    }

    proptest! {
        /// Against a plain map: the same timers are due at the same times.
        #[test]
        fn agrees_with_a_map(ops in prop::collection::vec((0_u32..6, 0_u64..50, 0_u8..4), 1..200)) {
            let t0 = anchor();
            let mut table = TimerTable::default();
            let mut model = std::collections::BTreeMap::new();
            let mut now = 0;
            for (index, delay, what) in ops {
                let timer = if index % 2 == 0 { Timer::Router(index / 2) } else { Timer::Transport(index / 2) };
                match what {
                    0 => {
                        now += delay;
                        let mut due = Vec::new();
                        while let Some(timer) = table.pop_due(ms(t0, now)) {
                            due.push(timer);
                        }
                        due.sort();
                        let want: Vec<_> =
                            model.iter().filter(|&(_, &at)| at <= now).map(|(&t, _)| t).collect();
                        model.retain(|_, at| *at > now);
                        prop_assert_eq!(due, want);
                    }
                    1 => {
                        table.set(timer, None);
                        model.remove(&timer);
                    }
                    _ => {
                        table.set(timer, Some(ms(t0, now + delay)));
                        model.insert(timer, now + delay);
                    }
                }
                let earliest = model.values().min().map(|&at| ms(t0, at));
                if let Some(earliest) = earliest {
                    prop_assert!(table.next().is_some_and(|next| next <= earliest));
                }
            }
        }
    }
}
