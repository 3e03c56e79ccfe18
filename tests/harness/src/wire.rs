//! HTTP/1.1 off the wire: heads, and bodies by length, in chunks or until the end. Strict where a gateway could cheat.

use crate::message::{Headers, Request, Response};
use std::io::{self, BufRead, Read};

/// A whole request; none if the peer closed before the first byte.
pub(crate) fn read_request(
    reader: &mut impl BufRead,
    before_body: impl FnOnce(&Headers),
) -> io::Result<Option<Request>> {
    let Some((first, headers)) = read_head(reader)? else {
        return Ok(None);
    };
    let mut words = first.splitn(3, ' ');
    let (Some(method), Some(target), Some("HTTP/1.1")) = (words.next(), words.next(), words.next()) else {
        return Err(invalid(&format!("request line `{first}`")));
    };
    before_body(&headers);
    // A request without framing has no body.
    let body = match framing(&headers)? {
        Framing::UntilEnd => Vec::new(),
        framing => read_body(reader, &framing)?,
    };
    Ok(Some(Request { method: method.to_owned(), target: target.to_owned(), headers, body }))
}

/// A whole response to a request of `method`, past any interim ones; none if the peer closed before the first byte.
pub(crate) fn read_response(reader: &mut impl BufRead, method: &str) -> io::Result<Option<Response>> {
    loop {
        let Some(mut response) = read_response_head(reader)? else {
            return Ok(None);
        };
        if (100..200).contains(&response.status) && response.status != 101 {
            continue;
        }
        if method != "HEAD" && !matches!(response.status, 101 | 204 | 304) {
            response.body = read_body(reader, &framing(&response.headers)?)?;
        }
        return Ok(Some(response));
    }
}

/// A response's head with an empty body.
pub(crate) fn read_response_head(reader: &mut impl BufRead) -> io::Result<Option<Response>> {
    let Some((first, headers)) = read_head(reader)? else {
        return Ok(None);
    };
    let (status, reason) = first
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| first.strip_prefix("HTTP/1.0 "))
        .and_then(|rest| rest.split_at_checked(3))
        .ok_or_else(|| invalid(&format!("status line `{first}`")))?;
    let status = status.parse().map_err(|_| invalid(&format!("status line `{first}`")))?;
    Ok(Some(Response { status, reason: reason.trim_start_matches(' ').to_owned(), headers, body: Vec::new() }))
}

enum Framing {
    Length(u64),
    Chunked,
    UntilEnd,
}

fn framing(headers: &Headers) -> io::Result<Framing> {
    let lengths = headers.all("content-length");
    match (headers.get("transfer-encoding"), lengths.as_slice()) {
        (Some(coding), []) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        (None, []) => Ok(Framing::UntilEnd),
        (None, [length]) => {
            Ok(Framing::Length(length.parse().map_err(|_| invalid(&format!("content-length `{length}`")))?))
        }
        (coding, lengths) => Err(invalid(&format!("transfer-encoding {coding:?} with content-length {lengths:?}"))),
    }
}

fn read_body(reader: &mut impl BufRead, framing: &Framing) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    match framing {
        Framing::UntilEnd => {
            reader.read_to_end(&mut body)?;
        }
        Framing::Length(length) => {
            let found = reader.take(*length).read_to_end(&mut body)?;
            if (found as u64) < *length {
                return Err(short(&format!("{found} of {length} bytes of the body")));
            }
        }
        Framing::Chunked => loop {
            let line = read_line(reader)?.ok_or_else(|| short("a body without its last chunk"))?;
            let size = line.split(';').next().unwrap_or_default();
            let size = u64::from_str_radix(size, 16).map_err(|_| invalid(&format!("chunk size `{line}`")))?;
            if size == 0 {
                // Trailers, up to an empty line.
                while !read_line(reader)?.ok_or_else(|| short("a body without its end"))?.is_empty() {}
                break;
            }
            let found = reader.take(size).read_to_end(&mut body)?;
            if (found as u64) < size || read_line(reader)?.is_none_or(|rest| !rest.is_empty()) {
                return Err(short("a chunk that is not whole"));
            }
        },
    }
    Ok(body)
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Option<(String, Headers)>> {
    let Some(first) = read_line(reader)? else {
        return Ok(None);
    };
    let mut headers = Headers::default();
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        let Some(line) = line.strip_suffix(b"\r\n") else {
            return Err(short("a head without its end"));
        };
        if line.is_empty() {
            return Ok(Some((first, headers)));
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.ok_or_else(|| invalid("a header line without a colon"))?);
        headers.push(&String::from_utf8_lossy(name), value[1..].trim_ascii());
    }
}

/// A line without its end; none at the end of the stream.
fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(Some(String::from_utf8_lossy(line).into_owned())),
        None => Err(short(&format!("the line `{}`", line.escape_ascii()))),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP/1.1: {what}"))
}

fn short(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the peer closed after {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(text: &str) -> io::Result<Option<Response>> {
        read_response(&mut text.as_bytes(), "GET")
    }

    #[test]
    fn every_framing_is_read_to_its_end() {
        for (text, body) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "hi"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1;x=y\r\ni\r\n0\r\nt: 1\r\n\r\n", "hi"),
            ("HTTP/1.1 200 OK\r\n\r\nhi", "hi"),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", ""),
        ] {
            assert_eq!(response(text).unwrap().unwrap().text(), body, "{text}");
        }
        assert!(response("").unwrap().is_none());
    }

    #[test]
    fn a_message_that_is_cut_off_or_ambiguous_is_an_error() {
        for text in [
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\ncontent-le",
            "HTTP/1.1 2000 OK\r\n",
            "ICY 200 OK\r\n\r\n",
        ] {
            assert!(response(text).is_err(), "{text}");
        }
    }
}
