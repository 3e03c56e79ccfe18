//! Paths and queries in which parameters of the operation's URL template stand.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;

/// A template, in its parts: the path, and the query if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    path: Vec<Piece>,
    query: Option<Vec<Piece>>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Fit for a URL.
    Text(String),
    /// A parameter's name.
    Parameter(String),
}

impl Template {
    /// Read a template; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err("a template begins with `/`".into());
        }
        if text.contains('#') {
            return Err("a template can't have a fragment".into());
        }
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let lower = path.to_ascii_lowercase();
        if let Some(found) = ["%2f", "%5c", "%00"].into_iter().find(|found| lower.contains(found)) {
            return Err(format!("a path can't hold `{found}`, which servers read differently"));
        }
        Ok(Self { path: pieces(path)?, query: query.map(pieces).transpose()? })
    }

    /// The target: path and query with the parameters' values put in, and behind them what of `original`, a query, the
    /// template doesn't name itself. The error says what is missing.
    pub(crate) fn target(
        &self,
        original: Option<&str>,
        parameter: impl Fn(&str) -> Option<String>,
    ) -> Result<String, String> {
        let mut target = filled(&self.path, &parameter, IN_PATH)?;
        if self.path.iter().any(Piece::is_parameter) && target.split('/').any(|part| matches!(part, "." | "..")) {
            return Err("a parameter's value makes a path that leads elsewhere".into());
        }
        let mut query = match &self.query {
            Some(pieces) => filled(pieces, &parameter, IN_QUERY)?,
            None => String::new(),
        };
        let template = query.len();
        for pair in original.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            if !is_named_in(query.get(..template).unwrap_or_default(), pair) {
                if !query.is_empty() {
                    query.push('&');
                }
                query.push_str(pair);
            }
        }
        if !query.is_empty() {
            target.push('?');
            target.push_str(&query);
        }
        Ok(target)
    }
}

impl Piece {
    fn is_parameter(&self) -> bool {
        matches!(self, Self::Parameter(_))
    }
}

/// What a value has encoded in a query: all that RFC 3986 §2.3 doesn't leave alone.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same for a segment of a path, which may hold more (RFC 3986 §3.3).
const IN_PATH: &AsciiSet = &IN_QUERY
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("a `{` has no `}`")?;
        pieces.push(literal(before)?);
        if name.is_empty() || name.contains(['{', '/']) {
            return Err(format!("`{{{name}}}` is no parameter"));
        }
        pieces.push(Piece::Parameter(name.to_owned()));
        rest = after;
    }
    pieces.push(literal(rest)?);
    Ok(pieces)
}

/// Text as the operator wrote it: what is encoded stays so, what no URL can hold is encoded.
fn literal(text: &str) -> Result<Piece, String> {
    if text.contains('}') {
        return Err("a `}` has no `{`".into());
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let stays = byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'|');
        if stays { encoded.push(char::from(byte)) } else { encoded.push_str(&format!("%{byte:02X}")) }
    }
    Ok(Piece::Text(encoded))
}

fn filled(
    pieces: &[Piece],
    parameter: impl Fn(&str) -> Option<String>,
    encoded: &'static AsciiSet,
) -> Result<String, String> {
    let mut filled = String::with_capacity(64);
    for piece in pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Parameter(name) => {
                let value = parameter(name)
                    .ok_or_else(|| format!("the URL template of the operation has no parameter `{name}`"))?;
                filled.extend(utf8_percent_encode(&value, encoded));
            }
        }
    }
    Ok(filled)
}

/// Whether a query has a parameter of the same name as `pair` has.
fn is_named_in(query: &str, pair: &str) -> bool {
    let mut others = query.split('&').filter(|other| !other.is_empty());
    others.any(|other| name_of(other) == name_of(pair))
}

/// The decoded name of a query parameter.
fn name_of(pair: &str) -> Cow<'_, str> {
    let key = pair.split_once('=').map_or(pair, |(key, _)| key);
    form_urlencoded::parse(key.as_bytes()).next().map(|(name, _)| name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(template: &str, original: Option<&str>, parameters: &[(&str, &str)]) -> Result<String, String> {
        let find = |name: &str| {
            let found = parameters.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Template::parse(template)?.target(original, find)
    }

    #[test]
    fn parameters_are_put_in_and_encoded() {
        for (template, parameters, expected) in [
            ("/v2/items", &[][..], "/v2/items"),
            ("/v2/{id}/x", &[("id", "a b/c?d#é:@")], "/v2/a%20b%2Fc%3Fd%23%C3%A9:@/x"),
            ("/x?id={id}&v=1", &[("id", "a&b=c+d")], "/x?id=a%26b%3Dc%2Bd&v=1"),
            ("/caf\u{e9} x/%3F", &[], "/caf%C3%A9%20x/%3F"),
            ("/{a}-{b}", &[("a", "1"), ("b", "2")], "/1-2"),
        ] {
            assert_eq!(target(template, None, parameters).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn what_the_template_does_not_name_is_appended_as_it_came() {
        for (template, original, expected) in [
            ("/x", Some("b=%2f&a"), "/x?b=%2f&a"),
            ("/x?a=1", Some("b=+&%61=2&a=3"), "/x?a=1&b=+"),
            ("/x?a=1", None, "/x?a=1"),
            ("/x?", Some("a"), "/x?a"),
            ("/x", Some(""), "/x"),
        ] {
            assert_eq!(target(template, original, &[]).as_deref(), Ok(expected), "{template} {original:?}");
        }
    }

    #[test]
    fn a_value_does_not_lead_elsewhere() {
        for (template, value) in [("/a/{p}/b", ".."), ("/a/.{p}/b", ".")] {
            assert!(target(template, None, &[("p", value)]).unwrap_err().contains("elsewhere"), "{template}");
        }
        assert_eq!(target("/a/{p}", None, &[("p", "..b")]).as_deref(), Ok("/a/..b"));
    }

    #[test]
    fn what_is_no_template_is_told() {
        for (template, message) in [
            ("", "a template begins with `/`"),
            ("x/y", "a template begins with `/`"),
            ("/a#b", "a template can't have a fragment"),
            ("/{a", "a `{` has no `}`"),
            ("/a}", "a `}` has no `{`"),
            ("/{}", "`{}` is no parameter"),
            ("/{a/{b}", "`{a/{b}` is no parameter"),
            ("/{id}", "the URL template of the operation has no parameter `id`"),
        ] {
            assert_eq!(target(template, None, &[]).unwrap_err(), message);
        }
    }
}
