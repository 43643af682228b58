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
    use super::{COMPARISONS, HALF, align, median};
    use crate::signals::Noise;
    use crate::spectrum::mel::N_MELS;
    use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};

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

    /// Medians of frames of [`N_MELS`] values.
    struct Medians<'a>(&'a [Vec<f64>]);

    impl<R: Real> Kernel<R> for Medians<'_> {
        type Output = Vec<f64>;

        #[inline(always)]
        fn run<S: Simd<Real = R>>(self, simd: S) -> Vec<f64> {
            let mut medians = Vec::new();
            for frames in self.0.chunks_exact(S::LANES) {
                let mut rises = [simd.constant(0.0); N_MELS];
                for (band, rise) in rises.iter_mut().enumerate() {
                    let lanes: Vec<R> = frames.iter().map(|f| R::from_f64(f[band])).collect();
                    *rise = simd.load(&lanes);
                }
                let mut lanes = [R::default(); MAX_LANES];
                simd.store(median(simd, &mut rises), &mut lanes);
                medians.extend(lanes[..S::LANES].iter().map(|lane| lane.to_f64()));
            }
            medians
        }
    }

    #[test]
    fn the_median_is_the_mean_of_the_two_middle_values() {
        let mut random = Noise::new(3);
        let frames: Vec<Vec<f64>> = (0..8 * MAX_LANES)
            .map(|frame| {
                // As many values above zero as the frame's number.
                let value =
                    |band: usize| f64::from(band < frame) * (random.next() * 64.0).round().abs();
                let mut values: Vec<f64> = (0..N_MELS).map(value).collect();
                values.rotate_left(frame / 3);
                values
            })
            .collect();
        for tier in Tier::available() {
            let (single, double) =
                (f32::dispatch(tier, Medians(&frames)), f64::dispatch(tier, Medians(&frames)));
            for (frame, values) in frames.iter().enumerate() {
                let mut sorted = values.clone();
                sorted.sort_by(f64::total_cmp);
                let expected = f64::midpoint(sorted[HALF - 1], sorted[HALF]);
                assert!((single[frame] - expected).abs() < 1e-6, "{} {frame}", tier.name());
                assert!((double[frame] - expected).abs() < 1e-6, "{} {frame}", tier.name());
            }
        }
    }

    #[test]
    fn a_rise_counts_two_frames_later_and_the_first_frame_never_does() {
        let mut strength = [9.0; 6];
        align(&[7.0_f32, 1.0, 2.0, 3.0, 4.0, 5.0], &mut strength);
        assert!(
            strength.iter().zip([0.0, 0.0, 0.0, 1.0, 2.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-9)
        );
        let mut strength = [9.0; 2];
        align(&[7.0_f32, 1.0], &mut strength);
        assert!(strength.iter().all(|value| value.abs() < 1e-9));
    }
}
