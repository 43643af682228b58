//! From samples to power spectra, mel bands and cepstra, several frames at a time.

pub(crate) mod buffer;
mod butterfly;
pub(crate) mod dct;
pub(crate) mod fft;
pub(crate) mod log;
pub(crate) mod mel;
pub(crate) mod simd;
pub(crate) mod stft;
pub(crate) mod window;
