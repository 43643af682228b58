#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds vector search. Serves `orpheus_fast.search`.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use numpy::PyArrayDyn;
use orpheus_search::{
    Allow, Codes, ColumnStatistics, Deny, Description, Error, ErrorKind, Metric, NO_ID, Neighbours,
    RangeNeighbours, Rows, SearchOptions,
};
use pyo3::exceptions::{PyMemoryError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::array::{F32Array, F32View, F64Array, I64Array, I64View, View, copied};
use crate::error::{NativeError, NativeResult};
use crate::gil::release_gil;

/// Ids, or one byte per vector.
pub(crate) enum AllowView<'py> {
    Ids(I64View<'py>),
    Mask(View<'py, u8>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for AllowView<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> Result<Self, PyErr> {
        if object.getattr("itemsize")?.extract::<usize>()? == 1 {
            object.extract().map(Self::Mask)
        } else {
            object.extract().map(Self::Ids)
        }
    }
}

impl AllowView<'_> {
    fn as_allow(view: Option<&Self>) -> Allow<'_> {
        match view {
            None => Allow::All,
            Some(Self::Ids(ids)) => Allow::Ids(ids.as_slice()),
            Some(Self::Mask(mask)) => Allow::Mask(mask.as_slice()),
        }
    }

    fn as_deny(view: Option<&Self>) -> Deny<'_> {
        match view {
            None => Deny::Nothing,
            Some(Self::Ids(ids)) => Deny::Ids(ids.as_slice()),
            Some(Self::Mask(mask)) => Deny::Mask(mask.as_slice()),
        }
    }
}

/// `error` as Python knows it; `path` becomes the `filename` of the system's failures.
pub(crate) fn raise(py: Python<'_>, error: &Error, path: Option<&Path>) -> NativeError {
    match (error, error.kind()) {
        (Error::Io { source, .. }, _) if source.raw_os_error().is_none() => {
            PyOSError::new_err(error.to_string()).into()
        }
        (Error::Io { path, source }, _) => {
            let filename = path.as_os_str().into_pyobject(py).ok();
            NativeError::os(source, filename.map(Bound::into_any))
        }
        (_, ErrorKind::Format) => {
            let place = path.map_or(String::new(), |path| format!("{}: ", path.display()));
            NativeError::named("IndexFormatError", (format!("{place}{error}"),))
        }
        (_, ErrorKind::Shape) => NativeError::shape(error.to_string()),
        (_, ErrorKind::Memory) => PyMemoryError::new_err(error.to_string()).into(),
        _ => NativeError::parameter(error.to_string()),
    }
}

/// Runs `search` without the GIL, and ends it when a signal asks for that.
fn interruptible<T: Send>(
    py: Python<'_>,
    path: Option<&Path>,
    search: impl FnOnce(&dyn Fn() -> bool) -> orpheus_search::Result<T> + Send,
) -> NativeResult<T> {
    let signal = Mutex::new(None);
    let stop = || {
        let raised = Python::attach(|py| py.check_signals().err());
        let mut signal = signal.lock().unwrap_or_else(PoisonError::into_inner);
        *signal = raised;
        signal.is_some()
    };
    let found = release_gil(py, || search(&stop));
    if let Some(raised) = signal.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(raised.into());
    }
    found.map_err(|error| raise(py, &error, path))
}

/// Distances and ids, `(n_queries, k)` each.
fn arrays(neighbours: Neighbours) -> (F32Array, I64Array) {
    let Neighbours { n_queries, k, distances, ids } = neighbours;
    let shape = [n_queries, k];
    (F32Array::shaped(distances, &shape), I64Array::shaped(ids, &shape))
}

/// Vectors in a view of shape `(n_vectors, dim)`.
pub(crate) fn rows<'a>(
    py: Python<'_>,
    name: &str,
    matrix: &'a F32View<'_>,
) -> NativeResult<Rows<'a>> {
    let (_, dim) = matrix.matrix_shape(name)?;
    Rows::new(matrix.as_slice(), dim).map_err(|error| raise(py, &error, None))
}

/// Distances and ids, as Python gets them.
type FoundArrays<'py> = (Bound<'py, PyArrayDyn<f32>>, Bound<'py, PyArrayDyn<i64>>);

/// What is allowed, and what is shut out.
type FilterViews<'py> = (Option<AllowView<'py>>, Option<AllowView<'py>>);

/// Binds [`orpheus_search::VectorIndex`].
#[pyclass(frozen, module = "orpheus_fast._native")]
pub(crate) struct VectorIndex {
    index: orpheus_search::VectorIndex,
    path: PathBuf,
}

fn filters_of<'a>(views: &'a FilterViews<'_>) -> (Allow<'a>, Deny<'a>) {
    (AllowView::as_allow(views.0.as_ref()), AllowView::as_deny(views.1.as_ref()))
}

/// (`n_threads`, `nprobe`, `ef_search`, `exact`).
type SearchNumbers = (usize, Option<usize>, Option<usize>, Option<bool>);

fn search_options<'a>(
    k: usize,
    (allow, deny): (Allow<'a>, Deny<'a>),
    options: SearchNumbers,
    stop: &'a dyn Fn() -> bool,
) -> SearchOptions<'a> {
    let (n_threads, nprobe, ef_search, exact) = options;
    let stop = Some(stop);
    let numbers = SearchOptions { n_threads, nprobe, ef_search, exact, ..SearchOptions::new(k) };
    SearchOptions { allow, deny, stop, ..numbers }
}

#[pymethods]
impl VectorIndex {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, codes: &str) -> NativeResult<Self> {
        let codes = codes.parse::<Codes>().map_err(|error| raise(py, &error, None))?;
        let index = release_gil(py, || orpheus_search::VectorIndex::open_with(&path, codes));
        let index = index.map_err(|error| raise(py, &error, Some(&path)))?;
        Ok(Self { index, path })
    }

    fn accelerate(&self, py: Python<'_>, n_threads: usize) -> NativeResult<()> {
        let done = release_gil(py, || self.index.accelerate(n_threads));
        done.map_err(|error| raise(py, &error, Some(&self.path)))
    }

    #[getter]
    fn has_codes(&self) -> bool {
        self.index.has_codes()
    }

    #[getter]
    fn ntotal(&self) -> usize {
        self.index.ntotal()
    }

    #[getter]
    fn dim(&self) -> usize {
        self.index.dim()
    }

    #[getter]
    fn metric(&self) -> &'static str {
        self.index.metric().name()
    }

    #[getter]
    fn kind(&self) -> &str {
        self.index.kind()
    }

    /// `queries` are whole vectors, back to back. Returns (distances, ids), `(n_queries, k)` each.
    fn search(
        &self,
        py: Python<'_>,
        queries: F32View<'_>,
        k: usize,
        filters: FilterViews<'_>,
        options: SearchNumbers,
    ) -> NativeResult<(F32Array, I64Array)> {
        let queries = queries.as_slice();
        let filters = filters_of(&filters);
        let found = interruptible(py, Some(&self.path), |stop| {
            self.index.search(queries, &search_options(k, filters, options, stop))
        });
        found.map(arrays)
    }

    /// The shortest way for arguments that fit as they are; `None` if they do not. One query of shape
    /// `(dim,)` gives arrays of shape `(k,)`, without places that nothing was found for.
    fn find<'py>(
        &self,
        py: Python<'py>,
        queries: &Bound<'py, PyAny>,
        k: &Bound<'py, PyAny>,
    ) -> NativeResult<Option<FoundArrays<'py>>> {
        let Some(view) = F32View::of_fitting(queries) else { return Ok(None) };
        let (Ok(k), [.., dim]) = (k.extract::<usize>(), view.shape()) else { return Ok(None) };
        if k == 0 || *dim != self.index.dim() || view.shape().len() > 2 {
            return Ok(None);
        }
        let values = view.as_slice();
        let found = interruptible(py, Some(&self.path), |stop| {
            self.index.search(values, &SearchOptions { stop: Some(stop), ..SearchOptions::new(k) })
        })?;
        let Neighbours { n_queries, k, mut distances, mut ids } = found;
        let shape: &[usize] = if view.shape().len() == 2 {
            &[n_queries, k]
        } else {
            let n_found = ids.iter().position(|&id| id == NO_ID).unwrap_or(k);
            distances.truncate(n_found);
            ids.truncate(n_found);
            &[n_found]
        };
        Ok(Some((copied(py, &distances, shape), copied(py, &ids, shape))))
    }

    /// Returns (limits, distances, ids).
    fn range_search(
        &self,
        py: Python<'_>,
        queries: F32View<'_>,
        radius: f32,
        filters: FilterViews<'_>,
        options: SearchNumbers,
    ) -> NativeResult<(I64Array, F32Array, I64Array)> {
        let queries = queries.as_slice();
        let filters = filters_of(&filters);
        let RangeNeighbours { limits, distances, ids } =
            interruptible(py, Some(&self.path), |stop| {
                self.index.range_search(queries, radius, &search_options(1, filters, options, stop))
            })?;
        Ok((I64Array::vector(limits), F32Array::vector(distances), I64Array::vector(ids)))
    }

    fn reconstruct(&self, py: Python<'_>, number: i64) -> NativeResult<F32Array> {
        let vector = release_gil(py, || self.index.reconstruct(number));
        vector.map(F32Array::vector).map_err(|error| raise(py, &error, Some(&self.path)))
    }

    fn ids(&self, py: Python<'_>) -> NativeResult<I64Array> {
        let ids = release_gil(py, || self.index.stored_ids());
        ids.map(I64Array::vector).map_err(|error| raise(py, &error, Some(&self.path)))
    }
}

/// Binds [`orpheus_search::search_rows`]. `options`: (k, metric, `n_threads`).
#[pyfunction]
pub(crate) fn search_rows(
    py: Python<'_>,
    matrix: F32View<'_>,
    queries: F32View<'_>,
    allow: Option<AllowView<'_>>,
    inverse_norms: Option<F32View<'_>>,
    options: (usize, &str, usize),
) -> NativeResult<(F32Array, I64Array)> {
    let (k, metric, n_threads) = options;
    let metric = metric.parse::<Metric>().map_err(|error| raise(py, &error, None))?;
    let (rows, queries) = (rows(py, "matrix", &matrix)?, queries.as_slice());
    let allow = AllowView::as_allow(allow.as_ref());
    let inverse_norms = inverse_norms.as_ref().map(View::as_slice);
    let found = interruptible(py, None, |stop| {
        let options = SearchOptions {
            allow,
            inverse_norms,
            n_threads,
            stop: Some(stop),
            ..SearchOptions::new(k)
        };
        orpheus_search::search_rows(rows, metric, queries, &options)
    });
    found.map(arrays)
}

/// Binds [`orpheus_search::inverse_norms_into`].
#[pyfunction]
pub(crate) fn inverse_norms(py: Python<'_>, matrix: F32View<'_>) -> NativeResult<F32Array> {
    let rows = rows(py, "matrix", &matrix)?;
    let mut inverse_norms = vec![0.0; rows.n_rows()];
    release_gil(py, || orpheus_search::inverse_norms_into(rows, &mut inverse_norms))
        .map_err(|error| raise(py, &error, None))?;
    Ok(F32Array::vector(inverse_norms))
}

/// Binds [`orpheus_search::write_flat`].
#[pyfunction]
pub(crate) fn write_flat(
    py: Python<'_>,
    path: PathBuf,
    vectors: F32View<'_>,
    ids: Option<I64View<'_>>,
    metric: &str,
) -> NativeResult<()> {
    let metric = metric.parse::<Metric>().map_err(|error| raise(py, &error, None))?;
    let rows = rows(py, "vectors", &vectors)?;
    let ids = ids.as_ref().map(View::as_slice);
    release_gil(py, || orpheus_search::write_flat(&path, rows, ids, metric))
        .map_err(|error| raise(py, &error, Some(&path)))
}

/// A [`Description`]: (kind, dim, ntotal, metric, whether trained, settings, (role, part)s).
fn described<'py>(py: Python<'py>, index: &Description) -> PyResult<Bound<'py, PyTuple>> {
    let settings = PyDict::new(py);
    for (name, value) in &index.settings {
        settings.set_item(name, value)?;
    }
    let parts = PyDict::new(py);
    for (role, part) in &index.parts {
        parts.set_item(role, described(py, part)?)?;
    }
    let Description { kind, dim, ntotal, metric, is_trained, .. } = index;
    (kind, dim, ntotal, metric.name(), is_trained, settings, parts).into_pyobject(py)
}

/// Binds [`orpheus_search::describe`].
#[pyfunction]
pub(crate) fn describe_index(py: Python<'_>, path: PathBuf) -> NativeResult<Bound<'_, PyTuple>> {
    let description = release_gil(py, || orpheus_search::describe(&path))
        .map_err(|error| raise(py, &error, Some(&path)))?;
    Ok(described(py, &description)?)
}

/// Binds [`orpheus_search::copy_index`].
#[pyfunction]
pub(crate) fn copy_index(py: Python<'_>, source: PathBuf, target: PathBuf) -> NativeResult<()> {
    release_gil(py, || orpheus_search::copy_index(&source, &target))
        .map_err(|error| raise(py, &error, Some(&source)))
}

/// Binds [`ColumnStatistics::of`]. Returns (mean, scale).
#[pyfunction]
pub(crate) fn column_statistics(
    py: Python<'_>,
    matrix: F32View<'_>,
    selected: Option<I64View<'_>>,
) -> NativeResult<(F64Array, F64Array)> {
    let rows = rows(py, "matrix", &matrix)?;
    let selected = selected.as_ref().map(View::as_slice);
    let statistics = release_gil(py, || ColumnStatistics::of(rows, selected))
        .map_err(|error| raise(py, &error, None))?;
    Ok((F64Array::vector(statistics.mean), F64Array::vector(statistics.scale)))
}

/// Binds [`orpheus_search::standardise_rows_into`].
#[pyfunction]
pub(crate) fn standardise_rows(
    py: Python<'_>,
    matrix: F32View<'_>,
    mean: View<'_, f64>,
    scale: View<'_, f64>,
) -> NativeResult<F32Array> {
    let rows = rows(py, "matrix", &matrix)?;
    let (mean, scale) = (mean.as_slice(), scale.as_slice());
    let mut standardised = vec![0.0; rows.n_rows() * rows.dim()];
    release_gil(py, || orpheus_search::standardise_rows_into(rows, mean, scale, &mut standardised))
        .map_err(|error| raise(py, &error, None))?;
    Ok(F32Array::shaped(standardised, &[rows.n_rows(), rows.dim()]))
}
