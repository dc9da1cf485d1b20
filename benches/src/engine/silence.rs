//! Slots that should have got something in a window and got nothing. Loss does not see
//! them: what never begins has no gaps. Counted is only what is certain; who joins or
//! leaves meanwhile, and Slots that a server fills as it likes, are left out.

use crate::client::{ClientId, Heard};
use crate::scenario::{Cast, Person, PersonId, Pin, Show};

use super::join::JoinLog;

/// Whose Slots should get something, as it was when the window began.
#[derive(Debug, Default)]
pub(super) struct Expected {
    receivers: Vec<Receiver>,
}

#[derive(Debug)]
struct Receiver {
    id: PersonId,
    audio: Slots,
    video: Slots,
}

/// Of one kind.
#[derive(Debug)]
enum Slots {
    /// Whom these show.
    Pinned(Vec<PersonId>),
    /// Known only by what they got before: who fills a Slot stays until somebody goes.
    Automatic,
    /// Filled by rules that are not known here.
    Unknown,
}

/// Slots that got nothing, of so many that should have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Silence {
    pub(super) silent: usize,
    pub(super) expected: usize,
}

impl Expected {
    /// Of everybody who is connected; `shows` is what the server makes of a group's wish.
    pub(super) fn of(cast: &Cast, log: &JoinLog, shows: impl Fn(Show) -> Option<Show>) -> Self {
        let is_in = |person: &&Person| log.is_in_call(person.id);
        let receiver = |person: &Person| {
            let (mut audio, mut video) = cast.all_pins(person);
            audio.retain(|pin| log.is_in_call(pin.of));
            video.retain(|pin| log.is_in_call(pin.of));
            let slots = |show, pins: Vec<Pin>| match shows(show) {
                Some(Show::Pinned) => Slots::Pinned(pins.iter().map(|pin| pin.of).collect()),
                Some(Show::Automatic) => Slots::Automatic,
                None => Slots::Unknown,
            };
            Receiver {
                id: person.id,
                audio: slots(person.group.audio, audio),
                video: slots(person.group.video, video),
            }
        };
        Self {
            receivers: cast.people().iter().filter(is_in).map(receiver).collect(),
        }
    }

    /// `log` as of the window's end.
    pub(super) fn silence(
        &self,
        log: &JoinLog,
        heard: impl Fn(ClientId) -> Option<Heard>,
    ) -> Silence {
        let somebody_went = log.has_somebody_gone();
        let mut silence = Silence::default();
        for receiver in self.receivers.iter().filter(|r| log.is_in_call(r.id)) {
            let clients = log.clients(receiver.id);
            // Who is another kind of client is not counted so.
            let Some(all) = clients.into_iter().map(&heard).collect::<Option<Vec<_>>>() else {
                continue;
            };
            let sum = |of: fn(&Heard) -> usize| all.iter().map(of).sum::<usize>();
            for (slots, got, ceased) in [
                (&receiver.audio, sum(|h| h.audio), sum(|h| h.audio_ceased)),
                (&receiver.video, sum(|h| h.video), sum(|h| h.video_ceased)),
            ] {
                let expected = match slots {
                    Slots::Pinned(shown) => shown.iter().filter(|of| log.is_in_call(**of)).count(),
                    Slots::Automatic if !somebody_went => got + ceased,
                    Slots::Automatic | Slots::Unknown => 0,
                };
                silence.expected += expected;
                silence.silent += expected.saturating_sub(got);
            }
        }
        silence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Happening;
    use crate::clock::Nanos;
    use crate::scenario::Scenario;

    /// Three who look at each other, and hear each other by the server's choice.
    fn call() -> (Cast, JoinLog) {
        let scenario = Scenario::from_toml(
            r#"
            name = "three"
            [[groups]]
            name = "member"
            count = 3
            publish = ["microphone", "camera"]
            audio_slots = 2
            video_slots = 2
            video = "pinned"
            "#,
        );
        let mut log = JoinLog::default();
        for n in 0..3 {
            let (person, client) = (PersonId(n), ClientId(n as u32));
            log.attach(person, client);
            log.complete(person);
            log.tell(client, Happening::Connected, Nanos(1));
        }
        (Cast::new(&scenario.unwrap()), log)
    }

    fn heard(audio: usize, video: usize, audio_ceased: usize) -> Heard {
        Heard {
            audio,
            video,
            audio_ceased,
            video_ceased: 0,
        }
    }

    fn silence(silent: usize, expected: usize) -> Silence {
        Silence { silent, expected }
    }

    #[test]
    fn a_pinned_slot_whose_publisher_is_there_should_get_something() {
        let (cast, mut log) = call();
        let expected = Expected::of(&cast, &log, Some);
        let all = |log: &JoinLog, heard| expected.silence(log, |_| Some(heard));
        assert_eq!(all(&log, heard(2, 2, 0)), silence(0, 12));
        assert_eq!(all(&log, heard(2, 1, 0)), silence(3, 12));
        // Whose path was lost sends nothing, and receives nothing.
        log.tell(ClientId(0), Happening::Lost, Nanos(2));
        assert_eq!(all(&log, heard(1, 1, 0)), silence(0, 2));
    }

    #[test]
    fn an_automatic_slot_that_was_filled_stays_so_unless_somebody_leaves() {
        let (cast, mut log) = call();
        let some = |_| Some(heard(1, 2, 1));
        let expected = Expected::of(&cast, &log, Some);
        assert_eq!(expected.silence(&log, some), silence(3, 12));
        // Never filled, it may have been nobody's.
        let never = |_| Some(heard(1, 2, 0));
        assert_eq!(expected.silence(&log, never), silence(0, 9));
        log.left(PersonId(0));
        assert_eq!(expected.silence(&log, some), silence(0, 2));
    }

    #[test]
    fn what_a_server_does_not_choose_is_pinned_and_what_it_does_not_say_is_unknown() {
        let (cast, log) = call();
        let never = |_| Some(heard(1, 2, 0));
        let pinned = Expected::of(&cast, &log, |_| Some(Show::Pinned));
        assert_eq!(pinned.silence(&log, never), silence(3, 12));
        let unknown = Expected::of(&cast, &log, |_| None);
        assert_eq!(unknown.silence(&log, never), silence(0, 0));
    }

    #[test]
    fn who_is_not_counted_misses_nothing() {
        let (cast, log) = call();
        let expected = Expected::of(&cast, &log, Some);
        assert_eq!(expected.silence(&log, |_| None), silence(0, 0));
        let nobody = Expected::of(&cast, &JoinLog::default(), Some);
        assert_eq!(
            nobody.silence(&log, |_| Some(Heard::default())),
            silence(0, 0)
        );
    }
}
