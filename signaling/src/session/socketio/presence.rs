//! Through how many Links each user is present in each Call: the last says that it went.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ids::{CallId, UserId};

type Counts = HashMap<(UserId, CallId), usize>;

/// The count. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presences(Arc<Mutex<Counts>>);

impl Presences {
    pub(super) fn enter(&self, user: &UserId, call: CallId) {
        *self.lock().entry((user.clone(), call)).or_default() += 1;
    }

    /// Whether that was the last.
    pub(super) fn leave(&self, user: &UserId, call: CallId) -> bool {
        let key = (user.clone(), call);
        let mut counts = self.lock();
        let Some(count) = counts.get_mut(&key) else {
            return false;
        };
        *count -= 1;
        let last = *count == 0;
        if last {
            counts.remove(&key);
        }
        last
    }

    pub(super) fn contains(&self, user: &UserId, call: CallId) -> bool {
        self.lock().contains_key(&(user.clone(), call))
    }

    /// A panic under the lock left whole entries.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_the_last_goes() {
        let presences = Presences::default();
        let user = UserId::try_from("1").unwrap();
        let call = CallId::from_uuid(Uuid::from_u128(1));
        presences.enter(&user, call);
        presences.enter(&user, call);
        assert!(!presences.leave(&user, call));
        assert!(presences.leave(&user, call));
        assert!(!presences.leave(&user, call));
        assert!(presences.lock().is_empty());
    }
}
