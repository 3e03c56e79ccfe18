//! Regular expressions. They take time in proportion to pattern and text, and no more.

use regex::{NoExpand, Regex, RegexBuilder};

use super::{Function, text_at};
use crate::budget::Budget;
use crate::error::EvaluationError;
use crate::kinds::Kinds;
use crate::limits::MAX_PATTERN;
use crate::value::Value;

type Evaluated = Result<Value, EvaluationError>;

const STRING: Kinds = Kinds::STRING;

/// Bytes that a compiled pattern may take.
const MAX_COMPILED: usize = 256 << 10;

/// What compiling a pattern costs that doesn't stand in the source.
const STEPS_TO_COMPILE: usize = 5_000;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member("matches", &[STRING, STRING], Kinds::BOOL, |arguments, budget| {
        compiling(Search::Matches, arguments, budget)
    })
    .both(),
    Function::global("regex.find", &[STRING, STRING], STRING.or(Kinds::NULL), |arguments, budget| {
        compiling(Search::Find, arguments, budget)
    }),
    Function::global("regex.findAll", &[STRING, STRING], Kinds::LIST, |arguments, budget| {
        compiling(Search::FindAll, arguments, budget)
    }),
    Function::global("regex.replace", &[STRING, STRING, STRING], STRING, |arguments, budget| {
        compiling(Search::Replace, arguments, budget)
    }),
];

/// What is done with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    Matches,
    Find,
    FindAll,
    Replace,
}

impl Search {
    /// The search that the function of that name makes.
    pub(crate) fn named(name: &str) -> Option<Search> {
        Some(match name {
            "matches" => Search::Matches,
            "regex.find" => Search::Find,
            "regex.findAll" => Search::FindAll,
            "regex.replace" => Search::Replace,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Search::Matches => "matches",
            Search::Find => "regex.find",
            Search::FindAll => "regex.findAll",
            Search::Replace => "regex.replace",
        }
    }
}

/// Compiles a pattern.
///
/// # Errors
/// Says what is wrong with it in one line.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("a regular expression has at most {MAX_PATTERN} bytes"));
    }
    RegexBuilder::new(pattern).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).nest_limit(50).build().map_err(
        |error| match error {
            regex::Error::CompiledTooBig(_) => "the regular expression is too large when it is compiled".to_owned(),
            other => {
                let text = other.to_string();
                let reason = text.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or("it isn't one");
                format!("the regular expression is wrong: {reason}")
            }
        },
    )
}

fn compiling(search: Search, arguments: &[Value], budget: &mut Budget) -> Evaluated {
    budget.steps(STEPS_TO_COMPILE)?;
    let pattern =
        compile(text_at(arguments, 1)).map_err(|problem| EvaluationError::function(search.name(), problem))?;
    apply(search, &pattern, text_at(arguments, 0), text_at(arguments, 2), budget)
}

/// A search for a pattern that is compiled already.
pub(crate) fn search(
    search: Search,
    pattern: &Regex,
    text: &Value,
    replacement: Option<&Value>,
    budget: &mut Budget,
) -> Evaluated {
    let refused =
        |place, found: &Value| Err(EvaluationError::Argument { function: search.name(), place, found: found.kind() });
    let replacement = match replacement {
        Some(Value::String(replacement)) => replacement,
        Some(other) => return refused("third", other),
        None => "",
    };
    match text {
        Value::String(text) => apply(search, pattern, text, replacement, budget),
        other => refused("first", other),
    }
}

fn apply(search: Search, pattern: &Regex, text: &str, replacement: &str, budget: &mut Budget) -> Evaluated {
    budget.hard_work(text.len())?;
    match search {
        Search::Matches => Ok(Value::Bool(pattern.is_match(text))),
        Search::Find => Ok(Value::from(pattern.find(text).map(|found| found.as_str()))),
        Search::FindAll => {
            let mut all = Vec::new();
            for found in pattern.find_iter(text) {
                budget.produce(found.len())?;
                budget.produce_values(1)?;
                all.push(Value::from(found.as_str()));
            }
            Ok(Value::from(all))
        }
        Search::Replace => replace(pattern, text, replacement, budget),
    }
}

/// `$1` and `${name}` in the replacement stand for the groups.
fn replace(pattern: &Regex, text: &str, replacement: &str, budget: &mut Budget) -> Evaluated {
    let expands = replacement.contains('$');
    let mut replaced = String::new();
    let mut end = 0;
    for found in pattern.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        budget.step()?;
        let before = replaced.len();
        replaced.push_str(text.get(end..whole.start()).unwrap_or_default());
        if expands {
            found.expand(replacement, &mut replaced);
        } else {
            regex::Replacer::replace_append(&mut NoExpand(replacement), &found, &mut replaced);
        }
        budget.produce(replaced.len() - before)?;
        end = whole.end();
    }
    let rest = text.get(end..).unwrap_or_default();
    budget.produce(rest.len())?;
    replaced.push_str(rest);
    Ok(Value::from(replaced))
}
