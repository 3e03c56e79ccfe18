//! Both ends of the wire, byte by byte: a raw client and an origin that follows a script.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One end of a connection.
pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
}

/// A message as it was on the wire.
#[derive(Debug, Default, Clone)]
pub(crate) struct Message {
    /// The request or status line.
    pub(crate) line: String,
    /// Names in lower case; several lines joined with a comma.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn status(&self) -> u16 {
        self.line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Wire {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        Wire { stream: BufReader::new(stream) }
    }

    pub(crate) fn connect(address: SocketAddr) -> Wire {
        Wire::new(TcpStream::connect(address).unwrap())
    }

    pub(crate) fn raw(&mut self) -> &mut TcpStream {
        self.stream.get_mut()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.raw().write_all(bytes.as_ref()).unwrap();
    }

    /// Send and say whether that went well.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.raw().write_all(bytes.as_ref()).is_ok()
    }

    fn read_line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("nothing came: {error}"),
        }
    }

    /// A head, or nothing if the connection has ended.
    pub(crate) fn read_head(&mut self) -> Option<Message> {
        let mut message = Message { line: self.read_line()?, ..Message::default() };
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Some(message);
            }
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
            let value = value.trim().to_owned();
            message
                .headers
                .entry(name.to_ascii_lowercase())
                .and_modify(|all| {
                    all.push(',');
                    all.push_str(&value);
                })
                .or_insert(value);
        }
    }

    /// A message with its body, or nothing if the connection has ended.
    pub(crate) fn read(&mut self) -> Option<Message> {
        let mut message = self.read_head()?;
        if message.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.read_chunk() {
                message.body.extend_from_slice(&chunk);
            }
        } else if let Some(length) = message.header("content-length") {
            message.body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut message.body).unwrap();
        }
        Some(message)
    }

    /// One chunk, or nothing after the last.
    pub(crate) fn read_chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(&self.read_line().unwrap(), 16).unwrap();
        let mut chunk = vec![0; size];
        self.stream.read_exact(&mut chunk).unwrap();
        assert_eq!(self.read_line().unwrap(), "");
        (size > 0).then_some(chunk)
    }

    /// Read and forget up to `length` bytes; says how many there were before the end.
    pub(crate) fn discard(&mut self, length: u64) -> u64 {
        let mut scratch = vec![0; 64 << 10];
        let mut left = length;
        while left > 0 {
            let most = scratch.len().min(usize::try_from(left).unwrap());
            match self.stream.read(&mut scratch[..most]) {
                Ok(0) | Err(_) => break,
                Ok(read) => left -= read as u64,
            }
        }
        length - left
    }

    /// Does the other side close without saying anything more?
    pub(crate) fn ends(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    pub(crate) fn get(&mut self, path: &str) -> Message {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: public.example\r\n\r\n"));
        self.read().unwrap_or_else(|| panic!("no answer to {path}"))
    }
}

/// An origin that follows a script: one call for each connection.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Message>>>,
}

/// A script's connection, which keeps what it read.
pub(crate) struct Served {
    pub(crate) wire: Wire,
    requests: Arc<Mutex<Vec<Message>>>,
}

impl Served {
    pub(crate) fn read(&mut self) -> Option<Message> {
        let message = self.wire.read()?;
        self.requests.lock().unwrap().push(message.clone());
        Some(message)
    }

    pub(crate) fn read_head(&mut self) -> Option<Message> {
        let message = self.wire.read_head()?;
        self.requests.lock().unwrap().push(message.clone());
        Some(message)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.wire.try_send(bytes);
    }

    /// Close with a reset.
    pub(crate) fn reset(mut self) {
        socket2::SockRef::from(&*self.wire.raw()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Note that the connection has ended, as if it were a request.
    pub(crate) fn requests_end(&mut self) {
        self.requests.lock().unwrap().push(Message::default());
    }

    pub(crate) fn close_writing(&mut self) {
        let _ = self.wire.raw().shutdown(Shutdown::Write);
    }
}

impl Origin {
    pub(crate) fn new(script: impl Fn(Served) + Send + Sync + 'static) -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let origin = Origin { address, connections: Arc::clone(&connections), requests: Arc::clone(&requests) };
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (script, requests) = (Arc::clone(&script), Arc::clone(&requests));
                let wire = Wire::new(stream.unwrap());
                std::thread::spawn(move || script(Served { wire, requests }));
            }
        });
        origin
    }

    /// Answers every request with its own line.
    pub(crate) fn echo() -> Origin {
        Origin::new(|mut served| {
            while let Some(request) = served.read() {
                let body = request.line;
                served.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
            }
        })
    }

    /// Answers every request with the same bytes, and keeps the connection.
    pub(crate) fn always(answer: &'static str) -> Origin {
        Origin::new(move |mut served| {
            while served.read().is_some() {
                served.send(answer);
            }
        })
    }

    /// Answers the first request of each connection with these bytes and closes.
    pub(crate) fn once(answer: &'static str) -> Origin {
        Origin::new(move |mut served| {
            served.read();
            served.send(answer);
            served.close_writing();
            served.wire.discard(1);
        })
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<Message> {
        self.requests.lock().unwrap().clone()
    }
}

/// Wait for something that happens soon.
pub(crate) fn soon(what: &str, mut happens: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if happens() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("not within five seconds: {what}");
}
