//! Users become known by their tokens. Writing that down at every request would be a
//! transaction for nothing, so it is remembered whom the database knows as they are.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::CallService;
use super::core::database;
use crate::domain::permission;
use crate::domain::principal::Principal;
use crate::ids::UserId;

/// About two megabytes. Beyond it everything is forgotten, which costs one write for
/// each user who then asks again.
const CAPACITY: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Seen {
    /// By user, a hash of what was last written of them.
    written: Mutex<HashMap<UserId, u64>>,
    /// Its keys are random: nobody can make two descriptions collide.
    hasher: RandomState,
}

impl Seen {
    fn hash(&self, who: &Principal) -> u64 {
        let said = (
            &who.name,
            &who.username,
            &who.email,
            &who.avatar_url,
            &who.role,
        );
        self.hasher.hash_one(said)
    }

    fn written(&self) -> MutexGuard<'_, HashMap<UserId, u64>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, who: &Principal) -> bool {
        self.written().get(&who.user) == Some(&self.hash(who))
    }

    fn remember(&self, who: &Principal) {
        let hash = self.hash(who);
        let mut written = self.written();
        if written.len() >= CAPACITY {
            written.clear();
        }
        written.insert(who.user.clone(), hash);
    }

    /// Somebody else described the user: the next token has a say again.
    pub(super) fn forget(&self, user: &UserId) {
        self.written().remove(user);
    }
}

impl CallService {
    /// Makes the user of a valid token one of the directory, described by the token.
    /// Whatever else was asked goes on if that cannot be written now.
    pub async fn seen(&self, who: &Principal) {
        let core = &self.core;
        // A pass is made by whoever asked for it, and describes its user as they did.
        if !permission::has_account(who) || core.seen.knows(who) {
            return;
        }
        let put = core.store.see_user(who, core.clock.now()).await;
        if put.map_err(database).is_ok() {
            core.seen.remember(who);
        }
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

    #[test]
    fn what_is_known_is_what_was_last_remembered() {
        let seen = Seen::default();
        let anna = principal("1", "Anna");
        assert!(!seen.knows(&anna));
        seen.remember(&anna);
        assert!(seen.knows(&anna));
        assert!(!seen.knows(&principal("1", "Anne")));
        assert!(!seen.knows(&principal("2", "Anna")));
        let with_role = Principal {
            role: Some("doctor".to_owned()),
            ..anna.clone()
        };
        assert!(!seen.knows(&with_role));
        seen.forget(&anna.user);
        assert!(!seen.knows(&anna));
    }

    #[test]
    fn the_memory_is_bounded() {
        let seen = Seen::default();
        for n in 0..=CAPACITY {
            seen.remember(&principal(&n.to_string(), "Anna"));
        }
        assert!(seen.written().len() <= CAPACITY);
        assert!(seen.knows(&principal(&CAPACITY.to_string(), "Anna")));
    }
}
