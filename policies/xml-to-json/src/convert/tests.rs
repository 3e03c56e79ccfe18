//! The two mappings, by example; and what no document may do to them.

use super::*;
use crate::config::{Apply, EmptyValues, Kind};

fn config(kind: Kind) -> Config {
    Config {
        kind,
        apply: Apply::Always,
        consider_accept_header: true,
        always_array_child_elements: false,
        preserve_whitespace_nodes: false,
        empty_values: EmptyValues::Preserve,
        trim_values: false,
    }
}

fn convert_to_text(xml: &str, config: &Config) -> String {
    let json = convert(xml.as_bytes(), config).unwrap_or_else(|fault| panic!("{xml}: {fault}"));
    let json = String::from_utf8(json).unwrap();
    serde_json::from_str::<serde_json::Value>(&json).unwrap_or_else(|error| panic!("{xml}: {json}: {error}"));
    json
}

fn friendly(xml: &str) -> String {
    convert_to_text(xml, &config(Kind::JavascriptFriendly))
}

fn direct(xml: &str) -> String {
    convert_to_text(xml, &config(Kind::Direct))
}

#[test]
fn elements_become_members() {
    for (xml, expected) in [
        ("<a/>", r#"{"a":""}"#),
        ("<a></a>", r#"{"a":""}"#),
        ("<a>x</a>", r#"{"a":"x"}"#),
        ("<a><b>1</b><c>true</c></a>", r#"{"a":{"b":"1","c":"true"}}"#),
        ("<a><b>1</b><b>2</b></a>", r#"{"a":{"b":["1","2"]}}"#),
        ("<a><b>1</b><c/><b>2</b><c>3</c><b/></a>", r#"{"a":{"b":["1","2",""],"c":["","3"]}}"#),
        ("<a><b><c/></b><b><c>1</c><c>2</c></b></a>", r#"{"a":{"b":[{"c":""},{"c":["1","2"]}]}}"#),
        ("<a>\n  <b> x </b>\n</a>", r#"{"a":{"b":" x "}}"#),
        ("<a> \n </a>", r#"{"a":""}"#),
        ("<?xml version='1.0'?><?p?><!-- c --><a><?p?><!-- c -->x</a>", r#"{"a":"x"}"#),
        ("<a>x<!-- c -->y<?p?>z</a>", r#"{"a":"xyz"}"#),
        ("<a><![CDATA[<b>&amp;]]></a>", r#"{"a":"<b>&amp;"}"#),
        ("<a>x<![CDATA[ y ]]>z</a>", r#"{"a":"x y z"}"#),
        ("<a>&lt;&#65;\"\\&#9;&#13;\r\n</a>", r#"{"a":"<A\"\\\t\r\n"}"#),
        ("<a>0012.50</a>", r#"{"a":"0012.50"}"#),
        ("<a>é😀\u{7F}</a>", "{\"a\":\"é😀\u{7F}\"}"),
    ] {
        assert_eq!(friendly(xml), expected, "{xml}");
        assert_eq!(direct(xml), expected, "{xml}");
    }
}

#[test]
fn direct_keeps_what_is_what() {
    for (xml, expected) in [
        ("<a b='1'/>", r##"{"a":{"@b":"1"}}"##),
        ("<a b='1'>x</a>", r##"{"a":{"@b":"1","#text":"x"}}"##),
        ("<a b='1'><b>2</b></a>", r##"{"a":{"@b":"1","b":"2"}}"##),
        ("<p>Hello <b>big</b> world</p>", r##"{"p":{"#text":["Hello "," world"],"b":"big"}}"##),
        ("<p>Hello <!-- c --> <b>big</b></p>", r##"{"p":{"#text":"Hello  ","b":"big"}}"##),
        ("<p><b/>x<c/><![CDATA[y]]>z<b/></p>", r##"{"p":{"b":["",""],"#text":["x","yz"],"c":""}}"##),
        (
            "<n:a xmlns:n='u' xmlns='v' n:b='1'><n:c/></n:a>",
            r##"{"n:a":{"@xmlns:n":"u","@xmlns":"v","@n:b":"1","n:c":""}}"##,
        ),
        (
            "<a xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil='true'/>",
            r##"{"a":{"@xmlns:i":"http://www.w3.org/2001/XMLSchema-instance","@i:nil":"true"}}"##,
        ),
        ("<a-b.c d-e='&quot;x&#10;\ny'/>", r##"{"a-b.c":{"@d-e":"\"x\n y"}}"##),
    ] {
        assert_eq!(direct(xml), expected, "{xml}");
    }
}

#[test]
fn javascript_friendly_reads_well() {
    for (xml, expected) in [
        ("<a b='1'/>", r#"{"a":{"b":"1"}}"#),
        ("<a b='1'>x</a>", r#"{"a":{"b":"1","$text":"x"}}"#),
        ("<a b='1'><b>2</b><b>3</b></a>", r#"{"a":{"b":["1","2","3"]}}"#),
        ("<p>Hello <b>big</b> world</p>", r#"{"p":{"$text":"Hello  world","b":"big"}}"#),
        ("<n:a xmlns:n='u' n:b='1'><n:c-d.e/></n:a>", r#"{"a":{"b":"1","c_d_e":""}}"#),
        ("<a xmlns='u'>x</a>", r#"{"a":"x"}"#),
        ("<a xmlns:n='u'><n:b>1</n:b><b>2</b></a>", r#"{"a":{"b":["1","2"]}}"#),
        (
            "<a xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><b i:nil='true'/><c i:nil='1'></c></a>",
            r#"{"a":{"b":null,"c":null}}"#,
        ),
        (
            "<a xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><b i:nil='true' c='1'/><d i:nil='false'/><e nil='true'/></a>",
            r#"{"a":{"b":{"nil":"true","c":"1"},"d":{"nil":"false"},"e":{"nil":"true"}}}"#,
        ),
        ("<a xmlns:i='u'><b i:nil='true'/></a>", r#"{"a":{"b":{"nil":"true"}}}"#),
    ] {
        assert_eq!(friendly(xml), expected, "{xml}");
    }
}

#[test]
fn every_child_element_can_be_an_array() {
    for kind in [Kind::Direct, Kind::JavascriptFriendly] {
        let config = Config { always_array_child_elements: true, ..config(kind) };
        assert_eq!(convert_to_text("<a><b>1</b><c><d/></c></a>", &config), r#"{"a":{"b":["1"],"c":[{"d":[""]}]}}"#);
        assert_eq!(convert_to_text("<a>x</a>", &config), r#"{"a":"x"}"#);
        assert_eq!(convert_to_text("<a><b/><b/></a>", &config), r#"{"a":{"b":["",""]}}"#);
    }
    let config = Config { always_array_child_elements: true, ..config(Kind::Direct) };
    assert_eq!(convert_to_text("<a b='1'>x<c/></a>", &config), r##"{"a":{"@b":"1","#text":"x","c":[""]}}"##);
}

#[test]
fn white_space_between_elements_can_be_kept() {
    let config = Config { preserve_whitespace_nodes: true, ..config(Kind::Direct) };
    assert_eq!(convert_to_text("<a> <b/>\n</a>", &config), r##"{"a":{"#text":[" ","\n"],"b":""}}"##);
    assert_eq!(convert_to_text("<a> </a>", &config), r#"{"a":" "}"#);
    for (xml, expected) in [
        ("<a xml:space='preserve'> </a>", r##"{"a":{"@xml:space":"preserve","#text":" "}}"##),
        (
            "<a xml:space='preserve'><b> </b><c xml:space='default'> </c></a>",
            r##"{"a":{"@xml:space":"preserve","b":" ","c":{"@xml:space":"default"}}}"##,
        ),
        ("<a><b>&#32;</b><c><![CDATA[ ]]></c></a>", r#"{"a":{"b":" ","c":" "}}"#),
    ] {
        assert_eq!(direct(xml), expected, "{xml}");
    }
}

#[test]
fn values_can_be_trimmed_and_empty_ones_be_null() {
    let trimming = Config { trim_values: true, ..config(Kind::Direct) };
    for (xml, expected) in [
        ("<a b=' 1 '> x y </a>", r##"{"a":{"@b":"1","#text":"x y"}}"##),
        ("<a> <!-- --> x <![CDATA[ ]]> <?p?> </a>", r#"{"a":"x"}"#),
        ("<a>&#32;x&#32;</a>", r#"{"a":" x "}"#),
        ("<a><![CDATA[  ]]></a>", r#"{"a":""}"#),
        ("<a>\t\n </a>", r#"{"a":""}"#),
    ] {
        assert_eq!(convert_to_text(xml, &trimming), expected, "{xml}");
    }
    let nulling = Config { empty_values: EmptyValues::AsNull, ..config(Kind::Direct) };
    for (xml, expected) in [
        ("<a/>", r#"{"a":null}"#),
        ("<a></a>", r#"{"a":null}"#),
        ("<a><![CDATA[]]></a>", r#"{"a":null}"#),
        ("<a b=''><c/><c>1</c></a>", r#"{"a":{"@b":null,"c":[null,"1"]}}"#),
        ("<a> </a>", r#"{"a":null}"#),
    ] {
        assert_eq!(convert_to_text(xml, &nulling), expected, "{xml}");
    }
}

#[test]
fn utf16_comes_out_as_utf8() {
    let units = "\u{FEFF}<a>é😀</a>".encode_utf16();
    let body: Vec<u8> = units.flat_map(u16::to_be_bytes).collect();
    assert_eq!(convert(&body, &config(Kind::Direct)).unwrap(), "{\"a\":\"é😀\"}".as_bytes());
}
