//! Configuration values that may be written as an expression: `"${request.headers['x-tenant']}"`.

mod scalar;
mod text;

use crate::expression::{self, ExpressionError, MEMBER};
use crate::log;
use crate::schema::{Node, Schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

pub use scalar::{Scalar, resolved};
pub use text::Text;

/// A value that the operator wrote, or an expression that gives one for each exchange.
///
/// ```
/// use tollgate_sdk::{Dynamic, Request, Verdict, configuration, policy, testing};
///
/// #[configuration]
/// struct Config {
///     /// Whom to greet.
///     name: Dynamic<String>,
/// }
///
/// /// Greets.
/// #[policy]
/// fn on_request(request: &mut Request, config: &Config) -> Result<(), Verdict> {
///     Ok(request.set_header("x-hello", config.name.get()?.as_bytes())?)
/// }
/// # fn main() {
/// let gateway = testing::Gateway::<OnRequest>::with(serde_json::json!({ "name": "${variables.user}" })).unwrap();
/// gateway.expression("${variables.user}", serde_json::json!("Ada"));
/// let outcome = gateway.request(testing::Request::get("/"));
/// assert_eq!(outcome.request.header_str("x-hello"), Some("Ada"));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamic<T>(Form<T>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Form<T> {
    Literal(T),
    Expression(u32),
}

impl<T> Dynamic<T> {
    /// What the operator wrote, if it is no expression: check it in `configure`.
    pub fn literal(&self) -> Option<&T> {
        match &self.0 {
            Form::Literal(value) => Some(value),
            Form::Expression(_) => None,
        }
    }

    /// The expression's number, if it is one.
    pub fn expression(&self) -> Option<u32> {
        match self.0 {
            Form::Literal(_) => None,
            Form::Expression(number) => Some(number),
        }
    }
}

impl<T: Scalar + Clone> Dynamic<T> {
    /// The value for this exchange. A literal is borrowed and costs nothing; an expression is one call to the gateway,
    /// so keep what you use twice.
    ///
    /// Fails if the expression does, or if it gives what is no `T`, which is logged as a warning. `?` turns the error
    /// into a refusal with status 500.
    pub fn get(&self) -> Result<Cow<'_, T>, ExpressionError> {
        match &self.0 {
            Form::Literal(value) => Ok(Cow::Borrowed(value)),
            Form::Expression(number) => value_of(*number).map(Cow::Owned),
        }
    }
}

/// A type whose values may stand in place of an expression.
pub(crate) trait Literal: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

impl<T: Scalar> Literal for T {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::literal(deserializer)
    }
}

/// An expression's value as text; none for null.
pub(crate) fn text_of(expression: u32) -> Result<Option<String>, ExpressionError> {
    match expression::evaluate(expression)? {
        expression::Value::Null => Ok(None),
        value => String::from_value(value).map(Some).map_err(ExpressionError::Other),
    }
}

/// An expression's value as a `T`.
pub(crate) fn value_of<T: Scalar>(expression: u32) -> Result<T, ExpressionError> {
    T::from_value(expression::evaluate(expression)?).map_err(|why| {
        log::warn(&["an expression's value can't be used: ", &why].concat());
        ExpressionError::Other(why)
    })
}

impl<T: Default> Default for Dynamic<T> {
    fn default() -> Self {
        Self::from(T::default())
    }
}

impl<T> From<T> for Dynamic<T> {
    fn from(literal: T) -> Self {
        Self(Form::Literal(literal))
    }
}

impl<T: Scalar> Schema for Dynamic<T> {
    const SCHEMA: Node = Node::dynamic(&T::LITERAL);
}

impl<'de, T: Scalar> Deserialize<'de> for Dynamic<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Form::deserialize(deserializer).map(Self)
    }
}

impl<'de, T: Literal> Deserialize<'de> for Form<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

struct Reader<T>(PhantomData<T>);

/// Scalars go to `T` as they are.
macro_rules! scalars {
    ($($visit:ident: $type:ty;)*) => {
        $(fn $visit<E: Error>(self, value: $type) -> Result<Form<T>, E> {
            T::read(value.into_deserializer()).map(Form::Literal)
        })*
    };
}

impl<'de, T: Literal> Visitor<'de> for Reader<T> {
    type Value = Form<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or an expression")
    }

    scalars! {
        visit_bool: bool;
        visit_i64: i64;
        visit_u64: u64;
        visit_f64: f64;
        visit_str: &str;
    }

    fn visit_unit<E: Error>(self) -> Result<Form<T>, E> {
        T::read(().into_deserializer()).map(Form::Literal)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Form<T>, A::Error> {
        T::read(SeqAccessDeserializer::new(items)).map(Form::Literal)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Form<T>, A::Error> {
        let first = map.next_key::<String>()?;
        if first.as_deref() == Some(MEMBER) {
            return expression::number(map).map(Form::Expression);
        }
        T::read(MapAccessDeserializer::new(Unread { first, map })).map(Form::Literal)
    }
}

/// A map whose first name has been read already.
struct Unread<A> {
    first: Option<String>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Unread<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(name) => seed.deserialize(name.into_deserializer()).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests;
