//! `hyper-proxy LISTEN ORIGIN`: the least that passes requests on with hyper, on one thread. No pool, no time limit, no check, no count, no name of an
//! origin to look up: each client's connection has one of its own to the origin. What it takes per request is what a
//! gateway on hyper can't go below.

use anyhow::{Context, Result};
use http::header::{CONNECTION, HOST, HeaderValue};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self as client, SendRequest};
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut address = |what| -> Result<SocketAddr> {
        arguments.next().and_then(|one| one.parse().ok()).with_context(|| format!("{what}: an address and a port"))
    };
    let (listen, origin) = (address("LISTEN")?, address("ORIGIN")?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(listen).await?;
        let host = HeaderValue::try_from(origin.to_string())?;
        loop {
            let (stream, _) = listener.accept().await?;
            let host = host.clone();
            spawn_local(async move {
                if let Err(error) = serve(stream, origin, host).await {
                    eprintln!("{error:#}");
                }
            });
        }
    })
}

/// Pass on one client's requests, one after the other.
async fn serve(stream: TcpStream, origin: SocketAddr, host: HeaderValue) -> Result<()> {
    stream.set_nodelay(true)?;
    let upstream = RefCell::new(Some(connect(origin).await?));
    let pass = service_fn(async |mut request: Request<Incoming>| -> Result<Response<Incoming>> {
        let lent = upstream.borrow_mut().take();
        let mut sender = match lent {
            Some(sender) if !sender.is_closed() => sender,
            _ => connect(origin).await?,
        };
        request.headers_mut().remove(CONNECTION);
        request.headers_mut().insert(HOST, host.clone());
        sender.ready().await?;
        let mut response = sender.send_request(request).await?;
        response.headers_mut().remove(CONNECTION);
        upstream.replace(Some(sender));
        Ok(response)
    });
    server::Builder::new().serve_connection(TokioIo::new(stream), pass).await?;
    Ok(())
}

async fn connect(origin: SocketAddr) -> Result<SendRequest<Incoming>> {
    let stream = TcpStream::connect(origin).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = client::handshake(TokioIo::new(stream)).await?;
    // Who waits for its answer is told when it breaks.
    spawn_local(async move { drop(connection.await) });
    Ok(sender)
}
