//! Points in time as people and other systems write them: RFC 3339 with what
//! may be left out of it, and a date with a time of day.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::time::UnixMillis;

/// Not a date or time of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time such as 2025-10-18T10:00:00Z")]
pub struct InvalidTime;

/// A date and time; in UTC unless it names an offset, to the minute if it says no
/// seconds.
pub fn point_in_time(text: &str) -> Result<UnixMillis, InvalidTime> {
    let (date, time) = split(text).ok_or(InvalidTime)?;
    on_day(date, time)
}

/// `10:00`, `10:00:30` or either with an offset, on a day such as `2025-10-18`.
pub fn on_day(date: &str, time: &str) -> Result<UnixMillis, InvalidTime> {
    let offset = offset(time);
    let clock = &time[..time.len() - offset.len()];
    let seconds = if clock.len() == "10:00".len() {
        ":00"
    } else {
        ""
    };
    let offset = if offset.is_empty() { "Z" } else { offset };
    let whole = format!("{date}T{clock}{seconds}{offset}");
    let parsed = OffsetDateTime::parse(&whole, &Rfc3339).map_err(|_| InvalidTime)?;
    let millis = parsed.unix_timestamp_nanos() / 1_000_000;
    i64::try_from(millis)
        .map(UnixMillis)
        .map_err(|_| InvalidTime)
}

/// Day and time of day of a text that has both.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    text.split_once(['T', 't', ' '])
}

/// The offset that a time of day ends with; empty if it names none.
pub(super) fn offset(time: &str) -> &str {
    &time[time.find(['Z', 'z', '+', '-']).unwrap_or(time.len())..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_write_we_read() {
        for millis in [0, -1, 951_782_400_000, 1_767_225_600_001, 4_107_542_400_000] {
            let time = UnixMillis(millis);
            assert_eq!(point_in_time(&time.rfc3339()), Ok(time));
        }
    }

    #[test]
    fn other_spellings_of_one_moment() {
        for text in [
            "2025-10-18T10:00:00.000Z",
            "2025-10-18T10:00",
            "2025-10-18 10:00:00",
            "2025-10-18t10:00:00z",
            "2025-10-18T12:00:00+02:00",
            "2025-10-18T04:30-05:30",
        ] {
            let want = Ok(UnixMillis(1_760_781_600_000));
            assert_eq!(point_in_time(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "2025-10-18",
            "10:00",
            "2025-02-30T10:00Z",
            "2025-10-18T24:00Z",
            "2025-10-18T1:00Z",
            "2025-10-18T10:00+99:00",
            "18.10.2025 10:00",
            "2025-10-18T10:00Zé",
            "éééTé",
        ] {
            assert_eq!(point_in_time(text), Err(InvalidTime), "{text}");
        }
    }
}
