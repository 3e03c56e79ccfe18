//! `tollgate:log/log`: lines for the operator, capped per call.

use serde_json::{Value, json};
use tollgate_bindings::log::log::{Host, Level};
use wasmtime::Result;

use crate::session::Session;

/// The `tracing` target of policies' lines.
const TARGET: &str = "policy";

impl Host for Session {
    fn enabled(&mut self, level: Level) -> Result<bool> {
        self.enter()?;
        Ok(self.log_lines_left > 0 && is_enabled(level))
    }

    fn write(&mut self, level: Level, message: String) -> Result<()> {
        self.enter()?;
        if level == Level::Error {
            // A panic of a Rust guest comes this way. Should the call fail, this is why.
            self.output.get_or_insert_default().remember(&message);
        }
        self.write_line(level, message)
    }

    fn trace(&mut self, source: String, level: Level, message: String, metadata: Vec<(String, String)>) -> Result<()> {
        let metadata: serde_json::Map<String, Value> =
            metadata.into_iter().take(MAX_METADATA).map(|(name, value)| (name, Value::String(value))).collect();
        let statement = self.identity()?.statement.clone();
        if let Some(trace) = &mut self.exchange_mut()?.trace {
            trace.add(json!({
                "trace": source,
                "severity": severity(level),
                "statement": statement,
                "message": message,
                "metadata": metadata,
            }));
        }
        let line = match metadata.is_empty() {
            true => format!("{source}: {message}"),
            false => format!("{source}: {message} {}", Value::Object(metadata)),
        };
        self.write(level, line)
    }
}

/// Pairs of a trace's metadata.
const MAX_METADATA: usize = 64;

/// The words of `trace` (`apim.md` §1.8).
fn severity(level: Level) -> &'static str {
    match level {
        Level::Debug => "verbose",
        Level::Info | Level::Warn => "information",
        Level::Error => "error",
    }
}

/// Text that does no harm on a terminal.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Neither a control character nor one that reorders or hides what stands beside it on a terminal.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn is_enabled(level: Level) -> bool {
    match level {
        Level::Debug => tracing::enabled!(target: TARGET, tracing::Level::DEBUG),
        Level::Info => tracing::enabled!(target: TARGET, tracing::Level::INFO),
        Level::Warn => tracing::enabled!(target: TARGET, tracing::Level::WARN),
        Level::Error => tracing::enabled!(target: TARGET, tracing::Level::ERROR),
    }
}

impl Session {
    /// One line of the statement that is called, within the call's limits.
    pub(crate) fn write_line(&mut self, level: Level, message: String) -> Result<()> {
        if !is_enabled(level) {
            return Ok(());
        }
        let Some(lines_left) = self.log_lines_left.checked_sub(1) else {
            self.log_dropped = self.log_dropped.saturating_add(1);
            return Ok(());
        };
        let Some(bytes_left) = self.log_bytes_left.checked_sub(message.len()) else {
            self.log_dropped = self.log_dropped.saturating_add(1);
            return Ok(());
        };
        self.log_lines_left = lines_left;
        self.log_bytes_left = bytes_left;
        let identity = self.identity()?;
        let message = harmless(&identity.secrets.hidden(message));
        let statement = &identity.statement;
        let request_id = &*self.exchange()?.facts.request_id;
        match level {
            Level::Debug => tracing::debug!(target: TARGET, statement, request_id, "{message}"),
            Level::Info => tracing::info!(target: TARGET, statement, request_id, "{message}"),
            Level::Warn => tracing::warn!(target: TARGET, statement, request_id, "{message}"),
            Level::Error => tracing::error!(target: TARGET, statement, request_id, "{message}"),
        }
        Ok(())
    }

    /// One line in place of those that were over the limit.
    pub(crate) fn report_dropped_lines(&self) {
        let statement = self.identity().map(|identity| identity.statement.as_str()).unwrap_or_default();
        let request_id = self.exchange().map(|exchange| &*exchange.facts.request_id).unwrap_or_default();
        tracing::warn!(
            target: TARGET,
            statement,
            request_id,
            dropped = self.log_dropped,
            "log lines were dropped: over the limits `log-lines` and `log-bytes`"
        );
    }
}
