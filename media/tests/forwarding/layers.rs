//! Which simulcast layer a Slot is sent, and when it changes.

use std::time::Duration;

use convoke_media::control::{MediaKind, SlotTarget, Source};
use convoke_media::ids::Ssrc;

use crate::harness::*;

const RIDS: [&str; 3] = ["q", "h", "f"];
const SIZES: [(u16, u16); 3] = [(320, 180), (640, 360), (1280, 720)];
const FRAME: Duration = Duration::from_millis(33);

struct Camera {
    call: Call,
    n: u16,
    live: [bool; 3],
    /// Layers that bring a keyframe with the next frame.
    keyframes: [bool; 3],
}

impl Camera {
    fn new(max: Option<(u16, u16)>) -> Self {
        let mut call = Call::new();
        call.join(&Offer::of(1).simulcast(0, Source::Camera, &RIDS));
        call.join(&Offer::of(2).slot(0, MediaKind::Video, &[vp8()]));
        call.request(2, 0, SlotTarget::Automatic, max);
        Self {
            call,
            n: 0,
            live: [true; 3],
            keyframes: [true; 3],
        }
    }

    fn frames(&mut self, count: u16) -> Vec<Sent> {
        for _ in 0..count {
            for at in (0..3).filter(|at| self.live[*at]) {
                let keyframe = std::mem::take(&mut self.keyframes[at]);
                let payload = vp8_payload(keyframe, self.n, SIZES[at]);
                let timestamp = u32::from(self.n) * 2970 + 0x1000_0000 * at as u32;
                let seq = self.n + 1000 * at as u16;
                let packet = Rtp::new(Ssrc(500 + at as u32), VP8, seq, timestamp, &payload)
                    .with(MID_EXT, b"0")
                    .with(RID_EXT, RIDS[at].as_bytes());
                self.call.send(1, &packet);
            }
            self.n += 1;
            self.call.pass(FRAME);
        }
        self.call.take_rtp()
    }

    /// Layer now forwarded, by the place of its rid.
    fn layer(&self) -> Option<u8> {
        self.call.router.stats(key(2)).1[0].encoding
    }

    fn ask(&mut self, max: (u16, u16)) {
        self.call.request(2, 0, SlotTarget::Automatic, Some(max));
        self.call.pass(Duration::ZERO);
    }

    fn plis(&mut self) -> Vec<u32> {
        let sent = self.call.take_rtcp();
        let plis = sent
            .iter()
            .filter(|(to, bytes)| to.0 == 1 && (bytes[1], bytes[0] & 31) == PLI);
        plis.map(|(_, bytes)| u32::from_be_bytes(bytes[8..12].try_into().unwrap()))
            .collect()
    }
}

fn assert_continuous(sent: &[Sent]) {
    for pair in sent.windows(2) {
        assert_eq!(pair[1].seq.0, pair[0].seq.0 + 1);
        let step = pair[1]
            .view()
            .timestamp()
            .wrapping_sub(pair[0].view().timestamp());
        assert!((1..10_000).contains(&step), "{step}");
    }
}

#[test]
fn the_layer_follows_the_size_asked_for_and_changes_on_keyframes_only() {
    let mut camera = Camera::new(Some((160, 90)));
    let mut sent = camera.frames(10);
    assert_eq!(camera.layer(), Some(0));
    camera.plis();
    camera.ask((1280, 720));
    assert_eq!(camera.plis(), [502]);
    sent.extend(camera.frames(20));
    assert_eq!(camera.layer(), Some(0), "no keyframe came yet");
    camera.keyframes[2] = true;
    sent.extend(camera.frames(5));
    assert_eq!(camera.layer(), Some(2));
    camera.ask((640, 360));
    camera.keyframes = [true; 3];
    sent.extend(camera.frames(5));
    assert_eq!(camera.layer(), Some(1));
    assert_continuous(&sent);
    assert!(sent.len() >= 39, "{}", sent.len());
}

#[test]
fn a_hidden_slot_is_sent_nothing() {
    let mut camera = Camera::new(Some((0, 0)));
    assert!(camera.frames(10).is_empty());
    camera.ask((640, 360));
    camera.keyframes = [true; 3];
    assert_eq!(camera.frames(10).len(), 10);
    camera.ask((0, 0));
    assert!(camera.frames(10).is_empty());
}

#[test]
fn when_a_layer_stops_the_next_lower_goes_on() {
    let mut camera = Camera::new(None);
    let mut sent = camera.frames(30);
    camera.keyframes = [true; 3];
    sent.extend(camera.frames(5));
    assert_eq!(camera.layer(), Some(2));
    camera.live[2] = false;
    camera.plis();
    sent.extend(camera.frames(15));
    assert!(
        camera.plis().contains(&501),
        "the layer below is asked for a keyframe"
    );
    camera.keyframes[1] = true;
    sent.extend(camera.frames(5));
    assert_eq!(camera.layer(), Some(1));
    // And back, when the publisher can afford it again.
    camera.live[2] = true;
    camera.keyframes[2] = true;
    sent.extend(camera.frames(1));
    camera.keyframes[2] = true;
    sent.extend(camera.frames(5));
    assert_eq!(camera.layer(), Some(2));
    for pair in sent.windows(2) {
        assert_eq!(pair[1].seq.0, pair[0].seq.0 + 1);
    }
}

#[test]
fn a_publisher_of_the_low_layer_alone_is_seen_at_once() {
    let mut camera = Camera::new(None);
    camera.live = [true, false, false];
    let sent = camera.frames(20);
    assert_eq!((sent.len(), camera.layer()), (20, Some(0)));
}
