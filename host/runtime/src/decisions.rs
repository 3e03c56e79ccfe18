//! What built-ins have decided, known again by what they asked.
//!
//! What a built-in does follows from its configuration and from the answers that it gets. So a call that asked only what can
//! be asked again ([`Question`]) and recorded edits and `next` need not be made a second time for the same answers: the
//! gateway asks the same questions itself and records the same edits. A statement that asks for nothing, a header with a
//! literal value say, is entered once. One whose answers are always new is given up for a while.
//!
//! Components of others are called each time, because nobody knows what they keep to themselves; so are those that the
//! operator wants fresh, and those that may wait.

use tollgate_capabilities::exchange::Exchange;
use tollgate_capabilities::question::{Answer, Question};
use tollgate_capabilities::session::Identity;
use tollgate_core::edits::Diff;
use tollgate_core::place::Phase;

use crate::account::Used;
use crate::link::{Isolation, Unit};
use crate::store::Stack;

/// Decisions that are known of one phase of one unit. More are hardly found again, and each costs some hundred bytes.
const MOST: u8 = 16;

/// After so many calls it is looked at whether knowing them is of use.
const TRIAL: u16 = 64;

/// Calls that were known again in a trial, at the least.
const ENOUGH: u16 = TRIAL / 4;

/// Calls that are made without a look at what is known, after a trial that was of no use.
const PAUSE: u16 = 4096;

/// What one worker knows of one phase of one unit.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    first: Option<Node>,
    known: u8,
    /// Calls of this trial, and those of them that were known.
    calls: u16,
    found: u16,
    /// Calls to go until the next trial.
    pause: u16,
}

/// What a call asked, in order, and was told.
pub(crate) type Asked = Vec<(Question, Answer)>;

/// Where a call stands after some answers.
#[derive(Debug)]
enum Node {
    /// It asks.
    Asks(Question, Vec<(Answer, Node)>),
    /// It has ended.
    Decided(Box<Decision>),
}

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
        let decision = find(self.first.as_ref()?, identity, exchange)?;
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
        if self.calls >= TRIAL {
            if self.found < ENOUGH {
                *self = Decisions { pause: PAUSE, ..Decisions::default() };
                return false;
            }
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
        if insert(&mut self.first, asked, decision) {
            self.known += 1;
        }
    }

    /// Know nothing.
    pub(crate) fn forget(&mut self) {
        (self.first, self.known) = (None, 0);
    }
}

fn find<'d>(mut node: &'d Node, identity: &Identity, exchange: &Exchange) -> Option<&'d Decision> {
    loop {
        match node {
            Node::Decided(decision) => return Some(decision),
            Node::Asks(question, answers) => {
                let given = question.given(exchange, identity)?;
                node = answers.iter().find(|(answer, _)| given.is(answer)).map(|(_, next)| next)?;
            }
        }
    }
}

/// Put a decision at the end of its answers. False if it is there already.
fn insert(first: &mut Option<Node>, asked: Asked, decision: Node) -> bool {
    let mut asked = asked.into_iter();
    let mut at = match first {
        Some(node) => node,
        None => {
            *first = Some(chain(asked, decision));
            return true;
        }
    };
    loop {
        let Node::Asks(known, answers) = at else { return false };
        // The same answers lead to the same question.
        let Some((_, answer)) = asked.next().filter(|(question, _)| question == known) else { return false };
        match answers.iter().position(|(known, _)| *known == answer) {
            Some(place) => {
                let Some((_, next)) = answers.get_mut(place) else { return false };
                at = next;
            }
            None => {
                answers.push((answer, chain(asked, decision)));
                return true;
            }
        }
    }
}

/// A decision behind the questions that lead to it.
fn chain(asked: impl DoubleEndedIterator<Item = (Question, Answer)>, decision: Node) -> Node {
    asked.rev().fold(decision, |next, (question, answer)| Node::Asks(question, vec![(answer, next)]))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut first = None;
        assert!(insert(&mut first, vec![path("/a")], decided("a")));
        assert!(insert(&mut first, vec![path("/b"), (Question::Query, Answer::Nothing)], decided("b")));
        assert!(insert(
            &mut first,
            vec![path("/b"), (Question::Query, Answer::Bytes(b"c".as_slice().into()))],
            decided("c")
        ));
        assert_eq!(leaves(first.as_ref().unwrap()), 3);
    }

    #[test]
    fn what_contradicts_what_is_known_is_not_kept() {
        let mut first = None;
        assert!(insert(&mut first, vec![path("/a")], decided("a")));
        assert!(!insert(&mut first, vec![path("/a")], decided("a")), "it is known");
        assert!(!insert(&mut first, vec![(Question::Method, Answer::Nothing)], decided("b")), "another question");
        assert!(!insert(&mut first, vec![], decided("c")), "no question");
        assert_eq!(leaves(first.as_ref().unwrap()), 1);
    }

    #[test]
    fn what_is_never_found_again_is_given_up_for_a_while() {
        let mut decisions = Decisions::default();
        decisions.learn(vec![path("/a")], &Diff::default(), Used::default());
        assert!((0..TRIAL).all(|_| decisions.is_of_use()));
        assert!((0..=PAUSE).all(|_| !decisions.is_of_use()));
        assert!(decisions.is_of_use() && decisions.learns() && decisions.first.is_none(), "a new trial");
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
    fn room_is_bounded() {
        let mut decisions = Decisions::default();
        for number in 0..1000 {
            decisions.learn(vec![path(&format!("/{number}"))], &Diff::default(), Used::default());
            assert!(leaves(decisions.first.as_ref().unwrap()) <= usize::from(MOST));
        }
    }
}
