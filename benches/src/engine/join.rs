//! Who has asked to join, who is connected, and how long it took.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::client::{ClientId, Happening};
use crate::clock::Nanos;
use crate::measure::Histogram;
use crate::results::JoinResult;
use crate::scenario::PersonId;

/// What a participant's signaling has taken, where its server's messages are understood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SignalingBytes {
    /// Until its offer was answered, and by when so many were sent.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) answered: bool,
    /// Who joined after it, and what it received because of them.
    pub(crate) newcomers: u64,
    pub(crate) for_newcomers: u64,
}

#[derive(Debug, Clone, Default)]
struct Record {
    began: Nanos,
    /// For others to publish, which is not its own join's time.
    waited: Duration,
    clients: Vec<ClientId>,
    /// No more clients come: signaling is done.
    complete: bool,
    published: bool,
    connected: usize,
    connected_at: Option<Nanos>,
    media_at: Option<Nanos>,
    refused: Option<String>,
    signaling: SignalingBytes,
    /// Is sent less than it asked for, for the server has too much to do.
    strained: bool,
    /// Its path, after it had been found.
    lost: bool,
    left: bool,
}

impl Record {
    fn is_connected(&self) -> bool {
        self.complete && self.connected >= self.clients.len()
    }

    fn taken_until(&self, at: Nanos) -> Duration {
        at.since(self.began).saturating_sub(self.waited)
    }

    fn is_present(&self) -> bool {
        self.is_connected() && !self.left && self.refused.is_none()
    }
}

#[derive(Debug, Default)]
pub(crate) struct JoinLog {
    people: HashMap<PersonId, Record>,
    by_client: HashMap<ClientId, PersonId>,
    /// Paths that were lost after they had been found.
    pub(crate) lost: usize,
    strained: bool,
}

impl JoinLog {
    pub(crate) fn begin(&mut self, person: PersonId, at: Nanos) {
        self.people.entry(person).or_default().began = at;
    }

    pub(crate) fn attach(&mut self, person: PersonId, client: ClientId) {
        self.by_client.insert(client, person);
        self.people.entry(person).or_default().clients.push(client);
    }

    pub(crate) fn complete(&mut self, person: PersonId) {
        let record = self.people.entry(person).or_default();
        record.complete = true;
        record.published = true;
    }

    /// What it publishes is there; it may still have to ask for what it receives.
    pub(crate) fn published(&mut self, person: PersonId) {
        self.people.entry(person).or_default().published = true;
    }

    pub(crate) fn waited(&mut self, person: PersonId, time: Duration) {
        self.people.entry(person).or_default().waited += time;
    }

    pub(crate) fn refuse(&mut self, person: PersonId, why: String) {
        let record = self.people.entry(person).or_default();
        record.refused.get_or_insert(why);
    }

    pub(crate) fn strain(&mut self, person: PersonId, is_strained: bool) {
        self.people.entry(person).or_default().strained = is_strained;
        self.strained |= is_strained;
    }

    /// Looks for strain from now on.
    pub(crate) fn begin_window(&mut self) {
        let is_strained = |record: &Record| record.strained && !record.left;
        self.strained = self.people.values().any(is_strained);
    }

    /// Whether somebody was sent less since then.
    pub(crate) const fn was_strained(&self) -> bool {
        self.strained
    }

    /// What its signaling has taken until now.
    pub(crate) fn account(&mut self, person: PersonId, bytes: SignalingBytes) {
        self.people.entry(person).or_default().signaling = bytes;
    }

    pub(crate) fn left(&mut self, person: PersonId) {
        self.people.entry(person).or_default().left = true;
    }

    pub(crate) fn clients(&self, person: PersonId) -> Vec<ClientId> {
        let record = self.people.get(&person);
        record.map_or_else(Vec::new, |record| record.clients.clone())
    }

    pub(crate) fn tell(&mut self, client: ClientId, happening: Happening, at: Nanos) {
        let person = self.by_client.get(&client);
        let Some(record) = person.and_then(|person| self.people.get_mut(person)) else {
            return;
        };
        match happening {
            Happening::Connected => {
                record.connected += 1;
                record.connected_at = Some(at);
            }
            Happening::FirstMedia => {
                record.media_at.get_or_insert(at);
            }
            Happening::Lost if record.connected_at.is_none() => {
                record
                    .refused
                    .get_or_insert("the media path failed".to_owned());
            }
            Happening::Lost => {
                record.lost = true;
                self.lost += usize::from(!record.left);
            }
        }
    }

    /// Whether nothing is awaited of these: connected, or refused.
    pub(crate) fn are_settled(&self, people: &[PersonId]) -> bool {
        let settled = |person| {
            let record = self.people.get(person);
            record.is_some_and(|r| r.is_connected() || r.refused.is_some())
        };
        people.iter().all(settled)
    }

    /// Whether these publish what they will, or never will.
    pub(crate) fn have_published(&self, people: &[PersonId]) -> bool {
        let published = |person| {
            let record = self.people.get(person);
            record.is_some_and(|r| r.published || r.refused.is_some())
        };
        people.iter().all(published)
    }

    pub(crate) fn is_client_connected(&self, person: PersonId, count: usize) -> bool {
        let record = self.people.get(&person);
        record.is_some_and(|record| record.connected >= count)
    }

    /// Who is in a call now.
    pub(crate) fn present(&self) -> usize {
        self.people.values().filter(|r| r.is_present()).count()
    }

    /// Whether what it publishes is sent, and what it is sent may come.
    pub(crate) fn is_in_call(&self, person: PersonId) -> bool {
        let record = self.people.get(&person);
        record.is_some_and(|record| record.is_present() && !record.lost)
    }

    /// Whether Slots may be empty because of it.
    pub(crate) fn has_somebody_gone(&self) -> bool {
        let mut records = self.people.values();
        records.any(|record| record.left || record.lost || record.refused.is_some())
    }

    pub(crate) fn result(&self) -> JoinResult {
        let (mut connected, mut media) = (Histogram::new(), Histogram::new());
        let mut refused: BTreeMap<String, usize> = BTreeMap::new();
        let mut count = 0;
        for record in self.people.values() {
            if let Some(why) = &record.refused {
                *refused.entry(why.clone()).or_default() += 1;
            } else if record.is_connected() {
                count += 1;
                if let Some(at) = record.connected_at {
                    connected.record(record.taken_until(at));
                }
            }
            if let Some(at) = record.media_at {
                media.record(record.taken_until(at));
            }
        }
        let signaling = || self.people.values().map(|record| record.signaling);
        let answered = || signaling().filter(|bytes| bytes.answered);
        JoinResult {
            asked: self.people.len(),
            connected: count,
            connected_ms: connected.quantiles(),
            first_media_ms: media.quantiles(),
            signaling_bytes_own: ratio(answered().map(|bytes| (bytes.received, 1))),
            signaling_bytes_sent: ratio(answered().map(|bytes| (bytes.sent, 1))),
            signaling_bytes_others: ratio(
                signaling().map(|bytes| (bytes.for_newcomers, bytes.newcomers)),
            ),
            refused,
        }
    }
}

/// The sums' ratio; none where there is nothing to divide by.
fn ratio(parts: impl Iterator<Item = (u64, u64)>) -> Option<f64> {
    let sum = |(a, b), (c, d)| (a + c, b + d);
    let (bytes, count) = parts.fold((0, 0), sum);
    (count > 0).then(|| bytes as f64 / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_others_to_publish_is_no_part_of_a_join() {
        let mut log = JoinLog::default();
        let (person, at) = (PersonId(0), |ms: u64| Nanos(ms * 1_000_000));
        log.begin(person, at(1_000));
        for client in [ClientId(0), ClientId(1)] {
            log.attach(person, client);
        }
        log.complete(person);
        log.tell(ClientId(0), Happening::Connected, at(1_040));
        log.waited(person, Duration::from_millis(600));
        log.tell(ClientId(1), Happening::Connected, at(1_700));
        log.tell(ClientId(1), Happening::FirstMedia, at(1_720));
        let result = log.result();
        assert_eq!(result.connected_ms.max, 100.0);
        assert_eq!(result.first_media_ms.max, 120.0);
    }

    #[test]
    fn signaling_is_a_mean_over_joins_whoever_saw_more_of_them() {
        let mut log = JoinLog::default();
        assert_eq!(log.result().signaling_bytes_own, None);
        for (person, newcomers) in [(0, 3), (1, 1), (2, 0)] {
            let bytes = SignalingBytes {
                received: 1_000 * (person as u64 + 1),
                sent: 5_000,
                answered: true,
                newcomers,
                for_newcomers: newcomers * 400,
            };
            log.account(PersonId(person), bytes);
        }
        // Refused before its answer.
        log.account(PersonId(3), SignalingBytes::default());
        let result = log.result();
        assert_eq!(result.signaling_bytes_own, Some(2_000.0));
        assert_eq!(result.signaling_bytes_sent, Some(5_000.0));
        assert_eq!(result.signaling_bytes_others, Some(400.0));
    }
}
