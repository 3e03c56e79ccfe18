//! From an accepted socket to a connection that HTTP can be spoken over.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::{TlsAcceptor, TlsStream};
use tollgate_core::message::Scheme;

use super::detect::{Protocol, detect};
use super::request_id::RequestId;
use super::{Arrival, Settings};
use crate::certificates::Certificates;
use crate::stream::Stream;

/// A client connection, as far as it concerns requests.
pub(super) struct Connected {
    peer: SocketAddr,
    local: SocketAddr,
    scheme: Scheme,
    secured: Option<Secured>,
}

/// How a connection was secured.
struct Secured {
    certificates: Arc<Certificates>,
    /// The name that the client asked for (SNI), if it did.
    name: Option<String>,
}

impl Connected {
    pub(super) fn in_cleartext(peer: SocketAddr, local: SocketAddr) -> Connected {
        Connected { peer, local, scheme: Scheme::Http, secured: None }
    }

    pub(super) fn arrival(&self, at: std::time::Instant, request_id: RequestId) -> Arrival {
        Arrival { peer: self.peer, local: self.local, scheme: self.scheme, at, request_id }
    }

    /// Is a request for `host` on the wrong connection?
    pub(super) fn is_misdirected(&self, host: &str) -> bool {
        let Some(Secured { certificates, name: Some(name) }) = &self.secured else { return false };
        let bare = tollgate_core::authority::split(host, 0).map_or(host, |(bare, _)| bare);
        certificates.is_misdirected(name, bare)
    }
}

/// Complete TLS within its time; and which protocol was agreed on. None if there is nobody to serve.
pub(super) async fn secure(
    socket: TcpStream,
    certificates: Arc<Certificates>,
    addresses: (SocketAddr, SocketAddr),
    settings: &Settings,
) -> Option<(Stream, Connected, Protocol)> {
    let accepted = TlsAcceptor::from(Arc::clone(&certificates.config)).accept(socket);
    let stream = match tokio::time::timeout(settings.handshake_timeout, accepted).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(peer = %addresses.0, %error, "a TLS handshake failed");
            return None;
        }
        Err(_) => return None,
    };
    let (_, session) = stream.get_ref();
    let protocol = if session.alpn_protocol() == Some(b"h2") { Protocol::Http2 } else { Protocol::Http1 };
    let name = session.server_name().map(str::to_owned);
    let (peer, local) = addresses;
    let connected = Connected { peer, local, scheme: Scheme::Https, secured: Some(Secured { certificates, name }) };
    Some((Stream::Tls(Box::new(TlsStream::Server(stream))), connected, protocol))
}

/// Find out what a client speaks in cleartext. None if it doesn't say so in time.
pub(super) async fn listen_for_protocol(stream: &mut Stream, settings: &Settings) -> Option<(Protocol, Bytes)> {
    let deadline = Instant::now() + settings.header_timeout;
    timeout_at(deadline, detect(stream)).await.ok()?.ok()
}
