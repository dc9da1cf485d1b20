//! Copies of what the Router knows, for statistics and for a client that asks for
//! the whole picture.

use super::Router;
use crate::control::SlotAssignment;
use crate::ids::ParticipantKey;
use crate::stats::{SlotStats, TrackStats};

impl Router {
    pub fn stats(&self, key: ParticipantKey) -> (Vec<TrackStats>, Vec<SlotStats>) {
        let Some(index) = self.index_of(key) else {
            return (Vec::new(), Vec::new());
        };
        let participant = &self.participants[index];
        let tracks = participant.tracks.iter().map(|track| &self.tracks[*track]);
        let encodings = tracks.flat_map(|track| {
            let places = track.encodings.iter().zip(0..);
            places.map(|(encoding, place)| (track.id.source, place, &self.encodings[*encoding]))
        });
        let tracks = encodings.map(|(source, place, encoding)| TrackStats {
            source,
            encoding: place,
            packets: encoding.activity.packets,
            bytes: encoding.activity.bytes,
            lost: encoding.reception.missing(),
            repaired: encoding.reception.repaired,
            nacks_sent: encoding.losses.requests,
            keyframe_requests_sent: encoding.keyframes.sent,
            size: encoding.activity.size,
        });
        let slots = participant.slots.iter().map(|slot| {
            let slot = &self.slots[*slot];
            SlotStats {
                mid: slot.section.mid,
                packets: slot.counters.packets,
                bytes: slot.counters.bytes,
                retransmitted: slot.counters.retransmitted,
                nacks_received: slot.counters.nacks,
                encoding: slot.encoding().and_then(|encoding| {
                    let track = &self.tracks[slot.track?];
                    let place = track
                        .encodings
                        .iter()
                        .position(|other| *other == encoding)?;
                    u8::try_from(place).ok()
                }),
                source_switches: slot.counters.switches,
            }
        });
        (tracks.collect(), slots.collect())
    }

    /// State of every Slot.
    pub fn slot_assignments(&self, key: ParticipantKey) -> Vec<SlotAssignment> {
        let Some(index) = self.index_of(key) else {
            return Vec::new();
        };
        let slots = self.participants[index].slots.iter();
        slots
            .map(|slot| SlotAssignment {
                mid: self.slots[*slot].section.mid,
                state: self.slots[*slot].state,
            })
            .collect()
    }
}
