//! Rings on the Session's own user: told once each, and told when they are over.

use std::collections::HashSet;
use std::sync::Arc;

use super::convert::Refusal;
use super::message::{CallKind, Caller, RingEnd, RingInfo, ServerMessage};
use crate::domain::call;
use crate::domain::event::Happening;
use crate::domain::principal::{Principal, Standing};
use crate::events::feed::{Feed, Lagged, News};
use crate::ids::CallId;
use crate::service::CallService;

/// What a Session hears of its user's Calls, in one of them or not.
#[derive(Debug)]
pub(super) struct Rings {
    feed: Feed,
    /// Of which the client has been told and which go on.
    ringing: HashSet<CallId>,
}

impl Rings {
    /// Nobody can call a guest, whose id nobody knows.
    pub(super) async fn listen(
        service: &CallService,
        who: &Principal,
    ) -> Result<Option<Self>, Refusal> {
        if who.standing != Standing::User {
            return Ok(None);
        }
        let feed = service.subscribe(who).await?;
        Ok(Some(Self {
            feed,
            ringing: HashSet::new(),
        }))
    }

    /// The next message about a ring. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<ServerMessage, Lagged> {
        loop {
            let news = self.feed.recv().await?;
            if let Some(message) = self.message(&news) {
                return Ok(message);
            }
        }
    }

    fn message(&mut self, news: &Arc<News>) -> Option<ServerMessage> {
        let user = self.feed.user();
        if news.rings(user) {
            let first = self.ringing.insert(news.call.id);
            return first.then(|| ring(news));
        }
        let over = news.stops_ring(user) && self.ringing.remove(&news.call.id);
        over.then(|| ServerMessage::RingEnded {
            call_id: news.call.id.to_string(),
            reason: match news.event.what {
                Happening::Accepted | Happening::Joined => RingEnd::Answered,
                Happening::Declined => RingEnd::Declined,
                Happening::Missed => RingEnd::Missed,
                _ => RingEnd::Over,
            },
        })
    }
}

fn ring(news: &News) -> ServerMessage {
    let call = &news.call;
    let caller = call
        .initiated_by
        .as_ref()
        .and_then(|user| news.person(user));
    ServerMessage::Ring {
        call: RingInfo {
            id: call.id.to_string(),
            number: call.number,
            room: call.room.to_string(),
            title: call.about.title.clone(),
            kind: match call.nature.kind {
                call::CallKind::Audio => CallKind::Audio,
                call::CallKind::Video => CallKind::Video,
                call::CallKind::Screen => CallKind::Screen,
            },
            group: call.nature.mode == call::CallMode::Group,
        },
        from: caller.map(|caller| Caller {
            user_id: caller.user.to_string(),
            name: caller.name.clone(),
            avatar_url: caller.avatar_url.clone(),
        }),
        expires_at: call.times.rings_until.unwrap_or(call.times.created).0,
    }
}
