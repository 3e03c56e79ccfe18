//! Moments: read from the ways in which bodies and templates write them.

use policy_dates::{civil, days_from_civil};

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A moment, and the offset from UTC at which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    unix_ms: i64,
    offset_minutes: i32,
}

/// A moment's parts, at its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) millisecond: i64,
    /// 0 is Sunday.
    pub(crate) weekday: i64,
    /// 1 to 366.
    pub(crate) day_of_year: i64,
}

impl Moment {
    /// A moment in UTC.
    pub(crate) fn from_unix_ms(unix_ms: i64) -> Self {
        Self { unix_ms, offset_minutes: 0 }
    }

    pub(crate) fn unix_ms(&self) -> i64 {
        self.unix_ms
    }

    pub(crate) fn offset_minutes(&self) -> i32 {
        self.offset_minutes
    }

    pub(crate) fn in_utc(&self) -> Self {
        Self::from_unix_ms(self.unix_ms)
    }

    pub(crate) fn parts(&self) -> Parts {
        let local = self.unix_ms.saturating_add(i64::from(self.offset_minutes) * 60_000);
        let (days, in_day) = (local.div_euclid(86_400_000), local.rem_euclid(86_400_000));
        let (year, month, day) = civil(days);
        Parts {
            year,
            month,
            day,
            hour: in_day / 3_600_000,
            minute: in_day / 60_000 % 60,
            second: in_day / 1000 % 60,
            millisecond: in_day % 1000,
            weekday: (days + 4).rem_euclid(7),
            day_of_year: days - days_from_civil(year, 1, 1) + 1,
        }
    }

    fn at(date: [i64; 3], time: [i64; 4], offset_minutes: i32) -> Option<Self> {
        let ([year, month, day], [hour, minute, second, millisecond]) = (date, time);
        let in_range = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..=60).contains(&second);
        let days = days_from_civil(year, month, day);
        // The 31st of February would be the 3rd of March.
        if !in_range || civil(days) != (year, month, day) {
            return None;
        }
        let in_day = ((hour * 60 + minute) * 60 + second) * 1000 + millisecond;
        Some(Self { unix_ms: days * 86_400_000 + in_day - i64::from(offset_minutes) * 60_000, offset_minutes })
    }
}

/// A moment from `2016-02-16`, `2016-02-16T10:00:00.5+01:00`, `2016-02-16 10:00`, `Tue, 16 Feb 2016 10:00:00 GMT`,
/// `16 Feb 2016`, `02/16/2016 10:00`, `/Date(1455616800000)/` or seconds since 1970. Without an offset it is UTC.
pub(crate) fn parse(text: &str) -> Option<Moment> {
    let text = text.trim();
    if let Some(moment) = microsoft(text) {
        return Some(moment);
    }
    if text.len() >= 9 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Moment::from_unix_ms(text.parse::<i64>().ok()?.checked_mul(1000)?));
    }
    // `2016-02-16T10` has its `T` behind the day; a month's name has letters around it.
    let (date, rest) = match text.char_indices().nth(10) {
        Some((10, 'T' | 't' | ' ')) => (date_of(&text[..10])?, &text[11..]),
        None if text.len() == 10 => (date_of(text)?, ""),
        _ => named_month(text)?,
    };
    let (time, offset) = time_of(rest.trim())?;
    Moment::at(date, time, offset)
}

fn microsoft(text: &str) -> Option<Moment> {
    let inside = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let sign = inside.bytes().skip(1).position(|b| b == b'+' || b == b'-').map_or(inside.len(), |at| at + 1);
    let (milliseconds, offset) = inside.split_at(sign);
    let digits = milliseconds.strip_prefix('-').unwrap_or(milliseconds);
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let offset_minutes = if offset.is_empty() { 0 } else { offset_of(offset)? };
    Some(Moment { unix_ms: milliseconds.parse().ok()?, offset_minutes })
}

/// `2016-02-16` or `02/16/2016`.
fn date_of(text: &str) -> Option<[i64; 3]> {
    let numbers = |separator| {
        let parts: Option<Vec<i64>> = text.split(separator).map(digits).collect();
        <[i64; 3]>::try_from(parts?).ok()
    };
    match numbers('-') {
        Some(date) if text.as_bytes().get(4) == Some(&b'-') => Some(date),
        _ => numbers('/').map(|[month, day, year]| [year, month, day]),
    }
}

/// `Tue, 16 Feb 2016 rest` or `16 February 2016 rest`.
fn named_month(text: &str) -> Option<([i64; 3], &str)> {
    let text = match text.split_once(", ") {
        Some((weekday, rest)) if weekday.bytes().all(|byte| byte.is_ascii_alphabetic()) => rest,
        _ => text,
    };
    let mut parts = text.splitn(4, ' ');
    let day = digits(parts.next()?)?;
    let name = parts.next()?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|month| name.starts_with(month))?;
    let year = digits(parts.next()?)?;
    Some(([year, month as i64 + 1, day], parts.next().unwrap_or_default()))
}

/// `10:00:00.5 +01:00` or less of it, or nothing.
fn time_of(text: &str) -> Option<([i64; 4], i32)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.')).unwrap_or(text.len());
    let (time, offset) = text.split_at(end);
    let offset = match offset.trim() {
        "" | "Z" | "z" | "GMT" | "UTC" => 0,
        offset => offset_of(offset)?,
    };
    if time.is_empty() {
        return Some(([0; 4], offset));
    }
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = time.split(':').map(digits);
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    let millisecond = if fraction.is_empty() { 0 } else { digits(&format!("{fraction:0<3}")[..3])? };
    (parts.next().is_none()).then_some(([hour, minute, second, millisecond], offset))
}

/// `+01:00` or `+0100`, in minutes.
fn offset_of(text: &str) -> Option<i32> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let plain = text[1..].replace(':', "");
    let number = digits(&plain).filter(|_| plain.len() == 4)?;
    let minutes = i32::try_from(number / 100 * 60 + number % 100).ok()?;
    (minutes < 24 * 60).then_some(sign * minutes)
}

fn digits(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        for (text, unix_ms, offset) in [
            ("2016-02-16", 1_455_580_800_000, 0),
            ("2016-02-16T10:00:00Z", 1_455_616_800_000, 0),
            ("2016-02-16T10:00:00.25+01:00", 1_455_613_200_250, 60),
            ("2016-02-16 10:00:00 +0100", 1_455_613_200_000, 60),
            ("2016-02-16 10:00", 1_455_616_800_000, 0),
            ("Tue, 16 Feb 2016 10:00:00 GMT", 1_455_616_800_000, 0),
            ("16 February 2016", 1_455_580_800_000, 0),
            ("02/16/2016 10:00:00", 1_455_616_800_000, 0),
            ("/Date(1455616800000+0100)/", 1_455_616_800_000, 60),
            ("1455616800", 1_455_616_800_000, 0),
            ("2016-02-29", 1_456_704_000_000, 0),
        ] {
            assert_eq!(parse(text), Some(Moment { unix_ms, offset_minutes: offset }), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_moments() {
        for text in [
            "",
            "soon",
            "2016",
            "2016-02-30",
            "2015-02-29",
            "2016-13-01",
            "2016-02-16T25:00",
            "2016-02-16 x",
            "/Date()/",
            "ééééééééééé",
            "16 Foo 2016",
            "2016-02-16T10:00+99:00",
            "2016-02-16T10",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
