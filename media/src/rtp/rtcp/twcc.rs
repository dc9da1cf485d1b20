//! Writer of transport-wide congestion control feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

use super::{RTPFB, RtcpWriter, put};
use crate::ids::Ssrc;

const FMT: u8 = 15;
/// Arrival times are told in 250 µs.
pub const TICKS_PER_SECOND: i64 = 4000;
/// The reference time counts 64 ms.
const TICKS_PER_REFERENCE: i64 = 256;
/// Most packets one message reports: even if each takes a large delta and a ninth
/// of a chunk, the message stays below [`super::MAX_COMPOUND`].
pub const MAX_STATUSES: usize = 480;

const LOST: u8 = 0;
const SMALL: u8 = 1;
const LARGE: u8 = 2;

/// What a message reports: consecutive packets from `base` on, each with its
/// arrival in ticks of 250 µs, or `None`. The first must have arrived.
#[derive(Debug, Clone, Copy)]
pub struct Feedback<'a> {
    pub sender: Ssrc,
    pub media: Ssrc,
    pub base: u16,
    /// Counts messages, so that the publisher sees the loss of one.
    pub count: u8,
    pub arrivals: &'a [Option<i64>],
}

impl RtcpWriter {
    /// Returns how many of the statuses the message took; the rest needs another,
    /// because it is full or an arrival is too far from the one before.
    pub fn transport_feedback(&mut self, feedback: &Feedback<'_>) -> usize {
        let mut symbols = [LOST; MAX_STATUSES];
        let Some((taken, reference)) = classify(feedback.arrivals, &mut symbols) else {
            return 0;
        };
        let appended = self.append(FMT, RTPFB, |body| {
            if body.len() < 16 + taken * 2 + (taken / 7 + 1) * 2 {
                return None;
            }
            put(body, 0, feedback.sender.0);
            put(body, 4, feedback.media.0);
            put(body, 8, u32::from(feedback.base) << 16 | taken as u32);
            let time = (reference & 0xff_ffff) as u32;
            put(body, 12, time << 8 | u32::from(feedback.count));
            let at = write_chunks(&symbols[..taken], body, 16);
            let arrivals = &feedback.arrivals[..taken];
            let at = write_deltas(arrivals, reference * TICKS_PER_REFERENCE, body, at);
            let end = at.next_multiple_of(4);
            body[at..end].fill(0);
            Some(end)
        });
        if appended { taken } else { 0 }
    }
}

/// A symbol for each arrival that fits in one message, and the reference time.
fn classify(arrivals: &[Option<i64>], symbols: &mut [u8; MAX_STATUSES]) -> Option<(usize, i64)> {
    let first = (*arrivals.first()?)?;
    let reference = first.div_euclid(TICKS_PER_REFERENCE);
    let mut last = reference * TICKS_PER_REFERENCE;
    let mut taken = 0;
    for (arrival, symbol) in arrivals.iter().zip(symbols) {
        if let Some(tick) = arrival {
            let delta = tick - last;
            *symbol = match delta {
                0..=255 => SMALL,
                -32_768..=32_767 => LARGE,
                _ => break,
            };
            last = *tick;
        }
        taken += 1;
    }
    // Trailing losses belong to the next message, which knows what follows them.
    while taken > 0 && arrivals[taken - 1].is_none() {
        taken -= 1;
    }
    Some((taken, reference))
}

fn write_chunks(symbols: &[u8], body: &mut [u8], mut at: usize) -> usize {
    let mut rest = symbols;
    while let Some(&first) = rest.first() {
        let run = rest.iter().take_while(|symbol| **symbol == first).count();
        let (chunk, taken) = if run >= 14 || run >= 7 && first == LARGE || run == rest.len() {
            (u16::from(first) << 13 | run as u16, run)
        } else if rest.iter().take(14).all(|symbol| *symbol != LARGE) {
            (vector(rest, 14, 1) | 0x8000, 14)
        } else {
            (vector(rest, 7, 2) | 0xc000, 7)
        };
        body[at..at + 2].copy_from_slice(&chunk.to_be_bytes());
        at += 2;
        rest = &rest[taken.min(rest.len())..];
    }
    at
}

fn vector(symbols: &[u8], count: usize, bits: usize) -> u16 {
    symbols
        .iter()
        .take(count)
        .zip((0..count).rev())
        .fold(0, |chunk, (symbol, place)| {
            chunk | u16::from(*symbol) << (place * bits)
        })
}

fn write_deltas(arrivals: &[Option<i64>], mut last: i64, body: &mut [u8], mut at: usize) -> usize {
    for tick in arrivals.iter().flatten() {
        let delta = tick - last;
        last = *tick;
        if let Ok(small) = u8::try_from(delta) {
            body[at] = small;
            at += 1;
        } else {
            body[at..at + 2].copy_from_slice(&(delta as i16).to_be_bytes());
            at += 2;
        }
    }
    at
}

#[cfg(test)]
pub(crate) mod tests {
    use rtc_rtcp::transport_feedbacks::transport_layer_cc::{
        PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
    };

    use super::*;

    /// Base, statuses and message count, as an independent decoder reads them.
    pub(crate) fn decode(bytes: &[u8]) -> (u16, Vec<Option<i64>>, u8) {
        let mut bytes = bytes::Bytes::copy_from_slice(bytes);
        let read = rtc_rtcp::packet::unmarshal(&mut bytes).unwrap();
        let feedback = read[0].as_any().downcast_ref::<TransportLayerCc>().unwrap();
        let mut symbols = Vec::new();
        for chunk in &feedback.packet_chunks {
            match chunk {
                PacketStatusChunk::RunLengthChunk(run) => {
                    symbols.extend(vec![run.packet_status_symbol; usize::from(run.run_length)]);
                }
                PacketStatusChunk::StatusVectorChunk(vector) => {
                    symbols.extend(vector.symbol_list.iter().copied());
                }
            }
        }
        symbols.truncate(usize::from(feedback.packet_status_count));
        let mut deltas = feedback.recv_deltas.iter();
        let mut last = i64::from(feedback.reference_time) * TICKS_PER_REFERENCE;
        let statuses = symbols
            .iter()
            .map(|symbol| {
                (*symbol != SymbolTypeTcc::PacketNotReceived).then(|| {
                    last += deltas.next().unwrap().delta / 250;
                    last
                })
            })
            .collect();
        assert!(deltas.next().is_none());
        (
            feedback.base_sequence_number,
            statuses,
            feedback.fb_pkt_count,
        )
    }

    fn round_trip(arrivals: &[Option<i64>]) {
        let mut writer = RtcpWriter::default();
        let feedback = Feedback {
            sender: Ssrc(1),
            media: Ssrc(2),
            base: 65_530,
            count: 200,
            arrivals,
        };
        let taken = writer.transport_feedback(&feedback);
        assert_eq!(taken, arrivals.len());
        let (base, statuses, count) = decode(writer.bytes());
        assert_eq!((base, count), (65_530, 200));
        assert_eq!(statuses, arrivals);
    }

    #[test]
    fn an_independent_decoder_reads_what_was_written() {
        let steady = |n| (0..n).map(|i| Some(1000 + i * 4)).collect::<Vec<_>>();
        round_trip(&steady(1));
        round_trip(&steady(6));
        round_trip(&steady(MAX_STATUSES as i64));
        let mut lossy = steady(100);
        for at in [1, 2, 17, 30, 31, 32, 33, 50, 98] {
            lossy[at] = None;
        }
        round_trip(&lossy);
        let mut bursty = steady(60);
        bursty[20] = Some(900);
        bursty[40] = Some(9000);
        round_trip(&bursty);
        round_trip(&(0..50).map(|i| Some(i * 1000)).collect::<Vec<_>>());
        let mut gap = vec![None; 300];
        gap[0] = Some(5);
        gap[299] = Some(6);
        round_trip(&gap);
    }

    #[test]
    fn a_message_ends_where_a_delta_does_not_fit() {
        let mut writer = RtcpWriter::default();
        let mut feedback = Feedback {
            sender: Ssrc(1),
            media: Ssrc(2),
            base: 0,
            count: 0,
            arrivals: &[Some(0), None, Some(40_000), Some(40_001)],
        };
        assert_eq!(writer.transport_feedback(&feedback), 1);
        feedback.arrivals = &[None, Some(1)];
        assert_eq!(writer.transport_feedback(&feedback), 0);
        let worst: Vec<_> = (0..1000).map(|i| Some(i % 2 * 300)).collect();
        feedback.arrivals = &worst;
        writer.clear();
        assert_eq!(writer.transport_feedback(&feedback), MAX_STATUSES);
    }
}
