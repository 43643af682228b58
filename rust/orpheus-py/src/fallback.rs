//! Binds the registration of the decoder outside. Serves `orpheus_fast.audio.fallback`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use orpheus_audio::Fallback;
use pyo3::prelude::*;

use crate::error::{NativeError, NativeResult};
use crate::gil::release_gil;

/// (program, arguments, `silence_seconds`, `idle_seconds`).
type WorkerParts = (PathBuf, Vec<OsString>, f64, f64);

/// Binds [`orpheus_audio::set_fallback`].
#[pyfunction]
pub(crate) fn set_fallback(worker: Option<WorkerParts>) -> NativeResult<()> {
    let seconds = |name: &str, value: f64| {
        Duration::try_from_secs_f64(value).ok().filter(|value| !value.is_zero()).ok_or_else(|| {
            NativeError::parameter(format!("{name} is {value}, expected a number above 0"))
        })
    };
    let fallback = worker
        .map(|(program, arguments, silence, idle)| {
            let silence = seconds("silence_seconds", silence)?;
            let idle = seconds("idle_seconds", idle)?;
            NativeResult::Ok(Fallback { program, arguments, silence, idle })
        })
        .transpose()?;
    orpheus_audio::set_fallback(fallback);
    Ok(())
}

/// Binds [`orpheus_audio::fallback_versions`]: starts a worker if none waits.
#[pyfunction]
pub(crate) fn fallback_versions(py: Python<'_>) -> NativeResult<Option<String>> {
    release_gil(py, orpheus_audio::fallback_versions)
        .map_err(|error| NativeError::named("DecodeError", (error.to_string(), error.kind())))
}
