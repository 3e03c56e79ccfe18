//! Names of requests: 32 hexadecimal digits, unique among gateways and restarts, and not to be guessed from a
//! neighbour at a glance. They are no secret.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use http::HeaderValue;

/// A request's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 32]);

impl RequestId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The value of `x-request-id`.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Makes the names of one worker's requests: a random number of the worker, and its count scrambled.
pub(crate) struct RequestIds {
    worker: u64,
    count: Cell<u64>,
}

impl RequestIds {
    pub(crate) fn new() -> RequestIds {
        // The standard library's only source of random numbers.
        let random = RandomState::new();
        RequestIds { worker: random.hash_one(0), count: Cell::new(random.hash_one(1)) }
    }

    pub(crate) fn next(&self) -> RequestId {
        // Splitmix64: a bijection, so no two counts give the same number.
        let count = self.count.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.count.set(count);
        let mut scrambled = count;
        scrambled = (scrambled ^ (scrambled >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        scrambled = (scrambled ^ (scrambled >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        scrambled ^= scrambled >> 31;
        let mut digits = [0; 32];
        write_hex(&mut digits[..16], self.worker);
        write_hex(&mut digits[16..], scrambled);
        RequestId(digits)
    }
}

fn write_hex(digits: &mut [u8], number: u64) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in digits.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_requests_share_a_name() {
        let workers = [RequestIds::new(), RequestIds::new()];
        let names: HashSet<_> = (0..10_000).map(|n| workers[n % 2].next()).collect();
        assert_eq!(names.len(), 10_000);
        assert!(names.iter().all(|name| name.as_str().len() == 32 && name.header() == name.as_str()));
    }
}
