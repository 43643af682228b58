//! Inputs for tests, each from a seed.

use std::f64::consts::TAU;

/// Uniform numbers in [-1, 1), from Knuth's linear congruential generator.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// White noise.
pub(crate) fn noise(seed: u64, n_samples: usize) -> Vec<f32> {
    let mut noise = Noise::new(seed);
    (0..n_samples).map(|_| (0.2 * noise.next()) as f32).collect()
}

/// Plucked notes over a little noise, at 22.05 kHz.
pub(crate) fn tune(seed: u64, n_samples: usize) -> Vec<f32> {
    let mut random = Noise::new(seed);
    let mut samples: Vec<f64> = (0..n_samples).map(|_| 0.002 * random.next()).collect();
    let mut start = 0.0;
    while (start as usize) < n_samples {
        let hz = 440.0 * (random.next() * 2.0).exp2();
        let decay = 2.0 + 4.0 * random.next().abs();
        for (n, sample) in samples[start as usize..].iter_mut().enumerate() {
            let seconds = n as f64 / 22_050.0;
            let envelope = 0.2 * (-decay * seconds).exp();
            for partial in 1..=4 {
                let partial = f64::from(partial);
                *sample += envelope / partial * (TAU * hz * partial * seconds).sin();
            }
        }
        start += 22_050.0 * 0.25 * (1.0 + random.next().abs().round());
    }
    samples.into_iter().map(|sample| sample as f32).collect()
}
