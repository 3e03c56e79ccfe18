//! `mock-response`: answer as the document says that the operation would.

mod answer;
mod sample;

use answer::answer;
use tollgate_sdk::{ConfigError, LastError, Policy, Reply, Request, Response, configuration, context, policy};

/// Which of the operation's answers.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// The answer's status.
    #[serde(default = "ok")]
    #[schema(range(min = 200, max = 599))]
    status_code: u16,
    /// Its media type; otherwise the first that the operation has for this status.
    #[serde(default)]
    content_type: Option<String>,
    /// Which example, from 0, if there are several.
    #[serde(default)]
    index: u32,
    /// Whether the statement does anything.
    #[serde(default = "on")]
    enabled: bool,
}

fn ok() -> u16 {
    200
}

fn on() -> bool {
    true
}

/// The statement.
#[derive(Debug)]
pub struct Statement(Config);

/// Answers as the document says that the operation would.
#[policy(sections(inbound, outbound, on_error))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let token = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
        let is_type = |text: &String| {
            let essence = text.split(';').next().unwrap_or_default();
            essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
        };
        match config.content_type.as_ref().is_none_or(is_type) {
            true => Ok(Self(config)),
            false => Err(ConfigError::new("/content-type", "this is no media type such as `application/json`")),
        }
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Reply> {
        self.run()
    }

    fn on_response(&self, _: &Request, _: &mut Response) -> Result<(), Reply> {
        self.run()
    }

    fn on_error(&self, _: &Request, _: &mut Response, _: &LastError) -> Result<(), Reply> {
        self.run()
    }
}

impl Statement {
    /// An answer, in place of an error: it ends the exchange.
    fn run(&self) -> Result<(), Reply> {
        let Config { status_code, content_type, index, enabled } = &self.0;
        if !enabled {
            return Ok(());
        }
        let definition = context::operation_definition().unwrap_or_default();
        let found = answer(&definition, *status_code, content_type.as_deref(), *index as usize);
        let reply = Reply::new(*status_code);
        Err(match found {
            Some((content_type, body)) => reply.header("content-type", content_type).body(body),
            None => reply,
        })
    }
}

#[cfg(test)]
mod tests;
