//! The native carrier: a Session on a WebSocket (RFC 6455). It frames, bounds what
//! waits to be sent, and notices silence; what the messages mean is the Session's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, timeout, timeout_at};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use super::limits::{IDLE_PINGS, MAX_MESSAGE_BYTES};
use super::{Close, Reply, Session};

/// What may wait for a slow reader: a snapshot and an answer of the largest call fit
/// several times.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;
/// The same in messages, so that the queue itself is bounded as well.
const MAX_QUEUED_MESSAGES: usize = 512;
/// For the last messages, the close frame and its answer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Most messages are small; the library's 128 kB a socket would be most of our memory.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// The limits that the library enforces while it reads.
pub(crate) fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * MAX_QUEUED_BYTES)
}

/// Runs `session` on `socket` until either ends. Says why, when it was the server.
pub(crate) async fn carry(
    socket: WebSocket,
    mut session: Session,
    ping_interval: Duration,
    stop: CancellationToken,
) -> Option<Close> {
    let (sink, mut stream) = socket.split();
    let outgoing = Outgoing::start(sink);
    let close = pump(&mut session, &mut stream, &outgoing, ping_interval, stop).await;
    // The Participant's grace time begins now, not after the closing handshake.
    drop(session);
    let drain = async { while let Some(Ok(_)) = stream.next().await {} };
    // Reading on lets the close frame arrive: a socket closed with unread input is
    // reset, and the reset overtakes what was sent.
    tokio::join!(outgoing.finish(close), timeout(CLOSE_TIMEOUT, drain)).0;
    close
}

async fn pump(
    session: &mut Session,
    stream: &mut SplitStream<WebSocket>,
    outgoing: &Outgoing,
    ping_interval: Duration,
    stop: CancellationToken,
) -> Option<Close> {
    // Who speaks as often as it should is not asked besides; who does not has time to answer.
    let mut ping = tokio::time::interval(ping_interval * 5 / 4);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut deadline = Instant::now() + IDLE_PINGS * ping_interval;
    loop {
        let reply = tokio::select! {
            () = stop.cancelled() => Reply::close(Close::GoingAway),
            heard = timeout_at(deadline, stream.next()) => match heard {
                Err(_) => Reply::close(Close::Idle),
                Ok(None) => return None,
                Ok(Some(frame)) => {
                    deadline = Instant::now() + IDLE_PINGS * ping_interval;
                    ping.reset();
                    match frame {
                        Ok(Message::Text(text)) => session.handle_text(&text).await,
                        Ok(Message::Binary(_)) => Reply::close(Close::NotText),
                        Ok(Message::Ping(_) | Message::Pong(_)) => continue,
                        Ok(Message::Close(_)) => return None,
                        Err(error) => return too_big(error),
                    }
                }
            },
            reply = session.next() => reply,
            _ = ping.tick() => {
                outgoing.ping();
                continue;
            }
        };
        for message in &reply.messages {
            if outgoing.push(message).is_err() {
                return Some(Close::TooSlow);
            }
        }
        if reply.close.is_some() {
            return reply.close;
        }
    }
}

/// Anything but size is the network's or the client's end, and needs no reason.
fn too_big(error: axum::Error) -> Option<Close> {
    match error.into_inner().downcast_ref() {
        Some(tungstenite::Error::Capacity(_)) => Some(Close::TooBig),
        _ => None,
    }
}

/// The sending half: a bounded queue and the task that empties it, so that a reader
/// that stops reading stops nothing else.
struct Outgoing {
    queue: mpsc::Sender<Message>,
    queued: Arc<AtomicUsize>,
    abandon: CancellationToken,
    end: oneshot::Sender<Option<Close>>,
    task: tokio::task::JoinHandle<()>,
}

/// The queue is full.
struct Full;

impl Outgoing {
    fn start(sink: SplitSink<WebSocket, Message>) -> Self {
        let (queue, messages) = mpsc::channel(MAX_QUEUED_MESSAGES);
        let (end, ended) = oneshot::channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let abandon = CancellationToken::new();
        let writer = Writer {
            sink,
            messages,
            queued: Arc::clone(&queued),
            abandon: abandon.clone(),
        };
        Self {
            queue,
            queued,
            abandon,
            end,
            task: tokio::spawn(writer.run(ended)),
        }
    }

    fn push(&self, message: &super::message::ServerMessage) -> Result<(), Full> {
        // Only maps with keys that are no strings fail, and there are none.
        let text = serde_json::to_string(message).unwrap_or_default();
        let bytes = text.len();
        if self.queued.load(Ordering::Relaxed) + bytes > MAX_QUEUED_BYTES {
            return Err(Full);
        }
        // Counted before it can be taken out again.
        self.queued.fetch_add(bytes, Ordering::Relaxed);
        let message = Message::Text(Utf8Bytes::from(text));
        self.queue.try_send(message).map_err(|_| Full)
    }

    /// When the queue has no room, the reader has other problems than our silence.
    fn ping(&self) {
        let _ = self.queue.try_send(Message::Ping(bytes::Bytes::new()));
    }

    /// Sends what is queued, unless that was too much already, and the close frame.
    async fn finish(self, close: Option<Close>) {
        if close == Some(Close::TooSlow) {
            self.abandon.cancel();
        }
        let _ = self.end.send(close);
        drop(self.queue);
        let abort = self.task.abort_handle();
        if timeout(CLOSE_TIMEOUT, self.task).await.is_err() {
            abort.abort();
        }
    }
}

struct Writer {
    sink: SplitSink<WebSocket, Message>,
    messages: mpsc::Receiver<Message>,
    queued: Arc<AtomicUsize>,
    abandon: CancellationToken,
}

impl Writer {
    async fn run(mut self, ended: oneshot::Receiver<Option<Close>>) {
        let abandon = self.abandon.clone();
        tokio::select! {
            () = abandon.cancelled() => {}
            () = self.empty() => {}
        }
        let Ok(Some(close)) = ended.await else {
            let _ = self.sink.close().await;
            return;
        };
        let frame = CloseFrame {
            code: close.code(),
            reason: Utf8Bytes::from_static(close.reason()),
        };
        let _ = self.sink.send(Message::Close(Some(frame))).await;
    }

    async fn empty(&mut self) {
        while let Some(message) = self.messages.recv().await {
            let bytes = match &message {
                Message::Text(text) => text.len(),
                _ => 0,
            };
            let sent = self.sink.send(message).await;
            self.queued.fetch_sub(bytes, Ordering::Relaxed);
            if sent.is_err() {
                return;
            }
        }
    }
}
