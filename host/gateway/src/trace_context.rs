//! W3C trace context: which trace a request belongs to, told to its origin and in the access log.
//!
//! A context that comes in is kept if it is well-formed (Trace Context, level 1 §3.2) and operators trust their clients
//! with it; otherwise a trace begins here, and its id is the request's own. Either way the request has a span of its own,
//! which is the parent of whatever its origin does. Baggage is passed on as long as it is small: libraries behind us
//! take it apart for every request.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::serve::RequestId;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// Members of `tracestate` (Trace Context §3.3.1.1), and bytes: what every participant has to pass on, and some.
const STATE_MEMBERS: usize = 32;
const STATE_BYTES: usize = 1024;

/// Members and bytes of `baggage`: what every participant has to pass on (Baggage §3.3.2).
const BAGGAGE_MEMBERS: usize = 64;
const BAGGAGE_BYTES: usize = 8192;

/// What is done about trace contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceSettings {
    /// Contexts of clients are continued, or every request begins a trace; none: headers pass as they come.
    pub mode: TraceMode,
    /// Of the traces that begin here, how many percent are marked as sampled.
    pub sample_percent: u32,
}

/// See [`TraceSettings`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceMode {
    /// A well-formed context is continued.
    #[default]
    Continue,
    /// Every request begins a trace.
    Restart,
    /// Nothing is looked at.
    Off,
}

impl Default for TraceSettings {
    fn default() -> TraceSettings {
        TraceSettings { mode: TraceMode::Continue, sample_percent: 100 }
    }
}

/// A request's place in a trace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// The value of `traceparent`: `00-` trace id `-` span id `-` flags.
    text: [u8; 55],
    /// The client had sent a `traceparent`, and statements have seen this one in its place.
    is_shown: bool,
}

impl std::fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.text).unwrap_or_default())
    }
}

impl TraceContext {
    /// Continue or begin a trace. In the headers what the client said is replaced, and what it didn't say is left out:
    /// statements look at a request as its client made it, and what begins here is told to the origin alone
    /// ([`Self::tell`]).
    pub(crate) fn enter(
        headers: &mut HeaderMap,
        request: &RequestId,
        settings: &TraceSettings,
    ) -> Option<TraceContext> {
        if settings.mode == TraceMode::Off {
            return None;
        }
        let parent = match settings.mode {
            TraceMode::Continue => only(headers, &TRACEPARENT).and_then(|value| Parent::parse(value.as_bytes())),
            TraceMode::Restart | TraceMode::Off => None,
        };
        let is_continued = parent.is_some();
        let mut context = TraceContext::new(parent.as_ref(), request, settings);
        context.is_shown = headers.contains_key(&TRACEPARENT);
        // What belongs to a trace that isn't continued must not be read as this one's.
        if headers.contains_key(&TRACESTATE) && !(is_continued && is_state(headers)) {
            headers.remove(&TRACESTATE);
        }
        if headers.contains_key(&BAGGAGE) && !is_baggage(headers) {
            headers.remove(&BAGGAGE);
        }
        if context.is_shown {
            context.put(headers);
        }
        Some(context)
    }

    /// Say it in the headers that go to the origin, unless statements could say otherwise or have done so.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        if !self.is_shown && !headers.contains_key(&TRACEPARENT) {
            self.put(headers);
        }
    }

    fn put(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_bytes(&self.text) {
            headers.insert(TRACEPARENT, value);
        }
    }

    fn new(parent: Option<&Parent<'_>>, request: &RequestId, settings: &TraceSettings) -> TraceContext {
        let id = request.as_str().as_bytes();
        let mut text = *b"00-00000000000000000000000000000001-0000000000000001-00";
        let mut put = |at: usize, digits: &[u8]| {
            if let Some(place) = text.get_mut(at..at + digits.len())
                // All zeros would be no id, in a trace and in a span.
                && digits.iter().any(|digit| *digit != b'0')
            {
                place.copy_from_slice(digits);
            }
        };
        put(3, parent.map_or(id, |parent| parent.trace_id));
        // The second half of a request's name counts its worker's requests, scrambled.
        put(36, id.get(16..).unwrap_or_default());
        put(
            53,
            match parent {
                Some(parent) if parent.is_sampled => b"01",
                Some(_) => b"00",
                None if is_sampled(id, settings.sample_percent) => b"01",
                None => b"00",
            },
        );
        TraceContext { text, is_shown: false }
    }

    /// 32 hexadecimal digits.
    pub(crate) fn trace_id(&self) -> &str {
        std::str::from_utf8(&self.text[3..35]).unwrap_or_default()
    }

    /// 16 hexadecimal digits.
    pub(crate) fn span_id(&self) -> &str {
        std::str::from_utf8(&self.text[36..52]).unwrap_or_default()
    }
}

/// Is a trace that begins here among those that are sampled? Goes by its id, so that all who ask the same way agree.
fn is_sampled(id: &[u8], percent: u32) -> bool {
    let last = id.get(24..).and_then(|digits| std::str::from_utf8(digits).ok());
    let chance = last.and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(u32::MAX);
    u64::from(chance) * 100 < u64::from(percent) << 32
}

/// What a `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parent<'h> {
    trace_id: &'h [u8],
    is_sampled: bool,
}

impl<'h> Parent<'h> {
    /// Trace Context §3.2.2; of a later version (§3.2.4) what this one knows.
    fn parse(text: &'h [u8]) -> Option<Parent<'h>> {
        let is_hex = |digits: &[u8]| digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_id = |digits: &[u8]| is_hex(digits) && digits.iter().any(|digit| *digit != b'0');
        let (version, flags) = (text.get(..2)?, text.get(53..55)?);
        let (trace_id, span_id) = (text.get(3..35)?, text.get(36..52)?);
        let is_known = match version {
            b"ff" => false,
            b"00" => text.len() == 55,
            _ => text.get(55).is_none_or(|byte| *byte == b'-'),
        };
        let has_dashes = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
        let is_sound = is_known && has_dashes && is_hex(version) && is_id(trace_id) && is_id(span_id) && is_hex(flags);
        let is_sampled = matches!(flags.get(1), Some(b'1' | b'3' | b'5' | b'7' | b'9' | b'b' | b'd' | b'f'));
        is_sound.then_some(Parent { trace_id, is_sampled })
    }
}

/// A field that must be there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// Is it no larger than a list may be, in all its lines?
fn is_within(headers: &HeaderMap, name: &HeaderName, members: usize, bytes: usize) -> bool {
    let lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let (count, length) = lines.fold((0, 0), |(count, length), line| {
        let more = line.split(|byte| *byte == b',').filter(|member| !member.trim_ascii().is_empty()).count();
        (count + more, length + line.len())
    });
    count <= members && length <= bytes
}

/// Is `tracestate` one that goes on? Each member is a key and a value of printable ASCII (§3.3.1).
fn is_state(headers: &HeaderMap) -> bool {
    let is_member = |member: &[u8]| {
        let member = member.trim_ascii();
        let at = member.iter().position(|byte| *byte == b'=');
        let Some((key, value)) = at.and_then(|at| member.split_at_checked(at)) else { return member.is_empty() };
        let is_key_byte = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
        let is_value_byte = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
        !key.is_empty() && key.iter().all(is_key_byte) && value[1..].iter().all(is_value_byte) && value.len() > 1
    };
    is_within(headers, &TRACESTATE, STATE_MEMBERS, STATE_BYTES)
        && headers.get_all(&TRACESTATE).iter().all(|line| line.as_bytes().split(|byte| *byte == b',').all(is_member))
}

fn is_baggage(headers: &HeaderMap) -> bool {
    is_within(headers, &BAGGAGE, BAGGAGE_MEMBERS, BAGGAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::request_id::RequestIds;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn entered(lines: &[(&'static str, &str)], settings: TraceSettings) -> (HeaderMap, TraceContext, RequestId) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let request = RequestIds::new().next();
        let context = TraceContext::enter(&mut headers, &request, &settings).unwrap();
        assert_eq!(headers.contains_key(TRACEPARENT), lines.iter().any(|(name, _)| *name == "traceparent"));
        context.tell(&mut headers);
        assert_eq!(headers[TRACEPARENT].as_bytes(), context.text);
        assert_eq!(headers.get_all(TRACEPARENT).iter().count(), 1);
        (headers, context, request)
    }

    #[test]
    fn a_good_context_is_continued_with_a_span_of_our_own() {
        let (headers, context, request) =
            entered(&[("traceparent", GOOD), ("tracestate", "a=1,b@c=2")], TraceSettings::default());
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_id(), &request.as_str()[16..]);
        assert!(headers[TRACEPARENT].as_bytes().ends_with(b"-01"));
        assert_eq!(headers["tracestate"], "a=1,b@c=2");
        let later = GOOD.replacen("00", "cc", 1) + "-what-will-be-there";
        let (_, context, _) = entered(&[("traceparent", &later)], TraceSettings::default());
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    }

    #[test]
    fn a_context_that_is_none_is_replaced_and_its_state_goes_with_it() {
        for bad in [
            "",
            "x",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
        ] {
            let (headers, context, request) =
                entered(&[("traceparent", bad), ("tracestate", "a=1")], TraceSettings::default());
            assert_eq!(context.trace_id(), request.as_str(), "{bad}");
            assert!(!headers.contains_key("tracestate"), "{bad}");
        }
        let (_, context, request) = entered(&[("traceparent", GOOD), ("traceparent", GOOD)], TraceSettings::default());
        assert_eq!(context.trace_id(), request.as_str(), "two are none");
        let restart = TraceSettings { mode: TraceMode::Restart, ..TraceSettings::default() };
        let (_, context, request) = entered(&[("traceparent", GOOD)], restart);
        assert_eq!(context.trace_id(), request.as_str());
    }

    #[test]
    fn a_state_that_is_too_large_or_none_is_left_out_and_so_is_baggage() {
        let many: Vec<String> = (0..100).map(|at| format!("k{at}=v")).collect();
        let (many, long) = (many.join(","), format!("a={}", "x".repeat(9000)));
        for (name, value, stays) in [
            ("tracestate", "a=1", true),
            ("tracestate", many.as_str(), false),
            ("tracestate", long.as_str(), false),
            ("tracestate", "A=1", false),
            ("tracestate", "a=", false),
            ("baggage", "user=7;p=1, x=%20", true),
            ("baggage", many.as_str(), false),
            ("baggage", long.as_str(), false),
        ] {
            let (headers, ..) = entered(&[("traceparent", GOOD), (name, value)], TraceSettings::default());
            assert_eq!(headers.contains_key(name), stays, "{name}: {}", &value[..value.len().min(20)]);
        }
    }

    #[test]
    fn of_the_traces_that_begin_here_the_share_is_sampled_that_was_asked_for() {
        let ids = RequestIds::new();
        for (percent, least, most) in [(0, 0, 0), (25, 2_000, 3_000), (100, 10_000, 10_000)] {
            let sampled = (0..10_000).filter(|_| is_sampled(ids.next().as_str().as_bytes(), percent)).count();
            assert!((least..=most).contains(&sampled), "{sampled} of 10,000 at {percent} %");
        }
    }
}
