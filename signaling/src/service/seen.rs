//! Users become known by their tokens. Writing that down at every request would be a
//! transaction for nothing, so it is remembered whom the database knows as they are; and
//! by which name, for tokens that have none.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::CallService;
use super::core::{Core, database};
use crate::domain::permission;
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::ids::UserId;

/// About two megabytes. Beyond it everything is forgotten, which costs one write for
/// each user who then asks again.
const CAPACITY: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Seen {
    written: Mutex<HashMap<UserId, Known>>,
    /// Counts what was forgotten, so that nothing is remembered that was read before.
    forgotten: AtomicU64,
    /// Its keys are random: nobody can make two descriptions collide.
    hasher: RandomState,
}

#[derive(Debug)]
struct Known {
    /// Of what was last written.
    hash: u64,
    /// The directory's.
    name: String,
}

impl Seen {
    fn hash(&self, who: &Principal) -> u64 {
        let said = (
            (&who.name, who.name_derived),
            &who.username,
            &who.email,
            &who.avatar_url,
            &who.role,
        );
        self.hasher.hash_one(said)
    }

    fn written(&self) -> MutexGuard<'_, HashMap<UserId, Known>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of somebody whom the database knows as `who` says.
    fn name_of(&self, who: &Principal) -> Option<String> {
        let hash = self.hash(who);
        let written = self.written();
        let known = written.get(&who.user).filter(|known| known.hash == hash)?;
        Some(known.name.clone())
    }

    /// Unless anybody was forgotten since `as_of`.
    fn remember(&self, who: &Principal, name: String, as_of: u64) {
        let hash = self.hash(who);
        let mut written = self.written();
        if self.forgotten.load(Ordering::Relaxed) != as_of {
            return;
        }
        if written.len() >= CAPACITY {
            written.clear();
        }
        written.insert(who.user.clone(), Known { hash, name });
    }

    /// Somebody else described the user: the next token has a say again.
    pub(super) fn forget(&self, user: &UserId) {
        let mut written = self.written();
        self.forgotten.fetch_add(1, Ordering::Relaxed);
        written.remove(user);
    }
}

impl CallService {
    /// Makes the user of a valid token one of the directory, described by the token, and
    /// gives it the directory's name where the token has none. Whatever else was asked
    /// goes on if that cannot be written now.
    pub async fn recognize(&self, who: Principal) -> Principal {
        // A pass is made by whoever asked for it, and describes its user as they did.
        if !permission::has_account(&who) {
            return who;
        }
        let seen = &self.core.seen;
        let name = match seen.name_of(&who) {
            Some(name) => name,
            None => {
                let as_of = seen.forgotten.load(Ordering::Relaxed);
                let Ok(name) = self.core.write_down(&who).await else {
                    return who;
                };
                seen.remember(&who, name.clone(), as_of);
                name
            }
        };
        match who.name_derived {
            true => Principal { name, ..who },
            false => who,
        }
    }
}

impl Core {
    /// Gives the name by which the directory knows it then.
    async fn write_down(&self, who: &Principal) -> Result<String, CallError> {
        let put = self.store.see_user(who, self.clock.now()).await;
        put.map_err(database)?;
        if !who.name_derived {
            return Ok(who.name.clone());
        }
        let known = self.store.user(&who.user).await.map_err(database)?;
        Ok(known.map_or_else(|| who.name.clone(), |known| known.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::Standing;

    fn principal(user: &str, name: &str) -> Principal {
        let id = UserId::try_from(user).unwrap();
        Principal::new(id, name, Standing::User)
    }

    fn knows(seen: &Seen, who: &Principal) -> bool {
        seen.name_of(who).is_some()
    }

    fn remember(seen: &Seen, who: &Principal) {
        let as_of = seen.forgotten.load(Ordering::Relaxed);
        seen.remember(who, who.name.clone(), as_of);
    }

    #[test]
    fn what_is_known_is_what_was_last_remembered() {
        let seen = Seen::default();
        let anna = principal("1", "Anna");
        assert!(!knows(&seen, &anna));
        remember(&seen, &anna);
        assert!(knows(&seen, &anna));
        assert!(!knows(&seen, &principal("1", "Anne")));
        assert!(!knows(&seen, &principal("2", "Anna")));
        let with_role = Principal {
            role: Some("doctor".to_owned()),
            ..anna.clone()
        };
        assert!(!knows(&seen, &with_role));
        seen.forget(&anna.user);
        assert!(!knows(&seen, &anna));
    }

    #[test]
    fn what_was_read_before_somebody_wrote_is_not_remembered() {
        let seen = Seen::default();
        let anna = principal("1", "Anna");
        let as_of = seen.forgotten.load(Ordering::Relaxed);
        seen.forget(&anna.user);
        seen.remember(&anna, "an old name".to_owned(), as_of);
        assert!(!knows(&seen, &anna));
    }

    #[test]
    fn the_memory_is_bounded() {
        let seen = Seen::default();
        for n in 0..=CAPACITY {
            remember(&seen, &principal(&n.to_string(), "Anna"));
        }
        assert!(seen.written().len() <= CAPACITY);
        assert!(knows(&seen, &principal(&CAPACITY.to_string(), "Anna")));
    }
}
