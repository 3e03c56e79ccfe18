//! Media types: what a body is, and what a client accepts (RFC 9110 §8.3, §12.5.1; RFC 7303; RFC 8259).

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/xml`, `text/xml` or anything that ends in `+xml`.
    Xml,
    /// `application/json`, `text/json` or anything that ends in `+json`.
    Json,
}

impl Format {
    /// Its name in sentences.
    pub fn name(self) -> &'static str {
        match self {
            Format::Xml => "XML",
            Format::Json => "JSON",
        }
    }

    /// What a body of ours in this format says that it is. JSON is always UTF-8 and has no `charset`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Xml => "application/xml; charset=utf-8",
            Format::Json => "application/json",
        }
    }

    /// True if a `content-type` names this format.
    pub fn is_named_by(self, content_type: &[u8]) -> bool {
        self.has(&media_type(content_type))
    }

    fn has(self, media_type: &str) -> bool {
        let Some((_, subtype)) = media_type.split_once('/') else { return false };
        match self {
            Format::Xml => matches!(media_type, "application/xml" | "text/xml") || subtype.ends_with("+xml"),
            Format::Json => matches!(media_type, "application/json" | "text/json") || subtype.ends_with("+json"),
        }
    }

    /// How much a client wants this format, in thousandths: the most specific range that covers it counts.
    fn quality(self, ranges: &[(String, u16)]) -> u16 {
        let best = |covers: &dyn Fn(&str) -> bool| {
            ranges.iter().filter(|(range, _)| covers(range)).map(|&(_, quality)| quality).max()
        };
        // Whoever asks for XHTML asks for pages, not for any XML.
        let itself = best(&|range| self.has(range) && range != "application/xhtml+xml");
        let kind = || best(&|range| range == "application/*" || (self == Format::Xml && range == "text/*"));
        itself.or_else(kind).or_else(|| best(&|range| range == "*/*")).unwrap_or(0)
    }
}

/// True if a client with these `accept` lines takes `to`, and likes it no less than what it would get otherwise.
pub(crate) fn accepts(accept: &[Vec<u8>], to: Format, from: Format) -> bool {
    let mut ranges = Vec::new();
    for line in accept {
        for item in split(&String::from_utf8_lossy(line), ',') {
            let range = media_type(item.as_bytes());
            if !range.is_empty() {
                ranges.push((range, quality(item)));
            }
        }
    }
    // No wish is any wish.
    ranges.is_empty() || (to.quality(&ranges) > 0 && to.quality(&ranges) >= from.quality(&ranges))
}

/// The `charset` of a `content-type`, in lower case.
pub(crate) fn charset(content_type: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(content_type).to_ascii_lowercase();
    parameters(&text).find_map(|(name, value)| (name == "charset").then(|| value.trim_matches('"').to_owned()))
}

/// The part of a media type before its parameters, in lower case.
fn media_type(value: &[u8]) -> String {
    let end = value.iter().position(|&b| b == b';').unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).trim().to_ascii_lowercase()
}

/// The weight of an `accept` item in thousandths. One that can't be read doesn't count.
fn quality(item: &str) -> u16 {
    let weight = parameters(item).find(|(name, _)| name.eq_ignore_ascii_case("q")).map(|(_, value)| value);
    let parsed = weight.and_then(|value| value.parse::<f32>().ok()).filter(|q| (0.0..=1.0).contains(q));
    parsed.map_or(1000, |q| (q * 1000.0).round() as u16)
}

fn parameters(value: &str) -> impl Iterator<Item = (&str, &str)> {
    split(value, ';').skip(1).filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        Some((name.trim(), value.trim()))
    })
}

/// Parts of a field's value between separators that are not in quotes.
fn split(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    value.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_their_media_types() {
        for (content_type, xml, json) in [
            ("application/xml", true, false),
            ("Text/XML; charset=\"utf-8\"", true, false),
            ("application/soap+xml;action=x", true, false),
            ("image/svg+xml", true, false),
            ("application/json", false, true),
            (" application/problem+json ; charset=utf-8", false, true),
            ("text/json", false, true),
            ("text/plain", false, false),
            ("application/xml-dtd", false, false),
            ("application/jsonp", false, false),
            ("json", false, false),
            ("+xml", false, false),
            ("", false, false),
            ("\u{FF}", false, false),
        ] {
            assert_eq!(Format::Xml.is_named_by(content_type.as_bytes()), xml, "{content_type}");
            assert_eq!(Format::Json.is_named_by(content_type.as_bytes()), json, "{content_type}");
        }
    }

    #[test]
    fn a_client_gets_what_it_wants_more() {
        for (accept, json, xml) in [
            ("", true, true),
            ("*/*", true, true),
            ("application/json", true, false),
            ("application/vnd.acme+json", true, false),
            ("application/xml", false, true),
            ("text/xml", false, true),
            ("text/html", false, false),
            ("text/*", false, true),
            ("application/*", true, true),
            ("application/json;q=0", false, false),
            ("application/json;q=0, */*", false, true),
            ("application/xml, application/json;q=0.5", false, true),
            ("application/xml, */*;q=0.1", false, true),
            ("application/json, */*;q=0.1", true, false),
            ("application/json;q=0.5,application/xml;q=0.5", true, true),
            ("application/json;profile=\"a,b;q=0\";q=0.9", true, false),
            ("APPLICATION/JSON;Q=1.000", true, false),
            ("application/json;q=x", true, false),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false, true),
            ("text/html,application/xhtml+xml,*/*;q=0.8", true, true),
        ] {
            let lines = [accept.as_bytes().to_vec()];
            assert_eq!(accepts(&lines, Format::Json, Format::Xml), json, "{accept}");
            assert_eq!(accepts(&lines, Format::Xml, Format::Json), xml, "{accept}");
        }
        assert!(accepts(&[], Format::Json, Format::Xml));
        assert!(accepts(&[b"text/html".to_vec(), b"application/json".to_vec()], Format::Json, Format::Xml));
    }

    #[test]
    fn charsets_are_read() {
        assert_eq!(charset(b"text/xml; Charset=\"UTF-8\"").as_deref(), Some("utf-8"));
        assert_eq!(charset(b"text/xml;charset=iso-8859-1;x=y").as_deref(), Some("iso-8859-1"));
        assert_eq!(charset(b"text/xml"), None);
    }
}
