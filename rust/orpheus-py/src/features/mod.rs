//! Binds `orpheus-features`. Serves `orpheus_fast.features`, file by file.

pub(crate) mod front_ends;
pub(crate) mod vectors;

use crate::error::NativeError;

impl From<orpheus_features::Error> for NativeError {
    fn from(error: orpheus_features::Error) -> Self {
        Self::parameter(error.to_string())
    }
}
