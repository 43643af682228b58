//! Pulses that are added to quantised lines (ISO/IEC 14496-3 §4.6.5).

use super::Fault;
use super::channel::{NOISE, ZERO};
use super::spectrum::{Coded, MAX_LINES};
use super::window::WindowInfo;
use crate::decode::bits::Bits;

/// `pulse_data`.
#[derive(Debug)]
pub(super) struct Pulses {
    first_band: usize,
    n: usize,
    /// Distance of each from the one before, and its height.
    places: [(usize, f32); 4],
}

impl Pulses {
    pub(super) fn read(bits: &mut Bits<'_>, info: &WindowInfo) -> Result<Self, Fault> {
        if info.is_short() {
            return Err("pulses in short windows");
        }
        let n = bits.read(2) as usize + 1;
        let first_band = bits.read(6) as usize;
        let mut places = [(0, 0.0); 4];
        for place in &mut places[..n] {
            *place = (bits.read(5) as usize, bits.read(4) as f32);
        }
        Ok(Self { first_band, n, places })
    }

    /// Makes quantised values larger by the pulses' heights, away from 0.
    pub(super) fn add(
        &self,
        coded: &Coded,
        edges: &[u16],
        lines: &mut [f32; MAX_LINES],
    ) -> Result<(), Fault> {
        const OUTSIDE: Fault = "a pulse outside of the spectrum";
        let mut at = usize::from(*edges.get(self.first_band).ok_or(OUTSIDE)?);
        for &(distance, height) in &self.places[..self.n] {
            at += distance;
            let band = edges.partition_point(|&edge| usize::from(edge) <= at) - 1;
            if band + 1 >= edges.len() {
                return Err(OUTSIDE);
            }
            // A band without values has no scale to add them at.
            let is_coded =
                band < coded.info.n_bands && (ZERO + 1..NOISE).contains(&coded.books[band]);
            if is_coded {
                let gain = f64::from(coded.gains[band]);
                let value = (f64::from(lines[at]).abs() / gain).powf(0.75).round();
                let larger = ((value + f64::from(height)).powf(4.0 / 3.0) * gain) as f32;
                // A value of 0 becomes negative, as in the formula of the standard.
                lines[at] = if lines[at] > 0.0 { larger } else { -larger };
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::spectrum::MAX_BANDS;
    use super::*;

    #[test]
    fn pulses_make_quantised_values_larger_and_zeros_negative() {
        let mut coded = Coded {
            info: WindowInfo { n_bands: 3, ..WindowInfo::silence(1024) },
            books: [1; MAX_BANDS],
            gains: [0.25; MAX_BANDS],
        };
        coded.books[2] = ZERO;
        let dequantised = |value: f32| value.signum() * value.abs().powf(4.0 / 3.0) * 0.25;
        let mut lines = [0.0; MAX_LINES];
        (lines[5], lines[7]) = (dequantised(1000.0), dequantised(-3.0));
        // The second band from line 4 on: lines 5, 6, 7 and 9.
        let distances_and_heights = [(1, 5), (1, 2), (1, 15), (2, 1)];
        let fields = distances_and_heights.into_iter().flat_map(|(d, h)| [(d, 5), (h, 4)]);
        let fields = [(3, 2), (1, 6)].into_iter().chain(fields);
        let bits = fields.fold(0_u64, |bits, (value, n)| bits << n | value);
        let bytes = (bits << 20).to_be_bytes();
        let pulses = Pulses::read(&mut Bits::new(&bytes, 0), &coded.info).unwrap();
        pulses.add(&coded, &[0, 4, 8, 12, 16], &mut lines).unwrap();
        for (at, value) in [(5, 1005.0), (6, -2.0), (7, -18.0)] {
            let error = (lines[at] / dequantised(value) - 1.0).abs();
            assert!(error < 1e-6, "line {at}: {}", lines[at]);
        }
        assert_eq!(lines[9].to_bits(), 0, "nothing is coded there");
        assert!(pulses.add(&coded, &[0, 4, 8], &mut lines).is_err(), "outside");
    }
}
