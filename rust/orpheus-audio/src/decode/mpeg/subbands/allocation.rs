//! How many levels the samples of a subband can have (ISO/IEC 11172-3 table B.2, ISO/IEC 13818-3 table B.1).

use super::super::header::FrameHeader;

/// Subbands of a frame.
pub(super) const N_SUBBANDS: usize = 32;

/// Subbands in a row with the same choice: how many, bits of the choice, levels for each value of it.
pub(in crate::decode::mpeg) type Run = (usize, u32, &'static [u32; 16]);

const LOWEST: [u32; 16] =
    [0, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383, 32767, 65535];
const LOW: [u32; 16] = [0, 3, 5, 7, 9, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 65535];
/// Of three bits.
const MIDDLE: [u32; 16] = [0, 3, 5, 7, 9, 15, 31, 65535, 0, 0, 0, 0, 0, 0, 0, 0];
/// Of two bits.
const HIGH: [u32; 16] = [0, 3, 5, 65535, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Where there are few bits: of four, three or two of them.
const FEW: [u32; 16] =
    [0, 3, 5, 9, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383, 32767];
const LOW_AT_HALVED_RATES: [u32; 16] =
    [0, 3, 5, 7, 9, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383];

/// The runs of a layer II frame, from the lowest subband on; there is nothing in subbands behind them.
///
/// The standard lists bit rates by channel; those between them, of free format, take the next table.
/// It also forbids rates that encoders write all the same (224 kbit/s and more in mono, up to 80 in
/// stereo): what a frame holds follows from the rate nonetheless.
pub(in crate::decode::mpeg) fn layer2(header: &FrameHeader) -> &'static [Run] {
    let kbit_per_channel = usize::from(header.kbit_per_second) / header.n_channels;
    match (header.mpeg1, kbit_per_channel, header.sample_rate) {
        (false, ..) => &[(4, 4, &LOW_AT_HALVED_RATES), (7, 3, &FEW), (19, 2, &FEW)],
        (true, ..=48, 32_000) => &[(2, 4, &FEW), (10, 3, &FEW)],
        (true, ..=48, _) => &[(2, 4, &FEW), (6, 3, &FEW)],
        (true, ..=80, _) | (true, _, 48_000) => {
            &[(3, 4, &LOWEST), (8, 4, &LOW), (12, 3, &MIDDLE), (4, 2, &HIGH)]
        }
        _ => &[(3, 4, &LOWEST), (8, 4, &LOW), (12, 3, &MIDDLE), (7, 2, &HIGH)],
    }
}
