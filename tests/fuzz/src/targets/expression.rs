//! `tollgate_expression`: what compiles ends, with a value or an error, whatever the exchange holds.

use tollgate_expression::{Context, Dynamic, Expression, Fact, Object, Table, Value};

use crate::{Run, Target, outcome};

pub(super) const TARGET: Target = Target {
    name: "expression",
    make,
    seeds: Vec::new,
    words: &[
        "request.",
        "response.",
        "headers['a']",
        "variables.x",
        ".path",
        ".status",
        ".body",
        ".json",
        " == ",
        " != ",
        " && ",
        " || ",
        " ? ",
        " : ",
        " + ",
        " - ",
        " * ",
        " / ",
        " % ",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615u",
        "1e308",
        "0.1",
        "true",
        "null",
        "'a'",
        "b'\\xff'",
        "[1, 2]",
        "{'a': 1}",
        "size(",
        ")",
        "(",
        "has(",
        "int(",
        "uint(",
        "double(",
        "string(",
        "bytes(",
        "duration('1h')",
        "timestamp('2025-01-01T00:00:00Z')",
        ".matches('^(a|aa)+$')",
        ".contains(",
        ".startsWith(",
        ".split(',')",
        ".map(x, ",
        ".filter(x, ",
        ".all(x, ",
        ".exists(x, ",
        " in ",
        "!",
        "now",
        "elapsed",
        "${",
        "}",
        "[0]",
        "[-1]",
        "request",
        "math.",
    ],
    max_bytes: 1024,
};

/// Something of everything.
struct World;

impl Context for World {
    fn fact(&self, fact: Fact) -> Value {
        match fact {
            Fact::ResponseStatus => Value::Int(200),
            Fact::RequestPort => Value::Null,
            Fact::RequestBody => Value::Bytes(bytes::Bytes::from_static(b"{\"a\":[1,-2.5,null,{\"b\":\"\xc3\xa9\"}]}")),
            Fact::ResponseBody => Value::Bytes(bytes::Bytes::from_static(b"\xff\x00 no json")),
            _ => Value::String("text \u{e9}\u{1f600}".into()),
        }
    }

    fn entry(&self, table: Table, key: &str) -> Option<Value> {
        match (table, key) {
            (Table::Variables, "x") => Value::from_json_text("{\"a\":[1,2,3],\"b\":9007199254740993}").ok(),
            (_, "a") => Some(Value::String("b, c".into())),
            _ => None,
        }
    }

    fn table(&self, _table: Table) -> Value {
        Value::from_json_text("{\"a\":\"b\"}").unwrap_or(Value::Null)
    }

    fn has(&self, object: Object) -> bool {
        object != Object::Product
    }
}

fn make() -> Run {
    Box::new(|input| {
        let text = String::from_utf8_lossy(input);
        let dynamic = Dynamic::parse(&text).is_ok();
        let expression = match Expression::compile(&text) {
            Ok(expression) => expression,
            Err(error) => {
                let words: String = error.to_string().split('`').step_by(2).collect();
                return outcome((dynamic, words.replace(|c: char| c.is_ascii_digit(), "")));
            }
        };
        match expression.evaluate(&World) {
            Ok(value) => {
                let json = value.to_json_text();
                Value::from_json_text(&json).expect("a value's JSON is JSON");
                outcome((
                    value.kind(),
                    value.to_text().len().min(4),
                    expression.constant().is_some(),
                    expression.needs().request_body,
                ))
            }
            Err(error) => {
                outcome((dynamic, std::mem::discriminant(&error), error.to_string().split('`').next().map(str::len)))
            }
        }
    })
}
