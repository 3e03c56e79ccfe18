//! New bodies, as they are written or as Liquid templates make them of what is there: what `set-body` has in common with
//! the children of that name in `return-response`, `send-request` and `send-one-way-request`. A library; it is no
//! statement itself.

mod bindings;
mod body;
mod config;
mod liquid;
mod message;
mod xml;

pub use config::SetBody;
pub use message::{Phase, may_have_body};

use bindings::Exchange;
use body::{Body, Reading};
use config::{Language, Long};
use liquid::Template;
use policy_headers::is_announced_empty;
use std::borrow::Cow;
use tollgate_sdk::{ConfigError, Dynamic, Headers, Verdict};

/// A body that is made anew for each exchange.
#[derive(Debug)]
pub struct NewBody(Source);

/// Where it comes from.
#[derive(Debug)]
enum Source {
    Value(Dynamic<Vec<u8>>),
    Template(Box<Template>, Reading),
}

impl From<Dynamic<Vec<u8>>> for NewBody {
    fn from(value: Dynamic<Vec<u8>>) -> Self {
        Self(Source::Value(value))
    }
}

impl NewBody {
    /// Checks what the schema can't say, and reads the template. The error's place is below the configuration's own.
    pub fn new(config: SetBody) -> Result<Self, ConfigError> {
        let Long { value, body, template, xsi_nil, parse_date } = match config {
            SetBody::Bare(value) => return Ok(value.into()),
            SetBody::Long(long) => *long,
        };
        let (value, pointer) = match (value, body) {
            (Some(value), None) => (value, "/value"),
            (None, Some(body)) => (body, "/body"),
            (Some(_), Some(_)) => return Err(ConfigError::new("/body", "`value` says it already")),
            (None, None) => return Err(ConfigError::new("", "`value` is missing")),
        };
        if template == Language::None {
            return Ok(value.into());
        }
        let Some(source) = value.literal() else {
            return Err(ConfigError::new(pointer, "an expression can't stand in a template; use `context`"));
        };
        let source = String::from_utf8_lossy(source).into_owned();
        match Template::parse(source) {
            Ok(template) => Ok(Self(Source::Template(Box::new(template), Reading { xsi_nil, parse_date }))),
            Err(complaint) => Err(ConfigError::new(pointer, complaint.to_string())),
        }
    }

    /// The same for a child of a statement: places are those of the statement's configuration.
    pub fn below(pointer: &str, config: SetBody) -> Result<Self, ConfigError> {
        Self::new(config).map_err(|error| ConfigError::new(format!("{pointer}{}", error.pointer), error.message))
    }

    /// Whether there will be something in it, as far as that is known before an exchange.
    pub fn is_written(&self) -> bool {
        match &self.0 {
            Source::Value(value) => value.literal().is_some_and(|text| !text.is_empty()),
            Source::Template(..) => true,
        }
    }

    /// Whether a message has to be buffered for it: it has a body, and the template looks at that.
    pub fn reads(&self, message: &impl Headers) -> bool {
        self.uses_body() && !is_announced_empty(message) && !policy_headers::is_encoded(message)
    }

    /// The body for this exchange. A template that looks at `body` finds that of the phase's message, which has to be
    /// buffered if it [reads](Self::reads) it.
    pub fn make(&self, phase: Phase<'_>) -> Result<Vec<u8>, Verdict> {
        self.made(phase, |reading| match self.uses_body() {
            true => message::body(phase, self, reading),
            false => Ok(Body::none()),
        })
    }

    /// The body for this exchange, where a template that looks at `body` finds nothing there.
    pub fn make_without_body(&self, phase: Phase<'_>) -> Result<Vec<u8>, Verdict> {
        self.made(phase, |_| Ok(Body::none()))
    }

    fn made(&self, phase: Phase<'_>, body: impl FnOnce(Reading) -> Result<Body, Verdict>) -> Result<Vec<u8>, Verdict> {
        let (template, reading) = match &self.0 {
            Source::Value(value) => return Ok(value.get().map(Cow::into_owned)?),
            Source::Template(template, reading) => (template, *reading),
        };
        let exchange = Exchange { body: body(reading)?, phase };
        let rendered = template.render(&exchange).map_err(|complaint| Verdict::fail(complaint.to_string()))?;
        Ok(rendered.into_bytes())
    }

    fn uses_body(&self) -> bool {
        matches!(&self.0, Source::Template(template, _) if template.uses_body())
    }
}
