//! A client that sends one request after the other on one connection: each costs the gateway the same.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Far more than a request takes under valgrind.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(super) fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("could not connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream })
    }

    /// Send a request and read its response, which must be a 200 that tells its length. Returns the body.
    pub(super) fn send(&mut self, request: &[u8]) -> Result<String> {
        self.stream.write_all(request).context("the gateway takes no request")?;
        let mut response = Vec::new();
        let mut chunk = [0; 64 << 10];
        loop {
            let read = self.stream.read(&mut chunk).context("the gateway doesn't answer")?;
            if read == 0 {
                bail!("the gateway closed the connection");
            }
            response.extend_from_slice(&chunk[..read]);
            let Some(end) = head_end(&response) else {
                continue;
            };
            if !response.starts_with(b"HTTP/1.1 200 ") {
                bail!("the answer is no 200: {}", String::from_utf8_lossy(&response));
            }
            let length = length(&response[..end]).context("the answer doesn't tell its length")?;
            if response.len() >= end + length {
                return Ok(String::from_utf8_lossy(&response[end..]).into_owned());
            }
        }
    }
}

/// Where a message's head ends, if it is there to its end.
pub(super) fn head_end(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// A head's `content-length`.
pub(super) fn length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    let field = head.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = field.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    value.trim().parse().ok()
}
