//! How long a resource lives: as long as its media path does (RFC 7675), until it is
//! deleted, its Call ends or the server stops.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use convoke_media::control::TransportState;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::Resource;
use super::focus::Focus;
use crate::events::hub::{Closed, NoticeReceiver};
use crate::events::notice::Notice;

/// From the answer, to the offer or to a restart, to a path that works. As long as a
/// path that worked may be silent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Life {
    resource: Arc<Resource>,
    notices: NoticeReceiver,
    focus: Option<Focus>,
    stop: CancellationToken,
    patience: Patience,
    /// Restarts that were known when the path was last heard of.
    restarts: u32,
}

enum End {
    /// There is no Participant any more.
    Over,
    /// The path is gone.
    Vanished,
    /// The server stops, and the media with it: nobody could come back to it.
    Stopped,
}

impl Life {
    pub(super) fn new(
        resource: Arc<Resource>,
        notices: NoticeReceiver,
        focus: Option<Focus>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            patience: Patience::of(&resource),
            resource,
            notices,
            focus,
            stop,
            restarts: 0,
        }
    }

    pub(super) async fn run(mut self) {
        let end = self.watch().await;
        let service = &self.resource.context.service;
        let participant = self.resource.participant;
        let left = match end {
            End::Over => Ok(()),
            End::Vanished => service.vanished(participant).await,
            End::Stopped => service.leave(participant).await,
        };
        if let Err(error) = left {
            // Dropping the notices is losing a Session, which leaves by itself.
            tracing::debug!(participant.id = %participant, %error, "leaving by the grace time");
        }
    }

    async fn watch(&mut self) -> End {
        let stop = self.stop.clone();
        loop {
            let notice = tokio::select! {
                () = stop.cancelled() => return End::Stopped,
                () = self.patience.over() => return End::Vanished,
                notice = self.notices.recv() => notice,
            };
            let end = match notice {
                Ok(notice) => self.noticed(&notice).await,
                Err(Closed::Lagged) => Some(End::Vanished),
                Err(Closed::Over | Closed::Replaced) => Some(End::Over),
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    async fn noticed(&mut self, notice: &Notice) -> Option<End> {
        match notice {
            Notice::Transport(TransportState::Connected) => self.connected(),
            Notice::Transport(TransportState::Disconnected | TransportState::Failed) => {
                return self.path_lost();
            }
            // The client has to begin anew, and cannot be told: its path dies, and then
            // it does.
            Notice::Rejoined(_) => return Some(End::Vanished),
            Notice::CallEnded(_) => return Some(End::Over),
            notice => self.look(notice).await,
        }
        None
    }

    fn connected(&mut self) {
        self.restarts = self.resource.restarts.load(Ordering::Relaxed);
        self.patience = Patience::ENDLESS;
    }

    /// Consent has been missing for as long as it may, unless the client is about to
    /// connect anew.
    fn path_lost(&mut self) -> Option<End> {
        let restarts = self.resource.restarts.load(Ordering::Relaxed);
        if restarts == self.restarts {
            return Some(End::Vanished);
        }
        self.restarts = restarts;
        self.patience = Patience::of(&self.resource);
        None
    }

    async fn look(&mut self, notice: &Notice) {
        let Some(focus) = &mut self.focus else {
            return;
        };
        if let Some(wishes) = focus.noticed(notice) {
            let service = &self.resource.context.service;
            let told = service.set_slots(self.resource.participant, wishes).await;
            if let Err(error) = told {
                tracing::debug!(%error, "the slots of a player could not be set");
            }
        }
    }
}

/// How long a path is waited for.
struct Patience(Option<BoxFuture<'static, ()>>);

impl Patience {
    const ENDLESS: Self = Self(None);

    fn of(resource: &Resource) -> Self {
        let clock = Arc::clone(&resource.context.clock);
        Self(Some(Box::pin(async move {
            clock.sleep(CONNECT_TIMEOUT).await;
        })))
    }

    /// Never, when there is no end to it. Safe to drop and call again.
    async fn over(&mut self) {
        match &mut self.0 {
            Some(waiting) => waiting.await,
            None => std::future::pending().await,
        }
    }
}
