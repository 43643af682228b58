#![expect(unsafe_code, reason = "mapping a file: its bytes are another's to change")]
//! Files as memory.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use memmap2::Mmap;

use crate::error::{Error, Result};

/// A file mapped for reading.
///
/// Opening copies nothing, and processes that map the same file share its pages. Nothing that this
/// crate writes is ever changed in place or shortened: new content comes as a new file under the
/// old name. If somebody else shortens the file, [`Mapping::bytes`] says so; a program that
/// shortens it in the very moment of a search gets that search killed by the system (SIGBUS), as
/// with every mapping.
#[derive(Debug)]
pub struct Mapping {
    file: File,
    map: Option<Mmap>,
}

impl Mapping {
    /// Maps the whole of the file at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be opened, is not a regular file or cannot be mapped.
    pub fn open(path: &Path) -> Result<Self> {
        // Before opening: to open a pipe would wait for somebody to write into it.
        let metadata = std::fs::metadata(path).map_err(Error::io(path))?;
        if !metadata.is_file() && !metadata.is_dir() {
            let not_a_file = std::io::Error::other("not a regular file");
            return Err(Error::io(path)(not_a_file));
        }
        let mut file = File::open(path).map_err(Error::io(path))?;
        let metadata = file.metadata().map_err(Error::io(path))?;
        if metadata.is_dir() {
            // The system refuses this in its own words, which is the error to report.
            file.read(&mut [0]).map_err(Error::io(path))?;
        }
        if metadata.len() == 0 {
            return Ok(Self { file, map: None });
        }
        // SAFETY: the bytes are only ever read as `u8`, of which every pattern is valid. That they
        // must not change while borrowed is the contract of the library's files, stated above.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io(path))?;
        let mapping = Self { file, map: Some(map) };
        mapping.bytes()?;
        Ok(mapping)
    }

    /// Copies the bytes at `place` into `bytes`, which are as many.
    ///
    /// What is read so does not count as memory of this process, as what is touched of a mapping
    /// does, with what lies around it: a search that compares a few vectors here and there would
    /// have all of the file before long.
    ///
    /// # Errors
    ///
    /// [`Error::Shrunk`] if the file has become shorter.
    pub fn read_at(&self, place: std::ops::Range<usize>, bytes: &mut [u8]) -> Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileExt;
            if self.file.read_exact_at(bytes, place.start as u64).is_ok() {
                return Ok(());
            }
        }
        // Elsewhere, or where the read failed: if all bytes are there, the mapping has them.
        bytes.copy_from_slice(&self.bytes()?[place]);
        Ok(())
    }

    /// The bytes of the file as it was opened: of a file that nobody shortens.
    #[must_use]
    pub fn as_opened(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&[])
    }

    /// The bytes of the file, if they are all still there.
    ///
    /// # Errors
    ///
    /// [`Error::Shrunk`] if the file has become shorter.
    pub fn bytes(&self) -> Result<&[u8]> {
        let bytes: &[u8] = self.map.as_deref().unwrap_or(&[]);
        let expected = bytes.len() as u64;
        let found = self.file.metadata().map_or(0, |metadata| metadata.len());
        if found < expected { Err(Error::Shrunk { found, expected }) } else { Ok(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_that_was_cut_after_opening_is_refused_not_read() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[7; 10_000]).unwrap();
        let mapping = Mapping::open(file.path()).unwrap();
        assert_eq!(mapping.bytes().unwrap().len(), 10_000);
        file.as_file().set_len(100).unwrap();
        let error = mapping.bytes().unwrap_err();
        assert!(matches!(error, Error::Shrunk { found: 100, expected: 10_000 }));
    }

    #[test]
    fn bytes_are_read_from_where_they_are_and_only_if_they_are_there() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let content: Vec<u8> = (0..10_000u32).map(|byte| (byte % 251) as u8).collect();
        file.write_all(&content).unwrap();
        let mapping = Mapping::open(file.path()).unwrap();
        let mut bytes = [0; 100];
        mapping.read_at(5000..5100, &mut bytes).unwrap();
        assert_eq!(bytes, content[5000..5100]);
        file.as_file().set_len(5050).unwrap();
        let error = mapping.read_at(5000..5100, &mut bytes).unwrap_err();
        assert!(matches!(error, Error::Shrunk { found: 5050, .. }));
    }

    #[test]
    fn an_empty_file_has_no_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(Mapping::open(file.path()).unwrap().bytes().unwrap(), &[] as &[u8]);
    }

    #[test]
    fn a_folder_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = Mapping::open(folder.path()).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if path == folder.path()), "{error}");
    }
}
