//! The Socket.IO carrier: one namespace of one connection is a [`Link`], a task that
//! hears the client's events one after the other, tells it the News of its user, and
//! carries a native [`Session`] where the namespace has one.
//!
//! The dialects registered on the namespace say what the events mean. The Session is
//! spoken in event `sfu`, in both directions, one message of docs/protocol.md each.
//! Engine.IO, its transports and heartbeats are the library's; docs/socketio.md has
//! what a client sees of all this.

mod inbox;
mod presence;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use socketioxide::extract::SocketRef;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use inbox::Letterbox;
pub(crate) use presence::Presences;

use super::limits::{Bucket, MAX_STRIKES, OFFER_COST};
use super::message::ClientMessage;
use super::{Close, Reply, Session, SessionContext};
use crate::dialect::SocketDialect;
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::events::feed::{Feed, Lagged, News};
use crate::http::problem::{Problem, RequestRefused};
use crate::ids::{CallId, UserId};
use crate::service::{CallRecord, CallRef, CallService};
use inbox::Incoming;

/// Carries the native Session's messages.
const SESSION_EVENT: &str = "sfu";
/// Answers an event that cannot be acknowledged, and says why a Link ends.
const ERROR_EVENT: &str = "call_error";
/// Between attempts to end a Link whose send queue is full.
const PARTING_INTERVAL: Duration = Duration::from_secs(1);
/// Between two tries to put on record that somebody is gone.
const RETRY: Duration = Duration::from_secs(1);

/// What all Links of one namespace share.
pub(crate) struct Namespace {
    pub(crate) context: Arc<SessionContext>,
    pub(crate) dialects: Vec<Arc<dyn SocketDialect>>,
    pub(crate) presences: Presences,
    /// Events that no dialect knows, of all namespaces.
    pub(crate) unknown_events: Arc<AtomicU64>,
    pub(crate) carries_session: bool,
}

/// Who came, once its handshake was found good.
pub(crate) struct Arrival {
    pub(crate) who: Principal,
    /// Of an earlier Session, to be continued.
    pub(crate) resume: Option<String>,
    pub(crate) feed: Feed,
    pub(crate) letterbox: Letterbox,
}

/// One namespace of one connection, as the dialects see it.
pub(crate) struct Link {
    socket: SocketRef,
    namespace: Arc<Namespace>,
    who: Principal,
    session: Option<Session>,
    /// Calls in which the user is present through this Link.
    present: BTreeSet<CallId>,
    bucket: Bucket,
    strikes: u32,
    /// Why it is to end, once it is.
    over: Option<Close>,
}

impl Link {
    pub(crate) fn who(&self) -> &Principal {
        &self.who
    }

    pub(crate) fn service(&self) -> &CallService {
        &self.namespace.context.service
    }

    /// A client that lets its queue run full is not waited for.
    pub(crate) fn emit<T: Serialize + ?Sized>(&mut self, event: &str, payload: &T) {
        if self.socket.emit(event, payload).is_err() {
            self.over.get_or_insert(Close::TooSlow);
        }
    }

    /// To every connection of `user` on this namespace; says whether there is any.
    pub(crate) fn relay<T: Serialize + ?Sized>(
        &self,
        user: &UserId,
        event: &str,
        payload: &T,
    ) -> bool {
        let devices = self.socket.within(own_room(user)).sockets();
        let reached = devices
            .into_iter()
            .filter(|device| device.emit(event, payload).is_ok());
        reached.count() > 0
    }

    /// What costs as much as an offer to the SFU.
    pub(crate) fn pay_for_description(&mut self) -> Result<(), Problem> {
        match self.out_of(OFFER_COST) {
            true => Err(too_many()),
            false => Ok(()),
        }
    }

    /// From now on the user is in the Call by this Link, among others of its: when the
    /// last of them is gone, the grace time begins.
    pub(crate) async fn arrive(&mut self, record: &CallRecord) {
        let call = record.call.id;
        if self.present.insert(call) {
            self.namespace.presences.enter(&self.who.user, call);
        }
        if record.unheld(&self.who.user) {
            // It may have been over in between; then there is nothing to come back to.
            let _ = self.service().came(&self.who, CallRef::Id(call)).await;
        }
    }

    /// The user left the Call, so that this Link's end means nothing to it.
    pub(crate) fn forget(&mut self, call: CallId) {
        if self.present.remove(&call) {
            self.namespace.presences.leave(&self.who.user, call);
        }
    }

    /// The Call in which the Session is, if it is in one.
    pub(crate) fn seated_in(&self) -> Option<CallId> {
        self.session.as_ref()?.call()
    }

    /// Speaks with the SFU; the dialect renders the answer, or leaves it to
    /// [`Self::say`].
    pub(crate) async fn ask_session(&mut self, message: ClientMessage) -> Result<Reply, Problem> {
        let session = self.session.as_mut();
        let session = session.ok_or(RequestRefused::Malformed("no SFU on this namespace"))?;
        Ok(session.handle(message).await)
    }

    /// Passes on what the Session says.
    pub(crate) fn say(&mut self, reply: &Reply) {
        for message in &reply.messages {
            self.emit(SESSION_EVENT, message);
        }
        if let Some(close) = reply.close {
            self.over.get_or_insert(close);
        }
    }

    async fn begin(
        socket: SocketRef,
        namespace: Arc<Namespace>,
        who: Principal,
        resume: Option<String>,
    ) -> Self {
        // Nothing is relayed to a pass into one room, which says nothing of the others.
        if who.room.is_none() {
            socket.join(own_room(&who.user));
        }
        let mut link = Self {
            socket,
            who,
            session: None,
            present: BTreeSet::new(),
            bucket: Bucket::full(Instant::now()),
            strikes: 0,
            over: None,
            namespace,
        };
        if link.namespace.carries_session {
            let context = Arc::clone(&link.namespace.context);
            let (session, welcome) =
                Session::admitted(context, link.who.clone(), resume.as_deref()).await;
            link.session = Some(session);
            link.say(&welcome);
        }
        link
    }

    async fn heard(&mut self, incoming: Incoming) {
        let (event, payload, ack) = incoming.open();
        let answer = match payload {
            _ if self.out_of(1.0) => Some(Err(too_many())),
            Ok(payload) => self.answer(&event, payload).await,
            Err(what) => Some(Err(RequestRefused::Malformed(what).into())),
        };
        match answer {
            Some(Ok(value)) => self.acknowledge(ack, &success(value)),
            Some(Err(problem)) => {
                self.strike(&problem);
                let failure = failure(&problem);
                match ack.wanted() {
                    true => self.acknowledge(ack, &failure),
                    false => self.emit(ERROR_EVENT, &about(&event, failure)),
                }
            }
            None => {
                self.namespace
                    .unknown_events
                    .fetch_add(1, Ordering::Relaxed);
                tracing::debug!(event, "an event that no dialect knows");
            }
        }
    }

    async fn answer(&mut self, event: &str, payload: Value) -> Option<Result<Value, Problem>> {
        if event == SESSION_EVENT {
            let reply = self.session.as_mut()?.handle_value(payload).await;
            self.say(&reply);
            return Some(Ok(Value::Null));
        }
        let mut dialects = self.namespace.dialects.iter();
        let dialect = dialects.find(|dialect| dialect.events().contains(&event))?;
        let dialect = Arc::clone(dialect);
        if self.expired() {
            return Some(Err(RequestRefused::Expired.into()));
        }
        Some(dialect.heard(self, event, payload).await)
    }

    fn acknowledge(&mut self, ack: inbox::Ack, answer: &Value) {
        if ack.send(answer).is_err() {
            self.over.get_or_insert(Close::TooSlow);
        }
    }

    fn out_of(&mut self, cost: f64) -> bool {
        self.namespace.context.config.rate_limits && self.bucket.take(cost, Instant::now()).is_err()
    }

    /// A client with a mistake learns of it; one that goes on like that does not.
    fn strike(&mut self, problem: &Problem) {
        if problem.is_misuse() {
            self.strikes += 1;
        }
        if self.strikes >= MAX_STRIKES {
            self.over.get_or_insert(Close::Misbehaved);
        }
    }

    fn expired(&self) -> bool {
        self.who.expired(self.namespace.context.clock.now())
    }

    fn tell(&mut self, news: &News) {
        if self.expired() {
            return;
        }
        let namespace = Arc::clone(&self.namespace);
        for dialect in &namespace.dialects {
            for telling in dialect.tells(&self.who, news) {
                self.emit(telling.event, &telling.payload);
            }
        }
    }

    /// Nothing new begins with a token that is over, and without it nobody listens; a
    /// Session that is in a Call stays there, as on the WebSocket.
    fn lose_rights(&mut self) {
        let expired = failure(&Problem::from(RequestRefused::Expired));
        self.emit(ERROR_EVENT, &expired);
        if self.seated_in().is_none() {
            self.over.get_or_insert(Close::Unauthorized);
        }
    }

    /// The grace times begin, and the client is told why, unless it went by itself.
    async fn end(mut self, close: Option<Close>, gone: &CancellationToken) {
        drop(self.session.take());
        for call in std::mem::take(&mut self.present) {
            if self.namespace.presences.leave(&self.who.user, call) {
                let left = (Arc::clone(&self.namespace), self.who.clone(), call);
                if !gone_on_record(&left).await {
                    tokio::spawn(put_on_record(left));
                }
            }
        }
        match close {
            // The transport closes, after which clients connect anew by themselves.
            None | Some(Close::GoingAway) => {}
            Some(close) => self.part(close, gone).await,
        }
    }

    async fn part(&self, close: Close, gone: &CancellationToken) {
        let farewell = json!({
            "success": false,
            "error": {"code": close.word(), "message": close.reason()},
        });
        let _ = self.socket.emit(ERROR_EVENT, &farewell);
        // A full queue has no room for the parting either, until it is read from or the
        // heartbeat ends the connection.
        while self.socket.clone().disconnect().is_err() {
            tokio::select! {
                () = gone.cancelled() => return,
                () = tokio::time::sleep(PARTING_INTERVAL) => {}
            }
        }
    }
}

/// Runs a Link until its client goes, it has to end, or the server stops.
pub(crate) async fn carry(
    socket: SocketRef,
    namespace: Arc<Namespace>,
    arrival: Arrival,
    stop: CancellationToken,
) {
    let Arrival {
        who,
        resume,
        feed,
        mut letterbox,
    } = arrival;
    let mut link = Link::begin(socket, namespace, who, resume).await;
    let close = pump(&mut link, feed, &mut letterbox, &stop).await;
    link.end(close, letterbox.gone()).await;
}

async fn pump(
    link: &mut Link,
    mut feed: Feed,
    letterbox: &mut Letterbox,
    stop: &CancellationToken,
) -> Option<Close> {
    let expiry = expiry(link);
    tokio::pin!(expiry);
    let mut valid = true;
    loop {
        if link.over.is_some() {
            return link.over;
        }
        tokio::select! {
            () = stop.cancelled() => return Some(Close::GoingAway),
            () = letterbox.gone().clone().cancelled_owned() => return None,
            incoming = letterbox.next() => match incoming {
                Some(incoming) => link.heard(incoming).await,
                None => return Some(Close::Misbehaved),
            },
            reply = unasked(&mut link.session) => link.say(&reply),
            news = feed.recv() => match news {
                Ok(news) => link.tell(&news),
                Err(Lagged) => return Some(Close::TooSlow),
            },
            () = &mut expiry, if valid => {
                valid = false;
                link.lose_rights();
            }
        }
    }
}

/// Until the proof ends, if it does.
fn expiry(link: &Link) -> impl Future<Output = ()> + Send + use<> {
    let clock = Arc::clone(&link.namespace.context.clock);
    let expires = link.who.expires;
    async move {
        let Some(end) = expires else {
            return std::future::pending().await;
        };
        while clock.now() < end {
            clock.sleep_until(end).await;
        }
    }
}

/// A user whose last connection is gone, and the Call that it was in.
type Left = (Arc<Namespace>, Principal, CallId);

/// Whether the grace time has begun, or need not.
async fn gone_on_record((namespace, who, call): &Left) -> bool {
    let went = namespace
        .context
        .service
        .went(who, CallRef::Id(*call))
        .await;
    // The Call may be over; whoever is not in it cannot go.
    !matches!(went, Err(CallError::Unavailable))
}

/// As soon as the database has an answer, unless the user is back by then.
async fn put_on_record(left: Left) {
    let (namespace, who, call) = &left;
    loop {
        namespace.context.clock.sleep(RETRY).await;
        if namespace.presences.contains(&who.user, *call) || gone_on_record(&left).await {
            return;
        }
    }
}

async fn unasked(session: &mut Option<Session>) -> Reply {
    match session {
        Some(session) => session.next().await,
        None => std::future::pending().await,
    }
}

/// The room of all connections of one user.
fn own_room(user: &UserId) -> String {
    format!("user:{user}")
}

fn success(value: Value) -> Value {
    match value {
        Value::Object(mut fields) => {
            fields.insert("success".to_owned(), true.into());
            Value::Object(fields)
        }
        Value::Null => json!({"success": true}),
        value => json!({"success": true, "data": value}),
    }
}

fn too_many() -> Problem {
    RequestRefused::TooMany {
        retry_after_secs: 1,
    }
    .into()
}

fn failure(problem: &Problem) -> Value {
    json!({
        "success": false,
        "error": {"code": problem.kind(), "message": problem.message()},
    })
}

fn about(event: &str, mut failure: Value) -> Value {
    failure["event"] = event.into();
    failure
}
