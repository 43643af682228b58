#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds loudness. Serves `orpheus_fast.features.loudness`.

use orpheus_features::loudness;
use pyo3::prelude::*;

use crate::array::F32View;
use crate::error::NativeResult;
use crate::gil::release_gil;

/// Integrated loudness, range, momentary and short-term maxima, true peak, sample peak.
type LoudnessParts = (f64, f64, f64, f64, f64, f64);

/// Binds [`loudness::loudness`]. `samples`: C-contiguous float32 `(n_channels, n_samples)`,
/// borrowed.
#[pyfunction]
pub(crate) fn measure_loudness(
    py: Python<'_>,
    samples: F32View<'_>,
    sample_rate: u32,
    weights: Option<Vec<f64>>,
) -> NativeResult<LoudnessParts> {
    let (n_channels, n_samples) = samples.matrix_shape("y")?;
    let weights = match weights {
        Some(weights) => weights,
        None => loudness::channel_weights(n_channels)?.to_vec(),
    };
    if weights.len() != n_channels && n_samples > 0 {
        let given = weights.len();
        return Err(crate::error::NativeError::shape(format!(
            "channel_weights has {given} values, expected {n_channels}: one per channel of y"
        )));
    }
    let samples = samples.as_slice();
    let found = release_gil(py, || loudness::loudness(samples, sample_rate, &weights))?;
    Ok((
        found.integrated_lufs,
        found.range_lu,
        found.momentary_max_lufs,
        found.short_term_max_lufs,
        found.true_peak_dbtp,
        found.sample_peak_dbfs,
    ))
}
