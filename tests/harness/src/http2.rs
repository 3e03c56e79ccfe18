//! HTTP/2 frame by frame: a client that may do whatever it likes. One that behaves is [`Client`].

mod client;
mod origin;

pub use client::{Answer, Client};
pub use origin::{Origin, Reply};

use crate::client::Connection;
use crate::tls::Tls;
use std::io;
use std::net::SocketAddr;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Ends a stream, on DATA and HEADERS.
pub const END_STREAM: u8 = 1;
/// Ends a header section, on HEADERS and CONTINUATION.
pub const END_HEADERS: u8 = 4;

/// A frame (RFC 9113 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// A whole request without a body, or with one that follows.
    pub fn request(stream: u32, ends: bool, fields: &[(&str, &str)]) -> Self {
        let flags = END_HEADERS | if ends { END_STREAM } else { 0 };
        Self::new(HEADERS, flags, stream, header_block(fields))
    }

    /// `GET` of a path.
    pub fn get(stream: u32, path: &str) -> Self {
        let fields = [(":method", "GET"), (":scheme", "http"), (":authority", "gateway"), (":path", path)];
        Self::request(stream, true, &fields)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a payload has at most 16 MiB").to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], self.kind, self.flags];
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }

    /// The error code of a RST_STREAM or a GOAWAY.
    pub fn error_code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        let code = self.payload.get(at..at + 4).and_then(|code| code.try_into().ok());
        u32::from_be_bytes(code.expect("a frame with an error code"))
    }

    /// The status of a response's HEADERS.
    pub fn status(&self) -> u16 {
        status(&self.payload).unwrap_or_else(|| panic!("a status in {:?}", self.payload))
    }
}

/// Fields as literals that nobody need remember (RFC 7541 §6.2.2).
pub fn header_block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            integer(text.len(), &mut block);
            block.extend(text.bytes());
        }
    }
    block
}

/// A length in seven bits (RFC 7541 §5.1).
fn integer(mut length: usize, block: &mut Vec<u8>) {
    if length < 127 {
        block.push(length as u8);
        return;
    }
    block.push(127);
    length -= 127;
    while length >= 128 {
        block.push((length % 128) as u8 | 128);
        length /= 128;
    }
    block.push(length as u8);
}

/// `:status`, which stands first; indexed, or with its digits in Huffman's code (RFC 7541 appendices A and B).
fn status(block: &[u8]) -> Option<u16> {
    let (&first, rest) = block.split_first()?;
    if first & 0x80 != 0 {
        return [200, 204, 206, 304, 400, 404, 500].get(usize::from(first & 0x7f).checked_sub(8)?).copied();
    }
    let (&length, rest) = rest.split_first()?;
    let text = rest.get(..usize::from(length & 0x7f))?;
    if length & 0x80 == 0 {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    let bits: Vec<u8> = text.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let mut at = 0;
    let mut number = |width: usize| {
        let taken = bits.get(at..at + width)?.iter().fold(0u16, |number, bit| number << 1 | u16::from(*bit));
        Some((taken, at += width).0)
    };
    let mut status = 0;
    for _ in 0..3 {
        let five = number(5)?;
        let digit = if five < 3 { five } else { (five << 1 | number(1)?) - 0b01_1001 + 3 };
        status = status * 10 + digit;
    }
    Some(status)
}

/// A connection that has sent its preface and its SETTINGS.
#[derive(Debug)]
pub struct Frames {
    connection: Connection,
}

impl Frames {
    /// In cleartext, with prior knowledge.
    pub fn open(address: SocketAddr) -> Self {
        Self::begin(Connection::open(address).expect("a gateway that listens accepts"), &[])
    }

    /// As `open`, with settings: pairs of identifier and value.
    pub fn open_with(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        Self::begin(Connection::open(address).expect("a gateway that listens accepts"), settings)
    }

    pub fn open_tls(address: SocketAddr, tls: &Tls) -> Self {
        let tls = tls.clone().offering(&["h2"]);
        Self::begin(Connection::open_tls(address, &tls).expect("a handshake"), &[])
    }

    fn begin(mut connection: Connection, settings: &[(u16, u32)]) -> Self {
        let pair = |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()[..]].concat();
        let settings: Vec<u8> = settings.iter().flat_map(pair).collect();
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(Frame::new(SETTINGS, 0, 0, settings).bytes());
        connection.write(&bytes).expect("a gateway reads a preface");
        Self { connection }
    }

    pub fn send(&mut self, frame: &Frame) {
        self.try_send(&frame.bytes()).expect("a gateway reads frames");
    }

    /// Send bytes that needn't be whole frames.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.connection.write(bytes)
    }

    /// The next frame; none when the gateway has closed, in order or not.
    pub fn read(&mut self) -> Option<Frame> {
        let head = self.connection.read_exactly(9).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let payload = self.connection.read_exactly(length as usize).ok()?;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame of this kind on this stream; none if the gateway closes before.
    pub fn find(&mut self, kind: u8, stream: u32) -> Option<Frame> {
        std::iter::from_fn(|| self.read()).find(|frame| frame.kind == kind && frame.stream == stream)
    }

    /// What the gateway makes of a stream: the status of a response, or else the error code of a reset or a GOAWAY.
    pub fn outcome(&mut self, stream: u32) -> Outcome {
        loop {
            let Some(frame) = self.read() else { return Outcome::Closed };
            match (frame.kind, frame.stream) {
                (HEADERS, of) if of == stream => return Outcome::Status(frame.status()),
                (RST_STREAM, of) if of == stream => return Outcome::Reset(frame.error_code()),
                (GOAWAY, _) if frame.error_code() != 0 => return Outcome::GoAway(frame.error_code()),
                _ => {}
            }
        }
    }

    /// The code of the GOAWAY that ends the connection; none if it is closed without one.
    pub fn expelled_with(&mut self) -> Option<u32> {
        self.find(GOAWAY, 0).map(|frame| frame.error_code())
    }

    /// Acknowledge the gateway's settings and wait for the acknowledgement of ours.
    pub fn settle(&mut self) {
        self.send(&Frame::new(SETTINGS, 1, 0, []));
        let acknowledged = std::iter::from_fn(|| self.read()).find(|frame| frame.kind == SETTINGS && frame.flags == 1);
        acknowledged.expect("settings are acknowledged");
    }

    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// What becomes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Status(u16),
    Reset(u32),
    GoAway(u32),
    Closed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_however_they_are_written() {
        assert_eq!(status(&[0x88]), Some(200));
        assert_eq!(status(&[0x8d]), Some(404));
        assert_eq!(status(&[0x48, 3, b'4', b'2', b'1']), Some(421));
        // "307" and "302", as RFC 7541 appendix C.6 and C.4 write them.
        assert_eq!(status(&[0x48, 0x83, 0x64, 0x0e, 0xff]), Some(307));
        assert_eq!(status(&[0x48, 0x82, 0x64, 0x02]), Some(302));
    }

    #[test]
    fn long_values_have_long_lengths() {
        let block = header_block(&[("a", &"x".repeat(300))]);
        assert_eq!(&block[..6], &[0, 1, b'a', 127, 0xad, 1]);
        assert_eq!(block.len(), 6 + 300);
    }
}
