//! What a user's connections are told of every Call that concerns the user, in one of
//! them or not: rings above all.
//!
//! Each connection has one bounded queue. One that cannot keep up loses it; its
//! carrier closes, and the next connection begins with what rings then. What was
//! missed is in the Call's record, numbered.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::domain::call::Call;
use crate::domain::event::{CallEvent, Happening};
use crate::domain::participant::Participant;
use crate::domain::principal::Principal;
use crate::ids::{ParticipantId, RoomName, UserId};

/// News that a connection may lag behind: a full room that joins and leaves at once.
const QUEUE_LENGTH: usize = 256;

/// One committed event, with the Call as the whole transition left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    pub call: Arc<Call>,
    /// Everybody concerned: present, invited, and who has just left.
    pub people: Arc<[Participant]>,
    pub event: CallEvent,
}

impl News {
    /// A row of the user, the one present if there is one.
    pub fn person(&self, user: &UserId) -> Option<&Participant> {
        self.people.iter().find(|p| p.user == *user)
    }

    /// A row of whoever the event is about or was caused by.
    pub fn subject(&self) -> Option<&Participant> {
        let by_row = |id: ParticipantId| self.people.iter().find(|p| p.id == id);
        let row = self.event.participant.and_then(by_row);
        row.or_else(|| self.person(self.event.user.as_ref()?))
    }

    /// Whether it tells the user to ring.
    pub fn rings(&self, user: &UserId) -> bool {
        self.event.what == Happening::Ringing && self.event.user.as_ref() == Some(user)
    }

    /// Whether it tells the user, if it rings there, to stop.
    pub fn stops_ring(&self, user: &UserId) -> bool {
        let own = self.event.user.as_ref() == Some(user);
        let ended = matches!(self.event.what, Happening::Ended(_));
        self.event.what.stops_ring() && (own || ended)
    }
}

/// The receiving end of one connection.
#[derive(Debug)]
pub struct Feed {
    user: UserId,
    /// The only room that the proof is good for, where it names one.
    only: Option<RoomName>,
    /// What rang when the connection came, told first.
    standing: std::vec::IntoIter<Arc<News>>,
    told: HashSet<ParticipantId>,
    queue: mpsc::Receiver<Arc<News>>,
    /// Dropped with it.
    _registration: Registration,
}

/// The connection could not keep up: close it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection lags behind")]
pub struct Lagged;

impl Feed {
    /// The next news. Safe to cancel: nothing is lost between two calls.
    pub async fn recv(&mut self) -> Result<Arc<News>, Lagged> {
        if let Some(news) = self.standing.next() {
            return Ok(news);
        }
        loop {
            let news = self.queue.recv().await.ok_or(Lagged)?;
            if !self.reaches(&news) {
                continue;
            }
            let row = news.event.participant;
            let repeated = news.rings(&self.user) && row.is_some_and(|id| self.told.remove(&id));
            if !repeated {
                return Ok(news);
            }
        }
    }

    /// What rings at this moment, asked for after the registration.
    pub(crate) fn begin_with(&mut self, standing: Vec<Arc<News>>) {
        let standing: Vec<_> = standing.into_iter().filter(|n| self.reaches(n)).collect();
        self.told = standing
            .iter()
            .filter_map(|news| news.event.participant)
            .collect();
        self.standing = standing.into_iter();
    }

    fn reaches(&self, news: &News) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| *only == news.call.room)
    }

    pub fn user(&self) -> &UserId {
        &self.user
    }
}

#[derive(Debug)]
struct Registration {
    feeds: Feeds,
    user: UserId,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.feeds.remove(&self.user, self.id);
    }
}

/// Every connection that listens. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Feeds(Arc<Shared>);

/// The queues of each user's connections, each with a number of its own.
type Queues = HashMap<UserId, Vec<(u64, mpsc::Sender<Arc<News>>)>>;

#[derive(Debug, Default)]
struct Shared {
    queues: Mutex<Queues>,
    last_id: AtomicU64,
}

impl Feeds {
    pub(crate) fn subscribe(&self, who: &Principal) -> Feed {
        let user = &who.user;
        let (sender, queue) = mpsc::channel(QUEUE_LENGTH);
        let id = self.0.last_id.fetch_add(1, Ordering::Relaxed);
        let mut queues = self.lock();
        queues.entry(user.clone()).or_default().push((id, sender));
        drop(queues);
        Feed {
            user: user.clone(),
            only: who.room.clone(),
            standing: Vec::new().into_iter(),
            told: HashSet::new(),
            queue,
            _registration: Registration {
                feeds: self.clone(),
                user: user.clone(),
                id,
            },
        }
    }

    /// Tells everybody concerned, in order.
    pub(crate) fn publish(&self, news: impl IntoIterator<Item = News>) {
        for news in news {
            let mut users: HashSet<&UserId> = news.people.iter().map(|p| &p.user).collect();
            users.extend(&news.event.user);
            users.extend(&news.call.initiated_by);
            let news = Arc::new(news.clone());
            let mut queues = self.lock();
            for user in users {
                let Some(list) = queues.get_mut(user) else {
                    continue;
                };
                list.retain(|(_, queue)| queue.try_send(Arc::clone(&news)).is_ok());
            }
        }
    }

    fn remove(&self, user: &UserId, id: u64) {
        let mut queues = self.lock();
        if let Some(list) = queues.get_mut(user) {
            list.retain(|(other, _)| *other != id);
            if list.is_empty() {
                queues.remove(user);
            }
        }
    }

    /// A panic under the lock left whole entries.
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
