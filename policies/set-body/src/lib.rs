//! `set-body`: another body, as it is written or as a Liquid template makes it of what is there.

mod bindings;
mod body;
mod config;
mod liquid;
mod xml;

use bindings::Exchange;
use body::{Body, Malformed, Reading};
use config::{Config, Language, Long};
use liquid::Template;
use policy_headers::{body_was_replaced, is_announced_empty, is_encoded};
use tollgate_sdk::{
    ConfigError, Dynamic, Failure, Headers, LastError, Policy, Request, Response, Verdict, log, policy,
};

/// The statement.
#[derive(Debug)]
pub struct Statement(Source);

/// Where the body comes from.
#[derive(Debug)]
enum Source {
    Value(Dynamic<Vec<u8>>),
    Template(Template, Reading),
}

/// Replaces the body by a text or by what a Liquid template makes of it.
#[policy(
    sections(inbound, backend, outbound, on_error),
    buffer(on_request = "4MiB", on_response = "4MiB", on_error = "4MiB"),
    rejects(
        400 = "JsonInvalid",
        400 = "XmlInvalid",
        415 = "ContentEncodingUnsupported",
        502 = "JsonInvalid",
        502 = "XmlInvalid",
        502 = "ContentEncodingUnsupported"
    )
)]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let Long { value, body, template, xsi_nil, parse_date } = match config {
            Config::Bare(value) => return Ok(Self(Source::Value(value))),
            Config::Long(long) => *long,
        };
        let (value, pointer) = match (value, body) {
            (Some(value), None) => (value, "/value"),
            (None, Some(body)) => (body, "/body"),
            (Some(_), Some(_)) => return Err(ConfigError::new("/body", "`value` says it already")),
            (None, None) => return Err(ConfigError::new("", "`value` is missing")),
        };
        if template == Language::None {
            return Ok(Self(Source::Value(value)));
        }
        let Some(source) = value.literal() else {
            return Err(ConfigError::new(pointer, "an expression can't stand in a template; use `context`"));
        };
        let source = String::from_utf8_lossy(source).into_owned();
        match Template::parse(source) {
            Ok(template) => Ok(Self(Source::Template(template, Reading { xsi_nil, parse_date }))),
            Err(complaint) => Err(ConfigError::new(pointer, complaint.to_string())),
        }
    }

    fn wants_request_body(&self, request: &Request) -> bool {
        self.reads_body(request)
    }

    fn wants_response_body(&self, request: &Request, response: &Response) -> bool {
        may_have_body(request, response) && self.reads_body(response)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let new = match &self.0 {
            Source::Value(value) => value.get()?.into_owned(),
            Source::Template(template, reading) => {
                let body = self.body_of(request, *reading, || Ok(request.body()?), &IN_REQUEST)?;
                rendered(template, &Exchange { body, request, response: None, error: None })?
            }
        };
        request.set_body(new)?;
        Ok(body_was_replaced(request)?)
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<(), Verdict> {
        if !may_have_body(request, response) {
            return Ok(());
        }
        let new = match &self.0 {
            Source::Value(value) => value.get()?.into_owned(),
            Source::Template(template, reading) => {
                let body = self.body_of(response, *reading, || Ok(response.body()?), &IN_RESPONSE)?;
                rendered(template, &Exchange { body, request, response: Some(response), error: None })?
            }
        };
        response.set_body(new)?;
        Ok(body_was_replaced(response)?)
    }

    fn on_error(&self, request: &Request, response: &mut Response, error: &LastError) -> Result<(), Verdict> {
        if !may_have_body(request, response) {
            return Ok(());
        }
        let new = match &self.0 {
            Source::Value(value) => value.get()?.into_owned(),
            Source::Template(template, reading) => {
                let body = match self.reads_body(response) {
                    true => {
                        let content_type = response.header("content-type").unwrap_or_default();
                        Body::read(&response.body()?, &content_type, *reading)
                            .map_err(|malformed| Verdict::fail(malformed.what))?
                    }
                    false => Body::none(),
                };
                rendered(template, &Exchange { body, request, response: Some(response), error: Some(error) })?
            }
        };
        response.set_body(new)?;
        Ok(body_was_replaced(response)?)
    }
}

/// How a body that a template can't read is refused.
struct Refusal {
    malformed: u16,
    encoded: u16,
    /// Whether the client wrote the body and may know what is wrong with it.
    tells: bool,
}

const IN_REQUEST: Refusal = Refusal { malformed: 400, encoded: 415, tells: true };
const IN_RESPONSE: Refusal = Refusal { malformed: 502, encoded: 502, tells: false };

impl Statement {
    /// Whether there is a body, and a template that looks at it.
    fn reads_body(&self, message: &impl Headers) -> bool {
        let uses_body = matches!(&self.0, Source::Template(template, _) if template.uses_body());
        uses_body && !is_announced_empty(message) && !is_encoded(message)
    }

    fn body_of(
        &self,
        message: &impl Headers,
        reading: Reading,
        bytes: impl FnOnce() -> Result<Vec<u8>, Verdict>,
        refusal: &Refusal,
    ) -> Result<Body, Verdict> {
        if self.reads_body(message) {
            let content_type = message.header("content-type").unwrap_or_default();
            return Body::read(&bytes()?, &content_type, reading).map_err(|malformed| refusal.malformed(&malformed));
        }
        match &self.0 {
            Source::Template(template, _) if template.uses_body() && is_encoded(message) => Err(refusal.encoded()),
            _ => Ok(Body::none()),
        }
    }
}

impl Refusal {
    fn malformed(&self, malformed: &Malformed) -> Verdict {
        let message = match self.tells {
            true => format!("The request body {}.", malformed.what),
            false => {
                log::warn!("the response {}, so the template can't be used", malformed.what);
                "The response of the origin can't be converted.".to_owned()
            }
        };
        Failure::new(self.malformed, malformed.reason, message).into()
    }

    fn encoded(&self) -> Verdict {
        let failure = |message: &str| Failure::new(self.encoded, "ContentEncodingUnsupported", message);
        match self.tells {
            true => failure("The request body must not be encoded.").header("accept-encoding", "identity").into(),
            false => {
                log::warn!("the response is encoded, so the template can't be used");
                failure("The response of the origin can't be converted.").into()
            }
        }
    }
}

fn rendered(template: &Template, exchange: &Exchange<'_>) -> Result<Vec<u8>, Verdict> {
    let rendered = template.render(exchange).map_err(|complaint| Verdict::fail(complaint.to_string()))?;
    Ok(rendered.into_bytes())
}

/// There is nothing to replace where no body may stand.
fn may_have_body(request: &Request, response: &Response) -> bool {
    !matches!(response.status(), 204 | 205 | 304) && request.method() != "HEAD"
}

#[cfg(test)]
mod tests;
