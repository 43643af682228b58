//! What levels are relative to, and what the waveform adds to a frame.

use std::ops::Range;

use super::table::Table;
use crate::spectrum::simd::{Kernel, Simd};
use crate::temporal::{crossings_within, is_negative, largest_magnitude, sum_of_squares};

/// The level that this share of the bands of all frames does not reach is the reference.
const SHARE: f64 = 0.995;

/// Levels are counted in steps of a tenth of a dB.
const STEPS_PER_DB: f32 = 10.0;
const LOWEST_DB: f32 = -150.0;
const N_STEPS: usize = 4000;

/// Level that 99.5 % of the levels in `rows` do not reach.
pub(super) fn loudest_bands_db(table: &Table, rows: Range<usize>) -> f32 {
    let n_values = rows.len() * table.n_frames().div_ceil(2);
    let mut counts = [0_u32; N_STEPS];
    for row in rows {
        // Every other frame is enough.
        for level in table.row(row).iter().step_by(2) {
            // What is not a number would count as the lowest level.
            let step = ((level - LOWEST_DB) * STEPS_PER_DB) as usize;
            counts[step.min(N_STEPS - 1)] += 1;
        }
    }
    let mut left = ((1.0 - SHARE) * n_values as f64) as u32;
    for (step, count) in counts.iter().enumerate().rev() {
        if *count > left {
            return LOWEST_DB + (step as f32 + 0.5) / STEPS_PER_DB;
        }
        left -= count;
    }
    LOWEST_DB
}

/// What the waveform of a signal says.
#[derive(Debug, Default)]
pub(super) struct Waveform {
    /// Changes of sign in each hop, the one at its start among them.
    pub(super) crossings: Vec<u32>,
    /// Mean of the squared samples.
    pub(super) power: f64,
    /// Largest absolute value.
    pub(super) peak: f32,
}

/// Looks at every sample, hop by hop.
pub(super) struct Look<'a> {
    pub(super) samples: &'a [f32],
    pub(super) hop_length: usize,
    pub(super) waveform: &'a mut Waveform,
}

impl Kernel<f32> for Look<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, _: S) {
        let (mut energy, mut largest) = (0.0, 0);
        let mut before = self.samples.first().copied().unwrap_or_default();
        self.waveform.crossings.clear();
        for hop in self.samples.chunks(self.hop_length) {
            let at_start = u32::from(is_negative(before) != is_negative(hop[0]));
            self.waveform.crossings.push(at_start + crossings_within(hop) as u32);
            energy += sum_of_squares(hop);
            largest = largest_magnitude(hop).max(largest);
            before = hop[hop.len() - 1];
        }
        self.waveform.power = energy / self.samples.len().max(1) as f64;
        self.waveform.peak = f32::from_bits(largest);
    }
}

impl Waveform {
    /// Square root of the share of samples of each frame that differ in sign from the one before.
    /// Frames are four hops long and centred on the starts of hops.
    pub(super) fn crossing_rates(&self, hop_length: usize, rates: &mut [f32]) {
        let scale = 1.0 / (4 * hop_length) as f32;
        for (frame, rate) in rates.iter_mut().enumerate() {
            let hops = frame.saturating_sub(2)..(frame + 2).min(self.crossings.len());
            let n_crossings: u32 =
                self.crossings.get(hops).map_or(0, |crossings| crossings.iter().sum());
            *rate = (n_crossings as f32 * scale).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Table, Waveform, loudest_bands_db};
    use crate::spectrum::simd::{Real, Tier};

    #[test]
    fn the_reference_is_near_the_top() {
        let mut table = Table::default();
        table.reshape(2, 1000);
        for row in 0..2 {
            for (frame, level) in table.row_mut(row).iter_mut().enumerate() {
                *level = -(frame as f32) / 10.0;
            }
        }
        let reference = loudest_bands_db(&table, 0..2);
        assert!((reference + 0.4).abs() < 0.11, "{reference}");
    }

    #[test]
    fn a_sine_crosses_zero_twice_a_cycle() {
        let samples: Vec<f32> =
            (0..22_050).map(|n| 0.5 * (n as f32 * 0.2 * std::f32::consts::PI).sin()).collect();
        for tier in Tier::available() {
            let mut waveform = Waveform::default();
            let look = Look { samples: &samples, hop_length: 512, waveform: &mut waveform };
            f32::dispatch(tier, look);
            let mut rates = vec![0.0; 1 + samples.len() / 512];
            waveform.crossing_rates(512, &mut rates);
            assert!((rates[20] * rates[20] - 0.2).abs() < 0.002, "{}", tier.name());
            assert!((waveform.power - 0.125).abs() < 1e-4, "{}", tier.name());
            assert!((waveform.peak - 0.4755).abs() < 1e-3, "{}", tier.name());
        }
    }

    #[test]
    fn silence_crosses_nothing() {
        let mut waveform = Waveform::default();
        let look = Look { samples: &[0.0; 3], hop_length: 512, waveform: &mut waveform };
        f32::dispatch(Tier::best(), look);
        let mut rates = [1.0];
        waveform.crossing_rates(512, &mut rates);
        assert!(rates[0].abs() < 1e-9);
    }
}
