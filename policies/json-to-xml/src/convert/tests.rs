//! The mapping, by example; and what no document may do to it.

use super::*;
use crate::config::{Apply, EmptyValues};
use tollgate_xml::{Event, Reader, decode};

pub(super) fn config() -> Config {
    Config {
        apply: Apply::Always,
        consider_accept_header: true,
        parse_date: true,
        namespace_separator: "_".to_owned(),
        namespace_prefix: None,
        namespace_block_name: None,
        attribute_block_name: None,
        attribute_prefix: None,
        invalid_character_replacement: None,
        null_values: None,
        empty_values: EmptyValues::Preserve,
        trim_values: false,
    }
}

/// The configuration of API Management's own example.
pub(super) fn soap() -> Config {
    Config {
        parse_date: false,
        namespace_separator: ":".to_owned(),
        namespace_prefix: Some("xmlns".to_owned()),
        attribute_block_name: Some("#attrs".to_owned()),
        ..config()
    }
}

/// What undoes xml-to-json's `direct`.
pub(super) fn direct() -> Config {
    Config { namespace_separator: ":".to_owned(), attribute_prefix: Some("@".to_owned()), ..config() }
}

pub(super) fn check(xml: &[u8]) -> Result<(), Fault> {
    let document = decode(xml)?;
    let mut reader = Reader::new(&document)?;
    while reader.read()? != Event::Eof {}
    Ok(())
}

fn convert_to_text(json: &str, config: &Config) -> String {
    let xml = convert(json.as_bytes(), config).unwrap_or_else(|fault| panic!("{json}: {fault}"));
    let xml = String::from_utf8(xml).unwrap();
    check(xml.as_bytes()).unwrap_or_else(|fault| panic!("{json}: {xml}: {fault}"));
    xml
}

fn refused(json: &str, config: &Config, expected: &str) {
    match convert(json.as_bytes(), config) {
        Ok(xml) => panic!("{json} became {}", String::from_utf8_lossy(&xml)),
        Err(fault) => assert!(fault.to_string().contains(expected), "{json}: {fault}"),
    }
}

#[test]
fn members_become_elements() {
    for (json, expected) in [
        (r#"{"a":"x"}"#, "<a>x</a>"),
        (r#"{"a":{"b":1,"c":true,"d":false}}"#, "<a><b>1</b><c>true</c><d>false</d></a>"),
        (r#"{"a":1,"b":2}"#, "<Document><a>1</a><b>2</b></Document>"),
        (r#"{"a":{}}"#, "<a/>"),
        (r#"{"a":""}"#, "<a/>"),
        (r#"{"a":{"b":{},"c":""}}"#, "<a><b/><c/></a>"),
        (r#"{"a":{"b":[1,2]}}"#, "<a><b>1</b><b>2</b></a>"),
        (r#"{"a":{"b":[]}}"#, "<a><b/></a>"),
        (r#"{"a":{"b":[[1,2],[3],[]]}}"#, "<a><b><b>1</b><b>2</b></b><b><b>3</b></b><b/></a>"),
        (r#"{"a":{"b":[{"c":1},{"c":[2,3]}],"d":4}}"#, "<a><b><c>1</c></b><b><c>2</c><c>3</c></b><d>4</d></a>"),
        (r#"{"z":1,"a":2,"m":3}"#, "<Document><z>1</z><a>2</a><m>3</m></Document>"),
        (r#"{"a":1,"b":2,"a":3}"#, "<Document><a>3</a><b>2</b></Document>"),
        (r#"{"a":"<&>\"'\r\n\t"}"#, "<a>&lt;&amp;&gt;\"'&#13;\n\t</a>"),
        (r#"{"a":"\u00e9\ud83d\ude00"}"#, "<a>é😀</a>"),
        (r#"{"first_name":"x"}"#, "<first_name>x</first_name>"),
        (r#"{"xml_data":{"_":1}}"#, "<xml_data><_>1</_></xml_data>"),
        (r##"{"a":{"#text":"x"}}"##, "<a>x</a>"),
        (r#"{"a":{"$text":"x","b":1}}"#, "<a>x<b>1</b></a>"),
        (r##"{"a":{"b":1,"#text":["x",2,"y"]}}"##, "<a><b>1</b>x2y</a>"),
    ] {
        assert_eq!(convert_to_text(json, &config()), expected, "{json}");
    }
}

#[test]
fn there_is_always_one_root() {
    for (json, expected) in [
        ("{}", "<Document/>"),
        ("[]", "<Document/>"),
        ("42", "<Document>42</Document>"),
        ("\"x\"", "<Document>x</Document>"),
        ("\"\"", "<Document/>"),
        ("true", "<Document>true</Document>"),
        ("[1,\"x\",{\"a\":1}]", "<Document><item>1</item><item>x</item><item><a>1</a></item></Document>"),
        ("[[1],[]]", "<Document><item><item>1</item></item><item/></Document>"),
        (r#"{"a":[1,2]}"#, "<Document><a>1</a><a>2</a></Document>"),
        (r#"{"a":[1]}"#, "<a>1</a>"),
        (r#"{"a":[[1,2]]}"#, "<a><a>1</a><a>2</a></a>"),
        (r#"{"a":[]}"#, "<a/>"),
        (r##"{"#text":"x"}"##, "<Document>x</Document>"),
    ] {
        assert_eq!(convert_to_text(json, &config()), expected, "{json}");
    }
    let text = convert_to_text(r##"{"a":{"#text":["x",null,"y"]}}"##, &config());
    assert_eq!(without_xsi(&text), "<a>xy</a>");
    assert_eq!(convert_to_text(r#"{"@a":1}"#, &direct()), "<Document a=\"1\"/>");
    assert_eq!(
        convert_to_text(r#"{"@xmlns:p":"u","p:a":1}"#, &direct()),
        "<Document xmlns:p=\"u\"><p:a>1</p:a></Document>"
    );
}

#[test]
fn numbers_are_kept_as_written() {
    for number in
        ["1.10", "12345678901234567890.12345678901", "1E400", "-0", "0.1e-7", "1e+2", "100000000000000000000000001"]
    {
        assert_eq!(convert_to_text(&format!("{{\"n\":{number}}}"), &config()), format!("<n>{number}</n>"));
    }
}

#[test]
fn nulls_say_so() {
    const XSI: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
    for (json, expected) in [
        ("null", format!("<Document {XSI} xsi:nil=\"true\"/>")),
        (r#"{"a":null}"#, format!("<a {XSI} xsi:nil=\"true\"/>")),
        (r#"{"a":[null]}"#, format!("<a {XSI} xsi:nil=\"true\"/>")),
        (
            r#"{"a":{"b":null,"c":[null,1]}}"#,
            format!("<a {XSI}><b xsi:nil=\"true\"/><c xsi:nil=\"true\"/><c>1</c></a>"),
        ),
        (r#"{"a":1,"b":null}"#, format!("<Document {XSI}><a>1</a><b xsi:nil=\"true\"/></Document>")),
        ("[null]", format!("<Document {XSI}><item xsi:nil=\"true\"/></Document>")),
    ] {
        assert_eq!(convert_to_text(json, &config()), expected, "{json}");
    }
    assert_eq!(
        convert_to_text(r#"{"a":{"xmlns:xsi":"u","b":null}}"#, &soap()),
        format!("<a xmlns:xsi=\"u\"><b {XSI} xsi:nil=\"true\"/></a>")
    );
    let words = Config { null_values: Some("NULL".to_owned()), ..direct() };
    assert_eq!(convert_to_text(r#"{"a":{"b":null,"@c":null}}"#, &words), "<a c=\"NULL\"><b>NULL</b></a>");
    let nothing = Config { null_values: Some(String::new()), ..direct() };
    assert_eq!(convert_to_text(r#"{"a":{"b":null,"@c":null}}"#, &nothing), "<a c=\"\"><b/></a>");
    assert_eq!(convert_to_text(r#"{"a":{"@c":null}}"#, &direct()), format!("<a {XSI}/>"));
}

#[test]
fn the_example_of_api_management_converts() {
    let json = r##"{"soapenv:Envelope":{"xmlns:soapenv":"http://schemas.xmlsoap.org/soap/envelope/",
        "xmlns:v1":"http://localdomain.com/core/v1","soapenv:Header":{},
        "soapenv:Body":{"v1:QueryList":{"#attrs":{"queryName":"test"},"v1:QueryItem":{"name":"dummy text"}}}}}"##;
    assert_eq!(
        convert_to_text(json, &soap()),
        "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:v1=\"http://localdomain.com/core/v1\">\
         <soapenv:Header/><soapenv:Body><v1:QueryList queryName=\"test\"><v1:QueryItem><name>dummy text</name></v1:QueryItem>\
         </v1:QueryList></soapenv:Body></soapenv:Envelope>"
    );
}

#[test]
fn attributes_come_from_a_block_or_a_prefix() {
    let both = Config { attribute_prefix: Some("@".to_owned()), ..soap() };
    for (json, expected) in [
        (r#"{"a":{"@b":"1","c":2,"@d":true}}"#, "<a b=\"1\" d=\"true\"><c>2</c></a>"),
        (r#"{"a":{"c":2,"@b":"<\"\n\t\r&'>"}}"#, "<a b=\"&lt;&quot;&#10;&#9;&#13;&amp;'&gt;\"><c>2</c></a>"),
        (r##"{"a":{"c":2,"#attrs":{"x":1,"y":null}}}"##, "<a x=\"1\"><c>2</c></a>"),
        (r##"{"a":{"#attrs":{}}}"##, "<a/>"),
        (r##"{"a":{"#attrs":{"xmlns:p":"u","p:x":1,"q:x":2}}}"##, "<a xmlns:p=\"u\" p:x=\"1\" q_x003A_x=\"2\"/>"),
        (r#"{"a":{"@":"1"}}"#, "<a><_x0040_>1</_x0040_></a>"),
        (r#"{"a":{"@xml:lang":"de"}}"#, "<a xml:lang=\"de\"/>"),
        (r##"{"a":{"@b":1,"#text":"x"}}"##, "<a b=\"1\">x</a>"),
        (r#"{"a":{"@b c":1}}"#, "<a b_x0020_c=\"1\"/>"),
    ] {
        let json = json.replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r");
        let expected = expected.to_owned();
        assert_eq!(without_xsi(&convert_to_text(&json, &both)), expected, "{json}");
    }
    refused(r#"{"a":{"@b":{}}}"#, &both, "can't hold an object or array");
    refused(r#"{"a":{"@b":[1]}}"#, &both, "can't hold an object or array");
    refused(r##"{"a":{"#attrs":1}}"##, &both, "must be an object");
    refused(r##"{"a":{"@b":1,"#attrs":{"b":2}}}"##, &both, "two attributes of the same name");
    refused(r#"{"a":{"xmlns:p":"u","xmlns:q":"u","@p:b":1,"@q:b":2}}"#, &both, "two attributes of the same name");
    refused(r##"{"a":{"#text":{}}}"##, &both, "text can't be an object");
    refused(r##"{"a":{"#text":[[1]]}}"##, &both, "can't hold an object or array");
}

fn without_xsi(xml: &str) -> String {
    xml.replace(" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"", "")
}

#[test]
fn namespaces_are_declared_where_the_document_says() {
    let block = Config { namespace_block_name: Some("#ns".to_owned()), ..soap() };
    for (json, expected) in [
        (r#"{"p:a":{"b":1,"xmlns:p":"u"}}"#, "<p:a xmlns:p=\"u\"><b>1</b></p:a>"),
        (r#"{"a":{"xmlns":"u"}}"#, "<a xmlns=\"u\"/>"),
        (r#"{"a":{"p:b":{"xmlns:p":"u"},"p:c":1}}"#, "<a><p:b xmlns:p=\"u\"/><p_x003A_c>1</p_x003A_c></a>"),
        (r##"{"p:a":{"#ns":{"$default":"u","p":"v"},"b":1}}"##, "<p:a xmlns=\"u\" xmlns:p=\"v\"><b>1</b></p:a>"),
        (r#"{"a":{"xmlns":"u&\"<"}}"#, "<a xmlns=\"u&amp;&quot;&lt;\"/>"),
        (
            r#"{"a":{"xmlns:p":"u","p:b:c":1,"p:1":2}}"#,
            "<a xmlns:p=\"u\"><p:b_x003A_c>1</p:b_x003A_c><p:_x0031_>2</p:_x0031_></a>",
        ),
        (r#"{"a":{"xmlnsx":1,"xmlns:":2}}"#, "<a><xmlnsx>1</xmlnsx><xmlns_x003A_>2</xmlns_x003A_></a>"),
        (r##"{"p:a":{"#attrs":{"xmlns":"u","xmlns:p":"v","p:b":1}}}"##, "<p:a xmlns=\"u\" xmlns:p=\"v\" p:b=\"1\"/>"),
    ] {
        assert_eq!(convert_to_text(json, &block), expected, "{json}");
    }
    let underscore = Config { namespace_prefix: Some("xmlns".to_owned()), ..config() };
    assert_eq!(
        convert_to_text(r#"{"s_a":{"xmlns_s":"u","s_b":1,"t_c":2}}"#, &underscore),
        "<s:a xmlns:s=\"u\"><s:b>1</s:b><t_c>2</t_c></s:a>"
    );
    for (json, expected) in [
        (r#"{"a":{"xmlns:p":1}}"#, "must be a string"),
        (r#"{"a":{"xmlns:p":""}}"#, "can't be undeclared"),
        (r#"{"a":{"xmlns:xml":"u"}}"#, "reserved"),
        (r#"{"a":{"xmlns:xmlns":"u"}}"#, "reserved"),
        (r#"{"a":{"xmlns:1":"u"}}"#, "no XML name"),
        (r#"{"a":{"xmlns:b c":"u"}}"#, "no XML name"),
        (r##"{"a":{"#ns":[]}}"##, "must be an object"),
        (r##"{"a":{"#ns":{"p":"u"},"xmlns:p":"u"}}"##, "declared twice"),
        (r#"{"a":{"xmlns:p":"\u0000"}}"#, "XML doesn't allow"),
    ] {
        refused(json, &block, expected);
    }
}

#[test]
fn values_can_be_trimmed_emptied_and_dated() {
    let trimming = Config { trim_values: true, ..direct() };
    assert_eq!(
        convert_to_text(r#"{"a":{"@b":" 1 ","c":"\n x y\t","d":" "}}"#, &trimming),
        "<a b=\"1\"><c>x y</c><d/></a>"
    );
    let nulling = Config { empty_values: EmptyValues::AsNull, ..trimming };
    assert_eq!(
        convert_to_text(r#"{"a":{"@b":"","c":" "}}"#, &nulling),
        "<a xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><c xsi:nil=\"true\"/></a>"
    );
    let date = r#"{"a":{"b":"\/Date(1198908717056)\/","c":"2015-01-01T00:00:00.500+02:00"}}"#;
    assert_eq!(
        convert_to_text(date, &config()),
        "<a><b>2007-12-29T06:11:57.056Z</b><c>2015-01-01T00:00:00.500+02:00</c></a>"
    );
    assert_eq!(
        convert_to_text(date, &soap()),
        "<a><b>/Date(1198908717056)/</b><c>2015-01-01T00:00:00.500+02:00</c></a>"
    );
}

#[test]
fn what_xml_cannot_hold_is_refused_or_replaced() {
    for json in
        [r#"{"a":"\u0000"}"#, r#"{"a":"\u001f"}"#, r#"{"a":"\uFFFE"}"#, "{\"a\":\"\u{FFFF}\"}", r#"{"a":{"@b":"\b"}}"#]
    {
        refused(json, &direct(), "XML doesn't allow");
        convert_to_text(json, &Config { invalid_character_replacement: Some("-".to_owned()), ..direct() });
    }
    for json in [r#"{"a":"\ud800"}"#, r#"{"a":"\udc00x"}"#, r#"{"\ud800":1}"#] {
        refused(json, &direct(), "half of a surrogate pair");
    }
    let replacing = Config { invalid_character_replacement: Some("_".to_owned()), ..direct() };
    assert_eq!(convert_to_text(r#"{"a b":{"1c":"x\u0000y"}}"#, &replacing), "<a_b><_1c>x_y</_1c></a_b>");
    assert_eq!(convert_to_text(r#"{"a b":{"1c":1}}"#, &config()), "<a_x0020_b><_x0031_c>1</_x0031_c></a_x0020_b>");
    refused(r#"{"a":{"@b c":1,"@b_c":2}}"#, &replacing, "two attributes of the same name");
}
