//! Parameters and headers: texts that stand for values of a schema.

use crate::definition;
use crate::report::{Rule, Subject, Violation};
use crate::schema::{Fault, Schema};
use tollgate_sdk::serde_json::{self, Number, Value};

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the URL's template.
    Path,
    /// In the query.
    Query,
    /// Among the headers.
    Header,
}

/// A parameter or header, with its schema compiled.
#[derive(Debug)]
pub struct Parameter {
    /// Its name; of a header, in lower case.
    pub name: String,
    required: bool,
    place: Place,
    form: Form,
}

/// What a parameter's text stands for.
#[derive(Debug)]
enum Form {
    /// Anything.
    Any,
    /// One value, which may be of these types; empty if the schema doesn't say.
    One(Vec<String>, Schema),
    /// A list of values of these types.
    List(Vec<String>, Schema),
    /// The schema is none.
    Unusable(String),
}

impl Place {
    fn subject(self) -> Subject {
        match self {
            Self::Path => Subject::PathParameter,
            Self::Query => Subject::QueryParameter,
            Self::Header => Subject::Header,
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Path => "path parameter",
            Self::Query => "query parameter",
            Self::Header => "header",
        }
    }

    /// The error of a name that the operation doesn't have.
    pub fn unspecified(self, name: &str) -> Violation {
        let details = format!("Unspecified {} {name} is not allowed.", self.describe());
        Violation { subject: self.subject(), name: name.to_owned(), rule: Rule::Unspecified, details }
    }
}

impl Parameter {
    /// Compile what the document says. Names of headers are compared in lower case.
    pub fn new(place: Place, definition: &definition::Parameter) -> Self {
        let name = match place {
            Place::Header => definition.name.to_ascii_lowercase(),
            Place::Path | Place::Query => definition.name.clone(),
        };
        let form = definition.schema.as_ref().map_or(Form::Any, Form::of);
        Self { name, required: definition.required, place, form }
    }

    /// What is wrong with its values: those of all lines, or of all occurrences. None if it is absent.
    pub fn violations(&self, values: &[String]) -> Vec<Violation> {
        let (name, kind) = (&self.name, self.place.describe());
        let wrong = |details: String| vec![self.violation(Rule::IncorrectMessage, details)];
        if values.is_empty() {
            return if self.required { wrong(format!("Required {kind} {name} is missing.")) } else { Vec::new() };
        }
        let found = match &self.form {
            Form::Any => return Vec::new(),
            Form::Unusable(why) => {
                let details = format!("The {kind} {name} cannot be validated: {why}.");
                return vec![self.violation(Rule::ValidationException, details)];
            }
            Form::List(types, schema) => {
                let items: Option<Vec<Value>> =
                    self.items(values).into_iter().map(|item| read(item, types).into_iter().next()).collect();
                items.map(|items| schema.faults(&Value::Array(items)))
            }
            Form::One(types, schema) => match values {
                [value] => one_of(&read(value, types), schema),
                _ => return wrong(format!("The {kind} {name} cannot have several values.")),
            },
        };
        match found {
            None => wrong(format!("Value of the {kind} {name} cannot be parsed according to the definition.")),
            Some(faults) => {
                let told =
                    |fault| format!("Value of the {kind} {name} does not conform to the definition: it {fault}.");
                let faults = faults.into_iter().map(|fault: Fault| match fault.pointer.as_str() {
                    "" => told(fault.message),
                    pointer => told(format!("has at `{pointer}` what {}", fault.message)),
                });
                faults.map(|details| self.violation(Rule::IncorrectMessage, details)).collect()
            }
        }
    }

    /// A list is written with commas; in a query the name may repeat instead.
    fn items<'a>(&self, values: &'a [String]) -> Vec<&'a str> {
        let repeats = self.place == Place::Query && values.len() > 1;
        let split = |value: &'a String| value.split(',').map(str::trim).collect::<Vec<_>>();
        match values {
            [empty] if empty.is_empty() => Vec::new(),
            _ if repeats => values.iter().map(String::as_str).collect(),
            _ => values.iter().flat_map(split).collect(),
        }
    }

    fn violation(&self, rule: Rule, details: String) -> Violation {
        Violation { subject: self.place.subject(), name: self.name.clone(), rule, details }
    }
}

impl Form {
    fn of(written: &Value) -> Self {
        let types = types(written, written);
        // How an object is written depends on more than the document says.
        if types == ["object"] {
            return Self::Any;
        }
        match Schema::new(written) {
            Err(why) => Self::Unusable(why),
            Ok(schema) if types == ["array"] => {
                let items = target(written, written).get("items");
                Self::List(items.map(|items| self::types(written, items)).unwrap_or_default(), schema)
            }
            Ok(schema) => Self::One(types, schema),
        }
    }
}

/// Where a chain of references within the document ends.
fn target<'v>(document: &'v Value, mut schema: &'v Value) -> &'v Value {
    for _ in 0..8 {
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        match reference.and_then(|pointer| document.pointer(pointer)) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

/// The types that a schema names; empty if it names none.
fn types(document: &Value, schema: &Value) -> Vec<String> {
    let target = target(document, schema);
    let mut types: Vec<String> = match target.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && target.get("nullable") == Some(&Value::Bool(true)) {
        types.push("null".into());
    }
    types
}

/// The values that a text may stand for, the likeliest first. Empty if it stands for none of these types.
fn read(text: &str, types: &[String]) -> Vec<Value> {
    let number = || {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-+.eE".contains(&byte));
        if plain { serde_json::from_str::<Number>(text).ok().map(Value::Number) } else { None }
    };
    let value = |name: &str| match name {
        "integer" => number().filter(|number| !text.contains(['.', 'e', 'E']) || number.is_u64()),
        "number" => number(),
        "boolean" => text.parse::<bool>().ok().map(Value::Bool),
        "null" if text.is_empty() => Some(Value::Null),
        "string" => Some(Value::from(text)),
        _ => None,
    };
    let order = ["integer", "number", "boolean", "null", "string"];
    let wanted = order.iter().filter(|name| types.is_empty() || types.iter().any(|wanted| wanted == *name));
    wanted.filter_map(|name| value(name)).collect()
}

/// What is wrong with the likeliest value, unless one of them is fine. None if there is no value.
fn one_of(values: &[Value], schema: &Schema) -> Option<Vec<Fault>> {
    let first = schema.faults(values.first()?);
    match first.is_empty() || values.iter().skip(1).any(|value| schema.accepts(value)) {
        true => Some(Vec::new()),
        false => Some(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::json;

    fn parameter(place: Place, required: bool, schema: Value) -> Parameter {
        let schema = (!schema.is_null()).then_some(schema);
        Parameter::new(place, &definition::Parameter { name: "X".into(), required, schema })
    }

    #[track_caller]
    fn assert_values(schema: Value, fits: &[&str], fails: &[&str]) {
        let parameter = parameter(Place::Query, true, schema);
        for text in fits {
            assert_eq!(parameter.violations(&[(*text).to_owned()]), [], "{text:?}");
        }
        for text in fails {
            assert_ne!(parameter.violations(&[(*text).to_owned()]), [], "{text:?}");
        }
    }

    #[test]
    fn a_text_is_read_by_its_type() {
        let integer = json!({ "type": "integer", "minimum": 1, "maximum": 10 });
        assert_values(integer, &["1", "10"], &["0", "11", "", "1.5", "1.0", "+1", " 1", "1e1", "x", "0x1", "٣"]);
        assert_values(json!({ "type": "number" }), &["1", "-1.5", "1e3"], &["", ".5", "NaN", "1,5", "1 "]);
        assert_values(json!({ "type": "boolean" }), &["true", "false"], &["True", "1", ""]);
        assert_values(json!({ "type": "string", "minLength": 1 }), &["1", "true", "é"], &[""]);
        assert_values(json!({ "type": "string", "format": "date" }), &["2024-02-29"], &["2023-02-29"]);
        assert_values(json!({ "type": "string", "pattern": "^[a-z]+$" }), &["abc"], &["aB"]);
        assert_values(json!({ "type": ["integer", "null"] }), &["5", ""], &["x"]);
        assert_values(json!({ "type": "integer", "nullable": true }), &["5", ""], &["x"]);
        assert_values(json!({ "enum": ["a", 1] }), &["a", "1"], &["b", "2"]);
        assert_values(json!({ "$ref": "#/$defs/id", "$defs": { "id": { "type": "integer" } } }), &["5"], &["x"]);
        assert_values(json!({ "anyOf": [{ "type": "integer" }, { "enum": ["all"] }] }), &["5", "all"], &["some"]);
        assert_values(json!({ "type": "object" }), &["anything"], &[]);
        assert_values(Value::Null, &["", "x"], &[]);
    }

    #[test]
    fn a_list_is_written_with_commas_or_by_repeating_the_name() {
        let schema = json!({ "type": "array", "items": { "type": "integer" }, "maxItems": 2 });
        assert_values(schema.clone(), &["1", "1,2", "1, 2", ""], &["1,2,3", "1,x", ","]);
        let (query, header) = (parameter(Place::Query, true, schema.clone()), parameter(Place::Header, true, schema));
        let values = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(query.violations(&values(&["1", "2"])), []);
        assert_ne!(query.violations(&values(&["1,2", "3"])), []);
        assert_eq!(header.violations(&values(&["1", "2"])), []);
        assert_ne!(header.violations(&values(&["1,2", "3"])), []);
    }

    #[test]
    fn what_is_wrong_is_told_without_the_value() {
        let details = |parameter: &Parameter, values: &[&str]| {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            parameter.violations(&values).into_iter().map(|violation| violation.details).collect::<Vec<_>>()
        };
        let query = parameter(Place::Query, true, json!({ "type": "integer", "maximum": 5 }));
        assert_eq!(details(&query, &[]), ["Required query parameter X is missing."]);
        assert_eq!(details(&query, &["1", "2"]), ["The query parameter X cannot have several values."]);
        assert_eq!(
            details(&query, &["six"]),
            ["Value of the query parameter X cannot be parsed according to the definition."]
        );
        assert_eq!(
            details(&query, &["6"]),
            ["Value of the query parameter X does not conform to the definition: it is more than 5."]
        );
        let header = parameter(Place::Header, false, json!({ "type": "array", "items": { "maxLength": 1 } }));
        assert_eq!(
            details(&header, &["a,bb"]),
            [
                "Value of the header x does not conform to the definition: it has at `/1` what is longer than 1 characters."
            ]
        );
        assert_eq!(details(&header, &[]), [""; 0]);
        let broken = parameter(Place::Path, true, json!({ "pattern": "(" }));
        let found = broken.violations(&["a".to_owned()]);
        assert_eq!(found[0].rule, Rule::ValidationException);
    }
}
