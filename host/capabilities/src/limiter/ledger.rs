//! Where quotas are kept on disk: one table of counters in an embedded database (redb, which survives `kill -9`).

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition};

use super::quota::Count;

/// Counter name → period start, period length, calls, bytes.
const COUNTERS: TableDefinition<&str, (i64, u64, u64, u64)> = TableDefinition::new("quota-counters-1");

/// Pages that the database keeps in memory; all counters are there anyway.
const CACHE_BYTES: usize = 8 << 20;

/// Why quotas can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file can't be opened, read or written.
    #[error("the quota file: {0}")]
    Database(#[from] Box<redb::Error>),
    /// The file's folder, or what stands in the file's place.
    #[error("the quota file: {0}")]
    File(#[from] io::Error),
    /// The file is not open: the disk failed earlier.
    #[error("the quota file is not open")]
    Closed,
    /// The disk is full, read-only, or fails.
    #[error("the quota file: {0}")]
    Disk(String),
    /// No thread for writing.
    #[error("the thread that writes quotas: {0}")]
    Thread(io::Error),
}

fn database(error: impl Into<redb::Error>) -> LedgerError {
    LedgerError::Database(Box::new(error.into()))
}

/// What was found where the ledger should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A ledger as it was left.
    Whole,
    /// One that nobody had closed: its process was killed.
    Repaired,
    /// None; it was made.
    New,
    /// Something that is no ledger, or no longer. It was set aside, and a new one was made.
    Damaged(String),
    /// The disk can't be used at the moment.
    Unwritable(String),
}

/// The file of counters.
#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    database: Option<Database>,
}

/// Why a ledger wasn't opened.
enum Unopened {
    Damaged(String),
    /// The disk is full, read-only, or fails.
    Disk(String),
    Fatal(LedgerError),
}

impl From<DatabaseError> for Unopened {
    fn from(error: DatabaseError) -> Unopened {
        match error {
            DatabaseError::Storage(error) => error.into(),
            other => Unopened::Fatal(database(other)),
        }
    }
}

impl From<StorageError> for Unopened {
    fn from(error: StorageError) -> Unopened {
        use io::ErrorKind as Kind;
        match error {
            StorageError::Io(error) => match error.kind() {
                Kind::InvalidData | Kind::UnexpectedEof => Unopened::Damaged(error.to_string()),
                Kind::PermissionDenied | Kind::NotFound | Kind::IsADirectory | Kind::NotADirectory => {
                    Unopened::Fatal(LedgerError::File(error))
                }
                _ => Unopened::Disk(error.to_string()),
            },
            StorageError::LockPoisoned(_) | StorageError::DatabaseClosed => Unopened::Fatal(database(error)),
            StorageError::PreviousIo => Unopened::Disk(error.to_string()),
            other => Unopened::Damaged(other.to_string()),
        }
    }
}

impl From<LedgerError> for Unopened {
    fn from(error: LedgerError) -> Unopened {
        match error {
            LedgerError::Database(error) => match *error {
                redb::Error::Io(error) => StorageError::Io(error).into(),
                redb::Error::PreviousIo => Unopened::Disk(error.to_string()),
                other => Unopened::Damaged(other.to_string()),
            },
            LedgerError::File(error) => StorageError::Io(error).into(),
            other => Unopened::Fatal(other),
        }
    }
}

impl Ledger {
    /// Open or make the file, and hand every counter in it to `each`.
    pub(crate) fn open(path: &Path, mut each: impl FnMut(&str, Count)) -> Result<(Ledger, Found), LedgerError> {
        let mut ledger = Ledger { path: path.to_owned(), database: None };
        let found = ledger.open_again(&mut each)?;
        Ok((ledger, found))
    }

    /// Open the file again after the disk failed.
    pub(crate) fn reopen(&mut self, mut each: impl FnMut(&str, Count)) -> Result<Found, LedgerError> {
        self.open_again(&mut each)
    }

    fn open_again(&mut self, each: &mut dyn FnMut(&str, Count)) -> Result<Found, LedgerError> {
        self.database = None;
        match self.open_whole(each) {
            Ok(found) => Ok(found),
            Err(Unopened::Fatal(error)) => Err(error),
            Err(Unopened::Disk(problem)) => Ok(Found::Unwritable(problem)),
            Err(Unopened::Damaged(problem)) => {
                fs::rename(&self.path, self.aside())?;
                match self.open_whole(each) {
                    Ok(_) => Ok(Found::Damaged(problem)),
                    Err(Unopened::Fatal(error)) => Err(error),
                    Err(Unopened::Disk(more) | Unopened::Damaged(more)) => {
                        Ok(Found::Damaged(format!("{problem}; a new one: {more}")))
                    }
                }
            }
        }
    }

    /// Open a file in which every page is what was written, or make one.
    fn open_whole(&mut self, each: &mut dyn FnMut(&str, Count)) -> Result<Found, Unopened> {
        let is_new = match fs::metadata(&self.path) {
            Ok(facts) if facts.len() == 0 => return Err(Unopened::Damaged("the file is empty".into())),
            Ok(_) => false,
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(StorageError::Io(error).into()),
        };
        // The database trusts its own pages; what a broken disk makes of them mustn't end the process.
        let opened = catch_unwind(AssertUnwindSafe(|| open_database(&self.path, each)));
        let (opened, was_repaired) =
            opened.map_err(|_| Unopened::Damaged("its pages contradict each other".into()))??;
        self.database = Some(opened);
        Ok(match (is_new, was_repaired) {
            (true, _) => Found::New,
            (false, true) => Found::Repaired,
            (false, false) => Found::Whole,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a damaged file is put, in place of an earlier one.
    pub(crate) fn aside(&self) -> PathBuf {
        self.path.with_added_extension("damaged")
    }

    /// Write a batch, whole or not at all, and let go of those that are over.
    pub(crate) fn write(&self, batch: &[(Arc<str>, Count)], now_unix_ms: i64) -> Result<(), LedgerError> {
        let transaction = self.database.as_ref().ok_or(LedgerError::Closed)?.begin_write().map_err(database)?;
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

/// A database whose pages were all looked at, and whether it had not been closed.
fn open_database(path: &Path, each: &mut dyn FnMut(&str, Count)) -> Result<(Database, bool), Unopened> {
    let was_repaired = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&was_repaired);
    let opened = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true)
        .set_repair_callback(move |_| seen.store(true, Ordering::Relaxed))
        .create(path)?;
    let transaction = opened.begin_write().map_err(database)?;
    transaction.open_table(COUNTERS).map_err(database)?;
    transaction.commit().map_err(database)?;
    let transaction = opened.begin_read().map_err(database)?;
    let table = transaction.open_table(COUNTERS).map_err(database)?;
    for entry in table.iter().map_err(database)? {
        let (key, value) = entry.map_err(database)?;
        let (period_start_unix_ms, period_ms, calls, bytes) = value.value();
        each(key.value(), Count { period_start_unix_ms, period_ms, calls, bytes });
    }
    drop((table, transaction));
    Ok((opened, was_repaired.load(Ordering::Relaxed)))
}
