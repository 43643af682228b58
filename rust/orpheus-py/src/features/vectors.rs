#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds the classical vector. Serves `orpheus_fast.features.vectors`.

use orpheus_features::vector::classical::{self, Layout};
use pyo3::prelude::*;

use crate::array::{F32Array, F32View};
use crate::error::NativeResult;
use crate::gil::release_gil;

/// Binds [`classical::classical_vectors`]. `windows`: C-contiguous float32 `(n_windows, n_samples)`,
/// borrowed. Returns `(n_windows, dim)`.
#[pyfunction]
pub(crate) fn classical_vectors(
    py: Python<'_>,
    windows: F32View<'_>,
    sample_rate: u32,
    layout: &str,
) -> NativeResult<F32Array> {
    let layout: Layout = layout.parse()?;
    let (n_windows, n_samples) = windows.matrix_shape("windows")?;
    let windows = windows.as_slice();
    let vectors =
        release_gil(py, || classical::classical_vectors(windows, n_samples, sample_rate, layout))?;
    Ok(F32Array::shaped(vectors, &[n_windows, layout.dim()]))
}

/// Binds [`classical::column_names`].
#[pyfunction]
pub(crate) fn classical_columns(layout: &str) -> NativeResult<Vec<String>> {
    Ok(classical::column_names(layout.parse()?))
}
