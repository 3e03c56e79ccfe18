//! `jsonp`: turn a JSON response into a script that calls a function of the page.

mod callback;
mod script;

use script::script;
use tollgate_sdk::{ConfigError, Dynamic, Failure, Policy, Request, Response, Verdict, configuration, log, policy};

/// How a page names its function.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// The query parameter that names the function.
    callback_parameter_name: Dynamic<String>,
}

/// The statement.
#[derive(Debug)]
pub struct Statement(Config);

/// Headers that speak of the bytes of a body, and so no longer of this one.
const OF_THE_BYTES: [&str; 6] = ["accept-ranges", "content-digest", "content-md5", "digest", "etag", "repr-digest"];

/// Turns a JSON response into a script that calls a function of the page.
#[policy(sections(outbound), once, buffer(on_response = "4MiB"), rejects(400 = "CallbackParameterInvalid"))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        match config.callback_parameter_name.literal().is_some_and(String::is_empty) {
            true => Err(ConfigError::new("/callback-parameter-name", "the name is empty")),
            false => Ok(Self(config)),
        }
    }

    /// An expression that fails does so again in `on_response`, which tells.
    fn wants_response_body(&self, request: &Request, response: &Response) -> bool {
        self.0.callback_parameter_name.get().is_ok_and(|name| !request.query_values(&name).is_empty())
            && may_be_wrapped(request, response)
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<(), Verdict> {
        let callbacks = request.query_values(&self.0.callback_parameter_name.get()?);
        if callbacks.is_empty() || !may_be_wrapped(request, response) {
            return Ok(());
        }
        let callback = match callbacks.as_slice() {
            [one] if callback::is_callable(one) => one,
            _ => {
                let message = "The callback parameter is not the name of a function.";
                return Err(Failure::new(400, "CallbackParameterInvalid", message).into());
            }
        };
        let Some(script) = script(callback, &response.body()?) else {
            log::debug!("the response says that it is JSON and isn't, so it is no script either");
            return Ok(());
        };
        response.set_body(script)?;
        response.set_header("content-type", "application/javascript; charset=utf-8")?;
        response.set_header("x-content-type-options", "nosniff")?;
        for name in OF_THE_BYTES {
            response.remove_header(name)?;
        }
        Ok(())
    }
}

/// Whether this is a whole JSON body that can be read.
fn may_be_wrapped(request: &Request, response: &Response) -> bool {
    let has_body = !matches!(response.status(), 204..=206 | 304) && request.method() != "HEAD";
    let plain = |coding: &Vec<u8>| coding.trim_ascii().eq_ignore_ascii_case(b"identity");
    has_body
        && response.header_str("content-type").is_some_and(|value| is_json(&value))
        && response.header_values("content-encoding").iter().all(plain)
}

/// `application/json`, `text/json`, or anything that ends in `+json`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "application/json" | "text/json") || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Outcome, Request, Response};

    fn call(target: &str, response: Response) -> Outcome {
        let gateway = Gateway::<Statement>::with(json!({ "callback-parameter-name": "cb" })).unwrap();
        gateway.response(Request::get(target), response)
    }

    fn json_response(body: &str) -> Response {
        Response::new(200).with_header("content-type", "application/json; charset=utf-8").with_body(body)
    }

    #[test]
    fn json_becomes_a_script() {
        let response = json_response(r#"{"a": 1}"#).with_header("etag", "\"1\"").with_header("x-a", "b");
        let outcome = call("/?cb=app.done", response);
        let response = outcome.response();
        assert_eq!(response.body_str(), Some(r#"/**/app.done({"a": 1});"#));
        assert_eq!(response.header_values("content-type"), ["application/javascript; charset=utf-8"]);
        assert_eq!(response.header_str("x-content-type-options"), Some("nosniff"));
        assert_eq!((response.header("etag"), response.header_str("x-a")), (None, Some("b")));
    }

    #[test]
    fn what_nobody_calls_back_stays_as_it_is() {
        assert_eq!(call("/?callback=x", json_response("{}")).response(), &json_response("{}"));
    }

    #[test]
    fn what_is_not_json_stays_as_it_is() {
        let text = Response::new(200).with_header("content-type", "text/plain").with_body("{}");
        let encoded = json_response("{}").with_header("content-encoding", "gzip");
        for response in [text, encoded, json_response("alert(1)"), json_response(""), json_response("{} {}")] {
            assert_eq!(call("/?cb=x", response.clone()).response(), &response);
        }
        for status in [204, 206, 304] {
            let response = Response::new(status).with_header("content-type", "application/json");
            assert_eq!(call("/?cb=x", response.clone()).response(), &response);
        }
    }

    #[test]
    fn a_function_that_has_no_name_is_refused() {
        for target in ["/?cb=", "/?cb=a(b)", "/?cb=x&cb=y", "/?cb=alert%281%29//", "/?cb=1a"] {
            let outcome = call(target, json_response("{}"));
            let failure = outcome.failure().unwrap();
            assert_eq!((failure.status(), failure.reason()), (400, "CallbackParameterInvalid"), "{target}");
        }
    }

    #[test]
    fn the_parameter_may_be_an_expression() {
        let gateway = Gateway::<Statement>::with(json!({ "callback-parameter-name": "${variables.name}" })).unwrap();
        gateway.expression("${variables.name}", "f");
        let outcome = gateway.response(Request::get("/?f=x"), json_response("1"));
        assert_eq!(outcome.response().body_str(), Some("/**/x(1);"));
        let refused = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
        assert_eq!(refused(json!({ "callback-parameter-name": "" })), "/callback-parameter-name");
        assert_eq!(refused(json!({})), "");
    }
}
