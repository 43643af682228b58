#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds the classical and the sound vector. Serves `orpheus_fast.features.vectors`.

use orpheus_features::vector::classical::{self, Layout};
use orpheus_features::vector::sound::{self, Sound};
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

/// Binds [`sound::sound_vectors`]. `windows`: C-contiguous float32 `(n_windows, n_samples)`, borrowed.
/// Returns `(n_windows, dim)`.
#[pyfunction]
pub(crate) fn sound_vectors(py: Python<'_>, windows: F32View<'_>) -> NativeResult<F32Array> {
    let (n_windows, n_samples) = windows.matrix_shape("windows")?;
    let windows = windows.as_slice();
    let vectors = release_gil(py, || sound::sound_vectors(windows, n_samples))?;
    Ok(F32Array::shaped(vectors, &[n_windows, sound::DIM]))
}

/// Binds [`Sound::statistics`]. `samples`: C-contiguous float32 `(n_samples,)`, borrowed.
#[pyfunction]
pub(crate) fn sound_statistics(py: Python<'_>, samples: F32View<'_>) -> NativeResult<F32Array> {
    let samples = samples.as_slice();
    let statistics = release_gil(py, || {
        let sound = Sound::shared()?;
        sound.statistics(samples, &mut sound.workspace())
    })?;
    Ok(F32Array::vector(statistics))
}

/// Binds [`sound::families`]: name, statistics, values and weight of each.
#[pyfunction]
pub(crate) fn sound_families() -> Vec<(&'static str, usize, usize, f32)> {
    sound::families()
}

/// Binds the constants of [`sound`]: sample rate, dimension and revision.
#[pyfunction]
pub(crate) fn sound_space() -> (u32, usize, &'static str) {
    (sound::SAMPLE_RATE, sound::DIM, sound::REVISION)
}
