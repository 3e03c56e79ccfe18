//! What an instance has open: files, directories, listings and readers, each in a place with a number.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, Metadata, OpenOptions, ReadDir};
use wasmtime::Result;
use wasmtime::component::Resource;

use super::directories::{Directories, Permit};
use super::stat::Known;
use super::{Answer, Descriptor, DirectoryEntry, ErrorCode, InputStream, Listing};
use crate::session::Session;

/// What an instance may have open at once, readers and listings included.
const MAX_PLACES: usize = 64;

/// What is read at once: a guest asks again for more.
const MAX_READ: usize = 64 << 10;

/// `PATH_MAX`.
const MAX_PATH: usize = 4096;

/// What an entry of a listing costs beside its name.
const ENTRY_BYTES: usize = 256;

/// The number of stdin among input streams. Readers have those behind it.
pub(in super::super) const STDIN: u32 = 0;

/// Why nothing is read.
pub(in super::super) enum ReadError {
    AtEnd,
    Broken,
}

/// What an instance may read, and what it has open.
pub(crate) struct OpenFiles {
    directories: Arc<Directories>,
    places: Vec<Option<Open>>,
}

enum Open {
    File(Arc<OpenFile>),
    Directory { directory: Arc<Dir>, _permit: Permit },
    Listing { entries: ReadDir, _permit: Permit },
    Reader { file: Arc<OpenFile>, offset: u64 },
}

struct OpenFile {
    file: File,
    _permit: Permit,
}

impl OpenFiles {
    pub(crate) fn of(directories: &Arc<Directories>) -> OpenFiles {
        OpenFiles { directories: Arc::clone(directories), places: Vec::new() }
    }

    fn put(&mut self, open: Open) -> Answer<u32> {
        let free = self.places.iter().position(Option::is_none);
        let at = match free {
            Some(at) => at,
            None if self.places.len() < MAX_PLACES => {
                self.places.push(None);
                self.places.len() - 1
            }
            None => return Err(ErrorCode::InsufficientMemory),
        };
        self.places[at] = Some(open);
        u32::try_from(at).map_err(|_| ErrorCode::InsufficientMemory)
    }

    fn get(&self, place: u32) -> Option<&Open> {
        self.places.get(place as usize)?.as_ref()
    }

    fn close(&mut self, place: u32) {
        if let Some(open) = self.places.get_mut(place as usize) {
            *open = None;
        }
    }

    /// Granted directories are counted first, then places.
    fn first_place(&self) -> u32 {
        u32::try_from(self.directories.granted().len()).unwrap_or(u32::MAX)
    }

    fn descriptor(&self, number: u32) -> Answer<Described<'_>> {
        if let Some((_, directory)) = self.directories.granted().get(number as usize) {
            return Ok(Described::Directory(directory));
        }
        match number.checked_sub(self.first_place()).and_then(|place| self.get(place)) {
            Some(Open::File(file)) => Ok(Described::File(file)),
            Some(Open::Directory { directory, .. }) => Ok(Described::Directory(directory)),
            _ => Err(ErrorCode::BadDescriptor),
        }
    }
}

enum Described<'a> {
    File(&'a Arc<OpenFile>),
    Directory(&'a Arc<Dir>),
}

pub(in super::super) fn close_descriptor(session: &mut Session, number: u32) {
    if let Some(files) = session.files.as_deref_mut()
        && let Some(place) = number.checked_sub(files.first_place())
    {
        files.close(place);
    }
}

pub(in super::super) fn close_listing(session: &mut Session, number: u32) {
    if let Some(files) = session.files.as_deref_mut() {
        files.close(number);
    }
}

pub(in super::super) fn close_reader(session: &mut Session, number: u32) {
    if let (Some(files), Some(place)) = (session.files.as_deref_mut(), number.checked_sub(STDIN + 1)) {
        files.close(place);
    }
}

impl Session {
    /// A handle to each granted directory, and the path that the guest knows it by.
    pub(super) fn granted_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        self.count_call()?;
        let Some(directories) = self.files.as_deref().map(|files| Arc::clone(&files.directories)) else {
            return Ok(Vec::new());
        };
        let named = (0..).zip(directories.granted());
        named.map(|(number, (at, _))| Ok((self.handle(number)?, at.clone()))).collect()
    }

    fn handle<T>(&mut self, number: u32) -> Result<Resource<T>> {
        self.new_handle()?;
        Ok(Resource::new_own(number))
    }

    fn open_files(&mut self) -> Answer<&mut OpenFiles> {
        self.files.as_deref_mut().ok_or(ErrorCode::BadDescriptor)
    }

    fn descriptor(&self, number: u32) -> Answer<Described<'_>> {
        self.files.as_deref().ok_or(ErrorCode::BadDescriptor)?.descriptor(number)
    }

    fn file(&self, number: u32) -> Answer<Arc<OpenFile>> {
        match self.descriptor(number)? {
            Described::File(file) => Ok(Arc::clone(file)),
            Described::Directory(_) => Err(ErrorCode::IsDirectory),
        }
    }

    /// The directory below which a path shall be looked up. Counts the call and the path.
    pub(super) fn directory_for(&mut self, number: u32, path: &str) -> Result<Answer<Arc<Dir>>> {
        self.count_call()?;
        self.spend(path.len())?;
        if path.len() > MAX_PATH {
            return Ok(Err(ErrorCode::NameTooLong));
        }
        Ok(match self.descriptor(number) {
            Ok(Described::Directory(directory)) => Ok(Arc::clone(directory)),
            Ok(Described::File(_)) => Err(ErrorCode::NotDirectory),
            Err(code) => Err(code),
        })
    }

    /// Open a file or a directory for the guest.
    pub(super) fn open_below(
        &mut self,
        directory: &Dir,
        path: &str,
        follow: bool,
        must_be_directory: bool,
    ) -> Result<Answer<Resource<Descriptor>>> {
        let opened = self.open_place(directory, path, follow, must_be_directory);
        self.handed(opened)
    }

    fn open_place(&mut self, below: &Dir, path: &str, follow: bool, must_be_directory: bool) -> Answer<u32> {
        let files = self.open_files()?;
        let permit = files.directories.one_more().ok_or(ErrorCode::InsufficientMemory)?;
        // Looked at before it is opened, because opening a pipe or a device has an effect of its own.
        let kind = Known::at(below, path, follow)?.metadata().file_type();
        let open = if kind.is_dir() {
            let opened = if follow { below.open_dir(path) } else { below.open_dir_nofollow(path) };
            Open::Directory { directory: Arc::new(opened?), _permit: permit }
        } else if must_be_directory {
            return Err(ErrorCode::NotDirectory);
        } else if kind.is_file() {
            Open::File(Arc::new(OpenFile { file: open_file(below, path, follow)?, _permit: permit }))
        } else if kind.is_symlink() {
            return Err(ErrorCode::Loop);
        } else {
            return Err(ErrorCode::NotPermitted);
        };
        Ok(files.put(open)?.saturating_add(files.first_place()))
    }

    fn handed<T>(&mut self, opened: Answer<u32>) -> Result<Answer<Resource<T>>> {
        match opened {
            Ok(number) => self.handle(number).map(Ok),
            Err(code) => Ok(Err(code)),
        }
    }

    /// At most 64 KiB of a file, and whether it ends there.
    pub(super) fn read_file(&mut self, number: u32, length: u64, offset: u64) -> Result<Answer<(Vec<u8>, bool)>> {
        match self.file(number) {
            Ok(file) => {
                let read = self.read_at(&file, length, offset)?;
                Ok(read.map(|bytes| {
                    let is_end = bytes.is_empty() && length > 0;
                    (bytes, is_end)
                }))
            }
            Err(code) => Ok(Err(code)),
        }
    }

    /// Fewer bytes than asked for say nothing; none say that the file ends there.
    fn read_at(&mut self, file: &OpenFile, length: u64, offset: u64) -> Result<Answer<Vec<u8>>> {
        let length = usize::try_from(length).unwrap_or(MAX_READ).min(MAX_READ);
        let mut bytes = vec![0; length];
        match file.file.read_at(&mut bytes, offset) {
            Ok(read) => {
                bytes.truncate(read);
                self.spend(read)?;
                Ok(Ok(bytes))
            }
            Err(error) => Ok(Err(error.into())),
        }
    }

    /// A stream that reads a file from an offset on.
    pub(super) fn reader(&mut self, number: u32, offset: u64) -> Result<Answer<Resource<InputStream>>> {
        self.count_call()?;
        let file = self.file(number);
        let opened = file.and_then(|file| self.open_files()?.put(Open::Reader { file, offset }));
        self.handed(opened.map(|place| place.saturating_add(STDIN + 1)))
    }

    /// What comes next in a stream: stdin is at its end.
    pub(in super::super) fn read_on(
        &mut self,
        number: u32,
        length: u64,
    ) -> Result<std::result::Result<Vec<u8>, ReadError>> {
        let Some(place) = number.checked_sub(STDIN + 1) else { return Ok(Err(ReadError::AtEnd)) };
        let (file, offset) = match self.files.as_deref().and_then(|files| files.get(place)) {
            Some(Open::Reader { file, offset }) => (Arc::clone(file), *offset),
            _ => return Ok(Err(ReadError::AtEnd)),
        };
        let Ok(bytes) = self.read_at(&file, length, offset)? else { return Ok(Err(ReadError::Broken)) };
        if bytes.is_empty() && length > 0 {
            return Ok(Err(ReadError::AtEnd));
        }
        if let Ok(files) = self.open_files()
            && let Some(Some(Open::Reader { offset, .. })) = files.places.get_mut(place as usize)
        {
            *offset = offset.saturating_add(bytes.len() as u64);
        }
        Ok(Ok(bytes))
    }

    /// The names in a directory.
    pub(super) fn listing(&mut self, number: u32) -> Result<Answer<Resource<Listing>>> {
        self.count_call()?;
        let opened = self.open_listing(number);
        self.handed(opened)
    }

    fn open_listing(&mut self, number: u32) -> Answer<u32> {
        let directory = match self.descriptor(number)? {
            Described::Directory(directory) => Arc::clone(directory),
            Described::File(_) => return Err(ErrorCode::NotDirectory),
        };
        let files = self.open_files()?;
        let permit = files.directories.one_more().ok_or(ErrorCode::InsufficientMemory)?;
        files.put(Open::Listing { entries: directory.entries()?, _permit: permit })
    }

    /// The next name of a listing, in no order; none at its end.
    pub(super) fn next_entry(&mut self, number: u32) -> Result<Answer<Option<DirectoryEntry>>> {
        let next = match self.files.as_deref_mut().and_then(|files| files.places.get_mut(number as usize)) {
            Some(Some(Open::Listing { entries, .. })) => entries.next(),
            _ => return Ok(Err(ErrorCode::BadDescriptor)),
        };
        let entry = match next {
            None => return Ok(Ok(None)),
            Some(Err(error)) => return Ok(Err(error.into())),
            Some(Ok(entry)) => entry,
        };
        let Ok(name) = entry.file_name().into_string() else { return Ok(Err(ErrorCode::IllegalByteSequence)) };
        self.spend(ENTRY_BYTES + name.len())?;
        Ok(entry.file_type().map(|kind| Some(DirectoryEntry { kind: kind.into(), name })).map_err(ErrorCode::from))
    }

    /// What is known of something that is open.
    pub(super) fn known(&self, number: u32) -> Answer<Known> {
        Ok(Known::of(match self.descriptor(number)? {
            Described::File(file) => Metadata::from_file(&file.file)?,
            Described::Directory(directory) => directory.dir_metadata()?,
        }))
    }

    /// Are two descriptors of one file?
    pub(super) fn is_same(&self, one: u32, other: u32) -> bool {
        matches!((self.known(one), self.known(other)), (Ok(one), Ok(other)) if one.is_same(&other))
    }
}

/// A regular file. Should it have become something else since it was looked at, opening doesn't wait for that.
fn open_file(below: &Dir, path: &str, follow: bool) -> Answer<File> {
    let mut options = OpenOptions::new();
    options.read(true).nonblock(true).follow(if follow { FollowSymlinks::Yes } else { FollowSymlinks::No });
    let file = below.open_with(path, &options)?.into_std();
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(ErrorCode::NotPermitted),
    }
}
