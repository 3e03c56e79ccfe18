//! A TCP connection to an origin whose last words are heard.
//!
//! An origin that answers early and closes with unread bytes resets the connection: writing fails then, though the
//! response may be waiting to be read. So a failed write isn't reported. What is written after it goes nowhere, and
//! what is read says how the exchange ends: with the response, or with the end of the connection, which always follows
//! (a socket that can't be written to after a reset reads what came before it, and then its end).

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::stream::Stream;

/// What became of a connection's bytes; shared with whoever uses the connection.
#[derive(Debug, Default)]
pub(super) struct Account {
    read: Cell<u64>,
    is_broken: Cell<bool>,
}

impl Account {
    /// Bytes that were read so far.
    pub(super) fn read(&self) -> u64 {
        self.read.get()
    }

    /// Has writing failed? Such a connection may still be read, but never be used again.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.get()
    }
}

/// A connection to an origin, in cleartext or within TLS.
pub(crate) type OriginStream = Stream<Socket>;

pub(crate) struct Socket {
    stream: TcpStream,
    account: Rc<Account>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Socket {
        Socket { stream, account: Rc::default() }
    }

    pub(super) fn account(&self) -> &Rc<Account> {
        &self.account
    }

    /// What was written, or else all of `length` bytes, which go nowhere.
    fn written(&self, written: Poll<io::Result<usize>>, length: usize) -> Poll<io::Result<usize>> {
        written.map(|written| {
            written.or_else(|_| {
                self.account.is_broken.set(true);
                Ok(length)
            })
        })
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        let came = buffer.filled().len().saturating_sub(before) as u64;
        this.account.read.set(this.account.read.get().wrapping_add(came));
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.written(written, bytes.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.written(written, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
