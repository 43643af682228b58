//! The portable kernels: what the others are tested against.

use super::{Block, Kernels, Tier};

/// Partial sums kept apart, so that the compiler may use the vectors that every target has.
const LANES: usize = 8;

pub(super) const KERNELS: Kernels = Kernels {
    tier: Tier::Scalar,
    dot: |block, scores| each_pair(block, scores, |sum, query, value| sum + query * value),
    squared_l2: |block, scores| {
        each_pair(block, scores, |sum, query, value| {
            let difference = query - value;
            sum + difference * difference
        });
    },
};

fn each_pair(
    block: &Block<'_>,
    scores: &mut [f32],
    accumulate: impl Fn(f32, f32, f32) -> f32 + Copy,
) {
    let n_picks = block.picks.len();
    for pick in 0..n_picks {
        let row = block.rows.row_lanes(block.picks.row(pick));
        for query in 0..block.queries.n_queries() {
            scores[query * n_picks + pick] = total(block.queries.query(query), row, accumulate);
        }
    }
}

/// Lane `i` sums the values at `i`, `i + LANES`, …; then the lanes are summed in order.
fn total(query: &[f32], row: &[[u8; 4]], accumulate: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (query_chunks, query_tail) = query.as_chunks::<LANES>();
    let (row_chunks, row_tail) = row.as_chunks::<LANES>();
    for (query, row) in query_chunks.iter().zip(row_chunks) {
        for lane in 0..LANES {
            sums[lane] = accumulate(sums[lane], query[lane], f32::from_le_bytes(row[lane]));
        }
    }
    for (lane, (query, row)) in query_tail.iter().zip(row_tail).enumerate() {
        sums[lane] = accumulate(sums[lane], *query, f32::from_le_bytes(*row));
    }
    sums.iter().sum()
}
