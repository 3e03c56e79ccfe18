//! Running a pattern, from the text's end to its beginning.
//!
//! For each place in the text, last one first: from which instructions would the rest of the text fit? Those that read the
//! character behind the place follow from the answer for the place behind that, and the others from those. What looks
//! ahead is answered the same way, so nothing is ever tried twice.

use super::class::{Class, Kind};
use super::parse::Expression;

/// Instructions of one pattern, its repetitions written out.
const MAX_INSTRUCTIONS: usize = 5_000;

/// Instructions; those that say nothing else go on with the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    instructions: Vec<Instruction>,
    /// For each instruction, those that lead to it without reading a character.
    sources: Vec<Vec<usize>>,
}

#[derive(Clone, Debug)]
enum Instruction {
    Fits,
    Read(Set),
    Either(usize, usize),
    Start,
    End,
    Boundary(bool),
    /// What another program says of the same place.
    Ahead {
        program: usize,
        negated: bool,
    },
}

/// A set of characters that is quick to ask about ASCII.
#[derive(Clone, Debug)]
struct Set {
    ascii: [u64; 2],
    class: Class,
}

impl Set {
    fn of(class: &Class) -> Self {
        let mut ascii = [0; 2];
        for code in 0..128_u8 {
            if class.contains(char::from(code)) {
                ascii[usize::from(code >> 6)] |= 1 << (code & 63);
            }
        }
        Self { ascii, class: class.clone() }
    }

    fn contains(&self, c: char) -> bool {
        let code = u32::from(c);
        match code {
            0..64 => self.ascii[0] & (1 << code) != 0,
            64..128 => self.ascii[1] & (1 << (code - 64)) != 0,
            _ => self.class.contains(c),
        }
    }
}

/// Write out a pattern. Errors go on with "the pattern `…` ".
pub(crate) fn compile(expression: &Expression) -> Result<Vec<Program>, String> {
    let mut writer = Writer { done: Vec::new(), size: 0 };
    let program = writer.program(expression)?;
    writer.done.push(program);
    Ok(writer.done)
}

struct Writer {
    done: Vec<Program>,
    size: usize,
}

impl Writer {
    fn program(&mut self, expression: &Expression) -> Result<Program, String> {
        let mut program = Program::default();
        self.write(&mut program, expression)?;
        self.push(&mut program, Instruction::Fits)?;
        program.find_sources();
        Ok(program)
    }

    fn push(&mut self, program: &mut Program, instruction: Instruction) -> Result<usize, String> {
        self.size += 1;
        if self.size > MAX_INSTRUCTIONS {
            return Err("is too large".into());
        }
        program.instructions.push(instruction);
        Ok(program.instructions.len() - 1)
    }

    fn write(&mut self, program: &mut Program, expression: &Expression) -> Result<(), String> {
        let instruction = match expression {
            Expression::Sequence(parts) => return parts.iter().try_for_each(|part| self.write(program, part)),
            Expression::Choice(choices) => return self.write_choice(program, choices),
            Expression::Repeat { what, min, max } => return self.write_repeat(program, what, *min, *max),
            Expression::Class(class) => Instruction::Read(Set::of(class)),
            Expression::Start => Instruction::Start,
            Expression::End => Instruction::End,
            Expression::Boundary(is_one) => Instruction::Boundary(*is_one),
            Expression::Ahead { what, negated } => {
                let ahead = self.program(what)?;
                self.done.push(ahead);
                Instruction::Ahead { program: self.done.len() - 1, negated: *negated }
            }
        };
        self.push(program, instruction).map(drop)
    }

    fn write_choice(&mut self, program: &mut Program, choices: &[Expression]) -> Result<(), String> {
        let mut ends = Vec::new();
        for (index, choice) in choices.iter().enumerate() {
            if index + 1 == choices.len() {
                self.write(program, choice)?;
                continue;
            }
            let fork = self.push(program, Instruction::Either(0, 0))?;
            self.write(program, choice)?;
            ends.push(self.push(program, Instruction::Either(0, 0))?);
            set(program, fork, fork + 1, program.instructions.len());
        }
        for end in ends {
            set(program, end, program.instructions.len(), program.instructions.len());
        }
        Ok(())
    }

    fn write_repeat(
        &mut self,
        program: &mut Program,
        what: &Expression,
        min: u32,
        max: Option<u32>,
    ) -> Result<(), String> {
        // What writes nothing would be repeated without ever being too large.
        let count = max.unwrap_or(min).max(min);
        if count as usize > MAX_INSTRUCTIONS {
            return Err("repeats too often".into());
        }
        for _ in 0..min {
            self.write(program, what)?;
        }
        let Some(max) = max else {
            let fork = self.push(program, Instruction::Either(0, 0))?;
            self.write(program, what)?;
            self.push(program, Instruction::Either(fork, fork))?;
            set(program, fork, fork + 1, program.instructions.len());
            return Ok(());
        };
        let mut forks = Vec::new();
        for _ in min..max {
            forks.push(self.push(program, Instruction::Either(0, 0))?);
            self.write(program, what)?;
        }
        for fork in forks {
            set(program, fork, fork + 1, program.instructions.len());
        }
        Ok(())
    }
}

fn set(program: &mut Program, at: usize, one: usize, other: usize) {
    if let Some(instruction) = program.instructions.get_mut(at) {
        *instruction = Instruction::Either(one, other);
    }
}

/// A place in the text.
pub(crate) struct Place {
    pub(crate) before: Option<char>,
    pub(crate) after: Option<char>,
}

/// The instructions from which the rest of the text fits.
#[derive(Clone)]
pub(crate) struct Fitting {
    list: Vec<usize>,
    /// Whether an instruction is in the list.
    known: Vec<bool>,
}

impl Fitting {
    pub(crate) fn none(program: &Program) -> Self {
        Self { list: Vec::new(), known: vec![false; program.instructions.len()] }
    }

    fn clear(&mut self) {
        for at in self.list.drain(..) {
            if let Some(known) = self.known.get_mut(at) {
                *known = false;
            }
        }
    }

    fn add(&mut self, at: usize) {
        if let Some(known @ false) = self.known.get_mut(at) {
            *known = true;
            self.list.push(at);
        }
    }

    /// Whether the whole program fits.
    pub(crate) fn is_whole(&self) -> bool {
        self.known.first() == Some(&true)
    }

    pub(crate) fn into_list(self) -> Vec<usize> {
        self.list
    }
}

/// Whether the last of the programs fits somewhere in the text.
pub(crate) fn is_match(programs: &[Program], text: &str) -> bool {
    let mut now: Vec<Fitting> = programs.iter().map(Fitting::none).collect();
    let mut behind = now.clone();
    let mut before = text.chars().rev();
    let mut after = None;
    loop {
        let place = Place { before: before.next(), after };
        for (index, program) in programs.iter().enumerate() {
            let (done, rest) = now.split_at_mut(index);
            if let (Some(now), Some(behind)) = (rest.first_mut(), behind.get(index)) {
                program.step(&place, done, now, &behind.list);
            }
        }
        if now.last().is_some_and(Fitting::is_whole) {
            return true;
        }
        if place.before.is_none() {
            return false;
        }
        after = place.before;
        std::mem::swap(&mut now, &mut behind);
    }
}

impl Program {
    /// Whether it asks for the character before a place.
    pub(crate) fn has_boundaries(&self) -> bool {
        self.instructions.iter().any(|instruction| matches!(instruction, Instruction::Boundary(_)))
    }

    /// Which of the instructions that read take this character.
    pub(crate) fn reads(&self, c: char) -> Vec<bool> {
        let takes = |instruction: &Instruction| match instruction {
            Instruction::Read(set) => Some(set.contains(c)),
            _ => None,
        };
        self.instructions.iter().filter_map(takes).collect()
    }

    fn find_sources(&mut self) {
        self.sources = vec![Vec::new(); self.instructions.len()];
        let mut add = |from: usize, to: usize| {
            if let Some(sources) = self.sources.get_mut(to)
                && sources.last() != Some(&from)
            {
                sources.push(from);
            }
        };
        for (at, instruction) in self.instructions.iter().enumerate() {
            match instruction {
                Instruction::Fits | Instruction::Read(_) => {}
                Instruction::Either(one, other) => {
                    add(at, *one);
                    add(at, *other);
                }
                _ => add(at, at + 1),
            }
        }
    }

    /// What fits at one place, from what fits at the place `behind` it and from the programs that are `done` with it.
    pub(crate) fn step(&self, place: &Place, done: &[Fitting], now: &mut Fitting, behind: &[usize]) {
        now.clear();
        now.add(self.instructions.len() - 1);
        if let Some(c) = place.after {
            for at in behind.iter().filter_map(|at| at.checked_sub(1)) {
                if matches!(self.instructions.get(at), Some(Instruction::Read(set)) if set.contains(c)) {
                    now.add(at);
                }
            }
        }
        let mut next = 0;
        while let Some(&at) = now.list.get(next) {
            next += 1;
            for &source in self.sources.get(at).into_iter().flatten() {
                let leads = match self.instructions.get(source) {
                    Some(Instruction::Either(..)) => true,
                    Some(Instruction::Start) => place.before.is_none(),
                    Some(Instruction::End) => place.after.is_none(),
                    Some(Instruction::Boundary(is_one)) => place.is_boundary() == *is_one,
                    Some(Instruction::Ahead { program, negated }) => {
                        done.get(*program).is_some_and(Fitting::is_whole) != *negated
                    }
                    Some(Instruction::Fits | Instruction::Read(_)) | None => false,
                };
                if leads {
                    now.add(source);
                }
            }
        }
    }
}

impl Place {
    fn is_boundary(&self) -> bool {
        let word = |c: Option<char>| c.is_some_and(|c| Kind::Word.contains(c));
        word(self.before) != word(self.after)
    }
}
