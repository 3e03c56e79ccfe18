//! Limits of single APIs and operations within a statement: `apis` and `operations` below `rate-limit` and `quota`.

use tollgate_sdk::{ConfigError, context};

/// The limits below a statement's own; each counts for itself.
#[derive(Debug)]
pub struct Parts<L> {
    apis: Vec<Part<L>>,
    operations: Vec<Part<L>>,
}

/// The limit of one API or operation.
#[derive(Debug)]
pub struct Part<L> {
    id: String,
    limit: L,
    operations: Vec<Part<L>>,
}

/// A limit that concerns the request at hand.
#[derive(Debug)]
pub struct Matched<'a, L> {
    /// What it is the limit of: `api-operation`, `api` or `operation`.
    pub name: &'static str,
    /// What its counters' names end in. Example: ` api=orders operation=get`. Ids hold no blanks.
    pub suffix: String,
    /// The limit.
    pub limit: &'a L,
}

impl<L> Part<L> {
    /// An API's or operation's limit. `id` beats `name`; what has an id has no other name here, so both are compared
    /// with it.
    pub fn new(
        id: Option<String>,
        name: Option<String>,
        limit: L,
        operations: Vec<Part<L>>,
    ) -> Result<Self, ConfigError> {
        let id = id.or(name).ok_or_else(|| ConfigError::new("", "`id` or `name` is needed"))?;
        Ok(Self { id, limit, operations: unique(operations, "/operations")? })
    }
}

impl<L> Parts<L> {
    /// The limits of APIs, and of operations of whatever API the statement runs for.
    pub fn new(apis: Vec<Part<L>>, operations: Vec<Part<L>>) -> Result<Self, ConfigError> {
        Ok(Self { apis: unique(apis, "/apis")?, operations: unique(operations, "/operations")? })
    }

    /// Those that concern the request at hand, the narrowest first: a limit that is passed costs the broader ones
    /// nothing. Without any parts nothing is asked of the gateway.
    pub fn matching(&self) -> Vec<Matched<'_, L>> {
        if self.apis.is_empty() && self.operations.is_empty() {
            return Vec::new();
        }
        let (api_id, operation_id) = (context::api_id(), context::operation_id());
        let operation = |parts| operation_id.as_deref().and_then(|id| find(parts, id));
        let mut matching = Vec::new();
        if let Some(part) = operation(&self.operations) {
            // Other APIs may have an operation with this id too.
            let suffix = format!(" operation={api_id}/{}", part.id);
            matching.push(Matched { name: "operation", suffix, limit: &part.limit });
        }
        if let Some(api) = find(&self.apis, &api_id) {
            if let Some(part) = operation(&api.operations) {
                let suffix = format!(" api={api_id} operation={}", part.id);
                matching.insert(0, Matched { name: "api-operation", suffix, limit: &part.limit });
            }
            matching.push(Matched { name: "api", suffix: format!(" api={api_id}"), limit: &api.limit });
        }
        matching
    }
}

fn find<'a, L>(parts: &'a [Part<L>], id: &str) -> Option<&'a Part<L>> {
    parts.iter().find(|part| part.id == id)
}

/// Which of two would count?
fn unique<L>(parts: Vec<Part<L>>, pointer: &str) -> Result<Vec<Part<L>>, ConfigError> {
    for (index, part) in parts.iter().enumerate() {
        if parts.iter().take(index).any(|earlier| earlier.id == part.id) {
            return Err(ConfigError::new(format!("{pointer}/{index}"), format!("`{}` is listed twice", part.id)));
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: &str) -> Part<()> {
        Part::new(Some(id.into()), None, (), Vec::new()).unwrap()
    }

    #[test]
    fn an_id_beats_a_name() {
        let of = |id: Option<&str>, name: Option<&str>| {
            Part::new(id.map(Into::into), name.map(Into::into), (), Vec::new()).map(|part| part.id)
        };
        assert_eq!(of(Some("a"), Some("b")).unwrap(), "a");
        assert_eq!(of(None, Some("b")).unwrap(), "b");
        assert_eq!(of(None, None).unwrap_err().message, "`id` or `name` is needed");
    }

    #[test]
    fn nothing_is_listed_twice() {
        assert_eq!(Parts::new(vec![part("a"), part("a")], Vec::new()).unwrap_err().pointer, "/apis/1");
        assert_eq!(Parts::new(Vec::new(), vec![part("a"), part("a")]).unwrap_err().pointer, "/operations/1");
        assert!(Part::new(Some("x".into()), None, (), vec![part("a"), part("a")]).is_err());
        assert!(Parts::new(vec![part("a")], vec![part("a")]).is_ok());
    }
}
