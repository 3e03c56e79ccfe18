//! Directories that an operator has granted to a component.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

/// Files that all instances of a component may have open at once: descriptors are the process', and others need them.
const MAX_OPEN: u32 = 256;

/// Directories that a component may read, each under the path that it knows it by; opened once, so that what is found
/// below them is what was there when the configuration was loaded, whatever becomes of their names.
#[derive(Debug)]
pub struct Directories {
    /// Tells grants apart for the life of the process.
    number: u64,
    granted: Vec<(String, Arc<Dir>)>,
    open: Arc<AtomicU32>,
}

/// A directory can't be granted.
#[derive(Debug, thiserror::Error)]
#[error("{directory} can't be opened as a directory: {problem}")]
pub struct DirectoryError {
    directory: String,
    problem: std::io::Error,
}

impl Directories {
    /// Without any directory yet.
    pub fn none() -> Directories {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Directories { number, granted: Vec::new(), open: Arc::default() }
    }

    /// Grant one more: `directory` of this machine, to be found at the absolute path `at`.
    ///
    /// # Errors
    ///
    /// It isn't there, isn't a directory, or may not be opened.
    pub fn grant(&mut self, directory: &Path, at: &str) -> Result<(), DirectoryError> {
        let opened = Dir::open_ambient_dir(directory, ambient_authority());
        let refused = |problem| DirectoryError { directory: directory.display().to_string(), problem };
        self.granted.push((at.to_owned(), Arc::new(opened.map_err(refused)?)));
        Ok(())
    }

    /// Another number for each grant of each load.
    pub fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn granted(&self) -> &[(String, Arc<Dir>)] {
        &self.granted
    }

    /// The right to have one more file open, if it isn't one too many.
    pub(super) fn one_more(&self) -> Option<Permit> {
        let permit = Permit(Arc::clone(&self.open));
        (self.open.fetch_add(1, Ordering::Relaxed) < MAX_OPEN).then_some(permit)
    }
}

/// The right to have a file open, until this is dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<AtomicU32>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_closed_make_room_for_others() {
        let directories = Directories::none();
        let mut permits: Vec<_> = (0..MAX_OPEN).filter_map(|_| directories.one_more()).collect();
        assert_eq!(permits.len(), MAX_OPEN as usize);
        assert!(directories.one_more().is_none() && directories.one_more().is_none(), "what is refused isn't counted");
        permits.pop();
        assert!(directories.one_more().is_some());
    }

    #[test]
    fn what_is_no_directory_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let mut directories = Directories::none();
        assert!(directories.grant(folder.path(), "/data").is_ok());
        for name in ["file", "nowhere"] {
            let refused = directories.grant(&folder.path().join(name), "/other").unwrap_err().to_string();
            assert!(refused.contains(name) && refused.contains("can't be opened as a directory"), "{refused}");
        }
        assert_eq!(directories.granted().len(), 1);
    }
}
