//! The scenarios that come along, inside the binary: whoever has it can repeat a run.

use super::Scenario;

macro_rules! scenarios {
    ($($name:literal),+ $(,)?) => {
        const ALL: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),+
        ];
    };
}

scenarios![
    "one_to_many",
    "saturation",
    "meeting",
    "meeting_16",
    "meetings",
    "audio_room",
    "webinar",
    "join_storm",
    "churn",
    "ramp",
    "rooms_of_5",
    "voices_of_5",
    "all_tiles",
];

pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// The scenario of that name, if there is one.
pub fn builtin(name: &str) -> Option<anyhow::Result<Scenario>> {
    let (_, text) = ALL.iter().find(|(known, _)| *known == name)?;
    Some(Scenario::from_toml(text))
}
