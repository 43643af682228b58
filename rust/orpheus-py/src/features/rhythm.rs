#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds onsets, tempo and beats. Serves `orpheus_fast.features.rhythm`.

use orpheus_features::rhythm::{
    self, Aggregate, BeatParameters, OnsetParameters, TempoParameters, TempoPrior,
};
use pyo3::prelude::*;

use crate::array::{F32Array, F32View, I64Array};
use crate::error::{NativeError, NativeResult};
use crate::gil::release_gil;

/// Sample rate, frame length, hop length, number of bands, lowest and highest edge in Hz.
type BandParts = (f64, usize, usize, usize, f64, f64);
/// Lag, neighbouring bands, whether to detrend and to centre, and the name of the aggregate.
type RiseParts = (usize, usize, bool, bool, String);
/// Likeliest tempo, width in octaves, fastest tempo.
type PriorParts = (f64, f64, f64);

fn onset_parameters(bands: BandParts, rise: &RiseParts) -> NativeResult<OnsetParameters> {
    let (sample_rate, n_fft, hop_length, n_mels, fmin, fmax) = bands;
    let (lag, max_size, detrend, center, ref aggregate) = *rise;
    let aggregate = match aggregate.as_str() {
        "mean" => Aggregate::Mean,
        "median" => Aggregate::Median,
        other => {
            return Err(NativeError::parameter(format!(
                "aggregate is {other:?}, expected \"mean\" or \"median\""
            )));
        }
    };
    Ok(OnsetParameters {
        sample_rate,
        n_fft,
        hop_length,
        n_mels,
        band_hz: (fmin, fmax),
        lag,
        max_size,
        detrend,
        center,
        aggregate,
    })
}

fn prior(parts: PriorParts) -> TempoPrior {
    let (start_bpm, std_bpm, max_tempo) = parts;
    TempoPrior { start_bpm, std_bpm, max_tempo }
}

/// Binds [`rhythm::onset_strength`]. `samples`: C-contiguous float32 `(n_samples,)`, borrowed.
#[pyfunction]
pub(crate) fn onset_strength(
    py: Python<'_>,
    samples: F32View<'_>,
    bands: BandParts,
    rise: RiseParts,
) -> NativeResult<F32Array> {
    let parameters = onset_parameters(bands, &rise)?;
    let samples = samples.as_slice();
    let strength = release_gil(py, || rhythm::onset_strength(samples, &parameters))?;
    Ok(F32Array::vector(strength))
}

/// Binds [`rhythm::onset_strength_of`]. `levels` and `reference`: C-contiguous float32
/// `(n_bands, n_frames)`, borrowed.
#[pyfunction]
pub(crate) fn onset_strength_of(
    py: Python<'_>,
    levels: F32View<'_>,
    reference: Option<F32View<'_>>,
    bands: BandParts,
    rise: RiseParts,
) -> NativeResult<F32Array> {
    let parameters = onset_parameters(bands, &rise)?;
    let (_, n_frames) = levels.matrix_shape("S")?;
    let levels = levels.as_slice();
    let reference = reference.as_ref().map(F32View::as_slice);
    let strength =
        release_gil(py, || rhythm::onset_strength_of(levels, n_frames, reference, &parameters))?;
    Ok(F32Array::vector(strength))
}

/// Binds [`rhythm::tempogram`]. `strength`: C-contiguous float32 `(n_frames,)`, borrowed. Returns
/// `(n_lags, n_frames)`.
#[pyfunction]
pub(crate) fn tempogram(
    py: Python<'_>,
    strength: F32View<'_>,
    window: Vec<f64>,
    center: bool,
    norm: Option<f64>,
) -> NativeResult<F32Array> {
    let strength = strength.as_slice();
    let found = release_gil(py, || rhythm::tempogram(strength, &window, center, norm))?;
    Ok(F32Array::shaped(found.values, &[window.len(), found.n_frames]))
}

/// Binds [`rhythm::likely_tempo`]. `strength`: C-contiguous float32 `(n_frames,)`, borrowed.
#[pyfunction]
pub(crate) fn likely_tempo(
    py: Python<'_>,
    strength: F32View<'_>,
    rates: (f64, usize, f64),
    prior_parts: PriorParts,
) -> NativeResult<f64> {
    let (sample_rate, hop_length, ac_size) = rates;
    let parameters =
        TempoParameters { sample_rate, hop_length, prior: prior(prior_parts), ac_size };
    let strength = strength.as_slice();
    Ok(release_gil(py, || rhythm::likely_tempo(strength, &parameters))?)
}

/// Binds [`rhythm::estimate_tempo`]. `samples`: C-contiguous float32 `(n_samples,)`, borrowed.
/// Returns beats per minute and confidence.
#[pyfunction]
pub(crate) fn estimate_tempo(
    py: Python<'_>,
    samples: F32View<'_>,
    sample_rate: f64,
    prior_parts: PriorParts,
) -> NativeResult<(f64, f64)> {
    let samples = samples.as_slice();
    let prior = prior(prior_parts);
    let found = release_gil(py, || rhythm::estimate_tempo(samples, sample_rate, prior))?;
    Ok((found.bpm, found.confidence))
}

/// Binds [`rhythm::estimate_tempo_of`]. `strength`: C-contiguous float32 `(n_frames,)`, borrowed.
#[pyfunction]
pub(crate) fn estimate_tempo_of(
    py: Python<'_>,
    strength: F32View<'_>,
    frame_rate: f64,
    prior_parts: PriorParts,
) -> NativeResult<(f64, f64)> {
    let strength = strength.as_slice();
    let prior = prior(prior_parts);
    let found = release_gil(py, || rhythm::estimate_tempo_of(strength, frame_rate, prior))?;
    Ok((found.bpm, found.confidence))
}

/// Binds [`rhythm::track_beats`]. `strength`: C-contiguous float32 `(n_frames,)`, borrowed.
#[pyfunction]
pub(crate) fn track_beats(
    py: Python<'_>,
    strength: F32View<'_>,
    frame_rate: f64,
    bpm: f64,
    tightness: f64,
    trim: bool,
) -> NativeResult<I64Array> {
    let parameters = BeatParameters { frame_rate, bpm, tightness, trim };
    let strength = strength.as_slice();
    let beats = release_gil(py, || rhythm::track_beats(strength, &parameters))?;
    Ok(I64Array::vector(beats.into_iter().map(|beat| beat as i64).collect()))
}
