//! What is wrong with a statement's configuration, beyond what the document's reader can know: what its component and
//! the schema in its manifest say, and expressions that can never give what is asked for.

use serde_json::Value;
use tollgate_document::{Diagnostics, Located, Statement, nearest};
use tollgate_expression::Value as Computed;
use tollgate_runtime::{Admitted, ConfigProblem};

/// The longest sentence of a component that is repeated.
const MAX_CHARS: usize = 300;

/// Put a problem with a configuration at its place, with the nearest key for an unknown one.
pub(super) fn report(statement: &Statement, problem: &ConfigProblem, diagnostics: &mut Diagnostics) {
    let mark = match &problem.unexpected {
        Some(key) => statement.mark_of_key(&problem.pointer, key),
        None => statement.mark_at(&problem.pointer),
    };
    let name = &statement.name;
    if problem.pointer.is_empty() && statement.config.is_null() {
        return diagnostics.push(mark, format!("`{name}`: expected a configuration, found nothing"));
    }
    if problem.is_quoted && statement.is_secret_at(&problem.pointer) {
        let message = format!("`{name}`: the component refuses this value; why isn't said, for the value is secret");
        return diagnostics.push(mark, message);
    }
    let mut message = format!("`{name}`: {}", one_line(&problem.message));
    if let Some(key) = &problem.unexpected {
        match nearest(key, problem.known.iter().map(String::as_str)) {
            Some(near) => message.push_str(&format!("; did you mean `{near}`?")),
            None if !problem.known.is_empty() => {
                message.push_str(&format!("; it takes {}", problem.known.join(", ")));
            }
            None => {}
        }
    }
    diagnostics.push(mark, message);
}

/// What somebody else chose the words of: one line, and no more than can be read.
pub(super) fn one_line(text: &str) -> String {
    let mut line: String = text.chars().take(MAX_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        line.push('…');
    }
    line
}

/// Report expressions that can never give a value of the type that the schema asks for.
pub(super) fn check_kinds(statement: &Statement, admitted: &Admitted, diagnostics: &mut Diagnostics) {
    let root = &admitted.manifest.configuration;
    for located in &statement.expressions {
        let mut schemas = Vec::new();
        schemas_at(root, root, &located.pointer, 0, &mut schemas);
        let wanted: Option<Vec<Wanted>> = schemas.into_iter().map(Wanted::of).collect();
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else { continue };
        let problems: Vec<String> = wanted.iter().filter_map(|wanted| wanted.refuses(located)).collect();
        if let Some(first) = problems.first().filter(|_| problems.len() == wanted.len()) {
            diagnostics.push(located.mark, format!("`{}`: {first}", statement.name));
        }
    }
}

/// What an attribute takes from an expression; text and anything else is made of every value.
#[derive(Clone, Copy)]
enum Wanted {
    Integer,
    Number,
    Boolean,
}

impl Wanted {
    fn of(schema: &Value) -> Option<Wanted> {
        match schema.get("type")?.as_str()? {
            "integer" => Some(Wanted::Integer),
            "number" => Some(Wanted::Number),
            "boolean" => Some(Wanted::Boolean),
            _ => None,
        }
    }

    /// Why the value of an expression can't be this, if that is certain. Texts that read like one are taken.
    fn refuses(self, located: &Located) -> Option<String> {
        let (what, kinds): (_, &[&str]) = match self {
            Wanted::Integer => ("an integer", &["int", "uint", "double", "string"]),
            Wanted::Number => ("a number", &["int", "uint", "double", "string"]),
            Wanted::Boolean => ("true or false", &["bool", "string"]),
        };
        if let Some(found) = located.dynamic.misses(kinds) {
            return Some(format!("expected {what}, and the expression gives a value of type {found}"));
        }
        match located.dynamic.expression()?.constant()? {
            Computed::String(text) if !self.reads(text) => {
                Some(format!("expected {what}, and the expression gives a text"))
            }
            _ => None,
        }
    }

    fn reads(self, text: &str) -> bool {
        match self {
            Wanted::Integer => text.parse::<i128>().is_ok(),
            Wanted::Number => text.parse::<f64>().is_ok(),
            Wanted::Boolean => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
        }
    }
}

/// How often a schema is followed into itself.
const MAX_DEPTH: usize = 32;

/// The schemas of a literal at a pointer. What the SDK writes for a value that may be an expression is
/// `{ if: an expression, else: the literal }`.
fn schemas_at<'s>(root: &'s Value, schema: &'s Value, pointer: &str, depth: usize, found: &mut Vec<&'s Value>) {
    if depth > MAX_DEPTH {
        return;
    }
    let mut forms = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten().peekable();
    let follow = schema.get("$ref").and_then(Value::as_str).and_then(|path| root.pointer(path.strip_prefix('#')?));
    if let Some(next) = follow.or_else(|| schema.get("if").and(schema.get("else"))) {
        return schemas_at(root, next, pointer, depth + 1, found);
    }
    if forms.peek().is_some() {
        return forms.for_each(|form| schemas_at(root, form, pointer, depth + 1, found));
    }
    let Some(rest) = pointer.strip_prefix('/') else {
        return found.push(schema);
    };
    let (step, after) = rest.split_once('/').map_or((rest, ""), |(step, _)| (step, &rest[step.len()..]));
    let step = step.replace("~1", "/").replace("~0", "~");
    let member = schema.get("properties").and_then(|properties| properties.get(&step));
    let member = member.or_else(|| schema.get("additionalProperties").filter(|it| it.is_object()));
    let item = || schema.get("items").filter(|_| step.bytes().all(|digit| digit.is_ascii_digit()));
    if let Some(next) = member.or_else(item) {
        schemas_at(root, next, after, depth + 1, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_schema_of_a_value_is_found_behind_what_stands_for_expressions() {
        let dynamic = |literal: Value| json!({ "if": { "required": ["$expression"] }, "else": literal });
        let root = json!({
            "properties": {
                "code": dynamic(json!({ "type": "integer" })),
                "list": { "anyOf": [ { "type": "string" }, { "items": { "$ref": "#/$defs/item" } } ] },
                "map": { "additionalProperties": dynamic(json!({ "type": "boolean" })) },
            },
            "$defs": { "item": { "properties": { "a/b": dynamic(json!({ "type": "number" })) } } },
        });
        for (pointer, kind) in [("/code", "integer"), ("/list/0/a~1b", "number"), ("/map/any", "boolean")] {
            let mut found = Vec::new();
            schemas_at(&root, &root, pointer, 0, &mut found);
            assert_eq!(found, [&json!({ "type": kind })], "{pointer}");
        }
        let mut found = Vec::new();
        schemas_at(&root, &root, "/nowhere/at/all", 0, &mut found);
        assert!(found.is_empty());
    }

    #[test]
    fn what_components_say_stays_one_line() {
        assert_eq!(one_line("a\nb\u{1b}[0m"), "a b [0m");
        assert_eq!(one_line(&"x".repeat(MAX_CHARS + 1)).chars().count(), MAX_CHARS + 1);
    }
}
