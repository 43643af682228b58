#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds the building of indexes. Serves `orpheus_fast.index_building`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use orpheus_search::build::{
    self, AddOptions, BuildKind, BuildOptions, HnswOptions, IvfOptions, Progress,
};
use pyo3::prelude::*;

use crate::array::{F32View, I64View, View};
use crate::error::NativeResult;
use crate::gil::release_gil;
use crate::search::{raise, rows};

/// `progress(step, done, total)` of Python.
pub(crate) type ProgressCall = Option<Py<PyAny>>;

/// Runs `work` without the GIL; tells Python how far it is, and ends it when a signal or the callback
/// raises.
pub(crate) fn report_to_python<T: Send>(
    py: Python<'_>,
    progress: ProgressCall,
    work: impl FnOnce(&dyn Fn(Progress) -> bool) -> T + Send,
) -> NativeResult<T> {
    let raised: Mutex<Option<PyErr>> = Mutex::new(None);
    let report = |now: Progress| {
        let called = Python::attach(|py| {
            py.check_signals()?;
            match &progress {
                Some(call) => call.call1(py, (now.step.to_string(), now.done, now.total)).map(drop),
                None => Ok(()),
            }
        });
        let goes_on = called.is_ok();
        *raised.lock().unwrap_or_else(PoisonError::into_inner) = called.err();
        goes_on
    };
    let done = release_gil(py, || work(&report));
    match raised.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(raised) => Err(raised.into()),
        None => Ok(done),
    }
}

/// Binds [`orpheus_search::build::build_index`]. `kind` is a name, `(nlist, n_iterations,
/// sample_per_list)` or `(m, ef_construction)`.
#[pyfunction]
pub(crate) fn build_index(
    py: Python<'_>,
    path: PathBuf,
    vectors: F32View<'_>,
    ids: Option<I64View<'_>>,
    plan: (KindArgument, String),
    options: (usize, u64, ProgressCall),
) -> NativeResult<()> {
    let ((kind, metric), (n_threads, seed, progress)) = (plan, options);
    let metric = metric.parse().map_err(|error| raise(py, &error, None))?;
    let kind = kind.kind().map_err(|error| raise(py, &error, None))?;
    let rows = rows(py, "vectors", &vectors)?;
    let ids = ids.as_ref().map(View::as_slice);
    report_to_python(py, progress, |report| {
        let options = BuildOptions { kind, metric, seed, n_threads, report: Some(report) };
        build::build_index(&path, rows, ids, &options)
    })?
    .map_err(|error| raise(py, &error, Some(&path)))
}

/// Binds [`build::add_to_index`].
#[pyfunction]
pub(crate) fn add_to_index(
    py: Python<'_>,
    path: PathBuf,
    target: PathBuf,
    vectors: F32View<'_>,
    ids: Option<I64View<'_>>,
    options: (usize, u64, ProgressCall),
) -> NativeResult<()> {
    let (n_threads, seed, progress) = options;
    let rows = rows(py, "vectors", &vectors)?;
    let ids = ids.as_ref().map(View::as_slice);
    report_to_python(py, progress, |report| {
        let options = AddOptions { seed, n_threads, report: Some(report) };
        build::add_to_index(&path, &target, rows, ids, &options)
    })?
    .map_err(|error| raise(py, &error, Some(&path)))
}

/// What to build, as Python says it.
#[derive(FromPyObject)]
pub(crate) enum KindArgument {
    #[pyo3(transparent)]
    Name(String),
    #[pyo3(transparent)]
    Ivf((Option<usize>, usize, usize)),
    #[pyo3(transparent)]
    Hnsw((usize, usize)),
}

impl KindArgument {
    fn kind(self) -> orpheus_search::Result<BuildKind> {
        Ok(match self {
            Self::Name(name) => name.parse()?,
            Self::Ivf((nlist, n_iterations, sample_per_list)) => {
                BuildKind::Ivf(IvfOptions { nlist, n_iterations, sample_per_list })
            }
            Self::Hnsw((m, ef_construction)) => BuildKind::Hnsw(HnswOptions { m, ef_construction }),
        })
    }
}
