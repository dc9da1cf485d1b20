//! ICE-lite: answers checks, and sends where the client's last good ones came from.
//!
//! A full agent pairs and probes; behind one public port none of that is needed
//! (RFC 8445 §2.5). Two things are ours to decide and both are about browsers:
//! - **Which path to use.** The newest nomination. Firefox's consent checks carry no
//!   USE-CANDIDATE, so a path without one is adopted too, if none was ever nominated
//!   or the nominated one has been silent for [`SILENCE`]: that is a client whose NAT
//!   or network changed under it, and it keeps its call.
//! - **ICE restart** (RFC 8445 §9). The old credentials work until the first check on
//!   the new ones, since media must flow meanwhile.
//!
//! A valid check is also the client's consent to be sent to (RFC 7675 §5.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::{Rng, RngCore};
use rand_chacha::ChaCha20Rng;
use rtc_stun::message::TransactionId;
use smallvec::SmallVec;

use crate::control::CONSENT_TIMEOUT;

use super::stun::{self, ICE_CHARS, Refusal, Request, Role};
use super::{Path, StunOutcome};

/// Random characters behind the worker's in a ufrag, 48 bits: ufrags are how checks
/// find their Transport, so that they differ matters, not that they are secret.
const UFRAG_RANDOM: usize = 8;
/// RFC 8445 §5.3 asks for 128 bits; a character has six.
const PWD_LEN: usize = 24;

/// Paths that one client may have validated: interfaces times our addresses, and what
/// NAT rebinding leaves behind.
pub(super) const MAX_PATHS: usize = 16;

/// After this the nominated path yields to one that is alive. Chromium checks its path
/// at least every 2.5 s, Firefox every 4 to 6.
const SILENCE: Duration = Duration::from_millis(6_500);

/// Transactions that are remembered. A check is authentic wherever it is replayed
/// from, and adopting its address would hand the call's media to whoever saw one; so
/// each moves the path once. Browsers check about every 2.5 s: 20 minutes.
const MAX_TRANSACTIONS: usize = 512;

/// Username fragment and password (RFC 8445 §5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) ufrag: String,
    pub(super) pwd: String,
}

impl Credentials {
    /// `prefix` names the worker; a client has none.
    pub(super) fn generate(prefix: &[u8], rng: &mut impl RngCore) -> Self {
        let mut text = |head: &[u8], len: usize| {
            let tail = (0..len).map(|_| ICE_CHARS[rng.random_range(0..ICE_CHARS.len())]);
            let all = head.iter().copied().chain(tail);
            all.map(char::from).collect()
        };
        Self {
            ufrag: text(prefix, UFRAG_RANDOM),
            pwd: text(&[], PWD_LEN),
        }
    }
}

/// The credentials of both sides between two ICE restarts.
struct Generation {
    local: Credentials,
    /// None before the first offer.
    remote: Option<Credentials>,
    checked: bool,
}

impl Generation {
    const fn new(local: Credentials) -> Self {
        Self {
            local,
            remote: None,
            checked: false,
        }
    }

    fn is_meant(&self, (local, remote): (&str, &str)) -> bool {
        self.local.ufrag == local && self.remote.as_ref().is_some_and(|r| r.ufrag == remote)
    }
}

#[derive(Clone, Copy)]
struct ValidPath {
    path: Path,
    last_check: Instant,
}

/// How the path in use was found.
#[derive(Clone, Copy)]
struct Selection {
    at: usize,
    nominated: bool,
}

pub(super) struct IceLite {
    current: Generation,
    /// Before the last ICE restart; gone with the first check on `current`.
    previous: Option<Generation>,
    paths: SmallVec<[ValidPath; 4]>,
    selected: Option<Selection>,
    /// Of the last valid checks, oldest first.
    transactions: VecDeque<TransactionId>,
    worker: u8,
    rng: ChaCha20Rng,
}

/// What [`IceLite::handle`] makes of a datagram.
pub(super) struct Handled {
    pub(super) outcome: StunOutcome,
    pub(super) answer: Option<Vec<u8>>,
}

impl Handled {
    const IGNORED: Self = Self {
        outcome: StunOutcome::Ignored,
        answer: None,
    };

    const fn refused(answer: Option<Vec<u8>>) -> Self {
        Self {
            outcome: StunOutcome::Refused,
            answer,
        }
    }
}

impl IceLite {
    pub(super) fn new(worker: u8, mut rng: ChaCha20Rng) -> Self {
        let local = Credentials::generate(&stun::worker_prefix(worker), &mut rng);
        Self {
            current: Generation::new(local),
            previous: None,
            paths: SmallVec::new(),
            selected: None,
            transactions: VecDeque::new(),
            worker,
            rng,
        }
    }

    pub(super) fn local(&self) -> &Credentials {
        &self.current.local
    }

    pub(super) fn local_ufrags(&self) -> impl Iterator<Item = &str> {
        let generations = std::iter::once(&self.current).chain(&self.previous);
        generations.map(|g| g.local.ufrag.as_str())
    }

    /// Takes the credentials of an offer; true if they are new and ours changed for
    /// it (RFC 8839 §4.4.3: both sides change theirs).
    pub(super) fn set_remote(&mut self, remote: Credentials) -> bool {
        match &self.current.remote {
            Some(known) if *known == remote => return false,
            None => {
                self.current.remote = Some(remote);
                return false;
            }
            Some(_) => {}
        }
        let local = Credentials::generate(&stun::worker_prefix(self.worker), &mut self.rng);
        let mut next = Generation::new(local);
        next.remote = Some(remote);
        let last = std::mem::replace(&mut self.current, next);
        // A restart that was never checked was overtaken: what works is before it.
        if last.checked || self.previous.is_none() {
            self.previous = Some(last);
        }
        true
    }

    /// RFC 8445 §7.3, as a lite agent.
    pub(super) fn handle(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Handled {
        let Some(request) = Request::parse(datagram) else {
            return Handled::IGNORED;
        };
        let is_current = self.current.is_meant(request.username);
        let generation = match &mut self.previous {
            _ if is_current => &mut self.current,
            Some(previous) if previous.is_meant(request.username) => previous,
            _ => return Handled::IGNORED,
        };
        let Ok(mut mac) = stun::credential_mac(&generation.local.pwd) else {
            return Handled::IGNORED;
        };
        let mac = mac.as_mut();
        if !request.is_authentic(mac) {
            let error = if request.has_integrity() {
                Refusal::Unauthenticated
            } else {
                Refusal::BadRequest
            };
            return Handled::refused(request.error(error, None));
        }
        if !request.unknown.is_empty() {
            return Handled::refused(request.error(Refusal::UnknownAttribute, Some(mac)));
        }
        // A lite agent is always controlled (RFC 8445 §6.1.1), so it never yields.
        if request.role == Some(Role::Controlled) {
            return Handled::refused(request.error(Refusal::RoleConflict, Some(mac)));
        }
        let answer = request.success(path, mac);
        if self.transactions.contains(&request.transaction()) {
            return self.repeated(path, answer);
        }
        generation.checked = true;
        self.remember(request.transaction());
        if is_current && self.previous.take().is_some() {
            // The nomination was of the session before the restart.
            if let Some(selected) = &mut self.selected {
                selected.nominated = false;
            }
        }
        let outcome = self.record(now, path, request.use_candidate);
        Handled { outcome, answer }
    }

    /// A check that was handled before: its answer was lost on a path that we know,
    /// or somebody replays it.
    fn repeated(&self, path: Path, answer: Option<Vec<u8>>) -> Handled {
        if !self.is_validated(path) {
            return Handled::IGNORED;
        }
        Handled {
            outcome: StunOutcome::Refreshed,
            answer,
        }
    }

    fn remember(&mut self, transaction: TransactionId) {
        if self.transactions.len() == MAX_TRANSACTIONS {
            self.transactions.pop_front();
        }
        self.transactions.push_back(transaction);
    }

    fn record(&mut self, now: Instant, path: Path, nominated: bool) -> StunOutcome {
        let known = self.paths.iter().position(|p| p.path == path);
        let (at, outcome) = match known {
            Some(at) => {
                self.paths[at].last_check = now;
                (at, StunOutcome::Refreshed)
            }
            None => self.add_path(now, path),
        };
        if nominated || self.may_adopt(now, at) {
            self.selected = Some(Selection { at, nominated });
        }
        outcome
    }

    /// Whether a path that nobody nominated should be used.
    fn may_adopt(&self, now: Instant, at: usize) -> bool {
        let Some(selected) = self.selected else {
            return true;
        };
        let silent = now.saturating_duration_since(self.paths[selected.at].last_check);
        selected.at != at && (!selected.nominated || silent >= SILENCE)
    }

    fn add_path(&mut self, now: Instant, path: Path) -> (usize, StunOutcome) {
        let fresh = ValidPath {
            path,
            last_check: now,
        };
        if self.paths.len() < MAX_PATHS {
            self.paths.push(fresh);
            return (
                self.paths.len() - 1,
                StunOutcome::NewPath { replaced: None },
            );
        }
        let in_use = self.selected.map(|s| s.at);
        let others = (0..self.paths.len()).filter(|at| Some(*at) != in_use);
        let oldest = others.min_by_key(|at| self.paths[*at].last_check);
        let at = oldest.unwrap_or(0);
        let replaced = std::mem::replace(&mut self.paths[at], fresh).path;
        (
            at,
            StunOutcome::NewPath {
                replaced: Some(replaced),
            },
        )
    }

    pub(super) fn is_validated(&self, path: Path) -> bool {
        self.paths.iter().any(|p| p.path == path)
    }

    /// Where to send, while the client consents.
    pub(super) fn path(&self) -> Option<Path> {
        self.selected.map(|s| self.paths[s.at].path)
    }

    /// When consent ends unless renewed (RFC 7675 §5.1).
    pub(super) fn consent_until(&self) -> Option<Instant> {
        let selected = self.selected?;
        Some(self.paths[selected.at].last_check + CONSENT_TIMEOUT)
    }

    /// Another RTCPeerConnection begins: what the last one's checks showed is void.
    pub(super) fn forget_paths(&mut self) {
        self.previous = None;
        self.paths.clear();
        self.selected = None;
    }

    /// Nothing is sent until a check succeeds again. The paths stay validated, so that
    /// what still arrives on them is heard.
    pub(super) fn revoke_consent(&mut self) {
        self.selected = None;
    }
}

#[cfg(test)]
mod tests;
