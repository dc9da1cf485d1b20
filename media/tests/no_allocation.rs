//! The packet path allocates nothing once it runs. Its own binary, because the
//! counting allocator is everybody's.

#[path = "forwarding/harness.rs"]
mod harness;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use convoke_media::control::{MediaKind, Source};
use convoke_media::egress::{Kept, Outgoing, Sink};
use convoke_media::ids::ParticipantKey;

use harness::{Call, OPUS, Offer, Rtp, TWCC_EXT, VP8, key, opus, ssrc, vp8, vp8_payload};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise holds for the callee, too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Writes into one buffer and counts.
struct Room {
    buffer: [u8; 2048],
    packets: usize,
}

impl Sink for Room {
    fn keep(&mut self, payload: &[u8]) -> Kept {
        self.buffer[..payload.len()].copy_from_slice(payload);
        Kept::new(0, payload.len())
    }

    fn send_rtp(&mut self, _to: ParticipantKey, packet: &Outgoing, write: impl FnOnce(&mut [u8])) {
        write(&mut self.buffer[..packet.head]);
        self.packets += 1;
    }

    fn send_rtcp(&mut self, _to: ParticipantKey, _compound: &[u8]) {}
}

#[test]
fn a_running_call_allocates_nothing_per_packet() {
    let mut call = Call::new();
    for n in 1..=10 {
        let offer = Offer::of(n)
            .publish(0, Source::Microphone, &[opus()])
            .publish(1, Source::Camera, &[vp8()]);
        let offer = (2..5).fold(offer, |offer, at| {
            offer.slot(at, MediaKind::Audio, &[opus()])
        });
        let offer = (5..14).fold(offer, |offer, at| {
            offer.slot(at, MediaKind::Video, &[vp8()])
        });
        call.join(&offer);
    }
    let mut room = Room {
        buffer: [0; 2048],
        packets: 0,
    };
    let mut counted = 0;
    for n in 0..4000u16 {
        let mut packets = Vec::new();
        for from in 1..=10 {
            let keyframe = n % 500 == 0;
            let twcc = n.wrapping_mul(2).to_be_bytes();
            // Every 50th is lost, so that losses and their search run as well.
            if n % 50 != 7 {
                let payload = vp8_payload(keyframe, n, (640, 360));
                let video = Rtp::new(ssrc(from, 1), VP8, n, u32::from(n) * 3000, &payload);
                packets.push((from, video.with(TWCC_EXT, &twcc).bytes()));
            }
            let audio = Rtp::new(ssrc(from, 0), OPUS, n, u32::from(n) * 960, &[1; 80]);
            packets.push((from, audio.bytes()));
        }
        let now = call.now;
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for (from, bytes) in &mut packets {
            call.router.handle_rtp(now, key(*from), bytes, &mut room);
        }
        if n >= 1000 {
            counted += ALLOCATIONS.load(Ordering::Relaxed) - before;
        }
        call.pass(std::time::Duration::from_millis(20));
        call.take_rtcp();
    }
    assert_eq!(counted, 0);
    // Nine receivers of each picture, three of each voice... of ten.
    assert!(room.packets > 4000 * 10 * 9, "{}", room.packets);
}
