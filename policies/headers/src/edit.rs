//! What `set-header` does to a message; `return-response` does the same to the response that it makes.

use crate::values::text;
use crate::{FieldName, Values};
use std::borrow::Cow;
use tollgate_sdk::dynamic::Scalar;
use tollgate_sdk::expression::Value;
use tollgate_sdk::{ConfigError, Dynamic, Failure, HeaderError, Headers, Verdict, configuration, log};

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
    pub name: Dynamic<FieldName>,
    /// What to do if the header is there already, or to remove it.
    #[serde(default)]
    pub exists_action: Dynamic<ExistsAction>,
    /// The value, or several. Needed unless the header is deleted.
    #[serde(default)]
    pub value: Option<Values>,
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

impl Scalar for ExistsAction {
    fn from_value(value: Value) -> Result<Self, String> {
        match String::from_value(value)?.to_ascii_lowercase().as_str() {
            "override" => Ok(Self::Override),
            "skip" => Ok(Self::Skip),
            "append" => Ok(Self::Append),
            "delete" => Ok(Self::Delete),
            _ => Err("expected `override`, `skip`, `append` or `delete`".into()),
        }
    }
}

/// A [`SetHeader`] whose literals have been checked.
#[derive(Clone, Debug)]
pub struct HeaderEdit {
    name: Dynamic<FieldName>,
    action: Dynamic<ExistsAction>,
    value: Option<Values>,
}

impl TryFrom<SetHeader> for HeaderEdit {
    type Error = ConfigError;

    fn try_from(config: SetHeader) -> Result<Self, ConfigError> {
        let SetHeader { name, exists_action: action, value } = config;
        if let Some(Err(message)) = name.literal().map(FieldName::check_editable) {
            return Err(ConfigError::new("/name", message));
        }
        let deletes = action.literal() == Some(&ExistsAction::Delete);
        if deletes && name.literal().is_some_and(|name| &**name == "server") {
            return Err(ConfigError::new("/name", NO_SERVER));
        }
        match &value {
            // An action that isn't known yet may turn out to need none.
            None if action.literal().is_some() && !deletes => {
                return Err(ConfigError::new("", "`value` is missing; only `exists-action: delete` needs none"));
            }
            Some(values) if !deletes => {
                if let Some(below) = values.find_literal(|text| !is_header_value(text)) {
                    let message = "a header's value can't hold control characters";
                    return Err(ConfigError::new(format!("/value{below}"), message));
                }
            }
            _ => {}
        }
        Ok(Self { name, action, value })
    }
}

const NO_COMPUTED: &str = "expected the name of a header that isn't the gateway's own";
const NO_SERVER: &str = "`server` can't be removed, only replaced";

impl HeaderEdit {
    /// Do it, with the expressions' values for this exchange.
    pub fn apply(&self, message: &mut impl Headers) -> Result<(), Verdict> {
        let (name, action) = (self.name.get()?, *self.action.get()?);
        if self.name.literal().is_none() && name.check_editable().is_err() {
            log::warn!("an expression's value can't be used: {NO_COMPUTED}");
            return Err(Failure::new(500, "ExpressionValueEvaluationFailure", "Internal server error.").into());
        }
        match action {
            ExistsAction::Delete if &**name == "server" => return Err(Verdict::fail(NO_SERVER)),
            ExistsAction::Delete => return Ok(message.remove_header(&name)?),
            ExistsAction::Skip if message.header(&name).is_some() => return Ok(()),
            _ => {}
        }
        let Some(value) = &self.value else {
            return Err(Verdict::fail("`value` is missing; only `exists-action: delete` needs none"));
        };
        // Nearly always one value, which takes no list.
        if let [one] = &**value {
            let line = text(one)?;
            return Ok(match action {
                ExistsAction::Append => append(message, &name, &[line]),
                _ => message.set_header(&name, &*line),
            }?);
        }
        let lines = value.get()?;
        Ok(match action {
            ExistsAction::Append => append(message, &name, &lines),
            _ if may_be_joined(&name) => message.set_header(&name, lines.join(", ")),
            _ => write(message, &name, &lines),
        }?)
    }
}

fn may_be_joined(name: &str) -> bool {
    !SEPARATE_LINES.contains(&name)
}

fn append(message: &mut impl Headers, name: &str, lines: &[Cow<'_, str>]) -> Result<(), HeaderError> {
    match may_be_joined(name) {
        true => join(message, name, lines),
        false => lines.iter().try_for_each(|line| message.append_header(name, &**line)),
    }
}

fn write(message: &mut impl Headers, name: &str, lines: &[Cow<'_, str>]) -> Result<(), HeaderError> {
    let Some((first, more)) = lines.split_first() else { return Ok(()) };
    message.set_header(name, &**first)?;
    more.iter().try_for_each(|line| message.append_header(name, &**line))
}

/// One line of what is there and what is new, so that a reader of one line sees it all.
fn join(message: &mut impl Headers, name: &str, lines: &[Cow<'_, str>]) -> Result<(), HeaderError> {
    let mut line = message.header_values(name).join(&b", "[..]);
    for value in lines {
        if !line.is_empty() {
            line.extend_from_slice(b", ");
        }
        line.extend_from_slice(value.as_bytes());
    }
    message.set_header(name, line)
}

/// Whether a text may be a header's value: RFC 9110 §5.5, as the gateway checks it.
pub fn is_header_value(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Section;
    use tollgate_sdk::serde_json::{Value, from_value, json};

    fn edit(config: Value) -> Result<HeaderEdit, ConfigError> {
        from_value::<SetHeader>(config).unwrap().try_into()
    }

    /// The header's lines after the edit, if it had `before`.
    fn after(config: Value, before: &[&str]) -> Vec<String> {
        let edit = edit(config).unwrap();
        let mut section = Section::default();
        let name = edit.name.literal().unwrap();
        for line in before {
            section.append_header(name, line).unwrap();
        }
        edit.apply(&mut section).unwrap();
        let text = |line: Vec<u8>| String::from_utf8(line).unwrap();
        section.header_values(name).into_iter().map(text).collect()
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

    #[test]
    fn what_an_expression_decides_can_not_be_refused_yet() {
        let expression = json!({ "$expression": 0 });
        assert!(edit(json!({ "name": "x", "exists-action": expression })).is_ok());
        assert!(edit(json!({ "name": expression, "exists-action": "delete" })).is_ok());
        assert!(edit(json!({ "name": "x", "value": ["a", expression] })).is_ok());
    }
}
