//! New connections: each address of an origin in turn, each with its share of the time that is left.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::resolve::Resolver;
use super::{ConnectFault, Origin, UpstreamError};

pub(super) async fn connect(
    resolver: &Resolver,
    origin: &Origin,
    within: Duration,
) -> Result<TcpStream, UpstreamError> {
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
        let share = deadline.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(SocketAddr::new(*address, origin.port))).await {
            Ok(Ok(stream)) => {
                // Without it, the end of a request can wait for the origin's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => failure = UpstreamError::Connect(fault(&error)),
            Err(_) => failure = UpstreamError::ConnectTimeout,
        }
    }
    Err(failure)
}

fn fault(error: &io::Error) -> ConnectFault {
    match error.kind() {
        ErrorKind::ConnectionRefused => ConnectFault::Refused,
        kind => ConnectFault::Other(kind),
    }
}
