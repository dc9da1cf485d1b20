//! What users are told even when offline at the time: each his own.

use super::CallService;
use super::core::database;
use super::record::{Notifications, Paging};
use crate::domain::notification::Notification;
use crate::domain::permission;
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::store::NotificationListing;

impl CallService {
    /// Latest first; only those that are not read yet if `unread`.
    pub async fn notifications(
        &self,
        who: &Principal,
        unread: bool,
        paging: Paging,
    ) -> Result<Notifications, CallError> {
        has_account(who)?;
        let listing = NotificationListing {
            unread,
            limit: paging.limit(),
            offset: paging.offset(),
        };
        let store = &self.core.store;
        let page = store.notifications_of(&who.user, listing).await;
        let unread = store.unread_notifications(&who.user).await;
        Ok(Notifications {
            page: page.map_err(database)?,
            unread: unread.map_err(database)?,
        })
    }

    /// Reading twice is reading once.
    pub async fn read_notification(
        &self,
        who: &Principal,
        number: i64,
    ) -> Result<Notification, CallError> {
        has_account(who)?;
        let (store, now) = (&self.core.store, self.core.clock.now());
        let read = store.read_notification(&who.user, number, now).await;
        let read = read.map_err(database)?;
        read.ok_or(CallError::NothingHere("notification"))
    }

    /// Tells how many were not read before.
    pub async fn read_notifications(&self, who: &Principal) -> Result<u64, CallError> {
        has_account(who)?;
        let (store, now) = (&self.core.store, self.core.clock.now());
        let read = store.read_notifications(&who.user, now).await;
        read.map_err(database)
    }
}

fn has_account(who: &Principal) -> Result<(), CallError> {
    let has = permission::has_account(who);
    has.then_some(()).ok_or(CallError::Forbidden)
}
