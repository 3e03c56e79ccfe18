//! An origin that answers everything with twelve bytes, or with JSON that names itself if that is accepted, one thread for each connection.

use super::client::{head_end, length};
use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncache-control: max-age=3600\r\ncontent-length: 12\r\n\r\nhello, world";

const ACCEPT_JSON: &[u8] = b"\r\naccept: application/json\r\n";

/// It serves until this process ends.
pub(super) struct Origin {
    address: SocketAddr,
}

impl Origin {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("the origin can't listen")?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that breaks is the gateway's end, or a failure that the client sees.
                std::thread::spawn(move || drop(serve(stream, address)));
            }
        });
        Ok(Self { address })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn json(address: SocketAddr) -> Vec<u8> {
    let body = format!(r#"{{"hello":"world","next":"http://{address}/items/2"}}"#);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn serve(mut stream: TcpStream, address: SocketAddr) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::new();
    let mut chunk = [0; 64 << 10];
    loop {
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        received.extend_from_slice(&chunk[..read]);
        if whole(&received) {
            let head = &received[..head_end(&received).unwrap_or_default()];
            let wants_json = head.windows(ACCEPT_JSON.len()).any(|window| window == ACCEPT_JSON);
            received.clear();
            match wants_json {
                true => stream.write_all(&json(address))?,
                false => stream.write_all(ANSWER)?,
            }
        }
    }
}

/// Whether a request has been received to its end: its length is told, or the last chunk is there.
fn whole(request: &[u8]) -> bool {
    let Some(end) = head_end(request) else {
        return false;
    };
    let head = &request[..end];
    match length(head) {
        Some(length) => request.len() >= end + length,
        None if head.to_ascii_lowercase().windows(7).any(|window| window == b"chunked") => {
            request.ends_with(b"\r\n0\r\n\r\n")
        }
        None => true,
    }
}
