//! `trace`: say something to whoever traces the request, and to the operator's log.

use policy_pairs::Pairs;
use std::borrow::Cow;
use tollgate_sdk::dynamic::Text;
use tollgate_sdk::log::{self, Level};
use tollgate_sdk::{ConfigError, Dynamic, LastError, Policy, Request, Response, Verdict, configuration, policy};

/// What is said, and how loudly.
#[configuration]
pub struct Config {
    /// Who says it, in the operator's own words.
    #[schema(length(min = 1))]
    source: String,
    /// How important it is.
    #[serde(default)]
    severity: Severity,
    /// What is said.
    message: Dynamic<String>,
    /// What goes with it: a mapping from names to values, or a list of names with values.
    #[serde(default)]
    metadata: Pairs,
}

/// How important it is.
#[configuration]
#[derive(Clone, Copy, Debug, Default)]
enum Severity {
    /// For who looks closely; a debug line of the log.
    #[default]
    Verbose,
    /// An info line of the log.
    Information,
    /// An error line of the log.
    Error,
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    source: String,
    level: Level,
    message: Dynamic<String>,
    metadata: Vec<(String, Dynamic<Text>)>,
}

/// Says something to whoever traces the request, and to the log.
#[policy(sections(inbound, backend, outbound, on_error), scopes(global, product, api, operation))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let Config { source, severity, message, metadata } = config;
        let with_value = metadata.iter().enumerate().map(|(index, pair)| match &pair.value {
            Some(value) => Ok((pair.name.clone(), value.clone())),
            None => Err(ConfigError::new(format!("/metadata{}", metadata.pointer(index)), "`value` is missing")),
        });
        Ok(Self { source, level: severity.into(), message, metadata: with_value.collect::<Result<_, _>>()? })
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        self.say()
    }

    fn on_response(&self, _: &Request, _: &mut Response) -> Result<(), Verdict> {
        self.say()
    }

    fn on_error(&self, _: &Request, _: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.say()
    }
}

impl Statement {
    fn say(&self) -> Result<(), Verdict> {
        let mut values: Vec<Cow<'_, Text>> = Vec::with_capacity(self.metadata.len());
        for (_, value) in &self.metadata {
            values.push(value.get()?);
        }
        let metadata: Vec<(&str, &str)> =
            self.metadata.iter().zip(&values).map(|((name, _), value)| (name.as_str(), &***value)).collect();
        log::trace(&self.source, self.level, &self.message.get()?, &metadata);
        Ok(())
    }
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Verbose => Self::Debug,
            Severity::Information => Self::Info,
            Severity::Error => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests;
