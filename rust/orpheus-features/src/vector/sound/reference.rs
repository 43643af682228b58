//! What levels are relative to, and what the waveform adds to a frame.

use std::ops::Range;

use super::table::Table;

/// The level that this share of the bands of all frames does not reach is the reference.
const SHARE: f64 = 0.995;

/// Levels are counted in steps of a tenth of a dB.
const STEPS_PER_DB: f32 = 10.0;
const LOWEST_DB: f32 = -150.0;
const N_STEPS: usize = 4000;

/// Level that 99.5 % of the levels in `rows` do not reach.
pub(super) fn loudest_bands_db(table: &Table, rows: Range<usize>) -> f32 {
    let n_values = rows.len() * table.n_frames();
    let mut counts = [0_u32; N_STEPS];
    for row in rows {
        for level in table.row(row) {
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

/// Square root of the share of samples of each frame that differ in sign from the one before. Frames
/// are four hops long and centred on multiples of `hop_length`.
pub(super) fn zero_crossings(samples: &[f32], hop_length: usize, rates: &mut [f32]) {
    let mut before = samples.first().is_some_and(|sample| sample.is_sign_negative());
    let counts: Vec<u32> = samples
        .chunks(hop_length)
        .map(|hop| {
            let mut count = 0;
            for sample in hop {
                let negative = *sample < 0.0;
                count += u32::from(negative != before);
                before = negative;
            }
            count
        })
        .collect();
    let scale = 1.0 / (4 * hop_length) as f32;
    for (frame, rate) in rates.iter_mut().enumerate() {
        let hops = frame.saturating_sub(2)..(frame + 2).min(counts.len());
        let n_crossings: u32 = counts.get(hops).map_or(0, |counts| counts.iter().sum());
        *rate = (n_crossings as f32 * scale).sqrt();
    }
}

#[cfg(test)]
mod tests {
    use super::{Table, loudest_bands_db, zero_crossings};

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
        assert!((reference + 0.5).abs() < 0.11, "{reference}");
    }

    #[test]
    fn a_sine_crosses_zero_twice_a_cycle() {
        let samples: Vec<f32> =
            (0..22_050).map(|n| (n as f32 * 0.2 * std::f32::consts::PI).sin()).collect();
        let mut rates = vec![0.0; 1 + samples.len() / 512];
        zero_crossings(&samples, 512, &mut rates);
        assert!((rates[20] * rates[20] - 0.2).abs() < 0.002);
        zero_crossings(&[0.0; 3], 512, &mut rates[..1]);
        assert!(rates[0].abs() < 1e-9);
    }
}
