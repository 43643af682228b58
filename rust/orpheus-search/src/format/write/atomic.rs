//! A new file: all of it, or nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Lets `write` fill a new file, makes sure that it is on disk and that `check` likes it, and gives
/// it the name `path`.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    check: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let (folder, temporary) = temporary_beside(path)?;
    let fill = || {
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    };
    let name = || {
        fs::rename(&temporary, path)?;
        sync_folder(&folder)
    };
    let written = fill()
        .map_err(Error::io(path))
        .and_then(|()| check(&temporary))
        .and_then(|()| name().map_err(Error::io(path)));
    if written.is_err() {
        // It may not exist; the error that matters is the one at hand.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// The folder of `path`, and a name in it that nobody else uses.
fn temporary_beside(path: &Path) -> Result<(PathBuf, PathBuf)> {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(Error::io(path)(io::Error::from(io::ErrorKind::InvalidInput)));
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}-{serial}.tmp", process::id()));
    let temporary = folder.join(temporary);
    Ok((folder, temporary))
}

/// Makes names in the folder of `path` survive a loss of power.
pub(crate) fn sync_folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_folder(folder.unwrap_or(Path::new("."))).map_err(Error::io(path))
}

/// Makes the new name survive a loss of power.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere folders cannot be opened, and the system looks after names itself.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn entries(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_failed_write_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        fs::write(&path, "old").unwrap();
        let error = write_whole(
            &path,
            |file| {
                file.write_all(b"half")?;
                Err(io::Error::other("disk full"))
            },
            |_| Ok(()),
        )
        .unwrap_err();
        assert!(error.to_string().ends_with("kept: disk full"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(entries(folder.path()), ["kept"]);
    }

    #[test]
    fn a_file_that_is_not_what_it_should_be_never_gets_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        let refuse = |written: &Path| {
            assert_eq!(fs::read(written).unwrap(), b"new");
            Err(Error::Stopped)
        };
        write_whole(&path, |file| file.write_all(b"new"), refuse).unwrap_err();
        assert!(entries(folder.path()).is_empty());
    }
}
