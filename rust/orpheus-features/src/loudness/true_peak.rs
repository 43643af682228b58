//! The largest magnitude that a signal has between its samples: BS.1770 Annex 2, with a longer
//! interpolation filter than the one printed there.
//!
//! Up to 96 kHz four points are looked at per sample, below 192 kHz two, above that none but the
//! samples.

use std::f64::consts::PI;

use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};

/// Samples that one point between is made of: the ripple is below 0.01 dB up to 0.9 of the band.
const N_TAPS: usize = 32;
/// Shape of the Kaiser window.
const BETA: f64 = 6.0;
/// Samples that are interpolated at a time.
const CHUNK: usize = 1024;
/// Points that are left out together where they cannot matter.
const STRETCH: usize = 64;

/// Weights of the samples around a point at `fraction` between the two in the middle.
fn taps(fraction: f64) -> [f32; N_TAPS] {
    let half = N_TAPS as f64 / 2.0;
    let weights: [f64; N_TAPS] = std::array::from_fn(|tap| {
        let distance = tap as f64 - (half - 1.0) - fraction;
        let inside = (1.0 - (distance / half).powi(2)).max(0.0).sqrt();
        let sinc = if distance == 0.0 { 1.0 } else { (PI * distance).sin() / (PI * distance) };
        sinc * bessel(BETA * inside) / bessel(BETA)
    });
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| (weight / sum) as f32)
}

/// Modified Bessel function of the first kind and order zero.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..40 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

/// One channel.
#[derive(Clone, Debug)]
pub(super) struct TruePeak {
    /// One filter for each point between two samples.
    phases: Vec<[f32; N_TAPS]>,
    /// Samples that are yet to be looked at, after [`N_TAPS`] - 1 that came before them.
    pending: Vec<f32>,
    largest: f32,
    /// No point is more than this times the largest sample around it.
    overshoot: f32,
}

impl TruePeak {
    pub(super) fn new(sample_rate: u32) -> Self {
        let n_points = match sample_rate {
            ..96_001 => 4,
            96_001..192_000 => 2,
            _ => 1,
        };
        let phases: Vec<[f32; N_TAPS]> =
            (1..n_points).map(|point| taps(f64::from(point) / f64::from(n_points))).collect();
        let sum = |phase: &[f32; N_TAPS]| phase.iter().map(|tap| tap.abs()).sum();
        let overshoot = 1.001 * phases.iter().map(sum).fold(0.0_f32, f32::max);
        Self { phases, pending: vec![0.0; N_TAPS - 1], largest: 0.0, overshoot }
    }

    /// Looks at what follows, for peaks above `least`.
    pub(super) fn push(&mut self, tier: Tier, samples: &[f32], least: f32) {
        if self.phases.is_empty() {
            return;
        }
        self.largest = self.largest.max(least);
        self.pending.extend_from_slice(samples);
        if self.pending.len() >= CHUNK + N_TAPS - 1 {
            self.look(tier);
        }
    }

    /// The largest magnitude, once the signal has ended; at least what [`Self::push`] was told.
    pub(super) fn finish(&mut self, tier: Tier) -> f32 {
        self.push(tier, &[0.0; N_TAPS - 1], 0.0);
        self.look(tier);
        self.largest
    }

    fn look(&mut self, tier: Tier) {
        let n_points = self.pending.len().saturating_sub(N_TAPS - 1);
        // Room for the widest vector at the end; what lies there is not looked at.
        self.pending.resize(self.pending.len() + MAX_LANES, 0.0);
        let (phases, overshoot) = (&self.phases, self.overshoot);
        let mut from = 0;
        while from < n_points {
            let until = (from + STRETCH).min(n_points);
            let around = &self.pending[from..until + N_TAPS - 1];
            let most = around.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            if most * overshoot > self.largest {
                let samples = &self.pending[from..];
                let job = Interpolate { phases, samples, n_points: until - from };
                self.largest = self.largest.max(f32::dispatch(tier, job));
            }
            from = until;
        }
        self.pending.truncate(n_points + N_TAPS - 1);
        self.pending.drain(..n_points);
    }
}

/// Largest magnitude of `n_points` points of every phase.
struct Interpolate<'a> {
    phases: &'a [[f32; N_TAPS]],
    samples: &'a [f32],
    n_points: usize,
}

impl Kernel<f32> for Interpolate<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, simd: S) -> f32 {
        let zero = simd.splat(0.0);
        let mut largest = zero;
        for phase in self.phases {
            for at in (0..self.n_points).step_by(S::LANES) {
                // Two sums, so that one need not wait for the other.
                let mut sums = [zero; 2];
                for (tap, weight) in phase.iter().enumerate() {
                    let value = simd.load(&self.samples[at + tap..]);
                    sums[tap % 2] = simd.mul_add(simd.splat(*weight), value, sums[tap % 2]);
                }
                // Points beyond the last one are made of samples and of zeros: no less true.
                let point = simd.add(sums[0], sums[1]);
                largest = simd.max(largest, simd.max(point, simd.sub(zero, point)));
            }
        }
        let mut lanes = [0.0; MAX_LANES];
        simd.store(largest, &mut lanes);
        lanes[..S::LANES].iter().copied().fold(0.0, f32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::{TruePeak, taps};
    use crate::signals::noise;
    use crate::spectrum::simd::Tier;

    #[test]
    fn a_sine_that_is_sampled_beside_its_peaks_has_the_peak_of_its_amplitude() {
        // EBU Tech 3341, test cases 15 to 18, allow +0.2 and -0.4 dB; without interpolation it
        // would be 3 dB.
        for (hz_over_rate, phase) in
            [(0.25, 0.125), (0.25, 0.0), (1.0 / 6.0, 1.0 / 6.0), (0.125, 0.0625)]
        {
            let samples: Vec<f32> = (0..4800)
                .map(|n| {
                    0.5 * (std::f64::consts::TAU * (hz_over_rate * f64::from(n) + phase)).sin()
                })
                .map(|x| x as f32)
                .collect();
            for tier in Tier::available() {
                let mut peak = TruePeak::new(48_000);
                samples.chunks(700).for_each(|chunk| peak.push(tier, chunk, 0.0));
                let sampled = samples.iter().fold(0.0_f32, |a, x| a.max(x.abs()));
                let db = 20.0 * f64::from(peak.finish(tier).max(sampled) / 0.5).log10();
                // The sine begins abruptly, which overshoots a little.
                assert!((-0.1..0.5).contains(&db), "{db} dB at {hz_over_rate} on {}", tier.name());
            }
        }
    }

    #[test]
    fn every_tier_finds_the_same_peak() {
        let samples = noise(9, 5003);
        let mut found = Vec::new();
        for tier in Tier::available() {
            let mut peak = TruePeak::new(44_100);
            peak.push(tier, &samples, 0.0);
            found.push(peak.finish(tier));
        }
        assert!(found.iter().all(|peak| (peak / found[0] - 1.0).abs() < 1e-5), "{found:?}");
    }

    #[test]
    fn a_constant_is_interpolated_to_itself() {
        for fraction in [0.25, 0.5, 0.75] {
            assert!((taps(fraction).iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }
}
