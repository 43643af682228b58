//! The portable kernels: what the others are tested against.

use super::{Block, Kernels, Tier};

/// Partial sums kept apart, so that the compiler may use the vectors that every target has.
const LANES: usize = 8;

pub(super) const KERNELS: Kernels = Kernels {
    tier: Tier::Scalar,
    dot: |block, scores| each_pair(block, scores, product),
    squared_l2: |block, scores| each_pair(block, scores, squared_difference),
    each_dot: |query, rows, scores| each(query, rows, scores, product),
    each_squared_l2: |query, rows, scores| each(query, rows, scores, squared_difference),
    code_dots,
    panel: super::panels::scalar_panel,
};

/// Inner products of one vector of small integers with others. Beyond 65,536 dimensions they wrap.
#[inline(always)]
#[expect(clippy::inline_always, reason = "compiled with the instructions of its caller")]
pub(super) fn code_dots(query: &[i8], codes: &[&[i8]], dots: &mut [i32]) {
    for (codes, dot) in codes.iter().zip(dots) {
        let products = query.iter().zip(*codes).map(|(&a, &b)| i32::from(a).wrapping_mul(b.into()));
        *dot = products.fold(0, i32::wrapping_add);
    }
}

fn product(sum: f32, query: f32, value: f32) -> f32 {
    sum + query * value
}

fn squared_difference(sum: f32, query: f32, value: f32) -> f32 {
    let difference = query - value;
    sum + difference * difference
}

fn each_pair(
    block: &Block<'_>,
    scores: &mut [f32],
    accumulate: impl Fn(f32, f32, f32) -> f32 + Copy,
) {
    let n_picks = block.picks.len();
    for pick in 0..n_picks {
        let row = block.rows.row_lanes(block.picks.row(pick));
        for query in 0..block.queries.n_queries() {
            let query_lanes = bytemuck::cast_slice(block.queries.query(query));
            scores[query * n_picks + pick] = total(query_lanes, row, accumulate);
        }
    }
}

fn each(
    query: &[[u8; 4]],
    rows: &[&[[u8; 4]]],
    scores: &mut [f32],
    accumulate: impl Fn(f32, f32, f32) -> f32 + Copy,
) {
    for (row, score) in rows.iter().zip(scores) {
        assert_eq!(row.len(), query.len());
        *score = total(query, row, accumulate);
    }
}

/// Lane `i` sums the values at `i`, `i + LANES`, …; then the lanes are summed in order.
fn total(query: &[[u8; 4]], row: &[[u8; 4]], accumulate: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (query_chunks, query_tail) = query.as_chunks::<LANES>();
    let (row_chunks, row_tail) = row.as_chunks::<LANES>();
    for (query, row) in query_chunks.iter().zip(row_chunks) {
        for lane in 0..LANES {
            sums[lane] = accumulate(
                sums[lane],
                f32::from_le_bytes(query[lane]),
                f32::from_le_bytes(row[lane]),
            );
        }
    }
    for (lane, (query, row)) in query_tail.iter().zip(row_tail).enumerate() {
        sums[lane] = accumulate(sums[lane], f32::from_le_bytes(*query), f32::from_le_bytes(*row));
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_products_of_codes_are_exact_at_every_tier() {
        for dim in [1, 31, 64, 100, 513] {
            let codes: Vec<i8> = (0..20 * dim).map(|i| (i * 97 + i / 13) as u8 as i8).collect();
            let all: Vec<&[i8]> = codes.chunks(dim).collect();
            let exact = |other: &&[i8]| -> i32 {
                all[0].iter().zip(*other).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
            };
            let expected: Vec<i32> = all.iter().map(exact).collect();
            for kernels in Tier::ALL.into_iter().filter_map(Kernels::of) {
                let mut dots = vec![0; 20];
                kernels.code_dots(all[0], &all, &mut dots);
                assert_eq!(dots, expected, "{kernels:?}");
            }
        }
    }
}
