//! One part of a body (RFC 9110 §14.2).

use http::HeaderValue;

/// What a `Range` field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The whole body: the field can't be understood, or asks for several parts, which a server needn't send.
    Whole,
    /// The bytes from the first to the last one, both among those that there are.
    Part {
        /// From 0.
        first: usize,
        /// The last one that belongs to it.
        last: usize,
    },
    /// Nothing of it is there.
    Unsatisfiable,
}

/// What a `Range` field asks of a body of `length` bytes.
pub fn wanted(range: &HeaderValue, length: usize) -> Wanted {
    parse(range.as_bytes(), length).unwrap_or(Wanted::Whole)
}

fn parse(range: &[u8], length: usize) -> Option<Wanted> {
    let (unit, set) = range.split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes=") || length == 0 || set.contains(&b',') {
        return None;
    }
    let spec = std::str::from_utf8(set).ok()?.trim();
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        let suffix = number(last)?;
        return Some(match suffix {
            0 => Wanted::Unsatisfiable,
            _ => Wanted::Part { first: length.saturating_sub(suffix), last: length - 1 },
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { usize::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(if first >= length { Wanted::Unsatisfiable } else { Wanted::Part { first, last: last.min(length - 1) } })
}

/// Digits; what is too large is the largest.
fn number(text: &str) -> Option<usize> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_within_the_body_or_there_is_none() {
        use Wanted::{Part, Unsatisfiable, Whole};
        for (range, expected) in [
            ("bytes=0-1", Part { first: 0, last: 1 }),
            ("bytes=1-", Part { first: 1, last: 9 }),
            ("bytes=-1", Part { first: 9, last: 9 }),
            ("bytes=-99", Part { first: 0, last: 9 }),
            ("bytes=5-99999999999999999999999", Part { first: 5, last: 9 }),
            ("BYTES=9-9", Part { first: 9, last: 9 }),
            ("bytes=10-", Unsatisfiable),
            ("bytes=10-20", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=2-1", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=-", Whole),
            ("bytes=", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes 0-1", Whole),
            ("items=0-1", Whole),
            ("", Whole),
        ] {
            assert_eq!(wanted(&HeaderValue::from_static(range), 10), expected, "{range}");
        }
        assert_eq!(wanted(&HeaderValue::from_static("bytes=0-"), 0), Whole);
    }
}
