#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds what has one number per frame. Serves `orpheus_fast.features.spectral`.

use orpheus_features::framewise::{
    Bandwidth, Centroid, Contrast, Flatness, Rolloff, Signals, ZeroCrossings, rms_of_signals,
    rms_of_spectra,
};
use pyo3::prelude::*;

use super::arguments::{FloatArray, FramesArgument, SpectraArgument, precision};
use crate::array::{F32View, F64View};
use crate::error::NativeResult;
use crate::gil::release_gil;

/// Binds [`Centroid`]. `frequencies`: one per bin. Returns `(n_signals, 1, n_frames)`, as do all here
/// but [`spectral_contrast`].
#[pyfunction]
pub(crate) fn spectral_centroid(
    py: Python<'_>,
    spectra: SpectraArgument<'_>,
    frequencies: F64View<'_>,
) -> NativeResult<FloatArray> {
    let feature = Centroid { frequencies: frequencies.as_slice() };
    Ok(spectra.run(py, |spectra| feature.of(spectra))?.into())
}

/// Binds [`Bandwidth`]. `centroids`: one per frame of every signal.
#[pyfunction]
pub(crate) fn spectral_bandwidth(
    py: Python<'_>,
    spectra: SpectraArgument<'_>,
    frequencies: F64View<'_>,
    centroids: Option<F64View<'_>>,
    normalize: bool,
    p: f64,
) -> NativeResult<FloatArray> {
    let centroids = centroids.as_ref().map(F64View::as_slice);
    let feature = Bandwidth { frequencies: frequencies.as_slice(), centroids, normalize, p };
    Ok(spectra.run(py, |spectra| feature.of(spectra))?.into())
}

/// Binds [`Rolloff`].
#[pyfunction]
pub(crate) fn spectral_rolloff(
    py: Python<'_>,
    spectra: SpectraArgument<'_>,
    frequencies: F64View<'_>,
    share: f64,
) -> NativeResult<FloatArray> {
    let feature = Rolloff { frequencies: frequencies.as_slice(), share };
    Ok(spectra.run(py, |spectra| feature.of(spectra))?.into())
}

/// Binds [`Flatness`].
#[pyfunction]
pub(crate) fn spectral_flatness(
    py: Python<'_>,
    spectra: SpectraArgument<'_>,
    amin: f64,
    power: f64,
) -> NativeResult<FloatArray> {
    let feature = Flatness { amin, power };
    Ok(spectra.run(py, |spectra| feature.of(spectra))?.into())
}

/// `(sr, fmin, n_bands, quantile, linear)`.
#[derive(FromPyObject)]
pub(crate) struct ContrastArgument(f64, f64, usize, f64, bool);

/// Binds [`Contrast`]. Returns `(n_signals, n_bands + 1, n_frames)`.
#[pyfunction]
pub(crate) fn spectral_contrast(
    py: Python<'_>,
    spectra: SpectraArgument<'_>,
    frequencies: F64View<'_>,
    options: ContrastArgument,
) -> NativeResult<FloatArray> {
    let ContrastArgument(sample_rate, fmin, n_bands, quantile, linear) = options;
    let frequencies = frequencies.as_slice();
    let feature = Contrast { sample_rate, frequencies, fmin, n_bands, quantile, linear };
    Ok(spectra.run(py, |spectra| feature.of(spectra))?.into())
}

/// Binds [`rms_of_signals`]. `y`: C-contiguous float32 `(n_signals, n_samples)`, borrowed.
#[pyfunction]
pub(crate) fn rms_of_samples(
    py: Python<'_>,
    y: F32View<'_>,
    frames: FramesArgument,
    precision_name: &str,
) -> NativeResult<FloatArray> {
    let (_, n_samples) = y.matrix_shape("y")?;
    let (values, frames, precision) = (y.as_slice(), frames.build()?, precision(precision_name)?);
    let table =
        release_gil(py, || rms_of_signals(Signals::new(values, n_samples)?, frames, precision))?;
    Ok(table.into())
}

/// Binds [`rms_of_spectra`].
#[pyfunction]
pub(crate) fn rms_of_magnitudes(
    py: Python<'_>,
    spectra: SpectraArgument<'_>,
    frame_length: usize,
) -> NativeResult<FloatArray> {
    Ok(spectra.run(py, |spectra| rms_of_spectra(spectra, frame_length))?.into())
}

/// Binds [`ZeroCrossings`]. `y`: C-contiguous float32 `(n_signals, n_samples)`, borrowed.
#[pyfunction]
pub(crate) fn zero_crossing_rate(
    py: Python<'_>,
    y: F32View<'_>,
    frames: FramesArgument,
    threshold: f32,
    pad: bool,
    zero_is_positive: bool,
) -> NativeResult<FloatArray> {
    let (_, n_samples) = y.matrix_shape("y")?;
    let (values, frames) = (y.as_slice(), frames.build()?);
    let feature = ZeroCrossings { threshold, pad, zero_is_positive };
    let table = release_gil(py, || feature.of(Signals::new(values, n_samples)?, frames))?;
    Ok(table.into())
}
