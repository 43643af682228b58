//! Writing FAISS files: all of one, or nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::fourcc::{self, Fourcc};
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::neighbours::NO_ID;
use crate::rows::Rows;

/// What FAISS writes into the two numbers of a header that it does not read.
const RESERVED: i64 = 1 << 20;

/// Writes `rows` as a FAISS Flat file, the bytes that `faiss.write_index` would write.
///
/// With `ids` the file is an `IDMap2` over Flat; otherwise the id of a vector is its row number.
/// The file appears under its name when it is whole and on disk; until then the name keeps what it
/// had. A symbolic link at `path` is replaced, not followed.
///
/// FAISS knows no cosine: write vectors of length one with [`Metric::InnerProduct`].
///
/// # Errors
///
/// [`Error::Parameter`] for [`Metric::Cosine`], too long vectors or an id that stands for "none",
/// [`Error::Shape`] if there is not one id for each vector, [`Error::Io`] if the file cannot be
/// written.
pub fn write_flat(path: &Path, rows: Rows<'_>, ids: Option<&[i64]>, metric: Metric) -> Result<()> {
    let header = Header::new(rows, metric)?;
    if let Some(ids) = ids {
        check_ids(ids, rows.n_rows())?;
    }
    write_whole(path, |file| {
        if ids.is_some() {
            header.write(fourcc::ID_MAP_2, file)?;
        }
        header.write(header.flat_tag, file)?;
        let lanes = rows.lanes();
        file.write_all(&(lanes.len() as u64).to_le_bytes())?;
        file.write_all(lanes.as_flattened())?;
        if let Some(ids) = ids {
            file.write_all(&(ids.len() as u64).to_le_bytes())?;
            file.write_all(bytemuck::cast_slice(ids))?;
        }
        Ok(())
    })
}

/// What a tag is followed by.
pub(crate) struct Header {
    dim: i32,
    ntotal: i64,
    metric: i32,
    pub(crate) flat_tag: Fourcc,
}

impl Header {
    pub(crate) fn new(rows: Rows<'_>, metric: Metric) -> Result<Self> {
        let (metric, flat_tag) = match metric {
            Metric::InnerProduct => (0, fourcc::FLAT_INNER_PRODUCT),
            Metric::L2 => (1, fourcc::FLAT_L2),
            Metric::Cosine => {
                return Err(Error::Parameter {
                    name: "metric",
                    found: "\"cosine\"".to_owned(),
                    expected: "\"inner_product\" or \"l2\"; scale the vectors to length one and \
                               write them for \"inner_product\""
                        .to_owned(),
                });
            }
        };
        let dim = super::read::checked_dim(rows.dim())?;
        Ok(Self { dim, ntotal: rows.n_rows() as i64, metric, flat_tag })
    }

    /// The same for another number of vectors.
    pub(crate) fn counting(self, n: usize) -> Self {
        Self { ntotal: n as i64, ..self }
    }

    pub(crate) fn write(&self, tag: Fourcc, file: &mut impl Write) -> io::Result<()> {
        file.write_all(&tag)?;
        file.write_all(&self.dim.to_le_bytes())?;
        file.write_all(&self.ntotal.to_le_bytes())?;
        file.write_all(&RESERVED.to_le_bytes())?;
        file.write_all(&RESERVED.to_le_bytes())?;
        file.write_all(&[1])?; // is_trained
        file.write_all(&self.metric.to_le_bytes())
    }
}

pub(crate) fn check_ids(ids: &[i64], n_rows: usize) -> Result<()> {
    if ids.len() != n_rows {
        return Err(Error::Shape {
            name: "ids",
            found: ids.len(),
            expected: format!("one for each of the {n_rows} vectors"),
        });
    }
    match ids.iter().position(|&id| id == NO_ID) {
        None => Ok(()),
        Some(row) => Err(Error::Parameter {
            name: "ids",
            found: format!("{NO_ID} at place {row}"),
            expected: format!("anything else, as {NO_ID} stands for no vector"),
        }),
    }
}

/// Lets `write` fill a new file, makes sure that it is on disk, and gives it the name `path`.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<()> {
    let (folder, temporary) = temporary_beside(path)?;
    let written = (|| {
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_folder(&folder)
    })();
    written.map_err(|source| {
        // It may not exist; the error that matters is the one at hand.
        let _ = fs::remove_file(&temporary);
        Error::io(path)(source)
    })
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
    use super::*;

    fn entries(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_bytes_are_tag_header_count_and_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("two.faiss");
        let values = [1.0f32, -2.0, 0.5, 4.0];
        write_flat(&path, Rows::new(&values, 2).unwrap(), None, Metric::L2).unwrap();
        let mut expected = b"IxF2".to_vec();
        expected.extend(2i32.to_le_bytes());
        expected.extend(2i64.to_le_bytes());
        expected.extend([0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0]);
        expected.push(1);
        expected.extend(1i32.to_le_bytes());
        expected.extend(4u64.to_le_bytes());
        expected.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        assert_eq!(fs::read(&path).unwrap(), expected);
        assert_eq!(entries(folder.path()), ["two.faiss"]);
    }

    #[test]
    fn a_failed_write_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        fs::write(&path, "old").unwrap();
        let error = write_whole(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert!(error.to_string().ends_with("kept: disk full"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(entries(folder.path()), ["kept"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let rows = Rows::new(&[1.0], 1).unwrap();
        let error = write_flat(Path::new("/nowhere/at/all"), rows, None, Metric::L2).unwrap_err();
        assert!(matches!(error, Error::Io { path, .. } if path == Path::new("/nowhere/at/all")));
    }

    #[test]
    fn what_no_faiss_file_can_say_is_refused() {
        let rows = Rows::new(&[1.0, 2.0], 1).unwrap();
        let write = |ids, metric| write_flat(Path::new("/nowhere/x"), rows, ids, metric);
        let cosine = write(None, Metric::Cosine).unwrap_err();
        assert!(cosine.to_string().contains("length one"), "{cosine}");
        assert!(matches!(write(Some(&[1]), Metric::L2), Err(Error::Shape { found: 1, .. })));
        assert!(matches!(write(Some(&[4, -1]), Metric::L2), Err(Error::Parameter { .. })));
    }
}
