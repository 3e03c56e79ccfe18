//! `cors`: let pages of other origins call the API from a browser (`apim.md` §1.7, Fetch standard §3.2).

mod origin;

use origin::{Allowed, Origins};
use tollgate_sdk::{ConfigError, Dynamic, Policy, Reply, Request, Verdict, configuration, context, policy};

/// Who may call, and how.
#[configuration]
pub struct Config {
    /// Pages that may call: `scheme://host[:port]`, or `*` for all.
    #[schema(length(min = 1))]
    allowed_origins: Vec<String>,
    /// Methods that they may use; `*` for all.
    #[serde(default = "get_and_post")]
    #[schema(length(min = 1))]
    allowed_methods: Vec<String>,
    /// Request headers that they may set; `*` for all that they ask for.
    #[serde(default)]
    allowed_headers: Vec<String>,
    /// Response headers that they may read.
    #[serde(default)]
    expose_headers: Vec<String>,
    /// Whether cookies and credentials may be sent along.
    #[serde(default)]
    allow_credentials: Option<Dynamic<bool>>,
    /// Whether a call that isn't allowed is answered here, empty, instead of going on without CORS headers.
    #[serde(default)]
    terminate_unmatched_request: Option<Dynamic<bool>>,
    /// Seconds that a browser may remember the answer to a preflight.
    #[serde(default)]
    #[schema(range(min = 0, max = 86400))]
    preflight_result_max_age: u64,
}

fn get_and_post() -> Vec<String> {
    vec!["GET".into(), "POST".into()]
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    origins: Origins,
    methods: Allowed,
    headers: Allowed,
    exposed: String,
    credentials: Option<Dynamic<bool>>,
    terminates: Option<Dynamic<bool>>,
    max_age: u64,
}

/// Lets pages of other origins call the API from a browser.
#[policy(sections(inbound), scopes(global, product, api, operation), once)]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let origins = Origins::parse(&config.allowed_origins)?;
        let credentials = config.allow_credentials;
        if origins.is_all() && credentials.as_ref().and_then(Dynamic::literal) == Some(&true) {
            let problem = "browsers refuse credentials together with `*`; list the origins";
            return Err(ConfigError::new("/allow-credentials", problem));
        }
        Ok(Self {
            origins,
            methods: Allowed::parse(&config.allowed_methods, "/allowed-methods")?,
            headers: Allowed::parse(&config.allowed_headers, "/allowed-headers")?,
            exposed: Allowed::parse(&config.expose_headers, "/expose-headers")?.listed(),
            credentials,
            terminates: config.terminate_unmatched_request,
            max_age: config.preflight_result_max_age,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let Some(origin) = request.header_str("origin") else { return Ok(()) };
        let asked = request.header_str("access-control-request-method").filter(|_| request.method() == "OPTIONS");
        let method = asked.clone().unwrap_or_else(|| request.method());
        let wanted = request.header_str("access-control-request-headers").filter(|_| asked.is_some());
        let is_allowed = self.origins.allow(&origin)
            && self.methods.allow(&method)
            && wanted.as_deref().is_none_or(|names| names.split(',').all(|name| self.headers.allow(name.trim())));
        match (is_allowed, asked.is_some()) {
            (true, true) => Err(self.preflight(&origin, &method, wanted)?.into()),
            (true, false) => self.announce(&origin),
            (false, _) if self.terminates()? => Err(Reply::new(200).into()),
            (false, _) => Ok(()),
        }
    }
}

impl Statement {
    fn terminates(&self) -> Result<bool, Verdict> {
        Ok(match &self.terminates {
            Some(terminates) => *terminates.get()?,
            None => true,
        })
    }

    fn credentials(&self) -> Result<bool, Verdict> {
        Ok(match &self.credentials {
            Some(credentials) => *credentials.get()?,
            None => false,
        })
    }

    /// What the browser is told of an origin: itself, unless everybody is welcome and nothing is secret.
    fn shown<'a>(&self, origin: &'a str, credentials: bool) -> &'a str {
        if self.origins.is_all() && !credentials { "*" } else { origin }
    }

    fn preflight(&self, origin: &str, method: &str, wanted: Option<String>) -> Result<Reply, Verdict> {
        let credentials = self.credentials()?;
        let methods = if self.methods.is_all() { method.to_owned() } else { self.methods.listed() };
        let headers = if self.headers.is_all() { wanted.unwrap_or_default() } else { self.headers.listed() };
        let mut reply = Reply::new(200)
            .header("access-control-allow-origin", self.shown(origin, credentials))
            .header("access-control-allow-methods", methods)
            .header("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
        if !headers.is_empty() {
            reply = reply.header("access-control-allow-headers", headers);
        }
        if credentials {
            reply = reply.header("access-control-allow-credentials", "true");
        }
        if self.max_age > 0 {
            reply = reply.header("access-control-max-age", self.max_age.to_string());
        }
        Ok(reply)
    }

    /// Headers for whatever response will come.
    fn announce(&self, origin: &str) -> Result<(), Verdict> {
        let credentials = self.credentials()?;
        let shown = self.shown(origin, credentials);
        context::stage_response_header("access-control-allow-origin", shown)?;
        if credentials {
            context::stage_response_header("access-control-allow-credentials", "true")?;
        }
        if !self.exposed.is_empty() {
            context::stage_response_header("access-control-expose-headers", &self.exposed)?;
        }
        if shown != "*" {
            context::append_response_header("vary", "Origin")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Outcome, Request};

    fn gateway(more: Value) -> Gateway<Statement> {
        let mut config = json!({ "allowed-origins": ["https://app.example", "http://localhost:3000"] });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Gateway::with(config).unwrap()
    }

    fn preflight(gateway: &Gateway<Statement>, origin: &str, method: &str, headers: &str) -> Outcome {
        let request = Request::new("OPTIONS", "/").with_header("origin", origin);
        let request = request.with_header("access-control-request-method", method);
        gateway.request(match headers {
            "" => request,
            headers => request.with_header("access-control-request-headers", headers),
        })
    }

    #[test]
    fn a_preflight_is_answered_for_listed_origins_methods_and_headers_only() {
        let gateway = gateway(json!({ "allowed-headers": ["X-A"], "preflight-result-max-age": 60 }));
        let answered = preflight(&gateway, "https://app.example", "POST", "x-a");
        let response = answered.response();
        assert_eq!(response.header_str("access-control-allow-origin"), Some("https://app.example"));
        assert_eq!(response.header_str("access-control-allow-methods"), Some("GET, POST"));
        assert_eq!(response.header_str("access-control-max-age"), Some("60"));
        for (origin, method, headers) in [
            ("https://evil.example", "POST", ""),
            ("https://app.example.evil", "POST", ""),
            ("https://app.example", "DELETE", ""),
            ("https://app.example", "POST", "x-a, x-b"),
        ] {
            let refused = preflight(&gateway, origin, method, headers);
            assert_eq!(refused.response().status(), 200, "{origin} {method}");
            assert_eq!(refused.response().header_str("access-control-allow-origin"), None, "{origin} {method}");
        }
    }

    #[test]
    fn an_unmatched_call_goes_on_only_if_asked_for() {
        let call = |gateway: &Gateway<Statement>| {
            gateway.request(Request::get("/").with_header("origin", "https://evil.example")).verdict
        };
        assert_ne!(call(&gateway(json!({}))), Verdict::Next);
        assert_eq!(call(&gateway(json!({ "terminate-unmatched-request": false }))), Verdict::Next);
        assert_eq!(gateway(json!({})).request(Request::get("/")).verdict, Verdict::Next);
    }

    #[test]
    fn what_no_browser_takes_is_refused_at_load() {
        let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
        assert_eq!(pointer(json!({ "allowed-origins": ["*"], "allow-credentials": true })), "/allow-credentials");
        assert_eq!(pointer(json!({ "allowed-origins": ["app.example"] })), "/allowed-origins/0");
        assert_eq!(pointer(json!({ "allowed-origins": ["https://a.example/x"] })), "/allowed-origins/0");
        assert_eq!(
            pointer(json!({ "allowed-origins": ["*"], "allowed-methods": ["GET", "a b"] })),
            "/allowed-methods/1"
        );
    }
}
