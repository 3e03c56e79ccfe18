//! One text or several, each of which may be an expression: `value: a`, `value: "${variables.a}"`, `value: [a, b]`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::de::value::MapAccessDeserializer;
use tollgate_sdk::serde::de::{Error, MapAccess, SeqAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};
use tollgate_sdk::{Dynamic, ExpressionError};

/// A text, or a list of texts with at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Values(Vec<Dynamic<String>>);

impl Values {
    /// The texts for this exchange.
    pub fn get(&self) -> Result<Vec<Cow<'_, str>>, ExpressionError> {
        self.0.iter().map(text).collect()
    }

    /// The first literal that is at fault, with its place below the values' own.
    pub fn find_literal(&self, is_at_fault: impl Fn(&str) -> bool) -> Option<String> {
        let at = self.0.iter().position(|value| value.literal().is_some_and(|text| is_at_fault(text)))?;
        Some(if self.0.len() == 1 { String::new() } else { format!("/{at}") })
    }
}

/// The text for this exchange, without a copy if it is a literal.
pub(crate) fn text(value: &Dynamic<String>) -> Result<Cow<'_, str>, ExpressionError> {
    Ok(match value.get()? {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_str()),
        Cow::Owned(text) => Cow::Owned(text),
    })
}

impl Deref for Values {
    type Target = [Dynamic<String>];

    fn deref(&self) -> &[Dynamic<String>] {
        &self.0
    }
}

/// By hand, because serde's untagged enums forget where in the text an error was.
impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Values, E> {
                Ok(Values(vec![Dynamic::from(text.to_owned())]))
            }

            /// What stands for an expression.
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Values, A::Error> {
                Ok(Values(vec![Dynamic::deserialize(MapAccessDeserializer::new(map))?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Values, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = items.next_element()? {
                    texts.push(text);
                }
                match texts.is_empty() {
                    true => Err(A::Error::custom("the list is empty")),
                    false => Ok(Values(texts)),
                }
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl Schema for Values {
    const SCHEMA: Node = Node::dynamic(&LITERAL);
}

/// Not a choice between a text and a list: an error would then say that neither fits, instead of what is wrong.
static LITERAL: Node = Node::raw(
    r#""type":["string","array"],"items":{"if":{"type":"object","required":["$expression"]},"else":{"type":"string"}},"minItems":1"#,
);

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::from_str;

    #[test]
    fn a_text_is_a_list_of_one() {
        assert_eq!(from_str::<Values>(r#""a""#).unwrap().get().unwrap(), ["a"]);
        assert_eq!(from_str::<Values>(r#"["a", "b"]"#).unwrap().get().unwrap(), ["a", "b"]);
        assert!(from_str::<Values>("[]").is_err());
        assert!(from_str::<Values>("5").unwrap_err().to_string().contains("a text or a list of texts"));
    }

    #[test]
    fn each_text_may_be_an_expression() {
        let numbers = |text: &str| -> Vec<Option<u32>> {
            from_str::<Values>(text).unwrap().iter().map(Dynamic::expression).collect()
        };
        assert_eq!(numbers(r#"{"$expression": 3}"#), [Some(3)]);
        assert_eq!(numbers(r#"["a", {"$expression": 4}]"#), [None, Some(4)]);
    }

    #[test]
    fn a_literal_at_fault_is_told_with_its_place() {
        let find = |text: &str| from_str::<Values>(text).unwrap().find_literal(|text| text == "bad");
        assert_eq!(find(r#""bad""#).as_deref(), Some(""));
        assert_eq!(find(r#"["a", "bad"]"#).as_deref(), Some("/1"));
        assert_eq!(find(r#"["a", {"$expression": 0}]"#), None);
    }
}
