//! `tollgate_core::edits`: what a call reads through its edits, and what they make of the headers, are what a plain list
//! of values says.

use http::{HeaderMap, HeaderName, HeaderValue};
use tollgate_core::edits::{HeaderEdit, HeaderEdits};

use crate::{Run, Target, outcome};

pub(super) const TARGET: Target =
    Target { name: "headers", make, seeds: Vec::new, words: &["\0a", "\x01b", "\x02", "\x03c"], max_bytes: 256 };

const NAMES: [&str; 4] = ["accept", "x-tenant", "via", "cookie"];

fn make() -> Run {
    Box::new(|input| {
        let names = NAMES.map(HeaderName::from_static);
        let mut model: [Vec<u8>; NAMES.len()] = Default::default();
        let (mut base, mut edits) = (HeaderMap::new(), HeaderEdits::default());
        let mut ops = input.chunks_exact(2).map(|op| (op[0], op[1]));
        // The first few are there before the call.
        for (name, value) in ops.by_ref().take(usize::from(input.first().copied().unwrap_or(0) % 8)) {
            let at = usize::from(name) % NAMES.len();
            base.append(&names[at], HeaderValue::from(u16::from(value)));
            model[at].push(value);
        }
        for (op, value) in ops {
            let at = usize::from(op >> 2) % NAMES.len();
            let (name, text) = (names[at].clone(), HeaderValue::from(u16::from(value)));
            match op % 4 {
                0 => {
                    edits.push(name, HeaderEdit::Set(text));
                    model[at] = vec![value];
                }
                1 | 2 => {
                    edits.push(name, HeaderEdit::Append(text));
                    model[at].push(value);
                }
                _ => {
                    edits.push(name, HeaderEdit::Remove);
                    model[at].clear();
                }
            }
            check(&names[at], &model[at], edits.values(&base, &names[at]));
            assert_eq!(edits.first(&base, &names[at]), edits.values(&base, &names[at]).next());
        }
        edits.apply(&mut base);
        assert!(edits.is_empty());
        for (name, model) in names.iter().zip(&model) {
            check(name, model, base.get_all(name).iter());
        }
        outcome((model.map(|values| values.len().min(4)), input.len() / 16))
    })
}

fn check<'v>(name: &HeaderName, model: &[u8], found: impl Iterator<Item = &'v HeaderValue>) {
    let model: Vec<String> = model.iter().map(u8::to_string).collect();
    let found: Vec<&str> = found.map(|value| value.to_str().expect("digits")).collect();
    assert_eq!(found, model, "{name}");
}
