//! Batches that the workers write into themselves.
//!
//! Tracks are decoded side by side, but their rows stand in the order of the list. How many rows a track
//! will have is known when it is opened, from the length that it promises: so is the place of every row,
//! before its turn has come. It is only a guess. Whoever puts the batches together looks at each row
//! that comes, and where a guess was wrong, copies.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Memory of one batch.
#[derive(Debug)]
pub(crate) struct Block {
    row_length: usize,
    rows: Mutex<Rows>,
}

#[derive(Debug)]
struct Rows {
    n_most: usize,
    values: Vec<f32>,
    /// By row, as far as any was written, whether it was: once is all.
    written: Vec<bool>,
}

/// A row in its place.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) block: Arc<Block>,
    pub(crate) row: usize,
}

impl Placed {
    pub(crate) fn values(&self) -> Vec<f32> {
        let rows = lock(&self.block.rows);
        let start = self.row * self.block.row_length;
        rows.values[start..start + self.block.row_length].to_vec()
    }
}

impl Block {
    fn new(batch_size: usize, row_length: usize) -> Self {
        let rows = Rows { n_most: batch_size, values: Vec::new(), written: Vec::new() };
        Self { row_length, rows: Mutex::new(rows) }
    }

    pub(crate) fn row_length(&self) -> usize {
        self.row_length
    }

    /// Puts a row in its place; `false` if the place is taken or there is none.
    pub(crate) fn write(&self, row: usize, values: &[f32]) -> bool {
        let mut rows = lock(&self.rows);
        let rows = &mut *rows;
        let is_written = rows.written.get(row).is_some_and(|&written| written);
        if row >= rows.n_most || is_written || values.len() != self.row_length {
            return false;
        }
        rows.written.resize(rows.written.len().max(row + 1), false);
        rows.written[row] = true;
        let (start, n_held) = (row * self.row_length, rows.values.len());
        if start < n_held {
            rows.values[start..start + values.len()].copy_from_slice(values);
        } else {
            let n_more = start + values.len() - n_held;
            make_room(&mut rows.values, n_more, rows.n_most * self.row_length);
            rows.values.resize(start, 0.0);
            rows.values.extend_from_slice(values);
        }
        true
    }

    /// The first rows.
    pub(crate) fn copy(&self, n_rows: usize) -> Vec<f32> {
        lock(&self.rows).values[..n_rows * self.row_length].to_vec()
    }

    /// Takes out the first rows; nothing is written after.
    pub(crate) fn take(&self, n_rows: usize) -> Vec<f32> {
        let mut rows = lock(&self.rows);
        rows.n_most = 0;
        let mut values = std::mem::take(&mut rows.values);
        values.truncate(n_rows * self.row_length);
        values
    }
}

/// Where the rows of all tracks belong, as far as can be told.
#[derive(Debug)]
pub(crate) struct Board {
    batch_size: usize,
    /// By tap.
    row_lengths: Vec<usize>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// By track, for each tap: how many rows come before its first.
    before: BTreeMap<usize, Vec<u64>>,
    /// By track, for each tap: how many rows it is expected to have.
    expected: BTreeMap<usize, Vec<u64>>,
    /// By tap and number of the batch.
    blocks: HashMap<(usize, u64), Arc<Block>>,
    /// By tap: batches that were handed over.
    n_done: Vec<u64>,
}

impl Board {
    pub(crate) fn new(batch_size: usize, row_lengths: Vec<usize>) -> Self {
        let none = vec![0; row_lengths.len()];
        let state = State {
            before: BTreeMap::from([(0, none.clone())]),
            expected: BTreeMap::new(),
            blocks: HashMap::new(),
            n_done: none,
        };
        Self { batch_size, row_lengths, state: Mutex::new(state) }
    }

    /// A track will have so many rows, by tap.
    pub(crate) fn expect(&self, track: usize, n_rows: Vec<u64>) {
        let mut state = lock(&self.state);
        state.expected.insert(track, n_rows);
        state.follow(track);
    }

    /// A track has ended, and so many rows of each tap were its or came before.
    pub(crate) fn settle(&self, track: usize, n_rows: Vec<u64>) {
        let mut state = lock(&self.state);
        state.before = state.before.split_off(&(track + 1));
        state.expected = state.expected.split_off(&(track + 1));
        state.before.insert(track + 1, n_rows);
        state.follow(track + 1);
    }

    /// Puts row number `i` of a track where it belongs, if that is known and free.
    pub(crate) fn place(&self, track: usize, tap: usize, i: u64, values: &[f32]) -> Option<Placed> {
        let batch_size = self.batch_size as u64;
        let (block, row) = {
            let state = lock(&self.state);
            let at = state.before.get(&track)?.get(tap)?.checked_add(i)?;
            let block = self.block_of(state, tap, at / batch_size)?;
            (block, (at % batch_size) as usize)
        };
        block.write(row, values).then_some(Placed { block, row })
    }

    /// The memory of a batch that was not handed over yet.
    pub(crate) fn block(&self, tap: usize, batch: u64) -> Option<Arc<Block>> {
        self.block_of(lock(&self.state), tap, batch)
    }

    fn block_of(
        &self,
        mut state: MutexGuard<'_, State>,
        tap: usize,
        batch: u64,
    ) -> Option<Arc<Block>> {
        if batch < *state.n_done.get(tap)? {
            return None;
        }
        let new = || Arc::new(Block::new(self.batch_size, self.row_lengths[tap]));
        Some(state.blocks.entry((tap, batch)).or_insert_with(new).clone())
    }

    /// The batches of a tap before this one were handed over.
    pub(crate) fn hand_over(&self, tap: usize, n_done: u64) {
        let mut state = lock(&self.state);
        state.blocks.retain(|&(of, batch), _| of != tap || batch >= n_done);
        state.n_done[tap] = n_done;
    }
}

impl State {
    /// Tells the tracks behind `track` how many rows come before theirs.
    fn follow(&mut self, mut track: usize) {
        while let (Some(before), Some(n_rows)) =
            (self.before.get(&track), self.expected.get(&track))
        {
            let sums = before.iter().zip(n_rows).map(|(before, n)| before.saturating_add(*n));
            let sums = sums.collect();
            track += 1;
            self.before.insert(track, sums);
        }
    }
}

/// Values of a batch up to which it gets its memory at once: 64 MiB.
const AT_ONCE: usize = 16 << 20;

/// Makes room for more values of a batch that may come to hold `n_most`: all at once, so that what is
/// there need not be moved, unless that is more than a short list of tracks may ever fill.
pub(crate) fn make_room(values: &mut Vec<f32>, n_more: usize, n_most: usize) {
    let (n_held, n_needed) = (values.len(), values.len() + n_more);
    if values.capacity() < n_needed {
        let n_most = if n_most <= AT_ONCE { n_most } else { n_most.min(2 * n_needed) };
        values.reserve_exact(n_most.max(n_needed) - n_held);
    }
}

/// Nothing that a panic could leave half done is guarded: rows count only once their event has come.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_track_behind_stand_where_the_promise_of_those_before_puts_them() {
        let board = Board::new(4, vec![2]);
        assert!(board.place(1, 0, 0, &[5.0, 5.0]).is_none());
        board.expect(0, vec![3]);
        board.expect(1, vec![9]);
        let behind = board.place(1, 0, 0, &[5.0, 6.0]).unwrap();
        assert_eq!((behind.row, behind.values()), (3, vec![5.0, 6.0]));
        let next = board.place(1, 0, 1, &[7.0, 8.0]).unwrap();
        assert_eq!(next.row, 0);
        for i in 0..3 {
            let own = board.place(0, 0, i, &[i as f32, 0.5]).unwrap();
            assert!(Arc::ptr_eq(&own.block, &behind.block));
        }
        assert_eq!(behind.block.take(4), [0.0, 0.5, 1.0, 0.5, 2.0, 0.5, 5.0, 6.0]);
    }

    #[test]
    fn a_place_is_given_once_and_not_after_the_batch() {
        let board = Board::new(2, vec![1]);
        assert!(board.place(0, 0, 0, &[1.0]).is_some());
        assert!(board.place(0, 0, 0, &[2.0]).is_none());
        assert!(board.place(0, 0, 1, &[2.0, 3.0]).is_none(), "a row of another length");
        let block = board.block(0, 0).unwrap();
        assert_eq!(block.take(1), [1.0]);
        assert!(!block.write(1, &[4.0]));
        board.hand_over(0, 1);
        assert!(board.block(0, 0).is_none() && board.place(0, 0, 1, &[4.0]).is_none());
    }

    #[test]
    fn what_a_track_had_counts_more_than_what_it_promised() {
        let board = Board::new(4, vec![1]);
        board.expect(0, vec![3]);
        board.expect(1, vec![2]);
        assert_eq!(board.place(2, 0, 0, &[1.0]).unwrap().row, 1);
        board.settle(0, vec![1]);
        assert_eq!(board.place(2, 0, 1, &[1.0]).unwrap().row, 0);
        assert_eq!(board.place(1, 0, 1, &[1.0]).unwrap().row, 2);
        board.settle(1, vec![2]);
        assert!(board.place(1, 0, 2, &[1.0]).is_none(), "it has ended");
    }
}
