//! `${env:NAME}` inside scalars, and a refusal of other `${…}` where expressions can't stand.

use super::origin::{Inserted, Origin};
use crate::yaml::Quoted;

/// A text in which nothing, or something, was replaced; or why not, in one sentence.
pub(super) type Filled = Result<Option<(String, Origin)>, String>;

/// Replace every `${env:NAME}`. `None` if the text stays as it is, as nearly all do.
///
/// With `expressions`, every other `${…}` and `$${` stay for later; otherwise they are an error and a plain `${`.
pub(super) fn fill(text: &str, env: &dyn Fn(&str) -> Option<String>, expressions: bool) -> Filled {
    let mut filled = String::new();
    let mut origin = Origin { written: text.into(), ..Origin::default() };
    let (mut done, mut from) = (0, 0);
    while let Some(at) = text[from..].find("${").map(|at| from + at) {
        from = at + 2;
        if text[..at].ends_with('$') {
            if !expressions {
                filled.push_str(&text[done..at - 1]);
                // The part that is left out is one that nothing is put in for.
                origin.inserted.push(Inserted { at: filled.len()..filled.len(), written: at - 1..at });
                done = at;
            }
            continue;
        }
        if expressions && !text[from..].starts_with("env:") {
            continue;
        }
        let Some(end) = text[from..].find('}').map(|end| from + end) else {
            return Err(format!("expected a `}}` after `${{` in {}", Quoted(text)));
        };
        let value = value(&text[from..end], env)?;
        filled.push_str(&text[done..at]);
        let start = filled.len();
        filled.push_str(&value);
        origin.inserted.push(Inserted { at: start..filled.len(), written: at..end + 1 });
        origin.opaque.push(start..filled.len());
        origin.is_secret = true;
        (done, from) = (end + 1, end + 1);
    }
    if origin.inserted.is_empty() {
        return Ok(None);
    }
    filled.push_str(&text[done..]);
    Ok(Some((filled, origin)))
}

fn value(inside: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let Some(name) = inside.strip_prefix("env:") else {
        let found = format!("${{{inside}}}");
        return Err(format!(
            "expressions such as {} stand in policies only; elsewhere only `${{env:NAME}}` is replaced",
            Quoted(&found)
        ));
    };
    if !is_variable(name) {
        return Err(format!(
            "expected the name of an environment variable (letters, digits and `_`) in `${{env:…}}`, found {}",
            Quoted(name)
        ));
    }
    env(name).ok_or_else(|| format!("the environment variable `{name}` isn't set"))
}

/// May an environment variable be called so?
pub(crate) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, expressions: bool) -> Result<Option<String>, String> {
        let env = |name: &str| (name == "A_1").then(|| "${env:B}".to_owned());
        fill(text, &env, expressions).map(|filled| filled.map(|(text, _)| text))
    }

    #[test]
    fn variables_are_replaced_once_and_dollars_stay() {
        for expressions in [false, true] {
            assert_eq!(filled("a $b {c} 1$ $$ $", expressions), Ok(None));
            assert_eq!(filled("x${env:A_1}$y", expressions), Ok(Some("x${env:B}$y".into())));
            assert_eq!(filled("${env:A_1}${env:A_1}", expressions), Ok(Some("${env:B}${env:B}".into())));
        }
    }

    #[test]
    fn two_dollars_are_one_and_what_follows_is_text() {
        assert_eq!(filled("a $${env:B} $$${x}", false), Ok(Some("a ${env:B} $${x}".into())));
        assert_eq!(filled("a $${env:B}", true), Ok(None));
    }

    #[test]
    fn expressions_stay_where_they_may_stand() {
        assert_eq!(filled("a ${request.method}", true), Ok(None));
        let text = "${request.headers[\"${env:A_1}\"]}";
        assert_eq!(filled(text, true), Ok(Some("${request.headers[\"${env:B}\"]}".into())));
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, expected) in [
            ("${env:B}", "`B` isn't set"),
            ("${env:}", "expected the name"),
            ("${env: A}", "expected the name"),
            ("${env:A", "expected a `}`"),
            ("a ${request.method}", "expressions such as `${request.method}` stand in policies only"),
        ] {
            let error = filled(text, false).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
