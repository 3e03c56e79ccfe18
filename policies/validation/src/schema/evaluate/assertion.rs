//! Keywords that need nothing but the value.

use crate::schema::Adjustment;
use crate::schema::keyword::{Keyword, kind};
use crate::schema::number::{compare, equal, is_multiple};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use tollgate_sdk::serde_json::{Map, Number, Value};

/// What is wrong with the value; none if nothing is, or if the keyword isn't about such values.
pub(crate) fn message(keyword: &Keyword, value: &Value, adjustment: Adjustment) -> Option<String> {
    match keyword {
        Keyword::Nothing => Some("is not allowed".to_owned()),
        Keyword::Type(types) => {
            (!types.contains(value)).then(|| format!("expected {}, found {}", types.describe(), kind(value)))
        }
        Keyword::Enum(values) => {
            (!values.iter().any(|allowed| equal(allowed, value))).then(|| "is none of the values allowed".to_owned())
        }
        Keyword::Const(allowed) => (!equal(allowed, value)).then(|| "is not the value allowed".to_owned()),
        _ => match value {
            Value::Number(number) => of_number(keyword, number),
            Value::String(text) => of_text(keyword, text),
            Value::Array(items) => of_list(keyword, items),
            Value::Object(properties) => of_object(keyword, properties, adjustment),
            Value::Null | Value::Bool(_) => None,
        },
    }
}

fn of_number(keyword: &Keyword, number: &Number) -> Option<String> {
    match keyword {
        Keyword::MultipleOf(step) if !is_multiple(number, step) => Some(format!("is no multiple of {step}")),
        Keyword::Maximum { limit, exclusive } => match (compare(number, limit), exclusive) {
            (Ordering::Less, _) | (Ordering::Equal, false) => None,
            (_, false) => Some(format!("is more than {limit}")),
            (_, true) => Some(format!("is not less than {limit}")),
        },
        Keyword::Minimum { limit, exclusive } => match (compare(number, limit), exclusive) {
            (Ordering::Greater, _) | (Ordering::Equal, false) => None,
            (_, false) => Some(format!("is less than {limit}")),
            (_, true) => Some(format!("is not more than {limit}")),
        },
        _ => None,
    }
}

fn of_text(keyword: &Keyword, text: &str) -> Option<String> {
    let length = || text.chars().count() as u64;
    match keyword {
        Keyword::MaxLength(max) if length() > *max => Some(format!("is longer than {max} characters")),
        Keyword::MinLength(min) if length() < *min => Some(format!("is shorter than {min} characters")),
        Keyword::Pattern(pattern) if !pattern.is_match(text) => {
            Some(format!("does not fit the pattern `{}`", pattern.as_str()))
        }
        Keyword::Format(format) if !format.fits(text) => Some(format!("is not {}", format.describe())),
        _ => None,
    }
}

fn of_list(keyword: &Keyword, items: &[Value]) -> Option<String> {
    let count = items.len() as u64;
    match keyword {
        Keyword::MaxItems(max) if count > *max => Some(format!("has more than {max} items")),
        Keyword::MinItems(min) if count < *min => Some(format!("has fewer than {min} items")),
        Keyword::UniqueItems => {
            let mut known = BTreeSet::new();
            let unique = items.iter().all(|item| known.insert(canonical(item)));
            (!unique).then(|| "holds an item twice".to_owned())
        }
        _ => None,
    }
}

fn of_object(keyword: &Keyword, properties: &Map<String, Value>, adjustment: Adjustment) -> Option<String> {
    let count = properties.len() as u64;
    let missing = |names: &[String]| -> Option<String> {
        let name = names.iter().find(|name| adjustment.find(properties, name).is_none())?;
        Some(format!("lacks the property `{name}`"))
    };
    match keyword {
        Keyword::MaxProperties(max) if count > *max => Some(format!("has more than {max} properties")),
        Keyword::MinProperties(min) if count < *min => Some(format!("has fewer than {min} properties")),
        Keyword::Required(names) => missing(names),
        Keyword::DependentRequired(dependencies) => dependencies.iter().find_map(|(name, names)| {
            adjustment.find(properties, name)?;
            missing(names)
        }),
        _ => None,
    }
}

/// A text that is the same for values that are the same.
fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(properties) => {
            let mut members: Vec<String> = properties
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            members.sort_unstable();
            format!("{{{}}}", members.join(","))
        }
        // Whole floats are written without a point, as integers are.
        Value::Number(number) if number.is_f64() => number
            .as_f64()
            .map_or_else(String::new, |float| if float == 0.0 { "0".to_owned() } else { float.to_string() }),
        other => other.to_string(),
    }
}
