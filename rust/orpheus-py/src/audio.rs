//! Binds decoding and the loader. Serves `orpheus_fast.audio`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use orpheus_audio::loader::{Batch, Buffers, Ended, LoaderOptions, Next, Tap};
use orpheus_audio::{
    DecodeOptions, Error, Limits, Loader, Outcome, Placement, Quality, SharedBytes, Source,
    TrackInfo, WindowPolicy, decode_with,
};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::array::{F32Array, F32Target, F64Array, I64Array, roomy};
use crate::error::{NativeError, NativeResult};
use crate::front_end::front_end;
use crate::gil::release_gil;

/// How long a wait goes on before signals are looked at: Ctrl-C is answered within this.
const PATIENCE: Duration = Duration::from_millis(50);

/// (whether it is a path, the path or the file).
pub(crate) type SourceParts = (bool, PyBackedBytes);
/// (status, kind, message, `seconds_sound`, `seconds_lost`).
type OutcomeParts = (&'static str, &'static str, String, f64, f64);
/// (container, codec, `sample_rate`, `n_channels`, `n_samples`).
type InfoParts = (&'static str, String, u32, usize, Option<u64>);
/// (`sample_rate`, placement, `window_seconds`, `hop_seconds`, `pad_threshold`, `max_windows`, front end).
type TapParts = (u32, String, f64, f64, f64, Option<usize>, Option<String>);
/// (track, what it says about itself, how it ended).
type EndedParts = (usize, Option<InfoParts>, OutcomeParts);
/// (tap, buffer, rows, track, `start_seconds`, `valid_samples`, ended).
type BatchParts = (usize, Option<usize>, F32Array, I64Array, F64Array, I64Array, Vec<EndedParts>);
/// (`max_bytes`, `max_seconds`, `max_decoded_samples`, `max_cpu_seconds`).
type LimitParts = (u64, f64, u64, f64);
/// (`start_seconds`, `duration_seconds`).
type StretchParts = (f64, Option<f64>);

/// Raises `error` as Python knows it; `path` becomes the `filename` of the system's failures.
pub(crate) fn raise(py: Python<'_>, error: &Error, source: &Source) -> NativeError {
    match error {
        Error::Io(inner) => {
            let filename = match source {
                Source::Path(path) => path.as_os_str().into_pyobject(py).ok().map(Bound::into_any),
                Source::Bytes(_) => None,
            };
            NativeError::os(inner, filename)
        }
        Error::Parameter { .. } => NativeError::parameter(error.to_string()),
        _ => {
            let class = match error {
                Error::Unsupported { .. } => "UnsupportedFormatError",
                Error::Limit { .. } => "LimitError",
                _ => "DecodeError",
            };
            let message = match source {
                Source::Path(path) => format!("{}: {error}", path.display()),
                Source::Bytes(bytes) => format!("{} bytes in memory: {error}", bytes.len()),
            };
            NativeError::named(class, (message, error.kind()))
        }
    }
}

fn outcome_parts(outcome: Outcome) -> OutcomeParts {
    let Outcome { status, kind, message, seconds_sound, seconds_lost } = outcome;
    (status.name(), kind, message, seconds_sound, seconds_lost)
}

fn info_parts(info: TrackInfo) -> InfoParts {
    (info.container, info.codec, info.sample_rate, info.n_channels, info.n_samples)
}

pub(crate) fn quality(name: &str) -> NativeResult<Quality> {
    match name {
        "high" => Ok(Quality::High),
        "best" => Ok(Quality::Best),
        _ => Err(NativeError::parameter(format!(
            "quality is {name:?}, expected \"high\" or \"best\""
        ))),
    }
}

fn limits(parts: LimitParts) -> Limits {
    let (max_bytes, max_seconds, max_decoded_samples, max_cpu_seconds) = parts;
    let default = Limits::default();
    Limits { max_bytes, max_seconds, max_decoded_samples, max_cpu_seconds, ..default }
}

#[cfg(unix)]
fn path_from(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_from(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

/// The bytes are a path as the file system spells it, or, without `is_path`, the file itself, which
/// is read where Python keeps it.
pub(crate) fn source((is_path, bytes): SourceParts) -> Source {
    if is_path { Source::Path(path_from(&bytes)) } else { Source::Bytes(SharedBytes::new(bytes)) }
}

/// Binds [`orpheus_audio::decode`]. Returns the samples `(n_channels, n_samples)`, their rate, what
/// the track says about itself, and its outcome.
#[pyfunction]
pub(crate) fn decode_track(
    py: Python<'_>,
    track: SourceParts,
    stretch: StretchParts,
    shape: (Option<u32>, bool, String),
    limit_parts: LimitParts,
) -> NativeResult<(F32Array, u32, InfoParts, OutcomeParts)> {
    let source = source(track);
    let (start_seconds, duration_seconds) = stretch;
    let (sample_rate, mono, quality_name) = shape;
    let options = DecodeOptions {
        sample_rate,
        mono,
        start_seconds,
        duration_seconds,
        quality: quality(&quality_name)?,
        limits: limits(limit_parts),
    };
    let decoded = release_gil(py, || decode_with(&source, &options, &roomy));
    let (signal, info, outcome) = decoded.map_err(|error| raise(py, &error, &source))?;
    let (rate, shape) = (signal.sample_rate(), [signal.n_channels(), signal.n_samples()]);
    let samples = F32Array::shaped(signal.into_samples(), &shape);
    Ok((samples, rate, info_parts(info), outcome_parts(outcome)))
}

fn tap(parts: TapParts) -> NativeResult<Tap> {
    let (sample_rate, placement, window_seconds, hop_seconds, pad_threshold, max_windows, name) =
        parts;
    let placement = match placement.as_str() {
        "whole" => Placement::Whole,
        "center" => Placement::Center,
        "evenly" => Placement::Evenly,
        "every" => Placement::Every,
        other => {
            return Err(NativeError::parameter(format!(
                "placement is {other:?}, expected \"whole\", \"center\", \"evenly\" or \"every\""
            )));
        }
    };
    let policy =
        WindowPolicy { placement, window_seconds, hop_seconds, pad_threshold, max_windows };
    let front_end = name.map(|name| front_end(&name, sample_rate, &policy)).transpose()?;
    Ok(Tap { sample_rate, policy, front_end })
}

/// Binds [`Loader`].
#[pyclass(frozen, module = "orpheus_fast._native")]
pub(crate) struct TrackLoader {
    /// Where the loader's threads live. In a process that was forked from it, the lock may be held by
    /// a thread that is not there, and what it guards may be half changed: neither is touched.
    process: u32,
    loader: Mutex<Option<Loader>>,
    /// It is being closed: who waits for a batch holds the lock most of the time and would take it again.
    closing: AtomicBool,
}

impl TrackLoader {
    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }

    /// Does `work` with the loader; without one if it was closed, or this is a forked process.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Option<&mut Loader>) -> T + Send,
    ) -> T {
        release_gil(py, || {
            if self.is_forked() || self.closing.load(Ordering::Acquire) {
                return work(None);
            }
            work(self.loader.lock().unwrap_or_else(PoisonError::into_inner).as_mut())
        })
    }
}

impl Drop for TrackLoader {
    fn drop(&mut self) {
        if self.is_forked() {
            let loader = self.loader.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(loader.take());
            return;
        }
        let loader = self.loader.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // Its threads are waited for: the others go on meanwhile.
        Python::attach(|py| release_gil(py, || drop(loader)));
    }
}

#[pymethods]
impl TrackLoader {
    /// With `out`, batches are written into these arrays: for each tap, some of shape
    /// `(batch_size, ...)` that are filled in turn.
    #[new]
    fn new(
        taps: Vec<TapParts>,
        options: (usize, usize, bool, String),
        limit_parts: LimitParts,
        out: Option<Vec<Vec<F32Target>>>,
    ) -> NativeResult<Self> {
        let taps = taps.into_iter().map(tap).collect::<NativeResult<Vec<_>>>()?;
        let (n_threads, batch_size, ordered, quality_name) = options;
        let options = LoaderOptions {
            n_threads,
            batch_size,
            ordered,
            quality: quality(&quality_name)?,
            limits: limits(limit_parts),
        };
        let refuse = |error: Error| NativeError::parameter(error.to_string());
        let mut loader = Loader::open(taps, options).map_err(refuse)?;
        if let Some(targets) = out {
            check_targets(&loader, &targets, batch_size)?;
            loader.write_into(Box::new(Targets(targets))).map_err(refuse)?;
        }
        let (process, closing) = (std::process::id(), AtomicBool::new(false));
        Ok(Self { process, loader: Mutex::new(Some(loader)), closing })
    }

    /// Adds a track to the list.
    fn push(&self, py: Python<'_>, parts: SourceParts) {
        self.with(py, |loader| loader.map(|loader| loader.push(source(parts))));
    }

    /// Adds a track whose bytes could not be read, for which `message` says why.
    fn push_failed(&self, py: Python<'_>, message: String) {
        let error = Error::from(std::io::Error::other(message));
        self.with(py, |loader| loader.map(|loader| loader.push_failed(error)));
    }

    /// No more tracks will follow.
    fn seal(&self, py: Python<'_>) {
        self.with(py, |loader| loader.map(Loader::seal));
    }

    /// How many tracks may be pushed now.
    fn appetite(&self, py: Python<'_>) -> usize {
        self.with(py, |loader| loader.map_or(0, |loader| loader.appetite()))
    }

    /// Whether that was all, and the next batch; neither if none is ready and the workers want more
    /// tracks. Signals are answered while it waits.
    fn next_batch(&self, py: Python<'_>) -> NativeResult<(bool, Option<BatchParts>)> {
        loop {
            let next = if self.is_forked() {
                Err(Error::Forked)
            } else {
                let next = |loader: &mut Loader| loader.next(PATIENCE);
                self.with(py, |loader| loader.map_or(Ok(Next::End), next))
            };
            match next {
                Ok(Next::Batch(batch)) => return Ok((false, Some(batch_parts(batch)))),
                Ok(Next::End) => return Ok((true, None)),
                Ok(Next::Hungry) => return Ok((false, None)),
                Ok(Next::Pending) => py.check_signals()?,
                Err(error) => {
                    let parts = (error.to_string(), error.kind());
                    return Err(NativeError::named("DecodeError", parts));
                }
            }
        }
    }

    /// Stops the workers and waits for them. A forked process has none.
    fn close(&self, py: Python<'_>) {
        if self.is_forked() {
            return;
        }
        release_gil(py, || {
            self.closing.store(true, Ordering::Release);
            let loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(loader);
        });
    }

    /// Thread seconds in (decoding, front ends, waiting for the consumer).
    fn stage_seconds(&self, py: Python<'_>) -> (f64, f64, f64) {
        let seconds = self.with(py, |loader| loader.map(|loader| loader.stage_seconds()));
        let seconds = seconds.unwrap_or_default();
        (seconds.decode, seconds.front_end, seconds.blocked)
    }
}

/// Arrays of the caller, by tap.
struct Targets(Vec<Vec<F32Target>>);

impl Buffers for Targets {
    fn write(&mut self, tap: usize, buffer: usize, row: usize, values: &[f32]) {
        self.0[tap][buffer].write(row * values.len(), values);
    }

    fn count(&self, tap: usize) -> usize {
        self.0[tap].len()
    }
}

fn check_targets(
    loader: &Loader,
    targets: &[Vec<F32Target>],
    batch_size: usize,
) -> NativeResult<()> {
    for (tap, arrays) in targets.iter().enumerate() {
        let Some(row_shape) = loader.row_shape(tap) else { break };
        let wanted: Vec<usize> = [batch_size].into_iter().chain(row_shape).collect();
        if arrays.is_empty() {
            return Err(NativeError::shape(format!(
                "out holds no array for tap {tap}, expected at least one of shape {wanted:?}"
            )));
        }
        if let Some(other) = arrays.iter().find(|array| array.shape() != wanted) {
            let shape = other.shape();
            return Err(NativeError::shape(format!(
                "out has shape {shape:?}, expected {wanted:?}"
            )));
        }
    }
    let mut ranges: Vec<_> = targets.iter().flatten().map(F32Target::addresses).collect();
    ranges.sort_unstable_by_key(|range| range.start);
    if ranges.windows(2).any(|pair| pair[0].end > pair[1].start) {
        return Err(NativeError::shape("out holds arrays that share memory".to_owned()));
    }
    Ok(())
}

fn batch_parts(batch: Batch) -> BatchParts {
    let mut shape = vec![if batch.buffer.is_some() { 0 } else { batch.n_rows() }];
    shape.extend(&batch.row_shape);
    let ended = batch
        .ended
        .into_iter()
        .map(|Ended { track, info, outcome }| (track, info.map(info_parts), outcome_parts(outcome)))
        .collect();
    (
        batch.tap,
        batch.buffer,
        F32Array::shaped(batch.values, &shape),
        I64Array::vector(batch.track),
        F64Array::vector(batch.start_seconds),
        I64Array::vector(batch.valid_samples),
        ended,
    )
}
