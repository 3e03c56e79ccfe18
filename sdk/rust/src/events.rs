//! The gateway's event log: records for machines, apart from the log for operators.
//!
//! Needs the grant `events`.

use crate::bindings::imports::tollgate::events::events as wit;
use crate::host::events as host;
use crate::verdict::Verdict;

/// Why a record wasn't kept.
pub use wit::EventError;

/// Append one record, at most 200 KiB, to the document's event log `log`. The gateway adds time, request id and
/// statement. Never waits.
pub fn emit(log: &str, partition_key: Option<&str>, message: &str) -> Result<(), EventError> {
    host::emit(log, partition_key, message)
}

impl From<EventError> for Verdict {
    fn from(error: EventError) -> Self {
        Verdict::Fail(match error {
            EventError::UnknownLog(log) => format!("there is no event log `{log}`"),
            EventError::TooLarge => "an event is larger than 200 KiB".into(),
            EventError::Busy => "the gateway writes events more slowly than they come".into(),
            EventError::Other(why) => format!("an event can't be written: {why}"),
        })
    }
}
