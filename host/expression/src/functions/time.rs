//! Points and lengths of time.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::{Function, text_at};
use crate::budget::Budget;
use crate::error::EvaluationError;
use crate::kinds::Kinds;
use crate::value::Value;

type Evaluated = Result<Value, EvaluationError>;

const STRING: Kinds = Kinds::STRING;
const WHEN: Kinds = Kinds::TIMESTAMP;
const EITHER: Kinds = Kinds::TIMESTAMP.or(Kinds::DURATION);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("timestamp", &[STRING.or(Kinds::INT).or(WHEN)], WHEN, timestamp),
    Function::global("duration", &[STRING.or(Kinds::DURATION)], Kinds::DURATION, duration),
    Function::global("format", &[WHEN, STRING, STRING], STRING, format).optional(1).both(),
    accessor("getFullYear", |arguments, _| part("getFullYear", arguments, |at| i64::from(at.year()))),
    accessor("getMonth", |arguments, _| part("getMonth", arguments, |at| i64::from(at.month()) - 1)),
    accessor("getDate", |arguments, _| part("getDate", arguments, |at| i64::from(at.day()))),
    accessor("getDayOfMonth", |arguments, _| part("getDayOfMonth", arguments, |at| i64::from(at.day()) - 1)),
    accessor("getDayOfWeek", |arguments, _| {
        part("getDayOfWeek", arguments, |at| i64::from(at.weekday().to_sunday_zero_offset()))
    }),
    accessor("getDayOfYear", |arguments, _| part("getDayOfYear", arguments, |at| i64::from(at.day_of_year()) - 1)),
    clock("getHours", |arguments, _| {
        span(arguments, 3600).map_or_else(|| part("getHours", arguments, |at| i64::from(at.hour())), Ok)
    }),
    clock("getMinutes", |arguments, _| {
        span(arguments, 60).map_or_else(|| part("getMinutes", arguments, |at| i64::from(at.minute())), Ok)
    }),
    clock("getSeconds", |arguments, _| {
        span(arguments, 1).map_or_else(|| part("getSeconds", arguments, |at| i64::from(at.second())), Ok)
    }),
    clock("getMilliseconds", |arguments, _| match arguments.first() {
        Some(Value::Duration(duration)) => Ok(Value::Int(i64::from(duration.subsec_millis()))),
        _ => part("getMilliseconds", arguments, |at| i64::from(at.subsec_nanosecond() / 1_000_000)),
    }),
];

const fn accessor(name: &'static str, run: super::Run) -> Function {
    Function::member(name, &[WHEN, STRING], Kinds::INT, run).optional(1)
}

const fn clock(name: &'static str, run: super::Run) -> Function {
    Function::member(name, &[EITHER, STRING], Kinds::INT, run).optional(1)
}

fn timestamp(arguments: &[Value], _: &mut Budget) -> Evaluated {
    let bad = |problem: &str| EvaluationError::function("timestamp", problem);
    match arguments.first() {
        Some(Value::Int(seconds)) => {
            Timestamp::from_second(*seconds).map(Value::Timestamp).map_err(|_| bad("so many seconds are no date"))
        }
        Some(Value::String(text)) => text
            .parse()
            .map(Value::Timestamp)
            .map_err(|_| bad("the text is no timestamp of RFC 3339, like `2026-01-31T12:00:00Z`")),
        other => Ok(other.cloned().unwrap_or(Value::Null)),
    }
}

fn duration(arguments: &[Value], _: &mut Budget) -> Evaluated {
    match arguments.first() {
        Some(Value::String(text)) => parse_duration(text)
            .map(Value::Duration)
            .ok_or_else(|| EvaluationError::function("duration", "the text is no duration, like `1h30m` or `1.5s`")),
        other => Ok(other.cloned().unwrap_or(Value::Null)),
    }
}

/// Numbers with units, the way CEL writes them: `1h30m`, `-1.5s`, `250ms`, `0`.
fn parse_duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut nanoseconds = 0_i128;
    let mut parts = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit: i128 = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        nanoseconds = nanoseconds.checked_add(scaled(number, unit)?)?;
        (rest, parts) = (after, parts + 1);
    }
    let nanoseconds = if negative { -nanoseconds } else { nanoseconds };
    if parts == 0 { None } else { SignedDuration::try_from_nanos_i128(nanoseconds) }
}

/// A decimal number times a unit.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + fraction.len() == 0 || fraction.contains('.') || whole.len() > 18 {
        return None;
    }
    let mut total = if whole.is_empty() { 0 } else { whole.parse::<i128>().ok()?.checked_mul(unit)? };
    let mut worth = unit;
    for digit in fraction.bytes() {
        worth /= 10;
        total += i128::from(digit - b'0') * worth;
    }
    Some(total)
}

/// `Europe/Zurich`, `UTC`, `+02:00`.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    let signed = name.strip_prefix('-').map(|rest| (-1, rest)).or_else(|| name.strip_prefix('+').map(|rest| (1, rest)));
    let starts_with_digit = name.starts_with(|c: char| c.is_ascii_digit());
    let Some((sign, rest)) = signed.or(starts_with_digit.then_some((1, name))) else {
        return TimeZone::get(name).ok();
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if !(0..=23).contains(&hours) || !(0..=59).contains(&minutes) {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().map(TimeZone::fixed)
}

/// The date and time that clocks show in the zone that the argument `place` names, if there is one, else in UTC.
fn civil(function: &'static str, arguments: &[Value], place: usize) -> Result<(Timestamp, TimeZone), EvaluationError> {
    let Some(Value::Timestamp(timestamp)) = arguments.first() else {
        return Err(EvaluationError::function(function, "there is no timestamp"));
    };
    let zone = match arguments.get(place) {
        None => TimeZone::UTC,
        Some(_) => zone(text_at(arguments, place))
            .ok_or_else(|| EvaluationError::function(function, "there is no such time zone"))?,
    };
    Ok((*timestamp, zone))
}

fn part(function: &'static str, arguments: &[Value], read: fn(DateTime) -> i64) -> Evaluated {
    let (timestamp, zone) = civil(function, arguments, 1)?;
    Ok(Value::Int(read(zone.to_datetime(timestamp))))
}

/// How often so many seconds are in a duration, if it is one.
fn span(arguments: &[Value], seconds: i64) -> Option<Value> {
    match arguments.first() {
        Some(Value::Duration(duration)) => Some(Value::Int(duration.as_secs() / seconds)),
        _ => None,
    }
}

/// Whether a text is a format that [`format`] can follow.
pub(crate) fn is_format(pattern: &str) -> bool {
    let epoch = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
    pattern.len() <= crate::limits::MAX_PATTERN && jiff::fmt::strtime::format(pattern, &epoch).is_ok()
}

fn format(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let (timestamp, zone) = civil("format", arguments, 2)?;
    let pattern = text_at(arguments, 1);
    // Padding is at most 255 characters for each directive of at least two.
    if pattern.len() > crate::limits::MAX_PATTERN {
        return Err(EvaluationError::function("format", "the format is longer than 1,024 bytes"));
    }
    budget.steps(pattern.len() / 16)?;
    let text = jiff::fmt::strtime::format(pattern, &timestamp.to_zoned_datetime(zone))
        .map_err(|_| EvaluationError::function("format", "the format isn't one of strftime, like `%Y-%m-%d`"))?;
    budget.produce(text.len())?;
    Ok(Value::from(text))
}
