//! The real binary, and an origin that says what it was asked for.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tollgate_harness::Gateway;

/// How long an answer may take: far more than it does.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it may say nothing before it is taken to wait for more.
const PAUSE: Duration = Duration::from_millis(10);

/// A gateway and the address of its origin, which lives as long as the process.
pub(super) fn gateway(yaml: &str) -> Gateway {
    let origin = origin();
    Gateway::with(&format!("workers: 1\naccess-log: off\n{yaml}")).value("origin", &format!("http://{origin}")).start()
}

/// Answers each request with its target, host and `accept`, and closes. It keeps nothing.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is the gateway's affair.
            let _ = serve(stream);
        }
    });
    address
}

fn serve(stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(&stream).lines();
    let target = lines.next().transpose()?.unwrap_or_default();
    let (mut host, mut accept) = (String::new(), String::new());
    for line in lines {
        let line = line?;
        match line.split_once(':') {
            _ if line.is_empty() => break,
            Some((name, value)) if name.eq_ignore_ascii_case("x-forwarded-host") => host = value.trim().to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("accept") => accept += value,
            _ => {}
        }
    }
    let target = target.split(' ').nth(1).unwrap_or_default();
    let body = format!("{target}\n{host}\n{accept}");
    let head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncache-control: max-age=60\r\nvary: accept\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (&stream).write_all((head + &body).as_bytes())
}

/// Send bytes and read until the gateway closes. If it says nothing for a while it is told that no more will come: at once
/// it would take that for a client that went away.
pub(super) fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a gateway that lives accepts");
    stream.set_read_timeout(Some(PAUSE)).expect("a time-out can be set");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
    // It may have had enough before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut read = stream.read_to_end(&mut answer);
    if read.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
        let _ = stream.shutdown(Shutdown::Write);
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        read = stream.read_to_end(&mut answer);
    }
    if let Err(error) = read {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "no end of the answer: {error}");
    }
    answer
}

/// Send a whole request that ends its connection, and read the answer.
pub(super) fn answer(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a gateway that lives accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    stream.write_all(request).expect("a gateway that lives reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers and closes");
    answer
}
