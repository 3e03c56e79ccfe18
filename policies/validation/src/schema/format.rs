//! `format`: what texts look like. Drafts differ in whether it binds; here it does, for those that it knows.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A format that is checked. Others say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// RFC 3339: `2024-05-17T09:30:00Z`.
    DateTime,
    /// `2024-05-17`.
    Date,
    /// `09:30:00Z`.
    Time,
    /// A name and a host with an `@` between them.
    Email,
    /// A host's name of RFC 1123.
    Hostname,
    /// `192.0.2.7`.
    Ipv4,
    /// `2001:db8::7`.
    Ipv6,
    /// Absolute, with a scheme.
    Uri,
    /// `f81d4fae-7dec-11d0-a765-00a0c91e6bf6`.
    Uuid,
}

impl Format {
    /// The format with this name, if it is checked.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "date-time" => Some(Self::DateTime),
            "date" => Some(Self::Date),
            "time" => Some(Self::Time),
            "email" => Some(Self::Email),
            "hostname" => Some(Self::Hostname),
            "ipv4" => Some(Self::Ipv4),
            "ipv6" => Some(Self::Ipv6),
            "uri" => Some(Self::Uri),
            "uuid" => Some(Self::Uuid),
            _ => None,
        }
    }

    /// What was expected, in words.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::DateTime => "a date and time",
            Self::Date => "a date",
            Self::Time => "a time",
            Self::Email => "an e-mail address",
            Self::Hostname => "a host's name",
            Self::Ipv4 => "an IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::Uri => "an absolute URI",
            Self::Uuid => "a UUID",
        }
    }

    /// Whether the text has this format.
    pub(crate) fn fits(self, text: &str) -> bool {
        match self {
            Self::DateTime => text.split_once(['T', 't']).is_some_and(|(date, time)| is_date(date) && is_time(time)),
            Self::Date => is_date(text),
            Self::Time => is_time(text),
            Self::Email => is_email(text),
            Self::Hostname => is_hostname(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Uri => is_uri(text),
            Self::Uuid => is_uuid(text),
        }
    }
}

/// Exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    let fits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut part = |count| parts.next().and_then(|part| digits(part, count));
    let (Some(year), Some(month), Some(day)) = (part(4), part(2), part(2)) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// `hh:mm:ss`, perhaps with a fraction, and an offset: `Z` or `+hh:mm`.
fn is_time(text: &str) -> bool {
    let (Some(clock), Some(rest)) = (text.get(..8), text.get(8..)) else { return false };
    let Some((hour, minute)) = hour_and_minute(clock.get(..5).unwrap_or_default()) else { return false };
    let Some(second) = clock.get(5..).and_then(|text| digits(text.strip_prefix(':')?, 2)) else { return false };
    let rest = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
            match fraction.split_at(end) {
                ("", _) => return false,
                (_, rest) => rest,
            }
        }
    };
    let offset = match rest.as_bytes() {
        [b'Z' | b'z'] => Some(0),
        [b'+' | b'-', ..] => hour_and_minute(rest.get(1..).unwrap_or_default()).map(|(hour, minute)| {
            let minutes = i64::from(hour * 60 + minute);
            if rest.starts_with('-') { -minutes } else { minutes }
        }),
        _ => None,
    };
    let Some(offset) = offset else { return false };
    // A leap second is the last of a day, where the day is that of UTC.
    let in_utc = (i64::from(hour * 60 + minute) - offset).rem_euclid(24 * 60);
    second < 60 || (second == 60 && in_utc == 24 * 60 - 1)
}

fn hour_and_minute(text: &str) -> Option<(u32, u32)> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else { return false };
    let plain = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c);
    let quoted = |name: &str| name.len() > 2 && name.starts_with('"') && name.ends_with('"');
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_fits = match literal {
        Some(address) => {
            address.strip_prefix("IPv6:").map_or_else(|| Format::Ipv4.fits(address), |v6| Format::Ipv6.fits(v6))
        }
        None => is_hostname(host),
    };
    let name_fits = name.split('.').all(|part| !part.is_empty() && part.chars().all(plain));
    name.len() <= 64 && (name_fits || quoted(name)) && host_fits
}

fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// A scheme, a colon, and characters that may stand in a URI.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut scheme = scheme.bytes();
    let scheme_fits = scheme.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && scheme.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let escapes = rest
        .split('%')
        .skip(1)
        .all(|escape| escape.get(..2).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())));
    scheme_fits && rest.bytes().all(allowed) && escapes
}

fn is_uuid(text: &str) -> bool {
    let mut parts = text.split('-').map(str::len);
    parts.by_ref().eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
