#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds pitch classes and tuning. Serves `orpheus_fast.features.chroma`.

use orpheus_features::framewise::{Chroma, ChromaNorm, Tuning};
use pyo3::prelude::*;

use super::arguments::{FloatArray, SpectraArgument};
use crate::error::NativeResult;

/// `(sr, n_fft, n_chroma, tuning, ctroct, octwidth, base_c, norm)`.
#[derive(FromPyObject)]
pub(crate) struct ChromaArgument(
    f64,
    usize,
    usize,
    Option<f64>,
    f64,
    Option<f64>,
    bool,
    Option<f64>,
);

/// Binds [`Chroma`]. Returns `(n_signals, n_chroma, n_frames)`.
#[pyfunction]
pub(crate) fn chroma(
    py: Python<'_>,
    spectra: SpectraArgument<'_>,
    options: ChromaArgument,
) -> NativeResult<FloatArray> {
    let ChromaArgument(
        sample_rate,
        n_fft,
        n_chroma,
        tuning,
        centre_octave,
        octave_width,
        starts_at_c,
        norm,
    ) = options;
    let norm = match norm {
        None => ChromaNorm::None,
        Some(f64::INFINITY) => ChromaNorm::Largest,
        Some(exponent) => ChromaNorm::Exponent(exponent),
    };
    let feature = Chroma {
        sample_rate,
        n_fft,
        n_chroma,
        tuning,
        centre_octave,
        octave_width,
        starts_at_c,
        norm,
    };
    Ok(spectra.run(py, |spectra| feature.of(spectra))?.into())
}

/// `(sr, n_fft, bins_per_octave, resolution, fmin, fmax, threshold)`.
#[derive(FromPyObject)]
pub(crate) struct TuningArgument(f64, usize, usize, f64, f64, f64, f64);

/// Binds [`Tuning`].
#[pyfunction]
pub(crate) fn estimate_tuning(
    py: Python<'_>,
    spectra: SpectraArgument<'_>,
    options: TuningArgument,
) -> NativeResult<f64> {
    let TuningArgument(sample_rate, n_fft, bins_per_octave, resolution, fmin, fmax, threshold) =
        options;
    let feature = Tuning { sample_rate, n_fft, bins_per_octave, resolution, fmin, fmax, threshold };
    spectra.run(py, |spectra| feature.of(spectra))
}
