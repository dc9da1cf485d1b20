//! Who is in which room, and whom they look at.

use super::{Group, Scenario, Show, SourceName};

/// Of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonId(pub usize);

#[derive(Debug, Clone)]
pub struct Person {
    pub id: PersonId,
    pub room: usize,
    pub group: Group,
    /// Has not left.
    pub present: bool,
}

impl Person {
    pub fn name(&self) -> String {
        format!("bot-{}", self.id.0)
    }

    pub fn publishes(&self, source: SourceName) -> bool {
        self.group.publish.contains(&source)
    }

    pub fn receives(&self) -> bool {
        self.group.audio_slots + self.group.video_slots > 0
    }
}

/// Somebody's source on a Slot: the n-th of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    pub slot: usize,
    pub of: PersonId,
    pub source: SourceName,
}

#[derive(Debug, Clone, Default)]
pub struct Cast {
    people: Vec<Person>,
}

impl Cast {
    pub fn new(scenario: &Scenario) -> Self {
        let mut cast = Self::default();
        for room in 0..scenario.rooms {
            cast.add_room(scenario, room);
        }
        cast
    }

    /// Adds the people of one more room; they are the last.
    pub fn add_room(&mut self, scenario: &Scenario, room: usize) {
        for group in &scenario.groups {
            for _ in 0..group.count {
                self.add(room, group.clone());
            }
        }
    }

    pub fn add(&mut self, room: usize, group: Group) -> PersonId {
        let id = PersonId(self.people.len());
        self.people.push(Person {
            id,
            room,
            group,
            present: true,
        });
        id
    }

    pub fn leave(&mut self, PersonId(id): PersonId) {
        self.people[id].present = false;
    }

    pub fn rooms(&self) -> usize {
        self.people.iter().map(|p| p.room + 1).max().unwrap_or(0)
    }

    pub fn people(&self) -> &[Person] {
        &self.people
    }

    pub fn get(&self, PersonId(id): PersonId) -> &Person {
        &self.people[id]
    }

    /// Whose sound is on which audio Slot, where it is the receiver who says so.
    pub fn audio_pins(&self, person: &Person) -> Vec<Pin> {
        match person.group.audio {
            Show::Automatic => Vec::new(),
            Show::Pinned => self.fill(person, person.group.audio_slots, &[SourceName::Microphone]),
        }
    }

    /// And whose picture on which video Slot: screens first.
    pub fn video_pins(&self, person: &Person) -> Vec<Pin> {
        let sources = [SourceName::Screen, SourceName::Camera];
        match person.group.video {
            Show::Automatic => Vec::new(),
            Show::Pinned => self.fill(person, person.group.video_slots, &sources),
        }
    }

    /// The sound and pictures of a server that does not choose, chosen for it.
    pub fn all_pins(&self, person: &Person) -> (Vec<Pin>, Vec<Pin>) {
        let Group {
            audio_slots,
            video_slots,
            ..
        } = person.group;
        let video = [SourceName::Screen, SourceName::Camera];
        (
            self.fill(person, audio_slots, &[SourceName::Microphone]),
            self.fill(person, video_slots, &video),
        )
    }

    /// Everybody looks at those after them, so that each is looked at by as many.
    fn fill(&self, person: &Person, slots: usize, sources: &[SourceName]) -> Vec<Pin> {
        let mut pins = Vec::new();
        for source in sources {
            let others = |p: &&Person| {
                p.present && p.room == person.room && p.id != person.id && p.publishes(*source)
            };
            let others: Vec<PersonId> = self.people.iter().filter(others).map(|p| p.id).collect();
            let after = others.partition_point(|id| *id < person.id);
            let turned = others[after..].iter().chain(&others[..after]);
            pins.extend(turned.map(|of| (*of, *source)));
        }
        let pins = pins.into_iter().take(slots).enumerate();
        pins.map(|(slot, (of, source))| Pin { slot, of, source })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario() -> Scenario {
        Scenario::from_toml(
            "name = \"x\"\nrooms = 2\n\
             [[groups]]\nname = \"host\"\ncount = 1\npublish = [\"camera\", \"screen\"]\n\
             [[groups]]\nname = \"guest\"\ncount = 3\npublish = [\"camera\"]\n\
             video = \"pinned\"\nvideo_slots = 3\n",
        )
        .unwrap()
    }

    #[test]
    fn guests_see_the_screen_and_those_after_them_in_their_room() {
        let cast = Cast::new(&scenario());
        let pins = |id| -> Vec<(usize, SourceName)> {
            let pins = cast.video_pins(cast.get(PersonId(id)));
            pins.iter().map(|pin| (pin.of.0, pin.source)).collect()
        };
        let (camera, screen) = (SourceName::Camera, SourceName::Screen);
        assert_eq!(pins(2), [(0, screen), (3, camera), (0, camera)]);
        assert_eq!(pins(7), [(4, screen), (4, camera), (5, camera)]);
        assert_eq!(pins(0), []);
    }

    #[test]
    fn each_is_looked_at_by_as_many() {
        let mut scenario = scenario();
        scenario.groups.remove(0);
        scenario.groups[0].count = 10;
        let cast = Cast::new(&scenario);
        let mut seen = [0; 20];
        for person in cast.people() {
            for pin in cast.video_pins(person) {
                seen[pin.of.0] += 1;
            }
        }
        assert_eq!(seen, [3; 20]);
    }
}
