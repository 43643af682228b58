//! An index as it is at one moment.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use super::journal::Update;
use super::tail::Tail;
use crate::error::{Error, Result};
use crate::filter::{Allow, Deny};
use crate::index::vector::{Prepared, VectorIndex};

/// A file, what was removed from it, and what was added to it. It never changes: an update makes
/// another.
#[derive(Debug)]
pub(super) struct Snapshot {
    main: Arc<VectorIndex>,
    /// Ids of vectors of the file that are gone; ascending.
    removed: Vec<i64>,
    n_removed: usize,
    tail: Tail,
    /// What is left of the file, once that is asked for.
    live_of_main: OnceLock<Prepared>,
    gone_places: OnceLock<Vec<bool>>,
}

impl Snapshot {
    /// A file to which nothing has happened.
    pub(super) fn new(main: Arc<VectorIndex>) -> Self {
        Self::of(main, Vec::new(), 0, Tail::default())
    }

    fn of(main: Arc<VectorIndex>, removed: Vec<i64>, n_removed: usize, tail: Tail) -> Self {
        let (live_of_main, gone_places) = (OnceLock::new(), OnceLock::new());
        Self { main, removed, n_removed, tail, live_of_main, gone_places }
    }

    /// The same after an update.
    pub(super) fn after(&self, update: Update) -> Self {
        let mut tail = self.tail.clone();
        let from_main = update.removed.into_iter().filter(|id| !tail.remove(*id));
        let mut from_main: Vec<i64> = from_main.collect();
        from_main.sort_unstable();
        let removed = merged(&self.removed, &from_main);
        tail.add(update.ids, update.values);
        let n_removed = self.n_removed.saturating_add(update.n_of_main as usize);
        Self::of(Arc::clone(&self.main), removed, n_removed.min(self.main.ntotal()), tail)
    }

    pub(super) fn main(&self) -> &Arc<VectorIndex> {
        &self.main
    }

    pub(super) fn tail(&self) -> &Tail {
        &self.tail
    }

    pub(super) fn removed(&self) -> &[i64] {
        &self.removed
    }

    pub(super) fn n_removed(&self) -> usize {
        self.n_removed
    }

    /// Whether the file holds everything there is.
    pub(super) fn is_as_stored(&self) -> bool {
        self.removed.is_empty() && self.tail.is_empty()
    }

    pub(super) fn ntotal(&self) -> usize {
        self.main.ntotal() - self.n_removed + self.tail.n()
    }

    /// The vectors of the file that are left.
    pub(super) fn live_of_main(&self) -> Result<&Prepared> {
        if let Some(prepared) = self.live_of_main.get() {
            return Ok(prepared);
        }
        let deny = if self.removed.is_empty() { Deny::Nothing } else { Deny::Ids(&self.removed) };
        let prepared = self.main.prepare(Allow::All, deny)?;
        Ok(self.live_of_main.get_or_init(|| prepared))
    }

    /// Whether each vector of the file, in stored order, is gone.
    pub(super) fn gone_places(&self) -> Result<&[bool]> {
        if let Some(places) = self.gone_places.get() {
            return Ok(places);
        }
        let ids = self.main.stored_ids()?;
        let places = ids.iter().map(|id| self.removed.binary_search(id).is_ok()).collect();
        Ok(self.gone_places.get_or_init(|| places))
    }

    /// How many vectors of the file have one of `ids` and are not gone.
    pub(super) fn n_in_main(&self, ids: &[i64]) -> Result<usize> {
        let left = |id: &i64| self.removed.binary_search(id).is_err();
        let ids: Vec<i64> = ids.iter().copied().filter(left).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        Ok(self.main.prepare(Allow::Ids(&ids), Deny::Nothing)?.n_allowed())
    }

    /// The id of every vector, in order: what is left of the file, then the tail.
    pub(super) fn ids(&self) -> Result<Vec<i64>> {
        let mut ids = self.main.stored_ids()?;
        if !self.removed.is_empty() {
            ids.retain(|id| self.removed.binary_search(id).is_err());
        }
        ids.extend(self.tail.vectors().map(|(id, _)| id));
        Ok(ids)
    }

    /// As [`VectorIndex::reconstruct`].
    pub(super) fn reconstruct(&self, id: i64) -> Result<Vec<f32>> {
        let ntotal = self.ntotal();
        if let Some(vector) = self.tail.vector(id) {
            return Ok(vector.to_vec());
        }
        if self.removed.binary_search(&id).is_ok() {
            return Err(Error::UnknownId { id, ntotal });
        }
        self.main.reconstruct(id)
    }
}

/// Both, ascending, each once.
fn merged(first: &[i64], second: &[i64]) -> Vec<i64> {
    let mut merged = Vec::with_capacity(first.len() + second.len());
    let mut rest = first;
    for id in second {
        let (before, after) = rest.split_at(rest.partition_point(|other| other < id));
        merged.extend_from_slice(before);
        rest = after;
        if rest.first() != Some(id) && merged.last() != Some(id) {
            merged.push(*id);
        }
    }
    merged.extend_from_slice(rest);
    merged
}

/// A snapshot while many updates are read.
pub(super) struct Replay {
    main: Arc<VectorIndex>,
    removed: BTreeSet<i64>,
    n_removed: usize,
    tail: Tail,
}

impl Replay {
    pub(super) fn new(main: Arc<VectorIndex>) -> Self {
        Self { main, removed: BTreeSet::new(), n_removed: 0, tail: Tail::default() }
    }

    pub(super) fn apply(&mut self, update: Update) {
        for id in update.removed {
            if !self.tail.remove(id) {
                self.removed.insert(id);
            }
        }
        self.n_removed = self.n_removed.saturating_add(update.n_of_main as usize);
        self.tail.add(update.ids, update.values);
    }

    /// How many vectors of the file an update would remove.
    pub(super) fn n_in_main(&self, ids: &[i64]) -> Result<u64> {
        let gone = |id: &i64| self.tail.contains(*id) || self.removed.contains(id);
        let ids: Vec<i64> = ids.iter().copied().filter(|id| !gone(id)).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        Ok(self.main.prepare(Allow::Ids(&ids), Deny::Nothing)?.n_allowed() as u64)
    }

    pub(super) fn finish(self) -> Snapshot {
        let n_removed = self.n_removed.min(self.main.ntotal());
        Snapshot::of(self.main, self.removed.into_iter().collect(), n_removed, self.tail)
    }
}
