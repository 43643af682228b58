#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
//! Binds the model front ends. Serves `orpheus_fast.features.front_ends`.

use orpheus_features::front_end::{ClapPadding, FrontEnd, Model, Precision};
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

use crate::array::{F32Array, F32View, I64View};
use crate::error::{NativeError, NativeResult};
use crate::gil::release_gil;

/// (name of the model, padding of CLAP's clips, whether in float64).
type FrontEndParts = (String, String, bool);

/// Binds [`FrontEnd`]. `windows`: C-contiguous float32 `(n_windows, n_samples)`, borrowed;
/// `valid_samples`: int64 `(n_windows,)`, or none if all are. Returns `(n_windows, ...)`.
#[pyfunction]
pub(crate) fn front_end_rows(
    py: Python<'_>,
    windows: F32View<'_>,
    valid_samples: Option<I64View<'_>>,
    sample_rate: u32,
    parts: FrontEndParts,
) -> NativeResult<F32Array> {
    let (name, padding, is_exact) = parts;
    let (n_windows, n_samples) = windows.matrix_shape("samples")?;
    let model = model(&name, &padding, sample_rate)?;
    let precision = if is_exact { Precision::Reference } else { Precision::Fast };
    let valid_samples = valid_samples.as_ref().map(I64View::as_slice);
    if let Some(counts) = valid_samples
        && counts.len() != n_windows
    {
        return Err(NativeError::shape(format!(
            "valid_samples has {} values, expected {n_windows}, one per window",
            counts.len()
        )));
    }
    let windows = windows.as_slice();
    let front_end = FrontEnd::shared(model, n_samples, precision)?;
    let rows = release_gil(py, || fill(&front_end, windows, n_samples, valid_samples))?;
    let shape: Vec<usize> =
        std::iter::once(n_windows).chain(front_end.row_shape().iter().copied()).collect();
    Ok(F32Array::shaped(rows, &shape))
}

/// A row for each window.
fn fill(
    front_end: &FrontEnd,
    windows: &[f32],
    n_samples: usize,
    valid_samples: Option<&[i64]>,
) -> NativeResult<Vec<f32>> {
    let mut workspace = front_end.workspace();
    let n_values = front_end.n_values();
    let mut rows = Vec::new();
    // A row may be far larger than its window.
    rows.try_reserve_exact((windows.len() / n_samples).saturating_mul(n_values))
        .map_err(|error| NativeError::from(PyMemoryError::new_err(error.to_string())))?;
    for (index, window) in windows.chunks_exact(n_samples).enumerate() {
        let start = rows.len();
        rows.resize(start + n_values, 0.0);
        let n_valid = valid_samples.map_or(Some(n_samples), |counts| {
            usize::try_from(counts[index]).ok().filter(|n_valid| *n_valid <= n_samples)
        });
        let Some(n_valid) = n_valid else {
            return Err(NativeError::parameter(format!(
                "valid_samples holds a value that is not 1 to {n_samples}"
            )));
        };
        front_end
            .compute_into(&window[..n_valid], &mut workspace, &mut rows[start..])
            .map_err(|error| error.moved_by(index * n_samples))?;
    }
    Ok(rows)
}

/// The model called `name`, if it takes windows at `sample_rate`.
pub(crate) fn model(name: &str, padding: &str, sample_rate: u32) -> NativeResult<Model> {
    let Some(model) = Model::named(name, padding.parse::<ClapPadding>()?) else {
        return Err(NativeError::parameter(format!(
            "front_end is {name:?}, expected one of {NAMES}"
        )));
    };
    match model.sample_rate().filter(|wanted| *wanted != sample_rate) {
        None => Ok(model),
        Some(wanted) => Err(NativeError::parameter(format!(
            "sample_rate is {sample_rate} Hz, expected {wanted} for front end {name:?}"
        ))),
    }
}

/// What [`model`] knows, for messages.
const NAMES: &str = "\"sound\", \"classical_chroma12\", \"classical_chroma_mean\", \"clap\", \"clap_fused\", \
                     \"wav2vec2\", \"yamnet\", \"vggish\" or \"panns\"";
