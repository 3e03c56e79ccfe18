//! JSON Schemas of configurations, as constants.
//!
//! [`configuration`](macro@crate::configuration) writes them. They are trees of text that are put together when the
//! manifest is asked for: what describes a policy adds no code to its component.

mod types;

/// A type that says what JSON it is read from. By hand for a type whose `Deserialize` is written by hand:
///
/// ```
/// use tollgate_sdk::schema::{Node, Schema};
///
/// struct Colour(u32);
///
/// impl Schema for Colour {
///     const SCHEMA: Node = Node::text().pattern("^#[0-9a-f]{6}$").described("A colour such as #00ff80.");
/// }
/// ```
pub trait Schema {
    /// The schema. A type that holds itself has none.
    const SCHEMA: Node;
}

/// A schema, or a part of one.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    description: &'static str,
    limits: Limits,
    shape: Shape,
}

/// How large a number may be, or how long a text, list or map; and what a text looks like.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The least.
    pub min: Option<i64>,
    /// The most.
    pub max: Option<i64>,
    /// A regular expression; empty for any text.
    pub pattern: &'static str,
}

/// What kind of value.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Any,
    Boolean,
    Integer,
    Number,
    Text,
    Plain,
    List(&'static Node),
    Map(&'static Node),
    Members(&'static [Member], Unknown),
    Words(&'static [&'static str]),
    Either(&'static [Node]),
    Raw(&'static str),
    Dynamic(&'static Node),
}

/// Whether members that aren't listed are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// They are errors.
    Refused,
    /// They are fine.
    Ignored,
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub enum Member {
    /// One with a name.
    Named {
        /// Its name.
        name: &'static str,
        /// Whether it has to be there.
        required: bool,
        /// What it is for; empty to go by its type.
        description: &'static str,
        /// Its limits, before those of its type.
        limits: Limits,
        /// The schema of its type.
        node: &'static Node,
    },
    /// All members of another object.
    Flattened(&'static Node),
}

impl Limits {
    /// None.
    pub const NONE: Self = Self { min: None, max: None, pattern: "" };

    fn or(self, other: Self) -> Self {
        Self {
            min: self.min.or(other.min),
            max: self.max.or(other.max),
            pattern: if self.pattern.is_empty() { other.pattern } else { self.pattern },
        }
    }
}

impl Node {
    const fn new(shape: Shape) -> Self {
        Self { description: "", limits: Limits::NONE, shape }
    }

    /// Any value at all.
    pub const fn any() -> Self {
        Self::new(Shape::Any)
    }

    /// `true` or `false`.
    pub const fn boolean() -> Self {
        Self::new(Shape::Boolean)
    }

    /// A whole number.
    pub const fn integer() -> Self {
        Self::new(Shape::Integer)
    }

    /// A number.
    pub const fn number() -> Self {
        Self::new(Shape::Number)
    }

    /// A text.
    pub const fn text() -> Self {
        Self::new(Shape::Text)
    }

    /// A text, or a number or boolean that is taken for one.
    pub const fn plain() -> Self {
        Self::new(Shape::Plain)
    }

    /// A list of values.
    pub const fn list(items: &'static Node) -> Self {
        Self::new(Shape::List(items))
    }

    /// An object with names of the operator's choice.
    pub const fn map(values: &'static Node) -> Self {
        Self::new(Shape::Map(values))
    }

    /// An object with these members.
    pub const fn members(members: &'static [Member], unknown: Unknown) -> Self {
        Self::new(Shape::Members(members, unknown))
    }

    /// One of these texts.
    pub const fn words(words: &'static [&'static str]) -> Self {
        Self::new(Shape::Words(words))
    }

    /// Whatever fits at least one of these.
    pub const fn either(nodes: &'static [Node]) -> Self {
        Self::new(Shape::Either(nodes))
    }

    /// Keywords as they stand in a schema, without braces around them.
    pub const fn raw(keywords: &'static str) -> Self {
        Self::new(Shape::Raw(keywords))
    }

    /// A literal with this schema, or an expression: what the gateway writes in its place is an object of its own.
    pub const fn dynamic(literal: &'static Node) -> Self {
        Self::new(Shape::Dynamic(literal))
    }

    /// With a description; an empty one changes nothing.
    #[must_use]
    pub const fn described(self, description: &'static str) -> Self {
        if description.is_empty() { self } else { Self { description, ..self } }
    }

    /// With a regular expression that a text has to fit.
    #[must_use]
    pub const fn pattern(self, pattern: &'static str) -> Self {
        Self { limits: Limits { pattern, ..self.limits }, ..self }
    }

    /// At least this large or long.
    #[must_use]
    pub const fn at_least(self, min: i64) -> Self {
        Self { limits: Limits { min: Some(min), ..self.limits }, ..self }
    }

    /// At most this large or long.
    #[must_use]
    pub const fn at_most(self, max: i64) -> Self {
        Self { limits: Limits { max: Some(max), ..self.limits }, ..self }
    }

    /// The schema of a whole configuration. One without required members may also be left out.
    pub(crate) fn document(&self) -> String {
        let mut text = String::from("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\"");
        let node = match self.shape {
            Shape::Members(members, _) if !members.iter().any(Member::is_required) => "[\"object\",\"null\"]",
            _ => "\"object\"",
        };
        self.write_keywords(&mut text, "", Limits::NONE, node);
        text.push('}');
        text
    }

    // Called from many places, and never where time matters.
    #[inline(never)]
    fn write(&self, text: &mut String, description: &str, limits: Limits) {
        let start = text.len();
        self.write_keywords(text, description, limits, "\"object\"");
        // Every keyword brings a comma before it, which the first needs no more than the brace.
        match text.get(start..) {
            Some("") => text.push('{'),
            _ => text.replace_range(start..=start, "{"),
        }
        text.push('}');
    }

    fn write_keywords(&self, text: &mut String, description: &str, limits: Limits, object: &str) {
        let description = if description.is_empty() { self.description } else { description };
        let limits = limits.or(self.limits);
        if let Shape::Dynamic(literal) = self.shape {
            // All that is said is about the literal, and an error about it reads as if there were no expressions.
            text.push_str(",\"if\":{\"type\":\"object\",\"required\":[\"$expression\"]},\"else\":");
            literal.write(text, description, limits);
            return;
        }
        if !description.is_empty() {
            text.push_str(",\"description\":");
            push_string(text, description);
        }
        match self.shape {
            Shape::Any => {}
            Shape::Boolean => text.push_str(",\"type\":\"boolean\""),
            Shape::Integer => text.push_str(",\"type\":\"integer\""),
            Shape::Number => text.push_str(",\"type\":\"number\""),
            Shape::Text => text.push_str(",\"type\":\"string\""),
            Shape::Plain => text.push_str(",\"type\":[\"string\",\"number\",\"boolean\"]"),
            Shape::List(items) => {
                text.push_str(",\"type\":\"array\",\"items\":");
                items.write(text, "", Limits::NONE);
            }
            Shape::Map(values) => {
                text.push_str(",\"type\":\"object\",\"additionalProperties\":");
                values.write(text, "", Limits::NONE);
            }
            Shape::Members(members, unknown) => {
                text.push_str(",\"type\":");
                text.push_str(object);
                write_members(text, members, unknown);
            }
            Shape::Words(words) => {
                text.push_str(",\"type\":\"string\",\"enum\":");
                push_list(text, words.iter().copied(), push_string);
            }
            Shape::Either(nodes) => {
                text.push_str(",\"anyOf\":");
                push_list(text, nodes.iter(), |text, node| node.write(text, "", Limits::NONE));
            }
            Shape::Raw(keywords) => {
                text.push(',');
                text.push_str(keywords);
            }
            Shape::Dynamic(_) => {}
        }
        self.write_limits(text, limits);
    }

    fn write_limits(&self, text: &mut String, limits: Limits) {
        let (min, max) = match self.shape {
            Shape::Text | Shape::Plain => (",\"minLength\":", ",\"maxLength\":"),
            Shape::List(_) => (",\"minItems\":", ",\"maxItems\":"),
            Shape::Map(_) => (",\"minProperties\":", ",\"maxProperties\":"),
            _ => (",\"minimum\":", ",\"maximum\":"),
        };
        for (keyword, limit) in [(min, limits.min), (max, limits.max)] {
            if let Some(limit) = limit {
                text.push_str(keyword);
                text.push_str(&limit.to_string());
            }
        }
        if !limits.pattern.is_empty() {
            text.push_str(",\"pattern\":");
            push_string(text, limits.pattern);
        }
    }
}

impl Member {
    fn is_required(&self) -> bool {
        match self {
            Self::Named { required, .. } => *required,
            Self::Flattened(node) => {
                matches!(node.shape, Shape::Members(members, _) if members.iter().any(Self::is_required))
            }
        }
    }
}

/// The members themselves, those of flattened ones among them.
fn named(members: &'static [Member]) -> Vec<&'static Member> {
    let mut all = Vec::new();
    for member in members {
        match member {
            Member::Named { .. } => all.push(member),
            Member::Flattened(node) => {
                if let Shape::Members(members, _) = node.shape {
                    all.extend(named(members));
                }
            }
        }
    }
    all
}

fn write_members(text: &mut String, members: &'static [Member], unknown: Unknown) {
    let members = named(members);
    let mut comma = ",\"properties\":{";
    for member in &members {
        if let Member::Named { name, description, limits, node, .. } = member {
            text.push_str(comma);
            push_string(text, name);
            text.push(':');
            node.write(text, description, *limits);
            comma = ",";
        }
    }
    if comma == "," {
        text.push('}');
    }
    let required = members.iter().filter_map(|member| match member {
        Member::Named { name, required: true, .. } => Some(*name),
        _ => None,
    });
    if members.iter().any(|member| member.is_required()) {
        text.push_str(",\"required\":");
        push_list(text, required, push_string);
    }
    if unknown == Unknown::Refused {
        text.push_str(",\"additionalProperties\":false");
    }
}

fn push_list<T>(text: &mut String, items: impl IntoIterator<Item = T>, write: impl Fn(&mut String, T)) {
    text.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(text, item);
    }
    text.push(']');
}

/// A text as JSON has it.
pub(crate) fn push_string(text: &mut String, string: &str) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            control if control < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests;
