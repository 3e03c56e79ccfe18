//! From JSON to a script.

use tollgate_sdk::serde::de::IgnoredAny;
use tollgate_sdk::serde_json;

/// A script that calls `callback` with the JSON; none if the body is no JSON text.
///
/// Only what has been read as JSON is wrapped: anything else would be run. It begins with a comment, so that no name that a
/// page chooses makes the file into something else (Flash took `CWS…` for one of its own).
pub(crate) fn script(callback: &str, body: &[u8]) -> Option<Vec<u8>> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    serde_json::from_slice::<IgnoredAny>(body).ok()?;
    let text = std::str::from_utf8(body).ok()?;
    let mut script = format!("/**/{callback}(");
    // JSON allows both line ends in strings, scripts before ES2019 don't. Outside of strings they are no JSON.
    for c in text.chars() {
        match c {
            '\u{2028}' => script.push_str("\\u2028"),
            '\u{2029}' => script.push_str("\\u2029"),
            c => script.push(c),
        }
    }
    script.push_str(");");
    Some(script.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_of_scripts_are_escaped() {
        let script = script("f", "\u{FEFF}[\"a\u{2028}b\u{2029}é\"]".as_bytes()).unwrap();
        assert_eq!(String::from_utf8(script).unwrap(), "/**/f([\"a\\u2028b\\u2029é\"]);");
    }

    #[test]
    fn what_is_no_json_is_no_script() {
        for body in ["", "alert(1)", "{}//", "[1,]", "\u{2028}1"] {
            assert_eq!(script("f", body.as_bytes()), None, "{body:?}");
        }
        assert_eq!(script("f", b"\"\xff\""), None);
    }
}
