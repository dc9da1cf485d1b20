//! Which resources there are, by id, and how many each user has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Resource;
use crate::ids::UserId;

#[derive(Default)]
pub(super) struct Registry(Mutex<Books>);

#[derive(Default)]
struct Books {
    by_id: HashMap<String, Arc<Resource>>,
    by_user: HashMap<UserId, usize>,
}

impl Registry {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Resource>> {
        self.books().by_id.get(id).cloned()
    }

    pub(super) fn forget(&self, id: &str) {
        self.books().by_id.remove(id);
    }

    /// A place for one more of the user's, unless it has `limit` already.
    pub(super) fn reserve(
        registry: &Arc<Self>,
        user: &UserId,
        limit: Option<usize>,
    ) -> Option<Place> {
        let mut books = registry.books();
        let count = books.by_user.get(user).copied().unwrap_or(0);
        if limit.is_some_and(|limit| count >= limit) {
            return None;
        }
        books.by_user.insert(user.clone(), count + 1);
        Some(Place {
            registry: Arc::clone(registry),
            user: user.clone(),
            id: None,
        })
    }
}

/// Given back when dropped, and with it the resource that has it.
pub(super) struct Place {
    registry: Arc<Registry>,
    user: UserId,
    id: Option<String>,
}

impl Place {
    pub(super) fn take(mut self, resource: Arc<Resource>) -> Self {
        self.id = Some(resource.id.clone());
        let id = resource.id.clone();
        self.registry.books().by_id.insert(id, resource);
        self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut books = self.registry.books();
        if let Some(id) = &self.id {
            books.by_id.remove(id);
        }
        // Users without any are forgotten, or the map would only grow.
        if let Some(count) = books.by_user.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                books.by_user.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_so_many_and_gets_them_back() {
        let registry = Arc::<Registry>::default();
        let user = |name| UserId::try_from(name).unwrap();
        let one = Registry::reserve(&registry, &user("a"), Some(1));
        assert!(one.is_some());
        assert!(Registry::reserve(&registry, &user("a"), Some(1)).is_none());
        assert!(Registry::reserve(&registry, &user("a"), None).is_some());
        assert!(Registry::reserve(&registry, &user("b"), Some(1)).is_some());
        drop(one);
        assert!(registry.books().by_user.is_empty());
        assert!(Registry::reserve(&registry, &user("a"), Some(1)).is_some());
    }
}
