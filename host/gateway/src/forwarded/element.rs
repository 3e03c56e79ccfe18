//! `Forwarded` (RFC 7239): one element for each hop, the last proxy's last.

use http::header::{self, HeaderMap};

/// What a proxy says of the hop before it; without quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// `for`: an address, perhaps with a port; or a name that hides one.
    pub(super) node: Option<Vec<u8>>,
    pub(super) host: Option<Vec<u8>>,
    pub(super) proto: Option<Vec<u8>>,
}

/// The elements, last first, up to the first line that can't be read: whatever stands before that wasn't written by
/// somebody we know.
pub(super) fn elements(headers: &HeaderMap) -> Vec<Element> {
    let mut all = Vec::new();
    for line in headers.get_all(header::FORWARDED).iter().rev() {
        let Some(line) = read_line(line.as_bytes()) else { break };
        all.extend(line.into_iter().rev());
    }
    all
}

fn read_line(line: &[u8]) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    let mut element = Element::default();
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        if !rest.is_empty() && !matches!(rest[0], b',' | b';') {
            rest = read_pair(rest, &mut element)?.trim_ascii_start();
        }
        match rest.split_first() {
            None => {
                elements.push(element);
                return Some(elements);
            }
            Some((b';', behind)) => rest = behind,
            Some((b',', behind)) => {
                elements.push(std::mem::take(&mut element));
                rest = behind;
            }
            Some(_) => return None,
        }
    }
}

/// `name=value`; gives what is behind it. A name that stands twice is malformed (RFC 7239 §4).
fn read_pair<'l>(text: &'l [u8], element: &mut Element) -> Option<&'l [u8]> {
    let at = text.iter().position(|byte| *byte == b'=')?;
    let (name, text) = (&text[..at], &text[at + 1..]);
    let (value, rest) = match text.strip_prefix(b"\"") {
        Some(quoted) => read_quoted(quoted)?,
        None => {
            let end = text.iter().position(|byte| matches!(byte, b',' | b';' | b' ' | b'\t')).unwrap_or(text.len());
            (text[..end].to_vec(), &text[end..])
        }
    };
    let place = match name.to_ascii_lowercase().as_slice() {
        b"for" => &mut element.node,
        b"host" => &mut element.host,
        b"proto" => &mut element.proto,
        name if name.iter().all(u8::is_ascii_alphanumeric) => return Some(rest),
        _ => return None,
    };
    place.replace(value).is_none().then_some(rest)
}

fn read_quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut bytes = text.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((value, &text[at + 1..])),
            b'\\' => value.push(*bytes.next()?.1),
            byte => value.push(*byte),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(lines: &[&str]) -> Vec<(String, String, String)> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("forwarded", HeaderValue::from_str(line).unwrap());
        }
        let text = |value: Option<Vec<u8>>| String::from_utf8(value.unwrap_or_default()).unwrap();
        elements(&headers).into_iter().map(|e| (text(e.node), text(e.host), text(e.proto))).collect()
    }

    #[test]
    fn elements_are_read_last_first_and_up_to_the_first_that_is_malformed() {
        let of = |node: &str, host: &str, proto: &str| (node.to_owned(), host.to_owned(), proto.to_owned());
        assert_eq!(
            read(&["for=192.0.2.1, For=\"[2001:db8::1]:47\";proto=https ; host=\"a,b;c\"", "for=_x;by=y"]),
            [of("_x", "", ""), of("[2001:db8::1]:47", "a,b;c", "https"), of("192.0.2.1", "", "")]
        );
        assert_eq!(read(&["for=1", "for=\"2", "for=3"]), [of("3", "", "")]);
        for bad in ["for=1;for=2", "for", "for=\"a\"b", "f r=1"] {
            assert_eq!(read(&[bad]), [], "{bad}");
        }
        assert_eq!(read(&["for=\"a\\\"b\""]), [of("a\"b", "", "")]);
    }
}
