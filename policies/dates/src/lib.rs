//! Days of the calendar, and the dates of old Microsoft serializers, `/Date(1198908717056+0100)/`, as XML Schema writes
//! them. A library for several statements; it is no statement itself.

/// The moment in UTC, if the whole text is such a date. The offset says only where it was written.
pub fn rewrite(text: &str) -> Option<String> {
    let inside = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let sign_at = inside.bytes().skip(1).position(|b| b == b'+' || b == b'-').map_or(inside.len(), |at| at + 1);
    let (milliseconds, offset) = inside.split_at(sign_at);
    let offset_is_right = offset.is_empty() || (offset.len() == 5 && offset[1..].bytes().all(|b| b.is_ascii_digit()));
    let digits = milliseconds.strip_prefix('-').unwrap_or(milliseconds);
    // 13 digits reach the year 2286, 15 one that XML Schema 1.0 still writes with four digits or refuses below.
    if !offset_is_right || digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format(milliseconds.parse().ok()?)
}

fn format(milliseconds: i64) -> Option<String> {
    let (day, in_day) = (milliseconds.div_euclid(86_400_000), milliseconds.rem_euclid(86_400_000));
    let (year, month, day) = civil(day);
    if !(1..=9999).contains(&year) {
        return None;
    }
    let (hour, minute, second) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1000 % 60);
    let date = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    Some(match in_day % 1000 {
        0 => format!("{date}Z"),
        fraction => format!("{date}.{fraction:03}Z"),
    })
}

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`).
pub fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day, counted from 1970-01-01, of a year, month and day: the other way round.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_rewritten_in_utc() {
        for (text, expected) in [
            ("/Date(0)/", "1970-01-01T00:00:00Z"),
            ("/Date(1198908717056)/", "2007-12-29T06:11:57.056Z"),
            ("/Date(1198908717056+0100)/", "2007-12-29T06:11:57.056Z"),
            ("/Date(-1-0700)/", "1969-12-31T23:59:59.999Z"),
            ("/Date(951782400000)/", "2000-02-29T00:00:00Z"),
            ("/Date(253402300799999)/", "9999-12-31T23:59:59.999Z"),
            ("/Date(-62135596800000)/", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(rewrite(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "/Date()/",
            "/Date(1)",
            "Date(1)/",
            "/Date(x)/",
            "/Date(1 )/",
            "/Date(+1)/",
            "/Date(--1)/",
            "/Date(1+01)/",
            "/Date(1+01000)/",
            "/Date(1+0x00)/",
            "/Date(253402300800000)/",
            "/Date(-62135596800001)/",
            "/Date(9999999999999999)/",
            "2007-12-29T06:11:57Z",
            "/Date(-)/",
            "x/Date(1)/",
            "/Date(1)/x",
            "/Date(1+é00)/",
        ] {
            assert_eq!(rewrite(text), None, "{text}");
        }
    }
}
