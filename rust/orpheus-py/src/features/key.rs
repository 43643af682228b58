#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds the key. Serves `orpheus_fast.features.key`.

use orpheus_features::key;
use pyo3::prelude::*;

use crate::array::F32View;
use crate::error::NativeResult;
use crate::gil::release_gil;

/// The key's number, the correlations of all keys, the chroma, the tuning in cents.
type KeyParts = (Option<usize>, [f64; key::N_KEYS], [f64; 12], f64);

/// Binds [`key::key`]. `samples`: C-contiguous float32 `(n_samples,)`, borrowed.
#[pyfunction]
pub(crate) fn estimate_key(
    py: Python<'_>,
    samples: F32View<'_>,
    sample_rate: u32,
) -> NativeResult<KeyParts> {
    let samples = samples.as_slice();
    let found = release_gil(py, || key::key(samples, sample_rate))?;
    Ok((found.best, found.correlations, found.chroma, found.tuning_cents))
}
