//! The receiving path: everything that is done for each packet, and so as little as
//! tells whether it is the one that should have come.

use convoke_media::rtp::ext::elements;
use convoke_media::rtp::packet::Packet;
use convoke_media::transport::SrtpError;

use crate::clock::Nanos;

use super::bot::{Client, Env, Happening};
use super::sequence::Placed;
use super::slot::{Slot, Stream};
use super::stamp::Stamp;

const FIXED_HEADER: usize = 12;

/// Clear-text parts of a packet's header.
#[derive(Debug, Clone, Copy)]
struct Seen {
    marker: bool,
    pt: u8,
    seq: u16,
    ssrc: u32,
}

impl Seen {
    fn read(bytes: &[u8]) -> Option<Self> {
        let fixed = bytes.first_chunk::<FIXED_HEADER>()?;
        Some(Self {
            marker: fixed[1] & 0x80 != 0,
            pt: fixed[1] & 0x7f,
            seq: u16::from_be_bytes([fixed[2], fixed[3]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        })
    }
}

/// When it was read, and when the kernel had it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) now: Nanos,
    pub(crate) arrived: Nanos,
}

impl Client {
    pub(crate) fn handle_datagram(&mut self, at: Times, bytes: &mut [u8], env: &mut Env<'_>) {
        match bytes {
            [128..=191, 192..=223, ..] => {
                if let Some(len) = self.link.open_rtcp(bytes) {
                    self.handle_rtcp(at.now, &bytes[..len], env);
                }
            }
            [128..=191, ..] => self.handle_rtp(at, bytes, env),
            [0..=63, ..] => {
                self.link.handle_control(at.now, bytes);
                self.settle(at.now, env);
            }
            _ => {}
        }
    }

    fn handle_rtp(&mut self, at: Times, bytes: &mut [u8], env: &mut Env<'_>) {
        let Some(seen) = Seen::read(bytes) else {
            return;
        };
        match self.slots.find(seen.ssrc) {
            Some(Stream::Media(index)) => self.media(index, seen, at, bytes, env),
            Some(Stream::Repair(index)) => self.repair(index, at, bytes, env),
            None => self.unknown(seen, at, bytes, env),
        }
    }

    fn media(&mut self, index: usize, seen: Seen, at: Times, bytes: &mut [u8], env: &mut Env<'_>) {
        let slot = &mut self.slots.all[index];
        let size = bytes.len().saturating_sub(self.link.overhead());
        if slot.until_opened > 0 && self.transport_cc.is_none() {
            slot.until_opened -= 1;
            placed(slot, slot_place(seen), None, size, at, env);
            return;
        }
        slot.until_opened = env.open_every.saturating_sub(1);
        match self.link.open_rtp(bytes) {
            Ok(len) => self.opened(index, seen, &bytes[..len], at, env),
            // The same number again; the account says so as well.
            Err(SrtpError::Replayed) => {
                slot.account.receive(seen.seq);
            }
            Err(_) => env.tally.broken += 1,
        }
    }

    fn opened(&mut self, index: usize, seen: Seen, bytes: &[u8], at: Times, env: &mut Env<'_>) {
        let Ok(packet) = Packet::parse(bytes) else {
            env.tally.broken += 1;
            return;
        };
        if let Some(id) = self.transport_cc {
            let number = elements(&packet).find(|(of, _)| *of == id);
            if let Some(Some(seq)) = number.map(|(_, value)| value.first_chunk::<2>()) {
                let seq = u16::from_be_bytes(*seq);
                self.feedback.arrivals.note(seq, at.arrived);
            }
        }
        let payload = packet.payload();
        let stamp = Stamp::read(payload);
        env.tally.opened += u64::from(env.counting);
        // Nothing but padding is a probe of the path.
        env.tally.foreign += u64::from(stamp.is_none() && !payload.is_empty());
        if !self.has_media {
            self.has_media = true;
            env.happened.push((self.id, Happening::FirstMedia));
        }
        let slot = &mut self.slots.all[index];
        placed(slot, slot_place(seen), stamp, bytes.len(), at, env);
    }

    /// A repair names the number of what it repeats, encrypted (RFC 4588 §4).
    fn repair(&mut self, index: usize, at: Times, bytes: &mut [u8], env: &mut Env<'_>) {
        let Ok(len) = self.link.open_rtp(bytes) else {
            env.tally.broken += 1;
            return;
        };
        self.repaired(index, &bytes[..len], at, env);
    }

    fn repaired(&mut self, index: usize, bytes: &[u8], at: Times, env: &mut Env<'_>) {
        let Ok(packet) = Packet::parse(bytes) else {
            env.tally.broken += 1;
            return;
        };
        let payload = packet.payload();
        let Some(original) = payload.first_chunk::<2>() else {
            return;
        };
        env.tally.retransmitted += u64::from(env.counting);
        let place = Place {
            seq: u16::from_be_bytes(*original),
            marker: packet.marker(),
            repair: true,
        };
        let stamp = Stamp::read(payload);
        placed(
            &mut self.slots.all[index],
            place,
            stamp,
            bytes.len(),
            at,
            env,
        );
    }

    fn unknown(&mut self, seen: Seen, at: Times, bytes: &mut [u8], env: &mut Env<'_>) {
        match self.link.open_rtp(bytes) {
            Ok(len) => self.introduced(seen, at, &bytes[..len], env),
            Err(_) => env.tally.broken += 1,
        }
    }

    /// An SSRC not signalled: bound by its mid (RFC 8843 §9.2), or by what is left.
    fn introduced(&mut self, seen: Seen, at: Times, bytes: &[u8], env: &mut Env<'_>) {
        let Ok(packet) = Packet::parse(bytes) else {
            return;
        };
        let named = elements(&packet).find_map(|(_, value)| self.slots.by_mid(value));
        let stream = match named {
            Some(index) if self.slots.all[index].rtx_pt == Some(seen.pt) => {
                Some(Stream::Repair(index))
            }
            Some(index) => Some(Stream::Media(index)),
            None => self.slots.by_payload_type(seen.pt),
        };
        let Some(stream) = stream else { return };
        self.slots.bind(seen.ssrc, stream);
        match stream {
            Stream::Media(index) => self.opened(index, seen, bytes, at, env),
            Stream::Repair(index) => self.repaired(index, bytes, at, env),
        }
    }
}

/// Where a packet belongs in its Slot's sequence.
#[derive(Debug, Clone, Copy)]
struct Place {
    seq: u16,
    marker: bool,
    repair: bool,
}

const fn slot_place(seen: Seen) -> Place {
    Place {
        seq: seen.seq,
        marker: seen.marker,
        repair: false,
    }
}

/// Accounts for a packet; `stamp` if it was opened, `size` of header and payload.
fn placed(
    slot: &mut Slot,
    place: Place,
    stamp: Option<Stamp>,
    size: usize,
    at: Times,
    env: &mut Env<'_>,
) {
    let placed = if place.repair {
        slot.account.receive_repair(place.seq)
    } else {
        slot.account.receive(place.seq)
    };
    match placed {
        Placed::Newest { seq, gap } => {
            if gap > 0 {
                slot.missed(seq, gap, at.now);
            }
        }
        Placed::Filled { seq } => slot.filled(seq),
        Placed::Restart { .. } => slot.started(),
        Placed::Duplicate | Placed::Old => return,
    }
    if let Some(stamp) = stamp {
        slot.layer = stamp.layer;
    }
    let frozen = place.marker && slot.is_video() && slot.picture_complete(at.arrived);
    if !env.counting || !slot.account.is_open() {
        return;
    }
    env.tally.received += 1;
    env.tally.freezes += u64::from(frozen);
    env.tally.bytes[slot.layer.index()] += size as u64;
    if let Some(stamp) = stamp {
        env.tally.latency.record(at.arrived.since(stamp.sent));
    }
}

#[cfg(test)]
mod tests {
    use convoke_media::control::MediaKind;

    use super::super::slot::Slots;
    use super::super::tally::Tally;
    use super::*;
    use crate::net::SendBatch;

    #[test]
    fn the_repair_that_tells_of_its_stream_fills_a_gap_as_well() {
        let mut slot = Slot::new("0".to_owned(), MediaKind::Video);
        slot.rtx_pt = Some(97);
        let mut client = Client::of_nobody(Slots::new(vec![slot]));
        client.begin();
        for seq in [10, 12] {
            client.slots.all[0].account.receive(seq);
        }
        let (mut tally, mut happened) = (Tally::default(), Vec::new());
        let mut env = Env {
            tally: &mut tally,
            batch: &mut SendBatch::default(),
            counting: true,
            open_every: 1,
            happened: &mut happened,
        };
        let at = Times {
            now: Nanos(1),
            arrived: Nanos(1),
        };
        // Repeats number 11.
        let repair = [0x80, 97, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 11, 1, 2, 3];
        let seen = Seen::read(&repair).unwrap();
        client.introduced(seen, at, &repair, &mut env);
        assert_eq!(client.slots.find(9), Some(Stream::Repair(0)));
        assert_eq!(client.slots.all[0].account.counts().lost, 0);
        assert_eq!((tally.retransmitted, tally.received), (1, 1));
    }
}
