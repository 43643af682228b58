//! From samples to power spectra, mel bands and cepstra, several frames at a time.

pub(crate) mod buffer;
mod butterfly;
pub(crate) mod check;
pub(crate) mod dct;
pub(crate) mod fft;
mod frame_fft;
pub(crate) mod framing;
pub(crate) mod lane_fft;
pub(crate) mod log;
pub(crate) mod mel;
pub(crate) mod simd;
pub(crate) mod stft;
mod tilt;
pub(crate) mod window;
