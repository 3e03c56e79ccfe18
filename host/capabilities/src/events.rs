//! `tollgate:events/events`: records for machines, one JSON object a line, written by a thread of their own.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tollgate_bindings::events::events::{EventError, Host};
use wasmtime::Result;

use crate::session::Session;

/// The largest message (`apim.md` §1.8, log-to-eventhub).
const MAX_MESSAGE_BYTES: usize = 200 << 10;

/// Records that wait for the disk. At their largest they take 50 MiB.
const QUEUE: usize = 256;

/// A log that records can go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLogSettings {
    /// What statements call it.
    pub id: String,
    /// Where it is written.
    pub file: PathBuf,
    /// When it is this large it becomes `FILE.1`, and a new one begins.
    pub max_bytes: u64,
}

/// The event logs of a gateway.
#[derive(Debug, Default)]
pub struct EventStore {
    logs: Mutex<BTreeMap<String, EventLog>>,
}

#[derive(Clone, Debug)]
struct EventLog {
    settings: EventLogSettings,
    queue: SyncSender<String>,
}

impl EventStore {
    /// Open the logs of a plan; one that is open already with the same settings stays so.
    ///
    /// # Errors
    ///
    /// The first file that can't be opened.
    pub fn open(&self, wanted: &[EventLogSettings]) -> std::result::Result<(), (EventLogSettings, io::Error)> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut opened = BTreeMap::new();
        for settings in wanted {
            let log = match logs.get(&settings.id).filter(|log| log.settings == *settings) {
                Some(known) => known.clone(),
                None => EventLog::open(settings).map_err(|error| (settings.clone(), error))?,
            };
            opened.insert(settings.id.clone(), log);
        }
        *logs = opened;
        Ok(())
    }

    fn queue(&self, id: &str) -> Option<SyncSender<String>> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.get(id).map(|log| log.queue.clone())
    }
}

impl EventLog {
    fn open(settings: &EventLogSettings) -> io::Result<EventLog> {
        let writer = Writer::open(&settings.file, settings.max_bytes)?;
        let (queue, lines) = sync_channel(QUEUE);
        std::thread::Builder::new().name("event-log".into()).spawn(move || writer.run(&lines))?;
        Ok(EventLog { settings: settings.clone(), queue })
    }
}

struct Writer {
    path: Arc<Path>,
    file: File,
    bytes: u64,
    max_bytes: u64,
}

impl Writer {
    fn open(path: &Path, max_bytes: u64) -> io::Result<Writer> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Writer { path: Arc::from(path), file, bytes, max_bytes })
    }

    fn run(mut self, lines: &Receiver<String>) {
        for line in lines {
            if let Err(error) = self.write(&line) {
                tracing::error!(file = %self.path.display(), %error, "an event can't be written and is lost");
            }
        }
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        let bytes = line.len() as u64;
        if self.bytes > 0 && self.bytes.saturating_add(bytes) > self.max_bytes {
            let mut old = self.path.as_os_str().to_owned();
            old.push(".1");
            std::fs::rename(&self.path, &old)?;
            *self = Writer::open(&Arc::clone(&self.path), self.max_bytes)?;
        }
        self.file.write_all(line.as_bytes())?;
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }
}

impl Host for Session {
    fn emit(
        &mut self,
        log: String,
        partition_key: Option<String>,
        message: String,
    ) -> Result<std::result::Result<(), EventError>> {
        self.enter()?;
        if message.len() > MAX_MESSAGE_BYTES {
            return Ok(Err(EventError::TooLarge));
        }
        let Some(queue) = self.services.events.queue(&log) else {
            return Ok(Err(EventError::UnknownLog(format!("there is no event log `{log}`"))));
        };
        let facts = &self.exchange()?.facts;
        let identity = self.identity()?;
        let mut record = json!({
            "time": jiff::Timestamp::now().to_string(),
            "request_id": &*facts.request_id,
            "statement": identity.statement,
            "message": identity.secrets.hidden(message),
        });
        if let (Some(key), Some(record)) = (partition_key, record.as_object_mut()) {
            record.insert("partition_key".into(), identity.secrets.hidden(key).into());
        }
        Ok(match queue.try_send(format!("{record}\n")) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(EventError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(EventError::Other("the event log's writer has ended".into())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_makes_room_for_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut writer = Writer::open(&path, 10).unwrap();
        for line in ["first\n", "second\n", "3\n"] {
            writer.write(line).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "second\n3\n");
        assert_eq!(std::fs::read_to_string(folder.path().join("events.jsonl.1")).unwrap(), "first\n");
    }
}
