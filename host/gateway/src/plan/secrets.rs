//! Secret named values: nothing that people read may hold one.

use tollgate_document::{Document, NamedText};

/// Shorter ones would hide every second word, and protect nothing.
const MIN_BYTES: usize = 4;

/// What stands in place of a secret.
const HIDDEN: &str = "[secret]";

/// The secret named values of a document.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn of(document: &Document) -> Secrets {
        let secret = |text: &NamedText| match text {
            NamedText::Secret(secret) if secret.reveal().len() >= MIN_BYTES => Some(secret.reveal().to_owned()),
            NamedText::Secret(_) | NamedText::Plain(_) => None,
        };
        let mut secrets: Vec<String> = document.named_values.iter().filter_map(|named| secret(&named.value)).collect();
        // One that holds another goes first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Secrets(secrets)
    }

    /// A text without them.
    pub(crate) fn hidden(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| match text.contains(secret.as_str()) {
            true => text.replace(secret.as_str(), HIDDEN),
            false => text,
        })
    }

    /// A JSON text without them: there, some characters are escaped.
    pub(crate) fn hidden_in_json(&self, json: String) -> String {
        self.0.iter().fold(json, |json, secret| {
            let escaped = serde_json::Value::from(secret.as_str()).to_string();
            match escaped.get(1..escaped.len() - 1).filter(|inner| json.contains(inner)) {
                Some(inner) => json.replace(inner, HIDDEN),
                None => json,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_in_text_and_in_json() {
        let secrets = Secrets(vec!["hunter\"2".into(), "hunter".into()]);
        assert_eq!(secrets.hidden("a hunter\"2 and a hunter".into()), "a [secret] and a [secret]");
        let json = serde_json::json!({ "a": "say hunter\"2" }).to_string();
        assert_eq!(secrets.hidden_in_json(json), r#"{"a":"say [secret]"}"#);
    }
}
