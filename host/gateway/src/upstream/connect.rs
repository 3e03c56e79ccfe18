//! New connections: each address of an origin in turn, each with its share of the time that is left.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::{TlsConnector, TlsStream};
use tollgate_core::egress;

use super::resolve::Resolver;
use super::socket::{OriginStream, Socket};
use super::{ConnectFault, Origin, UpstreamError};
use crate::stream::Stream;

/// What is offered within TLS (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alpn {
    /// Nothing: HTTP/1.1 is what is spoken then.
    None,
    /// HTTP/2 alone.
    Http2,
    /// HTTP/2 rather than HTTP/1.1.
    Http2Or1,
}

pub(super) async fn connect(
    resolver: &Resolver,
    origin: &Origin,
    within: Duration,
    alpn: Alpn,
) -> Result<OriginStream, UpstreamError> {
    let deadline = Instant::now() + within;
    let addresses: Rc<[IpAddr]> = match origin.address {
        Some(address) => Rc::from([address]),
        None => {
            let resolved = timeout_at(deadline, resolver.resolve(&origin.host)).await;
            resolved.map_err(|_| UpstreamError::ConnectTimeout)?
        }
    };
    let mut failure = UpstreamError::Connect(ConnectFault::Dns);
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        // Looked at here and not when the name was resolved: the answer that is used is the one that is checked.
        if origin.public_only && egress::is_private(*address) {
            failure = UpstreamError::Connect(ConnectFault::Private);
            continue;
        }
        let share = deadline.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(SocketAddr::new(*address, origin.port))).await {
            Ok(Ok(stream)) => {
                // Without it, the end of a request can wait for the origin's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                let secured = timeout_at(deadline, secure(origin, Socket::new(stream), alpn)).await;
                return secured.map_err(|_| UpstreamError::ConnectTimeout)?;
            }
            Ok(Err(error)) => failure = UpstreamError::Connect(fault(&error)),
            Err(_) => failure = UpstreamError::ConnectTimeout,
        }
    }
    Err(failure)
}

/// TLS, if the origin is to be reached by it.
async fn secure(origin: &Origin, stream: Socket, alpn: Alpn) -> Result<OriginStream, UpstreamError> {
    let Some(trust) = &origin.tls else { return Ok(Stream::Plain(stream)) };
    let failed = UpstreamError::Connect(ConnectFault::Tls);
    let name = ServerName::try_from(origin.host.to_string()).map_err(|_| failed)?;
    match TlsConnector::from(Arc::clone(trust.config(alpn))).connect(name, stream).await {
        Ok(stream) => Ok(Stream::Tls(Box::new(TlsStream::Client(stream)))),
        Err(error) => {
            tracing::warn!(origin = origin.name(), %error, "the TLS handshake with an origin failed");
            let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
            let is_certificate = matches!(tls, Some(rustls::Error::InvalidCertificate(_)));
            Err(if is_certificate { UpstreamError::Connect(ConnectFault::Certificate) } else { failed })
        }
    }
}

fn fault(error: &io::Error) -> ConnectFault {
    match error.kind() {
        ErrorKind::ConnectionRefused => ConnectFault::Refused,
        kind => ConnectFault::Other(kind),
    }
}
