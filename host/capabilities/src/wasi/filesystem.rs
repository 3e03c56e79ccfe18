//! `wasi:filesystem`: directories that the operator has granted, to be read. Without a grant there are none.
//!
//! What is asked of a path is answered by `cap-std`, which lets no `..`, no absolute path and no link lead out of its
//! directory. Only regular files and directories can be opened: a pipe or a device could block its worker, and with it
//! everybody who is served there. Reading blocks, too, for as long as the disk takes; 64 KiB at a time.
//!
//! Each byte that is read, each name in a listing and each path counts against `host-bytes`.

use std::io;

use cap_std::fs::{Dir, FileType};
use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower, Resource};
use wasmtime::{Result, StoreContextMut};

use super::clocks::Datetime;
use super::streams::{InputStream, IoError};
use super::{counted, refused};
use crate::session::Session;

/// What an operator has granted.
mod directories;

/// What an instance has open.
mod open;

/// What is known of a file.
mod stat;

pub use directories::{Directories, DirectoryError};
pub(crate) use open::OpenFiles;
pub(super) use open::{ReadError, STDIN, close_descriptor, close_listing, close_reader};

/// `wasi:filesystem/types.descriptor`: a granted directory, or a file or directory below one, by its number.
pub(super) enum Descriptor {}

/// `wasi:filesystem/types.directory-entry-stream`, by its number.
pub(super) enum Listing {}

/// `wasi:filesystem/types.error-code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "most can't happen where nothing is written, but an enumeration has all of its cases")]
pub(super) enum ErrorCode {
    #[component(name = "access")]
    Access,
    #[component(name = "would-block")]
    WouldBlock,
    #[component(name = "already")]
    Already,
    #[component(name = "bad-descriptor")]
    BadDescriptor,
    #[component(name = "busy")]
    Busy,
    #[component(name = "deadlock")]
    Deadlock,
    #[component(name = "quota")]
    Quota,
    #[component(name = "exist")]
    Exist,
    #[component(name = "file-too-large")]
    FileTooLarge,
    #[component(name = "illegal-byte-sequence")]
    IllegalByteSequence,
    #[component(name = "in-progress")]
    InProgress,
    #[component(name = "interrupted")]
    Interrupted,
    #[component(name = "invalid")]
    Invalid,
    #[component(name = "io")]
    Io,
    #[component(name = "is-directory")]
    IsDirectory,
    #[component(name = "loop")]
    Loop,
    #[component(name = "too-many-links")]
    TooManyLinks,
    #[component(name = "message-size")]
    MessageSize,
    #[component(name = "name-too-long")]
    NameTooLong,
    #[component(name = "no-device")]
    NoDevice,
    #[component(name = "no-entry")]
    NoEntry,
    #[component(name = "no-lock")]
    NoLock,
    #[component(name = "insufficient-memory")]
    InsufficientMemory,
    #[component(name = "insufficient-space")]
    InsufficientSpace,
    #[component(name = "not-directory")]
    NotDirectory,
    #[component(name = "not-empty")]
    NotEmpty,
    #[component(name = "not-recoverable")]
    NotRecoverable,
    #[component(name = "unsupported")]
    Unsupported,
    #[component(name = "no-tty")]
    NoTty,
    #[component(name = "no-such-device")]
    NoSuchDevice,
    #[component(name = "overflow")]
    Overflow,
    #[component(name = "not-permitted")]
    NotPermitted,
    #[component(name = "pipe")]
    Pipe,
    #[component(name = "read-only")]
    ReadOnly,
    #[component(name = "invalid-seek")]
    InvalidSeek,
    #[component(name = "text-file-busy")]
    TextFileBusy,
    #[component(name = "cross-device")]
    CrossDevice,
}

impl From<io::Error> for ErrorCode {
    fn from(error: io::Error) -> ErrorCode {
        match error.kind() {
            io::ErrorKind::NotFound => ErrorCode::NoEntry,
            // What leads out of the directory has no number of the system's.
            io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => ErrorCode::NotPermitted,
            io::ErrorKind::PermissionDenied => ErrorCode::Access,
            io::ErrorKind::NotADirectory => ErrorCode::NotDirectory,
            io::ErrorKind::IsADirectory => ErrorCode::IsDirectory,
            io::ErrorKind::InvalidInput => ErrorCode::Invalid,
            io::ErrorKind::InvalidFilename => ErrorCode::NameTooLong,
            io::ErrorKind::WouldBlock => ErrorCode::WouldBlock,
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => ErrorCode::Loop,
            _ => ErrorCode::Io,
        }
    }
}

/// `wasi:filesystem/types.descriptor-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "an enumeration has all of its cases")]
enum DescriptorType {
    #[component(name = "unknown")]
    Unknown,
    #[component(name = "block-device")]
    BlockDevice,
    #[component(name = "character-device")]
    CharacterDevice,
    #[component(name = "directory")]
    Directory,
    #[component(name = "fifo")]
    Fifo,
    #[component(name = "symbolic-link")]
    SymbolicLink,
    #[component(name = "regular-file")]
    RegularFile,
    #[component(name = "socket")]
    Socket,
}

impl From<FileType> for DescriptorType {
    fn from(kind: FileType) -> DescriptorType {
        match kind {
            kind if kind.is_dir() => DescriptorType::Directory,
            kind if kind.is_file() => DescriptorType::RegularFile,
            kind if kind.is_symlink() => DescriptorType::SymbolicLink,
            // Nobody can open one, so its kind is nobody's business.
            _ => DescriptorType::Unknown,
        }
    }
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct DescriptorStat {
    #[component(name = "type")]
    kind: DescriptorType,
    #[component(name = "link-count")]
    link_count: u64,
    size: u64,
    #[component(name = "data-access-timestamp")]
    data_access_timestamp: Option<Datetime>,
    #[component(name = "data-modification-timestamp")]
    data_modification_timestamp: Option<Datetime>,
    #[component(name = "status-change-timestamp")]
    status_change_timestamp: Option<Datetime>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct DirectoryEntry {
    #[component(name = "type")]
    kind: DescriptorType,
    name: String,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct MetadataHash {
    lower: u64,
    upper: u64,
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made by guests only")]
enum Advice {
    #[component(name = "normal")]
    Normal,
    #[component(name = "sequential")]
    Sequential,
    #[component(name = "random")]
    Random,
    #[component(name = "will-need")]
    WillNeed,
    #[component(name = "dont-need")]
    DontNeed,
    #[component(name = "no-reuse")]
    NoReuse,
}

wasmtime::component::flags! {
    PathFlags {
        #[component(name = "symlink-follow")]
        const SYMLINK_FOLLOW;
    }
}

wasmtime::component::flags! {
    OpenFlags {
        #[component(name = "create")]
        const CREATE;
        #[component(name = "directory")]
        const DIRECTORY;
        #[component(name = "exclusive")]
        const EXCLUSIVE;
        #[component(name = "truncate")]
        const TRUNCATE;
    }
}

wasmtime::component::flags! {
    DescriptorFlags {
        #[component(name = "read")]
        const READ;
        #[component(name = "write")]
        const WRITE;
        #[component(name = "file-integrity-sync")]
        const FILE_INTEGRITY_SYNC;
        #[component(name = "data-integrity-sync")]
        const DATA_INTEGRITY_SYNC;
        #[component(name = "requested-write-sync")]
        const REQUESTED_WRITE_SYNC;
        #[component(name = "mutate-directory")]
        const MUTATE_DIRECTORY;
    }
}

/// What a function answers: a value or a code, which the guest can handle.
type Answer<T> = std::result::Result<T, ErrorCode>;

/// The same, or the guest's end.
type Answered<T> = Result<(Answer<T>,)>;

type Guest<'a> = StoreContextMut<'a, Session>;

type Described = Resource<Descriptor>;

pub(super) fn function(linker: &mut LinkerInstance<'_, Session>, interface: &str, name: &str) -> Result<()> {
    match name {
        "get-directories" => {
            linker.func_wrap(name, |mut guest: Guest<'_>, (): ()| Ok((guest.data_mut().granted_directories()?,)))
        }
        "filesystem-error-code" => linker.func_wrap(name, |guest: Guest<'_>, _: (Resource<IoError>,)| {
            counted(guest)?;
            Ok((Some(ErrorCode::Io),))
        }),
        "[method]directory-entry-stream.read-directory-entry" => {
            linker.func_wrap(name, |mut guest: Guest<'_>, (listing,): (Resource<Listing>,)| {
                guest.data_mut().count_call()?;
                Ok((guest.data_mut().next_entry(listing.rep())?,))
            })
        }
        "[method]descriptor.is-same-object" => {
            linker.func_wrap(name, |mut guest: Guest<'_>, (one, other): (Described, Described)| {
                guest.data_mut().count_call()?;
                Ok((guest.data().is_same(one.rep(), other.rep()),))
            })
        }
        _ => match name.strip_prefix("[method]descriptor.") {
            Some(method) if method.ends_with("-at") => of_path(linker, interface, name, method),
            Some(method) => of_descriptor(linker, interface, name, method),
            None => refused(linker, interface, name),
        },
    }
}

/// Methods that take nothing but the descriptor and numbers.
fn of_descriptor(linker: &mut LinkerInstance<'_, Session>, interface: &str, name: &str, method: &str) -> Result<()> {
    match method {
        "read" => linker.func_wrap(
            name,
            |mut guest: Guest<'_>, (file, length, offset): (Described, u64, u64)| -> Answered<(Vec<u8>, bool)> {
                guest.data_mut().count_call()?;
                Ok((guest.data_mut().read_file(file.rep(), length, offset)?,))
            },
        ),
        "read-via-stream" => linker.func_wrap(
            name,
            |mut guest: Guest<'_>, (file, offset): (Described, u64)| -> Answered<Resource<InputStream>> {
                Ok((guest.data_mut().reader(file.rep(), offset)?,))
            },
        ),
        "read-directory" => {
            linker.func_wrap(name, |mut guest: Guest<'_>, (directory,): (Described,)| -> Answered<Resource<Listing>> {
                Ok((guest.data_mut().listing(directory.rep())?,))
            })
        }
        "advise" => linker.func_wrap(name, |guest: Guest<'_>, _: (Described, u64, u64, Advice)| -> Answered<()> {
            counted(guest)?;
            Ok((Ok(()),))
        }),
        // There is nothing that isn't on the disk.
        "sync" | "sync-data" => linker.func_wrap(name, |guest: Guest<'_>, _: (Described,)| -> Answered<()> {
            counted(guest)?;
            Ok((Ok(()),))
        }),
        "get-flags" => linker.func_wrap(name, |guest: Guest<'_>, _: (Described,)| -> Answered<DescriptorFlags> {
            counted(guest)?;
            Ok((Ok(DescriptorFlags::READ),))
        }),
        "get-type" => {
            linker.func_wrap(name, |mut guest: Guest<'_>, (one,): (Described,)| -> Answered<DescriptorType> {
                guest.data_mut().count_call()?;
                Ok((guest.data().known(one.rep()).map(|known| known.kind()),))
            })
        }
        "stat" => linker.func_wrap(name, |mut guest: Guest<'_>, (one,): (Described,)| -> Answered<DescriptorStat> {
            guest.data_mut().count_call()?;
            Ok((guest.data().known(one.rep()).map(|known| known.stat()),))
        }),
        "metadata-hash" => {
            linker.func_wrap(name, |mut guest: Guest<'_>, (one,): (Described,)| -> Answered<MetadataHash> {
                guest.data_mut().count_call()?;
                Ok((guest.data().known(one.rep()).map(|known| known.hash()),))
            })
        }
        // Whatever writes.
        _ => refused(linker, interface, name),
    }
}

/// Methods that take a path below the descriptor.
fn of_path(linker: &mut LinkerInstance<'_, Session>, interface: &str, name: &str, method: &str) -> Result<()> {
    match method {
        "open-at" => linker.func_wrap(
            name,
            |mut guest: Guest<'_>,
             (below, path_flags, path, open_flags, flags): (
                Described,
                PathFlags,
                String,
                OpenFlags,
                DescriptorFlags,
            )|
             -> Answered<Described> {
                let writes = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
                let is_to_write = (open_flags & writes) != OpenFlags::default()
                    || (flags & DescriptorFlags::WRITE) != DescriptorFlags::default();
                let must_be_directory = (open_flags & OpenFlags::DIRECTORY) != OpenFlags::default();
                let follow = follows(path_flags);
                let session = guest.data_mut();
                Ok((match session.directory_for(below.rep(), &path)? {
                    Ok(_) if is_to_write => Err(ErrorCode::ReadOnly),
                    Ok(directory) => session.open_below(&directory, &path, follow, must_be_directory)?,
                    Err(code) => Err(code),
                },))
            },
        ),
        "stat-at" => linker.func_wrap(
            name,
            |mut guest: Guest<'_>, (below, flags, path): (Described, PathFlags, String)| -> Answered<DescriptorStat> {
                let directory = guest.data_mut().directory_for(below.rep(), &path)?;
                let known = directory.and_then(|directory| stat::Known::at(&directory, &path, follows(flags)));
                Ok((known.map(|known| known.stat()),))
            },
        ),
        "metadata-hash-at" => linker.func_wrap(
            name,
            |mut guest: Guest<'_>, (below, flags, path): (Described, PathFlags, String)| -> Answered<MetadataHash> {
                let directory = guest.data_mut().directory_for(below.rep(), &path)?;
                let known = directory.and_then(|directory| stat::Known::at(&directory, &path, follows(flags)));
                Ok((known.map(|known| known.hash()),))
            },
        ),
        "readlink-at" => {
            linker.func_wrap(name, |mut guest: Guest<'_>, (below, path): (Described, String)| -> Answered<String> {
                let directory = guest.data_mut().directory_for(below.rep(), &path)?;
                Ok((directory.and_then(|directory| target_of(&directory, &path)),))
            })
        }
        // Whatever writes.
        _ => refused(linker, interface, name),
    }
}

fn follows(flags: PathFlags) -> bool {
    (flags & PathFlags::SYMLINK_FOLLOW) != PathFlags::default()
}

/// Where a link points to, if that isn't an absolute path, which would tell of the machine.
fn target_of(directory: &Dir, path: &str) -> Answer<String> {
    let target = directory.read_link(path)?;
    target.into_os_string().into_string().map_err(|_| ErrorCode::IllegalByteSequence)
}
