//! What a receiver says of what it gets: reports, NACKs, wishes for a keyframe, and
//! transport-wide arrival times where the server asked for them.

use std::time::Duration;

use convoke_media::ids::Ssrc;
use convoke_media::rtp::rtcp::RtcpWriter;
use convoke_media::rtp::rtcp::report::ReportBlock;
use convoke_media::rtp::rtcp::twcc::{Feedback as Arrivals, MAX_STATUSES, TICKS_PER_SECOND};

use crate::clock::Nanos;

use super::slot::{Slot, Slots};
use super::tally::Tally;

pub(super) const NACK_TICK: Duration = Duration::from_millis(10);
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(1);
const TWCC_INTERVAL: Duration = Duration::from_millis(100);

/// The one stream that a receiver's RTCP is from, as browsers' is.
pub(super) const OWN: Ssrc = Ssrc(1);

/// When which is due.
#[derive(Debug)]
pub(super) struct Feedback {
    pub(super) next_nack: Nanos,
    pub(super) next_report: Nanos,
    pub(super) arrivals: TransportArrivals,
    due: Vec<u16>,
}

impl Feedback {
    pub(super) fn new() -> Self {
        Self {
            next_nack: Nanos::MAX,
            next_report: Nanos::MAX,
            arrivals: TransportArrivals::default(),
            due: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, now: Nanos, phase: Duration) {
        self.next_nack = now.after(NACK_TICK + phase);
        self.next_report = now.after(REPORT_INTERVAL + phase);
    }

    pub(super) fn next(&self) -> Nanos {
        let arrivals = self.arrivals.due.unwrap_or(Nanos::MAX);
        self.next_nack.min(self.next_report).min(arrivals)
    }

    /// NACKs and keyframe requests that are due.
    pub(super) fn complain(
        &mut self,
        slots: &mut Slots,
        now: Nanos,
        tally: &mut Tally,
        compound: &mut RtcpWriter,
    ) {
        for slot in &mut slots.all {
            let Some(ssrc) = slot.ssrc else { continue };
            if slot.is_missing_any() {
                slot.due_nacks(now, &mut self.due);
                if !self.due.is_empty() {
                    compound.nack(OWN, ssrc, &self.due);
                }
            }
            if slot.wants_picture(now) {
                tally.keyframes_wanted += 1;
                compound.pli(OWN, ssrc);
            }
        }
    }
}

/// Receiver reports of Slots from `from` on; where the next message continues.
pub(super) fn report(
    slots: &[Slot],
    from: usize,
    now: Nanos,
    compound: &mut RtcpWriter,
) -> Option<usize> {
    /// What a report's five-bit count can say, less so that the compound fits.
    const BLOCKS: usize = 24;
    let mut blocks = Vec::with_capacity(BLOCKS);
    let mut at = from;
    while at < slots.len() && blocks.len() < BLOCKS {
        let slot = &slots[at];
        at += 1;
        let (Some(ssrc), Some(highest)) = (slot.ssrc, slot.account.highest()) else {
            continue;
        };
        let (last_sr, delay) = slot.sender_report.map_or((0, 0), |(middle, came)| {
            let delay = now.since(came).as_secs_f64() * 65_536.0;
            (middle, delay as u32)
        });
        blocks.push(ReportBlock {
            ssrc,
            fraction_lost: 0,
            lost: slot.account.counts().lost.min(0x7f_ffff) as i32,
            highest_seq: highest as u32,
            jitter: 0,
            last_sr,
            delay,
        });
    }
    if !blocks.is_empty() {
        compound.receiver_report(OWN, &blocks);
    }
    (at < slots.len()).then_some(at)
}

/// Arrival times for transport-wide feedback.
#[derive(Debug, Default)]
pub(super) struct TransportArrivals {
    /// Consecutive from `base` on.
    times: Vec<Option<i64>>,
    base: u16,
    count: u8,
    due: Option<Nanos>,
}

impl TransportArrivals {
    pub(super) fn note(&mut self, seq: u16, arrived: Nanos) {
        let tick = (u128::from(arrived.0) * TICKS_PER_SECOND as u128 / 1_000_000_000) as i64;
        if self.times.is_empty() {
            self.base = seq;
            self.due = Some(arrived.after(TWCC_INTERVAL));
        }
        let at = usize::from(seq.wrapping_sub(self.base));
        // Reordered before the base, or a jump: no estimator misses it.
        if at >= 4 * MAX_STATUSES {
            return;
        }
        if at >= self.times.len() {
            self.times.resize(at + 1, None);
        }
        self.times[at] = Some(tick);
    }

    pub(super) fn is_due(&self, now: Nanos) -> bool {
        self.due.is_some_and(|due| now >= due) || self.times.len() >= MAX_STATUSES
    }

    /// One message; whether there is more to say.
    pub(super) fn write(&mut self, media: Ssrc, compound: &mut RtcpWriter) -> bool {
        let taken = compound.transport_feedback(&Arrivals {
            sender: OWN,
            media,
            base: self.base,
            count: self.count,
            arrivals: &self.times,
        });
        self.count = self.count.wrapping_add(1);
        let next = self.times[taken..].iter().position(Option::is_some);
        match next {
            Some(skipped) if taken > 0 => {
                self.times.drain(..taken + skipped);
                self.base = self.base.wrapping_add((taken + skipped) as u16);
                true
            }
            _ => {
                self.times.clear();
                self.due = None;
                false
            }
        }
    }
}
