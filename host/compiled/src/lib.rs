//! The compile cache on disk: machine code of components, keyed by their digest and the engine's configuration.
//!
//! This is the only place with unsafe code: loading machine code trusts it. An artefact is therefore read only
//! from a folder that nobody else can write to, and only if its own digest fits; anything doubtful is compiled
//! again. The cache is never needed: every failure to read or write it costs time and nothing else.
//!
//! What somebody else made is compiled in a process of its own, within limits.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Compiling in a process of its own.
mod child;

/// What of this process' memory is artefacts'.
mod mapped;

pub use child::{Allowance, Compiler};
use mapped::Mapped;

const DIGEST_BYTES: usize = 32;

/// What an artefact's file is: machine code, and then its digest. Part of its name, so that one of another form is never read.
const FORM: &[u8] = b"code, blake3";

/// Why there is no machine code.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Not a valid component, or one that this engine doesn't take.
    #[error("the component is not valid: {0}")]
    Invalid(String),
    /// It took too long.
    #[error("compiling the component takes more than {0} s of processor time")]
    Time(u64),
    /// It took too much memory.
    #[error("compiling the component takes more than {0} MiB of memory")]
    Memory(u64),
    /// The process that compiles can't be started.
    #[error("the component can't be compiled: {0} can't be started: {1}")]
    NoCompiler(PathBuf, io::Error),
}

impl From<wasmtime::Error> for CompileError {
    fn from(error: wasmtime::Error) -> CompileError {
        CompileError::Invalid(format!("{error:#}"))
    }
}

/// Who made a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// We did: it is compiled here.
    Ourselves,
    /// Somebody else did.
    Somebody,
}

/// Machine code of components: from a folder of artefacts, if there is one, or compiled.
#[derive(Clone, Debug, Default)]
pub struct CompileCache {
    folder: Option<PathBuf>,
    compiler: Option<Compiler>,
}

impl CompileCache {
    /// No folder and no process: everything is compiled here, every time.
    pub fn none() -> CompileCache {
        CompileCache::default()
    }

    /// Use `folder`, making it if need be. A folder that others can write to is not used, and the log says so.
    pub fn in_folder(folder: &Path) -> CompileCache {
        match private_folder(folder) {
            Ok(()) => CompileCache { folder: Some(folder.to_owned()), compiler: None },
            Err(problem) => {
                tracing::warn!(folder = %folder.display(), %problem, "the compile cache is not used");
                CompileCache::none()
            }
        }
    }

    /// Compile what [somebody](Maker::Somebody) made in processes of `compiler`.
    #[must_use]
    pub fn with_compiler(self, compiler: Option<Compiler>) -> CompileCache {
        CompileCache { compiler, ..self }
    }

    /// The machine code of the component `wasm`, from the cache or compiled now and then cached.
    pub fn component(&self, engine: &Engine, wasm: &[u8], maker: Maker) -> Result<Component, CompileError> {
        self.component_of(engine, &Sha256::digest(wasm).into(), || Ok(wasm), maker)
    }

    /// The machine code of the component with this SHA-256, which is read only if it isn't cached.
    ///
    /// # Errors
    ///
    /// It can't be read, or not be compiled.
    pub fn component_of<W, E>(
        &self,
        engine: &Engine,
        digest: &[u8; DIGEST_BYTES],
        read: impl FnOnce() -> Result<W, E>,
        maker: Maker,
    ) -> Result<Component, E>
    where
        W: AsRef<[u8]>,
        E: From<CompileError>,
    {
        let path = self.folder.as_ref().map(|folder| folder.join(format!("{}.cwasm", artefact_name(engine, digest))));
        if let Some(component) = path.as_deref().and_then(|path| read_artefact(engine, path)) {
            return Ok(component);
        }
        Ok(self.compiled(engine, read()?.as_ref(), path, maker)?)
    }

    fn compiled(
        &self,
        engine: &Engine,
        wasm: &[u8],
        path: Option<PathBuf>,
        maker: Maker,
    ) -> Result<Component, CompileError> {
        let (component, code) = match (&self.compiler, maker) {
            (Some(compiler), Maker::Somebody) => {
                let code = compiler.compile(wasm)?;
                (loaded(engine, &code)?, Some(code))
            }
            _ => (Component::from_binary(engine, wasm)?, None),
        };
        if let Some(path) = path {
            let written = match code {
                Some(code) => write_artefact(&path, &code),
                None => write_artefact(&path, &component.serialize()?),
            };
            match written {
                // From now on it is the file's, and no copy of it stays in memory.
                Ok(()) => return Ok(read_artefact(engine, &path).unwrap_or(component)),
                Err(problem) => tracing::warn!(path = %path.display(), %problem, "an artefact can't be cached"),
            }
        }
        Ok(component)
    }

    /// Give pages of components' machine code back that have been touched. They are the files', so that whoever runs a
    /// component finds them again, and the system doesn't even read them from the disk if it has kept them.
    pub fn rest<'c>(&self, components: impl IntoIterator<Item = &'c Component>) {
        let Some(folder) = self.folder.as_ref().and_then(|folder| folder.canonicalize().ok()) else { return };
        let mut components = components.into_iter().peekable();
        if components.peek().is_none() {
            return;
        }
        let mapped = Mapped::from_folder(&folder);
        for code in components.map(Component::image_range) {
            if !mapped.holds(&(code.start.addr()..code.end.addr())) {
                continue;
            }
            // SAFETY: all of the range is mapped from an artefact, cannot be written to, and never was: wasmtime takes no
            // artefact with code that would have to be relocated. The component is borrowed, so it still is. What is let go
            // of is read again from that file, which nobody changes.
            let let_go = unsafe {
                let length = code.end.addr() - code.start.addr();
                rustix::mm::madvise(code.start.cast_mut().cast(), length, rustix::mm::Advice::LinuxDontNeed)
            };
            if let Err(problem) = let_go {
                tracing::debug!(%problem, "pages of machine code stay in memory");
            }
        }
    }

    /// The machine code of a component that holds a configuration, and with it secrets: nothing of it is written to a disk.
    pub fn secret_component(&self, engine: &Engine, wasm: &[u8]) -> Result<Component, CompileError> {
        match &self.compiler {
            Some(compiler) => Ok(loaded(engine, &compiler.compile(wasm)?)?),
            None => Ok(Component::from_binary(engine, wasm)?),
        }
    }
}

/// Machine code that came from a process of our own program.
fn loaded(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are what `Engine::precompile_component` gave in a process that runs this program and got
    // nothing but the component; whoever could change them on their way could change this process, too. Wasmtime
    // itself refuses those of another version or configuration.
    unsafe { Component::deserialize(engine, code) }
}

/// Make `folder` with mode 0700, or check that it is the user's own and nobody else's to write.
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let folder_facts = fs::metadata(folder)?;
    // The process' own user is whoever owns a file it just made.
    let probe = folder.join(format!(".probe-{}", std::process::id()));
    let own_uid = fs::File::create(&probe)?.metadata()?.uid();
    fs::remove_file(&probe)?;
    if folder_facts.uid() != own_uid {
        return Err(io::Error::other("the folder belongs to another user"));
    }
    if folder_facts.mode() & 0o022 != 0 {
        return Err(io::Error::other("the folder can be written to by others; `chmod go-w` mends it"));
    }
    Ok(())
}

/// Feeds a hash into a digest, for the parts of the engine's configuration that decide about machine code.
struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

fn artefact_name(engine: &Engine, digest: &[u8; DIGEST_BYTES]) -> String {
    let mut hasher = DigestHasher(Sha256::new());
    hasher.0.update(FORM);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.update(digest);
    hasher.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Map an artefact: only the pages of its code that run become memory, and the system may take them back.
fn read_artefact(engine: &Engine, path: &Path) -> Option<Component> {
    let is_whole = match is_whole(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        read => read.unwrap_or(false),
    };
    if !is_whole {
        tracing::warn!(path = %path.display(), "an artefact is damaged; the component is compiled again");
        return None;
    }
    // SAFETY: the bytes were written by `write_artefact` from `Component::serialize`: they lie under a name made
    // of the component's digest and the engine's configuration, in a folder that only this user can write to, and
    // their digest shows that they are whole. Nobody changes an artefact: a new one is renamed over it, and the mapping
    // stays with the old. Wasmtime itself refuses those of another version or configuration, and reads nothing of what
    // stands behind the code.
    let component = unsafe { Component::deserialize_file(engine, path) };
    component.ok()
}

/// Does an artefact end with the digest of what stands before it?
fn is_whole(path: &Path) -> io::Result<bool> {
    let mut file = fs::File::open(path)?;
    let code_bytes = file.metadata()?.len().checked_sub(DIGEST_BYTES as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut digest = blake3::Hasher::new();
    let mut code = (&mut file).take(code_bytes);
    let mut chunk = vec![0; 64 << 10];
    loop {
        match code.read(&mut chunk)? {
            0 => break,
            read => _ = digest.update(&chunk[..read]),
        }
    }
    let mut expected = [0; DIGEST_BYTES];
    file.read_exact(&mut expected)?;
    Ok(expected == *digest.finalize().as_bytes())
}

/// Write beside the final name and rename, so that no reader ever sees half an artefact.
fn write_artefact(path: &Path, code: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = (|| {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(code)?;
        file.write_all(blake3::hash(code).as_bytes())?;
        fs::rename(&unfinished, path)
    })();
    if written.is_err() {
        // Leave nothing half-written behind; if even that fails there is nothing more to do.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A component without anything: magic number, version, and the layer of components.
    const EMPTY: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];

    /// A component with code: wasmtime leaves an artefact without any as it is, writable.
    fn code_of_a_function() -> Vec<u8> {
        let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b";
        [&EMPTY[..], &[1, module.len() as u8], module].concat()
    }

    fn engine() -> Engine {
        let mut config = wasmtime::Config::new();
        config.wasm_component_model(true);
        Engine::new(&config).unwrap()
    }

    fn artefacts(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn no_bit_of_an_artefact_can_be_turned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cwasm");
        write_artefact(&path, &(0..2000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>()).unwrap();
        let file = fs::read(&path).unwrap();
        assert!(is_whole(&path).unwrap());
        let is_taken = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            is_whole(&path).unwrap_or(false)
        };
        for turn in 0..10_000usize {
            let (mut file, bit) = (file.clone(), turn * 7919 % (file.len() * 8));
            file[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_taken(&file), "bit {bit}");
        }
        assert!((0..file.len()).step_by(97).all(|length| !is_taken(&file[..length])));
    }

    #[test]
    fn an_artefact_is_written_once_and_read_after_that() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CompileCache::in_folder(folder.path());
        cache.component(&engine(), &EMPTY, Maker::Ourselves).unwrap();
        let [artefact] = artefacts(folder.path()).try_into().unwrap();
        assert!(read_artefact(&engine(), &artefact).is_some());
        cache.component(&engine(), &EMPTY, Maker::Ourselves).unwrap();
        assert_eq!(artefacts(folder.path()).len(), 1);
    }

    #[test]
    fn a_damaged_artefact_is_compiled_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CompileCache::in_folder(folder.path());
        cache.component(&engine(), &EMPTY, Maker::Ourselves).unwrap();
        let [artefact] = artefacts(folder.path()).try_into().unwrap();
        let whole = fs::read(&artefact).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 97 + 1) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&artefact, &damaged).unwrap();
            assert!(read_artefact(&engine(), &artefact).is_none(), "bit at {at}");
        }
        cache.component(&engine(), &EMPTY, Maker::Ourselves).unwrap();
        assert_eq!(fs::read(&artefact).unwrap(), whole);
    }

    #[test]
    fn only_mapped_artefacts_are_let_go_of() {
        let code = code_of_a_function();
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let cache = CompileCache::in_folder(&folder);
        cache.component(&engine(), &code, Maker::Ourselves).unwrap();
        let mapped = cache.component(&engine(), &code, Maker::Ourselves).unwrap();
        let range = |component: &Component| {
            let code = component.image_range();
            code.start.addr()..code.end.addr()
        };
        let of_folder = Mapped::from_folder(&folder);
        let code = range(&mapped);
        assert!(of_folder.holds(&code));
        assert!(!of_folder.holds(&(code.start..code.end + (1 << 20))), "what lies behind it is none");
        assert!(!Mapped::from_folder(&folder.join("other")).holds(&code));
        let compiled = CompileCache::none().component(&engine(), &code_of_a_function(), Maker::Ourselves).unwrap();
        assert!(!of_folder.holds(&range(&compiled)));
        cache.rest([&mapped, &compiled]);
        assert!(compiled.serialize().is_ok(), "what is nobody's file stays");
        assert!(mapped.serialize().is_ok(), "what was let go of is there again");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(CompileCache::in_folder(folder.path()).folder.is_none());
    }
}
