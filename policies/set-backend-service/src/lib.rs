//! `set-backend-service`: forward the request to another backend.

use tollgate_sdk::{ConfigError, Dynamic, Policy, Request, Verdict, backend, configuration, policy};

/// Which backend: one of the two.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// The base URL. Example: `https://b.example/v2`.
    #[serde(default)]
    base_url: Option<Dynamic<String>>,
    /// The id of one of the document's backends.
    #[serde(default)]
    backend_id: Option<Dynamic<String>>,
}

/// The statement.
#[derive(Debug)]
pub enum Statement {
    /// By its URL.
    BaseUrl(Dynamic<String>),
    /// By its id.
    Id(Dynamic<String>),
}

/// Forwards the request to another backend.
#[policy(sections(inbound, backend))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        match (config.base_url, config.backend_id) {
            (Some(url), None) => match url.literal().and_then(|url| why_no_base(url)) {
                Some(why) => Err(ConfigError::new("/base-url", why)),
                None => Ok(Self::BaseUrl(url)),
            },
            (None, Some(id)) => match id.literal() {
                Some(id) if id.is_empty() => Err(ConfigError::new("/backend-id", "the id is empty")),
                _ => Ok(Self::Id(id)),
            },
            (Some(_), Some(_)) => Err(ConfigError::new("/backend-id", "`base-url` says it already")),
            (None, None) => Err(ConfigError::new("", "`base-url` or `backend-id` is missing")),
        }
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        Ok(match self {
            Self::BaseUrl(url) => backend::set_base_url(&url.get()?),
            Self::Id(id) => backend::set_backend_id(&id.get()?),
        }?)
    }
}

/// What keeps a literal from being a base URL. The gateway looks at each URL more closely before it uses it.
fn why_no_base(url: &str) -> Option<&'static str> {
    let scheme = |scheme: &str| url.get(..scheme.len()).filter(|begin| begin.eq_ignore_ascii_case(scheme));
    let Some(scheme) = scheme("https://").or_else(|| scheme("http://")) else {
        return Some("expected a URL with `http://` or `https://`");
    };
    let rest = &url[scheme.len()..];
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || host.contains('@') {
        return Some("expected a URL with a host and without a user");
    }
    let bad = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'?' | b'#');
    rest.bytes().any(bad).then_some("expected a URL without query, fragment and spaces")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Backend, Gateway, Request};

    #[test]
    fn the_request_goes_to_the_url_or_to_the_backend_of_the_id() {
        let gateway = Gateway::<Statement>::with(json!({ "base-url": "https://b.example:8443/v2" })).unwrap();
        let outcome = gateway.request(Request::get("/"));
        assert_eq!(outcome.backend(), Some(&Backend::BaseUrl("https://b.example:8443/v2".into())));
        let gateway = Gateway::<Statement>::with(json!({ "backend-id": "eu" })).unwrap();
        gateway.world().add_backend("eu", "https://eu.example");
        assert_eq!(gateway.request(Request::get("/")).backend(), Some(&Backend::Id("eu".into())));
    }

    #[test]
    fn either_may_be_an_expression() {
        let gateway = Gateway::<Statement>::with(json!({ "base-url": "https://${variables.host}/" })).unwrap();
        gateway.expression("https://${variables.host}/", json!("https://b.example/"));
        let outcome = gateway.request(Request::get("/"));
        assert_eq!(outcome.backend(), Some(&Backend::BaseUrl("https://b.example/".into())));
        gateway.expression("https://${variables.host}/", json!("no url"));
        let outcome = gateway.request(Request::get("/"));
        assert!(matches!(&outcome.verdict, Verdict::Fail(why) if why.contains("no base URL")), "{:?}", outcome.verdict);

        let gateway = Gateway::<Statement>::with(json!({ "backend-id": "${variables.id}" })).unwrap();
        gateway.world().add_backend("eu", "https://eu.example");
        gateway.expression("${variables.id}", json!("us"));
        let outcome = gateway.request(Request::get("/"));
        assert!(matches!(&outcome.verdict, Verdict::Fail(why) if why.contains("no backend `us`")));
    }

    #[test]
    fn what_is_no_backend_is_refused_with_its_place() {
        let refused = |config: Value| Gateway::<Statement>::with(config).unwrap_err();
        assert_eq!(refused(json!({})).message, "`base-url` or `backend-id` is missing");
        assert_eq!(refused(json!({ "base-url": "https://a", "backend-id": "b" })).pointer, "/backend-id");
        assert_eq!(refused(json!({ "backend-id": "" })).pointer, "/backend-id");
        for url in ["", "a.example", "ftp://a", "https://", "https:///a", "https://u@a", "https://a?b", "https://a/ b"]
        {
            assert_eq!(refused(json!({ "base-url": url })).pointer, "/base-url", "{url}");
        }
        for name in ["sf-resolve-condition", "sf-service-instance-name", "dapr-app-id"] {
            assert!(refused(json!({ "base-url": "https://a", name: "x" })).message.contains(name));
        }
    }
}
