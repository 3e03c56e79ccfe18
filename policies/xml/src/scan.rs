//! Finds the next byte that matters, eight at a time. WebAssembly has no vectors by default and counts every
//! instruction; looking at one byte after the other is most of what a conversion would cost.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The first place from `from` on that holds one of `needles`, or the end.
#[inline]
pub fn find<const N: usize>(bytes: &[u8], from: usize, needles: [u8; N]) -> usize {
    scan(bytes, from, |word| needles.iter().fold(0, |found, &n| found | zeros(word ^ (ONES * u64::from(n)))))
}

/// The first place from `from` on that holds one of `needles` or a control character, or the end.
#[inline]
pub fn find_or_control<const N: usize>(bytes: &[u8], from: usize, needles: [u8; N]) -> usize {
    scan(bytes, from, |word| {
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        needles.iter().fold(controls, |found, &n| found | zeros(word ^ (ONES * u64::from(n))))
    })
}

/// Marks bytes that are zero. Only the lowest mark is certain: a borrow may set ones above it.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

#[inline]
fn scan(bytes: &[u8], from: usize, marks: impl Fn(u64) -> u64) -> usize {
    let mut at = from;
    while let Some(&word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let found = marks(u64::from_le_bytes(word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    // Fewer than eight are left: gather them between bytes that nobody looks for.
    let rest = bytes.get(at..).unwrap_or_default();
    let found = marks(gather(rest));
    if found != 0 { at + found.trailing_zeros() as usize / 8 } else { bytes.len() }
}

/// Up to seven bytes as a word that goes on with `x`.
#[inline]
fn gather(rest: &[u8]) -> u64 {
    let (mut word, mut filled) = (0, 0);
    let mut rest = rest;
    if let Some((four, more)) = rest.split_first_chunk::<4>() {
        (word, filled, rest) = (u64::from(u32::from_le_bytes(*four)), 32, more);
    }
    if let Some((two, more)) = rest.split_first_chunk::<2>() {
        (word, filled, rest) = (word | u64::from(u16::from_le_bytes(*two)) << filled, filled + 16, more);
    }
    if let [one] = rest {
        (word, filled) = (word | u64::from(*one) << filled, filled + 8);
    }
    word | (ONES * u64::from(b'x')) << filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_all_places_is_found() {
        for length in 0..40 {
            let mut bytes = vec![b'a'; length];
            assert_eq!(find(&bytes, 0, *b"<&"), length);
            for at in 0..length {
                for byte in [b'<', b'&', 0, 0x1F, 0xEF] {
                    bytes[at] = byte;
                    if at + 1 < length {
                        bytes[at + 1] = b'&';
                    }
                    for from in 0..=at {
                        assert_eq!(find(&bytes, from, [b'<', b'&', 0, 0x1F, 0xEF]), at);
                        assert_eq!(find_or_control(&bytes, from, [b'<', b'&', 0xEF]), at);
                    }
                    bytes.fill(b'a');
                }
            }
        }
    }

    #[test]
    fn no_other_byte_is_found() {
        for byte in 0..=255u8 {
            let bytes = [byte; 11];
            let wanted = matches!(byte, b'<' | 0x7F | 0xEF);
            assert_eq!(find(&bytes, 0, [b'<', 0x7F, 0xEF]) == 0, wanted, "{byte}");
            assert_eq!(find(&bytes, 9, [b'<', 0x7F, 0xEF]) == 9, wanted, "{byte}");
            assert_eq!(find_or_control(&bytes, 0, [b'<']) == 0, byte == b'<' || byte < 0x20, "{byte}");
        }
    }
}
