//! The crate's one error type.

/// What `Result` means in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a feature could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The signal has no samples.
    #[error("the signal holds no samples, at least one is needed")]
    Empty,
    /// A sample is NaN or infinite.
    #[error("sample {index} is not finite, every sample must be a number")]
    NotFinite {
        /// Position of the first such sample.
        index: usize,
    },
    /// A sample is so far beyond full scale (±1.0) that its power spectrum would overflow.
    #[error(
        "sample {index} is {value:e}, samples must lie within ±{limit:e} (full scale is ±1.0)",
        limit = crate::temporal::MAX_AMPLITUDE
    )]
    TooLoud {
        /// Position of the first such sample.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// The sample rate is outside what the features are defined for.
    #[error(
        "sample_rate is {given} Hz, expected {min} to {max}",
        min = crate::vector::classical::MIN_SAMPLE_RATE,
        max = crate::vector::classical::MAX_SAMPLE_RATE
    )]
    SampleRate {
        /// The rate that was asked for, in Hz.
        given: u32,
    },
    /// The buffer for the result does not have as many places as the vector has values.
    #[error("the output holds {given} values, the vector has {expected}")]
    OutputLength {
        /// Length of the caller's buffer.
        given: usize,
        /// Length of the vector.
        expected: usize,
    },
    /// The signal is shorter than a frame, and frames do not reach beyond its ends.
    #[error(
        "the signal holds {n_samples} samples, a frame that is not centred needs {frame_length}"
    )]
    TooShort {
        /// Samples of the signal.
        n_samples: usize,
        /// Samples of a frame.
        frame_length: usize,
    },
    /// A parameter is outside what a transform or a feature is defined for.
    #[error("{name} is {given}, expected {expected}")]
    Parameter {
        /// As the caller spells it.
        name: &'static str,
        /// What was asked for.
        given: String,
        /// What would do.
        expected: String,
    },
    /// A spectrogram that was handed in holds a value that cannot be worked with.
    #[error("value {index} of S is {value}, expected {expected}")]
    Spectrogram {
        /// Position of the first such value, in C order.
        index: usize,
        /// The value.
        value: f64,
        /// Values that would do.
        expected: &'static str,
    },
    /// The result is larger than the memory that can be had.
    #[error("the result holds {n_values} numbers, more than there is memory for")]
    OutOfMemory {
        /// Values of the result.
        n_values: usize,
    },
    /// No layout has that name.
    #[error("unknown layout {given:?}, expected \"chroma12\" or \"chroma_mean\"")]
    UnknownLayout {
        /// The name that was asked for.
        given: String,
    },
}

impl Error {
    /// [`Error::Parameter`].
    #[expect(clippy::needless_pass_by_value, reason = "numbers and fresh strings are handed over")]
    pub(crate) fn parameter(
        name: &'static str,
        given: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Self::Parameter { name, given: given.to_string(), expected: expected.into() }
    }

    /// The same error in a signal that begins `n_samples` earlier.
    #[must_use]
    pub fn moved_by(self, n_samples: usize) -> Self {
        match self {
            Self::NotFinite { index } => Self::NotFinite { index: index + n_samples },
            Self::TooLoud { index, value } => Self::TooLoud { index: index + n_samples, value },
            other => other,
        }
    }
}
