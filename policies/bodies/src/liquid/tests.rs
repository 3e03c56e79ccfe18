//! What templates write, and where they are wrong.

use super::*;
use std::borrow::Cow;
use tollgate_sdk::serde_json::{Value, json};

struct World {
    body: Value,
    xml: bool,
}

impl Globals for World {
    fn body(&self) -> &Value {
        &self.body
    }

    fn body_is_xml(&self) -> bool {
        self.xml
    }

    fn context(&self, path: &[Cow<'_, Value>]) -> Value {
        let names: Vec<&str> = path.iter().filter_map(|key| key.as_str()).collect();
        Value::from(names.join("/"))
    }

    fn now_unix_ms(&self) -> i64 {
        1_455_616_800_000
    }
}

fn body() -> Value {
    json!({
        "customer": { "name": "Ada", "city": null, "Purchase": { "identifier": 17 } },
        "lines": [{ "sku": "a", "qty": 2 }, { "sku": "b", "qty": 1 }, { "sku": "c" }],
        "tags": ["new", "red"],
        "text": " <b>Hi</b> & bye ",
        "price": 12.5,
        "when": "2016-02-16T10:00:00Z",
        "yes": true,
        "no": false,
        "empty": [],
    })
}

fn try_render(template: &str) -> Result<String, Complaint> {
    Template::parse(template.to_owned())?.render(&World { body: body(), xml: false })
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(try_render(template).as_deref(), Ok(*expected), "{template}");
    }
}

#[test]
fn values_are_written_and_missing_ones_are_nothing() {
    check(&[
        ("", ""),
        ("plain { } %", "plain { } %"),
        (r#"{"id": "{{body.customer.purchase.identifier}}"}"#, r#"{"id": "17"}"#),
        ("{{ body.customer.name }}-{{ body.customer['name'] }}", "Ada-Ada"),
        ("[{{ body.none.at.all }}{{ body.customer.city }}{{ nothing }}{{ body.tags[9].x }}]", "[]"),
        ("{{ body.lines[0].sku }}{{ body.lines[-1].sku }}{{ body.lines.first.sku }}{{ body.lines.size }}", "aca3"),
        ("{{ body.tags }}", "newred"),
        ("{{ body.lines[1] }}", r#"{"sku":"b","qty":1}"#),
        ("{{ 'x' }}{{ 1.50 }}{{ true }}{{ nil }}", "x1.5true"),
        ("{{ context.Request.Headers['X-A'] }}", "Request/Headers/X-A"),
        ("{{ context.Request.Headers.X-A }}", "Request/Headers/X-A"),
        ("{% assign k = 'name' %}{{ body.customer[k] }}", "Ada"),
    ]);
}

#[test]
fn conditions_choose() {
    check(&[
        ("{% if body.yes %}a{% else %}b{% endif %}", "a"),
        ("{% if body.no %}a{% elsif body.customer.city %}b{% else %}c{% endif %}", "c"),
        ("{% unless body.no %}a{% endunless %}", "a"),
        ("{% unless body.yes %}a{% else %}b{% endunless %}", "b"),
        ("{% if body.price > 12 and body.price <= 12.5 %}a{% endif %}", "a"),
        ("{% if body.customer.name == 'Ada' and body.yes != false %}a{% endif %}", "a"),
        ("{% if body.tags contains 'red' %}a{% endif %}{% if body.text contains 'Hi' %}b{% endif %}", "ab"),
        ("{% if body.empty == empty %}a{% endif %}{% if body.customer.city == blank %}b{% endif %}", "ab"),
        ("{% if body.customer.city == nil %}a{% endif %}{% if body.none <> null %}b{% endif %}", "a"),
        // From the right: true or (false and false).
        ("{% if true or false and false %}a{% endif %}", "a"),
        ("{% case body.price %}x{% when 1, 2 %}a{% when 12.5 or 3 %}b{% else %}c{% endcase %}", "b"),
        ("{% case body.price %}{% when 1 %}a{% else %}c{% endcase %}", "c"),
    ]);
}

#[test]
fn loops_repeat() {
    check(&[
        ("{% for l in body.lines %}{{ l.sku }}{{ l.qty }},{% endfor %}", "a2,b1,c,"),
        ("{% for l in body.lines limit:1 offset:1 %}{{ l.sku }}{% endfor %}", "b"),
        ("{% for l in body.lines reversed %}{{ l.sku }}{% endfor %}", "cba"),
        ("{% for i in (1..3) %}{{ i }}{% endfor %}{% for i in (3..1) %}{{ i }}{% endfor %}", "123"),
        ("{% for i in (1..body.lines.size) reversed %}{{ i }}{% endfor %}", "321"),
        ("{% for x in body.none %}a{% else %}none{% endfor %}", "none"),
        ("{% for m in body.lines[0] %}{{ m[0] }}={{ m[1] }};{% endfor %}", "sku=a;qty=2;"),
        (
            "{% for t in body.tags %}{{ forloop.index }}/{{ forloop.Length }}{{ forloop.first }}{{ forloop.last }} {% endfor %}",
            "1/2truefalse 2/2falsetrue ",
        ),
        ("{% for l in body.lines %}{% if l.sku == 'b' %}{% break %}{% endif %}{{ l.sku }}{% endfor %}", "a"),
        ("{% for l in body.lines %}{% if l.sku == 'b' %}{% continue %}{% endif %}{{ l.sku }}{% endfor %}", "ac"),
        (
            "{% for a in (1..2) %}{% for b in (1..2) %}{{ forloop.parentloop.index }}{{ b }} {% endfor %}{% endfor %}",
            "11 12 21 22 ",
        ),
        ("{% for t in body.tags %}{% cycle 'odd', 'even' %}{% endfor %}", "oddeven"),
        ("[{% JSONArrayFor l in body.lines %}\"{{ l.sku }}\"{% endJSONArrayFor %}]", r#"["a","b","c"]"#),
        ("[{% JSONArrayFor l in body.customer %}\"{{ l.name }}\"{% endJSONArrayFor %}]", r#"["Ada"]"#),
        ("[{% JSONArrayFor l in body.none %}x{% endJSONArrayFor %}]", "[]"),
    ]);
}

#[test]
fn an_xml_element_that_stands_alone_is_a_list_of_one() {
    let template =
        "{% for i in body.order.item %}<{{ i.id }}>{% endfor %}{% for t in body.order.tag %}{{ t }}{% endfor %}";
    let body = json!({ "order": { "item": { "id": "1" }, "tag": "x" } });
    let template = Template::parse(template.to_owned()).unwrap();
    assert_eq!(template.render(&World { body, xml: true }).as_deref(), Ok("<1>x"));
}

#[test]
fn variables_counters_and_captures_are_the_templates_own() {
    check(&[
        ("{% assign a = body.tags | Join: '-' %}{{ a }}{{ a | upcase }}", "new-redNEW-RED"),
        ("{% capture a %}x{{ body.price }}{% endcapture %}[{{ a }}]", "[x12.5]"),
        ("{% increment a %}{% increment a %}{% decrement b %}", "01-1"),
        ("{% for i in (1..2) %}{% assign a = i %}{% endfor %}{{ a }}", "2"),
        ("{% comment %}{{ broken {% endcomment %}x{% raw %}{{ y }}{% endraw %}", "x{{ y }}"),
        ("a {%- if true -%} b {%- endif %} c", "ab c"),
    ]);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (template, complaint) in [
        ("{{ body.x", "an output has no `}}` (line 1, column 1 of the template)"),
        ("a\n  {% if %}", "a value is missing (line 2, column 9 of the template)"),
        ("{% if true %}a", "the tag `if` has no `endif` (line 1, column 6 of the template)"),
        ("{% endif %}", "the tag `endif` can't stand here (line 1, column 9 of the template)"),
        ("{% include 'x' %}", "the tag `include` can't stand here (line 1, column 11 of the template)"),
        ("{{ a | Nope }}", "there is no filter `Nope` (line 1, column 8 of the template)"),
        ("{{ a | Append }}", "the filter `Append` takes 1 arguments, not 0 (line 1, column 8 of the template)"),
        ("{{ a b }}", "nothing more can stand here (line 1, column 6 of the template)"),
        ("{% for x of y %}{% endfor %}", "`in` is missing (line 1, column 10 of the template)"),
        (
            "{% if a %}{% else %}{% else %}{% endif %}",
            "the tag `else` can't stand here (line 1, column 28 of the template)",
        ),
        ("{{ 1 | DividedBy: 0 }}", "divided_by: nothing can be divided by zero (line 1, column 8 of the template)"),
        ("{{ 'x' | Plus: 1 }}", "plus: `x` is no number (line 1, column 10 of the template)"),
    ] {
        assert_eq!(try_render(template).unwrap_err().to_string(), complaint, "{template}");
    }
}

#[test]
fn nesting_and_conditions_have_limits() {
    let nested = |depth: usize| "{% if true %}".repeat(depth) + "x" + &"{% endif %}".repeat(depth);
    assert_eq!(try_render(&nested(32)).as_deref(), Ok("x"));
    assert!(try_render(&nested(33)).unwrap_err().to_string().contains("more than 32 blocks are nested"));
    let indexes = format!("{{{{ a{}1{} }}}}", "[a".repeat(20), "]".repeat(20));
    assert!(try_render(&indexes).unwrap_err().to_string().contains("indexes are nested too deep"));
    let parts = format!("{{% if {} %}}{{% endif %}}", vec!["true"; 65].join(" and "));
    assert!(try_render(&parts).unwrap_err().to_string().contains("more than 64 parts"));
}

#[test]
fn only_a_template_that_names_the_body_uses_it() {
    let uses = |template: &str| Template::parse(template.to_owned()).unwrap().uses_body();
    assert!(uses("{{ Body.x }}") && uses("{% if body %}{% endif %}") && uses("{{ 'x' | append: body.y }}"));
    assert!(!uses("body {{ context.Request.Method }} {{ 'body' }}"));
}
