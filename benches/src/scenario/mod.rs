//! What is played: rooms, who is in them, what they publish and show, for how long.
//! Written as TOML; `benches/scenarios` has those that come with the load tester.

mod builtin;
mod cast;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

pub use crate::shape::Codec;

pub use builtin::{builtin, builtin_names};
pub use cast::{Cast, Person, PersonId, Pin};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// Rooms alike, side by side.
    #[serde(default = "one")]
    pub rooms: usize,
    /// Of each room.
    pub groups: Vec<Group>,
    #[serde(default)]
    pub media: MediaSpec,
    #[serde(default)]
    pub phases: Phases,
    #[serde(default)]
    pub ramp: Option<Ramp>,
    /// People of each second who leave, each followed by a newcomer in their place.
    #[serde(default)]
    pub churn_per_second: f64,
}

/// People of a kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    pub count: usize,
    #[serde(default)]
    pub publish: Vec<SourceName>,
    #[serde(default)]
    pub audio_slots: usize,
    #[serde(default)]
    pub video_slots: usize,
    /// Who fills the Slots of sound, and of pictures.
    #[serde(default)]
    pub audio: Show,
    #[serde(default)]
    pub video: Show,
    /// Pixels of a video Slot, by which the server chooses a layer.
    #[serde(default)]
    pub tile: Option<[u16; 2]>,
    #[serde(default)]
    pub joins: Joins,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceName {
    Microphone,
    Camera,
    Screen,
    ScreenAudio,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Show {
    /// The server, by who speaks.
    #[default]
    Automatic,
    /// The receiver, somebody else in each Slot.
    Pinned,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joins {
    /// Everybody is there before measuring begins.
    #[default]
    Before,
    /// While it is measured, what they do to the others included.
    Measured,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MediaSpec {
    pub codec: Codec,
    pub fps: f64,
    /// Simulcast layers of a camera, smallest first.
    pub layers: Vec<Layer>,
    /// Instead of layers: one stream of so many packets of `packet_bytes`, in bursts at
    /// the frame rate.
    pub packets_per_second: Option<f64>,
    /// Largest RTP packet.
    pub packet_bytes: usize,
    /// Bytes of a keyframe over those of others.
    pub keyframe_factor: f64,
    pub audio: Audio,
    pub screen: Layer,
    pub screen_fps: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    #[serde(default)]
    pub rid: String,
    pub width: u16,
    pub height: u16,
    pub kbps: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audio {
    /// Part of the time that each speaks.
    pub share: f64,
    pub spurt_seconds: f64,
    /// Of an Opus packet while speaking: from, to.
    pub bytes: [usize; 2],
    pub dtx: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Phases {
    /// All at once if 0.
    pub joins_per_second: f64,
    /// From the last join to the measured window.
    pub settle_seconds: f64,
    pub measure_seconds: f64,
    /// After it, for repairs of what was sent in it.
    pub grace_seconds: f64,
    /// For everybody to connect.
    pub join_timeout_seconds: f64,
}

/// Steps, each settled and measured, until the limit: the last within it is the result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    pub of: RampOf,
    /// Added in each step; or, with `factor`, not used.
    #[serde(default)]
    pub step: f64,
    #[serde(default)]
    pub factor: Option<f64>,
    pub until: f64,
    #[serde(default = "thousandth")]
    pub max_loss: f64,
    /// Of latency's p99.
    #[serde(default = "fifty")]
    pub max_latency_ms: f64,
    /// Whether it also ends when the server says that it has too much to do and sends
    /// less than was asked for.
    #[serde(default = "yes")]
    pub until_strained: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RampOf {
    /// From `media.packets_per_second` on.
    PacketsPerSecond,
    /// From `rooms` on.
    Rooms,
    /// In the last group of each room, from its `count` on.
    Participants,
}

const fn one() -> usize {
    1
}

const fn yes() -> bool {
    true
}

const fn thousandth() -> f64 {
    0.001
}

const fn fifty() -> f64 {
    50.0
}

impl Default for MediaSpec {
    fn default() -> Self {
        let layer = |rid: &str, width, height, kbps| Layer {
            rid: rid.to_owned(),
            width,
            height,
            kbps,
        };
        Self {
            codec: Codec::Vp8,
            fps: 30.0,
            // As libwebrtc's table of simulcast has them, without its lowest.
            layers: vec![
                layer("q", 320, 180, 150.0),
                layer("h", 640, 360, 500.0),
                layer("f", 1280, 720, 1_700.0),
            ],
            packets_per_second: None,
            packet_bytes: crate::client::PACKET_BYTES,
            keyframe_factor: 5.0,
            audio: Audio::default(),
            screen: layer("", 1920, 1080, 1_200.0),
            screen_fps: 10.0,
        }
    }
}

impl Default for Audio {
    fn default() -> Self {
        Self {
            share: 0.1,
            spurt_seconds: 2.5,
            bytes: [60, 140],
            dtx: false,
        }
    }
}

impl Default for Phases {
    fn default() -> Self {
        Self {
            joins_per_second: 25.0,
            settle_seconds: 4.0,
            measure_seconds: 20.0,
            grace_seconds: 1.0,
            join_timeout_seconds: 30.0,
        }
    }
}

impl Ramp {
    pub fn next(&self, value: f64) -> f64 {
        self.factor
            .map_or(value + self.step, |factor| value * factor)
    }
}

/// So many in a process are a mistake in a file, not a load test.
const MAX_PEOPLE: usize = 20_000;

impl Scenario {
    pub fn from_toml(text: &str) -> anyhow::Result<Self> {
        let scenario: Self = toml::from_str(text).context("not a scenario")?;
        scenario.check()?;
        Ok(scenario)
    }

    /// People of one room.
    pub fn people_per_room(&self) -> usize {
        self.groups.iter().map(|group| group.count).sum()
    }

    pub fn people(&self) -> usize {
        self.rooms.saturating_mul(self.people_per_room())
    }

    /// At the end of a ramp, if it has one.
    fn most_people(&self) -> f64 {
        let now = self.people() as f64;
        let rooms = self.rooms as f64;
        let Some(ramp) = &self.ramp else { return now };
        let at_end = match ramp.of {
            RampOf::PacketsPerSecond => now,
            RampOf::Rooms => ramp.until * self.people_per_room() as f64,
            RampOf::Participants => {
                let last = self.groups.last().map_or(0, |group| group.count);
                now + rooms * (ramp.until - last as f64)
            }
        };
        now.max(at_end)
    }

    /// Simulcast layers' names, smallest first.
    pub fn rids(&self) -> Vec<String> {
        if self.media.packets_per_second.is_some() {
            return Vec::new();
        }
        self.media.layers.iter().map(|l| l.rid.clone()).collect()
    }

    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(!self.name.is_empty(), "a scenario has a name");
        ensure!(self.rooms > 0, "a scenario has rooms");
        ensure!(self.people_per_room() > 0, "nobody is in a room");
        let people = self.most_people();
        ensure!(
            people <= MAX_PEOPLE as f64,
            "{people:.0} participants are too many"
        );
        ensure!(self.media.fps >= 1.0, "fps is at least 1");
        ensure!(self.media.screen_fps >= 1.0, "screen_fps is at least 1");
        let bytes = self.media.packet_bytes;
        ensure!(
            (150..=1_400).contains(&bytes),
            "packet_bytes is from 150 to 1400"
        );
        let [from, to] = self.media.audio.bytes;
        ensure!(
            from <= to && to <= 1_000,
            "media.audio.bytes goes up to 1000"
        );
        ensure!(self.phases.measure_seconds > 0.0, "nothing is measured");
        for layer in &self.media.layers {
            let named = !layer.rid.is_empty() || self.media.layers.len() == 1;
            ensure!(named, "layers are told apart by their rid");
            ensure!(layer.rid.len() <= 16, "a rid has up to 16 characters");
        }
        self.ramp
            .as_ref()
            .map_or(Ok(()), |ramp| self.check_ramp(ramp))
    }

    fn check_ramp(&self, ramp: &Ramp) -> anyhow::Result<()> {
        // People and rooms are whole.
        let least = match ramp.of {
            RampOf::PacketsPerSecond => f64::MIN_POSITIVE,
            RampOf::Rooms | RampOf::Participants => 1.0,
        };
        // A factor has the last word, so a step does not make up for a bad one.
        ensure!(
            ramp.factor
                .map_or(ramp.step >= least, |factor| factor > 1.0),
            "a ramp has a step above 0, of at least 1 in rooms and participants, or a \
             factor above 1"
        );
        ensure!(
            ramp.of != RampOf::PacketsPerSecond || self.media.packets_per_second.is_some(),
            "a ramp of packets_per_second begins with media.packets_per_second"
        );
        Ok(())
    }
}

impl Phases {
    pub fn settle(&self) -> Duration {
        seconds(self.settle_seconds)
    }

    pub fn measure(&self) -> Duration {
        seconds(self.measure_seconds)
    }

    pub fn grace(&self) -> Duration {
        seconds(self.grace_seconds)
    }

    pub fn join_timeout(&self) -> Duration {
        seconds(self.join_timeout_seconds)
    }

    /// Between two joins.
    pub fn join_interval(&self) -> Duration {
        if self.joins_per_second > 0.0 {
            seconds(1.0 / self.joins_per_second)
        } else {
            Duration::ZERO
        }
    }
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_that_comes_along_is_valid_and_named_as_its_file() {
        for name in builtin_names() {
            let scenario = builtin(name).unwrap().unwrap();
            assert_eq!(scenario.name, name);
            assert!(!scenario.description.is_empty(), "{name}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let group = "[[groups]]\nname = \"a\"\ncount = 2\n";
        for (text, mistake) in [
            (format!("name = \"x\"\nspeed = 3\n{group}"), "speed"),
            ("name = \"x\"\ngroups = []".to_owned(), "nobody"),
            (format!("name = \"x\"\nrooms = 100000\n{group}"), "too many"),
            (
                format!("name = \"x\"\n{group}[media]\npacket_bytes = 20"),
                "packet_bytes",
            ),
            (
                format!("name = \"x\"\n{group}[ramp]\nof = \"rooms\"\nuntil = 5"),
                "step",
            ),
            // It would go down for ever.
            (
                format!(
                    "name = \"x\"\n{group}[ramp]\nof = \"rooms\"\nuntil = 5\nstep = 1\nfactor = 0.5"
                ),
                "factor",
            ),
            (
                format!("name = \"x\"\n{group}[ramp]\nof = \"rooms\"\nuntil = 1e9\nstep = 1"),
                "too many",
            ),
        ] {
            let error = format!("{:#}", Scenario::from_toml(&text).unwrap_err());
            assert!(error.contains(mistake), "{mistake}: {error}");
        }
    }
}
