//! `rewrite-uri`: forward the request to another path than the one it came for.

mod template;

use template::Template;
use tollgate_sdk::{ConfigError, Dynamic, Policy, Request, Verdict, configuration, policy};

/// Where to.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// The path that follows the backend's base URL, with `{parameters}` of the operation's URL template and, if need
    /// be, a query.
    template: Dynamic<String>,
    /// Whether query parameters that the template doesn't name are kept.
    #[serde(default = "yes")]
    copy_unmatched_params: Dynamic<bool>,
}

fn yes() -> Dynamic<bool> {
    Dynamic::from(true)
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    config: Config,
    /// The template, if it is known already.
    template: Option<Template>,
}

/// Forwards the request to another path.
#[policy(sections(inbound))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let template = config.template.literal().map(|text| Template::parse(text)).transpose();
        let template = template.map_err(|why| ConfigError::new("/template", why))?;
        Ok(Self { config, template })
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let computed;
        let template = match &self.template {
            Some(template) => template,
            None => {
                computed = Template::parse(&self.config.template.get()?).map_err(Verdict::fail)?;
                &computed
            }
        };
        let original = if *self.config.copy_unmatched_params.get()? { request.query() } else { None };
        let target = template.target(original.as_deref(), |name| request.parameter(name)).map_err(Verdict::fail)?;
        Ok(request.set_target(&target)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Request};

    fn request() -> Request {
        Request::get("/shop/orders/7%3F8?a=1&b=2").with_parameter("id", "7?8")
    }

    fn after(config: Value) -> String {
        let outcome = Gateway::<Statement>::with(config).unwrap().request(request());
        assert_eq!(outcome.verdict, Verdict::Next);
        outcome.request.target()
    }

    #[test]
    fn the_target_is_what_the_template_says() {
        assert_eq!(after(json!({ "template": "/v2/order/{id}?a=x" })), "/v2/order/7%3F8?a=x&b=2");
        let config = json!({ "template": "/v2/order/{id}?a=x", "copy-unmatched-params": false });
        assert_eq!(after(config), "/v2/order/7%3F8?a=x");
    }

    #[test]
    fn the_template_may_be_an_expression() {
        let config = json!({ "template": "${variables.to}", "copy-unmatched-params": "${variables.copy}" });
        let gateway = Gateway::<Statement>::with(config).unwrap();
        gateway.expression("${variables.copy}", json!(false));
        gateway.expression("${variables.to}", json!("/x y/{id}"));
        assert_eq!(gateway.request(request()).request.target(), "/x%20y/7%3F8");
        gateway.expression("${variables.to}", json!("no path"));
        assert!(
            matches!(gateway.request(request()).verdict, Verdict::Fail(why) if why == "a template begins with `/`")
        );
    }

    #[test]
    fn an_unknown_parameter_fails_the_statement() {
        let outcome = Gateway::<Statement>::with(json!({ "template": "/{nr}" })).unwrap().request(request());
        assert!(matches!(outcome.verdict, Verdict::Fail(why) if why.contains("no parameter `nr`")));
    }

    #[test]
    fn what_is_no_template_is_refused_with_its_place() {
        let refused = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
        assert_eq!(refused(json!({ "template": "v2" })), "/template");
        assert_eq!(refused(json!({ "template": "/{a" })), "/template");
        assert_eq!(refused(json!({})), "");
    }
}
