//! Frames as they pass (RFC 9113 §4.1): their heads only, without keeping a byte.

use super::super::detect::PREFACE;

/// A frame, as far as its kind matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Data { is_empty: bool },
    Headers,
    Reset,
    Other,
}

/// Where in the stream of frames the next byte belongs.
pub(super) struct Frames {
    head: [u8; 9],
    /// Bytes of a head that are there.
    have: usize,
    /// Bytes of the preface or of a payload that are still to come.
    skip: usize,
    /// HEADERS have come, and the CONTINUATION that ends them hasn't.
    in_block: bool,
}

impl Frames {
    /// At the beginning of a client's connection.
    pub(super) fn new() -> Frames {
        Frames { head: [0; 9], have: 0, skip: PREFACE.len(), in_block: false }
    }

    /// Follow `bytes` and tell of each frame that begins in them.
    pub(super) fn follow(&mut self, mut bytes: &[u8], mut tell: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (self.head.len() - self.have).min(bytes.len());
            self.head[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have == self.head.len() {
                self.have = 0;
                tell(self.begin());
            }
        }
    }

    /// A frame's head is there.
    fn begin(&mut self) -> Frame {
        const DATA: u8 = 0;
        const HEADERS: u8 = 1;
        const RST_STREAM: u8 = 3;
        const CONTINUATION: u8 = 9;
        const END_STREAM: u8 = 1;
        const END_HEADERS: u8 = 4;
        let [a, b, c, kind, flags, ..] = self.head;
        let length = u32::from_be_bytes([0, a, b, c]);
        self.skip = usize::try_from(length).unwrap_or(usize::MAX);
        match kind {
            DATA => Frame::Data { is_empty: length == 0 && flags & END_STREAM == 0 },
            HEADERS => {
                self.in_block = flags & END_HEADERS == 0;
                Frame::Headers
            }
            CONTINUATION => {
                self.in_block &= flags & END_HEADERS == 0;
                Frame::Other
            }
            RST_STREAM => Frame::Reset,
            _ => Frame::Other,
        }
    }

    /// Is nothing begun that isn't complete?
    pub(super) fn are_whole(&self) -> bool {
        self.skip == 0 && self.have == 0 && !self.in_block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_seen_however_they_are_cut() {
        let mut bytes = PREFACE.to_vec();
        bytes.extend([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0xff, 0xff]);
        bytes.extend([0, 0, 2, 1, 1, 0, 0, 0, 1, 0x82, 0x84]);
        bytes.extend([0, 0, 1, 9, 4, 0, 0, 0, 1, 0x86]);
        bytes.extend([0, 0, 1, 0, 0, 0, 0, 0, 1, 7]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0, 0, 0, 0, 1, 0, 0, 0, 1]);
        bytes.extend([0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8]);
        for size in 1..=bytes.len() {
            let mut frames = Frames::new();
            let mut seen = Vec::new();
            for piece in bytes.chunks(size) {
                frames.follow(piece, |frame| seen.push(frame));
            }
            let (full, empty) = (Frame::Data { is_empty: false }, Frame::Data { is_empty: true });
            assert_eq!(seen, [Frame::Other, Frame::Headers, Frame::Other, full, empty, full, Frame::Reset], "{size}");
            assert!(frames.are_whole());
        }
    }

    #[test]
    fn a_head_without_its_end_is_not_whole() {
        let mut frames = Frames::new();
        frames.follow(PREFACE, |_| {});
        assert!(frames.are_whole());
        frames.follow(&[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82], |_| {});
        assert!(!frames.are_whole());
        frames.follow(&[0, 0, 0, 9, 4, 0, 0, 0, 1], |_| {});
        assert!(frames.are_whole());
    }
}
