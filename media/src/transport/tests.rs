//! A Transport and a [`ClientTransport`] over a network that loses, repeats and
//! reorders, in virtual time.

use std::time::Duration;

use rand::{Rng, seq::SliceRandom};

use super::client::ClientTransport;
use super::*;

mod attacks;

const SERVER: &str = "203.0.113.1:3478";
const CLIENT: &str = "192.0.2.7:50000";
const BOTH: [Profile; 2] = [Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm];

fn up(client: &str) -> Path {
    Path {
        local: client.parse().unwrap(),
        remote: SERVER.parse().unwrap(),
    }
}

fn reverse(path: Path) -> Path {
    Path {
        local: path.remote,
        remote: path.local,
    }
}

struct Link {
    now: Instant,
    server: Transport,
    client: ClientTransport,
    rng: ChaCha20Rng,
    loss: f64,
    /// How often a DTLS datagram has a byte changed.
    bending: f64,
    /// Datagrams that crossed.
    delivered: usize,
}

impl Link {
    fn new(seed: u8, profiles: &[Profile]) -> Self {
        let identity = |_| Arc::new(DtlsIdentity::generate().unwrap());
        let server = Transport::new(identity(0), 3, [seed; 32]);
        let client = ClientTransport::new(identity(1), profiles, [seed ^ 0xff; 32]);
        Self {
            now: start(),
            server,
            client,
            rng: ChaCha20Rng::from_seed([seed; 32]),
            loss: 0.0,
            bending: 0.0,
            delivered: 0,
        }
    }

    fn client_params(&self) -> TransportParams {
        TransportParams {
            remote_ufrag: self.client.local_ufrag().to_owned(),
            remote_pwd: self.client.local_pwd().to_owned(),
            fingerprint: self.client.fingerprint().clone(),
        }
    }

    fn server_params(&self) -> TransportParams {
        TransportParams {
            remote_ufrag: self.server.local_ufrag().to_owned(),
            remote_pwd: self.server.local_pwd().to_owned(),
            fingerprint: self.server.identity.fingerprint().clone(),
        }
    }

    /// Offer and answer.
    fn negotiate(&mut self, client: &str) -> bool {
        let params = self.client_params();
        let renewed = self.server.set_remote(self.now, &params);
        let params = self.server_params();
        self.client.set_remote(self.now, params, up(client));
        renewed.credentials
    }

    fn lossy(&mut self, datagrams: Vec<ControlDatagram>) -> Vec<ControlDatagram> {
        let mut through = Vec::new();
        for mut datagram in datagrams {
            let bent = self.bending > 0.0 && self.rng.random_bool(self.bending);
            if bent && !stun::is_stun(&datagram.bytes) {
                let at = self.rng.random_range(0..datagram.bytes.len());
                datagram.bytes[at] = self.rng.random();
            }
            if self.loss > 0.0 && self.rng.random_bool(self.loss / 2.0) {
                through.push(datagram.clone());
            }
            if self.loss == 0.0 || !self.rng.random_bool(self.loss) {
                through.push(datagram);
            }
        }
        if self.loss > 0.0 {
            through.shuffle(&mut self.rng);
        }
        through
    }

    /// One exchange and a step of time.
    fn step(&mut self) {
        self.client.handle_timeout(self.now);
        let sent = std::iter::from_fn(|| self.client.poll_control()).collect();
        for ControlDatagram { path, bytes } in self.lossy(sent) {
            self.delivered += 1;
            deliver(&mut self.server, self.now, reverse(path), &bytes);
        }
        self.server.handle_timeout(self.now);
        let sent = std::iter::from_fn(|| self.server.poll_control()).collect();
        for ControlDatagram { path, bytes } in self.lossy(sent) {
            self.delivered += 1;
            self.client.handle_control(self.now, reverse(path), &bytes);
        }
        self.now += Duration::from_millis(20);
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.step();
        }
    }

    fn run_until_connected(&mut self) {
        for _ in 0..1_500 {
            self.step();
            if self.client.is_connected() && self.server.path().is_some() {
                return;
            }
        }
        panic!(
            "not connected after 30 s: {:?} {:?}",
            self.client.poll_event(),
            self.server.poll_event()
        );
    }

    /// A packet each way.
    fn assert_media_flows(&mut self, seq: u64) {
        let mut packet = rtp(seq as u16);
        let sealed = self.client.seal_rtp(SeqNo(seq), &mut packet, 20).unwrap();
        assert_eq!(self.server.open_rtp(&mut packet[..sealed]), Ok(20));
        let mut packet = rtp(seq as u16);
        let sealed = self.server.seal_rtp(SeqNo(seq), &mut packet, 20).unwrap();
        assert_eq!(self.client.open_rtp(&mut packet[..sealed]), Ok(20));
    }

    fn events(&mut self) -> Vec<TransportState> {
        std::iter::from_fn(|| self.server.poll_event()).collect()
    }
}

fn deliver(server: &mut Transport, now: Instant, path: Path, bytes: &[u8]) -> StunOutcome {
    if stun::is_stun(bytes) {
        return server.handle_stun(now, path, bytes);
    }
    server.handle_dtls(now, path, bytes);
    StunOutcome::Ignored
}

#[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
fn start() -> Instant {
    Instant::now()
}

fn rtp(seq: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(seq.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend([0, 0, 0, 7]);
    packet.extend([0xab; 8]);
    packet.resize(20 + RTP_OVERHEAD, 0);
    packet
}

#[test]
fn connects_with_aes_gcm_although_the_client_prefers_sha1() {
    let mut link = Link::new(1, &BOTH);
    assert!(!link.negotiate(CLIENT));
    link.run_until_connected();
    assert_eq!(link.client.profile(), Some(Profile::AeadAes128Gcm));
    assert_eq!(link.server.stats().srtp_profile, Some("AEAD_AES_128_GCM"));
    assert_eq!(link.events(), [TransportState::Connected]);
    assert_eq!(link.client.poll_event(), Some(TransportState::Connected));
    link.assert_media_flows(1);
    assert_eq!(link.server.path(), Some(reverse(up(CLIENT))));
}

#[test]
fn falls_back_to_sha1() {
    let mut link = Link::new(2, &BOTH[..1]);
    link.negotiate(CLIENT);
    link.run_until_connected();
    assert_eq!(link.client.profile(), Some(Profile::Aes128CmSha1_80));
    link.assert_media_flows(1);
}

#[test]
fn a_bent_handshake_ends_in_order() {
    let mut outcomes = [0; 2];
    for seed in 0..150 {
        let mut link = Link::new(seed, &BOTH);
        link.bending = 0.4;
        link.negotiate(CLIENT);
        link.run(Duration::from_secs(31));
        link.bending = 0.0;
        match link.server.path() {
            // What completed has the right keys, or the client did not agree.
            Some(_) if link.client.is_connected() => {
                link.assert_media_flows(1);
                outcomes[0] += 1;
            }
            Some(_) => {}
            None => outcomes[1] += 1,
        }
    }
    assert!(outcomes.iter().all(|n| *n > 0), "{outcomes:?}");
}

#[test]
fn a_wrong_certificate_fails() {
    let mut link = Link::new(3, &BOTH);
    let mut params = link.client_params();
    params.fingerprint.bytes[0] ^= 1;
    link.server.set_remote(link.now, &params);
    let params = link.server_params();
    link.client.set_remote(link.now, params, up(CLIENT));
    // Not at once: whoever forges the client's address can send a certificate too.
    link.run(HANDSHAKE_LIMIT + Duration::from_secs(1));
    assert_eq!(link.events(), [TransportState::Failed]);
    assert_eq!(link.server.path(), None);
    let mut packet = rtp(1);
    assert_eq!(
        link.server.seal_rtp(SeqNo(1), &mut packet, 20),
        Err(SrtpError::NotConnected)
    );
}

#[test]
fn a_client_that_moves_keeps_its_call() {
    let mut link = Link::new(6, &BOTH);
    link.negotiate(CLIENT);
    link.run_until_connected();
    link.client.move_to(link.now, up("192.0.2.99:1234"));
    link.run(Duration::from_millis(100));
    assert_eq!(link.server.path(), Some(reverse(up("192.0.2.99:1234"))));
    link.assert_media_flows(1);
    assert_eq!(link.events(), [TransportState::Connected]);
}

#[test]
fn consent_expires_and_returns() {
    let mut link = Link::new(7, &BOTH);
    link.negotiate(CLIENT);
    link.run_until_connected();
    link.loss = 1.0 - f64::EPSILON;
    link.rng = ChaCha20Rng::from_seed([9; 32]);
    let silent_from = link.now;
    // Nothing arrives, timers only.
    while link.server.path().is_some() {
        let next = link.server.next_timeout().unwrap();
        assert!(next <= silent_from + Duration::from_secs(30));
        link.now = next;
        link.server.handle_timeout(next);
    }
    assert_eq!(
        link.events(),
        [TransportState::Connected, TransportState::Disconnected]
    );
    link.loss = 0.0;
    link.run(Duration::from_secs(1));
    assert_eq!(link.events(), [TransportState::Connected]);
    link.assert_media_flows(1);
}

#[test]
fn an_ice_restart_changes_credentials_and_keeps_media() {
    let mut link = Link::new(8, &BOTH);
    link.negotiate(CLIENT);
    link.run_until_connected();
    let old = link.server.local_ufrag().to_owned();
    link.client.restart_ice();
    assert!(link.negotiate("192.0.2.8:60000"));
    assert_ne!(link.server.local_ufrag(), old);
    assert_eq!(link.server.local_ufrags().count(), 2);
    link.assert_media_flows(1);
    link.run(Duration::from_millis(100));
    assert_eq!(link.server.local_ufrags().count(), 1);
    assert_eq!(link.server.path(), Some(reverse(up("192.0.2.8:60000"))));
    link.assert_media_flows(2);
    assert_eq!(link.events(), [TransportState::Connected]);
}

#[test]
fn a_new_fingerprint_starts_a_new_handshake() {
    let mut link = Link::new(10, &BOTH);
    link.negotiate(CLIENT);
    link.run_until_connected();
    // The browser reloaded.
    let identity = Arc::new(DtlsIdentity::generate().unwrap());
    link.client = ClientTransport::new(identity, &BOTH, [77; 32]);
    assert!(link.negotiate("192.0.2.7:50001"));
    assert_eq!(link.server.path(), None);
    link.run_until_connected();
    link.assert_media_flows(1);
    assert_eq!(
        link.events(),
        [TransportState::Connected, TransportState::Connected]
    );
}

#[test]
fn close_notify_ends_the_other_side() {
    let mut link = Link::new(11, &BOTH);
    link.negotiate(CLIENT);
    link.run_until_connected();
    link.client.close(link.now);
    link.run(Duration::from_millis(40));
    assert_eq!(
        link.events(),
        [TransportState::Connected, TransportState::Failed]
    );

    let mut link = Link::new(12, &BOTH);
    link.negotiate(CLIENT);
    link.run_until_connected();
    link.server.close(link.now);
    link.run(Duration::from_millis(40));
    assert!(!link.client.is_connected());
}

#[test]
fn a_forged_alert_does_not_end_the_call() {
    let mut link = Link::new(13, &BOTH);
    link.negotiate(CLIENT);
    link.run_until_connected();
    let path = reverse(up(CLIENT));
    // Fatal handshake_failure and close_notify, unencrypted, in both epochs.
    for epoch in [0, 1] {
        for alert in [[2, 40], [1, 0]] {
            let mut forged = vec![21, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 99, 0, 2];
            forged.extend(alert);
            link.server.handle_dtls(link.now, path, &forged);
        }
    }
    link.assert_media_flows(1);
    assert_eq!(link.events(), [TransportState::Connected]);
}

#[test]
fn without_a_handshake_it_fails_after_thirty_seconds() {
    for with_ice in [false, true] {
        let mut link = Link::new(14, &BOTH);
        let begin = link.now;
        link.negotiate(CLIENT);
        if with_ice {
            // Checks arrive, DTLS does not.
            link.client.handle_timeout(link.now);
            while let Some(ControlDatagram { path, bytes }) = link.client.poll_control() {
                deliver(&mut link.server, link.now, reverse(path), &bytes);
            }
        }
        let mut events = Vec::new();
        while events.is_empty() {
            link.now = link.server.next_timeout().unwrap();
            assert!(link.now <= begin + Duration::from_secs(30));
            link.server.handle_timeout(link.now);
            events = link.events();
        }
        assert_eq!(events, [TransportState::Failed]);
        assert_eq!(link.now, begin + Duration::from_secs(30));
    }
}

#[test]
fn connects_through_loss_repetition_and_reordering() {
    for seed in 0..40 {
        let mut link = Link::new(seed, &BOTH);
        link.loss = 0.3;
        link.negotiate(CLIENT);
        link.run_until_connected();
        link.assert_media_flows(1);
    }
}

#[test]
fn a_client_answers_the_checks_of_a_full_agent() {
    let client = |seed: u8| {
        let identity = Arc::new(DtlsIdentity::generate().unwrap());
        ClientTransport::new(identity, &BOTH, [seed; 32])
    };
    let params = |of: &ClientTransport| TransportParams {
        remote_ufrag: of.local_ufrag().to_owned(),
        remote_pwd: of.local_pwd().to_owned(),
        fingerprint: of.fingerprint().clone(),
    };
    let (mut full, mut bot, now) = (client(1), client(2), start());
    bot.set_role(client::IceRole::Controlled);
    let path = up(CLIENT);
    full.set_remote(now, params(&bot), reverse(path));
    bot.set_remote(now, params(&full), path);
    for (controlled, asking, asked) in [(false, &mut full, path), (true, &mut bot, reverse(path))] {
        asking.handle_timeout(now);
        let check = asking.poll_control().unwrap();
        let request = stun::Request::parse(&check.bytes).unwrap();
        assert_eq!(request.use_candidate, !controlled);
        assert_eq!(asked, reverse(check.path));
    }
    // The checks above were lost; the next is answered, and a stranger's is not.
    let later = now + Duration::from_millis(60);
    full.handle_timeout(later);
    let check = full.poll_control().unwrap();
    let mut forged = check.bytes.clone();
    forged[12] ^= 1;
    bot.handle_control(later, path, &forged);
    assert_eq!(bot.poll_control(), None);
    bot.handle_control(later, path, &check.bytes);
    let answer = bot.poll_control().unwrap();
    full.handle_control(later, reverse(path), &answer.bytes);
    // Which is what its handshake waited for: a record of type handshake.
    assert_eq!(full.poll_control().unwrap().bytes[0], 22);
}
