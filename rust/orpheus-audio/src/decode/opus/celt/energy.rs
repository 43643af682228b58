//! Energies of the bands (RFC 6716 §4.3.2), in steps of 6 dB about their means.

use super::super::range::RangeDecoder;
use super::tables::{ENERGY_MODEL, N_BANDS};

pub(super) type Energies = [[f32; N_BANDS]; 2];

/// Prediction from the last frame and from the lower band, by frame size.
const TIME: [f32; 4] = [29440.0 / 32768.0, 26112.0 / 32768.0, 21248.0 / 32768.0, 16384.0 / 32768.0];
const FREQUENCY: [f32; 4] =
    [30147.0 / 32768.0, 22282.0 / 32768.0, 12124.0 / 32768.0, 6554.0 / 32768.0];
const FREQUENCY_INTRA: f32 = 4915.0 / 32768.0;

/// Lowest energy that is predicted from.
const FLOOR: f32 = -9.0;
/// Fine bits that a band has at most.
pub(super) const MAX_FINE_BITS: i32 = 8;

/// Which part of a frame is coded, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) n_channels: usize,
    /// The frame is `120 << size_log` samples.
    pub(super) size_log: usize,
}

/// Steps of 6 dB, predicted (§4.3.2.1).
pub(super) fn decode_coarse(
    range: &mut RangeDecoder,
    extent: Extent,
    intra: bool,
    energies: &mut Energies,
) {
    let model = &ENERGY_MODEL[extent.size_log][usize::from(intra)];
    let (time, frequency) = if intra {
        (0.0, FREQUENCY_INTRA)
    } else {
        (TIME[extent.size_log], FREQUENCY[extent.size_log])
    };
    let mut below = [0.0_f32; 2];
    for band in extent.start..extent.end {
        for channel in 0..extent.n_channels {
            let step = decode_step(range, [model[2 * band], model[2 * band + 1]]) as f32;
            let energy = &mut energies[channel][band];
            *energy = time * energy.max(FLOOR) + below[channel] + step;
            below[channel] += step - frequency * step;
        }
    }
}

fn decode_step(range: &mut RangeDecoder, [share, decay]: [u8; 2]) -> i32 {
    const SMALL: [u8; 3] = [2, 1, 0];
    match range.n_bits_total() - range.tell() {
        15.. => range.laplace(u32::from(share) << 7, u32::from(decay) << 6),
        2..15 => [0, -1, 1][range.icdf(&SMALL, 2)],
        1 => -i32::from(range.flag(1)),
        _ => -1,
    }
}

/// What the allocation left for finer steps (§4.3.2.2).
pub(super) fn decode_fine(
    range: &mut RangeDecoder,
    extent: Extent,
    fine_bits: &[i32; N_BANDS],
    energies: &mut Energies,
) {
    for band in extent.start..extent.end {
        let n_bits = fine_bits[band];
        if n_bits <= 0 {
            continue;
        }
        for channel in &mut energies[..extent.n_channels] {
            let value = range.raw(n_bits as u32) as f32;
            channel[band] += (value + 0.5) / (1 << n_bits) as f32 - 0.5;
        }
    }
}

/// Bits that nothing else used halve the steps once more.
pub(super) fn decode_final(
    range: &mut RangeDecoder,
    extent: Extent,
    fine_bits: &[i32; N_BANDS],
    fine_later: &[bool; N_BANDS],
    energies: &mut Energies,
) {
    let mut n_left = range.n_bits_total() - range.tell();
    for later in [false, true] {
        for band in extent.start..extent.end {
            if n_left < extent.n_channels as i32 {
                break;
            }
            if fine_bits[band] >= MAX_FINE_BITS || fine_later[band] != later {
                continue;
            }
            for channel in &mut energies[..extent.n_channels] {
                let half = range.raw(1) as f32 - 0.5;
                channel[band] += half / (2 << fine_bits[band]) as f32;
                n_left -= 1;
            }
        }
    }
}
