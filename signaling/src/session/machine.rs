//! The machine: who a Session is, whether it is in a Call, and what each message does
//! then. Every message is answered from the state it finds; a refused one changes
//! nothing.

mod identity;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::convert::{self, Refusal};
use super::limits::{Bucket, GuestCalls, JOIN_COST, MAX_STRIKES, MUTE_OTHERS_COST, OFFER_COST};
use super::message::{ClientMessage, ErrorCode, ServerMessage};
use super::ringing::Rings;
use super::{Close, Reply, SessionContext};
use crate::domain::principal::{Principal, Standing};
use crate::error::CallError;
use crate::events::feed::Lagged;
use crate::events::hub::{Closed, NoticeReceiver};
use crate::events::notice::Notice;
use crate::ids::{CallId, Epoch, ParticipantId, RoomName};
use crate::service::{CallRef, Joined};

/// After a failure of the server's own, a client waits this long before it asks again.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Parser errors quote the input; no more of it than this goes back.
const MAX_ERROR_CHARS: usize = 200;

enum State {
    AwaitHello { until: Instant },
    Idle { principal: Principal },
    InCall { principal: Principal, seat: Seat },
}

/// The place of a Session in a Call.
struct Seat {
    call: CallId,
    participant: ParticipantId,
    epoch: Epoch,
    notices: NoticeReceiver,
}

/// One signaling connection.
pub struct Session {
    context: Arc<SessionContext>,
    id: Uuid,
    state: State,
    /// Rings of whoever it is, once that is known.
    rings: Option<Rings>,
    bucket: Bucket,
    guest_calls: Option<GuestCalls>,
    strikes: u32,
}

impl Session {
    /// A new connection, of which nothing is known yet.
    pub fn new(context: Arc<SessionContext>) -> Self {
        let now = Instant::now();
        Self {
            id: Uuid::new_v4(),
            state: State::AwaitHello {
                until: now + context.config.hello_timeout,
            },
            context,
            rings: None,
            bucket: Bucket::full(now),
            guest_calls: None,
            strikes: 0,
        }
    }

    /// Has every Call that it starts as a guest counted.
    pub(crate) fn counting_guest_calls(mut self, counted: GuestCalls) -> Self {
        self.guest_calls = Some(counted);
        self
    }

    /// A connection whose carrier knows already who it is. `resume` continues an
    /// earlier Session of the same user, and is refused without ending this one.
    pub(crate) async fn admitted(
        context: Arc<SessionContext>,
        principal: Principal,
        resume: Option<&str>,
    ) -> (Self, Reply) {
        let mut session = Self::new(context);
        let mut reply = match resume {
            None => Reply::default(),
            Some(token) => match session.resume_own(&principal, token).await {
                Ok(resumed) => return (session, resumed),
                Err(refusal) => session.refuse(None, refusal),
            },
        };
        let welcome = session.welcome(&principal, None, false);
        reply.messages.push(welcome);
        session.state = State::Idle { principal };
        (session, reply)
    }

    /// The Call that it is in.
    pub(crate) fn call(&self) -> Option<CallId> {
        match &self.state {
            State::InCall { seat, .. } => Some(seat.call),
            _ => None,
        }
    }

    /// For logs: it names the Session and opens nothing.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// One message as text, malformed or not.
    pub async fn handle_text(&mut self, text: &str) -> Reply {
        self.handle_parsed(serde_json::from_str(text)).await
    }

    /// The same for a carrier that has parsed the JSON itself.
    pub(super) async fn handle_value(&mut self, value: serde_json::Value) -> Reply {
        self.handle_parsed(serde_json::from_value(value)).await
    }

    async fn handle_parsed(&mut self, parsed: serde_json::Result<ClientMessage>) -> Reply {
        match parsed {
            Ok(message) => self.handle(message).await,
            Err(error) => {
                let message: String = error.to_string().chars().take(MAX_ERROR_CHARS).collect();
                self.refuse(None, Refusal::new(ErrorCode::BadMessage, message))
            }
        }
    }

    pub async fn handle(&mut self, message: ClientMessage) -> Reply {
        let request = request_of(&message);
        if let Err(wait) = self.pay(&message) {
            let refusal = Refusal::new(ErrorCode::RateLimited, "too many messages");
            return self.refuse(request, refusal.retried_after(wait));
        }
        match self.dispatch(message).await {
            Ok(reply) => reply,
            Err(refusal) => self.refuse(request, refusal),
        }
    }

    /// What comes unasked: news of the Call, or the end of patience. Never ready
    /// when there is nothing; safe to drop and call again.
    pub async fn next(&mut self) -> Reply {
        let notices = match &mut self.state {
            State::AwaitHello { until } => {
                tokio::time::sleep_until(*until).await;
                return Reply::close(Close::HelloTimeout);
            }
            State::Idle { .. } => None,
            State::InCall { seat, .. } => Some(&mut seat.notices),
        };
        let received = tokio::select! {
            received = next_notice(notices) => received,
            ring = next_ring(&mut self.rings) => {
                return ring.map_or_else(|_| Reply::close(Close::TooSlow), Reply::from);
            }
        };
        match received {
            Ok(notice) => self.noticed(&notice),
            Err(Closed::Lagged) => Reply::close(Close::TooSlow),
            Err(Closed::Replaced) => Reply::close(Close::Replaced),
            Err(Closed::Over) => {
                self.stand_up();
                let message = "the participant is no longer in the call";
                error(None, Refusal::new(ErrorCode::NotInCall, message)).into()
            }
        }
    }

    async fn dispatch(&mut self, message: ClientMessage) -> Result<Reply, Refusal> {
        match message {
            ClientMessage::Hello {
                protocol,
                token,
                name,
                resume,
            } => self.hello(protocol, token, name, resume).await,
            // Nothing else is answered to somebody who has not said who it is.
            _ if matches!(self.state, State::AwaitHello { .. }) => {
                Err(Refusal::new(ErrorCode::Unexpected, "say hello first"))
            }
            ClientMessage::Join { request, room } => self.join(request, &room).await,
            ClientMessage::Leave {} => self.leave().await,
            ClientMessage::Decline { call_id, .. } => self.decline(&call_id).await,
            ClientMessage::Ping {} => Ok(ServerMessage::Pong {}.into()),
            in_call => self.dispatch_in_call(in_call).await,
        }
    }

    async fn dispatch_in_call(&mut self, message: ClientMessage) -> Result<Reply, Refusal> {
        let participant = self.participant()?;
        let service = &self.context.service;
        match message {
            ClientMessage::Offer {
                request,
                sdp,
                publish,
            } => {
                let offer = convert::offer(sdp, &publish)?;
                let answer = service.offer(participant, offer).await?;
                return Ok(convert::answer(request, answer).into());
            }
            // The end of candidates says nothing to an agent that learns from checks.
            ClientMessage::Candidate { candidate, .. } if candidate.is_empty() => {}
            ClientMessage::Candidate { candidate, .. } => {
                service.candidate(participant, candidate).await?;
            }
            ClientMessage::Slots { slots } => {
                let requests = convert::slot_requests(&slots)?;
                service.set_slots(participant, requests).await?;
            }
            ClientMessage::Publish { source, state } => {
                let (source, state) = (convert::source(source), convert::publish_state(state));
                service.set_publish(participant, source, state).await?;
            }
            ClientMessage::MuteOthers { request } => {
                let silenced = service.mute_others(participant).await?;
                return Ok(convert::others_muted(request, &silenced).into());
            }
            // Everybody, the asker too, learns of the end as a notice.
            ClientMessage::EndCall { .. } => service.end_call(participant).await?,
            ClientMessage::Hello { .. }
            | ClientMessage::Join { .. }
            | ClientMessage::Leave {}
            | ClientMessage::Decline { .. }
            | ClientMessage::Ping {} => {}
        }
        Ok(Reply::default())
    }

    async fn join(&mut self, request: u32, room: &str) -> Result<Reply, Refusal> {
        let principal = match &self.state {
            State::Idle { principal } => principal.clone(),
            _ => return Err(Refusal::new(ErrorCode::AlreadyInCall, "leave first")),
        };
        if principal.expired(self.context.clock.now()) {
            let message = "the token has expired".to_owned();
            return Err(Refusal::new(ErrorCode::Unauthorized, message));
        }
        let room = RoomName::try_from(room)
            .map_err(|e| Refusal::new(ErrorCode::InvalidRoom, e.to_string()))?;
        let joined = self.context.service.join(&principal, room).await?;
        Ok(self.sit_down(principal, Some(request), joined).into())
    }

    /// Leaving when the Call is over already is no mistake of the client's: the
    /// two messages have crossed.
    async fn leave(&mut self) -> Result<Reply, Refusal> {
        if let Ok(participant) = self.participant() {
            self.context.service.leave(participant).await?;
            self.stand_up();
        }
        Ok(Reply::default())
    }

    async fn decline(&mut self, call: &str) -> Result<Reply, Refusal> {
        let (State::Idle { principal } | State::InCall { principal, .. }) = &self.state else {
            return Ok(Reply::default());
        };
        let unknown = || CallError::UnknownCall;
        let call = call.parse::<CallId>().map_err(|_| unknown())?;
        let service = &self.context.service;
        service.decline(principal, CallRef::Id(call)).await?;
        Ok(Reply::default())
    }

    fn sit_down(
        &mut self,
        principal: Principal,
        request: Option<u32>,
        joined: Joined,
    ) -> ServerMessage {
        let seated = (joined.participant, joined.epoch);
        let token = self.resume_token(&principal, Some(seated));
        let message = convert::joined(request, token, &joined.snapshot);
        self.state = State::InCall {
            principal,
            seat: Seat {
                call: joined.snapshot.call.id,
                participant: joined.participant,
                epoch: joined.epoch,
                notices: joined.notices,
            },
        };
        message
    }

    fn stand_up(&mut self) {
        if let State::InCall { principal, .. } = &self.state {
            self.state = State::Idle {
                principal: principal.clone(),
            };
        }
    }

    fn noticed(&mut self, notice: &Notice) -> Reply {
        if matches!(notice, Notice::CallEnded(_)) {
            self.stand_up();
        }
        match (convert::notice(notice), &self.state) {
            (Ok(message), _) => message.into(),
            (Err(snapshot), State::InCall { principal, seat }) => {
                let seated = (seat.participant, seat.epoch);
                let token = self.resume_token(principal, Some(seated));
                convert::joined(None, token, snapshot).into()
            }
            (Err(_), _) => Reply::default(),
        }
    }

    fn participant(&self) -> Result<ParticipantId, Refusal> {
        match &self.state {
            State::InCall { seat, .. } => Ok(seat.participant),
            _ => Err(Refusal::new(ErrorCode::NotInCall, "join first")),
        }
    }

    fn pay(&mut self, message: &ClientMessage) -> Result<(), Duration> {
        if !self.context.config.rate_limits {
            return Ok(());
        }
        let cost = match message {
            ClientMessage::Join { .. } => JOIN_COST,
            ClientMessage::Offer { .. } => OFFER_COST,
            ClientMessage::MuteOthers { .. } => MUTE_OTHERS_COST,
            _ => 1.0,
        };
        self.bucket.take(cost, Instant::now())?;
        match message {
            ClientMessage::Join { room, .. } => self.pay_for_call(room),
            _ => Ok(()),
        }
    }

    /// A user answers for its Calls by name, a guest only by its address. Nothing is
    /// paid for joining what goes on, or one guest could keep out all of its neighbours.
    fn pay_for_call(&self, room: &str) -> Result<(), Duration> {
        let State::Idle { principal } = &self.state else {
            return Ok(());
        };
        let (Standing::Guest, Some(guest_calls)) = (principal.standing, &self.guest_calls) else {
            return Ok(());
        };
        match RoomName::try_from(room) {
            Ok(room) if !self.context.service.goes_on(&room) => {
                guest_calls(self.context.clock.now())
            }
            _ => Ok(()),
        }
    }

    /// The answer to a refused message, and the end of the Session where there is no
    /// point in going on.
    fn refuse(&mut self, request: Option<u32>, refusal: Refusal) -> Reply {
        let close = match refusal.code {
            ErrorCode::Unauthorized => Some(Close::Unauthorized),
            ErrorCode::UnsupportedProtocol => Some(Close::UnsupportedProtocol),
            ErrorCode::BadMessage | ErrorCode::Unexpected | ErrorCode::RateLimited => {
                self.strikes += 1;
                (self.strikes >= MAX_STRIKES).then_some(Close::Misbehaved)
            }
            _ => None,
        };
        Reply {
            messages: vec![error(request, refusal)],
            close,
        }
    }
}

/// Never, without a seat.
async fn next_notice(notices: Option<&mut NoticeReceiver>) -> Result<Arc<Notice>, Closed> {
    match notices {
        Some(notices) => notices.recv().await,
        None => std::future::pending().await,
    }
}

/// Never, for whom nobody can call.
async fn next_ring(rings: &mut Option<Rings>) -> Result<ServerMessage, Lagged> {
    match rings {
        Some(rings) => rings.next().await,
        None => std::future::pending().await,
    }
}

fn error(request: Option<u32>, refusal: Refusal) -> ServerMessage {
    let wait = match refusal.code {
        ErrorCode::Unavailable | ErrorCode::Internal => Some(RETRY_AFTER),
        ErrorCode::Overloaded => Some(refusal.retry_after.unwrap_or_default().max(RETRY_AFTER)),
        _ => refusal.retry_after,
    };
    ServerMessage::Error {
        request,
        code: refusal.code,
        message: refusal.message,
        retry_after_secs: wait.map(whole_seconds),
    }
}

fn request_of(message: &ClientMessage) -> Option<u32> {
    match message {
        ClientMessage::Join { request, .. }
        | ClientMessage::Offer { request, .. }
        | ClientMessage::MuteOthers { request }
        | ClientMessage::Decline { request, .. }
        | ClientMessage::EndCall { request } => Some(*request),
        _ => None,
    }
}

/// Rounded up: a client that waits too short asks in vain.
fn whole_seconds(duration: Duration) -> u32 {
    duration.as_secs_f64().ceil() as u32
}
