//! Onsets and tempo.

mod autocorrelation;
pub(crate) mod onset;
pub(crate) mod tempo;
