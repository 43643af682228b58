//! The K weighting of ITU-R BS.1770: a shelf that stands for the head, and a high-pass.
//!
//! The Recommendation gives coefficients at 48 kHz only. They are bilinear transforms of the analog
//! filters below (Mansbridge, Finn and Reiss 2012; De Man 2018), which give them at any rate.

use std::f64::consts::PI;

const SHELF_HZ: f64 = 1_681.974_450_955_533;
const SHELF_GAIN_DB: f64 = 3.999_843_853_973_347;
const SHELF_Q: f64 = 0.707_175_236_955_419_6;
/// Exponent that gives the shelf's gain at its corner from the gain above it.
const SHELF_CORNER: f64 = 0.499_666_774_154_541_6;
const HIGH_PASS_HZ: f64 = 38.135_470_876_024_44;
const HIGH_PASS_Q: f64 = 0.500_327_037_323_877_3;

/// States below this are nothing: without this, a decay into silence ends in slow subnormals.
const NOTHING: f64 = 1e-60;

/// A filter of second order, transposed direct form II.
#[derive(Clone, Debug)]
struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
    state: [f64; 2],
}

impl Biquad {
    fn shelf(sample_rate: f64) -> Self {
        let k = (PI * SHELF_HZ / sample_rate).tan();
        let above = 10.0_f64.powf(SHELF_GAIN_DB / 20.0);
        let corner = above.powf(SHELF_CORNER);
        let a0 = 1.0 + k / SHELF_Q + k * k;
        Self {
            b: [
                (above + corner * k / SHELF_Q + k * k) / a0,
                2.0 * (k * k - above) / a0,
                (above - corner * k / SHELF_Q + k * k) / a0,
            ],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / SHELF_Q + k * k) / a0],
            state: [0.0; 2],
        }
    }

    fn high_pass(sample_rate: f64) -> Self {
        let k = (PI * HIGH_PASS_HZ / sample_rate).tan();
        let a0 = 1.0 + k / HIGH_PASS_Q + k * k;
        Self {
            // Not divided by a0: so are the coefficients of the Recommendation.
            b: [1.0, -2.0, 1.0],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / HIGH_PASS_Q + k * k) / a0],
            state: [0.0; 2],
        }
    }

    #[inline]
    fn next(&mut self, x: f64) -> f64 {
        let y = self.b[0] * x + self.state[0];
        // What does not wait for y comes first.
        self.state[0] = (self.b[1] * x + self.state[1]) - self.a[0] * y;
        self.state[1] = self.b[2] * x - self.a[1] * y;
        y
    }

    fn settle(&mut self) {
        for state in &mut self.state {
            if state.abs() < NOTHING {
                *state = 0.0;
            }
        }
    }
}

/// Both filters of one channel.
#[derive(Clone, Debug)]
pub(super) struct KWeighting {
    shelf: Biquad,
    high_pass: Biquad,
}

impl KWeighting {
    /// At rest.
    pub(super) fn new(sample_rate: u32) -> Self {
        let rate = f64::from(sample_rate);
        Self { shelf: Biquad::shelf(rate), high_pass: Biquad::high_pass(rate) }
    }

    /// Energy of the weighted samples that follow.
    pub(super) fn energy(&mut self, samples: &[f32]) -> f64 {
        let mut energy = 0.0;
        let (mut shelf, mut high_pass) = (self.shelf.clone(), self.high_pass.clone());
        for x in samples {
            let y = high_pass.next(shelf.next(f64::from(*x)));
            energy += y * y;
        }
        shelf.settle();
        high_pass.settle();
        (self.shelf, self.high_pass) = (shelf, high_pass);
        energy
    }
}

#[cfg(test)]
mod tests {
    use super::Biquad;

    #[test]
    fn at_48_khz_the_coefficients_are_those_of_the_recommendation() {
        let (shelf, high_pass) = (Biquad::shelf(48_000.0), Biquad::high_pass(48_000.0));
        let expected = [
            (shelf.b[0], 1.535_124_859_586_97),
            (shelf.b[1], -2.691_696_189_406_38),
            (shelf.b[2], 1.198_392_810_852_85),
            (shelf.a[0], -1.690_659_293_182_41),
            (shelf.a[1], 0.732_480_774_215_85),
            (high_pass.a[0], -1.990_047_454_833_98),
            (high_pass.a[1], 0.990_072_250_366_21),
        ];
        for (found, expected) in expected {
            assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
        }
    }
}
