//! What `set-header` does to a message; `return-response` does the same to the response that it makes.

use crate::{EditableName, Texts};
use tollgate_sdk::{ConfigError, HeaderError, Headers, configuration};

/// These can't be joined with commas, because their values hold commas or because each line is one unit.
const SEPARATE_LINES: [&str; 12] = [
    "cookie",
    "date",
    "expires",
    "if-modified-since",
    "if-unmodified-since",
    "last-modified",
    "proxy-authenticate",
    "retry-after",
    "set-cookie",
    "user-agent",
    "warning",
    "www-authenticate",
];

/// Which header, and what to do to it.
#[configuration]
#[derive(Clone, Debug)]
pub struct SetHeader {
    /// The header's name, in any case.
    pub name: EditableName,
    /// What to do if the header is there already, or to remove it.
    #[serde(default)]
    pub exists_action: ExistsAction,
    /// The value, or several. Needed unless the header is deleted.
    #[serde(default)]
    pub value: Option<Texts>,
}

/// What to do if the header is there already.
#[configuration]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExistsAction {
    /// Replace its values.
    #[default]
    Override,
    /// Leave it as it is.
    Skip,
    /// Add to its values.
    Append,
    /// Remove the header.
    Delete,
}

/// A [`SetHeader`] that has been checked, with its lines ready to be written.
#[derive(Clone, Debug)]
pub struct HeaderEdit {
    name: EditableName,
    action: ExistsAction,
    joined: bool,
    lines: Vec<String>,
}

impl TryFrom<SetHeader> for HeaderEdit {
    type Error = ConfigError;

    fn try_from(config: SetHeader) -> Result<Self, ConfigError> {
        let SetHeader { name, exists_action: action, value } = config;
        let mut lines: Vec<String> = match (value, action) {
            (_, ExistsAction::Delete) if &*name == "server" => {
                return Err(ConfigError::new("/name", "`server` can't be removed, only replaced"));
            }
            (_, ExistsAction::Delete) => Vec::new(),
            (Some(value), _) => value.into(),
            (None, _) => {
                return Err(ConfigError::new("", "`value` is missing; only `exists-action: delete` needs none"));
            }
        };
        if let Some(bad) = lines.iter().position(|line| !is_value(line)) {
            let pointer = if lines.len() == 1 { "/value".into() } else { format!("/value/{bad}") };
            return Err(ConfigError::new(pointer, "a header's value can't hold control characters"));
        }
        let joined = !SEPARATE_LINES.contains(&&*name);
        if joined && lines.len() > 1 {
            lines = vec![lines.join(", ")];
        }
        Ok(Self { name, action, joined, lines })
    }
}

impl HeaderEdit {
    /// Do it.
    pub fn apply(&self, message: &mut impl Headers) -> Result<(), HeaderError> {
        match self.action {
            ExistsAction::Override => self.write(message),
            ExistsAction::Skip if message.header(&self.name).is_some() => Ok(()),
            ExistsAction::Skip => self.write(message),
            ExistsAction::Append if self.joined => self.join(message),
            ExistsAction::Append => self.lines.iter().try_for_each(|line| message.append_header(&self.name, line)),
            ExistsAction::Delete => message.remove_header(&self.name),
        }
    }

    fn write(&self, message: &mut impl Headers) -> Result<(), HeaderError> {
        let Some((first, more)) = self.lines.split_first() else { return Ok(()) };
        message.set_header(&self.name, first)?;
        more.iter().try_for_each(|line| message.append_header(&self.name, line))
    }

    /// One line of what is there and what is new, so that a reader of one line sees it all.
    fn join(&self, message: &mut impl Headers) -> Result<(), HeaderError> {
        let mut line = message.header_values(&self.name).join(&b", "[..]);
        for value in &self.lines {
            if !line.is_empty() {
                line.extend_from_slice(b", ");
            }
            line.extend_from_slice(value.as_bytes());
        }
        message.set_header(&self.name, line)
    }
}

/// RFC 9110 §5.5, as the gateway checks it.
fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use tollgate_sdk::serde_json::{Value, from_value, json};

    /// A header section, to see what an edit leaves.
    #[derive(Default)]
    struct Section(BTreeMap<String, Vec<Vec<u8>>>);

    impl Headers for Section {
        fn header(&self, name: &str) -> Option<Vec<u8>> {
            self.0.get(name)?.first().cloned()
        }

        fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
            self.0.get(name).cloned().unwrap_or_default()
        }

        fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
            self.0.insert(name.into(), vec![value.as_ref().into()]);
            Ok(())
        }

        fn append_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
            self.0.entry(name.into()).or_default().push(value.as_ref().into());
            Ok(())
        }

        fn remove_header(&mut self, name: &str) -> Result<(), HeaderError> {
            self.0.remove(name);
            Ok(())
        }
    }

    fn edit(config: Value) -> Result<HeaderEdit, ConfigError> {
        from_value::<SetHeader>(config).unwrap().try_into()
    }

    /// The header's lines after the edit, if it had `before`.
    fn after(config: Value, before: &[&str]) -> Vec<String> {
        let edit = edit(config).unwrap();
        let mut section = Section::default();
        for line in before {
            section.append_header(&edit.name, line).unwrap();
        }
        edit.apply(&mut section).unwrap();
        let text = |line: Vec<u8>| String::from_utf8(line).unwrap();
        section.header_values(&edit.name).into_iter().map(text).collect()
    }

    #[test]
    fn override_is_the_default_and_leaves_one_line() {
        assert_eq!(after(json!({ "name": "x", "value": "new" }), &["a", "b"]), ["new"]);
        assert_eq!(after(json!({ "name": "x", "value": ["1", "2"] }), &[]), ["1, 2"]);
        assert_eq!(after(json!({ "name": "x", "value": "" }), &["a"]), [""]);
    }

    #[test]
    fn skip_writes_only_what_is_absent() {
        let config = json!({ "name": "x", "exists-action": "skip", "value": "new" });
        assert_eq!(after(config.clone(), &["a"]), ["a"]);
        assert_eq!(after(config, &[]), ["new"]);
    }

    #[test]
    fn append_joins_with_commas() {
        let config = json!({ "name": "x", "exists-action": "append", "value": ["c", "d"] });
        assert_eq!(after(config.clone(), &["a", "b"]), ["a, b, c, d"]);
        assert_eq!(after(config, &[]), ["c, d"]);
    }

    #[test]
    fn some_headers_keep_a_line_for_each_value() {
        let config = json!({ "name": "Set-Cookie", "value": ["a=1", "b=2"] });
        assert_eq!(after(config, &["old=1"]), ["a=1", "b=2"]);
        let config = json!({ "name": "WWW-Authenticate", "exists-action": "append", "value": "Basic" });
        assert_eq!(after(config, &["Bearer"]), ["Bearer", "Basic"]);
    }

    #[test]
    fn delete_removes_every_line_and_needs_no_value() {
        assert!(after(json!({ "name": "x", "exists-action": "delete" }), &["a", "b"]).is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        let refused = |config| edit(config).unwrap_err().pointer;
        assert_eq!(refused(json!({ "name": "x" })), "");
        assert_eq!(refused(json!({ "name": "Server", "exists-action": "delete" })), "/name");
        assert_eq!(refused(json!({ "name": "x", "value": ["ok", "a\nb"] })), "/value/1");
        assert_eq!(refused(json!({ "name": "x", "value": "a\u{0}" })), "/value");
        assert!(edit(json!({ "name": "Server", "value": "tollgate" })).is_ok());
    }
}
