//! Tokens whose signature has been found good. Clients send the same token with many requests, and verifying it is by
//! far the most expensive of what is done with it.

use crate::token::Token;
use std::cell::RefCell;
use std::rc::Rc;

/// How many tokens are remembered.
const MOST: usize = 64;
/// A longer token is verified each time, so that the memory stays small.
const LONGEST: usize = 4 * 1024;

/// A token with a good signature. What it claims has not been looked at.
#[derive(Clone, Debug)]
pub(crate) struct Genuine {
    pub(crate) token: Rc<Token>,
    /// Whose key it was, if the key came from an issuer's metadata.
    pub(crate) issuer: Option<Rc<str>>,
}

/// What this instance remembers: the newest tokens, each with the generation of keys that it was verified with.
#[derive(Debug, Default)]
pub(crate) struct Memory(RefCell<Entries>);

#[derive(Debug, Default)]
struct Entries {
    tokens: Vec<(u64, Genuine)>,
    /// Which one is forgotten next.
    next: usize,
}

impl Memory {
    /// The same text, byte for byte, verified with the same keys.
    pub(crate) fn recall(&self, text: &str, generation: u64) -> Option<Genuine> {
        let entries = self.0.borrow();
        let found = entries.tokens.iter().find(|(of, genuine)| *of == generation && genuine.token.text == text);
        found.map(|(_, genuine)| genuine.clone())
    }

    pub(crate) fn remember(&self, genuine: &Genuine, generation: u64) {
        if genuine.token.text.len() > LONGEST {
            return;
        }
        let mut entries = self.0.borrow_mut();
        let (entry, next) = ((generation, genuine.clone()), entries.next);
        match entries.tokens.get_mut(next) {
            Some(oldest) => *oldest = entry,
            None => entries.tokens.push(entry),
        }
        entries.next = (next + 1) % MOST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn genuine(signature: &str) -> Genuine {
        // {"alg":"HS256"} and {}
        let token = Token::parse(format!("eyJhbGciOiJIUzI1NiJ9.e30.{signature}")).unwrap();
        Genuine { token: Rc::new(token), issuer: None }
    }

    #[test]
    fn only_the_same_text_under_the_same_keys_is_recalled() {
        let memory = Memory::default();
        let token = genuine("AAAA");
        memory.remember(&token, 1);
        assert!(memory.recall(&token.token.text, 1).is_some());
        assert!(memory.recall(&token.token.text, 2).is_none());
        assert!(memory.recall(&genuine("AAAB").token.text, 1).is_none());
    }

    #[test]
    fn the_oldest_is_forgotten_and_long_ones_are_never_kept() {
        let memory = Memory::default();
        let tokens: Vec<_> = (0..=MOST).map(|n| genuine(&format!("{n:04}"))).collect();
        tokens.iter().for_each(|token| memory.remember(token, 1));
        assert!(memory.recall(&tokens[0].token.text, 1).is_none());
        assert!(tokens[1..].iter().all(|token| memory.recall(&token.token.text, 1).is_some()));
        let long = genuine(&"A".repeat(4 * 1024));
        memory.remember(&long, 1);
        assert!(memory.recall(&long.token.text, 1).is_none());
    }
}
