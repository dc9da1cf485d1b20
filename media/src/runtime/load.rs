//! How busy a worker is, and what follows from it: how far its turns are apart, what
//! Routers leave out, and whether another Call may begin here.
//!
//! Busy is the share of time spent in turns. It counts what the machine takes away as
//! well, for whoever waits for a packet does not care why. Turns come in a rhythm
//! (`pace`), so a worker is near its limit when they touch each other.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::router::Relief;

/// Span over which the share is taken.
const WINDOW: Duration = Duration::from_millis(100);

/// Windows in a row that are above [`HIGH`] when more is left out: long enough for bursts of
/// keyframes to even out and for a stall to pass, short enough to act before the socket
/// buffers, a quarter of a second, are full.
const STRAINED_WINDOWS: u32 = 2;

/// Windows by which it is judged how busy a worker is otherwise: a stall makes it neither
/// full nor frugal.
const MEMORY: u32 = 4;

/// Share of time, in thousandths, above which more is left out.
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
/// joining and cameras switched on, needs the rest. Before that, it saves what it can.
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
    /// Share of time, in thousandths, over about [`MEMORY`] windows.
    usual: u32,
    /// Windows above [`HIGH`] in a row since something was left out.
    strained: u32,
    frugal: bool,
    relief: Relief,
}

impl LoadMeter {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            spent: Duration::ZERO,
            calm_since: None,
            usual: 0,
            strained: 0,
            frugal: false,
            relief: Relief::NONE,
        }
    }

    /// Share of time, in thousandths, of late.
    pub(super) const fn busy(&self) -> u32 {
        self.usual
    }

    /// Whether time is so dear that packets should wait for each other longer.
    pub(super) const fn is_frugal(&self) -> bool {
        self.frugal
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
        self.usual = (self.usual * (MEMORY - 1) + busy) / MEMORY;
        self.frugal |= self.usual >= FULL;
        self.strained = if busy >= HIGH { self.strained + 1 } else { 0 };
        if self.strained == STRAINED_WINDOWS {
            self.strained = 0;
            self.relief = self.relief.more();
        }
        if self.usual >= LOW {
            self.calm_since = None;
            return;
        }
        let since = *self.calm_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= CALM {
            self.frugal = self.relief != Relief::NONE;
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
        assert_eq!(pass(&mut meter, &mut now, 700, second), [0; 9]);
        let shed = pass(&mut meter, &mut now, 990, second * 2);
        assert!(shed.is_sorted() && *shed.last().unwrap() == Relief::MOST.level());
        let between = pass(&mut meter, &mut now, 700, second * 20);
        assert!(between.iter().all(|level| *level == Relief::MOST.level()));
        let back = pass(&mut meter, &mut now, 300, second * 60);
        assert!(back.is_sorted_by(|a, b| a >= b) && *back.last().unwrap() == 0);
        let first = back.iter().position(|level| *level < Relief::MOST.level());
        assert!(
            first.is_some_and(|at| WINDOW * at as u32 >= CALM - WINDOW),
            "{first:?}"
        );
    }

    /// Whole windows of `busy` thousandths.
    fn judge(meter: &mut LoadMeter, now: &mut Instant, busy: u32, windows: u32) {
        for _ in 0..windows {
            *now += WINDOW;
            meter.judge(*now, busy);
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_stall_of_one_window_leaves_nothing_out() {
        let mut now = Instant::now();
        let mut meter = LoadMeter::new(now);
        for busy in [300, 990, 300, 990, 840, 990] {
            judge(&mut meter, &mut now, busy, 1);
            assert_eq!(meter.relief, Relief::NONE, "{busy}");
        }
        judge(&mut meter, &mut now, 990, 1);
        assert_eq!(meter.relief, Relief::NONE.more());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn it_saves_before_anything_is_left_out_and_until_all_is_back() {
        let mut now = Instant::now();
        let mut meter = LoadMeter::new(now);
        // Thousandths, for how many windows, whether it saves then and what is left out.
        for (busy, windows, frugal, relief) in [
            (700, 10, false, 0),
            (990, 1, false, 0),
            (800, 10, true, 0),
            (600, 100, true, 0),
            (400, 55, false, 0),
            (990, 5, true, 2),
            (400, 57, true, 1),
            (400, 51, true, 0),
            (400, 51, false, 0),
        ] {
            judge(&mut meter, &mut now, busy, windows);
            let got = (meter.is_frugal(), meter.relief.level());
            assert_eq!(got, (frugal, relief), "{busy} for {windows}");
        }
    }

    /// What is said of the recovery is neither less than it takes nor much more.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn the_recovery_takes_as_long_as_it_says() {
        for level in 1..=Relief::MOST.level() {
            let mut now = Instant::now();
            let mut meter = LoadMeter::new(now);
            assert_eq!(meter.recovery(), Duration::ZERO);
            meter.relief = (0..level).fold(Relief::NONE, |relief, _| relief.more());
            let (begun, said) = (now, meter.recovery());
            assert!(said >= CALM * u32::from(level), "{level}: {said:?}");
            let mut before = said;
            while meter.relief != Relief::NONE {
                pass(&mut meter, &mut now, 100, WINDOW);
                // It only comes nearer, by as much as time passes.
                let left = meter.recovery();
                assert!(left <= before, "{level}: {left:?} after {before:?}");
                before = left;
            }
            let took = now - begun;
            assert!(
                said.abs_diff(took) <= WINDOW * 2,
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
