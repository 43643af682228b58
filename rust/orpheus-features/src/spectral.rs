//! Where the energy of a spectrum lies.

use crate::spectrum::fft::N_BINS;
use crate::spectrum::simd::{MAX_LANES, Real, Simd};

/// Share of the magnitude that lies below the roll-off.
const ROLLOFF: f64 = 0.85;

/// Bins that share one set of moments, see [`Moments`].
const GROUP: usize = 16;
const N_GROUPS: usize = N_BINS.div_ceil(GROUP);

/// Centre and width of spectra, in bins, one frame per lane.
#[derive(Clone, Copy)]
pub(crate) struct Shape<V> {
    /// Mean bin, weighted by magnitude.
    pub(crate) centroid: V,
    /// Root-mean-square distance from the centroid, weighted by magnitude.
    pub(crate) bandwidth: V,
    /// Largest power.
    pub(crate) peak: V,
}

/// Moments of the magnitudes of [`GROUP`] bins about the bin after the last of them. With u
/// counting down to one at the last bin: Σm, Σum, Σu(u+1)m/2, which are the running sum at its
/// end, the sum of the running sums, and the sum of those.
///
/// Distances within a group are small whole numbers, and moving the moments to the centroid adds
/// terms of one size. One sum of squares over all bins would lose a narrow peak at a high
/// frequency.
type Moments<V> = [V; 3];

/// The bin that the moments of group `index` are about.
const fn pivot(index: usize) -> usize {
    if (index + 1) * GROUP < N_BINS { (index + 1) * GROUP } else { N_BINS }
}

/// Describes the spectra in `power`, one vector per bin, and writes their roll-off bins.
#[inline(always)]
pub(crate) fn describe<S: Simd>(
    simd: S,
    power: &[S::Real],
    rolloff_bins: &mut [S::Real],
) -> Shape<S::V> {
    let zero = simd.constant(0.0);
    let mut groups = [[zero; 3]; N_GROUPS];
    // Sums up to the end of each group, added in the reference's order: where hardly anything is
    // left above the roll-off, the last place decides the bin.
    let mut sums = [zero; N_GROUPS];
    let (mut peak, mut total) = (zero, zero);
    for (index, bins) in simd.lanes(power).chunks(GROUP).enumerate() {
        let [mut m0, mut m1, mut m2] = [zero; 3];
        for bin in bins {
            let magnitude = simd.fast_sqrt(*bin);
            peak = simd.max(peak, *bin);
            total = simd.add(total, magnitude);
            m0 = simd.add(m0, magnitude);
            m1 = simd.add(m1, m0);
            m2 = simd.add(m2, m1);
        }
        groups[index] = [m0, m1, m2];
        sums[index] = total;
    }
    // A silent frame has its centroid, bandwidth and roll-off at zero.
    let silent = simd.less(total, simd.constant(S::Real::TINY));
    let share = simd.select(silent, zero, simd.div(simd.constant(1.0), total));
    let (centroid, bandwidth) = centre_and_width(simd, &groups, share);
    rolloff(simd, &sums, total, power, rolloff_bins);
    Shape { centroid, bandwidth, peak }
}

/// First moment, and root of the second central one.
#[inline(always)]
fn centre_and_width<S: Simd>(simd: S, groups: &[Moments<S::V>], share: S::V) -> (S::V, S::V) {
    let mut first = simd.constant(0.0);
    for (index, [m0, m1, _]) in groups.iter().enumerate() {
        let pivot = simd.constant(pivot(index) as f64);
        first = simd.add(first, simd.sub(simd.mul(pivot, *m0), *m1));
    }
    let centroid = simd.mul(first, share);
    let mut second = simd.constant(0.0);
    for (index, [m0, m1, m2]) in groups.iter().enumerate() {
        // Σ(d - u)²m, for the distance d of the pivot from the centroid.
        let distance = simd.sub(simd.constant(pivot(index) as f64), centroid);
        let squares = simd.sub(simd.add(*m2, *m2), *m1);
        let once = simd.neg_mul_add(simd.add(distance, distance), *m1, squares);
        second = simd.add(second, simd.mul_add(distance, simd.mul(distance, *m0), once));
    }
    (centroid, simd.sqrt(simd.max(simd.mul(second, share), simd.constant(0.0))))
}

/// The lowest bin at which the magnitudes up to it reach [`ROLLOFF`] of their sum.
#[inline(always)]
fn rolloff<S: Simd>(
    simd: S,
    sums: &[S::V; N_GROUPS],
    total: S::V,
    power: &[S::Real],
    bins: &mut [S::Real],
) {
    let threshold = simd.mul(simd.constant(ROLLOFF), total);
    let (mut below, mut n_groups) = (simd.constant(0.0), simd.constant(0.0));
    for sum in sums {
        let short = simd.less(*sum, threshold);
        below = simd.select(short, *sum, below);
        n_groups = simd.select(short, simd.add(n_groups, simd.constant(1.0)), n_groups);
    }
    let mut values = [[S::Real::default(); MAX_LANES]; 3];
    simd.store(threshold, &mut values[0]);
    simd.store(below, &mut values[1]);
    simd.store(n_groups, &mut values[2]);
    for (lane, bin) in bins.iter_mut().enumerate().take(S::LANES) {
        let [threshold, mut sum, n_groups] = values.map(|values| values[lane]);
        let start = n_groups.to_f64() as usize * GROUP;
        let mut n_below = 0;
        for at in start..(start + GROUP).min(N_BINS) {
            sum = sum + power[at * S::LANES + lane].sqrt();
            if sum >= threshold {
                break;
            }
            n_below += 1;
        }
        *bin = S::Real::from_f64((start + n_below).min(N_BINS - 1) as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::{N_BINS, describe};
    use crate::signals::Noise;
    use crate::spectrum::buffer::Buffer;
    use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};

    /// Centroid, bandwidth, roll-off and peak of each spectrum.
    struct Describe<'a>(&'a [Vec<f64>]);

    impl<R: Real> Kernel<R> for Describe<'_> {
        type Output = Vec<[f64; 4]>;

        #[inline(always)]
        fn run<S: Simd<Real = R>>(self, simd: S) -> Self::Output {
            let mut output = Vec::new();
            let mut buffer = Buffer::default();
            for frames in self.0.chunks_exact(S::LANES) {
                let power: &mut [R] = buffer.take(N_BINS * S::LANES);
                for (lane, frame) in frames.iter().enumerate() {
                    for (bin, value) in frame.iter().enumerate() {
                        power[bin * S::LANES + lane] = R::from_f64(*value);
                    }
                }
                let mut rows = [[R::default(); MAX_LANES]; 4];
                let shape = describe(simd, power, &mut rows[2]);
                simd.store(shape.centroid, &mut rows[0]);
                simd.store(shape.bandwidth, &mut rows[1]);
                simd.store(shape.peak, &mut rows[3]);
                output.extend((0..S::LANES).map(|lane| rows.map(|row| row[lane].to_f64())));
            }
            output
        }
    }

    fn by_definition(power: &[f64]) -> [f64; 4] {
        let magnitudes: Vec<f64> = power.iter().map(|power| power.sqrt()).collect();
        let total: f64 = magnitudes.iter().sum();
        let peak = power.iter().copied().fold(0.0, f64::max);
        if total <= 0.0 {
            return [0.0; 4];
        }
        let moment = |about: f64, degree: i32| {
            let terms = magnitudes.iter().enumerate();
            terms.map(|(k, m)| m * (k as f64 - about).powi(degree)).sum::<f64>() / total
        };
        let centroid = moment(0.0, 1);
        let mut sum = 0.0;
        let reaches = |magnitude: &f64| {
            sum += magnitude;
            sum >= 0.85 * total
        };
        let rolloff = magnitudes.iter().position(reaches).unwrap_or(0);
        [centroid, moment(centroid, 2).sqrt(), rolloff as f64, peak]
    }

    /// Noise, tilted noise, lone peaks and silence: a multiple of the widest vector.
    fn spectra() -> Vec<Vec<f64>> {
        let mut random = Noise::new(11);
        (0..6 * MAX_LANES)
            .map(|frame| {
                let bin = |k: usize| match frame % 6 {
                    0 => random.next().powi(2),
                    1 => random.next().powi(2) / (1.0 + k as f64).powi(4),
                    2 => f64::from(k == 16 * frame).mul_add(100.0, 1e-9),
                    3 => f64::from(k == 1024) + 0.5 * f64::from(k == 1023),
                    // A pure tone through a Hann window.
                    4 => [1.0, 0.25, 0.0][k.abs_diff(40 * frame / 6).min(2)],
                    _ => 0.0,
                };
                (0..N_BINS).map(bin).collect()
            })
            .collect()
    }

    #[test]
    fn every_tier_finds_the_shape_that_the_definition_gives() {
        let spectra = spectra();
        for tier in Tier::available() {
            let single = f32::dispatch(tier, Describe(&spectra));
            let double = f64::dispatch(tier, Describe(&spectra));
            for (frame, power) in spectra.iter().enumerate() {
                let expected = by_definition(power);
                for value in 0..4 {
                    let error = (double[frame][value] - expected[value]).abs();
                    let scale = expected[value].abs().max(1e-3);
                    assert!(error < 1e-7 * scale, "{} float64 {frame} {value}", tier.name());
                    let error = (single[frame][value] - expected[value]).abs();
                    assert!(error < 2e-5 * scale, "{} float32 {frame} {value}", tier.name());
                }
            }
        }
    }
}
