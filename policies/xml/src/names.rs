//! Names by number. A document repeats few names often; comparing numbers is what keeps its checks linear.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::fault::Fault;

/// Different names in a document. Bounds what a document of nothing but new names can make us remember (8 MiB).
const MAX_NAMES: usize = 65_536;

/// Slots of the table of recent names. A power of two.
const RECENT: usize = 64;

/// Gives equal names equal numbers, counted from 0.
///
/// A tree and no hash table: an instance has no secret to seed one with, so a client could make all keys collide.
#[derive(Debug)]
pub struct Names<'a> {
    numbers: BTreeMap<Cow<'a, str>, u32>,
    texts: Vec<Cow<'a, str>>,
    recent: [u32; RECENT],
}

impl Default for Names<'_> {
    fn default() -> Self {
        Names { numbers: BTreeMap::new(), texts: Vec::new(), recent: [0; RECENT] }
    }
}

impl<'a> Names<'a> {
    /// The number of a name; a new one if it was never seen.
    pub fn number(&mut self, name: Cow<'a, str>) -> Result<u32, Fault> {
        let slot = slot(name.as_bytes());
        let recent = self.recent[slot];
        if self.texts.get(recent as usize).is_some_and(|text| *text == name) {
            return Ok(recent);
        }
        let number = match self.numbers.get(&name) {
            Some(&number) => number,
            None => self.add(name)?,
        };
        self.recent[slot] = number;
        Ok(number)
    }

    /// The name of a number that `number` gave.
    pub fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    fn add(&mut self, name: Cow<'a, str>) -> Result<u32, Fault> {
        if self.texts.len() == MAX_NAMES {
            return Err(Fault::too_large("the document has more than 65536 different names"));
        }
        let number = self.texts.len() as u32;
        self.texts.push(name.clone());
        self.numbers.insert(name, number);
        Ok(number)
    }
}

/// Where a name is looked for first. Cheap, not good: a miss costs only the walk through the tree.
fn slot(name: &[u8]) -> usize {
    let at = |i: usize| name.get(i).copied().unwrap_or(0) as usize;
    let (middle, last) = (name.len() / 2, name.len().saturating_sub(1));
    (name.len() ^ (at(0) << 1) ^ (at(middle) << 2) ^ (at(last) << 3)) % RECENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_have_equal_numbers() {
        let mut names = Names::default();
        assert_eq!(names.number("a".into()).unwrap(), 0);
        assert_eq!(names.number("".into()).unwrap(), 1);
        assert_eq!(names.number(String::from("a").into()).unwrap(), 0);
        assert_eq!(names.number("b".into()).unwrap(), 2);
        assert_eq!((names.text(0), names.text(1), names.len()), ("a", "", 3));
    }

    #[test]
    fn a_flood_of_names_is_refused() {
        let mut names = Names::default();
        for i in 0..65_536 {
            names.number(i.to_string().into()).unwrap();
        }
        assert!(names.number("x".into()).is_err());
        assert_eq!(names.number("65535".into()).unwrap(), 65_535);
    }
}
