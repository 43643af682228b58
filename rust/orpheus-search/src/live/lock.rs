//! One writer at a time.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::process;

use crate::error::{Error, Result};

/// The right to update the index at a path, until dropped or until the process ends.
///
/// The system's lock belongs to the open file: one that a killed process left behind locks nobody
/// out. The lock file stays, as two writers could otherwise lock two files of one name.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    process: u32,
}

impl Lock {
    /// # Errors
    ///
    /// [`Error::Locked`] if another holds it, [`Error::Io`] if the lock file cannot be made.
    pub(super) fn take(index: &Path) -> Result<Self> {
        let mut name = OsString::from(super::journal::journal_path(index));
        name.push(".lock");
        let path = PathBuf::from(name);
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(Error::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file, process: process::id() }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { path }),
            Err(TryLockError::Error(error)) => Err(Error::io(&path)(error)),
        }
    }

    /// Whether it is this process that took it: a child of a fork has the file open, too.
    pub(super) fn is_ours(&self) -> bool {
        self.process == process::id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it_and_the_next_can_when_that_one_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("some.faiss");
        let first = Lock::take(&index).unwrap();
        assert!(first.is_ours());
        let error = Lock::take(&index).unwrap_err();
        assert!(matches!(error, Error::Locked { .. }), "{error}");
        drop(first);
        Lock::take(&index).unwrap();
    }
}
