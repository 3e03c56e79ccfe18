//! Moments by RFC 3339.

use crate::document::Timestamp;

/// How a moment is described in messages.
pub(super) const EXPECTED: &str = "a moment by RFC 3339 such as `2026-01-31T09:00:00Z`";

const DAY_S: i64 = 86_400;

/// Read `2026-01-31T09:00:00[.5](Z|+01:00)`.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = (text.get(..10)?, text.get(11..)?);
    if !matches!(text.as_bytes()[10], b'T' | b't' | b' ') {
        return None;
    }
    let (year, month, day) = match date.as_bytes() {
        [y @ .., b'-', m1, m2, b'-', d1, d2] if y.len() == 4 => {
            (number(y)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
        }
        _ => return None,
    };
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    let (clock, rest) = (time.get(..8)?, time.get(8..)?);
    let seconds_of_day = match clock.as_bytes() {
        [h1, h2, b':', m1, m2, b':', s1, s2] => {
            let (h, m, s) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?);
            // 60 is a leap second, which counts as the next one's first moment.
            (h <= 23 && m <= 59 && s <= 60).then_some(h * 3_600 + m * 60 + s)?
        }
        _ => return None,
    };
    let offset = offset(without_fraction(rest)?)?;
    Some(Timestamp(days_since_1970(year, month, day) * DAY_S + seconds_of_day - offset))
}

fn without_fraction(rest: &str) -> Option<&str> {
    let Some(fraction) = rest.strip_prefix('.') else {
        return Some(rest);
    };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| &fraction[digits..])
}

fn offset(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes() {
        b"Z" | b"z" => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    match digits {
        [h1, h2, b':', m1, m2] => {
            let (h, m) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            (h <= 23 && m <= 59).then_some(sign * (h * 3_600 + m * 60))
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    /// Leap days in the years before `year`, counted from year 0.
    fn leap_days_before(year: i64) -> i64 {
        let last = year - 1;
        last.div_euclid(4) - last.div_euclid(100) + last.div_euclid(400)
    }
    let whole_years = (year - 1970) * 365 + leap_days_before(year) - leap_days_before(1970);
    let whole_months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    whole_years + whole_months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_counted_from_1970() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59Z", -1),
            ("2000-02-29T12:00:00z", 951_825_600),
            ("2026-01-31T09:00:00Z", 1_769_850_000),
            ("2026-01-31T10:00:00+01:00", 1_769_850_000),
            ("2026-01-31 03:30:00.25-05:30", 1_769_850_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
            ("9999-12-31T23:59:60Z", 253_402_300_800),
        ] {
            assert_eq!(parse(text), Some(Timestamp(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T09:00:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01x00:00:00Z",
            "+026-01-01T00:00:00Z",
            "2026-01-01T00:00:00Zä",
            "ääääääääääääää",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
