//! How many requests one asker may send: a token bucket for each, kept as the one
//! instant at which it is full again (the GCRA of ITU-T I.371). Memory is bounded;
//! who cannot be remembered is let through, because whoever could fill the table
//! should not thereby lock out everybody else.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::problem::RequestRefused;
use crate::domain::time::UnixMillis;
use crate::ids::UserId;

/// A bucket: `burst` requests at once, and one more every `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub burst: u32,
    pub interval: Duration,
}

/// What the binary configures; `None` where a gateway limits already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Of one user, over all of its devices: far above what a front end asks for,
    /// below what a loop without a pause does.
    pub user: Rate,
    /// Of all API keys together: a backend asks for all of its users.
    pub backend: Rate,
    /// Tokens and keys that were wrong, of one address (IPv6: one /64).
    pub failures: Rate,
    /// Calls that guests of one address start, each of which stays on record. Joining
    /// one that goes on costs nothing here: an office or a class is one address.
    pub guest_calls: Rate,
    /// Sessions without a connection that one address opens: each writes to the
    /// database, and a guest is another user every time.
    pub openings: Rate,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            user: Rate {
                burst: 100,
                interval: Duration::from_millis(100),
            },
            backend: Rate {
                burst: 2000,
                interval: Duration::from_millis(2),
            },
            failures: Rate {
                burst: 30,
                interval: Duration::from_secs(2),
            },
            guest_calls: Rate {
                burst: 60,
                interval: Duration::from_secs(10),
            },
            openings: Rate {
                burst: 100,
                interval: Duration::from_millis(500),
            },
        }
    }
}

/// Every asker's bucket.
pub(crate) struct Rates(Option<Tables>);

struct Tables {
    users: Table<UserId>,
    backend: Table<()>,
    failures: Table<IpAddr>,
    guest_calls: Table<IpAddr>,
    openings: Table<IpAddr>,
}

impl Rates {
    pub(crate) fn new(limits: Option<RateLimits>) -> Self {
        Self(limits.map(|limits| Tables {
            users: Table::new(limits.user),
            backend: Table::new(limits.backend),
            failures: Table::new(limits.failures),
            guest_calls: Table::new(limits.guest_calls),
            openings: Table::new(limits.openings),
        }))
    }

    /// One request of a user.
    pub(crate) fn user(&self, user: &UserId, now: UnixMillis) -> Result<(), RequestRefused> {
        let tables = self.0.as_ref();
        tables.map_or(Ok(()), |tables| {
            refused(tables.users.take(user.clone(), now))
        })
    }

    /// One request with an API key.
    pub(crate) fn backend(&self, now: UnixMillis) -> Result<(), RequestRefused> {
        let tables = self.0.as_ref();
        tables.map_or(Ok(()), |tables| refused(tables.backend.take((), now)))
    }

    /// One proof that was none.
    pub(crate) fn failure(&self, from: IpAddr, now: UnixMillis) -> Result<(), RequestRefused> {
        let tables = self.0.as_ref();
        tables.map_or(Ok(()), |tables| {
            refused(tables.failures.take(network(from), now))
        })
    }

    /// One Session without a connection.
    pub(crate) fn opening(&self, from: IpAddr, now: UnixMillis) -> Result<(), RequestRefused> {
        let tables = self.0.as_ref();
        tables.map_or(Ok(()), |tables| {
            refused(tables.openings.take(network(from), now))
        })
    }

    /// Whether this address has failed too often for the next guess to be looked at.
    pub(crate) fn may_guess(&self, from: IpAddr, now: UnixMillis) -> Result<(), RequestRefused> {
        let tables = self.0.as_ref();
        tables.map_or(Ok(()), |tables| {
            refused(tables.failures.peek(&network(from), now))
        })
    }

    /// One Call that a guest starts, or how long until it may.
    pub(crate) fn guest_call(&self, from: IpAddr, now: UnixMillis) -> Result<(), Duration> {
        let tables = self.0.as_ref();
        tables.map_or(Ok(()), |tables| tables.guest_calls.take(network(from), now))
    }

    /// The same of one that is started by a request.
    pub(crate) fn guest_request(
        &self,
        from: IpAddr,
        now: UnixMillis,
    ) -> Result<(), RequestRefused> {
        refused(self.guest_call(from, now))
    }
}

fn refused(taken: Result<(), Duration>) -> Result<(), RequestRefused> {
    taken.map_err(|wait| {
        let retry_after_secs = u32::try_from(wait.as_millis().div_ceil(1000));
        RequestRefused::TooMany {
            retry_after_secs: retry_after_secs.unwrap_or(u32::MAX),
        }
    })
}

/// One customer of a provider has a whole /64 (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
    }
}

/// Some 10 MB with the longest ids, were all of them there at once.
const MAX_ENTRIES: usize = 32 * 1024;

struct Table<K> {
    rate: Rate,
    /// When each bucket is full again, in Unix milliseconds. Full ones need no entry.
    full_at: Mutex<HashMap<K, i64>>,
}

impl<K: Eq + Hash> Table<K> {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            full_at: Mutex::new(HashMap::new()),
        }
    }

    /// Takes one, or says how long until there is one.
    fn take(&self, key: K, now: UnixMillis) -> Result<(), Duration> {
        let now = now.0;
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let level = self.level(&mut full_at, &key, now);
        self.check(level, now)?;
        if full_at.len() >= MAX_ENTRIES {
            full_at.retain(|_, full| *full > now);
        }
        if full_at.len() < MAX_ENTRIES || full_at.contains_key(&key) {
            full_at.insert(key, level + self.interval());
        }
        Ok(())
    }

    fn peek(&self, key: &K, now: UnixMillis) -> Result<(), Duration> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let level = self.level(&mut full_at, key, now.0);
        self.check(level, now.0)
    }

    /// When the bucket of `key` is full again. None is emptier than empty: what says so was
    /// written before the clock was set back.
    fn level(&self, full_at: &mut HashMap<K, i64>, key: &K, now: i64) -> i64 {
        let empty = now + self.interval() * i64::from(self.rate.burst);
        let Some(full) = full_at.get_mut(key) else {
            return now;
        };
        *full = (*full).min(empty);
        (*full).max(now)
    }

    /// Whether one more fits into a bucket that is full again at `level`.
    fn check(&self, level: i64, now: i64) -> Result<(), Duration> {
        let deepest = now + self.interval() * i64::from(self.rate.burst.saturating_sub(1));
        let wait = level - deepest;
        if wait <= 0 {
            return Ok(());
        }
        Err(Duration::from_millis(wait.unsigned_abs()))
    }

    fn interval(&self) -> i64 {
        i64::try_from(self.rate.interval.as_millis()).unwrap_or(i64::MAX / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        burst: 3,
        interval: Duration::from_secs(2),
    };

    #[test]
    fn a_burst_passes_and_then_one_an_interval() {
        let table = Table::new(RATE);
        let start = 1_700_000_000_000;
        // Milliseconds since the start, and those to wait if it is refused.
        let cases = [
            (0, None),
            (0, None),
            (0, None),
            (0, Some(2000)),
            (500, Some(1500)),
            (1500, Some(500)),
            (2000, None),
            (2000, Some(2000)),
            (60_000, None),
            (60_000, None),
            (60_000, None),
            (60_000, Some(2000)),
        ];
        for (i, (at, wait)) in cases.into_iter().enumerate() {
            let got = table.take("ann", UnixMillis(start + at)).err();
            let want = wait.map(Duration::from_millis);
            assert_eq!(got, want, "request {i} at {at}");
        }
        assert_eq!(table.take("ben", UnixMillis(start)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let table = Table::new(RATE);
        let now = UnixMillis(1_700_000_000_000);
        let day_before = UnixMillis(now.0 - 86_400_000);
        for _ in 0..RATE.burst {
            assert_eq!(table.take("ann", now), Ok(()));
        }
        // As long as for the first after a burst, and no longer.
        assert_eq!(table.peek(&"ann", day_before), Err(RATE.interval));
        assert_eq!(table.take("ann", day_before), Err(RATE.interval));
        assert_eq!(table.take("ann", day_before + RATE.interval), Ok(()));
    }

    #[test]
    fn whoever_is_refused_waits_whole_seconds() {
        for (millis, retry_after_secs) in [(1, 1), (1000, 1), (1500, 2)] {
            let got = refused(Err(Duration::from_millis(millis)));
            assert_eq!(got, Err(RequestRefused::TooMany { retry_after_secs }));
        }
    }

    #[test]
    fn the_table_forgets_who_is_quiet_and_is_never_larger_than_its_limit() {
        let table = Table::new(RATE);
        for key in 0..MAX_ENTRIES + 10 {
            assert_eq!(table.take(key, UnixMillis(0)), Ok(()));
        }
        assert_eq!(table.full_at.lock().unwrap().len(), MAX_ENTRIES);
        assert_eq!(table.take(usize::MAX, UnixMillis(2000)), Ok(()));
        assert_eq!(table.full_at.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_network_is_one_asker() {
        let rates = Rates::new(Some(RateLimits {
            failures: RATE,
            ..RateLimits::default()
        }));
        let now = UnixMillis(0);
        for host in 1..=3 {
            let from = format!("2001:db8::{host}").parse().unwrap();
            assert_eq!(rates.failure(from, now), Ok(()));
        }
        let neighbour = "2001:db8::9".parse().unwrap();
        assert!(rates.may_guess(neighbour, now).is_err());
        assert!(rates.failure(neighbour, now).is_err());
        assert!(
            rates
                .may_guess("2001:db8:0:1::9".parse().unwrap(), now)
                .is_ok()
        );
    }
}
