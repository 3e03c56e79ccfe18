//! Asking a schema about a value.

mod assertion;

use super::keyword::{Keyword, Node, Properties};
use super::reference::escape;
use super::{Fault, Schema};
use tollgate_sdk::serde_json::{Map, Value};

/// Faults of one value that are told.
const MAX_FAULTS: usize = 20;

/// Schemas within schemas that one value is put to, references counted.
const MAX_DEPTH: usize = 128;

/// Characters of a name that a pointer shows.
const MAX_NAME: usize = 64;

pub(crate) fn faults(schema: &Schema, value: &Value) -> Vec<Fault> {
    let mut run = Run { schema, faults: Vec::new(), quiet: 0, depth: 0, scope: Vec::new() };
    run.child(0, value, &Place::Root);
    run.faults
}

struct Run<'s> {
    schema: &'s Schema,
    faults: Vec<Fault>,
    /// How many times over only the outcome counts.
    quiet: usize,
    depth: usize,
    /// The resources on the way here, the outermost first.
    scope: Vec<usize>,
}

/// Where in the value we are.
enum Place<'p> {
    Root,
    Name(&'p Place<'p>, &'p str),
    Index(&'p Place<'p>, usize),
}

/// Which of a value's items or properties have been looked at, by their order.
#[derive(Clone, Default)]
struct Seen {
    children: Vec<bool>,
    /// Whether the schema lists properties at all.
    lists: bool,
}

impl Seen {
    fn mark(&mut self, index: usize) {
        if let Some(child) = self.children.get_mut(index) {
            *child = true;
        }
    }

    fn add(&mut self, other: &Seen) {
        self.lists |= other.lists;
        for (child, other) in self.children.iter_mut().zip(&other.children) {
            *child |= other;
        }
    }

    fn is_open(&self, index: usize) -> bool {
        self.children.get(index) == Some(&false)
    }
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Name(parent, name) => {
                let name: String = name.chars().take(MAX_NAME).collect();
                format!("{}/{}", parent.pointer(), escape(&name))
            }
            Self::Index(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

impl<'s> Run<'s> {
    /// Take down a fault. False, to be passed on.
    fn fault(&mut self, place: &Place<'_>, message: impl Into<String>) -> bool {
        if self.quiet == 0 && self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { pointer: place.pointer(), message: message.into() });
        }
        false
    }

    fn seen(&self, value: &Value) -> Seen {
        let count = match value {
            _ if !self.schema.tracks => 0,
            Value::Array(items) => items.len(),
            Value::Object(properties) => properties.len(),
            _ => 0,
        };
        Seen { children: vec![false; count], lists: false }
    }

    /// A value by itself: the whole one, an item or a property.
    fn child(&mut self, node: usize, value: &Value, place: &Place<'_>) -> bool {
        let mut seen = self.seen(value);
        let mut fits = self.check(node, value, place, &mut seen);
        if self.schema.adjustment.additional_properties == Some(false)
            && seen.lists
            && let Value::Object(properties) = value
        {
            for (index, name) in properties.keys().enumerate() {
                if seen.is_open(index) {
                    fits = self.fault(&Place::Name(place, name), "is not allowed");
                }
            }
        }
        fits
    }

    /// A value that others look at too.
    fn check(&mut self, node: usize, value: &Value, place: &Place<'_>, seen: &mut Seen) -> bool {
        let schema: &'s Schema = self.schema;
        let Some(node) = schema.nodes.get(node) else { return true };
        if self.depth >= MAX_DEPTH {
            return self.fault(place, "is nested too deeply, or the schema refers to itself");
        }
        self.depth += 1;
        let entered = self.scope.last() != Some(&node.resource);
        if entered {
            self.scope.push(node.resource);
        }
        let fits = self.keywords(node, value, place, seen);
        if entered {
            self.scope.pop();
        }
        self.depth -= 1;
        fits
    }

    fn keywords(&mut self, node: &'s Node, value: &Value, place: &Place<'_>, seen: &mut Seen) -> bool {
        // What asks for the rest means what its own neighbours left.
        let asks =
            |keyword: &Keyword| matches!(keyword, Keyword::UnevaluatedItems(_) | Keyword::UnevaluatedProperties(_));
        let mut own = node.keywords.last().is_some_and(asks).then(|| self.seen(value));
        let mut fits = true;
        for keyword in &node.keywords {
            fits &= self.keyword(keyword, value, place, own.as_mut().unwrap_or(seen));
            if !fits && (self.quiet > 0 || self.faults.len() >= MAX_FAULTS) {
                return false;
            }
        }
        if let Some(own) = own {
            seen.add(&own);
        }
        fits
    }

    fn keyword(&mut self, keyword: &'s Keyword, value: &Value, place: &Place<'_>, seen: &mut Seen) -> bool {
        match (keyword, value) {
            (Keyword::Items { prefix, rest }, Value::Array(items)) => self.items(prefix, *rest, items, place, seen),
            (Keyword::Contains { schema, min, max, marks }, Value::Array(items)) => {
                let found = self.contained(*schema, items, place, seen, *marks);
                match found < *min || max.is_some_and(|max| found > max) {
                    true => self.fault(place, "holds too few or too many items of a kind"),
                    false => true,
                }
            }
            (Keyword::Properties(known), Value::Object(properties)) => {
                seen.lists |= !known.named.is_empty();
                self.properties(known, properties, place, seen)
            }
            (Keyword::PropertyNames(node), Value::Object(properties)) => properties.keys().fold(true, |fits, name| {
                let value = Value::String(name.clone());
                match self.quietly(|run| run.child(*node, &value, place)) {
                    true => fits,
                    false => self.fault(&Place::Name(place, name), "has a name that is not allowed"),
                }
            }),
            (Keyword::DependentSchemas(schemas), Value::Object(properties)) => {
                schemas.iter().fold(true, |fits, (name, node)| {
                    let absent = self.schema.adjustment.find(properties, name).is_none();
                    (absent || self.check(*node, value, place, seen)) && fits
                })
            }
            (Keyword::UnevaluatedItems(node), Value::Array(items)) => {
                items.iter().enumerate().fold(true, |fits, (index, item)| {
                    let left = seen.is_open(index);
                    seen.mark(index);
                    (!left || self.child(*node, item, &Place::Index(place, index))) && fits
                })
            }
            (Keyword::UnevaluatedProperties(node), Value::Object(properties)) => {
                properties.iter().enumerate().fold(true, |fits, (index, (name, value))| {
                    let left = seen.is_open(index);
                    seen.mark(index);
                    (!left || self.child(*node, value, &Place::Name(place, name))) && fits
                })
            }
            _ => self.combination(keyword, value, place, seen),
        }
    }

    fn combination(&mut self, keyword: &'s Keyword, value: &Value, place: &Place<'_>, seen: &mut Seen) -> bool {
        match keyword {
            Keyword::Ref(node) => self.check(*node, value, place, seen),
            Keyword::DynamicRef(node, anchor) => self.check(self.target(*node, anchor.as_deref()), value, place, seen),
            Keyword::AllOf(nodes) => {
                let mut fits = true;
                for node in nodes {
                    fits &= self.check(*node, value, place, seen);
                }
                fits
            }
            Keyword::AnyOf(nodes) => match self.fitting(nodes, value, place, seen, !self.schema.tracks) {
                0 => self.fault(place, "fits none of the alternatives"),
                _ => true,
            },
            Keyword::OneOf(nodes) => match self.fitting(nodes, value, place, seen, false) {
                0 => self.fault(place, "fits none of the alternatives"),
                1 => true,
                _ => self.fault(place, "fits more than one alternative"),
            },
            Keyword::Not(node) => match self.attempt(*node, value, place).is_some() {
                true => self.fault(place, "is what it must not be"),
                false => true,
            },
            Keyword::If { condition, then, otherwise } => {
                let next = match self.attempt(*condition, value, place) {
                    Some(found) => {
                        seen.add(&found);
                        then
                    }
                    None => otherwise,
                };
                next.is_none_or(|node| self.check(node, value, place, seen))
            }
            _ => match assertion::message(keyword, value, self.schema.adjustment) {
                Some(message) => self.fault(place, message),
                None => true,
            },
        }
    }

    fn items(
        &mut self,
        prefix: &[usize],
        rest: Option<usize>,
        items: &[Value],
        place: &Place<'_>,
        seen: &mut Seen,
    ) -> bool {
        let mut fits = true;
        for (index, item) in items.iter().enumerate() {
            let Some(node) = prefix.get(index).copied().or(rest) else { break };
            seen.mark(index);
            fits &= self.child(node, item, &Place::Index(place, index));
            if !fits && self.quiet > 0 {
                break;
            }
        }
        fits
    }

    fn contained(&mut self, node: usize, items: &[Value], place: &Place<'_>, seen: &mut Seen, marks: bool) -> u64 {
        let mut found = 0;
        for (index, item) in items.iter().enumerate() {
            if self.quietly(|run| run.child(node, item, &Place::Index(place, index))) {
                found += 1;
                if marks {
                    seen.mark(index);
                }
            }
        }
        found
    }

    fn properties(
        &mut self,
        known: &Properties,
        properties: &Map<String, Value>,
        place: &Place<'_>,
        seen: &mut Seen,
    ) -> bool {
        let mut fits = true;
        for (index, (name, value)) in properties.iter().enumerate() {
            let place = Place::Name(place, name);
            let own = known.named.get(&*self.schema.adjustment.name(name)).copied();
            let mut is_known = own.is_some();
            fits &= own.is_none_or(|node| self.child(node, value, &place));
            for (_, node) in known.patterns.iter().filter(|(pattern, _)| pattern.is_match(name)) {
                is_known = true;
                fits &= self.child(*node, value, &place);
            }
            if let Some(rest) = known.rest.filter(|_| !is_known) {
                is_known = true;
                fits &= self.child(rest, value, &place);
            }
            if is_known {
                seen.mark(index);
            }
            if !fits && self.quiet > 0 {
                break;
            }
        }
        fits
    }

    /// How many of the schemas fit; or whether one does, if the first is enough.
    fn fitting(&mut self, nodes: &[usize], value: &Value, place: &Place<'_>, seen: &mut Seen, first: bool) -> usize {
        let mut count = 0;
        for node in nodes {
            if let Some(found) = self.attempt(*node, value, place) {
                seen.add(&found);
                count += 1;
                if first {
                    break;
                }
            }
        }
        count
    }

    /// What a schema looked at, if it fits.
    fn attempt(&mut self, node: usize, value: &Value, place: &Place<'_>) -> Option<Seen> {
        let mut seen = self.seen(value);
        self.quietly(|run| run.check(node, value, place, &mut seen)).then_some(seen)
    }

    fn quietly(&mut self, ask: impl FnOnce(&mut Self) -> bool) -> bool {
        self.quiet += 1;
        let fits = ask(self);
        self.quiet -= 1;
        fits
    }

    /// Where a dynamic reference leads: to the outermost resource that has the anchor.
    fn target(&self, node: usize, anchor: Option<&str>) -> usize {
        let Some(anchor) = anchor else { return node };
        let anchors = &self.schema.dynamic_anchors;
        let of = |resource: &usize| {
            anchors.iter().find(|(name, home, _)| name == anchor && home == resource).map(|(_, _, node)| *node)
        };
        self.scope.iter().find_map(of).unwrap_or(node)
    }
}
