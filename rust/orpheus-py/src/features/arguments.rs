//! What the bindings of frame-by-frame features take and give.

use orpheus_features::framewise::{
    Frames, Padding, Precision, Samples, Signals, Spectra, Table, Transform, Values,
};
use orpheus_features::{Error, Result};
use pyo3::prelude::*;

use crate::array::{F32Array, F32View, F64Array, F64View};
use crate::error::{NativeError, NativeResult};
use crate::gil::release_gil;

/// float32 or float64, borrowed.
#[derive(FromPyObject)]
pub(crate) enum FloatView<'py> {
    /// The fast path.
    #[pyo3(transparent)]
    F32(F32View<'py>),
    /// The reference.
    #[pyo3(transparent)]
    F64(F64View<'py>),
}

impl FloatView<'_> {
    pub(crate) fn samples(&self) -> Samples<'_> {
        match self {
            Self::F32(view) => Samples::F32(view.as_slice()),
            Self::F64(view) => Samples::F64(view.as_slice()),
        }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::F32(view) => view.shape(),
            Self::F64(view) => view.shape(),
        }
    }
}

/// float32 or float64 on its way out.
#[derive(IntoPyObject)]
pub(crate) enum FloatArray {
    /// The fast path.
    #[pyo3(transparent)]
    F32(F32Array),
    /// The reference.
    #[pyo3(transparent)]
    F64(F64Array),
}

impl FloatArray {
    pub(crate) fn shaped(values: Values, shape: &[usize]) -> Self {
        match values {
            Values::F32(values) => Self::F32(F32Array::shaped(values, shape)),
            Values::F64(values) => Self::F64(F64Array::shaped(values, shape)),
        }
    }
}

impl From<Table> for FloatArray {
    fn from(table: Table) -> Self {
        Self::shaped(table.values, &table.shape)
    }
}

/// Refused by the name that the parameter has in Python.
fn padding(pad_mode: Option<&str>) -> Result<Padding> {
    Ok(match pad_mode {
        None => Padding::None,
        Some("constant") => Padding::Constant,
        Some("edge") => Padding::Edge,
        Some("reflect") => Padding::Reflect,
        Some(other) => {
            return Err(Error::Parameter {
                name: "pad_mode",
                given: format!("{other:?}"),
                expected: "\"constant\", \"edge\" or \"reflect\"".to_owned(),
            });
        }
    })
}

/// By its name in Python.
pub(crate) fn precision(name: &str) -> Result<Precision> {
    match name {
        "fast" => Ok(Precision::Fast),
        "reference" => Ok(Precision::Reference),
        _ => Err(Error::Parameter {
            name: "precision",
            given: format!("{name:?}"),
            expected: "\"fast\" or \"reference\"".to_owned(),
        }),
    }
}

/// `(n_fft, hop_length, window, pad_mode, precision)`; frames that are not centred have no pad mode.
#[derive(FromPyObject)]
pub(crate) struct TransformArgument<'py>(usize, usize, F64View<'py>, Option<String>, String);

impl TransformArgument<'_> {
    pub(crate) fn build(&self) -> Result<Transform> {
        let Self(n_fft, hop_length, window, pad_mode, name) = self;
        let padding = padding(pad_mode.as_deref())?;
        Transform::new(*n_fft, *hop_length, window.as_slice(), padding, precision(name)?)
    }
}

/// `(frame_length, hop_length, pad_mode)`.
#[derive(FromPyObject)]
pub(crate) struct FramesArgument(usize, usize, Option<String>);

impl FramesArgument {
    pub(crate) fn build(&self) -> Result<Frames> {
        Frames::new(self.0, self.1, padding(self.2.as_deref())?)
    }
}

/// Signals `(n_signals, n_samples)` with how to transform them, or spectrograms
/// `(n_signals, n_bins, n_frames)`.
#[derive(FromPyObject)]
pub(crate) enum SpectraArgument<'py> {
    /// From samples.
    Signals(F32View<'py>, TransformArgument<'py>),
    /// As they are.
    #[pyo3(transparent)]
    Given(FloatView<'py>),
}

impl SpectraArgument<'_> {
    /// Computes without the GIL.
    pub(crate) fn run<T: Send>(
        &self,
        py: Python<'_>,
        compute: impl FnOnce(&Spectra<'_>) -> Result<T> + Send,
    ) -> NativeResult<T> {
        match self {
            Self::Signals(signals, transform) => {
                let (_, n_samples) = signals.matrix_shape("y")?;
                let (values, transform) = (signals.as_slice(), transform.build()?);
                Ok(release_gil(py, || {
                    let signals = Signals::new(values, n_samples)?;
                    compute(&Spectra::of_signals(signals, &transform))
                })?)
            }
            Self::Given(spectrograms) => {
                let [_, n_bins, n_frames] = *spectrograms.shape() else {
                    let shape = spectrograms.shape();
                    return Err(NativeError::shape(format!(
                        "S has shape {shape:?}, expected three dimensions"
                    )));
                };
                let values = spectrograms.samples();
                Ok(release_gil(py, || compute(&Spectra::given(values, n_bins, n_frames)?))?)
            }
        }
    }
}
