//! Samples in, numbers out.
//!
//! [`vector::classical`] describes a window of music by 44 (or 33) numbers, equal to those of
//! librosa 0.11 within float32 rounding. [`framewise`] computes one feature at a time, frame by frame.
#![allow(
    clippy::inline_always,
    reason = "only code inlined into a tier's entry is compiled for its instructions"
)]

mod chroma;
mod error;
pub mod framewise;
pub mod front_end;
pub mod key;
pub mod loudness;
pub mod rhythm;
#[cfg(test)]
mod signals;
mod spectral;
mod spectrum;
mod temporal;
mod tuning;
pub mod vector;

pub use error::{Error, Result};
pub use spectrum::framing::Padding;
pub use spectrum::window::WindowShape;
