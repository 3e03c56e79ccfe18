//! `set-query-parameter`: set, add to or remove a parameter of the request's query.

mod query;

use policy_headers::{ExistsAction, Values};
use query::{Edit, edited, has};
use tollgate_sdk::{ConfigError, Dynamic, Policy, Request, Verdict, configuration, policy};

/// Which parameter, and what to do to it.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// The parameter's name, in the clear.
    name: Dynamic<String>,
    /// What to do if the parameter is there already, or to remove it.
    #[serde(default)]
    exists_action: Dynamic<ExistsAction>,
    /// The value in the clear, or several. Needed unless the parameter is deleted.
    #[serde(default)]
    value: Option<Values>,
}

/// The statement.
#[derive(Debug)]
pub struct Statement(Config);

/// Sets, adds to or removes a query parameter.
#[policy(sections(inbound, backend))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        if config.name.literal().is_some_and(String::is_empty) {
            return Err(ConfigError::new("/name", "the name is empty"));
        }
        match (&config.value, config.exists_action.literal()) {
            // An action that isn't known yet may turn out to need none.
            (None, Some(action)) if *action != ExistsAction::Delete => Err(ConfigError::new("", NO_VALUE)),
            _ => Ok(Self(config)),
        }
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let (name, action) = (self.0.name.get()?, *self.0.exists_action.get()?);
        if name.is_empty() {
            return Err(Verdict::fail("the name of the query parameter is empty"));
        }
        let before = request.query();
        let before = before.as_deref();
        let is_there = before.is_some_and(|query| has(query, &name));
        let after = match action {
            ExistsAction::Skip if is_there => return Ok(()),
            ExistsAction::Delete if !is_there => return Ok(()),
            ExistsAction::Delete => edited(before, &name, Edit::<&str>::Remove),
            action => {
                let values = self.0.value.as_ref().ok_or_else(|| Verdict::fail(NO_VALUE))?.get()?;
                let edit = if action == ExistsAction::Append { Edit::Append(&values) } else { Edit::Replace(&values) };
                edited(before, &name, edit)
            }
        };
        Ok(request.set_query(after.as_deref())?)
    }
}

const NO_VALUE: &str = "`value` is missing; only `exists-action: delete` needs none";

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Request};

    fn after(config: Value, target: &str) -> String {
        let outcome = Gateway::<Statement>::with(config).unwrap().request(Request::get(target));
        assert_eq!(outcome.verdict, Verdict::Next);
        outcome.request.target()
    }

    #[test]
    fn each_action_does_what_it_says() {
        for (action, value, before, expected) in [
            ("override", json!("1"), "/x?a=0&b", "/x?a=1&b"),
            ("override", json!(["1", "2"]), "/x", "/x?a=1&a=2"),
            ("skip", json!("1"), "/x?a", "/x?a"),
            ("skip", json!("1"), "/x?b", "/x?b&a=1"),
            ("append", json!("1"), "/x?a=0", "/x?a=0&a=1"),
            ("delete", json!("1"), "/x?a=0&b=%2F&a", "/x?b=%2F"),
            ("delete", json!("1"), "/x?a=0", "/x"),
        ] {
            assert_eq!(after(json!({ "name": "a", "exists-action": action, "value": value }), before), expected);
        }
        assert_eq!(after(json!({ "name": "a", "exists-action": "delete" }), "/x?b"), "/x?b");
    }

    #[test]
    fn all_of_it_may_be_expressions() {
        let gateway = Gateway::<Statement>::with(json!({
            "name": "${variables.name}",
            "exists-action": "${variables.action}",
            "value": "${variables.value}",
        }))
        .unwrap();
        gateway.expression("${variables.name}", json!("q"));
        gateway.expression("${variables.action}", json!("append"));
        gateway.expression("${variables.value}", json!("ö /"));
        assert_eq!(gateway.request(Request::get("/?q=1")).request.target(), "/?q=1&q=%C3%B6%20%2F");
        gateway.expression("${variables.name}", json!(null));
        assert!(matches!(gateway.request(Request::get("/")).verdict, Verdict::Fail(_)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
        assert_eq!(pointer(json!({ "name": "", "value": "x" })), "/name");
        assert_eq!(pointer(json!({ "name": "a" })), "");
        assert_eq!(pointer(json!({ "name": "a", "value": [] })), "/value");
        assert_eq!(pointer(json!({ "name": "a", "value": "x", "exists-action": "replace" })), "/exists-action");
    }
}
