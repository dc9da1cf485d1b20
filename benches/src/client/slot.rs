//! A place where media is received: counts it, asks again for what is missing, and
//! notices when its picture stands still, as a browser's receiver does.

use std::time::Duration;

use convoke_media::control::MediaKind;
use convoke_media::ids::Ssrc;
use rustc_hash::FxHashMap;

use crate::clock::Nanos;

use super::sequence::SequenceAccount;
use super::tally::LayerId;

/// A packet is called lost when it is this late behind a later one.
const REORDER_TOLERANCE: Duration = Duration::from_millis(10);
const NACK_INTERVAL: Duration = Duration::from_millis(40);
const NACK_TRIES: u8 = 10;
/// As libwebrtc: more missing than that is a picture lost.
const MAX_MISSING: usize = 1000;
/// After a picture has been asked for.
const PLI_INTERVAL: Duration = Duration::from_millis(500);

/// getStats' freezeCount looks at the mean of 30 frames.
const FREEZE_FRAMES: f64 = 30.0;
const FREEZE_SLACK: f64 = 0.15;

#[derive(Debug, Clone, Copy)]
struct Missing {
    seq: u64,
    since: Nanos,
    asked: Option<Nanos>,
    tries: u8,
}

/// Intervals between the pictures of a Slot.
#[derive(Debug, Clone, Copy, Default)]
struct Pictures {
    last: Option<Nanos>,
    mean: Option<f64>,
}

impl Pictures {
    /// A picture is complete; whether it froze before.
    fn complete(&mut self, now: Nanos) -> bool {
        let Some(last) = self.last.replace(now) else {
            return false;
        };
        let interval = now.since(last).as_secs_f64();
        let frozen = self
            .mean
            .is_some_and(|mean| interval > (3.0 * mean).max(mean + FREEZE_SLACK));
        let mean = self.mean.get_or_insert(interval);
        *mean += (interval - *mean) / FREEZE_FRAMES;
        frozen
    }
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) mid: String,
    pub(crate) kind: MediaKind,
    pub(crate) ssrc: Option<Ssrc>,
    pub(crate) rtx_ssrc: Option<Ssrc>,
    pub(crate) pt: Option<u8>,
    pub(crate) rtx_pt: Option<u8>,
    /// Whether loss may be asked for.
    pub(crate) nack: bool,
    pub(crate) account: SequenceAccount,
    /// Of the newest packet that was opened.
    pub(crate) layer: LayerId,
    /// Opened each n-th only: how many until the next.
    pub(crate) until_opened: u32,
    pub(crate) sender_report: Option<(u32, Nanos)>,
    missing: Vec<Missing>,
    pictures: Pictures,
    picture_lost: bool,
    asked_for_picture: Option<Nanos>,
}

impl Slot {
    pub(crate) fn new(mid: String, kind: MediaKind) -> Self {
        Self {
            mid,
            kind,
            ssrc: None,
            rtx_ssrc: None,
            pt: None,
            rtx_pt: None,
            nack: false,
            account: SequenceAccount::default(),
            layer: match kind {
                MediaKind::Audio => LayerId::AUDIO,
                MediaKind::Video => LayerId::VIDEO,
            },
            until_opened: 0,
            sender_report: None,
            missing: Vec::new(),
            pictures: Pictures::default(),
            picture_lost: false,
            asked_for_picture: None,
        }
    }

    /// `gap` numbers before `seq` did not come.
    pub(crate) fn missed(&mut self, seq: u64, gap: u64, now: Nanos) {
        if !self.nack {
            return;
        }
        if gap as usize + self.missing.len() > MAX_MISSING {
            self.missing.clear();
            self.picture_lost = self.kind == MediaKind::Video;
            return;
        }
        self.missing.extend((seq - gap..seq).map(|seq| Missing {
            seq,
            since: now,
            asked: None,
            tries: 0,
        }));
    }

    pub(crate) fn filled(&mut self, seq: u64) {
        self.missing.retain(|missing| missing.seq != seq);
    }

    /// A frame's last packet came; whether the picture had frozen.
    pub(crate) fn picture_complete(&mut self, now: Nanos) -> bool {
        self.pictures.complete(now)
    }

    /// The first packet is here, and perhaps no keyframe's.
    pub(crate) fn started(&mut self) {
        self.picture_lost = self.is_video();
    }

    pub(crate) fn is_video(&self) -> bool {
        self.kind == MediaKind::Video
    }

    pub(crate) const fn is_missing_any(&self) -> bool {
        !self.missing.is_empty()
    }

    /// What to ask for again now, in order.
    pub(crate) fn due_nacks(&mut self, now: Nanos, due: &mut Vec<u16>) {
        due.clear();
        for missing in &mut self.missing {
            let late = now.since(missing.since) >= REORDER_TOLERANCE;
            let again = missing
                .asked
                .is_none_or(|asked| now.since(asked) >= NACK_INTERVAL);
            if late && again {
                missing.asked = Some(now);
                missing.tries += 1;
                due.push(missing.seq as u16);
            }
        }
        let before = self.missing.len();
        self.missing.retain(|missing| missing.tries < NACK_TRIES);
        self.picture_lost |= self.kind == MediaKind::Video && self.missing.len() < before;
    }

    /// Whether to ask for a keyframe now.
    pub(crate) fn wants_picture(&mut self, now: Nanos) -> bool {
        let asked_lately = self
            .asked_for_picture
            .is_some_and(|asked| now.since(asked) < PLI_INTERVAL);
        if !self.picture_lost || asked_lately {
            return false;
        }
        self.asked_for_picture = Some(now);
        self.picture_lost = false;
        true
    }
}

/// What an SSRC is to its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Media(usize),
    Repair(usize),
}

/// How many Slots got something in a window, and how many that had got something before
/// it got nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) audio: usize,
    pub(crate) video: usize,
    pub(crate) audio_ceased: usize,
    pub(crate) video_ceased: usize,
}

/// The Slots of a client, found by SSRC.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    pub(crate) all: Vec<Slot>,
    by_ssrc: FxHashMap<u32, Stream>,
}

impl Slots {
    pub(crate) fn new(all: Vec<Slot>) -> Self {
        Self {
            all,
            by_ssrc: FxHashMap::default(),
        }
    }

    /// Since the window began.
    pub(crate) fn heard(&self) -> Heard {
        let mut heard = Heard::default();
        for slot in &self.all {
            let (got, ceased) = match slot.kind {
                MediaKind::Audio => (&mut heard.audio, &mut heard.audio_ceased),
                MediaKind::Video => (&mut heard.video, &mut heard.video_ceased),
            };
            if slot.account.counts().received > 0 {
                *got += 1;
            } else if slot.account.highest().is_some() {
                *ceased += 1;
            }
        }
        heard
    }

    pub(crate) fn find(&self, ssrc: u32) -> Option<Stream> {
        self.by_ssrc.get(&ssrc).copied()
    }

    /// Where a stream belongs that nothing but its payload type tells of.
    pub(crate) fn by_payload_type(&self, pt: u8) -> Option<Stream> {
        let free = |slot: &&(usize, &Slot)| slot.1.pt == Some(pt) && slot.1.ssrc.is_none();
        if let Some((at, _)) = self.all.iter().enumerate().find(|s| free(&s)) {
            return Some(Stream::Media(at));
        }
        let repairs = |slot: &Slot| slot.rtx_pt == Some(pt) && slot.rtx_ssrc.is_none();
        self.all.iter().position(repairs).map(Stream::Repair)
    }

    pub(crate) fn by_mid(&self, mid: &[u8]) -> Option<usize> {
        self.all.iter().position(|slot| slot.mid.as_bytes() == mid)
    }

    pub(crate) fn bind(&mut self, ssrc: u32, stream: Stream) {
        match stream {
            Stream::Media(at) => self.all[at].ssrc = Some(Ssrc(ssrc)),
            Stream::Repair(at) => self.all[at].rtx_ssrc = Some(Ssrc(ssrc)),
        }
        self.by_ssrc.insert(ssrc, stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn video() -> Slot {
        let mut slot = Slot::new("0".to_owned(), MediaKind::Video);
        slot.nack = true;
        slot
    }

    #[test]
    fn loss_is_asked_for_in_time_and_given_up_for_a_picture() {
        let mut slot = video();
        let mut now = Nanos(1_000_000_000);
        let mut due = Vec::new();
        slot.account.receive(1);
        slot.missed(70_000, 3, now);
        slot.due_nacks(now, &mut due);
        assert_eq!(due, [0_u16; 0]);
        now = now.after(REORDER_TOLERANCE);
        slot.due_nacks(now, &mut due);
        assert_eq!(
            due,
            [69_997_u64 as u16, 69_998_u64 as u16, 69_999_u64 as u16]
        );
        slot.filled(69_998);
        for _ in 1..NACK_TRIES {
            assert!(!slot.wants_picture(now));
            now = now.after(NACK_INTERVAL);
            slot.due_nacks(now, &mut due);
            assert_eq!(due.len(), 2);
        }
        assert!(!slot.is_missing_any());
        assert!(slot.wants_picture(now));
        assert!(!slot.wants_picture(now.after(10 * PLI_INTERVAL)));
    }

    #[test]
    fn slots_that_get_nothing_in_a_window_are_told_from_those_never_filled() {
        let audio = || Slot::new("1".to_owned(), MediaKind::Audio);
        let mut slots = Slots::new(vec![video(), video(), audio(), audio()]);
        for index in [0, 1, 2] {
            slots.all[index].account.receive(7);
        }
        for slot in &mut slots.all {
            slot.account.begin();
        }
        slots.all[1].account.receive(8);
        let heard = Heard {
            audio: 0,
            video: 1,
            audio_ceased: 1,
            video_ceased: 1,
        };
        assert_eq!(slots.heard(), heard);
    }

    #[test]
    fn a_pause_of_three_intervals_and_150_ms_is_a_freeze() {
        let mut slot = video();
        let mut now = Nanos(0);
        let mut freezes = 0;
        for interval in [33, 33, 33, 33, 170, 33, 33, 33, 260, 33] {
            now = now.after(interval * MS);
            freezes += u32::from(slot.picture_complete(now));
        }
        assert_eq!(freezes, 1);
    }
}
