//! What the host application's backend tells us of its users, chats and appointments.

use std::collections::BTreeSet;
use std::time::Duration;

use super::calendar::{self, InvalidTime};
use super::text;
use super::time::UnixMillis;
use crate::ids::{AppointmentId, CallId, ChatId, UserId};

/// Whom users see when the host has removed somebody who was in their calls.
pub const DELETED_USER: &str = "Deleted user";

/// As the host last described them, in its directory or in a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub username: Option<String>,
    pub email: Option<String>,
    pub avatar_url: Option<String>,
    /// The host's own word; it grants nothing in the core.
    pub role: Option<String>,
}

impl User {
    /// Somebody of whom only the id is known yet: it is the name meanwhile, as far
    /// as it can be one.
    pub fn placeholder_name(id: &UserId) -> String {
        text::display_name(id.as_str()).unwrap_or_else(|| "User".to_owned())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    pub id: ChatId,
    pub name: Option<String>,
    /// At most [`Chat::MAX_MEMBERS`].
    pub members: BTreeSet<UserId>,
}

impl Chat {
    /// A room's whole company; a call of it has far fewer.
    pub const MAX_MEMBERS: usize = 1000;
}

/// What a call left behind in its chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    pub number: i64,
    pub call: CallId,
    pub call_number: i64,
    pub kind: String,
    /// JSON.
    pub body: String,
    pub created: UnixMillis,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    pub id: AppointmentId,
    pub doctor: UserId,
    pub patient: UserId,
    /// As the host application writes them.
    pub date: String,
    pub start_time: String,
    pub end_time: String,
    /// The host's own word, such as CONFIRMED.
    pub status: String,
    /// The same as points in time.
    pub starts_at: UnixMillis,
    pub ends_at: UnixMillis,
}

/// Longest text of a date or a time that is looked at.
const MAX_CHARS: usize = 40;
const DAY: Duration = Duration::from_secs(86_400);

/// Not a day with a beginning and an end after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPeriod {
    #[error("appointmentDate, startTime or endTime is not a date or time")]
    Time,
    #[error("the end is not after the start")]
    Backwards,
}

impl From<InvalidTime> for InvalidPeriod {
    fn from(_: InvalidTime) -> Self {
        Self::Time
    }
}

/// From when to when an appointment is that the host writes like this: `start` and
/// `end` are times of day on `date`, or whole points in time. Without an offset they
/// are in UTC, an end in the start's offset. A time of day for the end that is not
/// after the start is the next day's.
pub fn period(
    date: &str,
    start: &str,
    end: &str,
) -> Result<(UnixMillis, UnixMillis), InvalidPeriod> {
    if [date, start, end].iter().any(|text| text.len() > MAX_CHARS) {
        return Err(InvalidPeriod::Time);
    }
    // Some hosts write a date as the midnight that it begins with.
    let day = calendar::split(date).map_or(date, |(day, _)| day);
    // It has to be one even where both times name their own.
    calendar::on_day(day, "00:00")?;
    let (day, start) = calendar::split(start).unwrap_or((day, start));
    let starts = calendar::on_day(day, start)?;
    let ends = match calendar::split(end) {
        Some((day, end)) => calendar::on_day(day, end)?,
        None => next_at(starts, day, end, calendar::offset(start))?,
    };
    if ends <= starts {
        return Err(InvalidPeriod::Backwards);
    }
    Ok((starts, ends))
}

/// When it is `time` for the first time after `starts`, which is on `day`.
fn next_at(
    starts: UnixMillis,
    day: &str,
    time: &str,
    offset: &str,
) -> Result<UnixMillis, InvalidTime> {
    let at = match calendar::offset(time) {
        "" => calendar::on_day(day, &format!("{time}{offset}"))?,
        _ => calendar::on_day(day, time)?,
    };
    Ok(if at > starts { at } else { at + DAY })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods() {
        let ten = 1_760_781_600_000;
        let (minute, hour) = (60_000, 3_600_000);
        let half = ten + 30 * minute;
        let cases = [
            (("2025-10-18", "10:00", "10:30"), Some((ten, half))),
            (("2025-10-18", "10:00:00", "10:30:00"), Some((ten, half))),
            (("2025-10-18", "12:00+02:00", "12:30"), Some((ten, half))),
            (("2025-10-18", "12:00+02:00", "10:30Z"), Some((ten, half))),
            (
                ("2025-10-18T00:00:00.000Z", "10:00", "10:30"),
                Some((ten, half)),
            ),
            (
                ("2025-10-18", "2025-10-18T12:00:00+02:00", "12:30"),
                Some((ten, half)),
            ),
            (
                ("2025-10-18", "2025-10-18T10:00:00Z", "2025-10-18T10:30:00Z"),
                Some((ten, half)),
            ),
            // Over midnight.
            (
                ("2025-10-17", "23:45", "00:15"),
                Some((ten - 615 * minute, ten - 10 * hour + 15 * minute)),
            ),
            (
                ("2025-10-18", "2025-10-18T10:00Z", "2025-10-18T10:00Z"),
                None,
            ),
            (("2025-02-29", "10:00", "10:30"), None),
            (("tomorrow", "10:00", "10:30"), None),
            (("tomorrow", "2025-10-18T10:00Z", "2025-10-18T10:30Z"), None),
            (("2025-10-18", "10", "10:30"), None),
            (("2025-10-18", "10:00 AM", "10:30 AM"), None),
            (("2025-10-18", "", ""), None),
            (("", "", ""), None),
        ];
        for ((date, start, end), want) in cases {
            let got = period(date, start, end).ok();
            let got = got.map(|(starts, ends)| (starts.0, ends.0));
            assert_eq!(got, want, "{date} {start} {end}");
        }
    }

    #[test]
    fn placeholders_have_a_name_that_can_be_shown() {
        let name = |id: &str| User::placeholder_name(&UserId::try_from(id).unwrap());
        assert_eq!(name("42"), "42");
        assert_eq!(name(" "), "User");
        assert_eq!(name(&"x".repeat(100)), "User");
    }
}
