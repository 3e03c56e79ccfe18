//! `log-event`: append a record to an event log.

use std::borrow::Cow;
use tollgate_sdk::dynamic::{Text, resolved};
use tollgate_sdk::serde_json::Value;
use tollgate_sdk::{
    ConfigError, Dynamic, ExpressionError, LastError, Policy, Request, Response, Verdict, configuration, events, log,
    policy,
};

/// The most that the gateway takes for one record.
const LONGEST: usize = 200 * 1024;

/// Which log, and what is written to it.
#[configuration]
pub struct Config {
    /// The id of the event log.
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,63}$")]
    logger_id: String,
    /// What keeps records together: those with the same key stay in order.
    #[serde(default)]
    partition_key: Option<Dynamic<Text>>,
    /// The same for a partition that is known by its id.
    #[serde(default)]
    partition_id: Option<Text>,
    /// The record: a text, or a list or a mapping, which is written as JSON.
    message: Dynamic<Value>,
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    log: String,
    partition: Option<Dynamic<Text>>,
    message: Dynamic<Value>,
}

/// Appends a record to an event log.
#[policy(sections(inbound, backend, outbound, on_error), scopes(global, product, api, operation))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let Config { logger_id: log, partition_key, partition_id, message } = config;
        let partition = match (partition_key, partition_id) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::new("/partition-id", "`partition-key` says it already"));
            }
            (Some(key), None) => Some(key),
            (None, id) => id.map(Dynamic::from),
        };
        Ok(Self { log, partition, message })
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        self.write()
    }

    fn on_response(&self, _: &Request, _: &mut Response) -> Result<(), Verdict> {
        self.write()
    }

    fn on_error(&self, _: &Request, _: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.write()
    }
}

impl Statement {
    fn write(&self) -> Result<(), Verdict> {
        let partition: Option<Cow<'_, Text>> = self.partition.as_ref().map(Dynamic::get).transpose()?;
        let message = self.text()?;
        let kept = &message[..message.floor_char_boundary(LONGEST)];
        if kept.len() < message.len() {
            log::debug!("an event of {} bytes was cut to {}", message.len(), kept.len());
        }
        if let Err(error) = events::emit(&self.log, partition.as_deref().map(|key| &**key), kept) {
            log::error!("an event for `{}` was not written: {error:?}", self.log);
        }
        Ok(())
    }

    fn text(&self) -> Result<String, ExpressionError> {
        let message = match self.message.literal() {
            Some(literal) => resolved(literal)?,
            None => self.message.get()?.into_owned(),
        };
        Ok(match message {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        })
    }
}

#[cfg(test)]
mod tests;
