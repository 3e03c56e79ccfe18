//! What the reader passes and what it refuses. The malformed documents follow the categories of the W3C suite.

use super::*;
use crate::decode::decode;
use crate::reference::{Content, unescape};

/// Everything that a document says, in one line: `(name @attribute=value … text …)`.
fn events(body: &[u8]) -> Result<String, Fault> {
    let document = decode(body)?;
    let source = document.as_str();
    let mut reader = Reader::new(&document)?;
    let mut said = String::new();
    loop {
        match reader.read()? {
            Event::Start { name } => {
                said += &format!("({}", reader.names().text(name));
                for attribute in reader.attributes() {
                    said += &format!(" @{}=", reader.names().text(attribute.name));
                    unescape(attribute.value.of(source), Content::Attribute, |piece| said.push_str(piece));
                }
                said.push(' ');
            }
            Event::End => said.push(')'),
            Event::Text(span) => unescape(span.of(source), Content::Text, |piece| said.push_str(piece)),
            Event::CData(span) => unescape(span.of(source), Content::CData, |piece| said.push_str(piece)),
            Event::Eof => return Ok(said),
        }
    }
}

fn refused(body: &str, expected: &str) {
    match events(body.as_bytes()) {
        Ok(said) => panic!("{body:?} was read as {said}"),
        Err(fault) => assert!(fault.to_string().contains(expected), "{body:?}: {fault}"),
    }
}

#[test]
fn well_formed_documents_are_read() {
    for (body, expected) in [
        ("<a/>", "(a )"),
        ("<a />", "(a )"),
        ("<a></a\n>", "(a )"),
        ("\n <a>x</a>\t\r\n", "(a x)"),
        ("<?xml version='1.0'?><a/>", "(a )"),
        ("<?xml version='1.0' encoding='utf-8'?>\n<!-- c --><?p i?><a/><!----><?p?>\n", "(a )"),
        ("<a b='1' c=\"2\"/>", "(a @b=1 @c=2 )"),
        ("<a b = '1'\n\tc\n=\n'2' />", "(a @b=1 @c=2 )"),
        ("<a b='x > \"y\" ]]>'/>", "(a @b=x > \"y\" ]]> )"),
        ("<a>1<b>2</b>3</a>", "(a 1(b 2)3)"),
        ("<a>x &lt; y &amp; &#65;&#x42; ]] &gt; ></a>", "(a x < y & AB ]] > >)"),
        ("<a>]]&gt; ]] > ]>></a>", "(a ]]> ]] > ]>>)"),
        ("<a><![CDATA[<b>&amp;]]]]><![CDATA[>]]></a>", "(a <b>&amp;]]>)"),
        ("<a><![CDATA[]]></a>", "(a )"),
        ("<a>x<!-- > - -->y<?p ?>z</a>", "(a xyz)"),
        ("<a><?xml-stylesheet href='x'?><?xmlish?></a>", "(a )"),
        ("<a><!--->--></a>", "(a )"),
        ("<é日 ü='1'/>", "(é日 @ü=1 )"),
        ("<_a-1.b·/>", "(_a-1.b· )"),
        ("<p:a xmlns:p='u' p:b='1' b='2'/>", "(p:a @xmlns:p=u @p:b=1 @b=2 )"),
        ("<a p:b='1' xmlns:p='u'><p:c/></a>", "(a @p:b=1 @xmlns:p=u (p:c ))"),
        ("<a xmlns='u' xmlns:p='u' b='1' p:b='2'/>", "(a @xmlns=u @xmlns:p=u @b=1 @p:b=2 )"),
        ("<a xmlns='u'><b xmlns=''/></a>", "(a @xmlns=u (b @xmlns= ))"),
        ("<a xml:lang='de' xml:space='preserve'/>", "(a @xml:lang=de @xml:space=preserve )"),
        (
            "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
            "(a @xmlns:xml=http://www.w3.org/XML/1998/namespace )",
        ),
        ("<xmlfoo xmlns:xmlbar='u'/>", "(xmlfoo @xmlns:xmlbar=u )"),
        ("<a b='&#10;&#x9;\n\t'/>", "(a @b=\n\t   )"),
        ("<a\r\n>\r\n\r</a>", "(a \n\n)"),
    ] {
        assert_eq!(events(body.as_bytes()).unwrap(), expected, "{body}");
    }
}

#[test]
fn tags_must_nest_and_match() {
    for body in [
        "<a><b></a></b>",
        "<a></b>",
        "<a></A>",
        "<a></a></a>",
        "<a></ a>",
        "</a>",
        "<a/></a>",
        "<a></a b='1'>",
        "<a></>",
        "<a></a/>",
        "<a></a\u{A0}>",
        "<a xmlns:p='u'><p:b></b></a>",
        "<p:a xmlns:p='u' xmlns:q='u'></q:a>",
        "<a></aa>",
    ] {
        refused(body, "an end tag must repeat");
    }
    for body in ["<a>", "<a><b></b>", "<a>text", "<a><b/>", "<a><!-- -->"] {
        refused(body, "ends inside an element");
    }
}

#[test]
fn there_is_one_root_and_nothing_beside_it() {
    for body in ["", " ", "<!-- -->", "<?p?>", "<a/><b/>", "<a/><a/>", "<a></a>\n<b></b>"] {
        refused(body, "one root element");
    }
    for body in [
        "x<a/>",
        "<a/>x",
        "<a/>&amp;",
        "&#32;<a/>",
        "<![CDATA[]]><a/>",
        "<a/><![CDATA[x]]>",
        "<a/>\u{FEFF}",
        "<a/>&#10;",
        "\u{FEFF}\u{FEFF}<a/>",
        "text",
        "<a/>\u{A0}",
        "<a/>]]>",
    ] {
        refused(body, "outside of the root element");
    }
}

#[test]
fn names_are_made_of_name_characters() {
    for body in [
        "<1a/>",
        "<-a/>",
        "<.a/>",
        "< a/>",
        "<>",
        "</>x",
        "<a:/>",
        "<:a/>",
        "<:/>",
        "<a 1b='x'/>",
        "<a -b='x'/>",
        "<a ='x'/>",
        "<a \u{D7}='1'/>",
        "<\u{301}a/>",
        "<a><\u{2028}b/></a>",
        "<a><?1p?></a>",
        "<a><? p?></a>",
        "<a><??></a>",
        "<×/>",
    ] {
        assert!(events(body.as_bytes()).is_err(), "{body}");
    }
    for body in ["<a:b:c xmlns:a='u'/>", "<a b:c:d='1' xmlns:b='u'/>", "<a;b/>", "<a&b/>", "<a\u{F7}/>", "<a$/>"] {
        assert!(events(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn attributes_have_one_quoted_value_each() {
    for body in [
        "<a b/>",
        "<a b=/>",
        "<a b=c/>",
        "<a b='x/>",
        "<a b=\"x/>",
        "<a b='x\"/>",
        "<a 'x'/>",
        "<a b='x''/>",
        "<a b='x'c='y'/>",
        "<a b='x'/c='y'>",
        "<a/ >",
        "<a / >",
        "<a/b>",
        "<a b=='x'/>",
        "<a b:='x'/>",
        "<a =b='x'/>",
        "<a b 'x'/>",
        "<a b='x' /",
        "<a b='x',c='y'/>",
        "<a b=&quot;x&quot;/>",
        "<a b='x'",
        "<a ",
        "<a",
        "<",
    ] {
        assert!(events(body.as_bytes()).is_err(), "{body}");
    }
    refused("<a b='<'/>", "`<` must be escaped");
    refused("<a b='x<y>z'/>", "`<` must be escaped");
    for body in
        ["<a b='1' b='2'/>", "<a b='1' c='2' b='1'/>", "<a xmlns:p='u' xmlns:p='v'/>", "<a xmlns='u' xmlns='u'/>"]
    {
        refused(body, "two attributes of the same name");
    }
    for body in [
        "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        "<a xmlns:p='u'><b xmlns:q='&#117;' p:c='1' d='x' q:c='2'/></a>",
        "<a xml:b='1' xmlns:p='http://www.w3.org/XML/1998/namespace' p:b='1'/>",
    ] {
        assert!(events(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn prefixes_must_be_declared_and_declarations_legal() {
    for body in [
        "<p:a/>",
        "<a p:b='1'/>",
        "<a><p:b xmlns:p='u'/><p:c/></a>",
        "<a xmlns:p='u'/><!--",
        "<xmlns:a/>",
        "<a><b xmlns:q='u'/><c q:d=''/></a>",
        "<a xmlns:p=''/>",
        "<a xmlns:xmlns='u'/>",
        "<a xmlns:xml='u'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns:='u'/>",
        "<a xmlns:1='u'/>",
        "<a><?p:q r?></a>",
    ] {
        assert!(events(body.as_bytes()).is_err(), "{body}");
    }
    refused("<p:a/>", "prefix is not declared");
}

#[test]
fn text_and_references_follow_the_grammar() {
    refused("<a>]]></a>", "`]]>` must be escaped");
    refused("<a>x]]]>y</a>", "`]]>` must be escaped");
    for body in [
        "<a>&</a>",
        "<a>& </a>",
        "<a>&amp</a>",
        "<a>&amp &lt;</a>",
        "<a>&b;</a>",
        "<a>&nbsp;</a>",
        "<a>&#0;</a>",
        "<a>&#xD800;</a>",
        "<a>&#xFFFF;</a>",
        "<a>&#x;</a>",
        "<a>&#;</a>",
        "<a>&;</a>",
        "<a>&#1;</a>",
        "<a>&#x110000;</a>",
        "<a b='&'/>",
        "<a b='&b;'/>",
        "<a b='&#2;'/>",
        "<a b='&amp'/>",
        "<a>&#38</a>",
        "<a>a&<b/></a>",
        "<a>&a&b;</a>",
        "<a b='&lt'/>",
        "<a>\u{1}</a>",
        "<a b='\u{8}'/>",
        "<a>\u{FFFE}</a>",
        "<!-- \u{FFFF} --><a/>",
        "<a><?p \u{7}?></a>",
        "<a><![CDATA[\u{1F}]]></a>",
        "<a>&#X41;</a>",
    ] {
        assert!(events(body.as_bytes()).is_err(), "{body:?}");
    }
}

#[test]
fn comments_instructions_and_sections_follow_the_grammar() {
    for body in [
        "<a><!-- -- --></a>",
        "<a><!-- x ---></a>",
        "<a><!-----></a>",
        "<!--a--b--><a/>",
        "<a><!- x --></a>",
        "<a><!x></a>",
        "<a><!-- x -></a>",
        "<a><!--></a>",
        "<a><![CDATA[x]]</a>",
        "<a><![cdata[x]]></a>",
        "<a><! [CDATA[x]]></a>",
        "<a><![CDATA [x]]></a>",
        "<a><![CDATA[x]] ></a>",
        "<a><![INCLUDE[x]]></a>",
        "<a><?p x></a>",
        "<a><?p</a>",
        "<a><?p/?></a>",
        "<a><?xml?></a>",
        "<a><?XML x?></a>",
        "<?xMl x?><a/>",
        "<a><?p\u{A0}x?></a>",
        "<!ELEMENT a ANY><a/>",
        "<!ENTITY a 'b'><a/>",
        "<a><!ATTLIST a b CDATA #IMPLIED></a>",
        "<![IGNORE[]]><a/>",
    ] {
        assert!(events(body.as_bytes()).is_err(), "{body}");
    }
    for body in [
        "\n<?xml version='1.0'?><a/>",
        "<!-- --><?xml version='1.0'?><a/>",
        "<a/><?xml version='1.0'?>",
        "<a><?xml version='1.0'?></a>",
    ] {
        refused(body, "XML declaration must stand at the very beginning");
    }
}

#[test]
fn document_types_are_refused_before_they_are_read() {
    for body in [
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        "<!DOCTYPE lol [<!ENTITY a 'lol'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]><lol>&b;</lol>",
        "<?xml version='1.0'?><!-- c --> <!DOCTYPE a [",
        "<!DOCTYPE",
        "<a/><!DOCTYPE a>",
        "<a><!DOCTYPE a></a>",
    ] {
        refused(body, "a document type declaration is not accepted");
    }
    assert!(events(b"<!doctype a><a/>").is_err());
}

#[test]
fn limits_say_what_a_document_may_look_like() {
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    events(nested(127).as_bytes()).unwrap();
    refused(&nested(128), "nested 128 deep");
    refused(&"<a>".repeat(1_000_000), "nested 128 deep");

    let attributes = |count: usize| format!("<a {}/>", (0..count).map(|i| format!("b{i}='' ")).collect::<String>());
    events(attributes(256).as_bytes()).unwrap();
    refused(&attributes(257), "more than 256 attributes");

    let bindings =
        |count: usize| format!("<a {}/>", (0..count).map(|i| format!("xmlns:p{i}='u' ")).collect::<String>());
    events(bindings(64).as_bytes()).unwrap();
    refused(&bindings(65), "more than 64 namespace");

    let name = |length: usize| format!("<{}/>", "n".repeat(length));
    events(name(65_536).as_bytes()).unwrap();
    refused(&name(65_537), "longer than 64 KiB");
    events(format!("<a b='{0}'>{0}</a>", "x".repeat(1 << 20)).as_bytes()).unwrap();
}

#[test]
fn faults_say_where_and_quote_nothing() {
    let fault = events(b"<a>\n  <secret-name b='hunter2'></wrong></a>").unwrap_err();
    assert_eq!(fault.to_string(), "an end tag must repeat the name of the start tag (line 2, column 28)");
}
