//! Windows → the rows of one track.

use std::cell::Cell;

use super::board::{Board, Placed};
use super::feed::{Row, Values};
use super::{CheckedTap, FrontEndWorker};
use crate::error::{Error, Result};
use crate::window::Cut;

/// Where the rows of one track belong.
pub(crate) struct Places<'a> {
    /// `None` if nobody knows before they come.
    board: Option<&'a Board>,
    track: usize,
    /// By tap.
    n_made: Vec<Cell<u64>>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(board: Option<&'a Board>, track: usize, n_taps: usize) -> Self {
        Self { board, track, n_made: vec![Cell::new(0); n_taps] }
    }

    /// The track will have so many rows, by tap.
    pub(crate) fn expect(&self, n_rows: impl FnOnce() -> Vec<u64>) {
        if let Some(board) = self.board {
            board.expect(self.track, n_rows());
        }
    }

    /// Puts the next row of a tap where it belongs, if that is known.
    fn place(&self, tap: usize, values: &[f32]) -> Option<Placed> {
        let n_made = &self.n_made[tap];
        let i = n_made.replace(n_made.get() + 1);
        self.board?.place(self.track, tap, i, values)
    }
}

/// Makes rows of one tap's windows.
pub(crate) struct RowMaker {
    tap: usize,
    sample_rate: u32,
    /// With the row that it works on.
    front_end: Option<(Box<dyn FrontEndWorker>, Vec<f32>)>,
}

impl RowMaker {
    pub(crate) fn new(tap: usize, checked: &CheckedTap) -> Self {
        let front_end = checked.front_end.as_ref().map(|front_end| {
            let n_values = front_end.row_shape().iter().product();
            (front_end.worker(), vec![0.0; n_values])
        });
        Self { tap, sample_rate: checked.sample_rate, front_end }
    }

    pub(crate) fn make(&mut self, cut: Cut<'_>, places: &Places<'_>) -> Result<Row> {
        let start_seconds = cut.start() as f64 / f64::from(self.sample_rate);
        let n_valid = cut.n_valid();
        let values = match &mut self.front_end {
            None => match places.place(self.tap, cut.window().samples) {
                Some(placed) => Values::Placed(placed),
                None => Values::Own(cut.into_samples()),
            },
            Some((worker, row)) => {
                row.fill(0.0);
                worker.compute(cut.window(), row).map_err(Error::Damaged)?;
                match places.place(self.tap, row) {
                    Some(placed) => Values::Placed(placed),
                    None => Values::Own(row.clone()),
                }
            }
        };
        Ok(Row { tap: self.tap, values, start_seconds, n_valid })
    }
}

/// Values of rows that are kept at most, by worker: 16 MiB.
const MOST_KEPT: usize = 4 << 20;

/// Rows that were placed by a length that has yet to prove right.
pub(crate) struct Kept {
    /// `None` if they grew too many: decoding the track again is better than the memory.
    pub(crate) rows: Option<Vec<Row>>,
    n_values: usize,
}

impl Kept {
    pub(crate) fn new() -> Self {
        Self { rows: Some(Vec::new()), n_values: 0 }
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.n_values += row.values.len();
        match &mut self.rows {
            Some(rows) if self.n_values <= MOST_KEPT => rows.push(row),
            rows => *rows = None,
        }
    }
}
