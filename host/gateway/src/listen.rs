//! Addresses and accepted connections.
//!
//! Each worker has its own listening socket on each address (`SO_REUSEPORT`), so the kernel spreads connections and no
//! worker waits for another. A drain stops accepting at once. Sockets can be handed over to a successor, with the
//! connections that wait in them. Doesn't read from what it accepts.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;
use tollgate_core::message::Scheme;

use crate::serve::{Handler, Server};

/// Connections that wait in the kernel until a worker is ready for them: enough for a burst of a busy second.
const BACKLOG: i32 = 4096;

/// How long not to accept when there are no file descriptors or no memory left: others need time to close theirs.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// An address that can't be listened on.
#[derive(Debug)]
pub struct BindError {
    address: SocketAddr,
    error: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error.kind() {
            ErrorKind::AddrInUse => {
                write!(f, "can't listen on {}: another process listens there already", self.address)
            }
            ErrorKind::AddrNotAvailable => {
                write!(f, "can't listen on {}: this machine doesn't have that address", self.address)
            }
            ErrorKind::PermissionDenied => {
                write!(f, "can't listen on {}: the operating system doesn't permit it", self.address)
            }
            _ => write!(f, "can't listen on {}: {}", self.address, self.error),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// A listening socket of a process that went before.
#[derive(Debug)]
pub struct Inherited {
    /// The address as that process' document wrote it; with port 0 the socket has another.
    pub wanted: SocketAddr,
    /// Is TLS spoken there?
    pub is_tls: bool,
    /// The socket.
    pub listener: TcpListener,
}

/// Whether connections are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepting {
    /// Yes.
    Yes,
    /// Not now: a successor may be about to do it.
    Paused,
    /// Not any more.
    Over,
}

/// How long connections that are idle are served on after the last one was accepted: who was about to send a request is
/// answered, and told by the answer that it was the last one.
const LEAVING: Duration = Duration::from_secs(1);

/// Listening sockets: for each worker one on each address, or more that were inherited.
#[derive(Debug)]
pub struct Listeners {
    /// As they were wanted, and as they are.
    wanted: Vec<SocketAddr>,
    addresses: Vec<SocketAddr>,
    /// With the number of their address.
    workers: Vec<Vec<(usize, TcpListener)>>,
}

impl Listeners {
    /// Listen on `addresses` for this many workers. Port 0 becomes one free port that all of them share.
    pub fn bind(addresses: &[SocketAddr], workers: usize) -> Result<Listeners, BindError> {
        Listeners::inherit(addresses, workers, Vec::new())
    }

    /// As [`Self::bind`], but go on with sockets that a process that went before listened on. All of them on a wanted
    /// address are kept, whatever the number of workers: connections may be waiting in each.
    pub fn inherit(
        addresses: &[SocketAddr],
        workers: usize,
        mut inherited: Vec<Inherited>,
    ) -> Result<Listeners, BindError> {
        let mut bound = Vec::with_capacity(addresses.len());
        let mut sockets: Vec<Vec<(usize, TcpListener)>> = (0..workers).map(|_| Vec::new()).collect();
        for (number, &wanted) in addresses.iter().enumerate() {
            let refuse = |error| BindError { address: wanted, error };
            let (ours, others) = inherited.into_iter().partition::<Vec<_>, _>(|it| it.wanted == wanted);
            inherited = others;
            let mut address = match ours.first() {
                Some(first) => first.listener.local_addr().map_err(refuse)?,
                None => wanted,
            };
            if ours.is_empty() && wanted.port() != 0 {
                // With SO_REUSEPORT two processes would share the port, and each would get a part of the requests.
                open(wanted, false).map_err(refuse)?;
            }
            let have = ours.len();
            for (at, ours) in ours.into_iter().enumerate() {
                if let Some(listeners) = sockets.get_mut(at % workers.max(1)) {
                    listeners.push((number, ours.listener));
                }
            }
            for listeners in sockets.iter_mut().skip(have) {
                let listener = open(address, true).map_err(refuse)?;
                address = listener.local_addr().map_err(refuse)?;
                listeners.push((number, listener));
            }
            bound.push(address);
        }
        Ok(Listeners { wanted: addresses.to_vec(), addresses: bound, workers: sockets })
    }

    /// The addresses, with their ports.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// All sockets once more, for a successor.
    pub fn copies(&self, is_tls: bool) -> io::Result<Vec<Inherited>> {
        let all = self.workers.iter().flatten();
        all.map(|(number, listener)| {
            let wanted = self.wanted.get(*number).copied();
            let listener = listener.try_clone()?;
            Ok(Inherited { wanted: wanted.map_or_else(|| listener.local_addr(), Ok)?, is_tls, listener })
        })
        .collect()
    }

    /// The sockets of each worker.
    pub fn into_workers(self) -> Vec<Vec<TcpListener>> {
        let sockets = |worker: Vec<(usize, TcpListener)>| worker.into_iter().map(|(_, listener)| listener).collect();
        self.workers.into_iter().map(sockets).collect()
    }
}

fn open(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of a previous process that are still closing don't matter.
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        // `[::]` means IPv6 only, so that it and `0.0.0.0` can stand beside each other on every system.
        socket.set_only_v6(true)?;
    }
    // Accepted sockets inherit it.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A worker's sockets.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Those for cleartext.
    pub plain: Vec<TcpListener>,
    /// Those for TLS.
    pub tls: Vec<TcpListener>,
}

/// Accept connections from a worker's sockets while `accepting` says so, and when that is over drain the server. Returns
/// when all its connections are closed. Must run on the worker's thread.
pub async fn accept<H: Handler>(
    sockets: Sockets,
    server: Server<H>,
    mut accepting: watch::Receiver<Accepting>,
) -> io::Result<()> {
    let plain = sockets.plain.into_iter().map(|listener| (listener, Scheme::Http));
    let tls = sockets.tls.into_iter().map(|listener| (listener, Scheme::Https));
    let listeners: Vec<_> = plain.chain(tls).collect();
    loop {
        let mut tasks = Vec::with_capacity(listeners.len());
        for (listener, scheme) in &listeners {
            let listener = tokio::net::TcpListener::from_std(listener.try_clone()?)?;
            tasks.push(tokio::task::spawn_local(accept_from(listener, server.clone(), *scheme)));
        }
        // A sender that is gone won't say anything more.
        let _ = accepting.wait_for(|now| *now != Accepting::Yes).await;
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
        let next = accepting.wait_for(|now| *now != Accepting::Paused).await.map(|now| *now);
        if !matches!(next, Ok(Accepting::Yes)) {
            break;
        }
    }
    drop(listeners);
    server.leave();
    let _ = tokio::time::timeout(LEAVING, server.drained()).await;
    server.drain();
    server.drained().await;
    Ok(())
}

async fn accept_from<H: Handler>(listener: tokio::net::TcpListener, server: Server<H>, scheme: Scheme) {
    let mut exhausted = false;
    loop {
        server.room().await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                exhausted = false;
                server.accept(stream, peer, scheme);
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                if !exhausted {
                    tracing::warn!(error = %error, "can't accept connections for now");
                }
                exhausted = true;
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

/// Did just the one connection fail that was to be accepted?
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_a_free_port() {
        let listeners = Listeners::bind(&["127.0.0.1:0".parse().unwrap()], 3).unwrap();
        let port = listeners.addresses()[0].port();
        assert_ne!(port, 0);
        let workers = listeners.into_workers();
        assert_eq!(workers.len(), 3);
        assert!(workers.iter().flatten().all(|listener| listener.local_addr().unwrap().port() == port));
    }

    #[test]
    fn an_address_in_use_is_an_error_even_if_it_could_be_shared() {
        let first = Listeners::bind(&["127.0.0.1:0".parse().unwrap()], 1).unwrap();
        let error = Listeners::bind(first.addresses(), 1).unwrap_err().to_string();
        assert!(error.contains("another process listens there already"), "{error}");
        let foreign = "192.0.2.1:80".parse().unwrap();
        let error = Listeners::bind(&[foreign], 1).unwrap_err().to_string();
        assert!(error.contains("doesn't have that address"), "{error}");
    }

    #[test]
    fn an_address_is_free_again_when_its_connections_are_closing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        // The side that closes first keeps the address for a while.
        drop(listener.accept().unwrap());
        drop(client);
        drop(listener);
        Listeners::bind(&[address], 1).unwrap();
    }
}
