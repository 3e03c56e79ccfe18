//! Reading and converting, without a gateway.

use super::*;
use crate::configuration::parse;
use crate::expression::Value;
use serde_json::{Value as Json, json};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    a: Dynamic<Json>,
    #[serde(default)]
    b: Option<Dynamic<u16>>,
    #[serde(default)]
    c: Vec<Dynamic<Text>>,
    #[serde(default)]
    d: Dynamic<Vec<u8>>,
}

fn literal(json: &str) -> Json {
    let config: Config = parse(&format!("{{\"a\":{json}}}")).unwrap();
    config.a.literal().unwrap().clone()
}

#[test]
fn a_literal_is_read_as_it_stands() {
    for json in [
        "null",
        "true",
        "-5",
        "18446744073709551615",
        "1.5",
        "\"x\"",
        "[1,[]]",
        "{}",
        r#"{"expression":1}"#,
        r#"{"a":{"$expression":1},"b":2}"#,
    ] {
        assert_eq!(literal(json).to_string(), json);
    }
}

#[test]
fn an_object_with_one_member_of_a_certain_name_is_an_expression() {
    let config: Config = parse(r#"{"a":{"$expression":0},"b":{"$expression":7},"d":{"$expression":2}}"#).unwrap();
    assert_eq!((config.a.expression(), config.a.literal()), (Some(0), None));
    assert_eq!(config.b.unwrap().expression(), Some(7));
    assert_eq!(config.d.expression(), Some(2));
    for wrong in [r#"{"$expression":"x"}"#, r#"{"$expression":-1}"#, r#"{"$expression":0,"b":1}"#] {
        let refused = parse::<Config>(&format!("{{\"a\":{wrong}}}")).unwrap_err();
        assert!(refused.pointer.starts_with("/a"), "{refused}");
    }
}

#[test]
fn what_is_optional_may_be_left_out_or_have_a_default() {
    let config: Config = parse(r#"{"a":1}"#).unwrap();
    assert!(config.b.is_none() && config.c.is_empty());
    assert_eq!(config.d, Dynamic::from(Vec::new()));
    assert_eq!(Dynamic::<bool>::default().literal(), Some(&false));
}

#[test]
fn numbers_and_booleans_are_texts_where_that_is_said() {
    let config: Config = parse(r#"{"a":1,"c":["x",5,-5,1.5,true]}"#).unwrap();
    let texts: Vec<&str> = config.c.iter().map(|text| &**text.literal().unwrap()).collect();
    assert_eq!(texts, ["x", "5", "-5", "1.5", "true"]);
}

#[test]
fn a_literal_body_is_a_text() {
    let config: Config = parse(r#"{"a":1,"d":"é"}"#).unwrap();
    assert_eq!(config.d.literal().unwrap(), "é".as_bytes());
}

#[test]
fn an_error_in_a_literal_points_at_it() {
    let refused = |text: &str| parse::<Config>(text).unwrap_err();
    assert_eq!(refused(r#"{"a":1,"b":70000}"#).pointer, "/b");
    assert_eq!(refused(r#"{"a":1,"b":"x"}"#).pointer, "/b");
    assert_eq!(refused(r#"{"a":1,"c":["x",[]]}"#).pointer, "/c/1");
    assert_eq!(refused(r#"{"a":1,"c":["x",{}]}"#).pointer, "/c/1");
    assert_eq!(refused(r#"{"a":{"b":{"c":1}},"b":true}"#).pointer, "/b");
    assert!(refused(r#"{"a":1,"b":"x"}"#).message.starts_with("invalid type: string \"x\", expected u16"));
}

fn of<T: Scalar>(value: Value) -> Option<T> {
    T::from_value(value).ok()
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

#[test]
fn everything_can_be_text() {
    for (value, expected) in [
        (Value::Null, ""),
        (Value::Boolean(true), "true"),
        (Value::Integer(-5), "-5"),
        (Value::Number(1.5), "1.5"),
        (text(" a "), " a "),
        (Value::Bytes(b"a\xff".to_vec()), "a\u{fffd}"),
        (Value::Json("[1]".into()), "[1]"),
    ] {
        assert_eq!(of::<String>(value.clone()).as_deref(), Some(expected));
        assert_eq!(of::<Text>(value), Some(Text::from(expected)));
    }
    assert_eq!(of::<Vec<u8>>(Value::Bytes(b"a\xff".to_vec())).unwrap(), b"a\xff");
    assert_eq!(of::<Vec<u8>>(text("a")).unwrap(), b"a");
    assert_eq!(of::<Vec<u8>>(Value::Null).unwrap(), b"");
}

#[test]
fn only_booleans_and_their_words_are_boolean() {
    assert_eq!(of::<bool>(Value::Boolean(true)), Some(true));
    assert_eq!((of::<bool>(text("True")), of::<bool>(text("FALSE"))), (Some(true), Some(false)));
    for other in [text("yes"), text(""), Value::Integer(1), Value::Null] {
        assert_eq!(of::<bool>(other), None);
    }
}

#[test]
fn integers_are_whole_and_in_range() {
    assert_eq!(of::<u16>(Value::Integer(65535)), Some(65535));
    assert_eq!(of::<u64>(Value::Number(1e19)), Some(10_000_000_000_000_000_000));
    assert_eq!((of::<i64>(Value::Number(-2.0)), of::<i64>(text("-2"))), (Some(-2), Some(-2)));
    assert_eq!(of::<u32>(text("42")), Some(42));
    for other in [
        Value::Integer(65536),
        Value::Integer(-1),
        Value::Number(1.5),
        Value::Number(f64::NAN),
        Value::Number(1e300),
        text("1.0"),
        text(""),
        Value::Boolean(true),
        Value::Null,
    ] {
        assert_eq!(of::<u16>(other.clone()), None, "{other:?}");
    }
    assert_eq!(of::<u64>(Value::Number(18_446_744_073_709_551_616.0)), None);
}

#[test]
fn floats_are_finite() {
    assert_eq!((of::<f64>(Value::Integer(2)), of::<f64>(text("2.5"))), (Some(2.0), Some(2.5)));
    assert_eq!(
        (of::<f64>(text("inf")), of::<f64>(Value::Number(f64::NAN)), of::<f64>(Value::Null)),
        (None, None, None)
    );
}

#[test]
fn json_keeps_its_kind() {
    for (value, expected) in [
        (Value::Null, json!(null)),
        (Value::Integer(1), json!(1)),
        (Value::Number(1.5), json!(1.5)),
        (text("1"), json!("1")),
        (Value::Json("{\"a\":[1]}".into()), json!({ "a": [1] })),
    ] {
        assert_eq!(of::<Json>(value), Some(expected));
    }
}

#[test]
fn a_conversion_that_fails_names_the_kinds_and_not_the_value() {
    let why = u16::from_value(text("secret")).unwrap_err();
    assert_eq!(why, "expected an integer that fits u16, found a text");
}
