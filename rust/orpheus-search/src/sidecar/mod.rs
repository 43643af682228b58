//! What is kept beside a FAISS file so that it is searched faster, and so that damage shows.
//!
//! `NAME.ofx` holds the codes of the vectors in `NAME`, a checksum of each vector, one of all else
//! in the file, and checksums of itself. The FAISS file stays the truth: a sidecar that is missing,
//! of another version, damaged in its head, or of another file is made again.

mod head;
mod sums;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use self::head::Head;
use self::sums::sums_of_rows;
pub(crate) use self::sums::{BlockSums, RowSums};
use crate::code::{ListCodes, SignPlane};
use crate::error::{Error, Result};
use crate::format::mmap::Mapping;
use crate::format::write::write_whole;
use crate::metric::Metric;
use crate::rows::Rows;

/// Bytes of the FAISS file that are read at a time.
const READ: usize = 64 << 10;
/// Where planes start: pages are mapped whole.
const PAGE: usize = 4096;

/// Side data of an index.
#[derive(Debug)]
pub(crate) struct SideData {
    pub(crate) codes: ListCodes,
    /// Checksums of the vectors, unless the codes were made in memory only.
    pub(crate) rows: Option<RowSums>,
}

/// A FAISS file as far as its sidecar needs to know it.
pub(crate) struct Subject<'a> {
    pub(crate) path: &'a Path,
    /// The whole file.
    pub(crate) bytes: &'a [u8],
    pub(crate) mapping: &'a Mapping,
    pub(crate) metric: Metric,
    pub(crate) dim: usize,
    /// The vectors of each list, in order: places in the file.
    pub(crate) lists: &'a [Range<usize>],
}

impl Subject<'_> {
    /// Vectors before each list, and in all.
    fn before(&self) -> Vec<usize> {
        let mut before = vec![0];
        for list in self.lists {
            before.push(before[before.len() - 1] + list.len() / (4 * self.dim));
        }
        before
    }

    fn n(&self) -> usize {
        self.lists.iter().map(|list| list.len() / (4 * self.dim)).sum()
    }

    /// The checksum of everything but the vectors.
    fn rest_sum(&self) -> Result<u32> {
        let mut hasher = crc32fast::Hasher::new();
        let mut buffer = vec![0; READ];
        let mut at = 0;
        let ends = self.lists.iter().filter(|list| !list.is_empty());
        let gaps = ends.map(|list| (list.start, list.end)).chain([(self.bytes.len(), 0)]);
        for (end, next) in gaps {
            for start in (at..end).step_by(READ) {
                let part = &mut buffer[..READ.min(end - start)];
                self.mapping.read_at(start..start + part.len(), part)?;
                hasher.update(part);
            }
            at = next;
        }
        Ok(hasher.finalize())
    }

    /// When the file was last written to, in nanoseconds; 0 if the system does not say.
    fn modified(&self) -> u64 {
        let modified = fs::metadata(self.path).and_then(|metadata| metadata.modified());
        let since = modified.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        since.map_or(0, |since| since.as_nanos() as u64)
    }

    /// The vectors of each list.
    pub(crate) fn rows(&self) -> Result<Vec<Rows<'_>>> {
        self.lists
            .iter()
            .map(|list| Rows::from_bytes(&self.bytes[list.clone()], self.dim))
            .collect()
    }
}

/// The name of the sidecar of the file at `path`.
pub(crate) fn sidecar_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".ofx");
    PathBuf::from(name)
}

/// Reads the sidecar of a file; `None` if there is none that fits.
///
/// # Errors
///
/// [`Error::Changed`] if the FAISS file is not what it was, though nobody has written to it.
pub(crate) fn load(subject: &Subject<'_>) -> Result<Option<SideData>> {
    let path = sidecar_path(subject.path);
    let Ok(mapping) = Mapping::open(&path) else { return Ok(None) };
    let bytes = mapping.bytes()?;
    let Some(head) = Head::read(bytes) else { return Ok(None) };
    if !head.is_of(subject) {
        return Ok(None);
    }
    let is_untouched = head.modified == subject.modified() && head.modified != 0;
    if head.rest_sum != subject.rest_sum()? {
        let changed = || Error::Changed { what: "header, ids or links".to_owned() };
        return if is_untouched { Err(changed()) } else { Ok(None) };
    }
    let Some(parts) = head.parts(bytes) else { return Ok(None) };
    if parts.codes.before != subject.before() {
        return Ok(None);
    }
    let rows = RowSums::new(parts.row_sums);
    if !is_untouched && !rows.all_are(&subject.rows()?) {
        return Ok(None);
    }
    let codes = ListCodes::mapped(parts.codes, &Arc::new(mapping));
    Ok(codes.map(|codes| SideData { codes, rows: Some(rows) }))
}

/// Writes the sidecar of a file.
///
/// # Errors
///
/// [`Error::Io`] if it cannot be written.
pub(crate) fn save(subject: &Subject<'_>, codes: &ListCodes, n_threads: usize) -> Result<()> {
    let row_sums = sums_of_rows(&subject.rows()?, n_threads);
    let planes = codes.planes();
    let signs = codes.sign_plane().map(SignPlane::plane);
    let front = head::front(subject, codes, &row_sums)?;
    let write = |file: &mut BufWriter<File>| {
        file.write_all(&front)?;
        let mut at = front.len();
        for plane in planes.into_iter().chain(signs) {
            let padding = [0; PAGE];
            file.write_all(&padding[..at.next_multiple_of(PAGE) - at])?;
            file.write_all(plane)?;
            at = at.next_multiple_of(PAGE) + plane.len();
        }
        Ok(())
    };
    write_whole(&sidecar_path(subject.path), write, |_| Ok(()))
}
