//! Indexes that are updated while they are searched.
//!
//! A FAISS file is never changed. What is added since it was written is kept in memory (the *tail*)
//! and in a journal beside the file (`NAME.ofj`, see [`journal`]); what is removed, as ids that a
//! search passes over. [`LiveIndex::compact`] writes a new file that holds what is there, and begins
//! a new journal.
//!
//! A search works on a snapshot, and is held up by nobody: updates make a new snapshot. Of several
//! processes that have the index open one can update it; the others see what was there when they
//! opened it.
//!
//! # Crashes
//!
//! An update is in the journal before the call that makes it returns, so that a killed process
//! loses none. After a loss of power those after the last [`LiveIndex::flush`] (or update that was
//! asked to sync) may be missing, from some moment on; should the disk have kept a later part of
//! them and not an earlier one, the journal is refused ([`Error::Journal`](crate::Error::Journal)).
//!
//! A compaction notes in the old journal which file will come next and what it holds, gives the new
//! file its name, and then the new journal. Wherever it ends, file and journal belong together: a new
//! file with an old journal is recognised by that note, and only the updates are read that the file
//! does not hold. A journal of any other file is refused.

mod compact;
mod divide;
mod identity;
mod journal;
mod load;
mod lock;
mod search;
mod snapshot;
mod tail;
#[cfg(test)]
mod tests;
mod update;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use compact::CompactOptions;
pub use update::Addition;

use crate::error::Result;
use crate::index::acceleration::Codes;
use crate::index::flat::SearchOptions;
use crate::index::vector::RangeNeighbours;
use crate::metric::Metric;
use crate::neighbours::Neighbours;
use load::load;
use snapshot::Snapshot;
use update::Writer;

/// An index over a mapped FAISS file that takes updates.
///
/// Everything may be called from several threads at once. Opening only reads; the first update makes
/// this the one writer, until [`LiveIndex::close`] or the end.
#[derive(Debug)]
pub struct LiveIndex {
    path: PathBuf,
    codes: Codes,
    now: RwLock<Arc<Snapshot>>,
    writer: Mutex<Option<Writer>>,
    /// Held by the thread that compacts.
    compacting: Mutex<()>,
}

impl LiveIndex {
    /// Maps the file at `path`, and reads the journal beside it if there is one.
    ///
    /// # Errors
    ///
    /// As [`VectorIndex::open`](crate::VectorIndex::open); [`Error::Journal`](crate::Error::Journal) if the journal is damaged
    /// or that of another file.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, Codes::default())
    }

    /// As [`Self::open`], with a say in what is kept to be searched faster.
    ///
    /// # Errors
    ///
    /// As [`Self::open`] and [`VectorIndex::open_with`](crate::VectorIndex::open_with).
    pub fn open_with(path: &Path, codes: Codes) -> Result<Self> {
        let now = Arc::new(load(path, codes, None)?.snapshot);
        Ok(Self {
            path: path.to_owned(),
            codes,
            now: RwLock::new(now),
            writer: Mutex::new(None),
            compacting: Mutex::new(()),
        })
    }

    fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, snapshot: Snapshot) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// As [`VectorIndex::search`](crate::VectorIndex::search), of all that is there at this moment.
    ///
    /// # Errors
    ///
    /// As [`VectorIndex::search`](crate::VectorIndex::search).
    pub fn search(&self, queries: &[f32], options: &SearchOptions<'_>) -> Result<Neighbours> {
        let now = self.now();
        if now.is_as_stored() {
            now.main().search(queries, options)
        } else {
            now.search(queries, options)
        }
    }

    /// As [`VectorIndex::range_search`](crate::VectorIndex::range_search), of all that is there at this moment.
    ///
    /// # Errors
    ///
    /// As [`VectorIndex::range_search`](crate::VectorIndex::range_search).
    pub fn range_search(
        &self,
        queries: &[f32],
        radius: f32,
        options: &SearchOptions<'_>,
    ) -> Result<RangeNeighbours> {
        let now = self.now();
        if now.is_as_stored() {
            return now.main().range_search(queries, radius, options);
        }
        now.range_search(queries, radius, options)
    }

    /// As [`VectorIndex::accelerate`](crate::VectorIndex::accelerate); the tail needs nothing.
    ///
    /// # Errors
    ///
    /// As [`VectorIndex::accelerate`](crate::VectorIndex::accelerate).
    pub fn accelerate(&self, n_threads: usize) -> Result<()> {
        self.now().main().accelerate(n_threads)
    }

    /// Whether there are codes of the vectors of the file.
    #[must_use]
    pub fn has_codes(&self) -> bool {
        self.now().main().has_codes()
    }

    /// How many vectors there are.
    #[must_use]
    pub fn ntotal(&self) -> usize {
        self.now().ntotal()
    }

    /// How many vectors were added to the file and how many of its own removed since it was written.
    #[must_use]
    pub fn n_pending(&self) -> (usize, usize) {
        let now = self.now();
        (now.tail().n(), now.n_removed())
    }

    /// Values per vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.now().main().dim()
    }

    /// How vectors are compared.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.now().main().metric()
    }

    /// What `faiss.index_factory` calls the index in the file.
    #[must_use]
    pub fn kind(&self) -> String {
        self.now().main().kind().to_owned()
    }

    /// The id of every vector: those of the file that are left, in stored order, then those that were
    /// added.
    ///
    /// # Errors
    ///
    /// As [`VectorIndex::stored_ids`](crate::VectorIndex::stored_ids).
    pub fn stored_ids(&self) -> Result<Vec<i64>> {
        self.now().ids()
    }

    /// As [`VectorIndex::reconstruct`](crate::VectorIndex::reconstruct).
    ///
    /// # Errors
    ///
    /// As [`VectorIndex::reconstruct`](crate::VectorIndex::reconstruct).
    pub fn reconstruct(&self, id: i64) -> Result<Vec<f32>> {
        self.now().reconstruct(id)
    }
}
