//! How busy a worker is, and what follows from it: how far its turns are apart, what
//! Routers leave out, and whether another Call may begin here.
//!
//! Busy is the share of time spent in turns. It counts what the machine takes away as
//! well, for whoever waits for a packet does not care why. Turns come in a rhythm
//! (`pace`), so a worker is near its limit when they touch each other.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::router::Relief;

/// Span over which the share is taken.
const WINDOW: Duration = Duration::from_millis(100);

/// Windows in a row that are above [`HIGH`] when a worker begins to save, or, if it does,
/// leaves out more: long enough for bursts of keyframes to even out and for a stall to pass,
/// short enough to act before the socket buffers, a quarter of a second, are full.
const STRAINED_WINDOWS: u32 = 2;

/// Windows by which it is judged how busy a worker is otherwise, which a stall of one hardly
/// changes.
const MEMORY: u32 = 4;

/// Share of time, in thousandths, above which more is left out.
const HIGH: u32 = 850;

/// Share below which something that was left out comes back, after [`CALM`]. In meetings of
/// 16 a level takes 1.3 times the time; where it takes more than there is, it is tried less often.
const ROOM: u32 = 600;

/// Share below which a worker stops saving: its turns take up to 1.5 times the time then.
const LOW: u32 = 500;

/// How long it must be calm before anything comes back.
const CALM: Duration = Duration::from_secs(5);

/// As long when what came back was too much again and again.
const LONGEST_CALM: Duration = Duration::from_secs(80);

/// How soon after something came back it is to blame for a strain.
const TRIAL: Duration = Duration::from_secs(10);

/// Share above which a worker saves what it can, and takes no further Call when that was not
/// enough: what its Calls do next, people joining and cameras switched on, needs the rest.
const FULL: u32 = 750;

/// Windows above [`FULL`] in a row, while it saves, that make a worker full: until then its
/// usual share is still of before it saved.
const FULL_WINDOWS: u32 = MEMORY;

/// What others may know of a worker. Written once a window, read when a Call begins and
/// by who watches the server.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    busy: AtomicU32,
    full: AtomicBool,
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
        self.full.load(Ordering::Relaxed)
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

    pub(super) fn write(&self, meter: &LoadMeter) {
        self.busy.store(meter.busy(), Ordering::Relaxed);
        self.full.store(meter.is_full(), Ordering::Relaxed);
        let relief = meter.relief.level().into();
        self.relief.store(relief, Ordering::Relaxed);
        let recovery = meter.recovery().as_millis() as u32;
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
    /// Windows in a row of which saving did not bring the usual share below [`FULL`].
    full: u32,
    relief: Relief,
    /// How long it must be calm before the next level comes back.
    patience: Duration,
    /// When the last level came back that has yet to prove bearable.
    restored: Option<Instant>,
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
            full: 0,
            relief: Relief::NONE,
            patience: CALM,
            restored: None,
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

    /// Whether no further Call may begin here.
    const fn is_full(&self) -> bool {
        self.full >= FULL_WINDOWS || self.relief.level() > 0
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
        let Some(further) = self.relief.level().checked_sub(1) else {
            return Duration::ZERO;
        };
        let calm = self
            .calm_since
            .map(|since| self.since.saturating_duration_since(since));
        // The calm begins with a window's end, and is seen to be over at another's.
        let next = self.patience + WINDOW;
        let whole = next + (CALM + WINDOW) * u32::from(further);
        // One that has begun was seen at a window's end already.
        whole.saturating_sub(calm.map_or(Duration::ZERO, |calm| calm + WINDOW))
    }

    fn judge(&mut self, now: Instant, busy: u32) {
        self.usual = (self.usual * (MEMORY - 1) + busy) / MEMORY;
        self.strained = if busy >= HIGH { self.strained + 1 } else { 0 };
        if self.strained == STRAINED_WINDOWS {
            self.strained = 0;
            self.strain();
        }
        let above = self.usual >= FULL;
        self.full = if self.frugal && above {
            self.full + 1
        } else {
            0
        };
        self.frugal |= above;
        self.settle(now);
    }

    /// Saves; leaves out more if it does so already.
    fn strain(&mut self) {
        if !self.frugal {
            self.frugal = true;
            return;
        }
        self.relief = self.relief.more();
        if self.restored.take().is_some() {
            self.patience = (self.patience * 2).min(LONGEST_CALM);
        }
    }

    /// What becomes of a calm.
    fn settle(&mut self, now: Instant) {
        let passed = |since: Instant| now.saturating_duration_since(since);
        if self.restored.is_some_and(|at| passed(at) >= TRIAL) {
            self.restored = None;
            self.patience = CALM;
        }
        let saves_alone = self.relief == Relief::NONE;
        if self.usual >= if saves_alone { LOW } else { ROOM } {
            self.calm_since = None;
            return;
        }
        let since = *self.calm_since.get_or_insert(now);
        if saves_alone && passed(since) >= CALM {
            self.frugal = false;
        } else if !saves_alone && passed(since) >= self.patience {
            self.relief = self.relief.less();
            self.restored = Some(now);
            self.calm_since = None;
        }
    }
}

#[cfg(test)]
impl Gauges {
    /// As a worker writes whose room for another Call is so far away.
    pub(super) fn pretend(&self, busy: u32, room_in: Duration) {
        self.busy.store(busy, Ordering::Relaxed);
        self.full.store(room_in > Duration::ZERO, Ordering::Relaxed);
        let recovery = room_in.as_millis() as u32;
        self.recovery.store(recovery, Ordering::Relaxed);
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
    fn a_stall_leaves_nothing_out() {
        let mut now = Instant::now();
        let mut meter = LoadMeter::new(now);
        for (busy, frugal) in [
            (300, false),
            (990, false),
            (300, false),
            (990, false),
            (840, false),
            (990, false),
            (990, true),
            (990, true),
        ] {
            judge(&mut meter, &mut now, busy, 1);
            let got = (meter.is_frugal(), meter.relief);
            assert_eq!(got, (frugal, Relief::NONE), "{busy}");
        }
        judge(&mut meter, &mut now, 990, 1);
        assert_eq!(meter.relief, Relief::NONE.more());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn what_was_too_much_is_tried_less_and_less_often() {
        let mut now = Instant::now();
        let mut meter = LoadMeter::new(now);
        judge(&mut meter, &mut now, 990, STRAINED_WINDOWS * 2);
        assert_eq!(meter.relief.level(), 1);
        // Less than `ROOM` with a level left out, and too much without it.
        let mut pause = || {
            let begun = now;
            while meter.relief.level() == 1 {
                judge(&mut meter, &mut now, 580, 1);
            }
            let restored = now;
            while meter.relief.level() == 0 {
                judge(&mut meter, &mut now, 990, 1);
            }
            assert!(now - restored <= WINDOW * (STRAINED_WINDOWS + 1));
            (restored - begun).as_secs()
        };
        let pauses: Vec<u64> = (0..6).map(|_| pause()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 80]);
        // Once it bears what came back, the next is tried as soon as the first was.
        judge(&mut meter, &mut now, 580, 810);
        assert_eq!(meter.relief.level(), 0);
        judge(&mut meter, &mut now, 580, 100);
        judge(&mut meter, &mut now, 990, STRAINED_WINDOWS);
        judge(&mut meter, &mut now, 580, 60);
        assert_eq!(meter.relief.level(), 0);
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
            (990, 7, true, 2),
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
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_worker_that_is_full_although_it_saves_takes_no_further_call() {
        let gauges = Gauges::default();
        let mut now = Instant::now();
        let mut meter = LoadMeter::new(now);
        for (busy, windows, saves, room_in) in [
            (740, 20, false, Duration::ZERO),
            // It has only begun to save.
            (800, 1, true, Duration::ZERO),
            (800, FULL_WINDOWS - 1, true, Duration::ZERO),
            // That was enough, and then it is not.
            (600, 2, true, Duration::ZERO),
            (820, FULL_WINDOWS, true, Duration::ZERO),
            (820, 2, true, WINDOW),
            (600, 2, true, Duration::ZERO),
            // Something is left out, and what is left takes little.
            (990, 2, true, CALM + WINDOW),
            (300, 4, true, CALM),
        ] {
            judge(&mut meter, &mut now, busy, windows);
            gauges.write(&meter);
            let got = (meter.is_frugal(), gauges.room_in());
            assert_eq!(got, (saves, room_in), "{busy} for {windows}");
            assert_eq!(gauges.is_full(), room_in > Duration::ZERO, "{busy}");
        }
    }
}
