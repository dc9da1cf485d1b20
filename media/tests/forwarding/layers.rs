//! Which simulcast layer a Slot is sent, and when it changes.

use std::time::Duration;

use convoke_media::control::{Event, MediaKind, SlotTarget, Source};
use convoke_media::ids::Ssrc;
use convoke_media::rtp::rtcp::RtcpWriter;

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
    /// Numbers that each layer has left out.
    left_out: [u16; 3],
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
            left_out: [0; 3],
        }
    }

    fn frames(&mut self, count: u16) -> Vec<Sent> {
        for _ in 0..count {
            for at in (0..3).filter(|at| self.live[*at]) {
                let keyframe = std::mem::take(&mut self.keyframes[at]);
                let payload = vp8_payload(keyframe, self.n, SIZES[at]);
                let timestamp = u32::from(self.n) * 2970 + 0x1000_0000 * at as u32;
                let seq = (self.n + 1000 * at as u16).wrapping_add(self.left_out[at]);
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

    /// What the publisher was told is wanted, each time.
    fn told(&mut self) -> Vec<Vec<String>> {
        let events = self.call.events().into_iter();
        let told = events.filter_map(|event| match event {
            Event::Layers {
                participant,
                source: Source::Camera,
                wanted,
            } if participant == track(1, Source::Camera).participant => Some(wanted),
            _ => None,
        });
        told.map(|rids| rids.iter().map(|rid| rid.as_str().to_owned()).collect())
            .collect()
    }

    /// Sends the layers of these rids, and no others.
    fn obey(&mut self, rids: &[String]) {
        for (at, rid) in RIDS.iter().enumerate() {
            let wanted = rids.iter().any(|wanted| wanted == rid);
            self.keyframes[at] |= wanted && !self.live[at];
            self.live[at] = wanted;
        }
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
fn who_leaves_after_a_layer_began_anew_leaves_nothing_behind() {
    let mut camera = Camera::new(Some((160, 90)));
    camera.frames(10);
    camera.ask((1280, 720));
    // The small layer begins anew while its receiver waits for the large one.
    camera.left_out[0] = 20_000;
    assert!(camera.frames(5).is_empty());
    let now = camera.call.now;
    camera.call.router.remove_participant(now, key(2));
    camera.frames(5);
    // Nor is anything sent to who takes the place of the Slot.
    camera
        .call
        .join(&Offer::of(3).slot(0, MediaKind::Video, &[vp8()]));
    camera
        .call
        .request(3, 0, SlotTarget::Automatic, Some((1280, 720)));
    camera.keyframes[0] = true;
    assert!(camera.frames(5).is_empty());
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
fn a_layer_that_stopped_is_not_asked_for_a_keyframe_without_end() {
    let mut camera = Camera::new(None);
    camera.frames(30);
    camera.keyframes[2] = true;
    camera.frames(5);
    assert_eq!(camera.layer(), Some(2));
    camera.plis();
    // The last picture of it is lost on the way, and then it stops.
    let mut writer = RtcpWriter::default();
    writer.pli(Ssrc(1), slot_ssrc(2, 0));
    camera.call.send_rtcp(2, writer.bytes());
    assert_eq!(camera.plis(), [502]);
    camera.live[2] = false;
    camera.keyframes[1] = true;
    camera.frames(15);
    camera.keyframes[1] = true;
    camera.frames(5);
    assert_eq!(camera.layer(), Some(1));
    camera.plis();
    camera.frames(60);
    assert!(camera.plis().is_empty());
}

#[test]
fn a_publisher_of_the_low_layer_alone_is_seen_at_once() {
    let mut camera = Camera::new(None);
    camera.live = [true, false, false];
    let sent = camera.frames(20);
    assert_eq!((sent.len(), camera.layer()), (20, Some(0)));
}

/// Frames of somewhat less and somewhat more than five seconds.
const NEARLY: u16 = 145;
const SOME: u16 = 20;

#[test]
fn a_layer_that_nobody_is_shown_is_not_asked_of_its_publisher() {
    let mut camera = Camera::new(Some((160, 90)));
    camera.frames(NEARLY);
    assert!(camera.told().is_empty(), "too early");
    camera.frames(SOME);
    assert_eq!(camera.told(), [["q"]]);
    camera.obey(&["q".to_owned()]);
    let mut sent = camera.frames(30);
    // Somebody enlarges the picture, and keeps the small one until the large one comes.
    camera.ask((1280, 720));
    sent.extend(camera.frames(4));
    let told = camera.told();
    assert_eq!(told, [["q", "f"]]);
    assert_eq!(camera.layer(), Some(0));
    camera.obey(&told[0]);
    sent.extend(camera.frames(10));
    assert_eq!(camera.layer(), Some(2));
    assert!(sent.len() >= 44, "a picture for each frame: {}", sent.len());
    assert_continuous(&sent);
    camera.frames(NEARLY + SOME);
    assert!(camera.told().is_empty(), "nothing changes");
}

#[test]
fn who_turns_back_within_five_seconds_changes_nothing() {
    let mut camera = Camera::new(Some((1280, 720)));
    camera.frames(NEARLY + SOME);
    assert_eq!(camera.told(), [["q", "f"]]);
    camera.ask((160, 90));
    camera.keyframes[0] = true;
    camera.frames(NEARLY);
    camera.ask((1280, 720));
    camera.keyframes[2] = true;
    camera.frames(NEARLY);
    assert!(camera.told().is_empty());
}

#[test]
fn nobody_at_all_leaves_the_smallest_for_who_comes() {
    let mut camera = Camera::new(Some((0, 0)));
    camera.frames(NEARLY + SOME);
    assert_eq!(camera.told(), [["q"]]);
}

#[test]
fn a_layer_of_unknown_size_is_not_refused() {
    let mut camera = Camera::new(Some((160, 90)));
    camera.live = [true, false, true];
    camera.frames(NEARLY + SOME);
    // "h" never came, and may yet turn out to be what somebody needs.
    assert_eq!(camera.told(), [["q", "h"]]);
}

#[test]
fn a_muted_camera_comes_back_with_the_layers_it_had() {
    let mut camera = Camera::new(None);
    camera.frames(NEARLY + SOME);
    assert_eq!(camera.told(), [["q", "f"]]);
    let now = camera.call.now;
    for muted in [true, false] {
        let router = &mut camera.call.router;
        router
            .set_muted(now, key(1), Source::Camera, muted)
            .unwrap();
        camera.frames(NEARLY + SOME);
        assert!(camera.told().is_empty(), "muted {muted}");
    }
}
