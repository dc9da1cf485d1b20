//! What a client has said and nobody has heard yet. The library calls its handlers as
//! fast as packets come, and would run one task for each; here they wait in order, in a
//! queue that is bounded in number and in bytes. Who fills it is not listened to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value as Json;
use socketioxide::SendError;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::AckSender;
use socketioxide::handler::{FromMessageParts as _, MessageHandler};
use socketioxide::socket::Socket;
use socketioxide_core::{Str, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::session::limits::{MAX_MESSAGE_BYTES, MAX_WAITING_EVENTS};

/// Two of the largest messages.
const MAX_WAITING_BYTES: usize = 2 * MAX_MESSAGE_BYTES;
/// Longer than any event's name, so that no log line and no answer grows by it.
const MAX_EVENT_CHARS: usize = 64;

/// The library's end.
pub(crate) struct Inbox {
    queue: mpsc::Sender<Incoming>,
    waiting: Arc<AtomicUsize>,
    flooded: CancellationToken,
}

/// The Link's end.
pub(crate) struct Letterbox {
    queue: mpsc::Receiver<Incoming>,
    waiting: Arc<AtomicUsize>,
    flooded: CancellationToken,
    gone: CancellationToken,
}

/// One event as it came.
pub(crate) struct Incoming {
    text: Str,
    ack: Ack,
}

/// The client's wish to be answered, if it has one.
pub(crate) struct Ack {
    sender: AckSender,
    wanted: bool,
}

impl Letterbox {
    /// `gone` is cancelled when the client's side ends.
    pub(crate) fn new(gone: CancellationToken) -> (Inbox, Self) {
        let (sender, queue) = mpsc::channel(MAX_WAITING_EVENTS);
        let waiting = Arc::new(AtomicUsize::new(0));
        let flooded = CancellationToken::new();
        let inbox = Inbox {
            queue: sender,
            waiting: Arc::clone(&waiting),
            flooded: flooded.clone(),
        };
        let letterbox = Self {
            queue,
            waiting,
            flooded,
            gone,
        };
        (inbox, letterbox)
    }

    /// The next event; nothing when there were too many.
    pub(super) async fn next(&mut self) -> Option<Incoming> {
        let incoming = tokio::select! {
            biased;
            () = self.flooded.cancelled() => return None,
            incoming = self.queue.recv() => incoming?,
        };
        self.waiting
            .fetch_sub(incoming.text.len(), Ordering::Relaxed);
        Some(incoming)
    }

    pub(super) fn gone(&self) -> &CancellationToken {
        &self.gone
    }
}

impl MessageHandler<LocalAdapter, Self> for Inbox {
    fn call(&self, socket: Arc<Socket>, mut value: Value, ack: Option<i64>) {
        let Ok(sender) = AckSender::from_message_parts(&socket, &mut value, &ack);
        // The common parser makes nothing else.
        let Value::Str(text, _) = value else { return };
        let bytes = text.len();
        // Counted before it can be taken out again.
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let ack = Ack {
            sender,
            wanted: ack.is_some(),
        };
        let fits = before + bytes <= MAX_WAITING_BYTES;
        if !fits || self.queue.try_send(Incoming { text, ack }).is_err() {
            self.flooded.cancel();
        }
    }
}

impl Incoming {
    /// Its name and its first argument; the others are not ours.
    pub(super) fn open(self) -> (String, Result<Json, &'static str>, Ack) {
        let (event, payload) = match parse(&self.text) {
            Ok((event, payload)) => (event, Ok(payload)),
            Err(what) => (String::new(), Err(what)),
        };
        (event, payload, self.ack)
    }
}

fn parse(text: &str) -> Result<(String, Json), &'static str> {
    let arguments: Vec<Json> = serde_json::from_str(text).map_err(|_| "the event is not JSON")?;
    let mut arguments = arguments.into_iter();
    match arguments.next() {
        Some(Json::String(event)) if event.chars().count() <= MAX_EVENT_CHARS => {
            Ok((event, arguments.next().unwrap_or_default()))
        }
        _ => Err("the event has no name, or a long one"),
    }
}

impl Ack {
    pub(super) const fn wanted(&self) -> bool {
        self.wanted
    }

    /// Does nothing for who does not want it.
    pub(super) fn send(self, answer: &Json) -> Result<(), SendError> {
        self.sender.send(answer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse;

    #[test]
    fn events_of_every_shape() {
        let long = format!("[\"{}\"]", "x".repeat(65));
        let deep = format!("[\"x\",{}{}]", "[".repeat(500), "]".repeat(500));
        let cases = [
            (r#"["x"]"#, Some(("x", json!(null)))),
            (r#"["x",{"a":1},2]"#, Some(("x", json!({"a": 1})))),
            (r#"["x",[]]"#, Some(("x", json!([])))),
            (r#"[1,{}]"#, None),
            ("[]", None),
            ("{}", None),
            (r#"["x",{]"#, None),
            ("", None),
            (&long, None),
            (&deep, None),
        ];
        for (text, want) in cases {
            let want = want.map(|(event, payload)| (event.to_owned(), payload));
            assert_eq!(parse(text).ok(), want, "{text}");
        }
    }
}
