//! Times as operators write them and clients read them.

use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::{Deserialize, Deserializer};
use tollgate_sdk::{ConfigError, deserialize_text};

/// For the limiter, which counts in milliseconds.
pub(crate) fn ms_of_seconds(seconds: u64, pointer: &str) -> Result<u64, ConfigError> {
    seconds.checked_mul(1000).ok_or_else(|| ConfigError::new(pointer, "longer than can be counted"))
}

/// For clients, who wait whole seconds: never too short, and never none at all.
pub(crate) fn seconds_of_ms(ms: u64) -> u64 {
    ms.div_ceil(1000).max(1)
}

/// `9.00:54:23`, or `00:54:23` if it is less than a day.
pub(crate) fn time_span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let clock = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    match days {
        0 => clock,
        days => format!("{days}.{clock}"),
    }
}

/// A moment, written like `2026-01-31T00:00:00Z` or `2026-01-31T02:00:00+02:00` (RFC 3339).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfc3339 {
    /// In milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: i64,
}

impl Rfc3339 {
    fn parse(text: &str) -> Option<Self> {
        let (date, rest) = (text.get(..10)?, text.get(10..)?);
        let rest = rest.strip_prefix(['T', 't', ' '])?;
        let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
        let (fraction_ms, zone) = fraction(rest)?;
        let [year, month, day] = parts(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = parts(clock, ':', [2, 2, 2])?;
        // Second 60 is a leap second, which the next minute's second 0 stands for.
        let valid = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        let seconds = (hour * 60 + minute) * 60 + second - offset_seconds(zone)?;
        valid.then(|| Self { unix_ms: (days_since_1970(year, month, day) * 86_400 + seconds) * 1000 + fraction_ms })
    }
}

/// The milliseconds of `.123456`, if it is there, and what follows.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, zone) = digits.split_at(end);
    let ms = format!("{digits:0<3}").get(..3)?.parse().ok()?;
    (!digits.is_empty()).then_some((ms, zone))
}

fn offset_seconds(zone: &str) -> Option<i64> {
    let sign = match zone.get(..1)? {
        "Z" | "z" => return (zone.len() == 1).then_some(0),
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let [hours, minutes] = parts(&zone[1..], ':', [2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}

/// Numbers with so many digits, separated.
fn parts<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut fields = text.split(separator);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let field = fields.next()?;
        let exact = field.len() == digits && field.bytes().all(|byte| byte.is_ascii_digit());
        *number = exact.then(|| field.parse().ok()).flatten()?;
    }
    fields.next().is_none().then_some(numbers)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// In the proleptic Gregorian calendar, counting years from March so that the leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, |text| {
            Self::parse(text).ok_or_else(|| format!("`{text}` is no time like 2026-01-31T00:00:00Z"))
        })
    }
}

impl Schema for Rfc3339 {
    const SCHEMA: Node = Node::text().described("A time such as 2026-01-31T00:00:00Z.");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> Option<i64> {
        Rfc3339::parse(text).map(|time| time.unix_ms)
    }

    #[test]
    fn times_are_read_to_the_millisecond() {
        assert_eq!(ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(ms("0001-01-01T00:00:00Z"), Some(-62_135_596_800_000));
        assert_eq!(ms("2000-02-29T12:30:15.25Z"), Some(951_827_415_250));
        assert_eq!(ms("2026-01-31T02:00:00+02:00"), ms("2026-01-31t00:00:00z"));
        assert_eq!(ms("2026-01-30T19:00:00-05:00"), ms("2026-01-31T00:00:00Z"));
        assert_eq!(ms("2026-01-31T00:00:00.123456789Z"), Some(1_769_817_600_123));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T00:00:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T00:00:00.Z",
            "2026-01-31T00:00:00Zz",
            "2026-01-31T00:00:00+25:00",
            "2026-1-31T00:00:00Z00",
            "2026-01-31T00:00:é0Z",
        ] {
            assert_eq!(ms(text), None, "{text}");
        }
    }

    #[test]
    fn spans_are_written_with_days_only_if_there_are_any() {
        assert_eq!(time_span(780_863), "9.00:54:23");
        assert_eq!(time_span(3_263), "00:54:23");
        assert_eq!(time_span(86_399), "23:59:59");
        assert_eq!(time_span(86_400), "1.00:00:00");
    }

    #[test]
    fn a_wait_is_rounded_up() {
        assert_eq!([0, 1, 1000, 1001].map(seconds_of_ms), [1, 1, 1, 2]);
    }
}
