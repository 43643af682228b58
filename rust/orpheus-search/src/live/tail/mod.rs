//! Vectors that were added since the file was written, in memory.

mod block;
mod search;

use std::sync::Arc;

use block::Block;
pub(super) use search::TailFilters;

use crate::filter::Filter;

/// Bytes beyond which blocks are not joined: to copy them would make an addition wait.
const JOINED_BYTES: usize = 8 << 20;

/// The vectors, oldest first. A clone shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    pieces: Vec<Piece>,
}

/// Vectors that never change, and which of them are still there.
#[derive(Clone, Debug)]
struct Piece {
    block: Arc<Block>,
    live: Arc<Filter>,
}

impl Tail {
    /// How many vectors there are.
    pub(super) fn n(&self) -> usize {
        self.pieces.iter().map(Piece::n).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Adds vectors, back to back in `values`; none of `ids` is there.
    pub(super) fn add(&mut self, ids: Vec<i64>, values: Vec<f32>) {
        if ids.is_empty() {
            return;
        }
        self.pieces.push(Piece::new(Block::new(ids, values)));
        // As in a binary counter: each vector is copied a few times, however many come one by one.
        while let [.., older, newer] = &self.pieces[..] {
            let n_bytes = older.block.n_bytes() + newer.block.n_bytes();
            if older.n() > 2 * newer.n() || n_bytes > JOINED_BYTES {
                break;
            }
            let joined = Piece::joined(older, newer);
            self.pieces.truncate(self.pieces.len() - 2);
            self.pieces.push(joined);
        }
    }

    /// Takes the vector of `id` out; `false` if there is none.
    pub(super) fn remove(&mut self, id: i64) -> bool {
        let Some((at, row)) = self.find(id) else { return false };
        let piece = &mut self.pieces[at];
        piece.live = Arc::new(piece.live.without(row));
        if piece.n() == 0 {
            self.pieces.remove(at);
        }
        true
    }

    /// Whether there is a vector of `id`.
    pub(super) fn contains(&self, id: i64) -> bool {
        self.find(id).is_some()
    }

    /// The vector of `id`.
    pub(super) fn vector(&self, id: i64) -> Option<&[f32]> {
        self.find(id).map(|(at, row)| self.pieces[at].block.vector(row))
    }

    /// Ids and vectors, in order.
    pub(super) fn vectors(&self) -> impl Iterator<Item = (i64, &[f32])> {
        self.pieces.iter().flat_map(|piece| {
            piece.rows().map(|row| (piece.block.ids()[row], piece.block.vector(row)))
        })
    }

    /// The piece and the row of `id`.
    fn find(&self, id: i64) -> Option<(usize, usize)> {
        // The newest are asked for most.
        (0..self.pieces.len()).rev().find_map(|at| {
            let piece = &self.pieces[at];
            let row = piece.block.rows_of(id).find(|row| piece.live.contains(*row))?;
            Some((at, row))
        })
    }
}

impl Piece {
    fn new(block: Block) -> Self {
        let live = Arc::new(Filter::All(block.n()));
        Self { block: Arc::new(block), live }
    }

    /// The vectors of both that are still there.
    fn joined(older: &Self, newer: &Self) -> Self {
        let n = older.n() + newer.n();
        let mut ids = Vec::with_capacity(n);
        let mut values = Vec::with_capacity(n * older.block.dim());
        for piece in [older, newer] {
            for row in piece.rows() {
                ids.push(piece.block.ids()[row]);
                values.extend_from_slice(piece.block.vector(row));
            }
        }
        Self::new(Block::new(ids, values))
    }

    fn n(&self) -> usize {
        self.live.n_allowed()
    }

    /// Rows that are still there.
    fn rows(&self) -> impl Iterator<Item = usize> {
        (0..self.block.n()).filter(|row| self.live.contains(*row))
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::*;

    fn contents(tail: &Tail) -> Vec<(i64, f32)> {
        tail.vectors().map(|(id, vector)| (id, vector[0])).collect()
    }

    #[test]
    fn vectors_stay_in_order_through_joins_and_removals() {
        let mut tail = Tail::default();
        let mut expected = Vec::new();
        for id in 0..300i64 {
            tail.add(vec![id * 7 % 300], vec![id as f32, 1.0]);
            expected.push((id * 7 % 300, id as f32));
            if id % 3 == 0 {
                let gone = expected.remove(expected.len() / 2).0;
                let before = tail.clone();
                assert!(tail.remove(gone) && !tail.remove(gone) && !tail.contains(gone));
                assert!(before.contains(gone), "a clone keeps what it had");
            }
        }
        assert_eq!(contents(&tail), expected);
        assert_eq!(tail.n(), expected.len());
        assert!(tail.pieces.len() < 12, "{} pieces", tail.pieces.len());
        assert!(expected.iter().all(|(id, value)| tail.vector(*id).unwrap()[0] == *value));
    }

    #[test]
    fn nothing_is_left_when_all_is_removed() {
        let mut tail = Tail::default();
        tail.add(vec![4, 9], vec![1.0, 2.0]);
        assert!(tail.remove(9) && tail.remove(4));
        assert!(tail.is_empty() && tail.n() == 0);
    }

    #[test]
    fn an_id_that_was_removed_can_come_again() {
        let mut tail = Tail::default();
        tail.add(vec![4, 9], vec![1.0, 2.0]);
        tail.remove(4);
        tail.add(vec![4], vec![3.0]);
        assert_eq!(contents(&tail), [(9, 2.0), (4, 3.0)]);
    }
}
