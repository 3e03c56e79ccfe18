//! An HTTP/1.1 origin on loopback that records what it gets and answers as the test says, well or badly.

mod answer;

pub use answer::{Answer, Step};

use crate::client::reset;
use crate::message::{Request, Response};
use crate::{PATIENCE, wire};
use std::collections::BTreeMap;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

/// An origin. It stops when it is dropped.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
    /// Keeps the port of an origin that refuses: bound, and never listening.
    _refusing: Option<socket2::Socket>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    /// How many connections were made, and those that are open, by number.
    connections: usize,
    open: BTreeMap<usize, TcpStream>,
    abandoned: usize,
    stopped: bool,
}

impl Origin {
    /// Start an origin; `handler` answers each request once its body is there.
    pub fn start<A: Into<Answer>>(handler: impl Fn(&Request) -> A + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared::default());
        let handler: Arc<Handler> = Arc::new(move |request| handler(request).into());
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared, &handler)
        });
        Self { address, shared, listener: Some(thread), _refusing: None }
    }

    /// An origin that answers 200 with what it got, as JSON: `method`, `target`, `headers` (pairs) and `body`.
    pub fn echo() -> Self {
        Self::start(|request| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let headers: Vec<[String; 2]> =
                request.headers.0.iter().map(|(name, value)| [name.clone(), text(value)]).collect();
            let echo = serde_json::json!({
                "method": request.method, "target": request.target, "headers": headers, "body": text(&request.body),
            });
            Response::new(200).header("content-type", "application/json").body(echo.to_string())
        })
    }

    /// An address where connections are refused. The port is held, so that nobody else comes to listen there.
    pub fn refusing() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any_port.into()).expect("loopback has a free port");
        let address = socket.local_addr().ok().and_then(|address| address.as_socket());
        Self {
            address: address.expect("a bound socket has an address"),
            shared: Arc::default(),
            listener: None,
            _refusing: Some(socket),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Example: `http://127.0.0.1:40001`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, in the order in which they were complete.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// The only request so far.
    ///
    /// # Panics
    ///
    /// If there were none or several.
    pub fn only_request(&self) -> Request {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "requests at the origin: {requests:?}");
        requests.into_iter().next().expect("there is one")
    }

    /// Wait until there have been `count` requests, and return them all.
    ///
    /// # Panics
    ///
    /// If they don't come.
    pub fn wait_for_requests(&self, count: usize) -> Vec<Request> {
        self.wait(|seen| seen.requests.len() >= count, "requests");
        self.requests()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// How many peers went away while a `Step::Hang` kept them waiting.
    pub fn abandoned(&self) -> usize {
        self.shared.lock().abandoned
    }

    /// Wait until `count` peers have gone away while they were kept waiting.
    ///
    /// # Panics
    ///
    /// If they stay.
    pub fn wait_for_abandoned(&self, count: usize) {
        self.wait(|seen| seen.abandoned >= count, "peers that gave up");
    }

    fn wait(&self, enough: impl Fn(&Seen) -> bool, what: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.shared.lock();
        while !enough(&seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "too few {what} at the origin; requests so far: {:?}", seen.requests);
            seen = self.shared.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        {
            let mut seen = self.shared.lock();
            seen.stopped = true;
            for connection in seen.open.values() {
                drop(connection.shutdown(Shutdown::Both));
            }
        }
        self.shared.changed.notify_all();
        if let Some(listener) = self.listener.take() {
            // Wakes `accept`, which then sees that it is over.
            drop(TcpStream::connect(self.address));
            drop(listener.join());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Wait for `time`, or until the origin is dropped.
    fn pause(&self, time: Duration) {
        let deadline = Instant::now() + time;
        let mut seen = self.lock();
        while !seen.stopped && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            seen = self.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, handler: &Arc<Handler>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let Ok(copy) = stream.try_clone() else { continue };
        let number = {
            let mut seen = shared.lock();
            if seen.stopped {
                return;
            }
            seen.connections += 1;
            let number = seen.connections;
            seen.open.insert(number, copy);
            number
        };
        let (shared, handler) = (shared.clone(), handler.clone());
        std::thread::spawn(move || {
            let resets = serve(&stream, &shared, &handler);
            // Only when the last copy goes does the peer hear of it.
            shared.change(|seen| drop(seen.open.remove(&number)));
            if resets {
                reset(stream);
            }
        });
    }
}

/// One connection, to its end; true if that is to be a reset. What goes wrong here is the peer's doing or the
/// script's, so nothing is reported.
fn serve(stream: &TcpStream, shared: &Shared, handler: &Arc<Handler>) -> bool {
    drop(stream.set_nodelay(true));
    let mut writer = stream;
    let mut reader = BufReader::new(stream);
    loop {
        let request = wire::read_request(&mut reader, |headers| {
            if headers.has("expect") {
                drop({ stream }.write_all(b"HTTP/1.1 100 Continue\r\n\r\n"));
            }
        });
        let Ok(Some(request)) = request else { return false };
        shared.change(|seen| seen.requests.push(request.clone()));
        for step in handler(&request).steps(&request.method) {
            match step {
                Step::Send(bytes) => {
                    if writer.write_all(&bytes).is_err() {
                        return false;
                    }
                }
                Step::Wait(time) => shared.pause(time),
                Step::Hang => {
                    hang(&mut reader, shared);
                    return false;
                }
                Step::Close => return false,
                Step::Reset => return true,
            }
        }
    }
}

/// Say nothing until the peer goes away or the origin is dropped.
fn hang(reader: &mut BufReader<&TcpStream>, shared: &Shared) {
    let mut nothing = [0; 1024];
    let left = loop {
        match reader.read(&mut nothing) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) => break error.kind() == ErrorKind::ConnectionReset,
        }
    };
    shared.change(|seen| seen.abandoned += usize::from(left && !seen.stopped));
}

#[cfg(test)]
#[path = "origin/tests.rs"]
mod tests;
