//! The socket as h2 sees it: shows every frame to the conduct, and closes so that the client can read to the end.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::conduct::Conduct;
use super::frames::Frames;
use crate::stream::Stream;

pub(super) struct FrameIo {
    stream: Stream,
    /// What was read before h2 came.
    first: Bytes,
    frames: Frames,
    conduct: Rc<Conduct>,
    is_shut: bool,
}

impl FrameIo {
    pub(super) fn new(stream: Stream, first: Bytes, conduct: Rc<Conduct>) -> FrameIo {
        FrameIo { stream, first, frames: Frames::new(), conduct, is_shut: false }
    }

    fn poll_more(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let length = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first[..length]);
        self.first.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for FrameIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.conduct.is_flooded() {
            // Whoever polls the connection looks for this as soon as it is its turn again, and ends it.
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(self.poll_more(cx, buffer))?;
        let FrameIo { frames, conduct, .. } = &mut *self;
        frames.follow(&buffer.filled()[before..], |frame| conduct.frame(frame));
        conduct.read(frames.are_whole());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FrameIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.conduct.wrote(count(&written));
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.conduct.wrote(count(&written));
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        // TLS keeps bytes for itself until it is flushed.
        self.conduct.wrote(flushed.is_ready().then_some(0));
        flushed
    }

    /// A client that may still be sending when the connection is closed would get a reset, which takes away what it
    /// hasn't read yet. Read and forget until it closes; the conduct limits how long.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.is_shut = true;
            self.conduct.closed();
        }
        let mut scratch = [0; 4096];
        loop {
            let mut scratch = ReadBuf::new(&mut scratch);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut scratch));
            if read.is_err() || scratch.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

fn count(written: &Poll<io::Result<usize>>) -> Option<usize> {
    match written {
        Poll::Pending => None,
        Poll::Ready(Ok(bytes)) => Some(*bytes),
        Poll::Ready(Err(_)) => Some(0),
    }
}
