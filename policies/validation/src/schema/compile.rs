//! From a schema's JSON to nodes that refer to each other by number.

use super::format::Format;
use super::keyword::{Keyword, Node, Properties, Types};
use super::resources::{Draft, Resources};
use super::{Adjustment, Schema};
use crate::pattern::Pattern;
use std::collections::BTreeMap;
use tollgate_sdk::serde_json::{Map, Number, Value};

/// Subschemas of one schema.
const MAX_NODES: usize = 20_000;

pub(crate) fn compile(schema: &Value, adjustment: Adjustment) -> Result<Schema, String> {
    let draft = Draft::of(schema);
    let resources = Resources::of(schema, draft);
    let mut compiler = Compiler {
        draft,
        resources,
        adjustment,
        nodes: Vec::new(),
        known: BTreeMap::new(),
        waiting: Vec::new(),
        tracks: adjustment.additional_properties == Some(false),
    };
    let home = compiler.resources.home(schema);
    compiler.node(schema, home, String::new());
    let anchors = compiler.resources.dynamic_anchors.clone();
    let mut dynamic_anchors = Vec::new();
    for ((resource, name), target) in anchors {
        dynamic_anchors.push((name, resource, compiler.node(target, resource, String::new())));
    }
    compiler.run()?;
    let Compiler { nodes, tracks, .. } = compiler;
    Ok(Schema { nodes, dynamic_anchors, adjustment, tracks })
}

struct Compiler<'v> {
    draft: Draft,
    resources: Resources<'v>,
    adjustment: Adjustment,
    nodes: Vec<Node>,
    /// Numbers of nodes, by the address of their schema.
    known: BTreeMap<usize, usize>,
    /// Nodes that have a number and no keywords yet: number, schema, resource, place in the document.
    waiting: Vec<(usize, &'v Value, usize, String)>,
    tracks: bool,
}

/// A keyword's name, and what it becomes.
type Kind<T> = (&'static str, fn(T) -> Keyword);

/// One schema while it is compiled.
struct Source<'v> {
    keywords: &'v Map<String, Value>,
    resource: usize,
    place: String,
}

impl<'v> Source<'v> {
    fn get(&self, keyword: &str) -> Option<&'v Value> {
        self.keywords.get(keyword)
    }

    fn wrong(&self, keyword: &str, why: impl std::fmt::Display) -> String {
        format!("`{}/{keyword}`: {why}", self.place)
    }

    fn count(&self, keyword: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.get(keyword) else { return Ok(None) };
        let whole = value.as_f64().filter(|float| *float >= 0.0 && float.fract() == 0.0).map(|float| float as u64);
        let count = value.as_u64().or(whole);
        count.map(Some).ok_or_else(|| self.wrong(keyword, "expected a whole number that is not negative"))
    }

    fn number(&self, keyword: &str) -> Result<Option<Number>, String> {
        match self.get(keyword) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number.clone())),
            Some(_) => Err(self.wrong(keyword, "expected a number")),
        }
    }

    fn text(&self, keyword: &str) -> Result<Option<&'v str>, String> {
        match self.get(keyword) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(keyword, "expected text")),
        }
    }

    fn map(&self, keyword: &str) -> Result<Option<&'v Map<String, Value>>, String> {
        match self.get(keyword) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(self.wrong(keyword, "expected an object")),
        }
    }
}

impl<'v> Compiler<'v> {
    /// The number of a schema's node.
    fn node(&mut self, schema: &'v Value, resource: usize, place: String) -> usize {
        let address = std::ptr::from_ref(schema) as usize;
        if let Some(&known) = self.known.get(&address) {
            return known;
        }
        let number = self.nodes.len();
        self.known.insert(address, number);
        self.nodes.push(Node { keywords: Vec::new(), resource });
        self.waiting.push((number, schema, resource, place));
        number
    }

    fn run(&mut self) -> Result<(), String> {
        while let Some((number, schema, resource, place)) = self.waiting.pop() {
            if self.nodes.len() > MAX_NODES {
                return Err("the schema has too many parts".into());
            }
            let keywords = match schema {
                Value::Bool(true) => Vec::new(),
                Value::Bool(false) => vec![Keyword::Nothing],
                Value::Object(keywords) => self.keywords(&Source { keywords, resource, place })?,
                _ => return Err(format!("`{place}`: expected a schema: an object, true or false")),
            };
            if let Some(node) = self.nodes.get_mut(number) {
                node.keywords = keywords;
            }
        }
        Ok(())
    }

    fn keywords(&mut self, source: &Source<'v>) -> Result<Vec<Keyword>, String> {
        let mut keywords = Vec::new();
        self.references(source, &mut keywords)?;
        if self.draft.ref_stands_alone() && !keywords.is_empty() {
            return Ok(keywords);
        }
        self.values(source, &mut keywords)?;
        self.numbers(source, &mut keywords)?;
        self.sizes(source, &mut keywords)?;
        self.items(source, &mut keywords)?;
        self.properties(source, &mut keywords)?;
        self.combinations(source, &mut keywords)?;
        self.leftovers(source, &mut keywords);
        Ok(keywords)
    }

    /// The node of a keyword that holds one schema.
    fn one(&mut self, source: &Source<'v>, keyword: &str) -> Option<usize> {
        let schema = source.get(keyword)?;
        Some(self.child(source, schema, keyword))
    }

    fn child(&mut self, source: &Source<'v>, schema: &'v Value, step: &str) -> usize {
        let resource = if schema.is_object() { self.resources.home(schema) } else { source.resource };
        self.node(schema, resource, format!("{}/{step}", source.place))
    }

    fn list(&mut self, source: &Source<'v>, keyword: &str) -> Result<Option<Vec<usize>>, String> {
        match source.get(keyword) {
            None => Ok(None),
            Some(Value::Array(schemas)) => {
                let number = |(index, schema)| self.child(source, schema, &format!("{keyword}/{index}"));
                Ok(Some(schemas.iter().enumerate().map(number).collect()))
            }
            Some(_) => Err(source.wrong(keyword, "expected a list of schemas")),
        }
    }

    fn references(&mut self, source: &Source<'v>, keywords: &mut Vec<Keyword>) -> Result<(), String> {
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            let Some(reference) = source.text(keyword)? else { continue };
            let found = self.resources.find(source.resource, reference);
            let (target, resource, fragment) = found.map_err(|why| source.wrong(keyword, why))?;
            let node = self.node(target, resource, reference.to_owned());
            let says = |keyword: &str, value: &Value| target.get(keyword) == Some(value);
            keywords.push(match keyword {
                "$ref" => Keyword::Ref(node),
                "$dynamicRef" => {
                    let dynamic = says("$dynamicAnchor", &Value::from(fragment.as_str()));
                    Keyword::DynamicRef(node, dynamic.then_some(fragment))
                }
                _ => Keyword::DynamicRef(node, says("$recursiveAnchor", &Value::Bool(true)).then(String::new)),
            });
        }
        Ok(())
    }

    fn values(&mut self, source: &Source<'v>, keywords: &mut Vec<Keyword>) -> Result<(), String> {
        if let Some(value) = source.get("type") {
            let mut types = Types::new(self.draft == Draft::Four);
            let names = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for name in names {
                let name = name.as_str().ok_or_else(|| source.wrong("type", "expected a type's name"))?;
                types.add(name).map_err(|why| source.wrong("type", why))?;
            }
            if self.draft == Draft::Unsaid && source.get("nullable") == Some(&Value::Bool(true)) {
                types.add("null")?;
            }
            keywords.push(Keyword::Type(types));
        }
        match source.get("enum") {
            None => {}
            Some(Value::Array(values)) => keywords.push(Keyword::Enum(values.clone())),
            Some(_) => return Err(source.wrong("enum", "expected a list")),
        }
        if let Some(value) = source.get("const").filter(|_| self.draft != Draft::Four) {
            keywords.push(Keyword::Const(value.clone()));
        }
        if let Some(pattern) = source.text("pattern")? {
            keywords.push(Keyword::Pattern(Pattern::new(pattern).map_err(|why| source.wrong("pattern", why))?));
        }
        if let Some(format) = source.text("format")?.and_then(Format::named) {
            keywords.push(Keyword::Format(format));
        }
        Ok(())
    }

    fn numbers(&mut self, source: &Source<'v>, keywords: &mut Vec<Keyword>) -> Result<(), String> {
        if let Some(step) = source.number("multipleOf")? {
            if step.as_f64().is_none_or(|step| step <= 0.0) {
                return Err(source.wrong("multipleOf", "expected a number that is more than 0"));
            }
            keywords.push(Keyword::MultipleOf(step));
        }
        // Draft 4 and OpenAPI 3.0: whether the limit itself is left out. Later: a limit of its own.
        let flag = |keyword| source.get(keyword) == Some(&Value::Bool(true));
        if let Some(limit) = source.number("maximum")? {
            keywords.push(Keyword::Maximum { limit, exclusive: flag("exclusiveMaximum") });
        }
        if let Some(limit) = source.number("minimum")? {
            keywords.push(Keyword::Minimum { limit, exclusive: flag("exclusiveMinimum") });
        }
        let is_flag = |keyword| source.get(keyword).is_some_and(Value::is_boolean);
        if !is_flag("exclusiveMaximum")
            && let Some(limit) = source.number("exclusiveMaximum")?
        {
            keywords.push(Keyword::Maximum { limit, exclusive: true });
        }
        if !is_flag("exclusiveMinimum")
            && let Some(limit) = source.number("exclusiveMinimum")?
        {
            keywords.push(Keyword::Minimum { limit, exclusive: true });
        }
        Ok(())
    }

    fn sizes(&mut self, source: &Source<'v>, keywords: &mut Vec<Keyword>) -> Result<(), String> {
        let kinds: [Kind<u64>; 6] = [
            ("maxLength", Keyword::MaxLength),
            ("minLength", Keyword::MinLength),
            ("maxItems", Keyword::MaxItems),
            ("minItems", Keyword::MinItems),
            ("maxProperties", Keyword::MaxProperties),
            ("minProperties", Keyword::MinProperties),
        ];
        for (keyword, kind) in kinds {
            keywords.extend(source.count(keyword)?.map(kind));
        }
        if source.get("uniqueItems") == Some(&Value::Bool(true)) {
            keywords.push(Keyword::UniqueItems);
        }
        if let Some(names) = source.get("required") {
            let names = self.names(names).ok_or_else(|| source.wrong("required", "expected a list of names"))?;
            keywords.push(Keyword::Required(names));
        }
        Ok(())
    }

    /// Names as they are compared.
    fn names(&self, value: &Value) -> Option<Vec<String>> {
        value.as_array()?.iter().map(|name| Some(self.adjustment.name(name.as_str()?).into_owned())).collect()
    }

    fn items(&mut self, source: &Source<'v>, keywords: &mut Vec<Keyword>) -> Result<(), String> {
        let is_list = source.get("items").is_some_and(Value::is_array);
        let (prefix, rest) = match is_list {
            true => (self.list(source, "items")?, self.one(source, "additionalItems")),
            false => (self.list(source, "prefixItems")?, self.one(source, "items")),
        };
        if prefix.is_some() || rest.is_some() {
            keywords.push(Keyword::Items { prefix: prefix.unwrap_or_default(), rest });
        }
        if let Some(schema) = self.one(source, "contains").filter(|_| self.draft != Draft::Four) {
            let counts = self.draft >= Draft::TwentyNineteen;
            let (min, max) = (source.count("minContains")?, source.count("maxContains")?);
            keywords.push(Keyword::Contains {
                schema,
                min: min.filter(|_| counts).unwrap_or(1),
                max: max.filter(|_| counts),
                marks: self.draft >= Draft::TwentyTwenty,
            });
        }
        Ok(())
    }

    fn properties(&mut self, source: &Source<'v>, keywords: &mut Vec<Keyword>) -> Result<(), String> {
        let mut named = BTreeMap::new();
        for (name, schema) in source.map("properties")?.into_iter().flatten() {
            let node = self.child(source, schema, &format!("properties/{name}"));
            named.insert(self.adjustment.name(name).into_owned(), node);
        }
        let mut patterns = Vec::new();
        for (pattern, schema) in source.map("patternProperties")?.into_iter().flatten() {
            let step = format!("patternProperties/{pattern}");
            let compiled = Pattern::new(pattern).map_err(|why| source.wrong("patternProperties", why))?;
            patterns.push((compiled, self.child(source, schema, &step)));
        }
        let overridden = self.adjustment.additional_properties.map(|allowed| Value::Bool(!allowed));
        let rest = match source.get("additionalProperties") {
            written if written == overridden.as_ref() => None,
            _ => self.one(source, "additionalProperties"),
        };
        if !named.is_empty() || !patterns.is_empty() || rest.is_some() {
            keywords.push(Keyword::Properties(Properties { named, patterns, rest }));
        }
        if let Some(names) = self.one(source, "propertyNames").filter(|_| self.draft != Draft::Four) {
            keywords.push(Keyword::PropertyNames(names));
        }
        self.dependencies(source, keywords)
    }

    fn dependencies(&mut self, source: &Source<'v>, keywords: &mut Vec<Keyword>) -> Result<(), String> {
        let (mut required, mut schemas) = (Vec::new(), Vec::new());
        for keyword in ["dependencies", "dependentRequired", "dependentSchemas"] {
            for (name, value) in source.map(keyword)?.into_iter().flatten() {
                let step = format!("{keyword}/{name}");
                let name = self.adjustment.name(name).into_owned();
                match value {
                    Value::Array(_) if keyword != "dependentSchemas" => {
                        let names = self.names(value).ok_or_else(|| source.wrong(&step, "expected a list of names"))?;
                        required.push((name, names));
                    }
                    _ if keyword != "dependentRequired" => schemas.push((name, self.child(source, value, &step))),
                    _ => return Err(source.wrong(&step, "expected a list of names")),
                }
            }
        }
        if !required.is_empty() {
            keywords.push(Keyword::DependentRequired(required));
        }
        if !schemas.is_empty() {
            keywords.push(Keyword::DependentSchemas(schemas));
        }
        Ok(())
    }

    fn combinations(&mut self, source: &Source<'v>, keywords: &mut Vec<Keyword>) -> Result<(), String> {
        let kinds: [Kind<Vec<usize>>; 3] =
            [("allOf", Keyword::AllOf), ("anyOf", Keyword::AnyOf), ("oneOf", Keyword::OneOf)];
        for (keyword, kind) in kinds {
            keywords.extend(self.list(source, keyword)?.map(kind));
        }
        keywords.extend(self.one(source, "not").map(Keyword::Not));
        if self.draft != Draft::Four
            && let Some(condition) = self.one(source, "if")
        {
            let (then, otherwise) = (self.one(source, "then"), self.one(source, "else"));
            keywords.push(Keyword::If { condition, then, otherwise });
        }
        Ok(())
    }

    /// What asks for what the others left.
    fn leftovers(&mut self, source: &Source<'v>, keywords: &mut Vec<Keyword>) {
        if self.draft < Draft::TwentyNineteen {
            return;
        }
        let before = keywords.len();
        keywords.extend(self.one(source, "unevaluatedItems").map(Keyword::UnevaluatedItems));
        let overridden = self.adjustment.additional_properties.map(|allowed| Value::Bool(!allowed));
        if source.get("unevaluatedProperties") != overridden.as_ref() {
            keywords.extend(self.one(source, "unevaluatedProperties").map(Keyword::UnevaluatedProperties));
        }
        self.tracks |= keywords.len() > before;
    }
}
