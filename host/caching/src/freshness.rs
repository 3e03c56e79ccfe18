//! How long a response is fresh (RFC 9111 §4.2.1), and how old it is (§4.2.3).
//!
//! Dates are compared in whole seconds, as they are written; the time that a response spends here is measured by the
//! monotonic clock, so that a clock that is set changes nothing that is stored already.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, StatusCode};

use crate::directives::{MAX_SECONDS, ResponseDirectives, delta_seconds};

/// The part of its age at sending that a response without a lifetime is fresh for (RFC 9111 §4.2.2), and the most of it.
const HEURISTIC_PART: u64 = 10;
const HEURISTIC_SECONDS: u64 = 86_400;

/// When a response was asked for and when its head was there.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// When the request was sent.
    pub requested: Instant,
    /// When the head had been read.
    pub received: Instant,
    /// The same by the wall clock.
    pub received_at: SystemTime,
}

/// Where a lifetime comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// The response says so. Zero if what it says can't be understood.
    Explicit(Duration),
    /// It was guessed from `Last-Modified`.
    Heuristic(Duration),
    /// Nothing is known.
    Unknown,
}

impl Lifetime {
    /// The time; none at all if nothing is known.
    pub fn duration(self) -> Duration {
        match self {
            Lifetime::Explicit(time) | Lifetime::Heuristic(time) => time,
            Lifetime::Unknown => Duration::ZERO,
        }
    }
}

/// For how long a response is fresh, and since when.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// From its beginning at the origin.
    pub lifetime: Duration,
    /// Its age when it was received.
    pub initial_age: Duration,
    /// When it was received.
    pub received: Instant,
}

impl Freshness {
    /// `current_age`.
    pub fn age(&self, now: Instant) -> Duration {
        self.initial_age.saturating_add(now.saturating_duration_since(self.received))
    }

    /// True while its age is less than its lifetime.
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.age(now) < self.lifetime
    }

    /// How long it stays fresh; zero once it is stale.
    pub fn left(&self, now: Instant) -> Duration {
        self.lifetime.saturating_sub(self.age(now))
    }

    /// Since when it has been stale; zero while it is fresh.
    pub fn staleness(&self, now: Instant) -> Duration {
        self.age(now).saturating_sub(self.lifetime)
    }
}

/// `freshness_lifetime` for a shared cache: `s-maxage`, `max-age`, `Expires`, and if `heuristics` are wanted a tenth of
/// the time since `Last-Modified`, a day at most.
pub fn lifetime(
    status: StatusCode,
    headers: &HeaderMap,
    directives: &ResponseDirectives,
    received_at: SystemTime,
    heuristics: bool,
) -> Lifetime {
    if let Some(seconds) = directives.s_maxage.or(directives.max_age) {
        return Lifetime::Explicit(Duration::from_secs(seconds));
    }
    let sent = date(headers, &header::DATE).unwrap_or_else(|| unix_seconds(received_at));
    if headers.contains_key(header::EXPIRES) && !directives.is_targeted {
        let seconds = earliest_expiry(headers).map_or(0, |expires| expires.saturating_sub(sent));
        return Lifetime::Explicit(Duration::from_secs(seconds.min(MAX_SECONDS)));
    }
    if !heuristics || !(is_heuristic(status) || directives.public) {
        return Lifetime::Unknown;
    }
    match date(headers, &header::LAST_MODIFIED) {
        Some(modified) => {
            let seconds = sent.saturating_sub(modified) / HEURISTIC_PART;
            Lifetime::Heuristic(Duration::from_secs(seconds.min(HEURISTIC_SECONDS)))
        }
        None => Lifetime::Unknown,
    }
}

/// Statuses whose freshness may be guessed: those of RFC 9110 §15.1 but for errors, which are stored only if the origin
/// says so.
fn is_heuristic(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308)
}

/// `corrected_initial_age`: what `Age` says with the response's delay, or what `Date` says if that is more.
pub fn initial_age(headers: &HeaderMap, timing: &Timing) -> Duration {
    let delay = timing.received.saturating_duration_since(timing.requested);
    let received_at = unix_seconds(timing.received_at);
    let apparent = date(headers, &header::DATE).map_or(0, |sent| received_at.saturating_sub(sent));
    Duration::from_secs(age_value(headers)).saturating_add(delay).max(Duration::from_secs(apparent))
}

/// `age_value`: the first member of `Age`; one that is no number is ignored (RFC 9111 §5.1).
fn age_value(headers: &HeaderMap) -> u64 {
    let first = headers.get(header::AGE).and_then(|line| line.as_bytes().split(|byte| *byte == b',').next());
    first.and_then(|age| delta_seconds(age.trim_ascii())).unwrap_or(0)
}

/// The earliest `Expires`; none if one of them is no date, which is in the past (RFC 9111 §5.3).
fn earliest_expiry(headers: &HeaderMap) -> Option<u64> {
    let mut earliest = None;
    for line in headers.get_all(header::EXPIRES) {
        let expires = parse_date(line)?;
        earliest = Some(earliest.map_or(expires, |known: u64| known.min(expires)));
    }
    earliest
}

/// A field that holds one date, in seconds since 1970; none if it isn't there or is none.
pub fn date(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name).and_then(parse_date)
}

/// A date in any of the three forms of RFC 9110 §5.6.7, in seconds since 1970. Caches take it in any case (RFC 9111 §4.2),
/// and nothing but GMT.
pub fn parse_date(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?.trim();
    let as_written = httpdate::parse_http_date(text);
    as_written.or_else(|_| httpdate::parse_http_date(&in_usual_case(text))).ok().map(unix_seconds)
}

/// `THU, 18 aug 2050 02:01:18 gmt` as `Thu, 18 Aug 2050 02:01:18 GMT`.
fn in_usual_case(date: &str) -> String {
    let words = date.split_inclusive(|c: char| !c.is_ascii_alphabetic());
    let word = |word: &str| match word.get(..1) {
        Some(first) if !word.eq_ignore_ascii_case("GMT") => {
            first.to_ascii_uppercase() + &word[1..].to_ascii_lowercase()
        }
        _ => word.to_ascii_uppercase(),
    };
    words.map(word).collect()
}

/// Whole seconds since 1970; 0 for what was before.
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn at(seconds: i64) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(NOW.saturating_add_signed(seconds)))
    }

    fn timing(delay: Duration) -> Timing {
        let requested = Instant::now();
        let received_at = UNIX_EPOCH + Duration::from_secs(NOW) + Duration::from_millis(900);
        Timing { requested, received: requested + delay, received_at }
    }

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        fields.iter().map(field).collect()
    }

    fn lifetime_of(fields: &[(&str, &str)], heuristics: bool) -> Lifetime {
        let headers = headers(fields);
        let directives = ResponseDirectives::of(&headers);
        lifetime(StatusCode::OK, &headers, &directives, timing(Duration::ZERO).received_at, heuristics)
    }

    fn explicit(fields: &[(&str, &str)]) -> Option<u64> {
        match lifetime_of(fields, false) {
            Lifetime::Explicit(time) => Some(time.as_secs()),
            Lifetime::Heuristic(_) | Lifetime::Unknown => None,
        }
    }

    #[test]
    fn the_shared_caches_word_counts_most_and_expires_least() {
        let (date, later) = (at(0), at(100));
        let date = ("date", date.as_str());
        let later = ("expires", later.as_str());
        assert_eq!(explicit(&[date, later]), Some(100));
        assert_eq!(explicit(&[date, later, ("cache-control", "max-age=5")]), Some(5));
        assert_eq!(explicit(&[date, later, ("cache-control", "max-age=0")]), Some(0));
        assert_eq!(explicit(&[date, later, ("cache-control", "max-age=5, s-maxage=7")]), Some(7));
        assert_eq!(
            explicit(&[date, later, ("cdn-cache-control", "max-age=9"), ("cache-control", "s-maxage=7")]),
            Some(9)
        );
        assert_eq!(explicit(&[date, later, ("cdn-cache-control", "public")]), None);
        assert_eq!(explicit(&[("cache-control", "public")]), None);
    }

    #[test]
    fn expires_is_seen_from_date_and_is_past_unless_it_is_a_date() {
        let expiry = |expires: &str, date: &str| explicit(&[("expires", expires), ("date", date)]);
        assert_eq!(expiry(&at(60), &at(-10)), Some(70));
        assert_eq!(expiry(&at(60), "no date"), Some(60));
        assert_eq!(expiry(&at(-60), &at(-10)), Some(0));
        assert_eq!(expiry(&at(60), &at(100)), Some(0));
        assert_eq!(explicit(&[("expires", &at(60))]), Some(60));
        for invalid in ["0", "", "-1", "tomorrow", "Thu, 18 Aug 2050 02:01:18 AEST", "Thu, 18 Aug 2050 2:01:18 GMT"] {
            assert_eq!(expiry(invalid, &at(0)), Some(0), "{invalid}");
        }
        assert_eq!(explicit(&[("expires", &at(60)), ("expires", "0"), ("date", &at(0))]), Some(0));
        assert_eq!(explicit(&[("expires", &at(60)), ("expires", &at(20)), ("date", &at(0))]), Some(20));
        for form in ["Thursday, 18-Aug-50 02:01:18 GMT", "Thu, 18 Aug 2050 02:01:18 GMT", "Thu Aug 18 02:01:18 2050"] {
            let date = "Thu, 18 Aug 2050 02:01:08 GMT";
            assert_eq!(explicit(&[("expires", form), ("date", date)]), Some(10), "{form}");
        }
    }

    #[test]
    fn nothing_is_guessed_unless_it_is_wanted() {
        let fields = [("date", at(0)), ("last-modified", at(-1000))];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(lifetime_of(&fields, false), Lifetime::Unknown);
        assert_eq!(lifetime_of(&fields, true), Lifetime::Heuristic(Duration::from_secs(100)));
        let old = [("date", at(0)), ("last-modified", at(-100_000_000))];
        let old: Vec<_> = old.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(lifetime_of(&old, true), Lifetime::Heuristic(Duration::from_secs(86_400)));
        let headers = headers(&fields);
        for (status, control, guessed) in [(404, "", false), (500, "", false), (302, "", false), (302, "public", true)]
        {
            let mut headers = headers.clone();
            headers.insert("cache-control", control.parse().unwrap());
            let directives = ResponseDirectives::of(&headers);
            let status = StatusCode::from_u16(status).unwrap();
            let of = lifetime(status, &headers, &directives, timing(Duration::ZERO).received_at, true);
            assert_eq!(of != Lifetime::Unknown, guessed, "{status} {control}");
        }
    }

    #[test]
    fn age_is_what_others_say_and_what_the_way_took() {
        let age = |fields: &[(&str, &str)]| initial_age(&headers(fields), &timing(Duration::from_secs(2)));
        let seconds = Duration::from_secs;
        assert_eq!(age(&[]), seconds(2));
        assert_eq!(age(&[("age", "10")]), seconds(12));
        assert_eq!(age(&[("age", "10"), ("date", &at(-5))]), seconds(12));
        assert_eq!(age(&[("age", "1"), ("date", &at(-50))]), seconds(50));
        assert_eq!(age(&[("date", &at(50))]), seconds(2));
        assert_eq!(age(&[("age", "10, 0")]), seconds(12));
        assert_eq!(age(&[("age", "0, 10")]), seconds(2));
        assert_eq!(age(&[("age", "10"), ("age", "0")]), seconds(12));
        assert_eq!(age(&[("age", "99999999999999999999")]), seconds(MAX_SECONDS + 2));
        for ignored in ["abc", "-10", "10.0", "10;a=b", "", "+1"] {
            assert_eq!(age(&[("age", ignored)]), seconds(2), "{ignored}");
        }
    }

    #[test]
    fn a_response_is_stale_from_the_moment_its_age_reaches_its_lifetime() {
        let received = Instant::now();
        let of = Freshness { lifetime: Duration::from_secs(10), initial_age: Duration::from_secs(4), received };
        let later = |seconds: u64| received + Duration::from_secs(seconds);
        assert!(of.is_fresh(later(5)) && !of.is_fresh(later(6)));
        assert_eq!(of.left(later(5)), Duration::from_secs(1));
        assert_eq!(of.staleness(later(5)), Duration::ZERO);
        assert_eq!(of.staleness(later(9)), Duration::from_secs(3));
        assert_eq!(of.age(later(9)), Duration::from_secs(13));
    }

    proptest! {
        #[test]
        fn a_response_never_gets_younger_or_fresher(
            lifetime in 0_u64..100_000, initial_age in 0_u64..100_000, first in 0_u64..100_000, more in 0_u64..100_000,
        ) {
            let received = Instant::now();
            let seconds = Duration::from_secs;
            let of = Freshness { lifetime: seconds(lifetime), initial_age: seconds(initial_age), received };
            let (now, later) = (received + seconds(first), received + seconds(first + more));
            prop_assert!(of.age(now) <= of.age(later));
            prop_assert!(of.is_fresh(now) || !of.is_fresh(later));
            prop_assert_eq!(of.is_fresh(now), of.left(now) > Duration::ZERO);
            prop_assert!(of.left(now) == Duration::ZERO || of.staleness(now) == Duration::ZERO);
        }
    }

    #[test]
    fn dates_are_taken_in_any_case_and_in_gmt_only() {
        let seconds = |text: &str| parse_date(&HeaderValue::from_str(text).unwrap());
        let date = seconds("Thu, 18 Aug 2050 02:01:18 GMT");
        assert_eq!(date, Some(2_544_400_878));
        for same in [
            "THU, 18 AUG 2050 02:01:18 gMT",
            "thu, 18 aug 2050 02:01:18 GMT",
            "THURSDAY, 18-aug-50 02:01:18 gmt",
            "thu AUG 18 02:01:18 2050",
        ] {
            assert_eq!(seconds(same), date, "{same}");
        }
        for none in [
            "0",
            "",
            "Thu, 18 Aug 2050 02:01:18 UTC",
            "Thu, 18 Aug 2050 02:01:18",
            "Fri, 18 Aug 2050 02:01:18 GMT",
            "é",
        ] {
            assert_eq!(seconds(none), None, "{none}");
        }
    }
}
