//! A component's bytes. Those of a file are read only if they are needed: where there is machine code already, they aren't.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::load::MAX_COMPONENT_BYTES;

/// Magic number, version, and the layer that tells components from modules.
const PREAMBLE_BYTES: usize = 8;

/// A component's bytes, and what is known of them.
#[derive(Clone, Debug)]
pub struct Binary {
    digest: [u8; 32],
    length: u64,
    preamble: Vec<u8>,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Memory(Bytes),
    File(PathBuf),
}

impl<B: Into<Bytes>> From<B> for Binary {
    fn from(bytes: B) -> Binary {
        let bytes = bytes.into();
        let digest = Sha256::digest(&bytes).into();
        Binary::of_digest(bytes, digest)
    }
}

impl Binary {
    /// Those whose SHA-256 is known, so that nobody has to read them.
    pub fn of_digest(bytes: Bytes, digest: [u8; 32]) -> Binary {
        Binary {
            digest,
            length: bytes.len() as u64,
            preamble: bytes.iter().take(PREAMBLE_BYTES).copied().collect(),
            place: Place::Memory(bytes),
        }
    }

    /// Those of a file, of which no more than a piece is in memory at a time.
    ///
    /// # Errors
    ///
    /// The file can't be read.
    pub fn in_file(path: &Path) -> io::Result<Binary> {
        let mut file = File::open(path)?;
        let (mut digest, mut length, mut preamble) = (Sha256::new(), 0, Vec::new());
        let mut chunk = vec![0; 64 << 10];
        loop {
            let read = match file.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            let missing = PREAMBLE_BYTES.saturating_sub(preamble.len()).min(read);
            preamble.extend_from_slice(&chunk[..missing]);
            digest.update(&chunk[..read]);
            length += read as u64;
            if length > MAX_COMPONENT_BYTES as u64 {
                // It is refused, however long it is; what is told is what the system says.
                length = length.max(file.metadata()?.len());
                break;
            }
            if read == 0 {
                break;
            }
        }
        Ok(Binary { digest: digest.finalize().into(), length, preamble, place: Place::File(path.to_owned()) })
    }

    /// All of them.
    ///
    /// # Errors
    ///
    /// The file can't be read any more, or has other bytes now.
    pub fn bytes(&self) -> io::Result<Bytes> {
        match &self.place {
            Place::Memory(bytes) => Ok(bytes.clone()),
            Place::File(path) => {
                let bytes = std::fs::read(path)?;
                if <[u8; 32]>::from(Sha256::digest(&bytes)) != self.digest {
                    return Err(io::Error::other("the file has changed while it was read"));
                }
                Ok(bytes.into())
            }
        }
    }

    /// SHA-256.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// How many there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The first eight, or fewer.
    pub(crate) fn preamble(&self) -> &[u8] {
        &self.preamble
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_as_its_bytes_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        let bytes: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
        for length in [0, 3, 8, 65_536, bytes.len()] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let (file, memory) = (Binary::in_file(&path).unwrap(), Binary::from(bytes[..length].to_vec()));
            assert_eq!(
                (file.digest(), file.length(), file.preamble()),
                (memory.digest(), memory.length(), memory.preamble())
            );
            assert_eq!(file.bytes().unwrap(), memory.bytes().unwrap());
        }
        let file = Binary::in_file(&path).unwrap();
        std::fs::write(&path, "other").unwrap();
        assert!(file.bytes().unwrap_err().to_string().contains("has changed"));
    }
}
