//! What an origin does with a request: a response, or a script of what no origin should do.

use crate::message::Response;
use std::time::Duration;

/// An origin's answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A sound response.
    Respond(Response),
    /// Step by step. After the last step the connection takes another request.
    Script(Vec<Step>),
}

/// One step of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    /// Say nothing more until the peer goes away.
    Hang,
    Close,
    /// Close with a TCP reset.
    Reset,
}

impl Answer {
    /// Close without a word.
    pub fn close() -> Self {
        Self::Script(vec![Step::Close])
    }

    /// Reset the connection without a word.
    pub fn reset() -> Self {
        Self::Script(vec![Step::Reset])
    }

    /// Never answer.
    pub fn stall() -> Self {
        Self::Script(vec![Step::Hang])
    }

    /// Close within the head.
    pub fn close_in_head() -> Self {
        Self::Script(vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()), Step::Close])
    }

    /// Promise the whole body of `response`, send its first `sent` bytes and close.
    pub fn close_in_body(response: Response, sent: usize) -> Self {
        Self::Script(vec![Step::Send(part(&response, sent)), Step::Close])
    }

    /// Promise the whole body of `response`, send its first `sent` bytes and then nothing more.
    pub fn stall_in_body(response: Response, sent: usize) -> Self {
        Self::Script(vec![Step::Send(part(&response, sent)), Step::Hang])
    }

    /// Send `response` in pieces of `bytes`, one every `pause`.
    pub fn drip(response: Response, bytes: usize, pause: Duration) -> Self {
        let steps = response.to_bytes("GET");
        let pieces = steps.chunks(bytes).flat_map(|piece| [Step::Send(piece.to_vec()), Step::Wait(pause)]);
        Self::Script(pieces.collect())
    }

    /// Send `response` with its body in chunks, `pieces` of them.
    pub fn chunked(response: Response, pieces: usize) -> Self {
        let mut bytes = response.clone().header("transfer-encoding", "chunked").head_bytes();
        let size = response.body.len().div_ceil(pieces.max(1)).max(1);
        for piece in response.body.chunks(size) {
            bytes.extend(format!("{:x}\r\n", piece.len()).as_bytes());
            bytes.extend(piece);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        Self::Script(vec![Step::Send(bytes)])
    }

    /// Send exactly these bytes, and close.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Script(vec![Step::Send(bytes.into()), Step::Close])
    }

    /// Send what is no HTTP, and close.
    pub fn garbage() -> Self {
        Self::raw(b"\x16\x03\x01\x02\x00 this is no HTTP\n\n\n".as_slice())
    }

    pub(super) fn steps(self, method: &str) -> Vec<Step> {
        match self {
            Self::Respond(response) => vec![Step::Send(response.to_bytes(method))],
            Self::Script(steps) => steps,
        }
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self::Respond(response)
    }
}

fn part(response: &Response, sent: usize) -> Vec<u8> {
    let mut bytes = response.clone().header("content-length", response.body.len().to_string()).head_bytes();
    bytes.extend(&response.body[..sent.min(response.body.len())]);
    bytes
}
