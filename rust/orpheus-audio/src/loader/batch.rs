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
    /// `n_rows` rows one after the other.
    pub values: Vec<f32>,
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
}

impl Assembler {
    pub(crate) fn new(taps: &[CheckedTap], batch_size: usize) -> Self {
        let shape = |tap: &CheckedTap| match &tap.front_end {
            Some(front_end) => front_end.row_shape(),
            None => vec![tap.plan.length().unwrap_or(0)],
        };
        let ragged =
            taps.iter().map(|tap| tap.front_end.is_none() && tap.plan.length().is_none()).collect();
        let open = taps
            .iter()
            .enumerate()
            .map(|(tap, checked)| Batch { tap, row_shape: shape(checked), ..Batch::default() })
            .collect();
        Self { open, batch_size, ragged, ended: Vec::new(), ready: VecDeque::new() }
    }

    pub(crate) fn pop(&mut self) -> Option<Batch> {
        self.ready.pop_front()
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
        let tap = row.tap;
        let ragged = self.ragged[tap];
        if self.is_full(tap) {
            self.emit(tap);
        }
        let batch = &mut self.open[tap];
        if batch.track.is_empty() {
            if ragged {
                batch.row_shape = vec![row.values.len()];
            } else {
                batch.values.reserve_exact(self.batch_size * row.values.len());
            }
        }
        if ragged {
            batch.values = row.values;
        } else {
            batch.values.extend_from_slice(&row.values);
        }
        batch.track.push(track as i64);
        batch.start_seconds.push(row.start_seconds);
        batch.valid_samples.push(row.n_valid as i64);
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
        let fresh = Batch { tap, row_shape, ..Batch::default() };
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
