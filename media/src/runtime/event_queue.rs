//! Events on their way to signaling, and what happens when it is slow.
//!
//! The worker never waits for it. State that signaling would otherwise miss
//! (transports, Slots, lost Routers) queues here behind the channel; who speaks
//! is stale in a moment and is dropped as soon as the channel is full. When even
//! the queue is full signaling has stood still for long, and the oldest go: it
//! can ask for whole snapshots.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::control::Event;
use crate::limits::MAX_EVENTS;

#[derive(Debug)]
pub(super) struct EventQueue {
    channel: mpsc::Sender<Event>,
    waiting: VecDeque<Event>,
    dropped: u64,
}

impl EventQueue {
    pub(super) fn new(channel: mpsc::Sender<Event>) -> Self {
        Self {
            channel,
            waiting: VecDeque::new(),
            dropped: 0,
        }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.flush();
        if self.waiting.is_empty() {
            match self.channel.try_send(event) {
                Ok(()) | Err(TrySendError::Closed(_)) => {}
                Err(TrySendError::Full(event)) => self.wait(event),
            }
        } else {
            self.wait(event);
        }
    }

    /// Hands over what the channel takes.
    pub(super) fn flush(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.channel.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Closed(_)) => self.waiting.clear(),
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return;
                }
            }
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn wait(&mut self, event: Event) {
        if matches!(event, Event::Speaking { .. }) {
            return;
        }
        if self.waiting.len() >= MAX_EVENTS {
            self.waiting.pop_front();
            if self.dropped == 0 {
                tracing::error!("signaling does not take the media events; dropping the oldest");
            }
            self.dropped += 1;
        }
        self.waiting.push_back(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RouterId;

    fn lost(id: u128) -> Event {
        Event::RouterLost {
            router: RouterId(id),
        }
    }

    #[test]
    fn a_slow_reader_misses_speakers_only() {
        let (sender, mut receiver) = mpsc::channel(2);
        let mut queue = EventQueue::new(sender);
        for id in 0..5 {
            queue.push(lost(id));
            queue.push(Event::Speaking {
                router: RouterId(id),
                speakers: Vec::new(),
            });
        }
        assert!(queue.is_waiting());
        let mut got = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            got.push(event);
            queue.flush();
        }
        let kept: Vec<_> = got
            .into_iter()
            .filter(|e| matches!(e, Event::RouterLost { .. }))
            .collect();
        assert_eq!(kept, (0..5).map(lost).collect::<Vec<_>>());
        assert!(!queue.is_waiting());
    }

    #[test]
    fn a_reader_that_never_comes_costs_bounded_memory() {
        let (sender, _receiver) = mpsc::channel(1);
        let mut queue = EventQueue::new(sender);
        for id in 0..MAX_EVENTS as u128 + 10 {
            queue.push(lost(id));
        }
        assert_eq!((queue.waiting.len(), queue.dropped), (MAX_EVENTS, 9));
    }
}
