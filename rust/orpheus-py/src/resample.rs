//! Binds sample-rate conversion. Serves `orpheus_fast.audio.resampling`.

use orpheus_audio::Resampler;
use pyo3::prelude::*;

use crate::array::{F32Array, F32View};
use crate::audio::quality;
use crate::error::{NativeError, NativeResult};
use crate::gil::release_gil;

/// Binds [`Resampler`]: every row of `(n_channels, n_samples)` on its own.
#[pyfunction]
pub(crate) fn resample_rows(
    py: Python<'_>,
    samples: F32View,
    from_hz: u32,
    to_hz: u32,
    quality_name: &str,
) -> NativeResult<F32Array> {
    let (n_channels, n_samples) = samples.matrix_shape("samples")?;
    let quality = quality(quality_name)?;
    let mut resampler = Resampler::new(from_hz, to_hz, quality)
        .map_err(|error| NativeError::parameter(error.to_string()))?;
    let samples = samples.as_slice();
    let converted = release_gil(py, || {
        samples.iter().all(|sample| sample.is_finite()).then(|| {
            let n_out = resampler.n_out(n_samples as u64) as usize;
            let mut converted = Vec::with_capacity(n_channels * n_out);
            for channel in samples.chunks_exact(n_samples.max(1)) {
                resampler.process(channel, &mut converted);
                resampler.finish(&mut converted);
            }
            (converted, n_out)
        })
    });
    let Some((converted, n_out)) = converted else {
        let message = "samples holds a value that is not finite, expected finite samples";
        return Err(NativeError::parameter(message));
    };
    Ok(F32Array::shaped(converted, &[n_channels, n_out]))
}
