//! Onsets and tempo.

pub(crate) mod onset;
pub(crate) mod tempo;
