//! Bytes in, samples out.
//!
//! [`decode`] turns one track into a [`Signal`]; [`Loader`] turns many into batches of windows on
//! worker threads, in memory that does not grow with the length of the tracks or of the list.
//! Every track ends with an [`Outcome`]: nothing is skipped in silence.

mod decode;
mod error;
mod guard;
mod limits;
pub mod loader;
mod outcome;
mod resample;
mod signal;
mod sniff;
mod source;
mod tags;
mod tier;
mod wall;
mod window;

pub use decode::external::{Fallback, fallback_versions, set_fallback};
pub use decode::{DecodeOptions, Decoder, TrackInfo, decode, decode_with};
pub use error::{Error, Result};
pub use limits::Limits;
pub use loader::Loader;
pub use outcome::{Outcome, Status};
pub use resample::{Fan, Quality, Resampler, resample, resample_into};
pub use signal::Signal;
pub use source::{SharedBytes, Source};
pub use tags::{MusicBrainz, ReplayGain, Tags, read_tags};
pub use window::{Placement, Window, WindowPlan, WindowPolicy};
