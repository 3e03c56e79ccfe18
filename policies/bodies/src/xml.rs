//! An XML body as a template sees it: elements as objects, lists and texts.

use crate::config::XsiNil;
use tollgate_sdk::serde_json::map::Entry;
use tollgate_sdk::serde_json::{Map, Value};
use tollgate_xml::{Content, Event, Fault, Reader, Span, XSI_NAMESPACE, decode, is_space, unescape};

/// The member that holds an element's text if it has attributes or elements as well.
const TEXT: &str = "#text";

/// An element that has begun and not ended.
struct Open {
    name: String,
    members: Map<String, Value>,
    text: String,
    nil: bool,
}

/// `{ root: … }`: elements under their local names, several of one name as a list, attributes under `@name`. An element
/// with text only is that text.
pub(crate) fn read(body: &[u8], xsi_nil: XsiNil) -> Result<Value, Fault> {
    let document = decode(body)?;
    let source = document.as_str();
    let mut reader = Reader::new(&document)?;
    let mut around = vec![Open::new(String::new())];
    loop {
        match reader.read()? {
            Event::Start { name } => around.push(start(&reader, source, name)),
            Event::Text(span) => push_text(&mut around, source, span, Content::Text),
            Event::CData(span) => push_text(&mut around, source, span, Content::CData),
            Event::End => {
                if let (Some(open), Some(parent)) = (around.pop(), around.last_mut()) {
                    let (name, value) = open.finish(xsi_nil);
                    add(&mut parent.members, name, value);
                }
            }
            Event::Eof => break,
        }
    }
    Ok(Value::Object(around.pop().map(|open| open.members).unwrap_or_default()))
}

fn start(reader: &Reader<'_>, source: &str, name: u32) -> Open {
    let mut open = Open::new(reader.names().text(name)[reader.local(name)..].to_owned());
    for attribute in reader.attributes().iter().filter(|attribute| !attribute.declares) {
        let mut value = String::new();
        unescape(attribute.value.of(source), Content::Attribute, |piece| value.push_str(piece));
        if reader.means(attribute.name, XSI_NAMESPACE, "nil") {
            open.nil = matches!(value.as_str(), "true" | "1");
            continue;
        }
        let name = &reader.names().text(attribute.name)[reader.local(attribute.name)..];
        open.members.insert(format!("@{name}"), Value::from(value));
    }
    open
}

/// Text that only indents is none.
fn push_text(around: &mut [Open], source: &str, span: Span, content: Content) {
    let Some(open) = around.last_mut() else { return };
    unescape(span.of(source), content, |piece| open.text.push_str(piece));
}

fn add(members: &mut Map<String, Value>, name: String, value: Value) {
    match members.entry(name) {
        Entry::Vacant(place) => {
            place.insert(value);
        }
        Entry::Occupied(mut place) => match place.get_mut() {
            // An element itself is never a list.
            Value::Array(items) => items.push(value),
            first => *first = Value::Array(vec![first.take(), value]),
        },
    }
}

impl Open {
    fn new(name: String) -> Self {
        Self { name, members: Map::new(), text: String::new(), nil: false }
    }

    fn finish(self, xsi_nil: XsiNil) -> (String, Value) {
        let Self { name, mut members, text, nil } = self;
        let text = match nil && text.is_empty() {
            true if xsi_nil == XsiNil::Null => Value::Null,
            _ => Value::from(text),
        };
        if members.is_empty() {
            return (name, text);
        }
        if text.as_str().is_none_or(|text| !text.bytes().all(is_space)) {
            members.insert(TEXT.to_owned(), text);
        }
        (name, Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::json;

    fn value(xml: &str) -> Value {
        read(xml.as_bytes(), XsiNil::Blank).unwrap()
    }

    #[test]
    fn elements_become_objects_lists_and_texts() {
        for (xml, expected) in [
            ("<a/>", json!({ "a": "" })),
            ("<a> x &amp; y </a>", json!({ "a": " x & y " })),
            ("<a>\n <b>1</b>\n <b>2</b>\n <c/></a>", json!({ "a": { "b": ["1", "2"], "c": "" } })),
            (
                "<s:E xmlns:s='u'><s:B><x i='1'>t</x></s:B></s:E>",
                json!({ "E": { "B": { "x": { "@i": "1", "#text": "t" } } } }),
            ),
            ("<a><![CDATA[<b>]]></a>", json!({ "a": "<b>" })),
            ("<a>x<b/>y</a>", json!({ "a": { "b": "", "#text": "xy" } })),
        ] {
            assert_eq!(value(xml), expected, "{xml}");
        }
        assert!(read(b"<a>", XsiNil::Blank).is_err());
        assert!(read(b"<!DOCTYPE a><a/>", XsiNil::Blank).is_err());
    }

    #[test]
    fn an_element_without_a_value_is_blank_or_nil() {
        let xml = b"<a xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><b xsi:nil='true'/><c xsi:nil='true' i='1'/></a>";
        assert_eq!(read(xml, XsiNil::Blank).unwrap(), json!({ "a": { "b": "", "c": { "@i": "1" } } }));
        assert_eq!(read(xml, XsiNil::Null).unwrap(), json!({ "a": { "b": null, "c": { "@i": "1", "#text": null } } }));
    }
}
