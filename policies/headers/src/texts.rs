//! One text or several: `value: a` or `value: [a, b]`.

use std::fmt;
use std::ops::Deref;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::de::{Error, SeqAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};

/// A text, or a list of texts with at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts(Vec<String>);

impl From<Texts> for Vec<String> {
    fn from(texts: Texts) -> Self {
        texts.0
    }
}

impl Deref for Texts {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

/// By hand, because serde's untagged enums forget where in the text an error was.
impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = items.next_element()? {
                    texts.push(text);
                }
                match texts.is_empty() {
                    true => Err(A::Error::custom("the list is empty")),
                    false => Ok(Texts(texts)),
                }
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl Schema for Texts {
    const SCHEMA: Node = Node::raw(r#""type":["string","array"],"items":{"type":"string"},"minItems":1"#);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::from_str;

    #[test]
    fn a_text_is_a_list_of_one() {
        assert_eq!(*from_str::<Texts>(r#""a""#).unwrap(), ["a"]);
        assert_eq!(*from_str::<Texts>(r#"["a", "b"]"#).unwrap(), ["a", "b"]);
        assert!(from_str::<Texts>("[]").is_err());
        assert!(from_str::<Texts>("5").unwrap_err().to_string().contains("a text or a list of texts"));
    }
}
