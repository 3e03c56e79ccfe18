//! What is known of a file: kind, size, when it was changed.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use cap_std::fs::{Dir, Metadata, MetadataExt};

use super::{Answer, Datetime, DescriptorStat, DescriptorType, MetadataHash};

/// Of this process, so that hashes tell nothing of the machine.
static HASHING: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);

/// A file's metadata.
pub(super) struct Known(Metadata);

impl Known {
    pub(super) fn of(metadata: Metadata) -> Known {
        Known(metadata)
    }

    /// What is at a path, or at the end of the links there.
    pub(super) fn at(directory: &Dir, path: &str, follow: bool) -> Answer<Known> {
        Ok(Known(if follow { directory.metadata(path) } else { directory.symlink_metadata(path) }?))
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.0
    }

    pub(super) fn kind(&self) -> DescriptorType {
        self.0.file_type().into()
    }

    pub(super) fn stat(&self) -> DescriptorStat {
        DescriptorStat {
            kind: self.kind(),
            link_count: self.0.nlink(),
            size: self.0.len(),
            data_access_timestamp: None,
            data_modification_timestamp: self.0.modified().ok().map(|moment| Datetime::of(moment.into_std())),
            status_change_timestamp: None,
        }
    }

    pub(super) fn is_same(&self, other: &Known) -> bool {
        (self.0.dev(), self.0.ino()) == (other.0.dev(), other.0.ino())
    }

    /// The same for the same file.
    pub(super) fn hash(&self) -> MetadataHash {
        let [lower, upper] = &*HASHING;
        let file = (self.0.dev(), self.0.ino());
        MetadataHash { lower: lower.hash_one(file), upper: upper.hash_one(file) }
    }
}
