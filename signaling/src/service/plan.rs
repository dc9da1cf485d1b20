//! Making a Call and asking others into it.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::core::{Core, database};
use super::join::new_call_id;
use super::record::CallRecord;
use crate::domain::call::{About, Admission, Backend, Call, CallMode, Nature, Origin};
use crate::domain::directory::User;
use crate::domain::lifecycle::{Invitee, Plan, Transition};
use crate::domain::participant::Role;
use crate::domain::permission;
use crate::domain::principal::{Principal, Standing};
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::ids::{AppointmentId, ChatId, ParticipantId, RoomName, UserId};

/// A Call to be made.
#[derive(Debug, Clone)]
pub struct NewCall {
    pub room: RoomName,
    pub nature: Nature,
    pub title: Option<String>,
    pub chat: Option<ChatLink>,
    pub appointment: Option<AppointmentId>,
    pub password: Option<String>,
    pub recording_allowed: bool,
    /// Who is asked; whoever makes it is its host without being named.
    pub members: Vec<(UserId, Role)>,
    /// Everybody in the chat is asked as well.
    pub whole_chat: bool,
    /// Whether others may enter as well.
    pub admission: Admission,
    /// Whether they are rung now, or only told.
    pub ring: bool,
    /// When it is meant to begin, if not now.
    pub scheduled: Option<UnixMillis>,
    /// When it counts who never came.
    pub over_at: Option<UnixMillis>,
}

/// How a Call belongs to a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatLink {
    /// The directory has the chat, and whoever calls is a member.
    Known(ChatId),
    /// The host application says so; if the directory has it, it has to agree.
    Claimed(ChatId),
}

/// What came of [`NewCall`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub record: CallRecord,
    /// It was there already: an appointment has one Call.
    pub existed: bool,
}

impl NewCall {
    /// More than are ever called at once; a bound on what one request writes.
    pub const MAX_MEMBERS: usize = 200;

    pub fn new(room: RoomName, nature: Nature) -> Self {
        Self {
            room,
            nature,
            title: None,
            chat: None,
            appointment: None,
            password: None,
            recording_allowed: true,
            members: Vec::new(),
            whole_chat: false,
            admission: Admission::Members,
            ring: true,
            scheduled: None,
            over_at: None,
        }
    }
}

impl Core {
    pub(super) async fn plan(
        self: Arc<Self>,
        who: Principal,
        new: NewCall,
    ) -> Result<Planned, CallError> {
        if !permission::may_plan(&who) {
            return Err(CallError::Forbidden);
        }
        if let Some(existing) = self.existing(&who, &new).await? {
            return Ok(existing);
        }
        let begins = new.nature.backend == Backend::Sfu && new.scheduled.is_none();
        if begins {
            self.has_room()?;
        }
        let chat = self.chat_of(&who, &new).await?;
        let members = self.members(&who, &new, chat)?;
        let busy = self.busy(&who, &new, &members).await?;
        self.supersede(&who, &new, &members).await?;
        let about = about(&new).await?;
        let nature = nature_among(&members, new.nature);
        let turn = self.rooms.turn(&new.room).await;
        let now = self.clock.now();
        let fresh = Call {
            about,
            ..Call::pending(new_call_id(now), new.room.clone(), nature, now)
        };
        let mut tx = self.store.begin().await.map_err(database)?;
        let by = (who.standing != Standing::Backend).then_some(&who);
        let named: Vec<_> = members.iter().map(|(user, _)| user).collect();
        tx.put_people(by, &named, now).await.map_err(database)?;
        if let Some(ChatLink::Claimed(chat)) = &new.chat {
            tx.put_chat(chat, now).await.map_err(database)?;
        }
        let mut state = tx.lock_or_create(&fresh).await.map_err(conflict)?;
        if state.call.id != fresh.id {
            return Err(CallError::AlreadyLive);
        }
        let users = self.known_as(&who, &named).await?;
        let plan = Plan {
            by: (who.standing != Standing::Backend).then(|| who.user.clone()),
            members: invitees(members, &users, &busy),
            ring: new.ring,
            scheduled: new.scheduled,
            over_at: new.over_at,
        };
        let outcome = self.apply(&mut state, Transition::Plan(plan))?;
        self.commit(tx, &state, &outcome).await?;
        let number = state.call.number;
        self.publish(&turn, state, &outcome);
        Ok(Planned {
            record: self.record_of(number).await?,
            existed: false,
        })
    }

    /// An appointment has one Call, whoever asks for it how often.
    async fn existing(&self, who: &Principal, new: &NewCall) -> Result<Option<Planned>, CallError> {
        let Some(appointment) = &new.appointment else {
            return Ok(None);
        };
        let call = self.store.call_of_appointment(appointment).await;
        let Some(call) = call.map_err(database)? else {
            return Ok(None);
        };
        let record = self.record_of(call.number).await?;
        if !permission::oversees(who, &call.room) && !record.concerns(&who.user) {
            return Err(CallError::NotMember);
        }
        Ok(Some(Planned {
            record,
            existed: true,
        }))
    }

    /// The members of the chat, if whoever calls is one.
    async fn chat_of(&self, who: &Principal, new: &NewCall) -> Result<Vec<UserId>, CallError> {
        let (chat, known) = match &new.chat {
            None => return Ok(Vec::new()),
            Some(ChatLink::Known(chat)) => (chat, true),
            Some(ChatLink::Claimed(chat)) => (chat, false),
        };
        let members = self.store.chat_members(chat).await.map_err(database)?;
        let backend = who.standing == Standing::Backend;
        match members {
            None if known => Err(CallError::UnknownChat),
            // A chat that was only ever claimed has no members that could be asked.
            Some(members) if !members.is_empty() || known => {
                let belongs = backend || members.contains(&who.user);
                belongs.then_some(members).ok_or(CallError::UnknownChat)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Everybody once, whoever makes the Call as its host unless named otherwise.
    fn members(
        &self,
        who: &Principal,
        new: &NewCall,
        chat: Vec<UserId>,
    ) -> Result<Vec<(UserId, Role)>, CallError> {
        let mut members: Vec<(UserId, Role)> = Vec::new();
        if who.standing != Standing::Backend {
            let named = new.members.iter().find(|(user, _)| *user == who.user);
            let role = named.map_or(Role::Host, |(_, role)| *role);
            members.push((who.user.clone(), role));
        }
        let chat = chat.into_iter().filter(|_| new.whole_chat);
        let chat = chat.map(|user| (user, Role::Participant));
        for member in new.members.iter().cloned().chain(chat) {
            if !members.iter().any(|(user, _)| *user == member.0) {
                members.push(member);
            }
        }
        let limit = NewCall::MAX_MEMBERS;
        if members.len() > limit {
            return Err(CallError::TooManyMembers { limit });
        }
        let others = members.iter().any(|(user, _)| *user != who.user);
        if new.ring && !others && new.nature.origin != Origin::Meeting {
            return Err(CallError::NobodyCalled);
        }
        Ok(members)
    }

    /// Who of those to be rung is in another Call. When that is everybody, nobody is
    /// rung, and the caller is told.
    async fn busy(
        &self,
        who: &Principal,
        new: &NewCall,
        members: &[(UserId, Role)],
    ) -> Result<Vec<UserId>, CallError> {
        if !new.ring || new.nature.origin == Origin::Meeting {
            return Ok(Vec::new());
        }
        let others: Vec<_> = members.iter().skip(1).map(|(user, _)| user).collect();
        // Who was heard so lately is believed, in a Jitsi as well.
        let since = self.clock.now() - self.rules.word;
        let busy = self.store.busy(&who.user, &others, since).await;
        let busy = busy.map_err(database)?;
        if busy.len() == others.len() && !others.is_empty() {
            return Err(CallError::Busy(busy));
        }
        Ok(busy)
    }

    /// Ends what nobody is known to be in any more: a talk between the same two, or in
    /// the same chat room. A Jitsi tells nobody that it is over, and calling anew does.
    async fn supersede(
        &self,
        who: &Principal,
        new: &NewCall,
        members: &[(UserId, Role)],
    ) -> Result<(), CallError> {
        if !new.ring || who.standing == Standing::Backend {
            return Ok(());
        }
        let mut over = match members {
            [_, (other, _)] => self.store.unheld_between(&who.user, other).await,
            _ => Ok(Vec::new()),
        }
        .map_err(database)?;
        if let (Origin::ChatRoom, Some(ChatLink::Known(chat) | ChatLink::Claimed(chat))) =
            (new.nature.origin, &new.chat)
        {
            let live = self.store.live_in_chat(chat).await.map_err(database)?;
            over.extend(live);
        }
        for call in over {
            let by = who.user.clone();
            let turn = self.rooms.turn(&call.room).await;
            self.transact(&turn, Transition::Supersede { by }).await?;
        }
        Ok(())
    }

    /// As the directory names them, and whoever asks as its proof does.
    async fn known_as(
        &self,
        who: &Principal,
        users: &[&UserId],
    ) -> Result<BTreeMap<UserId, User>, CallError> {
        let users = self.store.users(users.iter().copied()).await;
        let mut users = users.map_err(database)?;
        users.insert(who.user.clone(), who.as_user());
        Ok(users)
    }
}

fn invitees(
    members: Vec<(UserId, Role)>,
    users: &BTreeMap<UserId, User>,
    busy: &[UserId],
) -> Vec<Invitee> {
    let invitee = |(user, role): (UserId, Role)| {
        let known = users.get(&user);
        Invitee {
            id: ParticipantId::from_uuid(Uuid::new_v4()),
            name: known.map_or_else(|| user.to_string(), |known| known.name.clone()),
            avatar_url: known.and_then(|known| known.avatar_url.clone()),
            busy: busy.contains(&user),
            role,
            user,
        }
    };
    members.into_iter().map(invitee).collect()
}

/// Of more than two it is one of a group, whatever was asked for: of two, either may
/// hang up.
fn nature_among(members: &[(UserId, Role)], wanted: Nature) -> Nature {
    match members.len() {
        0..=2 => wanted,
        _ => Nature {
            mode: CallMode::Group,
            ..wanted
        },
    }
}

async fn about(new: &NewCall) -> Result<About, CallError> {
    let chat = new.chat.as_ref().map(|link| match link {
        ChatLink::Known(chat) | ChatLink::Claimed(chat) => chat.clone(),
    });
    let password_hash = match new.password.clone() {
        Some(password) => Some(super::password::hash(password).await?),
        None => None,
    };
    Ok(About {
        title: new.title.clone(),
        chat,
        appointment: new.appointment.clone(),
        admission: new.admission,
        password_hash,
        recording_allowed: new.recording_allowed,
    })
}

/// What an index forbids is a Call that is there already.
fn conflict(error: sqlx::Error) -> CallError {
    let violated = error
        .as_database_error()
        .map(|error| error.is_unique_violation());
    match violated {
        Some(true) => CallError::AlreadyLive,
        _ => database(error),
    }
}

/// A Call of two, or of more.
pub fn mode_of(others: usize) -> CallMode {
    match others {
        0 | 1 => CallMode::Direct,
        _ => CallMode::Group,
    }
}
