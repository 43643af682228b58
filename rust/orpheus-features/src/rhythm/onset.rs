//! How suddenly the spectrum rises at each frame.

use crate::spectrum::mel::N_MELS;
use crate::spectrum::simd::{Real, Simd};

/// Frames by which onsets are moved later: one for taking a difference, two for the half frame of
/// padding that centres the frames.
const SHIFT: usize = 3;

/// Half of the bands.
const HALF: usize = N_MELS / 2;

/// Values that are sorted in registers first.
const RUN: usize = 16;

/// Comparisons that merge sorted runs of [`RUN`] values into one of [`HALF`].
const MERGES: [(u8, u8); 291] = merges();

/// Whether value `i` is compared with value `i + distance` while sorted runs of `run` values are
/// merged into runs of twice that many: Batcher's odd-even merging (Knuth, The Art of Computer
/// Programming 3, 5.3.4).
const fn is_compared(i: usize, run: usize, distance: usize) -> bool {
    // From the first place on that has a partner, as many values are compared as are left alone;
    // values that stay in different runs are not compared.
    let first = distance % run;
    i >= first
        && ((i - first) / distance).is_multiple_of(2)
        && i / (2 * run) == (i + distance) / (2 * run)
}

const fn merges() -> [(u8, u8); 291] {
    let mut pairs = [(0, 0); 291];
    let mut n_pairs = 0;
    let mut run = RUN;
    while run < HALF {
        let mut distance = run;
        while distance > 0 {
            let mut i = 0;
            while i + distance < HALF {
                if is_compared(i, run, distance) {
                    pairs[n_pairs] = (i as u8, (i + distance) as u8);
                    n_pairs += 1;
                }
                i += 1;
            }
            distance /= 2;
        }
        run *= 2;
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
    let (runs, _) = values.as_chunks_mut::<RUN>();
    for place in runs {
        let mut run = *place;
        step::<S, 1, 1>(simd, &mut run);
        step::<S, 2, 2>(simd, &mut run);
        step::<S, 2, 1>(simd, &mut run);
        step::<S, 4, 4>(simd, &mut run);
        step::<S, 4, 2>(simd, &mut run);
        step::<S, 4, 1>(simd, &mut run);
        step::<S, 8, 8>(simd, &mut run);
        step::<S, 8, 4>(simd, &mut run);
        step::<S, 8, 2>(simd, &mut run);
        step::<S, 8, 1>(simd, &mut run);
        *place = run;
    }
    let Some(values) = values.first_chunk_mut::<HALF>() else { return };
    for (i, j) in MERGES {
        exchange(simd, values, usize::from(i), usize::from(j));
    }
}

/// The comparisons at one distance. Short loops over constants: they vanish, and the values stay in
/// registers.
#[inline(always)]
fn step<S: Simd, const MERGED: usize, const DISTANCE: usize>(simd: S, run: &mut [S::V; RUN]) {
    for i in 0..RUN - DISTANCE {
        if is_compared(i, MERGED, DISTANCE) {
            exchange(simd, run, i, i + DISTANCE);
        }
    }
}

/// Puts the lesser of two values into the first place; there are a power of two of them.
#[inline(always)]
fn exchange<S: Simd, const N: usize>(simd: S, values: &mut [S::V; N], i: usize, j: usize) {
    let (a, b) = (values[i % N], values[j % N]);
    values[i % N] = simd.min(a, b);
    values[j % N] = simd.max(a, b);
}

/// Onset strength of every frame, from the rise of each over the one before; `rises[0]` does not
/// count.
pub(crate) fn align<R: Real>(rises: &[R], strength: &mut [f64]) {
    strength.fill(0.0);
    for (place, rise) in strength.iter_mut().skip(SHIFT).zip(rises.iter().skip(1)) {
        *place = rise.to_f64();
    }
}

#[cfg(test)]
mod tests {
    use super::{HALF, align, median, sort};
    use crate::signals::Noise;
    use crate::spectrum::mel::N_MELS;
    use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};

    /// Sorts columns of zeros and ones, a lane each, and tells whether all came out sorted.
    struct SortsAll<'a>(&'a [u64]);

    impl Kernel<f32> for SortsAll<'_> {
        type Output = bool;

        #[inline(always)]
        fn run<S: Simd<Real = f32>>(self, simd: S) -> bool {
            let mut all = true;
            for columns in self.0.chunks_exact(S::LANES) {
                let mut values = [simd.constant(0.0); HALF];
                for (i, value) in values.iter_mut().enumerate() {
                    let bits: Vec<f32> =
                        columns.iter().map(|bits| (bits >> i & 1) as f32).collect();
                    *value = simd.load(&bits);
                }
                sort(simd, &mut values);
                for pair in values.windows(2) {
                    all &= simd.bits(simd.less(pair[1], pair[0])) == 0;
                }
            }
            all
        }
    }

    #[test]
    fn the_network_sorts_zeros_and_ones_and_so_everything() {
        let mut random = Noise::new(1);
        let step = |length: u32, turn: u32| (u64::MAX >> (63 - length)).rotate_left(turn);
        let mut columns: Vec<u64> =
            (0..64).flat_map(|length| (0..64).map(move |turn| step(length, turn))).collect();
        columns.extend(
            (0..1 << 14).map(|_| random.next().to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        );
        for tier in Tier::available() {
            assert!(f32::dispatch(tier, SortsAll(&columns)), "{}", tier.name());
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
