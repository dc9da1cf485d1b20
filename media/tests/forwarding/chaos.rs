//! Any sequence of operations: nothing panics, no number is used for two texts,
//! nobody receives himself, the departed or the muted.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use convoke_media::control::{MediaKind, SlotTarget, Source};
use convoke_media::ids::Ssrc;
use convoke_media::negotiation::params::{Codec, SlotSection};
use convoke_media::rtp::rtcp::RtcpWriter;

use crate::harness::*;

const PEOPLE: u32 = 5;
const SOURCES: [Source; 4] = [
    Source::Microphone,
    Source::Camera,
    Source::Screen,
    Source::ScreenAudio,
];

/// SplitMix64: the seed is the whole run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % sides
    }
}

struct Chaos {
    call: Call,
    dice: Dice,
    present: HashSet<u32>,
    muted: HashSet<(u32, usize)>,
    seq: HashMap<u32, u16>,
    /// Bytes sent under each (receiver, SSRC, index) of the receiver's stay.
    sealed: HashMap<(u32, u32, u64), Vec<u8>>,
    slots: HashMap<u32, Vec<SlotSection>>,
    forwarded: usize,
}

impl Chaos {
    fn offer(&mut self, n: u32) -> Offer {
        let mut offer = Offer::of(n);
        for (at, source) in SOURCES.into_iter().enumerate() {
            offer = match (self.dice.roll(4), source.kind()) {
                (0, _) => offer,
                (_, MediaKind::Audio) => {
                    offer.publish(at as u32, source, &[red(RED, OPUS), opus()])
                }
                (1, _) => offer.simulcast(at as u32, source, &["q", "h", "f"]),
                (_, _) => offer.publish(at as u32, source, &[vp8(), h264()]),
            };
            if self.dice.roll(6) == 0
                && let Some(section) = offer.negotiated.published.last_mut()
            {
                section.active = false;
            }
        }
        let plain = [codec(Codec::Vp8, 120, None)];
        for at in 10..10 + self.dice.roll(6) as u32 {
            offer = match self.dice.roll(4) {
                0 => offer.slot(at, MediaKind::Audio, &[opus()]),
                1 => offer.slot(at, MediaKind::Video, &plain),
                2 => offer.slot(at, MediaKind::Video, &[h264()]),
                _ => offer.slot(at, MediaKind::Video, &[vp8(), h264()]),
            };
        }
        offer
    }

    fn packet(&mut self, from: u32) -> Vec<u8> {
        let at = self.dice.roll(4) as usize;
        let keyframe = self.dice.roll(5) == 0;
        let layer = self.dice.roll(3) as u32;
        let stream = from * 100 + at as u32 * 10 + layer;
        let jump = if self.dice.roll(40) == 0 {
            9000
        } else {
            self.dice.roll(4) as u16
        };
        let seq = self.seq.entry(stream).or_insert(65_000);
        *seq = seq.wrapping_add(jump);
        let seq = seq.wrapping_sub(self.dice.roll(3) as u16);
        // The content is a function of the number, as with a real sender.
        let timestamp = u32::from(seq) * 3000;
        let mut payload = vp8_payload(keyframe, seq, (320, 180));
        payload.extend([from as u8, at as u8]);
        let mut rtp = match (SOURCES[at].kind(), self.dice.roll(8)) {
            (MediaKind::Audio, 0) => {
                let red = [&[OPUS, 5, 6][..], &[from as u8, at as u8]].concat();
                Rtp::new(ssrc(from, at as u32), RED, seq, timestamp, &red)
            }
            (MediaKind::Audio, _) => {
                Rtp::new(ssrc(from, at as u32), OPUS, seq, timestamp, &payload)
                    .with(LEVEL_EXT, &[self.dice.roll(128) as u8])
            }
            (_, 0) => {
                let sps = [&[0x67, 0x42, 0xc0, 0x1f][..], &[from as u8, at as u8]].concat();
                Rtp::new(ssrc(from, at as u32), H264, seq, timestamp, &sps)
            }
            (_, 1) => {
                payload.splice(0..0, seq.to_be_bytes());
                Rtp::new(
                    Ssrc(ssrc(from, at as u32).0 + 1),
                    VP8_RTX,
                    seq,
                    timestamp,
                    &payload,
                )
            }
            (_, 2 | 3) => {
                let rid = ["q", "h", "f"][layer as usize];
                Rtp::new(Ssrc(stream), VP8, seq, timestamp, &payload).with(RID_EXT, rid.as_bytes())
            }
            _ => Rtp::new(ssrc(from, at as u32), VP8, seq, timestamp, &payload),
        };
        rtp.extensions.push((MID_EXT, at.to_string().into_bytes()));
        rtp.extensions.push((TWCC_EXT, seq.to_be_bytes().to_vec()));
        rtp.bytes()
    }

    fn rtcp(&mut self, from: u32) -> Vec<u8> {
        let mut writer = RtcpWriter::default();
        let slot = slot_ssrc(from, 10 + self.dice.roll(6) as u32);
        let lost: Vec<u16> = (0..20).map(|_| self.dice.roll(65_536) as u16).collect();
        match self.dice.roll(4) {
            0 => {
                writer.pli(Ssrc(1), slot);
            }
            1 => {
                writer.fir(Ssrc(1), slot, 1);
            }
            _ => {
                writer.nack(Ssrc(1), slot, &lost);
                let recent: Vec<u16> = self
                    .sealed
                    .keys()
                    .filter(|(to, ssrc, _)| (*to, *ssrc) == (from, slot.0))
                    .map(|(_, _, seq)| *seq as u16)
                    .take(30)
                    .collect();
                writer.nack(Ssrc(1), slot, &recent);
            }
        }
        writer.bytes().to_vec()
    }

    fn step(&mut self) {
        let who = 1 + self.dice.roll(u64::from(PEOPLE)) as u32;
        let now = self.call.now;
        match self.dice.roll(100) {
            0 => {
                self.call.router.remove_participant(now, key(who));
                self.present.remove(&who);
                self.muted.retain(|(muted, _)| *muted != who);
                // New keys and a new SSRC space come with the next stay.
                self.sealed.retain(|(to, _, _), _| *to != who);
            }
            1..4 if !self.present.contains(&who) => {
                let offer = self.offer(who);
                self.call.join(&offer);
                self.slots.insert(who, offer.negotiated.slots);
                self.present.insert(who);
            }
            4 => {
                let offer = self.offer(who);
                // Negotiation never gives the SSRC of a Slot that went to another.
                let slots = self.call.router.slot_assignments(key(who));
                let mut negotiated = offer.negotiated;
                negotiated.slots = self.slots.get(&who).cloned().unwrap_or_default();
                negotiated.slots.truncate(slots.len());
                self.call.router.apply(now, key(who), &negotiated);
            }
            5 => {
                let connected = self.dice.roll(4) != 0;
                self.call.router.set_connected(now, key(who), connected);
            }
            6 | 7 => {
                let at = self.dice.roll(4) as usize;
                let muted = self.dice.roll(2) == 0;
                let done = self
                    .call
                    .router
                    .set_muted(now, key(who), SOURCES[at], muted);
                assert_eq!(done.is_ok(), self.present.contains(&who));
                if muted && done.is_ok() {
                    self.muted.insert((who, at));
                } else {
                    self.muted.remove(&(who, at));
                }
            }
            8 | 9 => self.wish(who),
            10 | 11 => {
                let millis = self.dice.roll(300);
                self.call.pass(Duration::from_millis(millis));
            }
            12..18 => {
                let bytes = self.rtcp(who);
                self.call.send_rtcp(who, &bytes);
            }
            _ => {
                let mut bytes = self.packet(who);
                let router = &mut self.call.router;
                router.handle_rtp(now, key(who), &mut bytes, &mut self.call.sink);
            }
        }
        self.check();
    }

    fn wish(&mut self, who: u32) {
        let slots = self.call.router.slot_assignments(key(who));
        if slots.is_empty() {
            return;
        }
        let slot = slots[self.dice.roll(slots.len() as u64) as usize].mid;
        let other = 1 + (who + self.dice.roll(u64::from(PEOPLE) - 1) as u32) % PEOPLE;
        let source = SOURCES[self.dice.roll(4) as usize];
        let target = match self.dice.roll(3) {
            0 => SlotTarget::Off,
            1 if other != who => SlotTarget::Pinned(track(other, source)),
            _ => SlotTarget::Automatic,
        };
        let slot = slot.as_str().parse().unwrap();
        self.call.request(
            who,
            slot,
            target,
            Some((self.dice.roll(3) as u16 * 300, 200)),
        );
    }

    fn check(&mut self) {
        for sent in self.call.take_rtp() {
            let to = sent.to.0;
            assert!(self.present.contains(&to), "sent to the departed");
            let view = sent.view();
            let payload = view.payload();
            let (from, at) = (
                u32::from(payload[payload.len() - 2]),
                payload[payload.len() - 1],
            );
            assert_ne!(from, to, "sent to himself");
            assert!(self.present.contains(&from));
            assert!(
                !self.muted.contains(&(from, usize::from(at))),
                "sent although muted"
            );
            let number = (to, view.ssrc().0, sent.seq.0);
            let before = self.sealed.insert(number, sent.bytes.clone());
            assert!(
                before.is_none_or(|before| before == sent.bytes),
                "one nonce, two texts: {number:?}"
            );
            self.forwarded += 1;
        }
        for (to, _) in self.call.take_rtcp() {
            assert!(self.present.contains(&to.0));
        }
        self.call.events();
    }
}

#[test]
fn any_sequence_of_operations_is_survived() {
    let mut forwarded = 0;
    for seed in 0..60 {
        let mut chaos = Chaos {
            call: Call::new(),
            dice: Dice(seed),
            present: HashSet::new(),
            muted: HashSet::new(),
            seq: HashMap::new(),
            sealed: HashMap::new(),
            slots: HashMap::new(),
            forwarded: 0,
        };
        for _ in 0..2000 {
            chaos.step();
        }
        forwarded += chaos.forwarded;
    }
    assert!(
        forwarded > 3000,
        "{forwarded}: the run must reach forwarding"
    );
}
