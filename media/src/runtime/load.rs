//! How busy a worker is, and what follows from it: what Routers leave out, and whether
//! another Call may begin here.
//!
//! Busy is the share of time spent in turns. It counts what the machine takes away as
//! well, for whoever waits for a packet does not care why. Turns come in a rhythm
//! (`pace`), so a worker is near its limit when they touch each other.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::router::Relief;

/// Span over which the share is taken: long enough for bursts of keyframes to even
/// out, short enough to act before the socket buffers, a quarter of a second, are full.
const WINDOW: Duration = Duration::from_millis(200);

/// Share of time, in thousandths, above which more is left out at each window.
const HIGH: u32 = 850;

/// Share below which what was left out comes back, after [`CALM`]: low enough that what
/// comes back does not exceed [`HIGH`] at once.
const LOW: u32 = 500;

/// How long it must be calm before anything comes back.
const CALM: Duration = Duration::from_secs(5);

/// Shortest time in which one level comes back: the calm begins with a window's end, and
/// is seen to be over at another's.
const LEVEL_BACK: Duration = CALM.saturating_add(WINDOW);

/// Share above which a worker takes no further Call: what its Calls do next, people
/// joining and cameras switched on, needs the rest.
const FULL: u32 = 750;

/// What others may know of a worker. Written once a window, read when a Call begins and
/// by who watches the server.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    busy: AtomicU32,
    relief: AtomicU32,
    /// Milliseconds until nothing is left out any more, at the earliest.
    recovery: AtomicU32,
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) dropped: AtomicU64,
}

/// A worker at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WorkerLoad {
    /// Share of time spent working, 0 to 1.
    pub busy: f64,
    /// What is left out ([`Relief::level`]).
    pub relief: u8,
    /// Datagrams since the start.
    pub received: u64,
    pub sent: u64,
    /// Datagrams that sending dropped: full buffers, refused addresses.
    pub dropped: u64,
}

impl Gauges {
    pub(super) fn busy(&self) -> u32 {
        self.busy.load(Ordering::Relaxed)
    }

    pub(super) fn is_full(&self) -> bool {
        self.busy() >= FULL || self.relief.load(Ordering::Relaxed) > 0
    }

    /// Until another Call may be taken, at the earliest.
    pub(super) fn room_in(&self) -> Duration {
        let recovery = Duration::from_millis(self.recovery.load(Ordering::Relaxed).into());
        match self.is_full() {
            true => recovery.max(WINDOW),
            false => Duration::ZERO,
        }
    }

    pub(super) fn read(&self) -> WorkerLoad {
        WorkerLoad {
            busy: f64::from(self.busy()) / 1000.0,
            relief: self.relief.load(Ordering::Relaxed) as u8,
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }

    pub(super) fn write(&self, busy: u32, relief: Relief, recovery: Duration) {
        self.busy.store(busy, Ordering::Relaxed);
        self.relief.store(relief.level().into(), Ordering::Relaxed);
        let recovery = recovery.as_millis() as u32;
        self.recovery.store(recovery, Ordering::Relaxed);
    }
}

/// Measures one worker.
#[derive(Debug)]
pub(super) struct LoadMeter {
    since: Instant,
    spent: Duration,
    calm_since: Option<Instant>,
    relief: Relief,
}

impl LoadMeter {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            spent: Duration::ZERO,
            calm_since: None,
            relief: Relief::NONE,
        }
    }

    /// A turn went from `begun` to `ended`. At the end of a window, the share of it
    /// that was spent, in thousandths, and what to leave out from now on.
    pub(super) fn turn(&mut self, begun: Instant, ended: Instant) -> Option<(u32, Relief)> {
        self.spent += ended.saturating_duration_since(begun);
        let window = ended.saturating_duration_since(self.since);
        if window < WINDOW {
            return None;
        }
        let busy = (self.spent.as_micros() * 1000 / window.as_micros()) as u32;
        self.since = ended;
        self.spent = Duration::ZERO;
        self.judge(ended, busy);
        Some((busy, self.relief))
    }

    /// From the last window's end until nothing is left out any more, at the earliest.
    pub(super) fn recovery(&self) -> Duration {
        let calm = self
            .calm_since
            .map(|since| self.since.saturating_duration_since(since));
        let whole = LEVEL_BACK * u32::from(self.relief.level());
        // A calm that has begun was seen at a window's end already.
        whole.saturating_sub(calm.map_or(Duration::ZERO, |calm| calm + WINDOW))
    }

    fn judge(&mut self, now: Instant, busy: u32) {
        if busy >= HIGH {
            self.relief = self.relief.more();
        }
        if busy >= LOW {
            self.calm_since = None;
            return;
        }
        let since = *self.calm_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= CALM {
            self.relief = self.relief.less();
            self.calm_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes through windows of `busy` thousandths for `time`; the relief after each.
    fn pass(meter: &mut LoadMeter, now: &mut Instant, busy: u32, time: Duration) -> Vec<u8> {
        let end = *now + time;
        let mut reliefs = Vec::new();
        while *now < end {
            let begun = *now;
            *now += Duration::from_millis(1);
            let spent = Duration::from_micros(u64::from(busy));
            if let Some((measured, relief)) = meter.turn(begun, begun + spent) {
                // The first window began before.
                let whole = !reliefs.is_empty();
                assert!(
                    !whole || measured.abs_diff(busy) < 20,
                    "{measured} for {busy}"
                );
                reliefs.push(relief.level());
            }
        }
        reliefs
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn load_sheds_at_once_and_calm_brings_back_step_by_step() {
        let mut now = Instant::now();
        let mut meter = LoadMeter::new(now);
        let second = Duration::from_secs(1);
        assert_eq!(pass(&mut meter, &mut now, 700, second), [0; 4]);
        let shed = pass(&mut meter, &mut now, 990, second * 2);
        assert!(shed.is_sorted() && *shed.last().unwrap() == Relief::MOST.level());
        let between = pass(&mut meter, &mut now, 700, second * 20);
        assert!(between.iter().all(|level| *level == Relief::MOST.level()));
        let back = pass(&mut meter, &mut now, 300, second * 60);
        assert!(back.is_sorted_by(|a, b| a >= b) && *back.last().unwrap() == 0);
        let first = back.iter().position(|level| *level < Relief::MOST.level());
        assert!(first.is_some_and(|at| at as u32 * 200 >= 4800), "{first:?}");
    }

    /// What is said of the recovery is neither less than it takes nor much more.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn the_recovery_takes_as_long_as_it_says() {
        let window = Duration::from_millis(200);
        for level in 1..=Relief::MOST.level() {
            let mut now = Instant::now();
            let mut meter = LoadMeter::new(now);
            assert_eq!(meter.recovery(), Duration::ZERO);
            meter.relief = (0..level).fold(Relief::NONE, |relief, _| relief.more());
            let (begun, said) = (now, meter.recovery());
            assert!(said >= CALM * u32::from(level), "{level}: {said:?}");
            let mut before = said;
            while meter.relief != Relief::NONE {
                pass(&mut meter, &mut now, 100, window);
                // It only comes nearer, by as much as time passes.
                let left = meter.recovery();
                assert!(left <= before, "{level}: {left:?} after {before:?}");
                before = left;
            }
            let took = now - begun;
            assert!(
                said.abs_diff(took) <= window * 2,
                "{level}: {said:?}, took {took:?}"
            );
        }
    }

    #[test]
    fn a_full_worker_takes_no_further_call() {
        let gauges = Gauges::default();
        let (none, some) = (Duration::ZERO, Duration::from_secs(9));
        for (busy, relief, recovery, room_in) in [
            (0, Relief::NONE, none, none),
            (740, Relief::NONE, none, none),
            (760, Relief::NONE, none, WINDOW),
            (100, Relief::NONE.more(), some, some),
            (990, Relief::NONE.more(), some, some),
        ] {
            gauges.write(busy, relief, recovery);
            assert_eq!(gauges.room_in(), room_in, "{busy} {relief:?}");
            assert_eq!(gauges.is_full(), room_in > none, "{busy} {relief:?}");
        }
    }
}
