//! A folder of what was fetched before, by digest. What lies there is looked at again each time: only what has the digest
//! that was asked for comes out.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::manifest::{Layer, digest_of};

/// Files that are kept, a manifest and a component for each; older ones go.
const MAX_FILES: usize = 256;

pub(super) struct Kept<'a> {
    folder: Option<&'a Path>,
}

impl<'a> Kept<'a> {
    pub(super) fn new(folder: Option<&'a Path>) -> Kept<'a> {
        Kept { folder }
    }

    /// The component of a manifest with this digest.
    pub(super) fn component(&self, digest: &str) -> Option<Bytes> {
        let manifest = self.file(digest)?;
        let layer = Layer::of(&manifest).ok()?;
        self.file(&layer.digest)
    }

    fn file(&self, digest: &str) -> Option<Bytes> {
        let bytes = fs::read(self.path(digest)?).ok()?;
        (digest_of(&bytes) == digest).then(|| bytes.into())
    }

    fn path(&self, digest: &str) -> Option<PathBuf> {
        self.folder.map(|folder| folder.join(format!("sha256-{digest}")))
    }

    /// Keep both. Without it they are fetched again, which is slower and otherwise the same.
    pub(super) fn keep(&self, digest: &str, manifest: &[u8], component: &[u8]) {
        let Some(folder) = self.folder else { return };
        let kept = fs::create_dir_all(folder)
            .and_then(|()| self.write(&digest_of(component), component))
            .and_then(|()| self.write(digest, manifest));
        if let Err(error) = kept {
            tracing::warn!(folder = %folder.display(), %error, "a component of a registry can't be kept");
        }
        self.tidy(folder);
    }

    /// At one stroke, so that a reader sees all of it or nothing.
    fn write(&self, digest: &str, bytes: &[u8]) -> std::io::Result<()> {
        let Some(path) = self.path(digest) else { return Ok(()) };
        let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, &path))
    }

    fn tidy(&self, folder: &Path) {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<_> =
            entries.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
        if files.len() > MAX_FILES {
            files.sort();
            let excess = files.len() - MAX_FILES;
            for (_, path) in files.into_iter().take(excess) {
                // Another gateway may have been faster.
                let _ = fs::remove_file(path);
            }
        }
    }
}
