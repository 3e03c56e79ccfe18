//! `tollgate_core::path`: one normalised path, or none.

use tollgate_core::path::{decode_query, decode_segment, normalise};

use crate::{Run, Target, outcome};

pub(super) const TARGET: Target = Target {
    name: "path",
    make,
    seeds: Vec::new,
    words: &[
        "/", "//", "/.", "/..", "%2e", "%2E%2e", "%2f", "%5C", "%00", "%41", "%7e", "%", "%zz", "\\", ";", "?", "#",
        "é",
    ],
    max_bytes: 512,
};

fn make() -> Run {
    Box::new(|input| {
        let text = String::from_utf8_lossy(input);
        let decoded = (decode_segment(&text).len(), decode_query(&text).len());
        assert!(decoded.0 <= 3 * text.len() && decoded.1 <= 3 * text.len(), "decoding makes nothing longer");
        match normalise(&text) {
            Err(error) => outcome(format!("{error:?}")),
            Ok(normal) => {
                assert_eq!(normalise(&normal).as_deref(), Ok(&*normal), "normal is normal");
                assert!(normal.len() <= text.len());
                is_normal(&normal);
                let segments = normal.split('/').map(str::len).map(|length| length.min(3)).take(6);
                outcome((segments.collect::<Vec<_>>(), normal.matches('%').count().min(4), normal == text))
            }
        }
    })
}

fn is_normal(path: &str) {
    assert!(path.starts_with('/'), "{path}");
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'), "{path}");
    assert!(path.split('/').all(|segment| segment != "." && segment != ".."), "{path}");
    for escape in path.split('%').skip(1) {
        let digits = escape.get(..2).expect("an escape has two digits");
        let byte = u8::from_str_radix(digits, 16).expect("two hexadecimal ones");
        assert_eq!(digits, digits.to_ascii_uppercase(), "{path}");
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        assert!(!unreserved && !b"/\\\0".contains(&byte), "{path}");
    }
}
