//! `event-logs`.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Reader, Seen};
use crate::settings::{EVENT_LOG_BYTES, EventLog};
use crate::yaml::Node;

impl Reader<'_> {
    pub(super) fn event_logs(&mut self, node: Option<&Arc<Node>>) -> Vec<EventLog> {
        /// Holds several of the largest records, 200 KiB.
        const MIN_BYTES: u64 = 1 << 20;
        const MAX_BYTES: u64 = 1 << 40;
        let mut ids = Seen::default();
        let mut lines = HashMap::new();
        let mut logs = Vec::new();
        for fields in self.each(node, "event logs", &["id", "file", "max-bytes"]) {
            let id = self.id(&fields, "an event log");
            ids.check(self, "event log id", &id, fields.mark_of("id"));
            let max_bytes = fields.get("max-bytes").and_then(|node| self.bytes(node, MIN_BYTES, MAX_BYTES));
            let Some(node) = self.required(&fields, "file", "an event log") else { continue };
            let Some(file) = self.file(node, "the path of an event log's file") else { continue };
            if let Some(line) = lines.get(&file) {
                self.error(node.mark, format!("duplicate file of an event log; the one on line {line} is the same"));
            }
            lines.entry(file.clone()).or_insert(node.mark.line);
            logs.push(EventLog { id, file, max_bytes: max_bytes.unwrap_or(EVENT_LOG_BYTES), mark: fields.mark });
        }
        logs
    }
}
