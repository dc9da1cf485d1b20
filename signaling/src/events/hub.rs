//! Ordered fan-out of a Call's [`Notice`]s over one bounded queue a Participant.
//!
//! A reader too slow to keep up loses its queue at once and never slows the others:
//! its Session closes and the Participant resumes with a fresh snapshot, which is
//! also the only way to catch up correctly.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

use super::notice::Notice;
use crate::ids::{Epoch, ParticipantId};

/// Notices that a Session may lag behind. A full room joining at once is fifty; a
/// quiet second of speaking and Slot changes is a dozen.
pub const QUEUE_LENGTH: usize = 256;

/// Why there are no more notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The queue was full. Close the socket (1013); the Participant may resume.
    Lagged,
    /// Another Session resumed this Participant.
    Replaced,
    /// The Participant left or the Call ended; everything before it was delivered.
    Over,
}

/// Where a queue's loss is told: dropping a [`NoticeReceiver`] is losing the Session.
pub(crate) type LostSessions = mpsc::UnboundedSender<(ParticipantId, Epoch)>;

/// The receiving end of one attachment. Dropping it counts as the loss of the
/// Session, so that no Participant stays behind whose Session ended by accident.
#[derive(Debug)]
pub struct NoticeReceiver {
    queue: mpsc::Receiver<Arc<Notice>>,
    closed: Arc<OnceLock<Closed>>,
    participant: ParticipantId,
    epoch: Epoch,
    lost: LostSessions,
}

impl NoticeReceiver {
    /// The next notice. Safe to cancel: nothing is lost between two calls.
    pub async fn recv(&mut self) -> Result<Arc<Notice>, Closed> {
        if let Some(closed @ (Closed::Lagged | Closed::Replaced)) = self.closed.get() {
            return Err(*closed);
        }
        match self.queue.recv().await {
            Some(notice) => Ok(notice),
            None => Err(self.closed.get().copied().unwrap_or(Closed::Over)),
        }
    }
}

impl Drop for NoticeReceiver {
    fn drop(&mut self) {
        // Nobody listens once the service has stopped; then nothing needs telling.
        let _ = self.lost.send((self.participant, self.epoch));
    }
}

#[derive(Debug)]
struct Queue {
    sender: mpsc::Sender<Arc<Notice>>,
    closed: Arc<OnceLock<Closed>>,
}

impl Queue {
    fn close(self, why: Closed) {
        let _ = self.closed.set(why);
    }
}

/// The queues of one Call.
#[derive(Debug, Default)]
pub(crate) struct Fanout {
    queues: HashMap<ParticipantId, Queue>,
}

impl Fanout {
    /// Opens a queue for `participant`, taking over from the one it had.
    pub(crate) fn attach(
        &mut self,
        participant: ParticipantId,
        epoch: Epoch,
        lost: LostSessions,
    ) -> NoticeReceiver {
        self.detach(participant, Closed::Replaced);
        let (sender, queue) = mpsc::channel(QUEUE_LENGTH);
        let closed = Arc::new(OnceLock::new());
        let entry = Queue {
            sender,
            closed: Arc::clone(&closed),
        };
        self.queues.insert(participant, entry);
        NoticeReceiver {
            queue,
            closed,
            participant,
            epoch,
            lost,
        }
    }

    pub(crate) fn detach(&mut self, participant: ParticipantId, why: Closed) {
        if let Some(queue) = self.queues.remove(&participant) {
            queue.close(why);
        }
    }

    pub(crate) fn send_to(&mut self, participant: ParticipantId, notice: Notice) {
        self.deliver(participant, Arc::new(notice));
    }

    pub(crate) fn send_all(&mut self, notice: Notice) {
        let notice = Arc::new(notice);
        let everybody: Vec<_> = self.queues.keys().copied().collect();
        for participant in everybody {
            self.deliver(participant, Arc::clone(&notice));
        }
    }

    pub(crate) fn send_others(&mut self, except: ParticipantId, notice: Notice) {
        let notice = Arc::new(notice);
        let others: Vec<_> = self
            .queues
            .keys()
            .copied()
            .filter(|id| *id != except)
            .collect();
        for participant in others {
            self.deliver(participant, Arc::clone(&notice));
        }
    }

    fn deliver(&mut self, participant: ParticipantId, notice: Arc<Notice>) {
        let Some(queue) = self.queues.get(&participant) else {
            return;
        };
        // A closed queue is a Session that is gone; its receiver has said so.
        if queue.sender.try_send(notice).is_err() {
            self.detach(participant, Closed::Lagged);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::call::EndReason;

    fn id(n: u128) -> ParticipantId {
        ParticipantId::from_uuid(Uuid::from_u128(n))
    }

    fn speaking() -> Notice {
        Notice::Speaking(Vec::new())
    }

    #[tokio::test]
    async fn a_slow_reader_is_closed_and_the_others_go_on() {
        let (lost, _losses) = mpsc::unbounded_channel();
        let mut fanout = Fanout::default();
        let mut slow = fanout.attach(id(1), Epoch::FIRST, lost.clone());
        let mut quick = fanout.attach(id(2), Epoch::FIRST, lost);
        for _ in 0..=QUEUE_LENGTH {
            fanout.send_all(speaking());
            assert!(quick.recv().await.is_ok());
        }
        assert_eq!(slow.recv().await, Err(Closed::Lagged));
        fanout.send_all(speaking());
        assert!(quick.recv().await.is_ok());
    }

    #[tokio::test]
    async fn the_last_words_arrive_before_the_close() {
        let (lost, mut losses) = mpsc::unbounded_channel();
        let mut fanout = Fanout::default();
        let mut receiver = fanout.attach(id(1), Epoch(3), lost);
        fanout.send_to(id(1), Notice::CallEnded(EndReason::Completed));
        fanout.detach(id(1), Closed::Over);
        let last = receiver.recv().await.unwrap();
        assert_eq!(*last, Notice::CallEnded(EndReason::Completed));
        assert_eq!(receiver.recv().await, Err(Closed::Over));
        drop(receiver);
        assert_eq!(losses.recv().await, Some((id(1), Epoch(3))));
    }

    #[tokio::test]
    async fn a_new_attachment_replaces_the_old() {
        let (lost, _losses) = mpsc::unbounded_channel();
        let mut fanout = Fanout::default();
        let mut old = fanout.attach(id(1), Epoch(1), lost.clone());
        let mut new = fanout.attach(id(1), Epoch(2), lost);
        fanout.send_others(id(9), speaking());
        assert_eq!(old.recv().await, Err(Closed::Replaced));
        assert!(new.recv().await.is_ok());
    }
}
