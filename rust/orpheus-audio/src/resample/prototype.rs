//! The low-pass that all filters sample: a sinc under a Kaiser window.

use std::f64::consts::PI;

/// A zero-phase low-pass of unit gain, as a function of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct LowPass {
    /// Where the gain is one half, in cycles per sample.
    cutoff: f64,
    half_width: f64,
    beta: f64,
    /// What makes the gain at frequency zero exactly one.
    scale: f64,
}

impl LowPass {
    /// With the stop band from `stop` on, in cycles per sample; `half_width` is in samples.
    pub(super) fn ending_at(stop: f64, half_width: f64, attenuation_db: f64) -> Self {
        let transition = transition_samples(attenuation_db) / (2.0 * half_width);
        Self::centred_at(stop - transition / 2.0, half_width, attenuation_db)
    }

    /// With half the gain at `cutoff`, in cycles per sample; `half_width` is in samples.
    pub(super) fn centred_at(cutoff: f64, half_width: f64, attenuation_db: f64) -> Self {
        // Kaiser & Schafer 1980, for more than 50 dB.
        let beta = 0.1102 * (attenuation_db - 8.7);
        let unscaled = Self { cutoff, half_width, beta, scale: 1.0 };
        // Sampled this densely, the images of the spectrum fall far into the stop band.
        let step = half_width / f64::from(AREA_STEPS);
        let later: f64 = (1..=AREA_STEPS).map(|i| unscaled.at(f64::from(i) * step)).sum();
        Self { scale: 1.0 / (step * (unscaled.at(0.0) + 2.0 * later)), ..unscaled }
    }

    /// Impulse response; zero outside the half-width.
    pub(super) fn at(&self, time: f64) -> f64 {
        let place = time / self.half_width;
        if place.abs() > 1.0 {
            return 0.0;
        }
        let window = bessel_i0(self.beta * (1.0 - place * place).max(0.0).sqrt());
        let angle = 2.0 * PI * self.cutoff * time;
        let sinc = if angle.abs() < 1e-9 { 1.0 } else { angle.sin() / angle };
        self.scale * sinc * window
    }
}

/// Samples that the area under one half of the response is summed from.
const AREA_STEPS: u32 = 8192;

/// Width of the transition band in cycles per sample, times the length of the filter in samples:
/// Kaiser's formula.
fn transition_samples(attenuation_db: f64) -> f64 {
    (attenuation_db - 7.95) / 14.36
}

/// Modified Bessel function of the first kind, order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let mut sum = 1.0;
    let mut term = 1.0;
    for n in 1..200 {
        term *= quarter / f64::from(n * n);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bessel_function_has_its_tabulated_values() {
        for (x, value) in [(0.0, 1.0), (1.0, 1.266_065_877_752_008), (10.0, 2_815.716_628_466_254)]
        {
            assert!((bessel_i0(x) / value - 1.0).abs() < 1e-14, "I0({x})");
        }
    }

    #[test]
    fn response_is_symmetric_and_ends_at_the_half_width() {
        let filter = LowPass::ending_at(0.25, 20.0, 100.0);
        assert!((0.3..0.4).contains(&filter.at(0.0)));
        for time in [0.3, 1.0, 7.7, 19.9] {
            assert!((filter.at(time) - filter.at(-time)).abs() < 1e-16);
        }
        assert!(filter.at(20.1) == 0.0 && filter.at(-20.1) == 0.0);
    }
}
