//! Delivers events to the host application's webhooks: signed, in order for each
//! Call, again and again until taken. What has to be delivered is a row that was
//! written with the event, so that a crash forgets nothing.
//!
//! Each endpoint has a task of its own: one that hangs holds up no other.

use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::core::{Core, RETRY, database};
use crate::error::CallError;
use crate::events::webhook;
use crate::outbound::Outbound;
use crate::store::Delivery;

/// Calls whose events one endpoint is sent at the same time.
const AT_ONCE: i64 = 8;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(600);
/// An endpoint that was away for longer has to ask for what it missed.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3 * 24 * 3600);

/// How webhooks are sent; where to is the store's to know.
pub struct Webhooks {
    pub outbound: Outbound,
    /// Shared with the receivers.
    pub secret: Vec<u8>,
}

impl Core {
    /// One task an endpoint, until the service stops.
    pub(super) async fn spawn_webhooks(
        self: &Arc<Self>,
        webhooks: Webhooks,
    ) -> Result<(), CallError> {
        self.store
            .forget_other_endpoints()
            .await
            .map_err(database)?;
        let webhooks = Arc::new(webhooks);
        for endpoint in self.store.webhooks() {
            let written = Arc::new(Notify::new());
            self.event_listeners().push(Arc::clone(&written));
            let sender = Sender {
                core: Arc::clone(self),
                webhooks: Arc::clone(&webhooks),
                endpoint: endpoint.clone(),
            };
            let stop = self.stop.clone();
            tokio::spawn(super::tasks::until_stopped(
                stop,
                Arc::new(sender).run(written),
            ));
        }
        Ok(())
    }
}

struct Sender {
    core: Arc<Core>,
    webhooks: Arc<Webhooks>,
    endpoint: String,
}

impl Sender {
    async fn run(self: Arc<Self>, written: Arc<Notify>) {
        let Ok(url) = self.endpoint.parse::<Uri>() else {
            tracing::error!("a webhook's URL is none");
            return;
        };
        loop {
            match self.round(&url).await {
                Ok(true) => {}
                Ok(false) => self.wait(&written).await,
                Err(_) => self.core.clock.sleep(RETRY).await,
            }
        }
    }

    /// Sends what is due; whether there was anything.
    async fn round(self: &Arc<Self>, url: &Uri) -> Result<bool, CallError> {
        let now = self.core.clock.now();
        let due = self
            .core
            .store
            .due_deliveries(&self.endpoint, now, AT_ONCE)
            .await;
        let due = due.map_err(database)?;
        let any = !due.is_empty();
        let mut sending = JoinSet::new();
        for delivery in due {
            let (sender, url) = (Arc::clone(self), url.clone());
            sending.spawn(async move { sender.deliver(&url, &delivery).await });
        }
        let mut result = Ok(any);
        while let Some(done) = sending.join_next().await {
            if let Ok(Err(error)) = done {
                result = Err(error);
            }
        }
        result
    }

    async fn wait(&self, written: &Notify) {
        let next = self.core.store.next_delivery(&self.endpoint).await;
        let clock = &self.core.clock;
        let sleep = match next {
            Ok(Some(due)) => clock.sleep_until(due),
            Ok(None) => clock.sleep(LONGEST_RETRY),
            Err(_) => clock.sleep(RETRY),
        };
        tokio::select! {
            () = sleep => {}
            () = written.notified() => {}
        }
    }

    async fn deliver(&self, url: &Uri, delivery: &Delivery) -> Result<(), CallError> {
        let store = &self.core.store;
        let Some((id, body)) = self.message(delivery).await? else {
            return store
                .finish_delivery(delivery.number)
                .await
                .map_err(database);
        };
        let now = self.core.clock.now();
        let signature = webhook::signature(&self.webhooks.secret, now, &body);
        let headers = headers(&signature, &id);
        let failure = match self.webhooks.outbound.post(url, headers, body.into()).await {
            Ok(answer) if (200..300).contains(&answer.status) => None,
            Ok(answer) => Some(format!("answered {}", answer.status)),
            Err(error) => Some(error.to_string()),
        };
        let Some(failure) = failure else {
            return store
                .finish_delivery(delivery.number)
                .await
                .map_err(database);
        };
        self.failed(delivery, &id, &failure).await
    }

    async fn failed(&self, delivery: &Delivery, id: &str, failure: &str) -> Result<(), CallError> {
        let store = &self.core.store;
        let now = self.core.clock.now();
        let host = self.endpoint.parse::<Uri>().ok();
        let host = host.as_ref().and_then(Uri::host).unwrap_or_default();
        if now.since(delivery.created) >= GIVE_UP_AFTER {
            tracing::error!(event.id = id, host, failure, "a webhook was given up");
            return store
                .finish_delivery(delivery.number)
                .await
                .map_err(database);
        }
        tracing::warn!(
            event.id = id,
            host,
            failure,
            "a webhook failed and is tried again"
        );
        let attempts = delivery.attempts.saturating_add(1);
        let due = now + backoff(attempts);
        let postponed = store
            .postpone_delivery(delivery.number, attempts, due)
            .await;
        postponed.map_err(database)
    }

    /// The id and the body; nothing when the event is gone with its Call.
    async fn message(&self, delivery: &Delivery) -> Result<Option<(String, String)>, CallError> {
        let record = match self.core.record_of(delivery.call_number).await {
            Ok(record) => record,
            Err(CallError::UnknownCall) => return Ok(None),
            Err(error) => return Err(error),
        };
        let before = delivery.seq - 1;
        let events = self
            .core
            .store
            .events(delivery.call_number, before, 1)
            .await;
        let events = events.map_err(database)?;
        let event = events.first().filter(|event| event.seq == delivery.seq);
        Ok(event.map(|event| {
            let id = webhook::event_id(record.call.id, event.seq);
            (id, webhook::body(&record, event))
        }))
    }
}

fn headers(signature: &str, id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [
        (webhook::SIGNATURE_HEADER, signature),
        (webhook::ID_HEADER, id),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// Twice as long each time: a second, two, four … up to ten minutes.
fn backoff(attempts: u32) -> Duration {
    let factor = 1u32 << attempts.saturating_sub(1).min(16);
    FIRST_RETRY.saturating_mul(factor).min(LONGEST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_to_ten_minutes() {
        let secs: Vec<_> = [1, 2, 3, 10, 11, 40, u32::MAX]
            .map(|n| backoff(n).as_secs())
            .to_vec();
        assert_eq!(secs, [1, 2, 4, 512, 600, 600, 600]);
    }
}
