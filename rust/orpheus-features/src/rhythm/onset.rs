//! How suddenly the spectrum rises at each frame.

use crate::spectrum::mel::N_MELS;
use crate::spectrum::simd::{Real, Simd};

/// Frames by which onsets are moved later: one for taking a difference, two for the half frame of
/// padding that centres the frames.
const SHIFT: usize = 3;

/// Half of the bands.
const HALF: usize = N_MELS / 2;

/// Comparisons that sort [`HALF`] values, by Batcher's merge exchange (Knuth, The Art of Computer
/// Programming 3, 5.2.2 M).
const COMPARISONS: [(u8, u8); 543] = comparisons();

const fn comparisons() -> [(u8, u8); 543] {
    let mut pairs = [(0, 0); 543];
    let mut n_pairs = 0;
    let mut p = HALF / 2;
    while p > 0 {
        let (mut q, mut r, mut d) = (HALF / 2, 0, p);
        loop {
            let mut i = 0;
            while i + d < HALF {
                if i & p == r {
                    pairs[n_pairs] = (i as u8, (i + d) as u8);
                    n_pairs += 1;
                }
                i += 1;
            }
            if q == p {
                break;
            }
            (d, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
    assert!(n_pairs == pairs.len());
    pairs
}

/// Median over the bands, `rises` holding one vector per band; disorders them.
///
/// The mean of the two middle ones. Both halves are sorted; then the lower 64 of all 128 are the
/// pairwise minima of one half and the other reversed.
#[inline(always)]
pub(crate) fn median<S: Simd>(simd: S, rises: &mut [S::V; N_MELS]) -> S::V {
    let (low, high) = rises.split_at_mut(HALF);
    sort(simd, low);
    sort(simd, high);
    let (mut below, mut above) =
        (simd.min(low[0], high[HALF - 1]), simd.max(low[0], high[HALF - 1]));
    for (a, b) in low.iter().zip(high.iter().rev()) {
        below = simd.max(below, simd.min(*a, *b));
        above = simd.min(above, simd.max(*a, *b));
    }
    simd.mul(simd.splat(S::Real::from_f64(0.5)), simd.add(below, above))
}

/// Sorts [`HALF`] vectors, lane by lane.
#[inline(always)]
fn sort<S: Simd>(simd: S, values: &mut [S::V]) {
    let Some(values) = values.first_chunk_mut::<HALF>() else { return };
    for (i, j) in COMPARISONS {
        let (i, j) = (usize::from(i) % HALF, usize::from(j) % HALF);
        let (a, b) = (values[i], values[j]);
        values[i] = simd.min(a, b);
        values[j] = simd.max(a, b);
    }
}

/// Onset strength of every frame, from the rise of each over the one before; `rises[0]` does not count.
pub(crate) fn align<R: Real>(rises: &[R], strength: &mut [f64]) {
    strength.fill(0.0);
    for (place, rise) in strength.iter_mut().skip(SHIFT).zip(rises.iter().skip(1)) {
        *place = rise.to_f64();
    }
}

#[cfg(test)]
mod tests {
    use super::{COMPARISONS, HALF};

    #[test]
    fn the_network_sorts_every_step_of_zeros_and_ones() {
        // A network that sorts all sequences of zeros and ones sorts everything; these are the
        // rotated steps, and a pseudo-random sample of the rest.
        let mut state = 1_u64;
        for case in 0..4000_u32 {
            let bits = if case < 64 * 64 / 2 {
                let (length, turn) = (case / 64 * 2, case % 64);
                (1_u64.checked_shl(length).unwrap_or(0).wrapping_sub(1)).rotate_left(turn)
            } else {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state ^ (state >> 29)
            };
            let mut values: Vec<u64> = (0..HALF).map(|i| bits >> i & 1).collect();
            for (i, j) in COMPARISONS {
                let (i, j) = (usize::from(i), usize::from(j));
                if values[i] > values[j] {
                    values.swap(i, j);
                }
            }
            assert!(values.is_sorted(), "{bits:064b}");
        }
    }
}
