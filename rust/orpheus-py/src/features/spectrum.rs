#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds spectrograms and what is made of them. Serves `orpheus_fast.features.spectrum`.

use orpheus_features::framewise::{self, Decibels, Mel, Mfcc, Signals};
use pyo3::prelude::*;

use super::arguments::{FloatArray, FloatView, SpectraArgument, TransformArgument};
use crate::array::{F32View, F64Array, roomy};
use crate::error::NativeResult;
use crate::gil::release_gil;

/// Binds [`framewise::window`].
#[pyfunction]
pub(crate) fn window_values(
    name: &str,
    parameter: Option<f64>,
    length: usize,
) -> NativeResult<F64Array> {
    Ok(F64Array::vector(framewise::window(name, parameter, length)?))
}

/// Binds [`framewise::stft`]. `y`: C-contiguous float32 `(n_signals, n_samples)`, borrowed. Returns
/// `(n_signals, n_bins, 2 n_frames)`: real and imaginary parts in turn.
#[pyfunction]
pub(crate) fn stft(
    py: Python<'_>,
    y: F32View<'_>,
    transform: TransformArgument<'_>,
) -> NativeResult<FloatArray> {
    let (_, n_samples) = y.matrix_shape("y")?;
    let (values, transform) = (y.as_slice(), transform.build()?);
    let table =
        release_gil(py, || framewise::stft(Signals::new(values, n_samples)?, &transform, &roomy))?;
    Ok(table.into())
}

/// `(sr, n_fft, power, n_mels, fmin, fmax, htk, slaney_norm)`.
#[derive(FromPyObject)]
pub(crate) struct MelArgument(f64, usize, f64, usize, f64, f64, bool, bool);

impl From<MelArgument> for Mel {
    fn from(argument: MelArgument) -> Self {
        let MelArgument(sample_rate, n_fft, power, n_mels, fmin, fmax, htk, slaney_norm) = argument;
        Self { sample_rate, n_fft, power, n_mels, fmin, fmax, htk, slaney_norm }
    }
}

/// Binds [`Mel`]. Returns `(n_signals, n_mels, n_frames)`.
#[pyfunction]
pub(crate) fn mel_spectrogram(
    py: Python<'_>,
    spectra: SpectraArgument<'_>,
    mel: MelArgument,
) -> NativeResult<FloatArray> {
    let mel = Mel::from(mel);
    Ok(spectra.run(py, |spectra| mel.of(spectra))?.into())
}

/// Binds [`Mfcc`]. Returns `(n_signals, n_mfcc, n_frames)`.
#[pyfunction]
pub(crate) fn mfcc(
    py: Python<'_>,
    spectra: SpectraArgument<'_>,
    mel: MelArgument,
    n_mfcc: usize,
    ortho: bool,
    lifter: f64,
) -> NativeResult<FloatArray> {
    let mfcc = Mfcc { mel: mel.into(), n_mfcc, ortho, lifter };
    Ok(spectra.run(py, |spectra| mfcc.of(spectra))?.into())
}

/// Binds [`Decibels`]. `values`: C-contiguous, of any shape, borrowed; `squared` tells amplitudes from
/// powers. Returns the same shape.
#[pyfunction]
pub(crate) fn decibels(
    py: Python<'_>,
    values: FloatView<'_>,
    reference: f64,
    amin: f64,
    top_db: Option<f64>,
    squared: bool,
) -> NativeResult<FloatArray> {
    let options = Decibels { reference, amin, top_db };
    let samples = values.samples();
    let levels = release_gil(py, || options.of(samples, squared, &roomy))?;
    Ok(FloatArray::shaped(levels, values.shape()))
}
