//! `find-and-replace`: replace a text by another throughout a body.

mod replace;

use policy_headers::{body_was_replaced, is_announced_empty, is_encoded};
use replace::replaced;
use tollgate_sdk::{
    ConfigError, Dynamic, Headers, LastError, Policy, Request, Response, Verdict, configuration, log, policy,
};

/// What to look for, and what to put there.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// The text to look for: plain, and case matters.
    from: Dynamic<String>,
    /// What takes its place.
    to: Dynamic<String>,
}

/// The statement.
#[derive(Debug)]
pub struct Statement(Config);

/// Replaces a text by another throughout a body.
#[policy(
    sections(inbound, backend, outbound, on_error),
    buffer(on_request = "4MiB", on_response = "4MiB", on_error = "4MiB")
)]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        match config.from.literal().is_some_and(String::is_empty) {
            true => Err(ConfigError::new("/from", EMPTY)),
            false => Ok(Self(config)),
        }
    }

    fn wants_request_body(&self, request: &Request) -> bool {
        is_text(request)
    }

    fn wants_response_body(&self, request: &Request, response: &Response) -> bool {
        has_body(request, response) && is_text(response)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        if passes(request) {
            return Ok(());
        }
        if let Some(body) = self.replaced(&request.body()?)? {
            request.set_body(body)?;
            body_was_replaced(request)?;
        }
        Ok(())
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<(), Verdict> {
        if !has_body(request, response) || passes(response) {
            return Ok(());
        }
        if let Some(body) = self.replaced(&response.body()?)? {
            response.set_body(body)?;
            body_was_replaced(response)?;
        }
        Ok(())
    }

    fn on_error(&self, request: &Request, response: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.on_response(request, response)
    }
}

impl Statement {
    /// The body with the text replaced; none if it doesn't hold it.
    fn replaced(&self, body: &[u8]) -> Result<Option<Vec<u8>>, Verdict> {
        let from = self.0.from.get()?;
        if from.is_empty() {
            return Err(Verdict::fail(EMPTY));
        }
        Ok(replaced(body, from.as_bytes(), self.0.to.get()?.as_bytes()))
    }
}

const EMPTY: &str = "the text to look for is empty, and nothing is everywhere";

/// Whether there is a body whose bytes are its text.
fn is_text(message: &impl Headers) -> bool {
    !is_announced_empty(message) && !is_encoded(message)
}

/// Whether nothing is to be done. The operator is told of a body that can't be read.
fn passes(message: &impl Headers) -> bool {
    if is_encoded(message) {
        log::warn!("a body is encoded, and nothing is replaced in it");
    }
    !is_text(message)
}

/// What is left of a part of a body would no longer be that part.
fn has_body(request: &Request, response: &Response) -> bool {
    !matches!(response.status(), 204..=206 | 304) && request.method() != "HEAD"
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Request, Response};

    fn gateway(config: Value) -> Gateway<Statement> {
        Gateway::with(config).unwrap()
    }

    #[test]
    fn bodies_of_both_messages_are_edited() {
        let gateway = gateway(json!({ "from": "secret", "to": "***" }));
        let request = Request::post("/").with_body("a secret, b secret");
        assert_eq!(gateway.request(request).request.body(), b"a ***, b ***");
        let response = Response::new(200)
            .with_header("etag", "\"1\"")
            .with_header("content-md5", "x")
            .with_body(b"\xff secret".to_vec());
        let outcome = gateway.response(Request::get("/"), response);
        assert_eq!(outcome.response().body(), b"\xff ***");
        assert_eq!(outcome.response().header_str("etag"), Some("W/\"1\""));
        assert_eq!(outcome.response().header("content-md5"), None);
    }

    #[test]
    fn a_message_without_the_text_stays_as_it_is() {
        let response = Response::new(200).with_header("etag", "\"1\"").with_body("nothing");
        let outcome = gateway(json!({ "from": "x", "to": "y" })).response(Request::get("/"), response.clone());
        assert_eq!(*outcome.response(), response);
    }

    #[test]
    fn what_is_encoded_or_a_part_passes() {
        let gateway = gateway(json!({ "from": "a", "to": "b" }));
        for response in [
            Response::new(200).with_header("content-encoding", "gzip").with_body("a"),
            Response::new(206).with_header("content-range", "bytes 0-0/9").with_body("a"),
        ] {
            assert_eq!(*gateway.response(Request::get("/"), response.clone()).response(), response);
        }
    }

    #[test]
    fn both_texts_may_be_expressions() {
        let gateway = gateway(json!({ "from": "${variables.from}", "to": "${variables.to}" }));
        gateway.expression("${variables.from}", json!("a"));
        gateway.expression("${variables.to}", json!(null));
        assert_eq!(gateway.request(Request::post("/").with_body("banana")).request.body(), b"bnn");
        gateway.expression("${variables.from}", json!(""));
        assert!(matches!(gateway.request(Request::post("/").with_body("banana")).verdict, Verdict::Fail(_)));
    }

    #[test]
    fn the_gateways_own_error_is_edited_too() {
        let error = LastError {
            source: "quota".into(),
            reason: "QuotaExceeded".into(),
            message: "Out of call volume quota.".into(),
            statement_id: None,
        };
        let told = Response::failure(403, "Out of call volume quota.");
        let outcome = gateway(json!({ "from": "call volume ", "to": "" })).error(Request::get("/"), told, error);
        assert_eq!(outcome.response().body_str(), Some(r#"{ "statusCode": 403, "message": "Out of quota." }"#));
        assert_eq!(outcome.response().header_str("content-type"), Some("application/json"));
    }

    #[test]
    fn nothing_can_not_be_looked_for() {
        assert_eq!(Gateway::<Statement>::with(json!({ "from": "", "to": "x" })).unwrap_err().pointer, "/from");
        assert!(Gateway::<Statement>::with(json!({ "from": "x" })).is_err());
    }
}
