#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds sample-rate conversion. Serves `orpheus_fast.audio.resampling`.

use numpy::{PyArray2, PyArrayMethods};
use orpheus_audio::{Resampler, resample_into};
use pyo3::prelude::*;

use crate::array::F32View;
use crate::audio::quality;
use crate::error::{NativeError, NativeResult};
use crate::gil::release_gil;

/// How many samples come out of `n_samples`; the rates are checked on the way.
#[pyfunction]
pub(crate) fn resampled_length(n_samples: u64, from_hz: u32, to_hz: u32) -> NativeResult<u64> {
    let resampler = Resampler::new(from_hz, to_hz, orpheus_audio::Quality::High);
    let resampler = resampler.map_err(|error| NativeError::parameter(error.to_string()))?;
    Ok(resampler.n_out(n_samples))
}

/// Binds [`resample_into`]: every row of `samples` into the row of `output`, a C-contiguous array of
/// float32 that NumPy allocated, with large pages where there are any.
#[pyfunction]
pub(crate) fn resample_rows(
    py: Python<'_>,
    samples: F32View,
    output: &Bound<'_, PyArray2<f32>>,
    from_hz: u32,
    to_hz: u32,
    quality_name: &str,
) -> NativeResult<()> {
    let (n_channels, n_samples) = samples.matrix_shape("samples")?;
    let mut resampler = Resampler::new(from_hz, to_hz, quality(quality_name)?)
        .map_err(|error| NativeError::parameter(error.to_string()))?;
    let refuse = |what: &str| NativeError::shape(format!("output is {what}"));
    let mut output = output.try_readwrite().map_err(|_| refuse("borrowed or read-only"))?;
    let output = output.as_slice_mut().map_err(|_| refuse("not C-contiguous"))?;
    let n_out = resampler.n_out(n_samples as u64) as usize;
    if n_channels.checked_mul(n_out) != Some(output.len()) {
        return Err(refuse("of another length than the samples come to"));
    }
    let samples = samples.as_slice();
    let converted = release_gil(py, || {
        let outputs = output.chunks_exact_mut(n_out.max(1));
        let mut rows = samples.chunks_exact(n_samples.max(1)).zip(outputs);
        rows.try_for_each(|(samples, output)| resample_into(samples, output, &mut resampler))
    });
    converted.map_err(|error| NativeError::parameter(error.to_string()))
}
