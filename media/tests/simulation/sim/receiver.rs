//! A receive Slot: collects what arrives, asks for what does not, and judges the
//! whole afterwards.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use convoke_media::control::MediaKind;

use super::tag::{Origin, Tag};
use super::wire::{Rtp, Vp8};

/// A packet is called lost when it is this late behind a later one.
const REORDER_TOLERANCE: Duration = Duration::from_millis(15);
const NACK_INTERVAL: Duration = Duration::from_millis(50);
const NACK_TRIES: u32 = 10;

#[derive(Debug, Clone)]
pub struct Arrived {
    pub at: Instant,
    pub timestamp: u32,
    pub marker: bool,
    pub tag: Tag,
    pub vp8: Option<Vp8>,
    pub repaired: bool,
}

#[derive(Debug)]
struct Missing {
    since: Instant,
    asked: Option<Instant>,
    tries: u32,
}

pub struct SlotReceiver {
    pub mid: String,
    pub kind: MediaKind,
    pub ssrc: Option<u32>,
    pub rtx_ssrc: Option<u32>,
    highest: Option<u64>,
    lowest: u64,
    pub arrived: BTreeMap<u64, Arrived>,
    missing: BTreeMap<u64, Missing>,
    pub duplicates: u64,
    pub repaired: u64,
    /// Payloads that are not ours: decrypted to something else.
    pub foreign: u64,
    pub nacked: u64,
    pub reports: Vec<(u64, u32)>,
    pub keyframe_wanted: bool,
}

impl SlotReceiver {
    pub fn new(mid: &str, kind: MediaKind) -> Self {
        Self {
            mid: mid.to_owned(),
            kind,
            ssrc: None,
            rtx_ssrc: None,
            highest: None,
            lowest: 0,
            arrived: BTreeMap::new(),
            missing: BTreeMap::new(),
            duplicates: 0,
            repaired: 0,
            foreign: 0,
            nacked: 0,
            reports: Vec::new(),
            keyframe_wanted: false,
        }
    }

    /// A packet on the Slot's media or RTX SSRC.
    pub fn receive(&mut self, now: Instant, packet: &Rtp) {
        let repaired = Some(packet.ssrc) == self.rtx_ssrc;
        let (seq, payload) = if repaired {
            match packet.payload.split_at_checked(2) {
                Some((osn, rest)) => (u16::from_be_bytes([osn[0], osn[1]]), rest),
                None => return,
            }
        } else {
            (packet.seq, packet.payload.as_slice())
        };
        let (vp8, content) = match self.kind {
            MediaKind::Audio => (None, Some(payload)),
            MediaKind::Video => match Vp8::decode(payload) {
                Some((vp8, rest)) => (Some(vp8), skip_frame_header(vp8, rest)),
                None => (None, None),
            },
        };
        let Some(tag) = content.and_then(Tag::decode) else {
            self.foreign += 1;
            return;
        };
        let seq = self.extend(now, seq);
        self.missing.remove(&seq);
        let arrived = Arrived {
            at: now,
            timestamp: packet.timestamp,
            marker: packet.marker,
            tag,
            vp8,
            repaired,
        };
        if self.arrived.insert(seq, arrived).is_some() {
            self.duplicates += 1;
        } else if repaired {
            self.repaired += 1;
        }
    }

    /// What to NACK now.
    pub fn due_nacks(&mut self, now: Instant) -> Vec<u16> {
        let mut due = Vec::new();
        for (seq, missing) in &mut self.missing {
            let late = now >= missing.since + REORDER_TOLERANCE;
            let again = missing.asked.is_none_or(|at| now >= at + NACK_INTERVAL);
            if late && again && missing.tries < NACK_TRIES {
                missing.asked = Some(now);
                missing.tries += 1;
                due.push(*seq as u16);
            }
        }
        let given_up = self
            .missing
            .extract_if(.., |_, m| m.tries >= NACK_TRIES)
            .count();
        self.keyframe_wanted |= given_up > 0 && self.kind == MediaKind::Video;
        self.nacked += due.len() as u64;
        due
    }

    pub fn highest(&self) -> u32 {
        self.highest.unwrap_or(0) as u32
    }

    /// Extends the sequence number and notes what was skipped.
    fn extend(&mut self, now: Instant, seq: u16) -> u64 {
        let Some(highest) = self.highest else {
            // High enough that nothing before it is negative.
            let first = (1 << 16) + u64::from(seq);
            self.highest = Some(first);
            self.lowest = first;
            return first;
        };
        let delta = i64::from(seq.wrapping_sub(highest as u16) as i16);
        let extended = highest.saturating_add_signed(delta);
        for skipped in highest + 1..extended {
            self.missing.insert(
                skipped,
                Missing {
                    since: now,
                    asked: None,
                    tries: 0,
                },
            );
        }
        self.highest = Some(highest.max(extended));
        self.lowest = self.lowest.min(extended);
        extended
    }

    /// Judges everything that arrived from `from` on, and up to `until`, so that
    /// repairs under way at the end are not called lost.
    pub fn report(&self, from: Instant, until: Instant) -> Report {
        let window = |a: &Arrived| a.at >= from && a.at <= until;
        let mut report = Report::default();
        let mut seqs = self
            .arrived
            .iter()
            .filter(|(_, a)| window(a))
            .map(|(s, _)| *s);
        let Some(first) = seqs.next() else {
            return report;
        };
        let last = seqs.next_back().unwrap_or(first);
        let mut previous: Option<(u64, &Arrived)> = None;
        if self.arrived.keys().next() == Some(&first) {
            report.starts_a_source(self.kind, first, &self.arrived[&first]);
        }
        for (&seq, arrived) in self.arrived.range(first..=last) {
            report.add(self.kind, previous, (seq, arrived));
            previous = Some((seq, arrived));
        }
        report.span = (last - first + 1).max(1);
        report
    }
}

fn skip_frame_header(vp8: Vp8, payload: &[u8]) -> Option<&[u8]> {
    match (vp8.start, payload.first()? & 1) {
        (false, _) => Some(payload),
        (true, 0) => payload.get(10..),
        (true, _) => payload.get(3..),
    }
}

/// What a Slot showed.
#[derive(Debug, Default)]
pub struct Report {
    pub packets: u64,
    /// Sequence numbers that never arrived, and of how many.
    pub lost: u64,
    pub span: u64,
    /// Continuous pieces, in order.
    pub segments: Vec<Origin>,
    pub keyframes: u64,
    /// Breaches of continuity, in words.
    pub violations: Vec<String>,
    /// Largest gap between the arrivals of two packets in sequence.
    pub longest_gap: Duration,
}

impl Report {
    fn add(&mut self, kind: MediaKind, previous: Option<(u64, &Arrived)>, next: (u64, &Arrived)) {
        let (seq, arrived) = next;
        let tag = &arrived.tag;
        self.packets += 1;
        self.keyframes += u64::from(tag.keyframe && tag.part == 0);
        let Some((before, last)) = previous else {
            self.segments.push(tag.origin());
            return;
        };
        let lost = seq - before - 1;
        self.lost += lost;
        self.longest_gap = self
            .longest_gap
            .max(arrived.at.saturating_duration_since(last.at));
        let forward = arrived.timestamp.wrapping_sub(last.timestamp) as i32;
        if forward < 0 {
            self.violations
                .push(format!("{seq}: timestamp goes back by {}", -forward));
        }
        if last.tag.origin() != tag.origin() {
            self.segments.push(tag.origin());
            self.starts_a_source(kind, seq, arrived);
            if forward == 0 {
                self.violations
                    .push(format!("{seq}: new source at the old timestamp"));
            }
        } else if lost == 0 {
            self.continues(seq, last, arrived, forward);
        }
        if lost == 0 {
            self.picture_ids(seq, last, arrived);
        }
    }

    /// Only a keyframe's first packet can follow something else.
    fn starts_a_source(&mut self, kind: MediaKind, seq: u64, arrived: &Arrived) {
        let tag = &arrived.tag;
        if kind == MediaKind::Video && (!tag.keyframe || tag.part != 0) {
            self.violations
                .push(format!("{seq}: {tag:?} starts a source"));
        }
    }

    /// Without loss, a source continues where it was.
    fn continues(&mut self, seq: u64, last: &Arrived, arrived: &Arrived, forward: i32) {
        let (a, b) = (&last.tag, &arrived.tag);
        let next_part = a.frame == b.frame && a.part + 1 == b.part;
        let next_frame = a.frame + 1 == b.frame && b.part == 0 && a.part + 1 == a.parts;
        // A source that was left and came back, or muted, skips frames, and says so
        // with a keyframe.
        let rejoined = b.frame > a.frame && b.part == 0 && (b.keyframe || arrived.vp8.is_none());
        if !next_part && !next_frame && !rejoined {
            self.violations.push(format!("{seq}: {b:?} follows {a:?}"));
        }
        let step = if arrived.vp8.is_some() { 3000 } else { 960 };
        let want = if next_part {
            0
        } else {
            step * (b.frame - a.frame) as i32
        };
        if next_frame && forward != want || next_part && forward != 0 {
            self.violations
                .push(format!("{seq}: timestamp moved by {forward}, not {want}"));
        }
    }

    fn picture_ids(&mut self, seq: u64, last: &Arrived, arrived: &Arrived) {
        let (Some(a), Some(b)) = (last.vp8, arrived.vp8) else {
            return;
        };
        let step = b.picture_id.wrapping_sub(a.picture_id) & 0x7fff;
        let want = u16::from(b.start && arrived.tag.part == 0);
        if step != want {
            self.violations
                .push(format!("{seq}: picture id moved by {step}, not {want}"));
        }
    }
}
