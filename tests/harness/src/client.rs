//! Clients: one that behaves, a bare connection for those that don't, and many at once.

mod channel;

use crate::PATIENCE;
use crate::message::{Request, Response};
use crate::tls::Tls;
use crate::wire;
use channel::Channel;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Barrier;
use std::time::Duration;

/// A client that keeps its connection as long as the server lets it.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    connection: Option<Connection>,
    opened: usize,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, connection: None, opened: 0 }
    }

    pub fn get(&mut self, target: &str) -> Response {
        self.send(&Request::get(target))
    }

    /// Send a request and wait for the whole response.
    ///
    /// # Panics
    ///
    /// If there is none; see `try_send`.
    pub fn send(&mut self, request: &Request) -> Response {
        self.try_send(request)
            .unwrap_or_else(|error| panic!("no response to {} {}: {error}", request.method, request.target))
    }

    /// Send a request and wait for the whole response. Nothing is ever sent twice.
    pub fn try_send(&mut self, request: &Request) -> io::Result<Response> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => {
                self.opened += 1;
                Connection::open(self.address)?
            }
        };
        connection.write(&request.to_bytes(&self.address.to_string()))?;
        let response = connection.read_response(&request.method)?;
        let closes = |value: &str| value.eq_ignore_ascii_case("close");
        if !response.headers.get("connection").is_some_and(closes) {
            self.connection = Some(connection);
        }
        Ok(response)
    }

    /// Does the server close the kept connection within `patience`? Also if none is kept.
    pub fn is_closed_within(&mut self, patience: Duration) -> bool {
        self.connection.as_mut().is_none_or(|connection| connection.closes_within(patience))
    }

    /// How many connections it took so far.
    pub fn connections_opened(&self) -> usize {
        self.opened
    }
}

/// A TCP connection, perhaps with TLS, and nothing done for you.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<Channel>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { reader: BufReader::new(Channel::Plain(connect(address)?)) })
    }

    /// Connect and complete the handshake.
    pub fn open_tls(address: SocketAddr, tls: &Tls) -> io::Result<Self> {
        Ok(Self { reader: BufReader::new(Channel::Tls(Box::new(tls.over(connect(address)?)?))) })
    }

    /// The protocol that was agreed on (ALPN), if TLS was and it did.
    pub fn protocol(&self) -> Option<String> {
        match self.reader.get_ref() {
            Channel::Plain(_) => None,
            Channel::Tls(stream) => stream.conn.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        }
    }

    /// The certificate that the server showed, if TLS was agreed on.
    pub fn server_certificate(&self) -> Option<Vec<u8>> {
        match self.reader.get_ref() {
            Channel::Plain(_) => None,
            Channel::Tls(stream) => stream.conn.peer_certificates()?.first().map(|first| first.to_vec()),
        }
    }

    /// The client's own end.
    pub fn local_address(&self) -> SocketAddr {
        self.socket().local_addr().expect("a connected socket has an address")
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let channel = self.reader.get_mut();
        channel.write_all(bytes)?;
        channel.flush()
    }

    /// Read exactly as many bytes.
    pub fn read_exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn socket(&self) -> &TcpStream {
        self.reader.get_ref().socket()
    }

    /// Read one response to a request of `method`.
    pub fn read_response(&mut self, method: &str) -> io::Result<Response> {
        wire::read_response(&mut self.reader, method)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed without a response"))
    }

    /// Read a response's head and leave its body, or an interim response, for later.
    pub fn read_response_head(&mut self) -> io::Result<Response> {
        wire::read_response_head(&mut self.reader)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed without a response"))
    }

    /// Read at most `limit` bytes, as soon as there are any; none at the end.
    pub fn read_some(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        let available = self.reader.fill_buf()?;
        let taken = available[..available.len().min(limit)].to_owned();
        self.reader.consume(taken.len());
        Ok(taken)
    }

    /// Read until the server closes.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Does the server close within `patience`, without sending another byte?
    pub fn closes_within(&mut self, patience: Duration) -> bool {
        self.socket().set_read_timeout(Some(patience)).expect("a time-out can be set");
        let closed = match self.reader.fill_buf() {
            Ok(bytes) => bytes.is_empty(),
            Err(error) => {
                matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)
            }
        };
        self.socket().set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        closed
    }

    /// Say that nothing more will be sent, and go on reading.
    pub fn finish_writing(&self) {
        self.socket().shutdown(Shutdown::Write).expect("a connection can be half closed");
    }

    /// Close with a reset instead of in order.
    pub fn reset(self) {
        reset(self.reader.into_inner().into_socket());
    }

    /// Has the server closed? Looks only; nothing is read.
    fn is_closed(&self) -> bool {
        let stream = self.socket();
        stream.set_nonblocking(true).expect("a socket can be made non-blocking");
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).expect("a socket can be made blocking");
        match peeked {
            // Bytes that nobody asked for: the next response would be read out of place.
            Ok(_) => true,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

pub(crate) fn reset(stream: TcpStream) {
    let socket = socket2::Socket::from(stream);
    drop(socket.set_linger(Some(Duration::ZERO)));
}

/// Send `clients` requests at the same moment, each on a connection of its own, and collect the statuses.
///
/// # Panics
///
/// If a request gets no response.
pub fn burst(address: SocketAddr, clients: usize, request: impl Fn() -> Request + Sync) -> Vec<u16> {
    let barrier = Barrier::new(clients);
    std::thread::scope(|scope| {
        let one = || {
            let request = request();
            let connection = Connection::open(address);
            barrier.wait();
            let mut connection = connection.expect("a burst's client can connect");
            let sent = connection.write(&request.to_bytes(&address.to_string()));
            let response = sent.and_then(|()| connection.read_response(&request.method));
            response.unwrap_or_else(|error| panic!("no response within a burst: {error}")).status
        };
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a burst's client ends well")).collect()
    })
}
