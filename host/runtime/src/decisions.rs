//! What built-ins have decided, known again by what they asked.
//!
//! What a built-in does follows from its configuration and from the answers that it gets. So a call that asked only what can
//! be asked again ([`Question`]) and recorded edits and `next` need not be made a second time for the same answers: the
//! gateway asks the same questions itself and records the same edits. A statement that asks for nothing, a header with a
//! literal value say, is entered once. One whose answers are always new is given up for a while.
//!
//! Components of others are called each time, because nobody knows what they keep to themselves; so are those that the
//! operator wants fresh, and those that may wait.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use tollgate_capabilities::exchange::Exchange;
use tollgate_capabilities::question::{Answer, Given, Question};
use tollgate_capabilities::session::Identity;
use tollgate_core::edits::Diff;
use tollgate_core::place::Phase;

use crate::account::Used;
use crate::link::{Isolation, Unit};
use crate::store::Stack;

/// Decisions that are known of one phase of one unit: enough for a thousand tenants, keys or addresses that come again.
const MOST: u16 = 1024;

/// After so many calls of a trial there is no hope if not a single one was known.
const FIRST_LOOK: u16 = 64;

/// After so many calls it is looked at whether knowing them is of use.
const TRIAL: u16 = 2048;

/// Calls that were known again in a trial, at the least.
const ENOUGH: u16 = TRIAL / 4;

/// For so many times the calls of a trial that was of no use, calls are made without a look at what is known.
const PAUSE: u32 = 32;

/// What one worker knows of one phase of one unit.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    first: Option<Node>,
    /// Clients choose the answers, so nobody knows its seed.
    hasher: DefaultHashBuilder,
    known: u16,
    /// Calls of this trial, and those of them that were known.
    calls: u16,
    found: u16,
    /// Calls to go until the next trial.
    pause: u32,
}

/// What a call asked, in order, and was told.
pub(crate) type Asked = Vec<(Question, Answer)>;

/// Where a call stands after some answers.
#[derive(Debug)]
enum Node {
    /// It asks.
    Asks(Question, Answers),
    /// It has ended.
    Decided(Box<Decision>),
}

/// What is known of the same question, by its answer.
type Answers = HashTable<(Answer, Node)>;

/// What a call recorded, and used.
#[derive(Debug)]
struct Decision {
    diff: Diff,
    used: Used,
}

/// Can decisions of this phase be known at all?
pub(crate) fn may_be_known(unit: &Unit, phase: Phase) -> bool {
    unit.admitted.built_in
        && unit.isolation == Isolation::Warm
        && unit.stack == Stack::Callers
        // Which is told of the error as it is called.
        && phase != Phase::OnError
}

impl Decisions {
    /// Record what the call would record, and return what it would use. None if it has to be made.
    pub(crate) fn repeat(&mut self, identity: &Identity, exchange: &mut Exchange) -> Option<Used> {
        if !self.is_of_use() {
            return None;
        }
        let decision = find(self.first.as_ref()?, &self.hasher, identity, exchange)?;
        exchange.effects.clear();
        exchange.effects.diff.copy(&decision.diff);
        self.found += 1;
        Some(decision.used)
    }

    /// Count a call. Is it of use to look whether it is known?
    fn is_of_use(&mut self) -> bool {
        if self.pause > 0 {
            self.pause -= 1;
            return false;
        }
        let was_of_no_use = match self.calls {
            FIRST_LOOK => self.found == 0,
            TRIAL => self.found < ENOUGH,
            _ => false,
        };
        if was_of_no_use {
            *self = Decisions { pause: PAUSE * u32::from(self.calls), ..Decisions::default() };
            return false;
        }
        if self.calls >= TRIAL {
            (self.calls, self.found) = (0, 0);
        }
        self.calls += 1;
        true
    }

    /// Is it of use to note what the call asks that is made now?
    pub(crate) fn learns(&self) -> bool {
        self.pause == 0
    }

    /// Keep what a call recorded that ended with `next`.
    pub(crate) fn learn(&mut self, asked: Asked, diff: &Diff, used: Used) {
        if self.known >= MOST {
            self.forget();
        }
        let decision = Node::Decided(Box::new(Decision { diff: diff.clone(), used }));
        if insert(&mut self.first, &self.hasher, asked, decision) {
            self.known += 1;
        }
    }

    /// Decisions that are known now.
    pub(crate) fn known(&self) -> usize {
        self.known.into()
    }

    /// Know nothing.
    pub(crate) fn forget(&mut self) {
        (self.first, self.known) = (None, 0);
    }
}

fn find<'d>(
    mut node: &'d Node,
    hasher: &DefaultHashBuilder,
    identity: &Identity,
    exchange: &Exchange,
) -> Option<&'d Decision> {
    loop {
        match node {
            Node::Decided(decision) => return Some(decision),
            Node::Asks(question, answers) => {
                let given = question.given(exchange, identity).filter(Given::may_be_kept)?;
                let known = answers.find(hasher.hash_one(&given), |(answer, _)| given.is(answer));
                node = known.map(|(_, next)| next)?;
            }
        }
    }
}

/// Put a decision at the end of its answers. False if it is there already.
fn insert(first: &mut Option<Node>, hasher: &DefaultHashBuilder, asked: Asked, decision: Node) -> bool {
    let mut asked = asked.into_iter();
    let mut at = match first {
        Some(node) => node,
        None => {
            *first = Some(chain(hasher, asked, decision));
            return true;
        }
    };
    loop {
        let Node::Asks(known, answers) = at else { return false };
        // The same answers lead to the same question.
        let Some((_, answer)) = asked.next().filter(|(question, _)| question == known) else { return false };
        match place(answers, hasher, &answer) {
            Entry::Occupied(there) => at = &mut there.into_mut().1,
            Entry::Vacant(free) => {
                free.insert((answer, chain(hasher, asked, decision)));
                return true;
            }
        }
    }
}

/// A decision behind the questions that lead to it.
fn chain(
    hasher: &DefaultHashBuilder,
    asked: impl DoubleEndedIterator<Item = (Question, Answer)>,
    decision: Node,
) -> Node {
    asked.rev().fold(decision, |next, (question, answer)| {
        let mut answers = Answers::new();
        answers.insert_unique(hasher.hash_one(&answer), (answer, next), |(known, _)| hasher.hash_one(known));
        Node::Asks(question, answers)
    })
}

fn place<'a>(answers: &'a mut Answers, hasher: &DefaultHashBuilder, answer: &Answer) -> Entry<'a, (Answer, Node)> {
    answers.entry(hasher.hash_one(answer), |(known, _)| known == answer, |(known, _)| hasher.hash_one(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_expression::Value;

    fn decided(name: &str) -> Node {
        let mut diff = Diff::default();
        diff.variables.push((name.to_owned(), String::new()));
        Node::Decided(Box::new(Decision { diff, used: Used::default() }))
    }

    fn path(text: &str) -> (Question, Answer) {
        (Question::Path, Answer::Bytes(text.as_bytes().into()))
    }

    fn leaves(node: &Node) -> usize {
        match node {
            Node::Decided(_) => 1,
            Node::Asks(_, answers) => answers.iter().map(|(_, next)| leaves(next)).sum(),
        }
    }

    #[test]
    fn a_decision_stands_behind_its_own_answers() {
        let (mut first, hasher) = (None, DefaultHashBuilder::default());
        assert!(insert(&mut first, &hasher, vec![path("/a")], decided("a")));
        assert!(insert(&mut first, &hasher, vec![path("/b"), (Question::Query, Answer::Nothing)], decided("b")));
        assert!(insert(
            &mut first,
            &hasher,
            vec![path("/b"), (Question::Query, Answer::Bytes(b"c".as_slice().into()))],
            decided("c")
        ));
        assert_eq!(leaves(first.as_ref().unwrap()), 3);
    }

    #[test]
    fn what_contradicts_what_is_known_is_not_kept() {
        let (mut first, hasher) = (None, DefaultHashBuilder::default());
        assert!(insert(&mut first, &hasher, vec![path("/a")], decided("a")));
        assert!(!insert(&mut first, &hasher, vec![path("/a")], decided("a")), "it is known");
        assert!(
            !insert(&mut first, &hasher, vec![(Question::Method, Answer::Nothing)], decided("b")),
            "another question"
        );
        assert!(!insert(&mut first, &hasher, vec![], decided("c")), "no question");
        assert_eq!(leaves(first.as_ref().unwrap()), 1);
    }

    #[test]
    fn what_is_never_found_again_is_given_up_for_a_while() {
        let mut decisions = Decisions::default();
        decisions.learn(vec![path("/a")], &Diff::default(), Used::default());
        assert!((0..FIRST_LOOK).all(|_| decisions.is_of_use()));
        assert!((0..=PAUSE * u32::from(FIRST_LOOK)).all(|_| !decisions.is_of_use()));
        assert!(decisions.is_of_use() && decisions.learns() && decisions.first.is_none(), "a new trial");
    }

    #[test]
    fn what_is_seldom_found_again_is_given_up_later_and_for_longer() {
        let mut decisions = Decisions::default();
        assert!((0..TRIAL).all(|call| {
            decisions.found += u16::from(call % 5 == 0);
            decisions.is_of_use()
        }));
        assert!((0..=PAUSE * u32::from(TRIAL)).all(|_| !decisions.is_of_use()));
        assert!(decisions.is_of_use(), "a new trial");
    }

    #[test]
    fn what_is_found_again_stays() {
        let mut decisions = Decisions::default();
        for _ in 0..10 * u32::from(TRIAL) {
            assert!(decisions.is_of_use());
            decisions.found += 1;
        }
    }

    #[test]
    fn an_answer_and_what_is_given_have_one_hash() {
        let hasher = DefaultHashBuilder::default();
        let mut headers = http::HeaderMap::new();
        headers.append("x-a", "1".parse().unwrap());
        headers.append("x-a", "2".parse().unwrap());
        for given in [
            Given::Bytes(None),
            Given::Bytes(Some(b"acme")),
            Given::Bytes(Some(b"")),
            Given::Lines(headers.get_all("x-a")),
            Given::Lines(headers.get_all("x-b")),
            Given::Value(Value::Null),
            Given::Value(Value::String("acme".into())),
            Given::Value(Value::Int(-1)),
            Given::Value(Value::Bool(true)),
            Given::Address("::1".parse().unwrap()),
        ] {
            let answer = given.kept().unwrap();
            assert!(given.is(&answer));
            assert_eq!(hasher.hash_one(&given), hasher.hash_one(&answer), "{answer:?}");
        }
    }

    #[test]
    fn a_thousand_answers_are_told_apart() {
        let (mut first, hasher) = (None, DefaultHashBuilder::default());
        for number in 0..MOST {
            assert!(insert(&mut first, &hasher, vec![path(&format!("/{number}"))], decided(&number.to_string())));
        }
        let Some(Node::Asks(Question::Path, answers)) = &first else { panic!("it asks for the path") };
        let (_, answer) = path("/7");
        let found = answers.find(hasher.hash_one(&answer), |(known, _)| *known == answer);
        let Some((_, Node::Decided(decision))) = found else { panic!("it is known") };
        assert_eq!(decision.diff.variables[0].0, "7");
    }

    #[test]
    fn room_is_bounded() {
        let mut decisions = Decisions::default();
        for number in 0..2 * MOST + 10 {
            decisions.learn(vec![path(&format!("/{number}"))], &Diff::default(), Used::default());
            assert!(decisions.known() <= usize::from(MOST));
        }
        assert_eq!(leaves(decisions.first.as_ref().unwrap()), 10);
    }
}
