//! What each filter makes of values.

use super::super::Template;
use super::super::render::Globals;
use std::borrow::Cow;
use tollgate_sdk::serde_json::{Value, json};

struct World(Value);

impl Globals for World {
    fn body(&self) -> &Value {
        &self.0
    }

    fn body_is_xml(&self) -> bool {
        false
    }

    fn context(&self, _: &[Cow<'_, Value>]) -> Value {
        Value::Null
    }

    fn now_unix_ms(&self) -> i64 {
        1_455_616_800_000
    }
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    let world = World(json!({
        "words": ["b", "a", "B", "a", null],
        "people": [{ "name": "Zoe", "age": 30, "in": true }, { "name": "Ada", "age": 4 }, { "age": 9 }],
        "html": "<p class='x'>a<br/>b</p><script>x > y</script><!-- c -->d",
        "quote": "say \"hi\"\n",
    }));
    for (chain, expected) in cases {
        let template = Template::parse(format!("{{{{ {chain} }}}}")).unwrap_or_else(|error| panic!("{chain}: {error}"));
        assert_eq!(template.render(&world).as_deref(), Ok(*expected), "{chain}");
    }
}

#[test]
fn filters_on_texts() {
    check(&[
        ("'a' | Append: 'b' | Prepend: 'c'", "cab"),
        ("'my big day' | Capitalize", "My Big Day"),
        ("'Ä' | Downcase | Append: 'ß' | Upcase", "ÄSS"),
        ("'<a>&amp;\"' | Escape", "&lt;a&gt;&amp;amp;&quot;"),
        ("'<&amp;&x' | EscapeOnce", "&lt;&amp;&amp;x"),
        ("'<' | H", "&lt;"),
        ("' a ' | Lstrip", "a "),
        ("' a ' | Rstrip", " a"),
        ("' a ' | strip | size", "1"),
        ("body.quote | NewlineToBr | StripNewlines", "say \"hi\"<br />"),
        ("body.quote | json", r#""say \"hi\"\n""#),
        ("body.html | StripHtml", "abd"),
        ("'aXbX' | Remove: 'X'", "ab"),
        ("'aXbX' | RemoveFirst: 'X'", "abX"),
        ("'aXbX' | Replace: 'X', '.'", "a.b."),
        ("'aXbX' | ReplaceFirst: 'X', '.'", "a.bX"),
        ("'a' | Replace: '', 'x'", "a"),
        ("'a,b,,' | Split: ',' | Size", "2"),
        ("'ab' | split: '' | join: '-'", "a-b"),
        ("'hello world' | Truncate: 8", "hello..."),
        ("'hello world' | Truncate: 8, ''", "hello wo"),
        ("'short' | Truncate", "short"),
        ("'one two three' | TruncateWords: 2", "one two..."),
        ("'a b/c?é' | UrlEncode", "a+b%2Fc%3F%C3%A9"),
        ("'a+b%2Fc%zz' | UrlDecode", "a b/c%zz"),
        ("nil | Append: 'x'", "x"),
        ("'' | Default: 'x'", "x"),
        ("false | default: 1", "1"),
        ("0 | default: 1", "0"),
    ]);
}

#[test]
fn filters_on_lists() {
    check(&[
        ("body.words | First", "b"),
        ("body.words | Last", ""),
        ("body.words | Compact | Join: ','", "b,a,B,a"),
        ("body.words | Sort | Join: ','", "B,a,a,b,"),
        ("body.words | SortNatural | Join: ','", "a,a,b,B,"),
        ("body.words | Uniq | Size", "4"),
        ("body.words | Reverse | Join", " a B a b"),
        ("body.people | Map: 'name' | Join: ','", "Zoe,Ada,"),
        ("body.people | Sort: 'age' | Map: 'age' | Join: ','", "4,9,30"),
        ("body.people | Where: 'in' | Map: 'name'", "Zoe"),
        ("body.people | Where: 'age', 4 | Map: 'name'", "Ada"),
        ("body.words | Slice: 1, 2", "aB"),
        ("body.words | Concat: body.people | Size", "8"),
        ("'hello' | Slice: -3, 2", "ll"),
        ("'hello' | Slice: 1", "e"),
        ("nil | First", ""),
        ("nil | Join: ','", ""),
    ]);
}

#[test]
fn filters_on_numbers() {
    check(&[
        ("1 | Plus: 2", "3"),
        ("'1' | Plus: '2.5'", "3.5"),
        ("5 | Minus: 7", "-2"),
        ("3 | Times: 1.5", "4.5"),
        ("7 | DividedBy: 2", "3"),
        ("-7 | DividedBy: 2", "-3"),
        ("7.0 | DividedBy: 2", "3.5"),
        ("7 | Modulo: 4", "3"),
        ("-3 | Abs", "3"),
        ("4 | AtLeast: 5 | AtMost: 4.5", "4.5"),
        ("1.2 | Ceil", "2"),
        ("-1.2 | Floor", "-2"),
        ("2.5 | Round", "3"),
        ("2.345 | Round: 1", "2.3"),
        ("1234567.5 | Currency", "$1,234,567.50"),
        ("-5 | Currency", "-$5.00"),
        ("'x' | Currency", "x"),
        ("9223372036854775807 | Plus: 1", "9.223372036854776e+18"),
    ]);
}

#[test]
fn dates_are_written_anew() {
    check(&[
        ("'2016-02-16T10:00:00Z' | Date: 'dd.MM.yyyy HH:mm'", "16.02.2016 10:00"),
        ("'2016-02-16' | date: '%b %-d'", "Feb 16"),
        ("'now' | Date: 'u'", "2016-02-16 10:00:00Z"),
        ("'soon' | Date: 'u'", "soon"),
        ("nil | Date: 'u'", ""),
    ]);
}
