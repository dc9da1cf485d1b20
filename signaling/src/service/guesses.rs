//! How often somebody tried a Call's password: a handful of mistakes is human.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::ids::UserId;

/// Tries that one user has for one Call in [`PERIOD`].
const TRIES: u32 = 10;
const PERIOD: Duration = Duration::from_secs(600);
/// Beyond it those whose period is over are forgotten, and after them everybody: a
/// flood of users costs a guesser's memory, not ours.
const CAPACITY: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Guesses {
    tries: Mutex<HashMap<(UserId, i64), Tries>>,
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    since: UnixMillis,
    count: u32,
}

impl Guesses {
    /// Counts a try, or refuses it.
    pub(super) fn begin(&self, user: &UserId, call: i64, now: UnixMillis) -> Result<(), CallError> {
        let over = |tries: &Tries| now.since(tries.since) >= PERIOD;
        let mut all = self.lock();
        if all.len() >= CAPACITY {
            all.retain(|_, tries| !over(tries));
        }
        if all.len() >= CAPACITY {
            all.clear();
        }
        let fresh = Tries {
            since: now,
            count: 0,
        };
        let tries = all.entry((user.clone(), call)).or_insert(fresh);
        if over(tries) {
            *tries = fresh;
        }
        if tries.count >= TRIES {
            return Err(CallError::TooManyTries);
        }
        tries.count += 1;
        Ok(())
    }

    /// It was right.
    pub(super) fn forget(&self, user: &UserId, call: i64) {
        self.lock().remove(&(user.clone(), call));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(UserId, i64), Tries>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_in_ten_minutes() {
        let guesses = Guesses::default();
        let anna = UserId::try_from("anna").unwrap();
        let start = UnixMillis(0);
        for _ in 0..TRIES {
            assert!(guesses.begin(&anna, 1, start).is_ok());
        }
        assert_eq!(guesses.begin(&anna, 1, start), Err(CallError::TooManyTries));
        assert!(guesses.begin(&anna, 2, start).is_ok());
        assert!(guesses.begin(&anna, 1, start + PERIOD).is_ok());
        guesses.forget(&anna, 1);
        for _ in 0..TRIES {
            assert!(guesses.begin(&anna, 1, start + PERIOD).is_ok());
        }
    }
}
