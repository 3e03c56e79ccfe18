//! `${env:NAME}` inside scalars, and a refusal of every other `${…}`.

use crate::yaml::Quoted;

/// A text in which nothing, or something, was replaced; or why not, in one sentence.
pub(super) type Filled = Result<Option<String>, String>;

/// Replace every `${env:NAME}`. `None` if the text has none, as nearly all have.
pub(super) fn fill(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Filled {
    let Some(first) = text.find("${") else {
        return Ok(None);
    };
    let mut filled = text[..first].to_owned();
    let mut rest = &text[first..];
    while let Some(at) = rest.find("${") {
        filled.push_str(&rest[..at]);
        let inside = &rest[at + 2..];
        let Some(end) = inside.find('}') else {
            return Err(format!("expected a `}}` after `${{` in {}", Quoted(text)));
        };
        filled.push_str(&value(&inside[..end], env)?);
        rest = &inside[end + 1..];
    }
    filled.push_str(rest);
    Ok(Some(filled))
}

fn value(inside: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let Some(name) = inside.strip_prefix("env:") else {
        let found = format!("${{{inside}}}");
        return Err(format!(
            "expressions such as {} come with a later version; only `${{env:NAME}}` is replaced",
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

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Filled {
        fill(text, &|name| (name == "A_1").then(|| "${env:B}".to_owned()))
    }

    #[test]
    fn variables_are_replaced_once_and_dollars_stay() {
        assert_eq!(filled("a $b {c} 1$ $$ $"), Ok(None));
        assert_eq!(filled("x${env:A_1}$y"), Ok(Some("x${env:B}$y".into())));
        assert_eq!(filled("${env:A_1}${env:A_1}"), Ok(Some("${env:B}${env:B}".into())));
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, expected) in [
            ("${env:B}", "`B` isn't set"),
            ("${env:}", "expected the name"),
            ("${env: A}", "expected the name"),
            ("${env:A", "expected a `}`"),
            ("a ${request.method}", "expressions such as `${request.method}`"),
            ("$${env:B}", "isn't set"),
        ] {
            let error = filled(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
