//! Where quotas are kept on disk: one table of counters in an embedded database (redb, which survives `kill -9`).

use std::io;
use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::quota::Count;

/// Counter name → period start, period length, calls, bytes.
const COUNTERS: TableDefinition<&str, (i64, u64, u64, u64)> = TableDefinition::new("quota-counters-1");

/// Why quotas can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file can't be opened, read or written.
    #[error("the quota file: {0}")]
    Database(#[from] Box<redb::Error>),
    /// No thread for writing.
    #[error("the thread that writes quotas: {0}")]
    Thread(io::Error),
}

fn database(error: impl Into<redb::Error>) -> LedgerError {
    LedgerError::Database(Box::new(error.into()))
}

/// The file of counters.
#[derive(Debug)]
pub(crate) struct Ledger {
    database: Database,
}

impl Ledger {
    /// Open or make the file.
    pub(crate) fn open(path: &Path) -> Result<Ledger, LedgerError> {
        let database = Database::create(path).map_err(self::database)?;
        let transaction = database.begin_write().map_err(self::database)?;
        transaction.open_table(COUNTERS).map_err(self::database)?;
        transaction.commit().map_err(self::database)?;
        Ok(Ledger { database })
    }

    /// Hand every counter to `each`.
    pub(crate) fn read_all(&self, mut each: impl FnMut(&str, Count)) -> Result<(), LedgerError> {
        let transaction = self.database.begin_read().map_err(database)?;
        let table = transaction.open_table(COUNTERS).map_err(database)?;
        for entry in table.iter().map_err(database)? {
            let (key, value) = entry.map_err(database)?;
            let (period_start_unix_ms, period_ms, calls, bytes) = value.value();
            each(key.value(), Count { period_start_unix_ms, period_ms, calls, bytes });
        }
        Ok(())
    }

    /// Write a batch, whole or not at all, and let go of those that are over.
    pub(crate) fn write(&self, batch: &[(Arc<str>, Count)], now_unix_ms: i64) -> Result<(), LedgerError> {
        let transaction = self.database.begin_write().map_err(database)?;
        {
            let mut table = transaction.open_table(COUNTERS).map_err(database)?;
            for (key, count) in batch {
                if count.is_over(now_unix_ms) {
                    table.remove(&**key).map_err(database)?;
                } else {
                    let value = (count.period_start_unix_ms, count.period_ms, count.calls, count.bytes);
                    table.insert(&**key, value).map_err(database)?;
                }
            }
        }
        transaction.commit().map_err(database)
    }
}
