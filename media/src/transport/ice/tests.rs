//! Which path is used, who may check, and what an ICE restart changes.

use rand::SeedableRng;

use super::super::stun::{Check, credential_mac};
use super::*;

const SERVER: &str = "203.0.113.1:3478";

struct Client {
    now: Instant,
    ice: IceLite,
    remote: Credentials,
    count: u8,
}

fn path(n: u16) -> Path {
    Path {
        local: SERVER.parse().unwrap(),
        remote: format!("192.0.2.1:{}", 1_000 + n).parse().unwrap(),
    }
}

fn credentials(n: u8) -> Credentials {
    Credentials::generate(&[], &mut ChaCha20Rng::from_seed([n; 32]))
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
    fn new() -> Self {
        let mut ice = IceLite::new(7, ChaCha20Rng::from_seed([0; 32]));
        assert!(!ice.set_remote(credentials(1)));
        Self {
            now: Instant::now(),
            ice,
            remote: credentials(1),
            count: 0,
        }
    }

    fn write(&mut self, local: &Credentials, nominate: bool) -> Vec<u8> {
        self.count += 1;
        Check {
            transaction: [self.count; 12],
            username: &format!("{}:{}", local.ufrag, self.remote.ufrag),
            priority: 1,
            tie_breaker: 1,
            role: Role::Controlling,
            nominate,
        }
        .write(credential_mac(&local.pwd).unwrap().as_mut())
        .unwrap()
    }

    fn check(&mut self, n: u16, nominate: bool) -> StunOutcome {
        let local = self.ice.local().clone();
        self.check_as(&local, n, nominate)
    }

    fn check_as(&mut self, local: &Credentials, n: u16, nominate: bool) -> StunOutcome {
        let bytes = self.write(local, nominate);
        let handled = self.ice.handle(self.now, path(n), &bytes);
        let valid = matches!(
            handled.outcome,
            StunOutcome::Refreshed | StunOutcome::NewPath { .. }
        );
        assert_eq!(handled.answer.is_some(), valid);
        handled.outcome
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }
}

#[test]
fn credentials_are_long_enough_and_name_the_worker() {
    let ice = IceLite::new(200, ChaCha20Rng::from_seed([3; 32]));
    assert_eq!(stun::worker_of(&ice.local().ufrag), Some(200));
    assert_eq!(ice.local().ufrag.len(), 10);
    assert_eq!(ice.local().pwd.len(), 24);
    let other = IceLite::new(200, ChaCha20Rng::from_seed([4; 32]));
    assert_ne!(ice.local().ufrag, other.local().ufrag);
}

#[test]
fn before_any_nomination_the_newest_path_is_used() {
    let mut client = Client::new();
    assert_eq!(client.ice.path(), None);
    assert_eq!(
        client.check(1, false),
        StunOutcome::NewPath { replaced: None }
    );
    assert_eq!(client.ice.path(), Some(path(1)));
    client.check(2, false);
    assert_eq!(client.ice.path(), Some(path(2)));
    assert!(client.ice.is_validated(path(1)) && !client.ice.is_validated(path(3)));
}

#[test]
fn the_newest_nomination_wins_and_a_plain_check_does_not() {
    let mut client = Client::new();
    client.check(1, true);
    client.check(2, false);
    assert_eq!(client.ice.path(), Some(path(1)));
    assert_eq!(client.check(2, true), StunOutcome::Refreshed);
    assert_eq!(client.ice.path(), Some(path(2)));
    client.check(1, true);
    assert_eq!(client.ice.path(), Some(path(1)));
}

#[test]
fn a_silent_nominated_path_yields_to_one_that_is_alive() {
    // Firefox behind a NAT that rebinds: consent checks without USE-CANDIDATE, every
    // 4 to 6 s, from a new port.
    let mut client = Client::new();
    client.check(1, true);
    client.wait(6_000);
    client.check(1, false);
    client.wait(5_000);
    client.check(2, false);
    assert_eq!(client.ice.path(), Some(path(1)));
    client.wait(5_000);
    client.check(2, false);
    assert_eq!(client.ice.path(), Some(path(2)));
}

#[test]
fn consent_follows_the_path_in_use() {
    let mut client = Client::new();
    assert_eq!(client.ice.consent_until(), None);
    client.check(1, true);
    let until = client.now + CONSENT_TIMEOUT;
    assert_eq!(client.ice.consent_until(), Some(until));
    client.wait(1_000);
    client.check(2, false);
    assert_eq!(client.ice.consent_until(), Some(until));
    client.ice.revoke_consent();
    assert_eq!(
        (client.ice.path(), client.ice.consent_until()),
        (None, None)
    );
    client.check(2, false);
    assert_eq!(client.ice.path(), Some(path(2)));
}

#[test]
fn an_ice_restart_keeps_the_old_credentials_until_the_new_are_checked() {
    let mut client = Client::new();
    let old = client.ice.local().clone();
    client.check(1, true);
    client.remote = credentials(2);
    assert!(client.ice.set_remote(credentials(2)));
    assert!(!client.ice.set_remote(credentials(2)), "only once");
    let new = client.ice.local().clone();
    assert!(old.ufrag != new.ufrag && old.pwd != new.pwd);
    // The client's last consent checks on the old.
    client.remote = credentials(1);
    assert_eq!(client.check_as(&old, 1, true), StunOutcome::Refreshed);
    // Old and new do not mix.
    assert_eq!(client.check_as(&new, 2, true), StunOutcome::Ignored);
    client.remote = credentials(2);
    assert_eq!(client.check_as(&old, 2, true), StunOutcome::Ignored);
    client.check_as(&new, 2, false);
    assert_eq!(client.ice.path(), Some(path(2)));
    client.remote = credentials(1);
    assert_eq!(client.check_as(&old, 1, true), StunOutcome::Ignored);
}

#[test]
fn a_restart_overtaken_by_another_keeps_what_works() {
    let mut client = Client::new();
    let working = client.ice.local().clone();
    client.check(1, true);
    client.ice.set_remote(credentials(2));
    client.ice.set_remote(credentials(3));
    assert_eq!(client.ice.local_ufrags().count(), 2);
    assert_eq!(client.check_as(&working, 1, true), StunOutcome::Refreshed);
}

#[test]
fn strangers_and_wrong_passwords_validate_nothing() {
    let mut client = Client::new();
    let local = client.ice.local().clone();
    let wrong = Credentials {
        pwd: "x".repeat(24),
        ..local.clone()
    };
    let bytes = client.write(&wrong, true);
    let handled = client.ice.handle(client.now, path(1), &bytes);
    assert_eq!(handled.outcome, StunOutcome::Refused);
    assert!(
        handled
            .answer
            .is_none_or(|answer| answer.len() <= bytes.len())
    );
    // Somebody else's remote half, though the password is right.
    client.remote = credentials(9);
    assert_eq!(client.check_as(&local, 1, true), StunOutcome::Ignored);
    assert_eq!(client.ice.path(), None);
    assert!(!client.ice.is_validated(path(1)));
}

#[test]
fn paths_are_bounded_and_the_one_in_use_stays() {
    let mut client = Client::new();
    client.check(0, true);
    for n in 1..MAX_PATHS as u16 {
        client.wait(1);
        client.check(n, false);
    }
    for n in 0..200 {
        client.wait(1);
        let StunOutcome::NewPath { replaced } = client.check(100 + n, false) else {
            panic!("not new");
        };
        let replaced = replaced.unwrap();
        assert_ne!(replaced, path(0));
        assert!(!client.ice.is_validated(replaced));
    }
    assert_eq!(client.ice.path(), Some(path(0)));
    assert_eq!(client.ice.paths.len(), MAX_PATHS);
}
