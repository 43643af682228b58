//! How a track ended. Every track that was looked at has an outcome.

use crate::error::Error;

/// Right, partly right, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Every sample that the file promises was decoded.
    Ok,
    /// Some of it is sound, some is lost or was mended.
    Partial,
    /// Nothing usable.
    Failed,
}

impl Status {
    /// `ok`, `partial` or `failed`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// How a track ended, how much of it is sound, and why not all.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Right, partly right, or not at all.
    pub status: Status,
    /// Stable name of the reason; empty when all is well. See [`Error::kind`].
    pub kind: &'static str,
    /// One line for people; empty when all is well.
    pub message: String,
    /// Seconds that were decoded as the file promises.
    pub seconds_sound: f64,
    /// Seconds that are missing or were replaced.
    pub seconds_lost: f64,
}

impl Outcome {
    pub(crate) fn ok(seconds: f64) -> Self {
        Self {
            status: Status::Ok,
            kind: "",
            message: String::new(),
            seconds_sound: seconds,
            seconds_lost: 0.0,
        }
    }

    pub(crate) fn partial(message: String, seconds_sound: f64, seconds_lost: f64) -> Self {
        Self { status: Status::Partial, kind: "damaged", message, seconds_sound, seconds_lost }
    }

    /// A track of which nothing can be used.
    #[must_use]
    pub fn failed(error: &Error) -> Self {
        Self {
            status: Status::Failed,
            kind: error.kind(),
            message: error.to_string(),
            seconds_sound: 0.0,
            seconds_lost: 0.0,
        }
    }
}
