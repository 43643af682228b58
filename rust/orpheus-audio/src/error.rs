//! The crate's one error.

use std::io;
use std::sync::Arc;

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Advice for what no decoder here reads.
pub(crate) const CONVERT: &str = "convert it to FLAC, WAV, MP3, Ogg Vorbis or M4A";

/// Why a track could not be decoded, or a request could not be met.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument has a value that cannot be worked with.
    #[error("{name} is {given}, expected {expected}")]
    Parameter {
        /// The argument, as the caller spells it.
        name: &'static str,
        /// Its value.
        given: String,
        /// What would do.
        expected: String,
    },
    /// The operating system refused.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// The path names something that is not a regular file: a folder, a pipe, a device.
    #[error("{0}, expected a regular file")]
    NotAFile(&'static str),
    /// The bytes are not audio.
    #[error("not audio: {0}")]
    NotAudio(String),
    /// The bytes are audio that no decoder here reads.
    #[error("unsupported {what}; {advice}")]
    Unsupported {
        /// Container or codec.
        what: String,
        /// What the user can do.
        advice: &'static str,
    },
    /// The stream contradicts its own format; nothing sound could be decoded.
    #[error("damaged: {0}")]
    Damaged(String),
    /// A well-formed file that holds no samples.
    #[error("holds no audio samples")]
    Empty,
    /// A stretch was asked for that begins where the track has ended.
    #[error("holds no audio from {start_seconds} s on: it is {seconds:.3} s long")]
    PastEnd {
        /// Where the stretch begins.
        start_seconds: f64,
        /// How long the track is.
        seconds: f64,
    },
    /// The track exceeds a limit.
    #[error("{what} is {given}, the limit is {limit}")]
    Limit {
        /// The quantity.
        what: &'static str,
        /// Its value in this track.
        given: String,
        /// The most that is allowed.
        limit: String,
    },
    /// The file was modified while it was being read.
    #[error("the file changed while it was being read")]
    Changed,
    /// A decoder broke one of its own rules; the wall around it held.
    #[error("decoder fault: {0}")]
    Panic(String),
    /// The process that was decoding the track in our stead failed; only this track is lost.
    #[error("decoding worker {0}")]
    Worker(String),
    /// A loader was used in a process that was forked from the one it works in.
    #[error(
        "this loader's threads live in the process that it was forked from; make a new one after the fork"
    )]
    Forked,
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// Stable name of the reason, as stored in a library and shown by reports.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Parameter { .. } => "parameter",
            Self::Io(_) => "io",
            Self::NotAFile(_) => "not_a_file",
            Self::NotAudio(_) => "not_audio",
            Self::Unsupported { .. } => "unsupported",
            Self::Damaged(_) => "damaged",
            Self::Empty | Self::PastEnd { .. } => "empty",
            Self::Limit { .. } => "limit",
            Self::Changed => "changed",
            Self::Panic(_) => "panic",
            Self::Worker(_) => "worker",
            Self::Forked => "forked",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn damaged(message: impl Into<String>) -> Self {
        Self::Damaged(message.into())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        // Readers pass ours through the system's type.
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            Some(ours) => ours.clone(),
            None => Self::Io(Arc::new(error)),
        }
    }
}
