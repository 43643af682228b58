//! Rows → batches of one shape.

use std::collections::{HashSet, VecDeque};

use super::CheckedTap;
use super::feed::{Event, Row};
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

/// Ended tracks that may wait for a batch before one without rows carries them.
const MAX_WAITING: usize = 256;

/// Collects rows until a batch is full.
pub(crate) struct Assembler {
    open: Vec<Batch>,
    batch_size: usize,
    /// Taps whose rows differ in length: each row is a batch of its own.
    ragged: Vec<bool>,
    ended: Vec<Ended>,
    ready: VecDeque<Batch>,
    /// The row that came when its batch was full. It is put down only when the full one was taken and
    /// the next is asked for: its place may be in the caller's only buffer.
    held: Option<(usize, Row)>,
    buffers: Option<Box<dyn Buffers>>,
}

impl Assembler {
    pub(crate) fn new(taps: &[CheckedTap], batch_size: usize) -> Self {
        let ragged = taps.iter().map(CheckedTap::is_ragged).collect();
        let open = taps
            .iter()
            .enumerate()
            .map(|(tap, checked)| Batch { tap, row_shape: checked.row_shape(), ..Batch::default() })
            .collect();
        let (ended, ready) = (Vec::new(), VecDeque::new());
        Self { open, batch_size, ragged, ended, ready, held: None, buffers: None }
    }

    pub(crate) fn write_into(&mut self, buffers: Box<dyn Buffers>) {
        for batch in &mut self.open {
            batch.buffer = Some(0);
        }
        self.buffers = Some(buffers);
    }

    /// The next batch that is ready. Without one, all that were are taken.
    pub(crate) fn pop(&mut self) -> Option<Batch> {
        let batch = self.ready.pop_front();
        if batch.is_none()
            && let Some((track, row)) = self.held.take()
        {
            self.put_down(track, row);
        }
        batch
    }

    pub(crate) fn add(&mut self, track: usize, event: Event) {
        match event {
            Event::Row(row) => self.add_row(track, row),
            Event::Ended(ended) => {
                self.ended.push(*ended);
                self.release_full();
                if self.ended.len() >= MAX_WAITING {
                    self.emit_ended();
                }
            }
        }
    }

    fn add_row(&mut self, track: usize, row: Row) {
        if self.is_full(row.tap) {
            self.emit(row.tap);
            self.held = Some((track, row));
        } else {
            self.put_down(track, row);
        }
    }

    fn put_down(&mut self, track: usize, row: Row) {
        let tap = row.tap;
        let ragged = self.ragged[tap];
        let batch = &mut self.open[tap];
        if let (Some(buffers), Some(buffer)) = (&mut self.buffers, batch.buffer) {
            buffers.write(tap, buffer, batch.track.len(), &row.values);
        } else if ragged {
            batch.row_shape = vec![row.values.len()];
            batch.values = row.values;
        } else {
            if batch.track.is_empty() {
                batch.values.reserve_exact(self.batch_size * row.values.len());
            }
            batch.values.extend_from_slice(&row.values);
        }
        batch.track.push(track as i64);
        batch.start_seconds.push(row.start_seconds);
        batch.valid_samples.push(row.n_valid as i64);
    }

    /// Whether a batch waits only for the next event.
    pub(crate) fn has_full(&self) -> bool {
        (0..self.open.len()).any(|tap| self.is_full(tap))
    }

    fn is_full(&self, tap: usize) -> bool {
        let n_rows = self.open[tap].track.len();
        n_rows >= self.batch_size || (self.ragged[tap] && n_rows > 0)
    }

    /// Hands over full batches. They wait for the next event, because it may be the end of the
    /// track whose row was the last: its outcome then needs no batch of its own.
    pub(crate) fn release_full(&mut self) {
        for tap in 0..self.open.len() {
            if self.is_full(tap) {
                self.emit(tap);
            }
        }
    }

    /// Every track has ended: hands over what is left.
    pub(crate) fn flush(&mut self) {
        for tap in 0..self.open.len() {
            if !self.open[tap].track.is_empty() {
                self.emit(tap);
            }
        }
        if !self.ended.is_empty() {
            self.emit_ended();
        }
    }

    fn emit(&mut self, tap: usize) {
        let row_shape = self.open[tap].row_shape.clone();
        let count = self.buffers.as_ref().map_or(1, |buffers| buffers.count(tap));
        let buffer = self.open[tap].buffer.map(|buffer| (buffer + 1) % count);
        let fresh = Batch { tap, buffer, row_shape, ..Batch::default() };
        let mut batch = std::mem::replace(&mut self.open[tap], fresh);
        batch.ended = self.settled();
        self.ready.push_back(batch);
    }

    /// A batch without rows, so that outcomes do not wait for tracks that yield no window.
    fn emit_ended(&mut self) {
        let ended = self.settled();
        if ended.is_empty() {
            return;
        }
        let row_shape = self.open.first().map(|batch| batch.row_shape.clone()).unwrap_or_default();
        self.ready.push_back(Batch { row_shape, ended, ..Batch::default() });
    }

    /// Takes out the ended tracks of which no row waits in an open batch.
    fn settled(&mut self) -> Vec<Ended> {
        let open: HashSet<i64> = self.open.iter().flat_map(|batch| &batch.track).copied().collect();
        let (waiting, settled) = std::mem::take(&mut self.ended)
            .into_iter()
            .partition(|e| open.contains(&(e.track as i64)));
        self.ended = waiting;
        settled
    }
}
