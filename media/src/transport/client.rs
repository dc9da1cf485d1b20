//! The other end of a [`Transport`](super::Transport): an ICE agent with one path, a
//! DTLS client, SRTP. The load tester's bots and the simulation's participants connect
//! with it.
//!
//! RFC 8445 §7.2 (checks: regular nomination of the only pair) and §7.3 (those of a
//! full agent are answered), RFC 7675 §5.1 (consent checks). Out of scope: gathering,
//! several candidates, changing the role.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::control::{CONSENT_TIMEOUT, TransportState};
use crate::ids::SeqNo;
use crate::negotiation::params::{Fingerprint, TransportParams};

use super::dtls::{Association, DtlsIdentity, IdentityError, Progress};
use super::ice::Credentials;
use super::srtp::SrtpSession;
pub use super::stun::Role as IceRole;
use super::stun::{self, Check, Request};
use super::{ControlDatagram, Path, Profile, SrtpError};

/// Between checks until one is answered (RFC 8445 §14.2: at least 50 ms).
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// RFC 7675 §5.1: 5 s, 20 % more or less.
const CONSENT_INTERVAL: Duration = Duration::from_secs(5);
/// Of a host candidate (RFC 8445 §5.1.2.1).
const PRIORITY: u32 = 0x7e00_00ff;
/// Checks in flight whose answers still count.
const MAX_PENDING: usize = 8;

enum State {
    /// No answer yet, or no valid path.
    New,
    Handshaking(Box<Association>),
    Connected(Box<(Association, SrtpSession)>),
    Closed,
}

/// ICE, DTLS and SRTP of somebody who calls.
pub struct ClientTransport {
    identity: Arc<DtlsIdentity>,
    profiles: Vec<Profile>,
    local: Credentials,
    /// Of an ICE restart that the answer has not confirmed yet.
    next_local: Option<Credentials>,
    remote: Option<TransportParams>,
    path: Option<Path>,
    state: State,
    rng: ChaCha20Rng,
    role: IceRole,
    tie_breaker: u64,
    pending: VecDeque<[u8; 12]>,
    next_check: Option<Instant>,
    last_answer: Option<Instant>,
    control: VecDeque<ControlDatagram>,
    events: VecDeque<TransportState>,
}

impl ClientTransport {
    /// Offers `profiles` in this order: Chromium's begins with SHA-1.
    pub fn new(identity: Arc<DtlsIdentity>, profiles: &[Profile], seed: [u8; 32]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        Self {
            identity,
            profiles: profiles.to_vec(),
            local: Credentials::generate(&[], &mut rng),
            next_local: None,
            remote: None,
            path: None,
            state: State::New,
            role: IceRole::default(),
            tie_breaker: rng.random(),
            rng,
            pending: VecDeque::new(),
            next_check: None,
            last_answer: None,
            control: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// For the offer.
    pub fn local_ufrag(&self) -> &str {
        &self.next_local.as_ref().unwrap_or(&self.local).ufrag
    }

    pub fn local_pwd(&self) -> &str {
        &self.next_local.as_ref().unwrap_or(&self.local).pwd
    }

    pub fn fingerprint(&self) -> &Fingerprint {
        self.identity.fingerprint()
    }

    /// Makes new credentials for an offer that restarts ICE; checks go on with the
    /// old ones until [`Self::set_remote`] brings the answer.
    pub fn restart_ice(&mut self) {
        self.next_local = Some(Credentials::generate(&[], &mut self.rng));
    }

    /// Before [`Self::set_remote`]: controlled, when a full agent offered to us.
    pub const fn set_role(&mut self, role: IceRole) {
        self.role = role;
    }

    /// Takes the answer's parameters and the path to its candidate, and begins to
    /// check. Also how the client moves: a new `path.local` is a new network.
    pub fn set_remote(&mut self, now: Instant, remote: TransportParams, path: Path) {
        self.remote = Some(remote);
        if let Some(next) = self.next_local.take() {
            self.local = next;
        }
        self.move_to(now, path);
    }

    /// Goes on from another address.
    pub fn move_to(&mut self, now: Instant, path: Path) {
        self.path = Some(path);
        self.pending.clear();
        self.next_check = Some(now);
    }

    /// STUN and DTLS; RTP and RTCP are for [`Self::open_rtp`] and [`Self::open_rtcp`].
    pub fn handle_control(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        if self.path != Some(path) {
            return;
        }
        if let Some(request) = Request::parse(datagram) {
            self.answer_check(path, &request);
        } else if stun::is_stun(datagram) {
            self.handle_stun(now, datagram);
        } else {
            self.handle_dtls(now, datagram);
        }
    }

    /// A full agent checks the path as well, and gives it up without answers.
    fn answer_check(&mut self, path: Path, request: &Request<'_>) {
        if matches!(self.state, State::Closed) || request.username.0 != self.local.ufrag {
            return;
        }
        let Ok(mut mac) = stun::credential_mac(&self.local.pwd) else {
            return;
        };
        if !request.is_authentic(mac.as_mut()) {
            return;
        }
        if let Some(bytes) = request.success(path, mac.as_mut()) {
            self.control.push_back(ControlDatagram { path, bytes });
        }
    }

    fn handle_stun(&mut self, now: Instant, datagram: &[u8]) {
        let Some(remote) = &self.remote else { return };
        let Ok(mut mac) = stun::credential_mac(&remote.remote_pwd) else {
            return;
        };
        let answers = |id: &[u8; 12]| stun::is_success(datagram, id, mac.as_mut());
        if !self.pending.iter().any(answers) {
            return;
        }
        self.pending.clear();
        self.last_answer = Some(now);
        self.next_check = Some(now + CONSENT_INTERVAL.mul_f64(self.rng.random_range(0.8..1.2)));
        if matches!(self.state, State::New) {
            let fingerprint = remote.fingerprint.clone();
            self.begin_handshake(now, fingerprint);
        }
    }

    fn begin_handshake(&mut self, now: Instant, fingerprint: Fingerprint) {
        let association = self
            .client_config()
            .ok()
            .and_then(|config| Association::client(now, config, fingerprint).ok());
        match association {
            Some(association) => {
                self.state = State::Handshaking(Box::new(association));
                self.flush();
            }
            None => self.fail(now),
        }
    }

    fn client_config(&self) -> Result<Arc<rtc_dtls::config::HandshakeConfig>, IdentityError> {
        self.identity.client_config(&self.profiles)
    }

    fn handle_dtls(&mut self, now: Instant, datagram: &[u8]) {
        let result = match &mut self.state {
            State::Handshaking(association) => association.handle(now, datagram),
            State::Connected(secure) => secure.0.handle(now, datagram),
            State::New | State::Closed => return,
        };
        self.flush();
        match result {
            Ok(Progress::Pending) => {}
            Ok(Progress::Established(keys)) => match SrtpSession::new(&keys) {
                Ok(srtp) => self.connect(srtp),
                Err(_) => self.fail(now),
            },
            Ok(Progress::Closed) | Err(_) => self.fail(now),
        }
    }

    fn connect(&mut self, srtp: SrtpSession) {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Handshaking(association) => {
                self.state = State::Connected(Box::new((*association, srtp)));
                self.events.push_back(TransportState::Connected);
            }
            other => self.state = other,
        }
    }

    fn fail(&mut self, now: Instant) {
        self.close(now);
        self.events.push_back(TransportState::Failed);
    }

    fn flush(&mut self) {
        let association = match &mut self.state {
            State::Handshaking(association) => association,
            State::Connected(secure) => &mut secure.0,
            _ => return,
        };
        for bytes in association.drain() {
            if let Some(path) = self.path {
                self.control.push_back(ControlDatagram { path, bytes });
            }
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.next_check.is_some_and(|at| now >= at) {
            self.check(now);
        }
        let failed = match &mut self.state {
            State::Handshaking(association) => association.handle_timeout(now).is_err(),
            _ => false,
        };
        let lost = self
            .last_answer
            .is_some_and(|at| now >= at + CONSENT_TIMEOUT);
        self.flush();
        if failed {
            self.fail(now);
        } else if lost {
            self.last_answer = None;
            self.events.push_back(TransportState::Disconnected);
        }
    }

    fn check(&mut self, now: Instant) {
        let (Some(path), Some(remote)) = (self.path, &self.remote) else {
            self.next_check = None;
            return;
        };
        self.next_check = Some(now + CHECK_INTERVAL);
        let username = format!("{}:{}", remote.remote_ufrag, self.local.ufrag);
        let transaction: [u8; 12] = self.rng.random();
        let check = Check {
            transaction,
            username: &username,
            priority: PRIORITY,
            tie_breaker: self.tie_breaker,
            role: self.role,
            nominate: self.role == IceRole::Controlling,
        };
        let bytes = stun::credential_mac(&remote.remote_pwd)
            .ok()
            .and_then(|mut mac| check.write(mac.as_mut()));
        if let Some(bytes) = bytes {
            if self.pending.len() == MAX_PENDING {
                self.pending.pop_front();
            }
            self.pending.push_back(transaction);
            self.control.push_back(ControlDatagram { path, bytes });
        }
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        let handshake = match &self.state {
            State::Handshaking(association) => association.next_timeout(),
            State::Closed => return None,
            _ => None,
        };
        let lost = self.last_answer.map(|at| at + CONSENT_TIMEOUT);
        [self.next_check, handshake, lost]
            .into_iter()
            .flatten()
            .min()
    }

    pub fn poll_control(&mut self) -> Option<ControlDatagram> {
        self.control.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<TransportState> {
        self.events.pop_front()
    }

    /// Where media goes.
    pub const fn path(&self) -> Option<Path> {
        self.path
    }

    pub const fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected(_))
    }

    /// What was negotiated, once connected.
    pub fn profile(&self) -> Option<Profile> {
        match &self.state {
            State::Connected(secure) => Some(secure.1.profile),
            _ => None,
        }
    }

    /// As [`Transport::open_rtp`](super::Transport::open_rtp).
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        self.srtp()?.open_rtp.open(packet)
    }

    /// As [`Transport::open_rtcp`](super::Transport::open_rtcp).
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        self.srtp()?.open_rtcp.open(packet)
    }

    /// As [`Transport::seal_rtp`](super::Transport::seal_rtp).
    pub fn seal_rtp(&mut self, seq: SeqNo, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        self.srtp()?.seal_rtp.seal(seq, buf, len)
    }

    /// As [`Transport::seal_rtcp`](super::Transport::seal_rtcp).
    pub fn seal_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        self.srtp()?.seal_rtcp.seal(buf, len)
    }

    fn srtp(&mut self) -> Result<&mut SrtpSession, SrtpError> {
        match &mut self.state {
            State::Connected(secure) => Ok(&mut secure.1),
            _ => Err(SrtpError::NotConnected),
        }
    }

    /// Says goodbye. Drain [`Self::poll_control`] afterwards.
    pub fn close(&mut self, now: Instant) {
        match &mut self.state {
            State::Handshaking(association) => association.close(now),
            State::Connected(secure) => secure.0.close(now),
            _ => {}
        }
        self.flush();
        self.next_check = None;
        self.last_answer = None;
        self.state = State::Closed;
    }
}
