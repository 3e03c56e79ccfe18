//! What happened to a traced exchange, in order. An exchange that nobody asked about has none, and pays nothing.

use serde_json::Value;

/// Entries of one trace: more than a chain of 100 statements with ten retries has.
const MAX_ENTRIES: usize = 2_000;

/// The longest text in an entry.
const MAX_TEXT_BYTES: usize = 4 << 10;

/// What happened, as JSON objects.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    entries: Vec<Value>,
    dropped: u64,
}

impl Trace {
    /// Add an entry. What is over the limit is only counted.
    pub fn add(&mut self, entry: Value) {
        if self.entries.len() >= MAX_ENTRIES {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.entries.push(cut(entry));
    }

    /// Take over what another one recorded.
    pub fn append(&mut self, other: Trace) {
        for entry in other.entries {
            self.add(entry);
        }
        self.dropped = self.dropped.saturating_add(other.dropped);
    }

    /// The entries, and how many more there were.
    pub fn into_parts(self) -> (Vec<Value>, u64) {
        (self.entries, self.dropped)
    }
}

/// Long texts are cut: a trace shows what happened and is no copy of it.
fn cut(mut entry: Value) -> Value {
    match &mut entry {
        Value::String(text) if text.len() > MAX_TEXT_BYTES => {
            let mut end = MAX_TEXT_BYTES;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            text.push('…');
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = cut(item.take())),
        Value::Object(members) => members.values_mut().for_each(|member| *member = cut(member.take())),
        _ => {}
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_trace_is_bounded() {
        let mut trace = Trace::default();
        for n in 0..MAX_ENTRIES + 5 {
            trace.add(json!({ "n": n, "text": "ä".repeat(MAX_TEXT_BYTES) }));
        }
        let (entries, dropped) = trace.into_parts();
        assert_eq!((entries.len(), dropped), (MAX_ENTRIES, 5));
        assert!(entries[0]["text"].as_str().unwrap().len() <= MAX_TEXT_BYTES + "…".len());
    }
}
