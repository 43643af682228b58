//! What a loader hands over.

use crate::decode::TrackInfo;
use crate::outcome::Outcome;

/// A track that has ended: its rows were handed over in this batch or before.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Index in the list of sources.
    pub track: usize,
    /// What the track said about itself, where it could be opened.
    pub info: Option<TrackInfo>,
    /// How it ended. The rows of a failed track must not be used.
    pub outcome: Outcome,
}

/// Rows of one tap, and the tracks that have ended.
#[derive(Debug, Default)]
pub struct Batch {
    /// Index in the list of taps.
    pub tap: usize,
    /// `n_rows` rows one after the other; empty if they went into a buffer of the caller.
    pub values: Vec<f32>,
    /// Which of the caller's buffers of this tap the rows went into.
    pub buffer: Option<usize>,
    /// Shape of one row.
    pub row_shape: Vec<usize>,
    /// Index of each row's track in the list of sources.
    pub track: Vec<i64>,
    /// Where each row's window starts in its track.
    pub start_seconds: Vec<f64>,
    /// Samples of each row's window that come from the track; the rest is padding.
    pub valid_samples: Vec<i64>,
    /// Tracks whose last row is in this batch or an earlier one.
    pub ended: Vec<Ended>,
}

impl Batch {
    /// How many rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.track.len()
    }
}

/// Memory of the caller that batches are written into: for each tap, some buffers that are filled in
/// turn, each with room for a full batch.
///
/// Nothing is written between the hand-over of a batch and the next call of [`Loader::next`], so with `n`
/// buffers a batch is whole until `n - 1` more of its tap were taken and the next is asked for.
///
/// [`Loader::next`]: super::Loader::next
pub trait Buffers: Send {
    /// Puts `values` into row `row` of a buffer.
    fn write(&mut self, tap: usize, buffer: usize, row: usize, values: &[f32]);
    /// How many buffers a tap has, at least 1.
    fn count(&self, tap: usize) -> usize;
}
