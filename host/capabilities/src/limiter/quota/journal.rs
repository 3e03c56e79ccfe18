//! What was counted since the ledger's last commit: absolute counts, appended to a plain file and not synced.
//!
//! A commit waits for the disk, and a busy disk makes it wait for long. What is written to a file, however, stays
//! whatever becomes of the process, so that this, and not the disk, says what `kill -9` may lose. There are two files:
//! while one is being committed the other one is written, and one whose counts are all committed is emptied.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Count;

/// A ledger that fails for long mustn't fill the disk with this.
const MAX_BYTES: u64 = 64 << 20;

/// Bytes of a record beside its key: its check sum, the key's length, and four numbers.
const FIXED_BYTES: usize = 8 + 4 + 4 * 8;

/// The two files.
#[derive(Debug)]
pub(super) struct Journal {
    files: [File; 2],
    /// The one that is written.
    active: usize,
}

/// The file of a journal beside the ledger.
fn path(ledger: &Path, number: usize) -> PathBuf {
    ledger.with_extension(format!("journal-{number}"))
}

impl Journal {
    /// Open or make the files beside `ledger`, and hand what they hold to `each`. The bytes that can't be read: of a
    /// write that was under way when the process was killed, or of a broken disk.
    pub(super) fn open(ledger: &Path, mut each: impl FnMut(&str, Count)) -> io::Result<(Journal, usize)> {
        let open =
            |number| File::options().read(true).write(true).create(true).truncate(false).open(path(ledger, number));
        let mut journal = Journal { files: [open(0)?, open(1)?], active: 0 };
        let mut unread = 0;
        for file in &mut journal.files {
            let mut bytes = Vec::new();
            Read::by_ref(file).take(MAX_BYTES).read_to_end(&mut bytes)?;
            let behind = read(&bytes, &mut each);
            unread += behind;
            // What is written from now on stands behind what can be read.
            file.set_len((bytes.len() - behind) as u64)?;
            file.seek(SeekFrom::End(0))?;
        }
        Ok((journal, unread))
    }

    /// Append counts. Nothing is written to a file that is full.
    pub(super) fn append(&mut self, batch: &[(Arc<str>, Count)]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(batch.len() * (FIXED_BYTES + 32));
        for (key, count) in batch {
            push(&mut bytes, key, count);
        }
        let file = &mut self.files[self.active];
        if file.stream_position()? + bytes.len() as u64 > MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        file.write_all(&bytes)
    }

    /// Go on with the other file; the number of the one that was written.
    pub(super) fn switch(&mut self) -> usize {
        let other = 1 - self.active;
        std::mem::replace(&mut self.active, other)
    }

    /// All of this file is committed.
    pub(super) fn empty(&mut self, number: usize) -> io::Result<()> {
        let file = &mut self.files[number];
        if file.stream_position()? == 0 {
            return Ok(());
        }
        file.set_len(0)?;
        file.rewind()
    }
}

fn push(bytes: &mut Vec<u8>, key: &str, count: &Count) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 8]);
    // A counter's name is far shorter than 4 GiB.
    bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&count.period_start_unix_ms.to_le_bytes());
    for number in [count.period_ms, count.calls, count.bytes] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(key.as_bytes());
    let sum = check_sum(&bytes[start + 8..]);
    bytes[start..start + 8].copy_from_slice(&sum.to_le_bytes());
}

/// Hand records to `each`; the bytes behind the last good one.
fn read(mut bytes: &[u8], each: &mut impl FnMut(&str, Count)) -> usize {
    while let Some((key, count, rest)) = first(bytes) {
        each(key, count);
        bytes = rest;
    }
    bytes.len()
}

fn first(bytes: &[u8]) -> Option<(&str, Count, &[u8])> {
    let (fixed, rest) = bytes.split_at_checked(FIXED_BYTES)?;
    let number = |at: usize| Some(u64::from_le_bytes(fixed.get(at..at + 8)?.try_into().ok()?));
    let length = u32::from_le_bytes(fixed.get(8..12)?.try_into().ok()?) as usize;
    let (key, rest) = rest.split_at_checked(length)?;
    let record = bytes.get(8..FIXED_BYTES + length)?;
    if number(0)? != check_sum(record) {
        return None;
    }
    let count = Count {
        period_start_unix_ms: number(12)? as i64,
        period_ms: number(20)?,
        calls: number(28)?,
        bytes: number(36)?,
    };
    Some((std::str::from_utf8(key).ok()?, count, rest))
}

/// FNV-1a: tells a record that was written whole from one that wasn't.
fn check_sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(calls: u64) -> Count {
        Count { period_start_unix_ms: i64::MIN, period_ms: 7, calls, bytes: u64::MAX }
    }

    fn held(ledger: &Path) -> (Vec<(String, Count)>, usize) {
        let mut held = Vec::new();
        let (_, unread) = Journal::open(ledger, |key, count| held.push((key.to_owned(), count))).unwrap();
        (held, unread)
    }

    #[test]
    fn what_is_appended_is_there_until_its_file_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("quotas.redb");
        let (mut journal, _) = Journal::open(&ledger, |_, _| {}).unwrap();
        journal.append(&[("a".into(), count(1)), ("é".into(), count(2))]).unwrap();
        let committed = journal.switch();
        journal.append(&[("a".into(), count(3))]).unwrap();
        let all = [("a".to_owned(), count(1)), ("é".to_owned(), count(2)), ("a".to_owned(), count(3))];
        assert_eq!(held(&ledger), (all.to_vec(), 0));
        journal.empty(committed).unwrap();
        assert_eq!(held(&ledger), (all[2..].to_vec(), 0));
        // It is written again from the beginning.
        journal.switch();
        journal.append(&[("b".into(), count(4))]).unwrap();
        assert_eq!(held(&ledger).0[0], ("b".to_owned(), count(4)));
    }

    #[test]
    fn a_record_that_was_not_written_whole_is_none() {
        let mut bytes = Vec::new();
        push(&mut bytes, "first", &count(1));
        let whole = bytes.len();
        push(&mut bytes, "second", &count(2));
        for end in whole..bytes.len() {
            let mut seen = Vec::new();
            assert_eq!(read(&bytes[..end], &mut |key, _| seen.push(key.to_owned())), end - whole);
            assert_eq!(seen, ["first"]);
        }
        for at in 0..whole {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            assert_eq!(read(&broken, &mut |_, _| panic!("byte {at}")), bytes.len());
        }
    }
}
