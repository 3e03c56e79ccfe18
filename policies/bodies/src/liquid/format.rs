//! Moments written as a format says: .NET's (`yyyy-MM-dd`), or that of `strftime` if it holds a `%`.

use super::date::{Moment, Parts};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Write a moment. What a format doesn't know is written as it stands.
pub(crate) fn format(moment: &Moment, format: &str) -> String {
    if format.contains('%') {
        return strftime(moment, format);
    }
    let mut characters = format.chars();
    match (characters.next(), characters.next()) {
        (Some(letter), None) => standard(moment, letter),
        _ => custom(moment, format),
    }
}

/// .NET's formats of one letter, in the invariant culture.
fn standard(moment: &Moment, letter: char) -> String {
    let utc = moment.in_utc();
    let (moment, format) = match letter {
        'd' => (moment, "MM/dd/yyyy"),
        'D' => (moment, "dddd, dd MMMM yyyy"),
        'f' => (moment, "dddd, dd MMMM yyyy HH:mm"),
        'F' => (moment, "dddd, dd MMMM yyyy HH:mm:ss"),
        'g' => (moment, "MM/dd/yyyy HH:mm"),
        'G' => (moment, "MM/dd/yyyy HH:mm:ss"),
        'm' | 'M' => (moment, "MMMM dd"),
        'o' | 'O' => (moment, "yyyy-MM-ddTHH:mm:ss.fffffffK"),
        'r' | 'R' => (&utc, "ddd, dd MMM yyyy HH:mm:ss 'GMT'"),
        's' => (moment, "yyyy-MM-ddTHH:mm:ss"),
        't' => (moment, "HH:mm"),
        'T' => (moment, "HH:mm:ss"),
        'u' => (&utc, "yyyy-MM-dd HH:mm:ss'Z'"),
        'y' | 'Y' => (moment, "yyyy MMMM"),
        other => return other.to_string(),
    };
    custom(moment, format)
}

fn custom(moment: &Moment, format: &str) -> String {
    let parts = moment.parts();
    let mut written = String::new();
    let mut rest = format;
    while let Some(letter) = rest.chars().next() {
        let run = rest.chars().take_while(|&next| next == letter).count();
        let mut taken = letter.len_utf8() * run;
        match letter {
            '\'' | '"' => {
                let inside = rest[1..].split(letter).next().unwrap_or_default();
                written.push_str(inside);
                taken = (inside.len() + 2).min(rest.len());
            }
            '\\' => {
                let escaped = rest.chars().nth(1);
                written.extend(escaped);
                taken = 1 + escaped.map_or(0, char::len_utf8);
            }
            _ => match field(moment, &parts, letter, run) {
                Some(field) => written.push_str(&field),
                None => written.push_str(&rest[..taken]),
            },
        }
        rest = &rest[taken..];
    }
    written
}

/// What a run of one letter stands for in a .NET format.
fn field(moment: &Moment, parts: &Parts, letter: char, run: usize) -> Option<String> {
    let padded = |number: i64| format!("{number:0run$}");
    let month = MONTHS[(parts.month - 1) as usize];
    let weekday = DAYS[parts.weekday as usize];
    Some(match (letter, run) {
        ('y', 1 | 2) => padded(parts.year % 100),
        ('y', _) => padded(parts.year),
        ('M', 1 | 2) => padded(parts.month),
        ('M', 3) => month[..3].to_owned(),
        ('M', _) => month.to_owned(),
        ('d', 1 | 2) => padded(parts.day),
        ('d', 3) => weekday[..3].to_owned(),
        ('d', _) => weekday.to_owned(),
        ('H', _) => format!("{:0width$}", parts.hour, width = run.min(2)),
        ('h', _) => format!("{:0width$}", twelve(parts.hour), width = run.min(2)),
        ('m', _) => format!("{:0width$}", parts.minute, width = run.min(2)),
        ('s', _) => format!("{:0width$}", parts.second, width = run.min(2)),
        ('f', 1..=7) => format!("{:03}0000", parts.millisecond)[..run].to_owned(),
        ('F', 1..=7) => format!("{:03}0000", parts.millisecond)[..run].trim_end_matches('0').to_owned(),
        ('t', 1) => half(parts.hour)[..1].to_owned(),
        ('t', _) => half(parts.hour).to_owned(),
        ('K', 1) if moment.offset_minutes() == 0 => "Z".to_owned(),
        ('K', 1) => offset(moment, ":"),
        ('z', 1 | 2) => format!("{:+0width$}", moment.offset_minutes() / 60, width = run + 1),
        ('z', _) => offset(moment, ":"),
        _ => return None,
    })
}

fn strftime(moment: &Moment, format: &str) -> String {
    let mut written = String::new();
    let mut characters = format.chars();
    while let Some(c) = characters.next() {
        if c != '%' {
            written.push(c);
            continue;
        }
        let (plain, letter) = match characters.next() {
            Some('-') => (true, characters.next()),
            letter => (false, letter),
        };
        match letter.map(|letter| (letter, directive(moment, letter))) {
            Some((_, Some(field))) if plain => {
                let short = field.trim_start_matches(['0', ' ']);
                written.push_str(if short.is_empty() { "0" } else { short });
            }
            Some((_, Some(field))) => written.push_str(&field),
            Some((letter, None)) => written.extend(['%', letter]),
            None => written.push('%'),
        }
    }
    written
}

fn directive(moment: &Moment, letter: char) -> Option<String> {
    let parts = moment.parts();
    let month = MONTHS[(parts.month - 1) as usize];
    let weekday = DAYS[parts.weekday as usize];
    Some(match letter {
        'Y' => parts.year.to_string(),
        'y' => format!("{:02}", parts.year % 100),
        'm' => format!("{:02}", parts.month),
        'B' => month.to_owned(),
        'b' | 'h' => month[..3].to_owned(),
        'd' => format!("{:02}", parts.day),
        'e' => format!("{:2}", parts.day),
        'j' => format!("{:03}", parts.day_of_year),
        'A' => weekday.to_owned(),
        'a' => weekday[..3].to_owned(),
        'u' => if parts.weekday == 0 { 7 } else { parts.weekday }.to_string(),
        'w' => parts.weekday.to_string(),
        'H' => format!("{:02}", parts.hour),
        'I' => format!("{:02}", twelve(parts.hour)),
        'M' => format!("{:02}", parts.minute),
        'S' => format!("{:02}", parts.second),
        'L' => format!("{:03}", parts.millisecond),
        'p' => half(parts.hour).to_owned(),
        'P' => half(parts.hour).to_ascii_lowercase(),
        's' => moment.unix_ms().div_euclid(1000).to_string(),
        'z' => offset(moment, ""),
        'Z' => {
            if moment.offset_minutes() == 0 {
                "UTC".to_owned()
            } else {
                offset(moment, ":")
            }
        }
        'F' => custom(moment, "yyyy-MM-dd"),
        'D' => custom(moment, "MM/dd/yy"),
        'T' | 'X' => custom(moment, "HH:mm:ss"),
        'R' => custom(moment, "HH:mm"),
        'n' => "\n".to_owned(),
        't' => "\t".to_owned(),
        '%' => "%".to_owned(),
        _ => return None,
    })
}

fn twelve(hour: i64) -> i64 {
    if hour % 12 == 0 { 12 } else { hour % 12 }
}

fn half(hour: i64) -> &'static str {
    if hour < 12 { "AM" } else { "PM" }
}

fn offset(moment: &Moment, colon: &str) -> String {
    let minutes = moment.offset_minutes();
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}{colon}{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use super::super::date::parse;
    use super::*;

    #[test]
    fn formats_of_dot_net_and_of_strftime_are_known() {
        let moment = parse("2016-02-06T15:04:05.007+01:30").unwrap();
        for (text, written) in [
            ("yyyy-MM-dd", "2016-02-06"),
            ("d/M/yy h:m:s tt", "6/2/16 3:4:5 PM"),
            ("dddd, d MMMM yyyy", "Saturday, 6 February 2016"),
            ("ddd dd MMM", "Sat 06 Feb"),
            ("HH:mm:ss.fffzzz", "15:04:05.007+01:30"),
            ("yyyy'year'\\d", "2016yeard"),
            ("s", "2016-02-06T15:04:05"),
            ("R", "Sat, 06 Feb 2016 13:34:05 GMT"),
            ("O", "2016-02-06T15:04:05.0070000+01:30"),
            ("%Y-%m-%d %H:%M:%S %z", "2016-02-06 15:04:05 +0130"),
            ("%-d %b %y, %-I%P, day %j", "6 Feb 16, 3pm, day 037"),
            ("100%", "100%"),
            ("%Q", "%Q"),
        ] {
            assert_eq!(format(&moment, text), written, "{text}");
        }
        assert_eq!(format(&parse("2016-02-06").unwrap(), "HH:mmK"), "00:00Z");
    }
}
