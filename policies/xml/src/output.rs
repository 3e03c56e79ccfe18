//! The result of a conversion: bytes, up to a bound that follows from the input.

use crate::fault::Fault;

/// How many times larger than its input a result may be. Only arrays of short values under long names come near.
const MAX_GROWTH: usize = 4;

/// What small inputs may use beyond that: some thousand array items, each with its name around it.
const SLACK: usize = 256 << 10;

/// Collects a result. Past its bound it ignores what is written, so that writers need no error path of their own.
#[derive(Debug)]
pub struct Output {
    bytes: Vec<u8>,
    max: usize,
    full: bool,
}

impl Output {
    /// Room for what `input` bytes may become.
    pub fn for_input(input: usize) -> Output {
        let mut bytes = Vec::new();
        // Both directions usually come out a little smaller. A failure here shows again at the first write.
        let full = bytes.try_reserve_exact(input).is_err();
        Output { bytes, max: input.saturating_mul(MAX_GROWTH).saturating_add(SLACK), full }
    }

    /// Add bytes.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) {
        if self.has_room(bytes.len()) {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Add text.
    #[inline]
    pub fn write_str(&mut self, text: &str) {
        self.write(text.as_bytes());
    }

    /// Add one ASCII character.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        if self.has_room(1) {
            self.bytes.push(byte);
        }
    }

    /// True once something was ignored: going on is pointless.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// What was written, if all of it was kept.
    pub fn finish(self) -> Result<Vec<u8>, Fault> {
        if self.full {
            Err(Fault::too_large("the conversion is more than four times as large"))
        } else {
            Ok(self.bytes)
        }
    }

    #[inline]
    fn has_room(&mut self, more: usize) -> bool {
        if self.bytes.capacity() - self.bytes.len() >= more && self.bytes.len() + more <= self.max && !self.full {
            return true;
        }
        self.make_room(more)
    }

    #[cold]
    fn make_room(&mut self, more: usize) -> bool {
        self.full = self.full || self.bytes.len() + more > self.max || self.bytes.try_reserve(more).is_err();
        !self.full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_may_be_four_times_its_input_and_256_kib() {
        let bound = 4 * 10 + (256 << 10);
        for (length, fits) in [(0, true), (bound, true), (bound + 1, false)] {
            let mut output = Output::for_input(10);
            output.write(&vec![b'x'; length]);
            assert_eq!((output.is_full(), output.finish().is_ok()), (!fits, fits), "{length}");
        }
    }

    #[test]
    fn nothing_is_kept_after_something_was_ignored() {
        let mut output = Output::for_input(0);
        output.write(&vec![b'x'; 257 << 10]);
        output.push(b'y');
        assert!(output.is_full());
        assert!(output.finish().is_err());
    }
}
