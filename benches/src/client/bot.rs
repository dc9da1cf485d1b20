//! One client: what it does when a datagram comes and when time passes.

use std::time::Duration;

use convoke_media::control::TransportState;
use convoke_media::ids::Ssrc;
use convoke_media::rtp::rtcp::{self, RtcpPacket, RtcpWriter};

use crate::clock::{Nanos, ntp_now};
use crate::net::SendBatch;
use crate::scatter::scatter;

use super::feedback::{self, Feedback, NACK_TICK, OWN, REPORT_INTERVAL};
use super::link::Link;
use super::publication::{Out, Publication};
use super::slot::Slots;
use super::tally::Tally;

/// A connection of a participant; who publishes and plays by different connections
/// has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClientId(pub u32);

/// What a client tells the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    Connected,
    FirstMedia,
    /// The path is gone, or never came to be.
    Lost,
}

/// What a client works with, of its thread.
pub(crate) struct Env<'a> {
    pub(crate) tally: &'a mut Tally,
    pub(crate) batch: &'a mut SendBatch,
    /// The measured window is open.
    pub(crate) counting: bool,
    /// Each n-th packet of a Slot is opened.
    pub(crate) open_every: u32,
    pub(crate) happened: &'a mut Vec<(ClientId, Happening)>,
}

impl std::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env")
            .field("counting", &self.counting)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) link: Link,
    pub(crate) publications: Vec<Publication>,
    pub(crate) slots: Slots,
    /// Header extension id of transport-wide numbers in what it gets.
    pub(crate) transport_cc: Option<u8>,
    pub(super) feedback: Feedback,
    pub(super) has_media: bool,
    /// How far behind the others its frames are.
    phase: Duration,
    /// Until when its path is awaited, unless something comes of it before.
    connecting_until: Option<Nanos>,
}

/// A server that has not answered by then will not.
const PATIENCE: Duration = Duration::from_secs(10);

/// As long as the longest interval of a publication; the others divide it, nearly.
const PHASES: u64 = 100_000_000;

/// Nobody's frames are in step with another's. Scattered, for people join at a pace, and
/// a phase that grew by as much for each would only be another pace.
fn phase_of(id: ClientId) -> Duration {
    Duration::from_nanos(scatter(u64::from(id.0)) % PHASES)
}

/// From connecting to the first frame: as likely as long as any part of the interval.
fn first_frame(phase: Duration, interval: Duration) -> Duration {
    let nanos = phase.as_nanos() % interval.as_nanos().max(1);
    Duration::from_nanos(nanos as u64)
}

impl Client {
    pub(crate) fn new(
        id: ClientId,
        link: Link,
        publications: Vec<Publication>,
        slots: Slots,
    ) -> Self {
        Self {
            id,
            link,
            publications,
            slots,
            transport_cc: None,
            feedback: Feedback::new(),
            has_media: false,
            phase: phase_of(id),
            connecting_until: None,
        }
    }

    /// Its path is awaited from now on.
    pub(crate) fn begin_connecting(&mut self, now: Nanos) {
        self.connecting_until = Some(now.after(PATIENCE));
    }

    /// Neither connected nor given up.
    pub(crate) fn is_connecting(&self, now: Nanos) -> bool {
        self.connecting_until.is_some_and(|until| now < until)
    }

    /// Counts packets from now on.
    pub(crate) fn begin(&mut self) {
        for slot in &mut self.slots.all {
            slot.account.begin();
        }
    }

    /// Counts no new packets; what is missing may still come.
    pub(crate) fn end(&mut self) {
        for slot in &mut self.slots.all {
            slot.account.end();
        }
    }

    /// Adds what its Slots counted in the window.
    pub(crate) fn count(&self, tally: &mut Tally) {
        for slot in &self.slots.all {
            let counts = slot.account.counts();
            tally.received += counts.received;
            tally.lost += counts.lost;
            tally.duplicates += counts.duplicates;
        }
    }

    pub(crate) fn next(&self) -> Nanos {
        let mut next = self.link.next_timeout().unwrap_or(Nanos::MAX);
        if self.link.is_connected() {
            next = next.min(self.feedback.next());
            for publication in &self.publications {
                next = next.min(publication.next().unwrap_or(Nanos::MAX));
            }
        }
        next
    }

    pub(crate) fn handle_timeout(&mut self, now: Nanos, env: &mut Env<'_>) {
        if self.link.next_timeout().is_some_and(|at| at <= now) {
            self.link.handle_timeout(now);
            self.settle(now, env);
        }
        if !self.link.is_connected() {
            return;
        }
        self.produce(now, env);
        if self.feedback.next() <= now {
            self.give_feedback(now, env);
        }
    }

    fn produce(&mut self, now: Nanos, env: &mut Env<'_>) {
        let mut out = Out {
            link: &mut self.link,
            batch: env.batch,
            tally: env.tally,
            counting: env.counting,
            now,
        };
        for publication in &mut self.publications {
            publication.produce(&mut out);
        }
    }

    fn give_feedback(&mut self, now: Nanos, env: &mut Env<'_>) {
        let mut compound = RtcpWriter::default();
        if self.feedback.next_nack <= now {
            self.feedback.next_nack = now.after(NACK_TICK);
            self.feedback
                .complain(&mut self.slots, now, env.tally, &mut compound);
            self.flush(&mut compound, env);
        }
        if self.feedback.arrivals.is_due(now) {
            let any = self.slots.all.iter().find_map(|slot| slot.ssrc);
            while self
                .feedback
                .arrivals
                .write(any.unwrap_or(Ssrc(0)), &mut compound)
            {
                self.flush(&mut compound, env);
            }
            self.flush(&mut compound, env);
        }
        if self.feedback.next_report <= now {
            self.feedback.next_report = now.after(REPORT_INTERVAL);
            self.report(now, &mut compound, env);
        }
    }

    fn report(&mut self, now: Nanos, compound: &mut RtcpWriter, env: &mut Env<'_>) {
        let ntp = ntp_now();
        for publication in &self.publications {
            publication.report(ntp, now, compound);
        }
        self.flush(compound, env);
        let mut from = Some(0).filter(|_| !self.slots.all.is_empty());
        while let Some(at) = from {
            from = feedback::report(&self.slots.all, at, now, compound);
            self.flush(compound, env);
        }
    }

    fn flush(&mut self, compound: &mut RtcpWriter, env: &mut Env<'_>) {
        if !compound.is_empty() {
            self.link.send_rtcp(env.batch, compound.bytes());
            compound.clear();
        }
    }

    pub(super) fn settle(&mut self, now: Nanos, env: &mut Env<'_>) {
        let Some(state) = self.link.settle(env.batch) else {
            return;
        };
        let happened = self.reach(state, now);
        env.happened.push((self.id, happened));
    }

    fn reach(&mut self, state: TransportState, now: Nanos) -> Happening {
        self.connecting_until = None;
        match state {
            TransportState::Connected => {
                for publication in &mut self.publications {
                    let wait = first_frame(self.phase, publication.interval());
                    publication.start(now.after(wait));
                }
                self.feedback.start(now, self.phase);
                Happening::Connected
            }
            TransportState::Disconnected | TransportState::Failed => Happening::Lost,
        }
    }

    pub(super) fn handle_rtcp(&mut self, now: Nanos, compound: &[u8], env: &mut Env<'_>) {
        for packet in rtcp::packets(compound).flatten() {
            match packet {
                RtcpPacket::SenderReport { ssrc, info, blocks } => {
                    let middle = (info.ntp >> 16) as u32;
                    let of = self.slots.all.iter_mut().find(|s| s.ssrc == Some(ssrc));
                    if let Some(slot) = of {
                        slot.sender_report = Some((middle, now));
                    }
                    self.heard(blocks.map(|block| block.ssrc));
                }
                RtcpPacket::ReceiverReport { blocks } => self.heard(blocks.map(|b| b.ssrc)),
                RtcpPacket::Nack { media, lost } => {
                    let mut out = Out {
                        link: &mut self.link,
                        batch: env.batch,
                        tally: env.tally,
                        counting: env.counting,
                        now,
                    };
                    for publication in &mut self.publications {
                        publication.repeat(media, lost.clone(), &mut out);
                    }
                }
                RtcpPacket::Pli { media } => self.keyframe(media, env.tally),
                RtcpPacket::Fir { entries } => {
                    for (media, _) in entries {
                        self.keyframe(media, env.tally);
                    }
                }
                RtcpPacket::Bye { .. } | RtcpPacket::Other => {}
            }
        }
    }

    /// The server reports on these, so it knows whose they are.
    fn heard(&mut self, ssrcs: impl Iterator<Item = Ssrc>) {
        for ssrc in ssrcs {
            for publication in &mut self.publications {
                if let Some(encoding) = publication.by_ssrc(ssrc) {
                    encoding.named = false;
                }
            }
        }
    }

    fn keyframe(&mut self, media: Ssrc, tally: &mut Tally) {
        for publication in &mut self.publications {
            if let Some(encoding) = publication.by_ssrc(media) {
                encoding.keyframe_wanted = true;
                tally.keyframes_asked += 1;
            }
        }
    }

    /// Says goodbye to the transport.
    pub(crate) fn close(&mut self, now: Nanos, batch: &mut SendBatch) {
        if self.link.is_connected() {
            let mut compound = RtcpWriter::default();
            compound.receiver_report(OWN, &[]);
            self.link.send_rtcp(batch, compound.bytes());
        }
        self.link.close(now);
        self.link.settle(batch);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use convoke_media::transport::{DtlsIdentity, Profile};

    use super::*;
    use crate::clock::Epoch;

    impl Client {
        /// Never connected to anything.
        pub(in crate::client) fn of_nobody(slots: Slots) -> Self {
            let identity = Arc::new(DtlsIdentity::generate().unwrap());
            let profiles = [Profile::AeadAes128Gcm];
            let (local, epoch) = (Ipv4Addr::LOCALHOST.into(), Epoch::new());
            let link = Link::new(local, identity, &profiles, 1, epoch, true).unwrap();
            Self::new(ClientId(0), link, Vec::new(), slots)
        }
    }

    #[test]
    fn who_fails_or_is_not_answered_is_not_connecting_any_longer() {
        let mut client = Client::of_nobody(Slots::default());
        let now = Nanos(1);
        client.begin_connecting(now);
        assert!(client.is_connecting(now));
        assert!(!client.is_connecting(now.after(PATIENCE)));
        assert_eq!(client.reach(TransportState::Failed, now), Happening::Lost);
        assert!(!client.is_connecting(now));
    }

    #[test]
    fn frames_of_people_who_join_at_a_pace_are_spread_evenly() {
        const PEOPLE: u32 = 2_000;
        for interval in [20_000, 33_333, 100_000].map(Duration::from_micros) {
            for pace in [0, 10, 20, 40, 50].map(Duration::from_millis) {
                let mut tenths = [0; 10];
                for id in 0..PEOPLE {
                    let start = pace * id + first_frame(phase_of(ClientId(id)), interval);
                    let part = start.as_nanos() % interval.as_nanos();
                    tenths[(10 * part / interval.as_nanos()) as usize] += 1;
                }
                let even = |count: &u32| (PEOPLE / 10).abs_diff(*count) < PEOPLE / 40;
                assert!(
                    tenths.iter().all(even),
                    "{interval:?}, {pace:?}: {tenths:?}"
                );
            }
        }
    }
}
