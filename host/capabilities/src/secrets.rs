//! Secret named values: nothing that people read may hold one.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Shorter ones would hide every second word, and protect nothing.
const MIN_BYTES: usize = 4;

/// What stands in place of a secret.
const HIDDEN: &str = "[secret]";

/// What a URL holds as it is (RFC 3986 §2.3), and what a form does (URL standard).
const IN_URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const IN_FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

/// The secrets of a document, as they may show up in texts. Cheap to clone, and empty for most documents.
#[derive(Clone, Default)]
pub struct Secrets(Arc<[String]>);

impl Secrets {
    /// Secrets of at least four bytes; shorter ones aren't looked for.
    pub fn of<'s>(values: impl IntoIterator<Item = &'s str>) -> Secrets {
        let long = values.into_iter().filter(|secret| secret.len() >= MIN_BYTES);
        let mut forms: Vec<String> = long.flat_map(forms_of).collect();
        // One that holds another goes first.
        forms.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        forms.dedup();
        Secrets(forms.into())
    }

    /// A text without them.
    pub fn hidden(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| match text.contains(secret.as_str()) {
            true => text.replace(secret.as_str(), HIDDEN),
            false => text,
        })
    }

    /// Take them out of every text in a JSON value. What isn't text stays: a secret may read `true`.
    pub fn hide_in(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.hidden(std::mem::take(text)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in(item)),
            Value::Object(members) => {
                if members.keys().any(|name| self.0.iter().any(|secret| name.contains(secret.as_str()))) {
                    let renamed = std::mem::take(members).into_iter();
                    *members = renamed.map(|(name, member)| (self.hidden(name), member)).collect();
                }
                members.values_mut().for_each(|member| self.hide_in(member));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// What statements commonly make of a secret by itself: it is the same to whoever finds it.
fn forms_of(secret: &str) -> [String; 6] {
    let json = Value::from(secret).to_string();
    [
        secret.to_owned(),
        json.get(1..json.len() - 1).unwrap_or(secret).to_owned(),
        utf8_percent_encode(secret, IN_URL).to_string(),
        utf8_percent_encode(secret, IN_FORM).to_string().replace(' ', "+"),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ]
}

/// How many there are, and nothing else.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_hidden_in_whatever_form_they_have() {
        let secrets = Secrets::of(["hunter\"2 &", "hunter", "abc"]);
        for (text, hidden) in [
            ("a hunter\"2 & and a hunter", "a [secret] and a [secret]"),
            (r#"{"a":"hunter\"2 &"}"#, r#"{"a":"[secret]"}"#),
            ("/x?q=hunter%222%20%26", "/x?q=[secret]"),
            ("q=hunter%222+%26", "q=[secret]"),
            ("aHVudGVyIjIgJg==", "[secret]=="),
            ("abc is too short to be looked for", "abc is too short to be looked for"),
        ] {
            assert_eq!(secrets.hidden(text.to_owned()), hidden);
        }
    }

    #[test]
    fn json_stays_json() {
        let mut value = json!({ "true": [true, 1234, "is true"], "a": { "1234": "1234" } });
        Secrets::of(["true", "1234"]).hide_in(&mut value);
        assert_eq!(value, json!({ "[secret]": [true, 1234, "is [secret]"], "a": { "[secret]": "[secret]" } }));
    }

    #[test]
    fn no_secret_is_printed_by_accident() {
        assert_eq!(format!("{:?}", Secrets::of(["1234"])), "Secrets(2)");
    }
}
