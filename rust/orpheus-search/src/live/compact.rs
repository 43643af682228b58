//! Writing a file that holds what is there.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use super::identity::Identity;
use super::journal::{Successor, journal_path};
use super::snapshot::Snapshot;
use super::{LiveIndex, Writer};
use crate::build::{Report, Rewrite, can_be_rewritten, rewrite};
use crate::error::{Error, Result};
use crate::format::mmap::Mapping;
use crate::format::read::read;
use crate::format::write::sync_folder_of;
use crate::index::vector::VectorIndex;
use crate::rows::Rows;
use crate::sidecar::sidecar_path;

/// How to compact.
#[derive(Clone, Copy)]
pub struct CompactOptions<'a> {
    /// At most this many threads, the caller's included; at least 1.
    pub n_threads: usize,
    /// What everything random depends on: the graph of an HNSW.
    pub seed: u64,
    /// Told how far it is, and asked whether to go on.
    pub report: Option<Report<'a>>,
}

impl Default for CompactOptions<'_> {
    fn default() -> Self {
        Self { n_threads: 1, seed: 0, report: None }
    }
}

/// What has been done when a test is asked whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// The new file is on disk, under another name.
    Written,
    /// The journal says that it comes next.
    Noted,
    /// It has its name.
    Named,
    /// Its sidecar has its name.
    Accelerated,
}

impl LiveIndex {
    /// Writes a FAISS file of the same kind that holds what is there, in the place of the old one,
    /// and begins a new journal. Returns whether there was anything to do.
    ///
    /// The index can be searched and updated meanwhile; what is updated stands in the new journal.
    /// Ids stay what they are: a Flat or HNSW file that counts its vectors becomes an `IDMap2` if
    /// otherwise one would get another id. Inverted lists keep their centroids. A graph from which
    /// vectors were removed is built again, which takes as long as building it did.
    ///
    /// Beside the old file there is room needed for a new one (and, for such a graph, another).
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if the index is of a kind that is not written here; [`Error::Locked`],
    /// [`Error::Io`] and [`Error::Journal`] as [`LiveIndex::add`]; [`Error::Stopped`]. The index is
    /// as it was then.
    pub fn compact(&self, options: &CompactOptions<'_>) -> Result<bool> {
        self.compact_by_steps(options, |_| Ok(()))
    }

    pub(super) fn compact_by_steps(
        &self,
        options: &CompactOptions<'_>,
        goes_on: impl Fn(Done) -> Result<()>,
    ) -> Result<bool> {
        let _compacting = self.compacting.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, covered) = {
            let held = self.hold_writer()?;
            (self.now(), held.as_ref().map_or(0, |writer| writer.journal.length()))
        };
        let new = NewFile::beside(&self.path)?;
        if now.is_as_stored() {
            return Ok(false);
        }
        write(&now, &new.path, options)?;
        goes_on(Done::Written)?;
        if now.main().has_codes() {
            VectorIndex::open_with(&new.path, self.codes)?.accelerate(options.n_threads)?;
        }
        let successor = successor(now.main().file()?, &new.path, covered)?;
        let mut held = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = held.as_mut().filter(|writer| writer.is_ours()) else {
            return Err(Error::Locked { path: self.path.clone() });
        };
        writer.journal.append_successor(&successor)?;
        goes_on(Done::Noted)?;
        fs::rename(&new.path, &self.path).map_err(Error::io(&self.path))?;
        goes_on(Done::Named)?;
        sync_folder_of(&self.path)?;
        // Without it codes are made again.
        let _ = fs::rename(sidecar_path(&new.path), sidecar_path(&self.path));
        goes_on(Done::Accelerated)?;
        // As after a crash at this point: the file is the one that the old journal said would come.
        if let Some(lock) = held.take().map(Writer::into_lock) {
            *held = Some(self.become_writer(lock)?);
        }
        Ok(true)
    }
}

/// The name of a file that is to take the place of another. Only the one writer uses it.
struct NewFile {
    path: PathBuf,
}

impl NewFile {
    fn beside(index: &Path) -> Result<Self> {
        let Some(name) = index.file_name() else {
            return Err(Error::io(index)(std::io::ErrorKind::InvalidInput.into()));
        };
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".compacting");
        let new = Self { path: index.with_file_name(&hidden) };
        new.remove();
        new.remove_unfinished(&[&hidden, journal_path(Path::new(name)).as_os_str()]);
        Ok(new)
    }

    /// What a crash may have left.
    fn remove(&self) {
        for path in [&self.path, &sidecar_path(&self.path), &vectors_path(&self.path)] {
            // It hardly ever exists.
            let _ = fs::remove_file(path);
        }
    }

    /// Files of `names` that are not whole: until then theirs begin with a dot and the name they are
    /// to get.
    fn remove_unfinished(&self, names: &[&OsStr]) {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else { return };
        let begins_as = |file: &OsStr, name: &OsStr| {
            file.as_encoded_bytes().starts_with(&[b".", name.as_encoded_bytes(), b"."].concat())
        };
        for entry in entries.flatten() {
            let file = entry.file_name();
            let is_unfinished = file.as_encoded_bytes().ends_with(b".tmp");
            if is_unfinished && names.iter().any(|name| begins_as(&file, name)) {
                // It is of no use to anybody, and in nobody's way.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Where vectors are while a graph over them is built.
fn vectors_path(new: &Path) -> PathBuf {
    let mut name = OsString::from(new);
    name.push(".vectors");
    PathBuf::from(name)
}

fn write(now: &Snapshot, target: &Path, options: &CompactOptions<'_>) -> Result<()> {
    let file = now.main().file()?;
    let stored = read(file)?;
    can_be_rewritten(&stored)?;
    let n = now.tail().n();
    let (mut ids, mut values) = (Vec::with_capacity(n), Vec::with_capacity(n * now.main().dim()));
    for (id, vector) in now.tail().vectors() {
        ids.push(id);
        values.extend_from_slice(vector);
    }
    let CompactOptions { n_threads, seed, report } = *options;
    rewrite(&Rewrite {
        file,
        stored: &stored,
        removed: now.removed(),
        rows: Rows::new(&values, now.main().dim())?,
        ids: &ids,
        target,
        scratch: &vectors_path(target),
        n_threads,
        seed,
        report,
    })
}

fn successor(old: &[u8], path: &Path, covered: u64) -> Result<Successor> {
    let mapping = Mapping::open(path)?;
    let new = mapping.bytes()?;
    let identity = Identity::of(new);
    let mut point = None;
    if identity == Identity::of(old) {
        let at =
            old.as_chunks::<8>().0.iter().zip(new.as_chunks::<8>().0).position(|(a, b)| a != b);
        // Where all of these are alike, one of the last few bytes may differ.
        let last = new.len().checked_sub(8).filter(|last| old[*last..] != new[*last..]);
        let at = at.map(|chunk| 8 * chunk).or(last);
        point = at.map(|at| (at as u64, std::array::from_fn(|i| new[at + i])));
    }
    Ok(Successor { identity, covered, point })
}
