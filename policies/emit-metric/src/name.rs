//! Names of metrics and labels as the metrics page takes them: `[a-z_][a-z0-9_]*`, at most 64 bytes.

use tollgate_sdk::ConfigError;

const LONGEST: usize = 64;

/// The metric's name, with the namespace before it. Example: `orders_requests_sent` of `Orders` and `Requests sent`.
pub(crate) fn of_metric(namespace: Option<&str>, name: &str) -> Result<String, ConfigError> {
    let part = |text: &str, pointer| words(text).map_err(|message| ConfigError::new(pointer, message));
    let own = part(name, "/name")?;
    let whole = match namespace {
        Some(namespace) => format!("{}_{own}", part(namespace, "/namespace")?),
        None => own,
    };
    checked(whole).map_err(|message| ConfigError::new("/name", message))
}

/// A label's name. Example: `api_id` of `API ID`.
pub(crate) fn of_label(name: &str) -> Result<String, String> {
    match words(name).and_then(checked)? {
        label if label == "component" => Err("the label `component` belongs to the gateway".into()),
        label => Ok(label),
    }
}

/// Letters in lower case and digits; whatever stands between them becomes one `_`.
fn words(text: &str) -> Result<String, String> {
    let words: Vec<String> = text
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    match words.is_empty() {
        true => Err(format!("`{text}` holds no letter from A to Z and no digit")),
        false => Ok(words.join("_")),
    }
}

fn checked(name: String) -> Result<String, String> {
    let name = if name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name };
    match name.len() > LONGEST {
        true => Err(format!("`{name}` is longer than {LONGEST} characters")),
        false => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words_with_underscores() {
        for (text, label) in [
            ("API ID", "api_id"),
            ("api-id", "api_id"),
            ("  Tokens / minute ", "tokens_minute"),
            ("5xx", "_5xx"),
            ("größe", "gr_e"),
            ("a__b", "a_b"),
        ] {
            assert_eq!(of_label(text).as_deref(), Ok(label));
        }
    }

    #[test]
    fn a_namespace_stands_before_the_name() {
        assert_eq!(of_metric(Some("Orders"), "Requests sent").unwrap(), "orders_requests_sent");
        assert_eq!(of_metric(None, "Requests sent").unwrap(), "requests_sent");
        assert_eq!(of_metric(Some("v"), "2").unwrap(), "v_2");
    }

    #[test]
    fn what_makes_no_name_is_refused_with_its_place() {
        assert_eq!(of_metric(None, "数").unwrap_err().pointer, "/name");
        assert_eq!(of_metric(Some("-"), "a").unwrap_err().pointer, "/namespace");
        assert_eq!(of_metric(Some(&"a".repeat(60)), "abcd").unwrap_err().pointer, "/name");
        assert!(of_metric(Some(&"a".repeat(60)), "abc").is_ok());
        assert!(of_label("Component").unwrap_err().contains("belongs to the gateway"));
    }
}
