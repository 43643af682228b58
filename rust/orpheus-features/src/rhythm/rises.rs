//! How much the bands of a spectrogram rise, on average.

use super::onset;
use crate::spectrum::mel::N_MELS;
use crate::spectrum::simd::{Kernel, Simd};

/// Levels of bands: rows of `stride` places, of which the first `n_frames` count.
#[derive(Clone, Copy)]
pub(super) struct Levels<'a> {
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
    pub(super) n_bands: usize,
    pub(super) n_frames: usize,
}

impl Levels<'_> {
    fn row(&self, band: usize) -> &[f32] {
        &self.values[band * self.stride..][..self.n_frames]
    }
}

/// What [`MeanRise`] and [`MedianRise`] read.
pub(super) struct Rises<'a> {
    pub(super) levels: Levels<'a>,
    /// What they rise over.
    pub(super) reference: Levels<'a>,
    /// Levels below this count as this.
    pub(super) floor: f32,
    pub(super) lag: usize,
    pub(super) n_out: usize,
}

impl Rises<'_> {
    /// Rises of a band from `frame` on: as many as a vector has lanes, which must be there.
    #[inline(always)]
    fn load<S: Simd<Real = f32>>(&self, simd: S, band: usize, frame: usize) -> S::V {
        let (zero, floor) = (simd.splat(0.0), simd.splat(self.floor));
        let after = &self.levels.values[band * self.levels.stride + frame + self.lag..];
        let before = &self.reference.values[band * self.reference.stride + frame..];
        let rise = simd.sub(simd.max(simd.load(after), floor), simd.max(simd.load(before), floor));
        simd.max(rise, zero)
    }

    /// The rise of a band at one frame.
    #[inline(always)]
    fn one(&self, band: usize, frame: usize) -> f32 {
        let after = self.levels.row(band)[frame + self.lag].max(self.floor);
        (after - self.reference.row(band)[frame].max(self.floor)).max(0.0)
    }
}

/// Mean over the bands.
pub(super) struct MeanRise<'a>(pub(super) Rises<'a>);

impl Kernel<f32> for MeanRise<'_> {
    type Output = Vec<f32>;

    #[expect(clippy::needless_range_loop, reason = "iterators need not be inlined into the tier")]
    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, simd: S) -> Vec<f32> {
        let rises = self.0;
        let n_bands = rises.levels.n_bands;
        let n_whole = rises.n_out / S::LANES * S::LANES;
        let mut sums = vec![0.0; rises.n_out];
        for band in 0..n_bands {
            for frame in (0..n_whole).step_by(S::LANES) {
                let sum = simd.add(simd.load(&sums[frame..]), rises.load(simd, band, frame));
                simd.store(sum, &mut sums[frame..]);
            }
            for frame in n_whole..rises.n_out {
                sums[frame] += rises.one(band, frame);
            }
        }
        for sum in &mut sums {
            *sum /= n_bands as f32;
        }
        sums
    }
}

/// Median over the bands.
pub(super) struct MedianRise<'a>(pub(super) Rises<'a>);

impl Kernel<f32> for MedianRise<'_> {
    type Output = Vec<f32>;

    #[expect(clippy::needless_range_loop, reason = "iterators need not be inlined into the tier")]
    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, simd: S) -> Vec<f32> {
        let rises = self.0;
        let mut medians = vec![0.0; rises.n_out];
        let mut n_done = 0;
        if rises.levels.n_bands == N_MELS {
            let mut values = [simd.splat(0.0); N_MELS];
            while n_done + S::LANES <= rises.n_out {
                for band in 0..N_MELS {
                    values[band] = rises.load(simd, band, n_done);
                }
                simd.store(onset::median(simd, &mut values), &mut medians[n_done..]);
                n_done += S::LANES;
            }
        }
        let mut values = vec![0.0; rises.levels.n_bands];
        for frame in n_done..rises.n_out {
            for band in 0..values.len() {
                values[band] = rises.one(band, frame);
            }
            medians[frame] = median(&mut values);
        }
        medians
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    let (lower, upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    let upper = *upper;
    let below = lower.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if values.len() % 2 == 1 { upper } else { f32::midpoint(below, upper) }
}

/// The loudest of the bands around each, mirrored at the ends with the last band repeated.
pub(super) fn maxima(levels: Levels<'_>, max_size: usize) -> Vec<f32> {
    let n_bands = levels.n_bands as i64;
    let before = (max_size / 2) as i64;
    let mut values = vec![f32::NEG_INFINITY; levels.n_bands * levels.n_frames];
    let rows = values.chunks_exact_mut(levels.n_frames.max(1));
    for (band, row) in rows.enumerate() {
        let first = band as i64 - before;
        for around in first..first + (max_size as i64).min(2 * n_bands) {
            let at = around.rem_euclid(2 * n_bands);
            let source = levels.row(at.min(2 * n_bands - 1 - at) as usize);
            for (largest, value) in row.iter_mut().zip(source) {
                *largest = largest.max(*value);
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::{Levels, maxima};

    #[test]
    fn the_loudest_neighbour_is_looked_for_on_both_sides() {
        let values = [3.0, 1.0, 2.0, 5.0];
        let levels = Levels { values: &values, stride: 1, n_bands: 4, n_frames: 1 };
        assert_eq!(maxima(levels, 3), [3.0, 3.0, 5.0, 5.0]);
        // An even number reaches one further down.
        assert_eq!(maxima(levels, 2), [3.0, 3.0, 2.0, 5.0]);
        assert_eq!(maxima(levels, 1_000_000), [5.0; 4]);
    }
}
