//! `tollgate:log/log`: lines for the operator, capped per call.

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
        let message: String =
            message.chars().map(|c| if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER }).collect();
        let statement = &self.identity()?.statement;
        let request_id = &*self.exchange()?.facts.request_id;
        match level {
            Level::Debug => tracing::debug!(target: TARGET, statement, request_id, "{message}"),
            Level::Info => tracing::info!(target: TARGET, statement, request_id, "{message}"),
            Level::Warn => tracing::warn!(target: TARGET, statement, request_id, "{message}"),
            Level::Error => tracing::error!(target: TARGET, statement, request_id, "{message}"),
        }
        Ok(())
    }
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
