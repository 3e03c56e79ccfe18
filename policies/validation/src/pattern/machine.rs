//! What running a program has found, remembered: from the instructions that fit at one place and a character follow those
//! that fit at the place before it, whatever the text.

use super::program::{Fitting, Place, Program};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// States that are remembered, and instructions and characters in all of them.
const MAX_STATES: usize = 128;
const MAX_REMEMBERED: usize = 20_000;

/// A program that looks at nothing but the next character, and what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    program: Program,
    /// Characters of ASCII that no instruction tells apart have the same number.
    kinds: Vec<u8>,
    known: RefCell<Known>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    states: Vec<State>,
    /// States by their instructions, in order.
    numbers: BTreeMap<Vec<usize>, usize>,
    remembered: usize,
    /// The state at the end of every text.
    end: Option<usize>,
}

/// The instructions that fit at a place that is not the text's beginning.
#[derive(Clone, Debug)]
struct State {
    fitting: Vec<usize>,
    /// Whether the whole program fits.
    is_whole: bool,
    /// The state before a character, by its kind if it is ASCII, else by itself.
    before: BTreeMap<u32, usize>,
}

impl Machine {
    /// None for programs that look ahead or at the character before.
    pub(crate) fn new(programs: &[Program]) -> Option<Self> {
        let [program] = programs else { return None };
        if program.has_boundaries() {
            return None;
        }
        let mut kinds: Vec<u8> = Vec::with_capacity(128);
        let mut traits: Vec<Vec<bool>> = Vec::new();
        for code in 0..128_u8 {
            let read = program.reads(char::from(code));
            let kind = traits.iter().position(|known| *known == read).unwrap_or_else(|| {
                traits.push(read);
                traits.len() - 1
            });
            kinds.push(u8::try_from(kind).unwrap_or_default());
        }
        Some(Self { program: program.clone(), kinds, known: RefCell::default() })
    }

    /// Whether the program fits somewhere in the text.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        let mut known = self.known.borrow_mut();
        let mut characters = text.chars().rev().peekable();
        if text.is_empty() {
            let fitting = self.step(None, &Place { before: None, after: None });
            return fitting.is_whole();
        }
        let mut state = known.end.unwrap_or_else(|| {
            let fitting = self.step(None, &Place { before: Some('\0'), after: None });
            let end = known.number(fitting);
            known.end = Some(end);
            end
        });
        while let Some(c) = characters.next() {
            if known.states.get(state).is_some_and(|state| state.is_whole) {
                return true;
            }
            if characters.peek().is_none() {
                let fitting = self.step(known.states.get(state), &Place { before: None, after: Some(c) });
                return fitting.is_whole();
            }
            state = self.before(&mut known, state, c);
        }
        false
    }

    /// The state before a character.
    fn before(&self, known: &mut Known, state: usize, c: char) -> usize {
        let code = u32::from(c);
        let kind = usize::try_from(code).ok().and_then(|code| self.kinds.get(code));
        let key = kind.map_or(code, |kind| u32::from(*kind));
        let remembered = known.states.get(state).and_then(|state| state.before.get(&key)).copied();
        remembered.unwrap_or_else(|| {
            let fitting = self.step(known.states.get(state), &Place { before: Some('\0'), after: Some(c) });
            let forgot = known.forget_too_much();
            let number = known.number(fitting);
            if let Some(state) = known.states.get_mut(state).filter(|_| !forgot) {
                state.before.insert(key, number);
                known.remembered += 1;
            }
            number
        })
    }

    fn step(&self, behind: Option<&State>, place: &Place) -> Fitting {
        let behind = behind.map(|state| state.fitting.as_slice()).unwrap_or_default();
        let mut now = Fitting::none(&self.program);
        self.program.step(place, &[], &mut now, behind);
        now
    }
}

impl Known {
    /// Begin anew if there is too much. Whatever the text, memory stays bounded.
    fn forget_too_much(&mut self) -> bool {
        let forgets = self.states.len() >= MAX_STATES || self.remembered >= MAX_REMEMBERED;
        if forgets {
            *self = Self::default();
        }
        forgets
    }

    fn number(&mut self, fitting: Fitting) -> usize {
        let is_whole = fitting.is_whole();
        let mut list = fitting.into_list();
        list.sort_unstable();
        if let Some(number) = self.numbers.get(&list) {
            return *number;
        }
        let number = self.states.len();
        self.remembered += list.len();
        self.states.push(State { fitting: list.clone(), is_whole, before: BTreeMap::new() });
        self.numbers.insert(list, number);
        number
    }
}
