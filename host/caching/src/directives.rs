//! `Cache-Control` of requests (RFC 9111 §5.2.1) and responses (§5.2.2), and `CDN-Cache-Control` (RFC 9213).
//!
//! Names are compared without regard to case, arguments may be tokens or quoted strings, and commas within quotes
//! separate nothing. What can't be understood is read in the way that stores and reuses less.

/// `CDN-Cache-Control` as a dictionary of RFC 9651.
mod targeted;

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName};
use smallvec::SmallVec;

/// The largest number of seconds that is told apart (RFC 9111 §1.2.2).
pub const MAX_SECONDS: u64 = 1 << 31;

/// `private` and `no-cache`: absent, for the whole response, or for some of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Qualified {
    /// It isn't there.
    #[default]
    Absent,
    /// For these fields only.
    Fields(SmallVec<[HeaderName; 2]>),
    /// For the response.
    Whole,
}

impl Qualified {
    /// True if it is about the whole response.
    pub fn is_whole(&self) -> bool {
        *self == Qualified::Whole
    }

    /// The fields that it names.
    pub fn fields(&self) -> &[HeaderName] {
        match self {
            Qualified::Fields(names) => names,
            Qualified::Absent | Qualified::Whole => &[],
        }
    }

    /// Said once more.
    fn add(&mut self, argument: &Argument<'_>) {
        let more = match argument {
            Argument::Text(list) | Argument::String(list) => field_names(list),
            Argument::Absent | Argument::Malformed => None,
        };
        *self = match (std::mem::take(self), more) {
            (Qualified::Absent, Some(more)) => Qualified::Fields(more),
            (Qualified::Fields(mut names), Some(more)) => {
                names.extend(more);
                Qualified::Fields(names)
            }
            _ => Qualified::Whole,
        };
    }
}

/// A list of field names; none if one of them isn't one, or if there are none.
fn field_names(list: &[u8]) -> Option<SmallVec<[HeaderName; 2]>> {
    let items = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty());
    let names: Option<SmallVec<_>> = items.map(|item| HeaderName::from_bytes(item).ok()).collect();
    names.filter(|names| !names.is_empty())
}

/// What a response says of being cached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseDirectives {
    /// Not stored, by anybody.
    pub no_store: bool,
    /// Not stored by a shared cache.
    pub private: Qualified,
    /// Not used without asking the origin.
    pub no_cache: Qualified,
    /// Stored even where that is otherwise forbidden.
    pub public: bool,
    /// Not used once it is stale. So say `proxy-revalidate` and `s-maxage` too, to a shared cache.
    pub must_revalidate: bool,
    /// `proxy-revalidate` was there; unlike `must-revalidate` it allows nothing.
    pub proxy_revalidate: bool,
    /// Stored only by those who know the status; for them `no-store` isn't meant.
    pub must_understand: bool,
    /// Seconds; 0 if it is no number.
    pub max_age: Option<u64>,
    /// Seconds for shared caches; 0 if it is no number.
    pub s_maxage: Option<u64>,
    /// Seconds (RFC 5861 §3).
    pub stale_while_revalidate: Option<u64>,
    /// Seconds (RFC 5861 §4).
    pub stale_if_error: Option<u64>,
    /// It was read from `CDN-Cache-Control`: `Cache-Control` and `Expires` don't count (RFC 9213 §2.2).
    pub is_targeted: bool,
}

impl ResponseDirectives {
    /// The directives for a shared cache next to the origin: those of `CDN-Cache-Control` if it is there and well
    /// formed, otherwise those of `Cache-Control`.
    pub fn of(headers: &HeaderMap) -> ResponseDirectives {
        if let Some(targeted) = targeted::directives(headers) {
            return targeted;
        }
        ResponseDirectives::of_cache_control(headers)
    }

    /// The directives of `Cache-Control` alone.
    pub fn of_cache_control(headers: &HeaderMap) -> ResponseDirectives {
        let mut directives = ResponseDirectives::default();
        for member in members(headers, &header::CACHE_CONTROL) {
            directives.add(member.name, &member.argument);
        }
        directives
    }

    fn add(&mut self, name: &[u8], argument: &Argument<'_>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let shortest = |known: Option<u64>| {
            let seconds = argument.seconds().unwrap_or(0);
            // Said twice, the shorter one counts (RFC 9111 §4.2.1 lets a cache take it for stale).
            Some(known.map_or(seconds, |known| known.min(seconds)))
        };
        match () {
            () if is("max-age") => self.max_age = shortest(self.max_age),
            () if is("s-maxage") => {
                self.s_maxage = shortest(self.s_maxage);
            }
            () if is("no-store") => self.no_store = true,
            () if is("private") => self.private.add(argument),
            () if is("no-cache") => self.no_cache.add(argument),
            () if is("public") => self.public = true,
            () if is("must-revalidate") => self.must_revalidate = true,
            () if is("proxy-revalidate") => self.proxy_revalidate = true,
            () if is("must-understand") => self.must_understand = true,
            () if is("stale-while-revalidate") => self.stale_while_revalidate = shortest(self.stale_while_revalidate),
            () if is("stale-if-error") => self.stale_if_error = shortest(self.stale_if_error),
            () => {}
        }
    }

    /// May a stale response be used at all (RFC 9111 §4.2.4)?
    pub fn allows_stale(&self) -> bool {
        !self.must_revalidate && !self.proxy_revalidate && self.s_maxage.is_none() && !self.no_cache.is_whole()
    }
}

/// What a request asks of caches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestDirectives {
    /// Nothing without asking the origin.
    pub no_cache: bool,
    /// Nothing of it is to be stored.
    pub no_store: bool,
    /// Nothing from the origin.
    pub only_if_cached: bool,
    /// Seconds that the response may be old; 0 if it is no number.
    pub max_age: Option<u64>,
    /// Seconds that it must still be fresh.
    pub min_fresh: Option<u64>,
    /// Seconds that it may be stale; the largest number for any.
    pub max_stale: Option<u64>,
    /// Seconds that it may be stale if the origin fails.
    pub stale_if_error: Option<u64>,
}

impl RequestDirectives {
    /// The directives of a request; `Pragma: no-cache` counts where there is no `Cache-Control` (RFC 9111 §5.4).
    pub fn of(headers: &HeaderMap) -> RequestDirectives {
        let mut directives = RequestDirectives::default();
        if !headers.contains_key(header::CACHE_CONTROL) {
            directives.no_cache =
                members(headers, &header::PRAGMA).any(|member| member.name.eq_ignore_ascii_case(b"no-cache"));
            return directives;
        }
        for Member { name, argument } in members(headers, &header::CACHE_CONTROL) {
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            match () {
                () if is("no-cache") => directives.no_cache = true,
                () if is("no-store") => directives.no_store = true,
                () if is("only-if-cached") => directives.only_if_cached = true,
                () if is("max-age") => directives.max_age = Some(argument.seconds().unwrap_or(0)),
                () if is("min-fresh") => directives.min_fresh = argument.seconds(),
                () if is("max-stale") => {
                    directives.max_stale = match argument {
                        Argument::Absent => Some(u64::MAX),
                        other => other.seconds(),
                    }
                }
                () if is("stale-if-error") => directives.stale_if_error = argument.seconds(),
                () => {}
            }
        }
        directives
    }
}

/// A member of a field like `Cache-Control`.
#[derive(Debug)]
struct Member<'a> {
    name: &'a [u8],
    argument: Argument<'a>,
}

#[derive(Debug)]
enum Argument<'a> {
    Absent,
    /// As text: a token, or a quoted string in `Cache-Control`, where both are the same.
    Text(Cow<'a, [u8]>),
    /// A string where a number would be another type (RFC 9651).
    String(Cow<'a, [u8]>),
    Malformed,
}

impl Argument<'_> {
    /// `delta-seconds` (RFC 9111 §1.2.2): digits only; what is too large is the largest.
    fn seconds(&self) -> Option<u64> {
        match self {
            Argument::Text(text) => delta_seconds(text),
            Argument::Absent | Argument::String(_) | Argument::Malformed => None,
        }
    }
}

/// A number of seconds in digits, at most [`MAX_SECONDS`]; none if it is none.
pub fn delta_seconds(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = text.iter().try_fold(0_u64, |number, digit| {
        let number = number * 10 + u64::from(digit - b'0');
        (number < MAX_SECONDS).then_some(number)
    });
    Some(number.unwrap_or(MAX_SECONDS))
}

/// The members of all lines of a field.
fn members<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = Member<'h>> {
    headers.get_all(name).into_iter().flat_map(|line| {
        let mut rest = line.as_bytes();
        std::iter::from_fn(move || next_member(&mut rest))
    })
}

fn next_member<'a>(rest: &mut &'a [u8]) -> Option<Member<'a>> {
    loop {
        let start = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
        *rest = &rest[start..];
        let length = rest.iter().position(|byte| !is_token(*byte)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(length);
        *rest = behind;
        let argument = match behind.first() {
            Some(b'=') => {
                *rest = &behind[1..];
                argument(rest)
            }
            _ => Argument::Absent,
        };
        // What stands between here and the next comma belongs to nothing.
        let argument = if skip_to_comma(rest) { argument } else { Argument::Malformed };
        if !name.is_empty() {
            return Some(Member { name, argument });
        }
    }
}

/// A token or a quoted string; `rest` is behind it then.
fn argument<'a>(rest: &mut &'a [u8]) -> Argument<'a> {
    if rest.first() == Some(&b'"') {
        return quoted(rest);
    }
    let length = rest.iter().position(|byte| !is_token(*byte)).unwrap_or(rest.len());
    let (text, behind) = rest.split_at(length);
    *rest = behind;
    if text.is_empty() { Argument::Malformed } else { Argument::Text(Cow::Borrowed(text)) }
}

fn quoted<'a>(rest: &mut &'a [u8]) -> Argument<'a> {
    let inner = &rest[1..];
    let mut unescaped: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        match byte {
            b'"' => {
                *rest = &inner[at + 1..];
                return Argument::Text(unescaped.map_or(Cow::Borrowed(&inner[..at]), Cow::Owned));
            }
            b'\\' => {
                let text = unescaped.get_or_insert_with(|| inner[..at].to_vec());
                text.extend(inner.get(at + 1));
                at += 2;
            }
            _ => {
                if let Some(text) = &mut unescaped {
                    text.push(byte);
                }
                at += 1;
            }
        }
    }
    *rest = &[];
    Argument::Malformed
}

/// Go to the next comma outside quotes. True if there was nothing but white space before it.
fn skip_to_comma(rest: &mut &[u8]) -> bool {
    let mut is_clean = true;
    while let Some(&byte) = rest.first() {
        match byte {
            b',' => break,
            b'"' => {
                is_clean = false;
                quoted(rest);
                continue;
            }
            b' ' | b'\t' => {}
            _ => is_clean = false,
        }
        *rest = &rest[1..];
    }
    is_clean
}

/// `tchar` of RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(name: &'static str, lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (HeaderName::from_static(name), line.parse().unwrap())).collect()
    }

    fn response(line: &str) -> ResponseDirectives {
        ResponseDirectives::of(&headers("cache-control", &[line]))
    }

    fn request(line: &str) -> RequestDirectives {
        RequestDirectives::of(&headers("cache-control", &[line]))
    }

    #[test]
    fn lifetimes_are_read_whatever_their_form() {
        for (line, seconds) in [
            ("max-age=60", Some(60)),
            ("MaX-aGe=60", Some(60)),
            ("max-age=\"60\"", Some(60)),
            ("foobar, max-age=60", Some(60)),
            ("max-age=0060", Some(60)),
            ("max-age=99999999999", Some(MAX_SECONDS)),
            ("max-age=2147483647", Some(2_147_483_647)),
            ("x=\"max-age=9\", max-age=60", Some(60)),
            ("max-age=60, x=\"max-age=9\"", Some(60)),
            ("max-age=60, max-age=9", Some(9)),
            ("max-age=9, max-age=60", Some(9)),
            ("max-age='60'", Some(0)),
            ("max-age=-60", Some(0)),
            ("max-age=60.5", Some(0)),
            ("max-age=60a", Some(0)),
            ("max-age =60", Some(0)),
            ("max-age= 60", Some(0)),
            ("max-age=", Some(0)),
            ("max-age", Some(0)),
            ("max-age=\"60", Some(0)),
            ("x-max-age=60", None),
            ("", None),
        ] {
            assert_eq!(response(line).max_age, seconds, "{line}");
        }
        let lines = headers("cache-control", &["max-age=3600", "s-maxage=1"]);
        let both = ResponseDirectives::of(&lines);
        assert_eq!((both.max_age, both.s_maxage), (Some(3600), Some(1)));
    }

    #[test]
    fn private_and_no_cache_may_be_about_fields() {
        let names = |names: &[&'static str]| {
            Qualified::Fields(names.iter().map(|name| HeaderName::from_static(name)).collect())
        };
        for (line, expected) in [
            ("private", Qualified::Whole),
            ("PRIVATE", Qualified::Whole),
            ("private=\"Set-Cookie\"", names(&["set-cookie"])),
            ("private=\"a, b\", max-age=1", names(&["a", "b"])),
            ("private=a", names(&["a"])),
            ("private=\"a\", private=\"b\"", names(&["a", "b"])),
            ("private=\"a\", private", Qualified::Whole),
            ("private, private=\"a\"", Qualified::Whole),
            ("private=\"\"", Qualified::Whole),
            ("private=\"a b\"", Qualified::Whole),
            ("private=\"a", Qualified::Whole),
            ("x=\"private\"", Qualified::Absent),
        ] {
            assert_eq!(response(line).private, expected, "{line}");
            assert_eq!(response(&line.to_lowercase().replace("private", "no-cache")).no_cache, expected, "{line}");
        }
    }

    #[test]
    fn a_directive_counts_whatever_nonsense_stands_beside_it() {
        for line in
            ["no-store", "No-Store", "no-store=1", "no-store;x", ", ,no-store", "a=\"\\\"\", no-store", "@, no-store"]
        {
            assert!(response(line).no_store, "{line}");
            assert!(request(line).no_store, "{line}");
        }
        for line in ["no-stored", "x=\"no-store\"", "x=\"a, no-store\"", "x=\"no-store"] {
            assert!(!response(line).no_store, "{line}");
        }
        let odd = HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_bytes(b"\xff, no-store").unwrap())]);
        assert!(ResponseDirectives::of(&odd).no_store);
    }

    #[test]
    fn requests_say_how_old_and_how_fresh() {
        assert_eq!(request("max-stale").max_stale, Some(u64::MAX));
        assert_eq!(request("max-stale=5").max_stale, Some(5));
        assert_eq!(request("max-stale=x").max_stale, None);
        assert_eq!(request("min-fresh=5, max-age=7").min_fresh, Some(5));
        assert_eq!(request("max-age=x").max_age, Some(0));
        assert!(request("only-if-cached").only_if_cached);
        assert!(RequestDirectives::of(&headers("pragma", &["No-Cache"])).no_cache);
        let mut both = headers("pragma", &["no-cache"]);
        both.insert("cache-control", HeaderValue::from_static("max-age=1"));
        assert!(!RequestDirectives::of(&both).no_cache);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(lines in proptest::collection::vec(proptest::collection::vec(32_u8..=255, 0..60), 0..4)) {
            let headers: HeaderMap = lines
                .iter()
                .filter_map(|line| Some((header::CACHE_CONTROL, HeaderValue::from_bytes(line).ok()?)))
                .collect();
            ResponseDirectives::of(&headers);
            RequestDirectives::of(&headers);
        }

        #[test]
        fn no_store_is_never_lost_behind_other_members(before in "[a-z-]{1,8}(=([0-9]{1,4}|\"[a-z, =]{0,9}\"))?") {
            let line = format!("{before}, no-STORE");
            prop_assert!(response(&line).no_store);
        }
    }
}
