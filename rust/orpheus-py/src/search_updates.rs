#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds the updating of indexes. Serves `orpheus_fast.search.updates`.

use orpheus_search::{Addition, CompactOptions};
use pyo3::prelude::*;

use crate::array::{F32View, I64Array, I64View, View};
use crate::error::NativeResult;
use crate::gil::release_gil;
use crate::search::{VectorIndex, raise, rows};
use crate::search_build::{ProgressCall, report_to_python};

/// Runs `update` without the GIL. Returns what it does, and how many bytes of a broken earlier update
/// were cut off before.
fn updated<T: Send>(
    py: Python<'_>,
    index: &VectorIndex,
    update: impl FnOnce(&orpheus_search::LiveIndex) -> orpheus_search::Result<T> + Send,
) -> NativeResult<(T, u64)> {
    let updated =
        release_gil(py, || update(&index.index).map(|done| (done, index.index.take_torn_bytes())));
    updated.map_err(|error| raise(py, &error, Some(&index.path)))
}

/// Binds [`orpheus_search::LiveIndex::add`]. `options`: (replace, sync). Returns (ids, bytes cut off).
#[pyfunction]
pub(crate) fn add_vectors(
    py: Python<'_>,
    index: PyRef<'_, VectorIndex>,
    vectors: F32View<'_>,
    ids: Option<I64View<'_>>,
    options: (bool, bool),
) -> NativeResult<(I64Array, u64)> {
    let rows = rows(py, "vectors", &vectors)?;
    let ids = ids.as_ref().map(View::as_slice);
    let (replace, sync) = options;
    let addition = Addition { rows, ids, replace, sync };
    let (ids, n_torn) = updated(py, &index, |index| index.add(&addition))?;
    Ok((I64Array::vector(ids), n_torn))
}

/// Binds [`orpheus_search::LiveIndex::remove`]. Returns (how many, bytes cut off).
#[pyfunction]
pub(crate) fn remove_vectors(
    py: Python<'_>,
    index: PyRef<'_, VectorIndex>,
    ids: I64View<'_>,
    sync: bool,
) -> NativeResult<(usize, u64)> {
    let ids = ids.as_slice();
    updated(py, &index, |index| index.remove(ids, sync))
}

/// Binds [`orpheus_search::LiveIndex::compact`]. `options`: (`n_threads`, seed, progress). Returns
/// (whether there was anything to do, bytes cut off).
#[pyfunction]
pub(crate) fn compact_index(
    py: Python<'_>,
    index: PyRef<'_, VectorIndex>,
    options: (usize, u64, ProgressCall),
) -> NativeResult<(bool, u64)> {
    let (n_threads, seed, progress) = options;
    let live = &index.index;
    let compacted = report_to_python(py, progress, |report| {
        live.compact(&CompactOptions { n_threads, seed, report: Some(report) })
    })?;
    let compacted = compacted.map_err(|error| raise(py, &error, Some(&index.path)))?;
    Ok((compacted, live.take_torn_bytes()))
}

/// Binds [`orpheus_search::LiveIndex::flush`].
#[pyfunction]
pub(crate) fn flush_index(py: Python<'_>, index: PyRef<'_, VectorIndex>) -> NativeResult<()> {
    updated(py, &index, orpheus_search::LiveIndex::flush).map(drop)
}

/// Binds [`orpheus_search::LiveIndex::close`].
#[pyfunction]
pub(crate) fn close_index(py: Python<'_>, index: PyRef<'_, VectorIndex>) -> NativeResult<()> {
    updated(py, &index, orpheus_search::LiveIndex::close).map(drop)
}

/// Binds [`orpheus_search::LiveIndex::n_pending`] and `is_writer`: (added, removed, whether the lock
/// is held).
#[pyfunction]
pub(crate) fn pending_updates(
    py: Python<'_>,
    index: PyRef<'_, VectorIndex>,
) -> (usize, usize, bool) {
    let live = &index.index;
    release_gil(py, || {
        let (n_added, n_removed) = live.n_pending();
        (n_added, n_removed, live.is_writer())
    })
}

/// Binds [`orpheus_search::LiveIndex::forget_lock_in_child`].
#[pyfunction]
pub(crate) fn forget_lock_in_child(index: PyRef<'_, VectorIndex>) {
    index.index.forget_lock_in_child();
}
