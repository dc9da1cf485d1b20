//! Saying who one is, anew or by resuming, and what a Session is told then.

use uuid::Uuid;

use super::{Session, State, whole_seconds};
use crate::auth::resume::Resumption;
use crate::domain::principal::Principal;
use crate::ids::{Epoch, ParticipantId};
use crate::session::Reply;
use crate::session::convert::{self, Refusal};
use crate::session::limits::{MAX_MESSAGE_BYTES, MAX_SLOTS};
use crate::session::message::{ErrorCode, Limits, PROTOCOL_VERSION, ServerMessage};
use crate::session::ringing::Rings;

impl Session {
    pub(super) async fn hello(
        &mut self,
        protocol: u32,
        token: Option<String>,
        name: Option<String>,
        resume: Option<String>,
    ) -> Result<Reply, Refusal> {
        if !matches!(self.state, State::AwaitHello { .. }) {
            return Err(Refusal::new(ErrorCode::Unexpected, "hello was said"));
        }
        if protocol != PROTOCOL_VERSION {
            let message = format!("this server speaks protocol {PROTOCOL_VERSION}");
            return Err(Refusal::new(ErrorCode::UnsupportedProtocol, message));
        }
        if let Some(resume) = resume {
            return self.resume(&resume).await;
        }
        let auth = &self.context.auth;
        let principal = match (token, name) {
            (Some(token), _) => {
                let now = self.context.clock.now();
                let who = auth.token_or_fetch(&token, now).await?;
                self.context.service.recognize(who).await
            }
            (None, name) => auth.guest(&name.unwrap_or_default(), Uuid::new_v4())?,
        };
        self.rings = Rings::listen(&self.context.service, &principal).await?;
        let welcome = self.welcome(&principal, None, false);
        self.state = State::Idle { principal };
        Ok(welcome.into())
    }

    pub(super) async fn resume(&mut self, token: &str) -> Result<Reply, Refusal> {
        let resumption = self.opened(token)?;
        self.rings = Rings::listen(&self.context.service, &resumption.principal).await?;
        self.take_up(resumption).await
    }

    /// On a carrier that tells of rings in its own way.
    pub(super) async fn resume_own(
        &mut self,
        who: &Principal,
        token: &str,
    ) -> Result<Reply, Refusal> {
        let resumption = self.opened(token)?;
        if resumption.principal.user != who.user {
            let message = "the session was another user's";
            return Err(Refusal::new(ErrorCode::ResumeFailed, message));
        }
        self.take_up(resumption).await
    }

    pub(super) fn opened(&self, token: &str) -> Result<Resumption, Refusal> {
        let now = self.context.clock.now();
        let tokens = self.context.auth.resume_tokens();
        tokens
            .open(token, now)
            .map_err(|e| Refusal::new(ErrorCode::ResumeFailed, e.to_string()))
    }

    pub(super) async fn take_up(&mut self, resumption: Resumption) -> Result<Reply, Refusal> {
        let principal = resumption.principal;
        let Some((participant, epoch)) = resumption.participant else {
            self.id = resumption.session;
            let welcome = self.welcome(&principal, None, true);
            self.state = State::Idle { principal };
            return Ok(welcome.into());
        };
        let joined = self.context.service.resume(participant, epoch).await?;
        self.id = resumption.session;
        let seated = (joined.participant, joined.epoch);
        let welcome = self.welcome(&principal, Some(seated), true);
        // Before the snapshot, to which a client answers with what it publishes.
        let muted = joined.muted.as_ref().map(convert::muted);
        let joined = self.sit_down(principal, None, joined);
        let messages = [Some(welcome), muted, Some(joined)];
        let messages = messages.into_iter().flatten().collect();
        Ok(Reply {
            messages,
            close: None,
        })
    }

    pub(super) fn welcome(
        &self,
        principal: &Principal,
        seated: Option<(ParticipantId, Epoch)>,
        resumed: bool,
    ) -> ServerMessage {
        let config = &self.context.config;
        ServerMessage::Welcome {
            protocol: PROTOCOL_VERSION,
            session_id: self.id.to_string(),
            resume_token: self.resume_token(principal, seated),
            resume_window_secs: whole_seconds(config.resume_window),
            ping_interval_secs: whole_seconds(config.ping_interval),
            resumed,
            user: convert::user_info(principal),
            ice_servers: config.ice_servers.clone(),
            limits: Limits {
                max_participants: config.max_participants,
                max_message_bytes: MAX_MESSAGE_BYTES as u32,
                max_slots: MAX_SLOTS as u32,
            },
        }
    }

    pub(super) fn resume_token(
        &self,
        principal: &Principal,
        participant: Option<(ParticipantId, Epoch)>,
    ) -> String {
        let resumption = Resumption {
            principal: principal.clone(),
            session: self.id,
            participant,
        };
        let now = self.context.clock.now();
        self.context.auth.resume_tokens().issue(&resumption, now)
    }
}
