//! Scalefactors, and the gain of each band.

use super::bands::{Layout, MAX_BANDS};
use crate::decode::bits::Bits;

use super::huffman::Gains;
use super::side_info::Part;

/// Scalefactors of one channel in one granule, in coded order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalefactors {
    pub(super) values: [u8; MAX_BANDS],
    /// Value that says that a band has no intensity position (ISO/IEC 13818-3 §2.4.3.2).
    pub(super) illegal: [u8; MAX_BANDS],
    /// Whether the encoder's pre-emphasis is to be added.
    preflag: bool,
}

impl Default for Scalefactors {
    fn default() -> Self {
        Self { values: [0; MAX_BANDS], illegal: [7; MAX_BANDS], preflag: false }
    }
}

/// Widths in bits by `scalefac_compress` (ISO/IEC 11172-3 §2.4.2.7).
pub(super) const WIDTHS: [[u32; 2]; 16] = [
    [0, 0],
    [0, 1],
    [0, 2],
    [0, 3],
    [3, 0],
    [1, 1],
    [1, 2],
    [1, 3],
    [2, 1],
    [2, 2],
    [2, 3],
    [3, 1],
    [3, 2],
    [3, 3],
    [4, 2],
    [4, 3],
];

/// Bands per group of equal width (ISO/IEC 13818-3 §2.4.3.2): by range of `scalefac_compress`, then
/// for long, short and mixed blocks.
pub(super) const GROUPS: [[[usize; 4]; 3]; 6] = [
    [[6, 5, 5, 5], [9, 9, 9, 9], [6, 9, 9, 9]],
    [[6, 5, 7, 3], [9, 9, 12, 6], [6, 9, 12, 6]],
    [[11, 10, 0, 0], [18, 18, 0, 0], [15, 18, 0, 0]],
    [[7, 7, 7, 0], [12, 12, 12, 0], [6, 15, 12, 0]],
    [[6, 6, 6, 3], [12, 9, 9, 6], [6, 12, 9, 6]],
    [[8, 8, 5, 0], [15, 12, 9, 0], [6, 18, 9, 0]],
];

/// Pre-emphasis of the long bands (ISO/IEC 11172-3 table B.6).
const PRE_EMPHASIS: [u8; 22] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 2, 0];

/// The groups of long bands that two granules may share.
pub(super) const SHARED_GROUPS: [(usize, usize); 4] = [(0, 6), (6, 11), (11, 16), (16, 21)];

impl Scalefactors {
    /// MPEG-1; `first` are the first granule's, where this is the second.
    pub(super) fn read_full(
        bits: &mut Bits,
        part: &Part,
        first: Option<(&Self, [bool; 4])>,
    ) -> Self {
        let mut this = Self { preflag: part.preflag, ..Self::default() };
        let [low, high] = WIDTHS[part.scalefac_compress as usize & 15];
        if part.block.is_short() {
            let n_low = if part.block.mixed { 17 } else { 18 };
            this.read_group(bits, low, 0, n_low);
            this.read_group(bits, high, n_low, n_low + 18);
            return this;
        }
        for (i, (start, end)) in SHARED_GROUPS.into_iter().enumerate() {
            match first {
                Some((first, shared)) if shared[i] => {
                    this.values[start..end].copy_from_slice(&first.values[start..end]);
                }
                _ => this.read_group(bits, if i < 2 { low } else { high }, start, end),
            }
        }
        this
    }

    /// MPEG-2; `intensity` for the right channel of a frame with intensity stereo.
    pub(super) fn read_low(bits: &mut Bits, part: &Part, intensity: bool) -> Self {
        let (range, widths) = low_widths(part.scalefac_compress, intensity);
        let block = match (part.block.is_short(), part.block.mixed) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 2,
        };
        let mut this = Self { preflag: range == 2, ..Self::default() };
        let mut start = 0;
        for (n, width) in GROUPS[range][block].into_iter().zip(widths) {
            this.read_group(bits, width, start, start + n);
            // A position of no bits is position 0, and legal.
            let illegal = if width == 0 { u8::MAX } else { (1 << width) - 1 };
            this.illegal[start..start + n].fill(illegal);
            start += n;
        }
        this
    }

    #[inline]
    fn read_group(&mut self, bits: &mut Bits, width: u32, start: usize, end: usize) {
        if width == 0 {
            return;
        }
        for six in self.values[start..end].chunks_mut(6) {
            bits.refill();
            six.fill_with(|| bits.take(width) as u8);
        }
    }

    /// What a decoded value of each band is multiplied by; `quarters` are quarter octaves on top.
    pub(super) fn gains(&self, part: &Part, layout: &Layout, quarters: i32) -> Gains {
        let mut gains = [0.0; 256];
        let base = part.global_gain - 210 + quarters;
        let shift = 1 + part.scalefac_scale;
        let n_bands = layout.edges.len() - 1;
        for (band, gain) in gains[..n_bands].iter_mut().enumerate() {
            let mut steps = i32::from(self.values[band]);
            let mut exponent = base;
            if band < layout.n_long {
                if self.preflag {
                    steps += i32::from(PRE_EMPHASIS[band]);
                }
            } else {
                exponent -= 8 * part.subblock_gain[(band - layout.n_long) % 3];
            }
            *gain = quarter_octaves(exponent - (steps << shift));
        }
        gains
    }
}

/// Range of `scalefac_compress` and the four widths in MPEG-2 (ISO/IEC 13818-3 §2.4.3.2).
fn low_widths(compress: u32, intensity: bool) -> (usize, [u32; 4]) {
    if intensity {
        return match compress / 2 {
            c @ 0..180 => (3, [c / 36, c % 36 / 6, c % 6, 0]),
            c @ 180..244 => {
                let c = c - 180;
                (4, [c % 64 / 16, c % 16 / 4, c % 4, 0])
            }
            c => (5, [(c - 244) / 3, (c - 244) % 3, 0, 0]),
        };
    }
    match compress {
        c @ 0..400 => (0, [c / 16 / 5, c / 16 % 5, c % 16 / 4, c % 4]),
        c @ 400..500 => (1, [(c - 400) / 4 / 5, (c - 400) / 4 % 5, (c - 400) % 4, 0]),
        c => (2, [(c - 500) / 3, (c - 500) % 3, 0, 0]),
    }
}

/// `2^(n / 4)`, for `n` of −500 to 500.
fn quarter_octaves(n: i32) -> f32 {
    const FRACTIONS: [f32; 4] = [1.0, 1.189_207_1, std::f32::consts::SQRT_2, 1.681_792_8];
    let octave = f32::from_bits(((127 + (n >> 2)) as u32) << 23);
    octave * FRACTIONS[(n & 3) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_octave_is_the_fourth_root_of_two() {
        for n in -480..=480 {
            let exact = 2_f64.powf(f64::from(n) / 4.0);
            let error = (f64::from(quarter_octaves(n)) / exact - 1.0).abs();
            assert!(error < 6e-8, "{n}: {error}");
        }
    }

    #[test]
    fn all_groups_cover_the_bands_of_their_block() {
        for range in GROUPS {
            assert_eq!(range.map(|groups| groups.iter().sum::<usize>()), [21, 36, 33]);
        }
    }
}
