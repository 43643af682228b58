//! Binds `orpheus-features`. Serves `orpheus_fast.features`, file by file.

mod arguments;
pub(crate) mod chroma;
pub(crate) mod front_ends;
pub(crate) mod key;
pub(crate) mod loudness;
pub(crate) mod rhythm;
pub(crate) mod spectral;
pub(crate) mod spectrum;
pub(crate) mod vectors;

use crate::error::NativeError;

impl From<orpheus_features::Error> for NativeError {
    fn from(error: orpheus_features::Error) -> Self {
        match error {
            orpheus_features::Error::OutOfMemory { .. } => Self::memory(error.to_string()),
            _ => Self::parameter(error.to_string()),
        }
    }
}
