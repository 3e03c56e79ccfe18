//! Keys of limiter and cache as 128-bit keyed hashes, so that an entry's size doesn't depend on what a client sent.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// Turns parts of a key into a hash. Its secret is drawn at start, so that nobody outside can make two keys meet.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyHasher {
    high: RandomState,
    low: RandomState,
}

impl KeyHasher {
    /// The hash of `parts`, which are told apart: `["ab", "c"]` is not `["a", "bc"]`.
    pub(crate) fn digest<'a>(&self, parts: impl Iterator<Item = &'a [u8]> + Clone) -> u128 {
        let half = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            for part in parts.clone() {
                part.hash(&mut hasher);
            }
            u128::from(hasher.finish())
        };
        half(&self.high) << 64 | half(&self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let hasher = KeyHasher::default();
        let digest = |parts: &[&str]| hasher.digest(parts.iter().map(|p| p.as_bytes()));
        assert_eq!(digest(&["ab", "c"]), digest(&["ab", "c"]));
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["ab"]), digest(&["ab", ""]));
    }
}
