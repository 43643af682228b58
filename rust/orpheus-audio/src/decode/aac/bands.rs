//! Scale factor bands (ISO/IEC 14496-3 §4.5.4, tables 4.129 to 4.147) and the limits of temporal
//! noise shaping (§4.6.9.4).

use std::sync::LazyLock;

/// Bands of one sample rate and frame length.
#[derive(Debug)]
pub(super) struct Bands {
    /// Edges of the bands of a long window and of a short one, the first 0, the last their lengths.
    pub(super) edges: [Vec<u16>; 2],
    /// Bands of each that temporal noise shaping may reach.
    pub(super) tns_limits: [usize; 2],
}

impl Bands {
    /// For one of the [`SAMPLE_RATES`].
    ///
    /// Shorter frames have the same bands up to their end.
    pub(super) fn of(rate_index: usize, frame_length: usize) -> &'static Self {
        static ALL: LazyLock<[Vec<Bands>; 2]> = LazyLock::new(|| {
            [1024, 960]
                .map(|length| (0..SAMPLE_RATES.len()).map(|i| Bands::new(i, length)).collect())
        });
        &ALL[usize::from(frame_length == 960)][rate_index.min(SAMPLE_RATES.len() - 1)]
    }

    fn new(rate_index: usize, frame_length: usize) -> Self {
        let (long, short, tns_limits) = match rate_index {
            0 | 1 => (LONG_96, SHORT_96, [31, 9]),
            2 => (LONG_64, SHORT_96, [34, 10]),
            3 => (LONG_48, SHORT_48, [40, 14]),
            4 => (LONG_48, SHORT_48, [42, 14]),
            5 => (LONG_32, SHORT_48, [51, 14]),
            6 | 7 => (LONG_24, SHORT_24, [46, 14]),
            8..=10 => (LONG_16, SHORT_16, [42, 14]),
            _ => (LONG_8, SHORT_8, [39, 14]),
        };
        let cut = |edges: &[u16], length: usize| {
            let inner = edges.iter().copied().filter(|&edge| usize::from(edge) < length);
            inner.chain([length as u16]).collect()
        };
        Self { edges: [cut(long, frame_length), cut(short, frame_length / 8)], tns_limits }
    }
}

/// `samplingFrequencyIndex` (table 1.18).
pub(in crate::decode) const SAMPLE_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
    7350,
];

/// The index whose tables a rate uses that has none of its own (table 4.82).
pub(super) fn nearest_rate(sample_rate: u32) -> usize {
    const FROM: [u32; 12] =
        [92_017, 75_132, 55_426, 46_009, 37_566, 27_713, 23_004, 18_783, 13_856, 11_502, 9391, 0];
    FROM.iter().position(|&from| sample_rate >= from).unwrap_or(11)
}

const LONG_96: &[u16] = &[
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 64, 72, 80, 88, 96, 108, 120, 132,
    144, 156, 172, 188, 212, 240, 276, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960,
];
const LONG_64: &[u16] = &[
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 64, 72, 80, 88, 100, 112, 124, 140,
    156, 172, 192, 216, 240, 268, 304, 344, 384, 424, 464, 504, 544, 584, 624, 664, 704, 744, 784,
    824, 864, 904, 944, 984,
];
const LONG_48: &[u16] = &[
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64, 72, 80, 88, 96, 108, 120, 132, 144, 160,
    176, 196, 216, 240, 264, 292, 320, 352, 384, 416, 448, 480, 512, 544, 576, 608, 640, 672, 704,
    736, 768, 800, 832, 864, 896, 928,
];
const LONG_32: &[u16] = &[
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64, 72, 80, 88, 96, 108, 120, 132, 144, 160,
    176, 196, 216, 240, 264, 292, 320, 352, 384, 416, 448, 480, 512, 544, 576, 608, 640, 672, 704,
    736, 768, 800, 832, 864, 896, 928, 960, 992,
];
const LONG_24: &[u16] = &[
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 52, 60, 68, 76, 84, 92, 100, 108, 116, 124, 136,
    148, 160, 172, 188, 204, 220, 240, 260, 284, 308, 336, 364, 396, 432, 468, 508, 552, 600, 652,
    704, 768, 832, 896, 960,
];
const LONG_16: &[u16] = &[
    0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 100, 112, 124, 136, 148, 160, 172, 184, 196, 212,
    228, 244, 260, 280, 300, 320, 344, 368, 396, 424, 456, 492, 532, 572, 616, 664, 716, 772, 832,
    896, 960,
];
const LONG_8: &[u16] = &[
    0, 12, 24, 36, 48, 60, 72, 84, 96, 108, 120, 132, 144, 156, 172, 188, 204, 220, 236, 252, 268,
    288, 308, 328, 348, 372, 396, 420, 448, 476, 508, 544, 580, 620, 664, 712, 764, 820, 880, 944,
];
const SHORT_96: &[u16] = &[0, 4, 8, 12, 16, 20, 24, 32, 40, 48, 64, 92];
const SHORT_48: &[u16] = &[0, 4, 8, 12, 16, 20, 28, 36, 44, 56, 68, 80, 96, 112];
const SHORT_24: &[u16] = &[0, 4, 8, 12, 16, 20, 24, 28, 36, 44, 52, 64, 76, 92, 108];
const SHORT_16: &[u16] = &[0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 60, 72, 88, 108];
const SHORT_8: &[u16] = &[0, 4, 8, 12, 16, 20, 24, 28, 36, 44, 52, 60, 72, 88, 108];

#[cfg(test)]
mod tests {
    use super::*;

    /// `num_swb_long_window` and `num_swb_short_window` of the standard's tables.
    #[test]
    fn there_are_as_many_bands_as_the_standard_counts() {
        let n_long = [41, 41, 47, 49, 49, 51, 47, 47, 43, 43, 43, 40, 40];
        let n_long_960 = [40, 40, 46, 49, 49, 49, 46, 46, 42, 42, 42, 40, 40];
        let n_short = [12, 12, 12, 14, 14, 14, 15, 15, 15, 15, 15, 15, 15];
        for rate in 0..SAMPLE_RATES.len() {
            for (length, n_long) in [(1024, n_long), (960, n_long_960)] {
                let bands = Bands::of(rate, length);
                assert_eq!(bands.edges[0].len() - 1, n_long[rate], "{rate}, {length}");
                assert_eq!(bands.edges[1].len() - 1, n_short[rate], "{rate}, {length}");
                for edges in &bands.edges {
                    assert!(
                        edges.windows(2).all(|two| two[0] < two[1] && (two[1] - two[0]) % 4 == 0)
                    );
                }
                assert_eq!(
                    bands.edges.each_ref().map(|e| *e.last().unwrap() as usize),
                    [length, length / 8]
                );
            }
        }
    }

    #[test]
    fn a_rate_without_an_index_uses_the_tables_of_a_near_one() {
        for (index, rate) in SAMPLE_RATES.into_iter().enumerate().take(12) {
            assert_eq!(nearest_rate(rate), index);
        }
        assert_eq!(nearest_rate(44_000), 4);
        assert_eq!(nearest_rate(1), 11);
    }
}
