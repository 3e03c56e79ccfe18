//! New inputs out of old ones.

/// Numbers without a pattern, the same for the same seed (xorshift64*).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Less than `limit`, which is at least 1.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit.max(1)
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

/// Numbers at which programs change their minds.
const EDGES: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 63, u64::MAX - 1, u64::MAX];

/// Makes inputs.
#[derive(Debug)]
pub(crate) struct Mutator<'w> {
    pub(crate) random: Random,
    words: &'w [&'static str],
    max_bytes: usize,
}

impl<'w> Mutator<'w> {
    pub(crate) fn new(seed: u64, words: &'w [&'static str], max_bytes: usize) -> Mutator<'w> {
        Mutator { random: Random::new(seed), words, max_bytes }
    }

    /// One of `pool`, changed a little or a lot.
    pub(crate) fn input(&mut self, pool: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.random.pick(pool).cloned().unwrap_or_default();
        // Mostly a few changes; now and then many.
        let changes = 1 << self.random.below(6).saturating_sub(self.random.below(3));
        for _ in 0..changes {
            self.change(&mut input, pool);
        }
        input.truncate(self.max_bytes);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, pool: &[Vec<u8>]) {
        let at = self.random.below(input.len() + 1);
        let some = 1 + self.random.below(8);
        let end = (at + some).min(input.len());
        match self.random.below(12) {
            0 => self.flip(input, at),
            1 => input.insert(at, self.random.next() as u8),
            2 => drop(input.drain(at..end)),
            3 => drop(input.drain(at..(at + self.random.below(64)).min(input.len()))),
            4 | 5 => self.insert_word(input, at),
            6 => self.edge(input, at),
            7 => {
                // Once more, some times: what repeats is where limits are.
                let piece = input[at..(at + self.random.below(32)).min(input.len())].to_vec();
                let times = 1 << self.random.below(8);
                let room = self.max_bytes.saturating_sub(input.len()) / piece.len().max(1);
                let piece = piece.repeat(times.min(room));
                input.splice(at..at, piece);
            }
            8 => {
                let to = self.random.below(input.len() + 1);
                let piece = input[at..end].to_vec();
                input.splice(to..to, piece);
            }
            9 => self.splice(input, at, pool),
            10 => self.digits(input, at),
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = byte.wrapping_add(if some > 4 { 1 } else { u8::MAX });
                }
            }
        }
    }

    fn flip(&mut self, input: &mut [u8], at: usize) {
        if let Some(byte) = input.get_mut(at) {
            *byte ^= 1 << self.random.below(8);
        }
    }

    fn insert_word(&mut self, input: &mut Vec<u8>, at: usize) {
        if let Some(word) = self.random.pick(self.words) {
            let over = if self.random.below(2) == 0 { word.len() } else { 0 };
            let end = (at + over).min(input.len());
            input.splice(at..end, word.bytes());
        }
    }

    /// A number at an edge, in as many bytes as numbers have.
    fn edge(&mut self, input: &mut [u8], at: usize) {
        let bytes = EDGES[self.random.below(EDGES.len())].to_le_bytes();
        let width = 1 << self.random.below(4);
        for (to, from) in input.iter_mut().skip(at).zip(bytes).take(width) {
            *to = from;
        }
    }

    fn splice(&mut self, input: &mut Vec<u8>, at: usize, pool: &[Vec<u8>]) {
        let Some(other) = self.random.pick(pool) else { return };
        let from = self.random.below(other.len() + 1);
        let to = from + self.random.below(other.len() - from + 1);
        if self.random.below(2) == 0 {
            input.truncate(at);
        }
        let at = at.min(input.len());
        input.splice(at..at, other[from..to].iter().copied());
    }

    fn digits(&mut self, input: &mut Vec<u8>, at: usize) {
        let number = match self.random.below(3) {
            0 => EDGES[self.random.below(EDGES.len())],
            1 => self.random.next(),
            _ => self.random.next() % 100,
        };
        let end = at + input[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        input.splice(at..end, number.to_string().bytes());
    }
}
