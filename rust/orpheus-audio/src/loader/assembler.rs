//! Rows → batches of one shape.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::CheckedTap;
use super::batch::{Batch, Buffers, Ended};
use super::board::{Block, Board, make_room};
use super::feed::{Event, Row, Values};

/// Ended tracks that may wait for a batch before one without rows carries them.
const MAX_WAITING: usize = 256;

/// The batch of one tap that is not full yet.
struct Open {
    batch: Batch,
    /// The tap's rows differ in length: each is a batch of its own.
    is_ragged: bool,
    /// The batch's memory, which the workers write into, while every row is where it belongs.
    block: Option<Arc<Block>>,
    /// Batches of the tap that were handed over.
    n_emitted: u64,
    /// Rows of the tap that have come.
    n_rows: u64,
}

impl Open {
    fn new(tap: usize, checked: &CheckedTap) -> Self {
        let batch = Batch { tap, row_shape: checked.row_shape(), ..Batch::default() };
        Self { batch, is_ragged: checked.is_ragged(), block: None, n_emitted: 0, n_rows: 0 }
    }

    fn put(&mut self, values: Values, batch_size: usize) {
        let n_rows = self.batch.n_rows();
        let Some(block) = &self.block else {
            let values = values.into_own();
            make_room(&mut self.batch.values, values.len(), batch_size * values.len());
            return self.batch.values.extend_from_slice(&values);
        };
        if values.is_at(block, n_rows) {
            return;
        }
        let values = values.into_own();
        if !block.write(n_rows, &values) {
            // A row that belongs elsewhere stands there, and has yet to be fetched.
            self.batch.values = block.copy(n_rows);
            self.batch.values.extend_from_slice(&values);
            self.block = None;
        }
    }

    /// Begins the next batch and gives the one before.
    fn turn(&mut self, buffer: Option<usize>) -> Batch {
        let (tap, row_shape) = (self.batch.tap, self.batch.row_shape.clone());
        let fresh = Batch { tap, buffer, row_shape, ..Batch::default() };
        let mut batch = std::mem::replace(&mut self.batch, fresh);
        if let Some(block) = self.block.take() {
            batch.values = block.take(batch.n_rows());
        }
        self.n_emitted += 1;
        batch
    }
}

/// Collects rows until a batch is full.
pub(crate) struct Assembler {
    /// By tap.
    open: Vec<Open>,
    batch_size: usize,
    /// Where the workers put rows of this batch and those that follow.
    board: Option<Arc<Board>>,
    ended: Vec<Ended>,
    ready: VecDeque<Batch>,
    /// The row that came when its batch was full. It is put down only when the full one was taken and
    /// the next is asked for: its place may be in the caller's only buffer.
    held: Option<(usize, Row)>,
    buffers: Option<Box<dyn Buffers>>,
}

impl Assembler {
    pub(crate) fn new(taps: &[CheckedTap], batch_size: usize, board: Option<Arc<Board>>) -> Self {
        let open = taps.iter().enumerate().map(|(tap, checked)| Open::new(tap, checked)).collect();
        let (ended, ready) = (Vec::new(), VecDeque::new());
        let mut assembler =
            Self { open, batch_size, board, ended, ready, held: None, buffers: None };
        (0..taps.len()).for_each(|tap| assembler.open_block(tap));
        assembler
    }

    fn open_block(&mut self, tap: usize) {
        let open = &mut self.open[tap];
        if let (Some(board), false) = (&self.board, open.is_ragged) {
            open.block = board.block(tap, open.n_emitted);
        }
    }

    pub(crate) fn write_into(&mut self, buffers: Box<dyn Buffers>) {
        for (tap, open) in self.open.iter_mut().enumerate() {
            open.batch.buffer = Some(0);
            open.block = None;
            if let Some(board) = &self.board {
                board.hand_over(tap, u64::MAX);
            }
        }
        self.board = None;
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
                if let Some(board) = &self.board {
                    board.settle(ended.track, self.open.iter().map(|open| open.n_rows).collect());
                }
                self.ended.push(*ended);
                self.release_full();
                if self.ended.len() >= MAX_WAITING {
                    self.emit_ended();
                }
            }
        }
    }

    fn add_row(&mut self, track: usize, row: Row) {
        self.open[row.tap].n_rows += 1;
        if self.is_full(row.tap) {
            self.emit(row.tap);
            self.held = Some((track, row));
        } else {
            self.put_down(track, row);
        }
    }

    fn put_down(&mut self, track: usize, row: Row) {
        let tap = row.tap;
        let open = &mut self.open[tap];
        if let (Some(buffers), Some(buffer)) = (&mut self.buffers, open.batch.buffer) {
            buffers.write(tap, buffer, open.batch.n_rows(), &row.values.into_own());
        } else if open.is_ragged {
            open.batch.values = row.values.into_own();
            open.batch.row_shape = vec![open.batch.values.len()];
        } else {
            open.put(row.values, self.batch_size);
        }
        let batch = &mut open.batch;
        batch.track.push(track as i64);
        batch.start_seconds.push(row.start_seconds);
        batch.valid_samples.push(row.n_valid as i64);
    }

    /// Whether a batch waits only for the next event.
    pub(crate) fn has_full(&self) -> bool {
        (0..self.open.len()).any(|tap| self.is_full(tap))
    }

    fn is_full(&self, tap: usize) -> bool {
        let n_rows = self.open[tap].batch.n_rows();
        n_rows >= self.batch_size || (self.open[tap].is_ragged && n_rows > 0)
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
            if self.open[tap].batch.n_rows() > 0 {
                self.emit(tap);
            }
        }
        if !self.ended.is_empty() {
            self.emit_ended();
        }
    }

    fn emit(&mut self, tap: usize) {
        let count = self.buffers.as_ref().map_or(1, |buffers| buffers.count(tap));
        let open = &mut self.open[tap];
        let mut batch = open.turn(open.batch.buffer.map(|buffer| (buffer + 1) % count));
        if let Some(board) = &self.board {
            board.hand_over(tap, open.n_emitted);
        }
        self.open_block(tap);
        batch.ended = self.settled();
        self.ready.push_back(batch);
    }

    /// A batch without rows, so that outcomes do not wait for tracks that yield no window.
    fn emit_ended(&mut self) {
        let ended = self.settled();
        if ended.is_empty() {
            return;
        }
        let row_shape =
            self.open.first().map(|open| open.batch.row_shape.clone()).unwrap_or_default();
        self.ready.push_back(Batch { row_shape, ended, ..Batch::default() });
    }

    /// Takes out the ended tracks of which no row waits in an open batch.
    fn settled(&mut self) -> Vec<Ended> {
        let open: HashSet<i64> =
            self.open.iter().flat_map(|open| &open.batch.track).copied().collect();
        let (waiting, settled) = std::mem::take(&mut self.ended)
            .into_iter()
            .partition(|e| open.contains(&(e.track as i64)));
        self.ended = waiting;
        settled
    }
}
