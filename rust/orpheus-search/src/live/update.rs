//! Adding and removing.

use std::collections::HashSet;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::identity::Identity;
use super::journal::{Head, JournalWriter, Update};
use super::load::{Found, Loaded, load};
use super::lock::Lock;
use super::{LiveIndex, Snapshot};
use crate::error::{Error, Result};
use crate::format::model::{IvfCodes, Kind, Stored};
use crate::format::read::read;
use crate::index::vector::VectorIndex;
use crate::neighbours::NO_ID;
use crate::rows::Rows;

/// Vectors to add.
#[derive(Clone, Copy, Debug)]
pub struct Addition<'a> {
    /// The vectors.
    pub rows: Rows<'a>,
    /// The id of each; by default they count on from the largest id that there ever was.
    pub ids: Option<&'a [i64]>,
    /// Whether vectors that have one of these ids go; otherwise there must be none.
    pub replace: bool,
    /// Whether the vectors are to survive a loss of power from now on.
    pub sync: bool,
}

/// The right to update, and what that needs.
#[derive(Debug)]
pub(super) struct Writer {
    lock: Lock,
    pub(super) journal: JournalWriter,
    /// No id from this one on was ever given by an update that the journal knows of.
    pub(super) next_id: i64,
    /// Whether `next_id` is beyond all ids of the file, too.
    knows_file: bool,
    /// Whether the file is of a kind that takes vectors, once that was asked.
    takes_vectors: Option<bool>,
    /// Bytes of a broken update that were cut off, until somebody is told.
    n_torn: u64,
}

/// The writer of an index, held.
pub(super) type HeldWriter<'a> = MutexGuard<'a, Option<Writer>>;

impl LiveIndex {
    /// Adds vectors, which the next search finds; returns their ids.
    ///
    /// Takes vectors as they are, inverted lists and graphs of such (Flat, IVF,Flat and HNSW,Flat,
    /// under an `IDMap` or not). Either all are added or, if there is an error, none.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for another kind of index, another dimension, or an id that stands for
    /// "none", comes twice or is there already; [`Error::Shape`] if there is not one id for each;
    /// [`Error::NotFinite`]; [`Error::Locked`] if somebody else updates the index; [`Error::Io`] if
    /// the journal cannot be written; [`Error::Journal`] if the one that is there is damaged.
    pub fn add(&self, addition: &Addition<'_>) -> Result<Vec<i64>> {
        check(addition, self.dim())?;
        let mut held = self.hold_writer()?;
        let Some(writer) = held.as_mut() else { return Err(Error::Stopped) };
        let now = self.now();
        if !writer.takes_vectors(now.main())? {
            return Err(Error::Parameter {
                name: "kind of the index",
                found: now.main().kind().to_owned(),
                expected: "Flat, IVF,Flat (trained) or HNSW,Flat, to which vectors can be added"
                    .to_owned(),
            });
        }
        let n = addition.rows.n_rows();
        if n == 0 {
            return Ok(Vec::new());
        }
        let mut update = Update::default();
        if let Some(ids) = addition.ids {
            update.ids = ids.to_vec();
            (update.removed, update.n_of_main) = present(&now, ids)?;
            if let Some(id) = update.removed.first().filter(|_| !addition.replace) {
                return Err(parameter(*id, "ids that are not in the index, or replace"));
            }
        } else {
            update.ids = writer.free_ids(&now, n)?;
        }
        update.values =
            addition.rows.lanes().iter().map(|lane| f32::from_le_bytes(*lane)).collect();
        let ids = update.ids.clone();
        self.carry_out(writer, &now, update, addition.sync)?;
        Ok(ids)
    }

    /// Removes the vectors that have one of `ids`, which no search finds from then on; returns how
    /// many. Any kind of index can do this.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`], [`Error::Io`] and [`Error::Journal`] as [`LiveIndex::add`].
    pub fn remove(&self, ids: &[i64], sync: bool) -> Result<usize> {
        let mut held = self.hold_writer()?;
        let Some(writer) = held.as_mut() else { return Err(Error::Stopped) };
        let now = self.now();
        let (removed, n_of_main) = present(&now, ids)?;
        if removed.is_empty() {
            return Ok(0);
        }
        let n_of_tail = removed.iter().filter(|id| now.tail().contains(**id)).count();
        let update = Update { removed, n_of_main, ..Update::default() };
        self.carry_out(writer, &now, update, sync)?;
        Ok(n_of_main as usize + n_of_tail)
    }

    /// Makes all updates so far survive a loss of power.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn flush(&self) -> Result<()> {
        let held = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref()
            .filter(|writer| writer.lock.is_ours())
            .map_or(Ok(()), |writer| writer.journal.sync())
    }

    /// Lets others update the index, after a [`LiveIndex::flush`]. It can be searched as before, and
    /// the next update makes it the writer again.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn close(&self) -> Result<()> {
        let _compacting = self.compacting.lock().unwrap_or_else(PoisonError::into_inner);
        let flushed = self.flush();
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = None;
        flushed
    }

    /// Whether this is the one writer.
    #[must_use]
    pub fn is_writer(&self) -> bool {
        let held = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().is_some_and(|writer| writer.lock.is_ours())
    }

    /// Lets go of the lock in the child of a fork, which has it open, too, and must not keep it alive.
    /// Waits for nothing: a thread that the child does not have may hold what it would wait for.
    pub fn forget_lock_in_child(&self) {
        if let Ok(mut held) = self.writer.try_lock() {
            *held = None;
        }
    }

    /// Bytes of a broken last update that were cut off when this became the writer; told once.
    #[must_use]
    pub fn take_torn_bytes(&self) -> u64 {
        let mut held = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_mut().map_or(0, |writer| std::mem::take(&mut writer.n_torn))
    }

    /// Makes sure that this is the writer, and keeps others of this process out.
    pub(super) fn hold_writer(&self) -> Result<HeldWriter<'_>> {
        let mut held = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_none_or(|writer| !writer.lock.is_ours()) {
            *held = None;
            *held = Some(self.become_writer(Lock::take(&self.path)?)?);
        }
        Ok(held)
    }

    /// What others have written since this was opened is read first.
    pub(super) fn become_writer(&self, lock: Lock) -> Result<Writer> {
        let Loaded { snapshot, journal } = load(&self.path, self.codes, Some(self.now().main()))?;
        let main = Arc::clone(snapshot.main());
        let head = || -> Result<Head> {
            let identity = Identity::of(main.file()?);
            Ok(Head { metric: main.metric(), dim: main.dim(), identity, next_id: 0 })
        };
        let create = |next_id, updates: &[Update]| {
            JournalWriter::create(&self.path, Head { next_id, ..head()? }, updates)
        };
        let (journal, next_id, n_torn) = match journal {
            None => (create(0, &[])?, 0, 0),
            Some(Found { next_id, ending, succession: Some(left), .. }) => {
                (create(next_id, &left)?, next_id, ending.n_torn)
            }
            Some(Found { next_id, ending, .. }) => {
                (JournalWriter::open(&self.path, ending.length)?, next_id, ending.n_torn)
            }
        };
        self.publish(snapshot);
        Ok(Writer { lock, journal, next_id, knows_file: false, takes_vectors: None, n_torn })
    }

    fn carry_out(
        &self,
        writer: &mut Writer,
        now: &Snapshot,
        update: Update,
        sync: bool,
    ) -> Result<()> {
        writer.journal.append(&update)?;
        let ids = update.ids.iter().chain(&update.removed);
        writer.next_id = ids.fold(writer.next_id, |next, id| next.max(id.saturating_add(1)));
        self.publish(now.after(update));
        if sync { writer.journal.sync() } else { Ok(()) }
    }
}

impl Writer {
    pub(super) fn into_lock(self) -> Lock {
        self.lock
    }

    pub(super) fn is_ours(&self) -> bool {
        self.lock.is_ours()
    }

    fn takes_vectors(&mut self, main: &VectorIndex) -> Result<bool> {
        if let Some(takes) = self.takes_vectors {
            return Ok(takes);
        }
        let takes = takes_vectors(&read(main.file()?)?);
        self.takes_vectors = Some(takes);
        Ok(takes)
    }

    /// The `n` ids after the largest that there ever was.
    fn free_ids(&mut self, now: &Snapshot, n: usize) -> Result<Vec<i64>> {
        if !self.knows_file {
            let ids = now.main().stored_ids()?;
            let beyond = ids.into_iter().fold(0, |next: i64, id| next.max(id.saturating_add(1)));
            self.next_id = self.next_id.max(beyond);
            self.knows_file = true;
        }
        let last = i64::try_from(n).ok().and_then(|n| self.next_id.checked_add(n));
        match last.filter(|last| *last < i64::MAX) {
            Some(last) => Ok((self.next_id..last).collect()),
            None => Err(Error::Parameter {
                name: "ids",
                found: "None".to_owned(),
                expected: "ids, as no larger ones than those of the index are left".to_owned(),
            }),
        }
    }
}

/// Which of `ids` vectors have, each once; and how many vectors of the file they are.
fn present(now: &Snapshot, ids: &[i64]) -> Result<(Vec<i64>, u64)> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let (mut in_tail, elsewhere): (Vec<i64>, Vec<i64>) =
        ids.into_iter().partition(|id| now.tail().contains(*id));
    let n_of_main = now.n_in_main(&elsewhere)?;
    if n_of_main > 0 {
        for id in elsewhere {
            if now.n_in_main(&[id])? > 0 {
                in_tail.push(id);
            }
        }
    }
    Ok((in_tail, n_of_main as u64))
}

fn takes_vectors(stored: &Stored) -> bool {
    match &stored.kind {
        Kind::Flat { .. } => true,
        Kind::IdMap { inner, .. } => {
            !matches!(inner.kind, Kind::IdMap { .. }) && takes_vectors(inner)
        }
        Kind::Ivf(ivf) => {
            let quantizer = &ivf.quantizer;
            ivf.codes == IvfCodes::Flat
                && matches!(quantizer.kind, Kind::Flat { .. })
                && quantizer.header.ntotal > 0
                && quantizer.header.metric == stored.header.metric
        }
        Kind::Hnsw(hnsw) => matches!(hnsw.storage.kind, Kind::Flat { .. }),
        _ => false,
    }
}

fn check(addition: &Addition<'_>, dim: usize) -> Result<()> {
    let Addition { rows, ids, .. } = addition;
    if rows.dim() != dim {
        return Err(Error::Parameter {
            name: "dim",
            found: rows.dim().to_string(),
            expected: format!("{dim}, the dimension of the index"),
        });
    }
    let unsound = |row: &usize| !rows.row(*row).fold(true, |all, value| all & value.is_finite());
    if let Some(row) = (0..rows.n_rows()).find(unsound) {
        let found = rows.row(row).enumerate().find(|(_, value)| !value.is_finite());
        let (column, value) = found.map_or((0, f64::NAN), |(column, value)| (column, value.into()));
        return Err(Error::NotFinite { name: "vectors", row, column, value });
    }
    let Some(ids) = ids else { return Ok(()) };
    if ids.len() != rows.n_rows() {
        let expected = format!("one for each of the {} vectors", rows.n_rows());
        return Err(Error::Shape { name: "ids", found: ids.len(), expected });
    }
    let mut seen = HashSet::with_capacity(ids.len());
    match ids.iter().find(|id| **id == NO_ID || !seen.insert(**id)) {
        None => Ok(()),
        Some(&NO_ID) => Err(parameter(NO_ID, "anything else, as -1 stands for no vector")),
        Some(id) => Err(parameter(*id, "each of them once")),
    }
}

fn parameter(id: i64, expected: &str) -> Error {
    Error::Parameter {
        name: "ids",
        found: format!("one that is {id}"),
        expected: expected.to_owned(),
    }
}
