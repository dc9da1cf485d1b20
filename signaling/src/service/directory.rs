//! The directory of users, chats and appointments, which the host application's
//! backend keeps; and what calls left behind in a chat, for its members.

use super::CallService;
use super::core::database;
use super::record::Paging;
use crate::domain::directory::{Appointment, Chat, ChatMessage, User};
use crate::domain::permission;
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::ids::{AppointmentId, ChatId, UserId};

const USER: CallError = CallError::NothingHere("user");
const CHAT: CallError = CallError::UnknownChat;
const APPOINTMENT: CallError = CallError::UnknownAppointment;

impl CallService {
    pub async fn put_user(&self, who: &Principal, user: &User) -> Result<(), CallError> {
        provisions(who)?;
        let core = &self.core;
        let put = core.store.put_user(user, core.clock.now()).await;
        core.seen.forget(&user.id);
        put.map_err(database)
    }

    pub async fn user(&self, who: &Principal, id: &UserId) -> Result<User, CallError> {
        provisions(who)?;
        let user = self.core.store.user(id).await.map_err(database)?;
        user.ok_or(USER)
    }

    pub async fn delete_user(&self, who: &Principal, id: &UserId) -> Result<(), CallError> {
        provisions(who)?;
        let core = &self.core;
        let deleted = core.store.delete_user(id, core.clock.now()).await;
        core.seen.forget(id);
        found(deleted, USER)
    }

    pub async fn put_chat(&self, who: &Principal, chat: &Chat) -> Result<(), CallError> {
        provisions(who)?;
        let now = self.core.clock.now();
        let put = self.core.store.put_chat(chat, now).await;
        put.map_err(database)
    }

    pub async fn chat(&self, who: &Principal, id: &ChatId) -> Result<Chat, CallError> {
        provisions(who)?;
        let chat = self.core.store.chat(id).await.map_err(database)?;
        chat.ok_or(CHAT)
    }

    pub async fn delete_chat(&self, who: &Principal, id: &ChatId) -> Result<(), CallError> {
        provisions(who)?;
        let now = self.core.clock.now();
        found(self.core.store.delete_chat(id, now).await, CHAT)
    }

    /// Latest first, for the backend and for members; to others there is no such chat.
    pub async fn chat_messages(
        &self,
        who: &Principal,
        id: &ChatId,
        paging: Paging,
    ) -> Result<Vec<ChatMessage>, CallError> {
        let store = &self.core.store;
        let chat = store.chat(id).await.map_err(database)?.ok_or(CHAT)?;
        if !permission::reads_chat(who, &chat) {
            return Err(CHAT);
        }
        let (limit, offset) = (paging.limit(), paging.offset());
        let messages = store.messages_of_chat(id, limit, offset).await;
        messages.map_err(database)
    }

    pub async fn put_appointment(
        &self,
        who: &Principal,
        appointment: &Appointment,
    ) -> Result<(), CallError> {
        provisions(who)?;
        let now = self.core.clock.now();
        let put = self.core.store.put_appointment(appointment, now).await;
        put.map_err(database)
    }

    pub async fn appointment(
        &self,
        who: &Principal,
        id: &AppointmentId,
    ) -> Result<Appointment, CallError> {
        provisions(who)?;
        let appointment = self.core.store.appointment(id).await.map_err(database)?;
        appointment.ok_or(APPOINTMENT)
    }

    pub async fn delete_appointment(
        &self,
        who: &Principal,
        id: &AppointmentId,
    ) -> Result<(), CallError> {
        provisions(who)?;
        found(self.core.store.delete_appointment(id).await, APPOINTMENT)
    }
}

fn provisions(who: &Principal) -> Result<(), CallError> {
    let may = permission::provisions(who);
    may.then_some(()).ok_or(CallError::Forbidden)
}

fn found(deleted: Result<bool, sqlx::Error>, missing: CallError) -> Result<(), CallError> {
    let deleted = deleted.map_err(database)?;
    deleted.then_some(()).ok_or(missing)
}
