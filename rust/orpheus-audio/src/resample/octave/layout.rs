//! Where the transforms keep what: the order of rows and frequencies.
//!
//! A block of `N` samples is a matrix of `N / LANES` rows, each one vector. Its columns are transformed
//! in place, by passes that leave the rows in digit-reversed order; what is left to do within the rows
//! is done on squares of `LANES` rows, transposed. No pass ever sorts.

/// Digits of the row number, most significant first: the radices of the passes over the columns of
/// the long block. Those of the short block, half as long, are the same but for the last one, which
/// is [`LAST_SHORT`].
pub(super) fn radices(lanes: usize) -> &'static [usize] {
    match lanes {
        16 => &[4, 4, LAST_LONG],
        8 => &[8, 4, LAST_LONG],
        4 => &[8, 8, LAST_LONG],
        _ => &[8, 4, 4, LAST_LONG],
    }
}

/// Last radix of the long block.
pub(super) const LAST_LONG: usize = 8;

/// Last radix of the short block.
pub(super) const LAST_SHORT: usize = LAST_LONG / 2;

/// Samples in the long block: the two radix lists fit this one for every number of lanes.
pub(super) const LONG: usize = 2048;

/// Samples in the short block.
pub(super) const SHORT: usize = LONG / 2;

/// The row of the long block that holds frequency `k` (for `upper` 0) or `k + n_short_rows` (for
/// `upper` 1), if `row` is the row of the short block that holds `k`.
#[inline(always)]
pub(super) fn long_row(row: usize, upper: usize) -> usize {
    row / LAST_SHORT * LAST_LONG + row % LAST_SHORT + LAST_SHORT * upper
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::fourier::frequency;

    #[test]
    fn radices_multiply_to_the_number_of_rows() {
        for lanes in [2, 4, 8, 16] {
            assert_eq!(radices(lanes).iter().product::<usize>() * lanes, LONG);
        }
    }

    #[test]
    fn long_rows_hold_the_frequency_of_their_short_row_and_the_one_half_way_up() {
        for lanes in [2, 4, 8, 16] {
            let [n_long, n_short] = [LONG / lanes, SHORT / lanes];
            let long = radices(lanes);
            let short = long[..long.len() - 1].iter().copied().chain([LAST_SHORT]);
            for row in 0..n_short {
                let k = frequency(short.clone(), n_short, row);
                for upper in [0, 1] {
                    let there = frequency(long.iter().copied(), n_long, long_row(row, upper));
                    assert_eq!(there, k + upper * n_short);
                }
            }
        }
    }
}
