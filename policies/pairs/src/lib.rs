//! Names with values, as operators write them: `[{ name: tier, value: gold }]` or `{ tier: gold }`.
//! A library for several statements; it is no statement itself.

use std::fmt;
use std::ops::Deref;
use tollgate_sdk::dynamic::Text;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::de::{Error, MapAccess, SeqAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};
use tollgate_sdk::{Dynamic, configuration};

/// A name, and usually a value.
#[configuration]
#[derive(Clone, Debug)]
pub struct Pair {
    /// The name.
    #[schema(length(min = 1))]
    pub name: String,
    /// The value. In a list it may be left out, if the statement knows one by the name.
    #[serde(default)]
    pub value: Option<Dynamic<Text>>,
}

/// Names with values in the order in which they are written.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    pairs: Vec<Pair>,
    /// Whether they were written as a list.
    listed: bool,
}

impl Pairs {
    /// Where the pair of this number stands, relative to the whole. Example: `/2`, or `/tier` in a mapping.
    pub fn pointer(&self, index: usize) -> String {
        match self.pairs.get(index) {
            Some(pair) if !self.listed => format!("/{}", pair.name.replace('~', "~0").replace('/', "~1")),
            _ => format!("/{index}"),
        }
    }
}

impl Deref for Pairs {
    type Target = [Pair];

    fn deref(&self) -> &[Pair] {
        &self.pairs
    }
}

/// By hand, because serde's untagged enums forget where in the text an error was.
impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrMap;

        impl<'de> Visitor<'de> for ListOrMap {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of names with values, or a mapping from names to values")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Pairs, A::Error> {
                let mut pairs: Vec<Pair> = Vec::new();
                while let Some(pair) = items.next_element::<Pair>()? {
                    if pairs.iter().any(|known| known.name == pair.name) {
                        return Err(A::Error::custom(format_args!("`{}` stands here twice", pair.name)));
                    }
                    pairs.push(pair);
                }
                Ok(Pairs { pairs, listed: true })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = members.next_entry()? {
                    pairs.push(Pair { name, value: Some(value) });
                }
                Ok(Pairs { pairs, listed: false })
            }
        }

        deserializer.deserialize_any(ListOrMap)
    }
}

impl Schema for Pairs {
    const SCHEMA: Node = Node::either(&[Node::list(&Pair::SCHEMA), Node::map(&Dynamic::<Text>::SCHEMA)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::from_str;

    fn read(text: &str) -> Pairs {
        from_str(text).unwrap()
    }

    fn literals(pairs: &Pairs) -> Vec<(&str, &str)> {
        pairs.iter().filter_map(|pair| Some((&*pair.name, &**pair.value.as_ref()?.literal()?))).collect()
    }

    #[test]
    fn both_forms_mean_the_same_in_order() {
        let list = read(r#"[{ "name": "b", "value": "1" }, { "name": "a", "value": "2" }]"#);
        let map = read(r#"{ "b": 1, "a": "2" }"#);
        assert_eq!(literals(&list), [("b", "1"), ("a", "2")]);
        assert_eq!(literals(&map), literals(&list));
    }

    #[test]
    fn a_place_is_named_as_it_was_written() {
        assert_eq!(read(r#"[{ "name": "b" }]"#).pointer(0), "/0");
        assert_eq!(read(r#"{ "a/b": "1" }"#).pointer(0), "/a~1b");
    }

    #[test]
    fn a_name_stands_once() {
        let error = from_str::<Pairs>(r#"[{ "name": "a" }, { "name": "a" }]"#).unwrap_err();
        assert!(error.to_string().contains("`a` stands here twice"), "{error}");
    }
}
