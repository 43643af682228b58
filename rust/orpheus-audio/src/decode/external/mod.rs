//! What no decoder of ours reads, by a worker process that the program registers.
//!
//! The worker is shown bytes, not a path: it asks for them, and we read them through the same gate
//! as every other backend. It runs with limits of its own and may crash, hang or be killed: that
//! costs the one track it was working on.

#[cfg(unix)]
mod asf;
#[cfg(unix)]
mod dsd;
pub(crate) mod formats;
#[cfg(unix)]
mod ogg;
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod protocol;
#[cfg(unix)]
mod session;
#[cfg(unix)]
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use self::formats::{Foreign, foreign};
use super::Backend;
use super::mpeg::info_tag::audio_end;
use crate::error::{Error, Result};
use crate::guard::Guard;
use crate::limits::Limits;
use crate::sniff::skip_id3v2;
use crate::source::{Input, Source, Watch};

/// Where no fallback is registered.
const INSTALL: &str =
    "install orpheus-fast[ffmpeg] (pip install \"orpheus-fast[ffmpeg]\") or convert it to FLAC";
/// Where the fallback cannot read it either.
const CONVERT: &str = "FFmpeg cannot read it either: convert it to FLAC";

/// How to start a worker that decodes what this crate does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// The program. Its standard input is a socket; the protocol is described beside the worker that
    /// comes with `orpheus_fast`.
    pub program: PathBuf,
    /// Its arguments; the id of this process is added as the last one.
    pub arguments: Vec<OsString>,
    /// A worker that gives no samples for this long is ended, and costs its track.
    pub silence: Duration,
    /// A worker that has had no track for this long is ended.
    pub idle: Duration,
}

static FALLBACK: RwLock<Option<Arc<Fallback>>> = RwLock::new(None);

/// Registers the worker for formats that this crate does not decode, for the whole process; `None`
/// takes it back. It has an effect on Unix only.
pub fn set_fallback(fallback: Option<Fallback>) {
    let fallback = fallback.map(Arc::new);
    *FALLBACK.write().unwrap_or_else(PoisonError::into_inner) = fallback;
    #[cfg(unix)]
    pool::dismiss(Duration::ZERO);
}

fn registered() -> Option<Arc<Fallback>> {
    FALLBACK.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What a worker is shown of a file.
struct Behind {
    input: Input,
    /// Where the tags in front end.
    start: u64,
    guard: Guard,
}

/// What the registered worker says it decodes with; `None` if none is registered.
///
/// # Errors
///
/// [`Error::Worker`] if it cannot be started.
pub fn fallback_versions() -> Result<Option<String>> {
    registered().map(|fallback| versions(&fallback)).transpose()
}

/// Opens a track that our decoders have `refused`, if it is one for the fallback.
///
/// # Errors
///
/// `refused`, with advice; or what the worker says against the track.
pub(super) fn open(
    source: &Source,
    limits: &Limits,
    guard: &Guard,
    refused: Error,
) -> Result<(Box<dyn Backend>, Watch)> {
    let Error::Unsupported { what, .. } = &refused else { return Err(refused) };
    let mut input = Input::open(source, limits)?.guarded(guard.clone());
    let watch = input.watch()?;
    let start = skip_id3v2(&mut input)?;
    let mut head = [0_u8; 64];
    let n = input.read_at(start, &mut head)?;
    let Some(foreign) = foreign(&head[..n]) else { return Err(refused) };
    if foreign.may_end_with_tags() {
        // libav takes them for damage, or looks for pictures in them.
        let end = audio_end(&mut input)?;
        input.end_at(end.max(start));
    }
    let Some(fallback) = registered().filter(|_| cfg!(unix)) else {
        return Err(Error::Unsupported { what: what.clone(), advice: INSTALL });
    };
    let bytes = Behind { input, start, guard: guard.clone() };
    let backend = start_session(&fallback, foreign, bytes).map_err(|error| match error {
        // It has no name for what it cannot read.
        Error::Unsupported { what: theirs, advice } if theirs.is_empty() => {
            Error::Unsupported { what: what.clone(), advice }
        }
        error => guard.cause(error),
    })?;
    Ok((backend, watch))
}

#[cfg(unix)]
fn start_session(
    fallback: &Arc<Fallback>,
    foreign: Foreign,
    bytes: Behind,
) -> Result<Box<dyn Backend>> {
    Ok(Box::new(session::External::open(fallback, foreign, bytes)?))
}

#[cfg(not(unix))]
fn start_session(_: &Arc<Fallback>, _: Foreign, _: Behind) -> Result<Box<dyn Backend>> {
    Err(Error::Unsupported { what: String::new(), advice: CONVERT })
}

#[cfg(unix)]
fn versions(fallback: &Arc<Fallback>) -> Result<String> {
    let worker = pool::take(fallback, false, &|| Ok(()))?;
    let versions = worker.versions.clone();
    pool::give_back(worker, fallback);
    Ok(versions)
}

#[cfg(not(unix))]
fn versions(_: &Arc<Fallback>) -> Result<String> {
    Err(Error::Worker("there are no workers on this system".to_owned()))
}
