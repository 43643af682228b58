//! One channel of a frame (`individual_channel_stream`, ISO/IEC 14496-3 §4.4.2.7).

use std::ops::RangeInclusive;

use super::Fault;
use super::bands::Bands;
use super::codes::{Codes, codes};
use super::kernel::Kernel;
use super::pulse::Pulses;
use super::spectrum::{Coded, MAX_BANDS, MAX_LINES};
use super::tns::Tns;
use super::window::{Shape, WindowInfo};
use crate::decode::bits::Bits;

/// Code books that stand for something else (table 4.151).
pub(super) const ZERO: u8 = 0;
pub(super) const RESERVED: u8 = 12;
pub(super) const NOISE: u8 = 13;
pub(super) const INTENSITY_OUT_OF_PHASE: u8 = 14;
pub(super) const INTENSITY: u8 = 15;

/// Scale of a line: the decoder's full scale is that of 16 bits, and its transforms are divided by half
/// their length (§4.6.11.3.1).
const LOG_SCALE: i32 = 15;

/// The spectrum of one channel, in the works.
pub(super) struct Channel {
    pub(super) coded: Coded,
    pub(super) tns: Option<Box<Tns>>,
    pub(super) lines: Box<[f32; MAX_LINES]>,
    /// Of the frame before: the rising half of a window has the shape of the one before it.
    pub(super) last_shape: Shape,
}

/// What all channels of a stream have in common.
#[derive(Clone, Copy)]
pub(super) struct Format {
    pub(super) bands: &'static Bands,
    pub(super) frame_length: usize,
    pub(super) kernel: Kernel,
}

impl Channel {
    pub(super) fn new(frame_length: usize) -> Self {
        Self {
            coded: Coded {
                info: WindowInfo::silence(frame_length),
                books: [ZERO; MAX_BANDS],
                gains: [0.0; MAX_BANDS],
            },
            tns: None,
            lines: Box::new([0.0; MAX_LINES]),
            last_shape: Shape::Sine,
        }
    }

    pub(super) fn info(&self) -> &WindowInfo {
        &self.coded.info
    }

    /// Reads what is coded for one channel; `common` are the windows that a pair shares.
    pub(super) fn read(
        &mut self,
        bits: &mut Bits<'_>,
        format: Format,
        common: Option<WindowInfo>,
    ) -> Result<(), Fault> {
        let global_gain = bits.read(8) as i32;
        self.coded.info = match common {
            Some(info) => info,
            None => WindowInfo::read(bits, format.bands, format.frame_length)?,
        };
        self.read_sections(bits)?;
        self.read_scale_factors(bits, codes(), global_gain)?;
        let pulses = if bits.flag() { Some(Pulses::read(bits, self.info())?) } else { None };
        self.tns = if bits.flag() { Some(Tns::read(bits, self.info())?) } else { None };
        if bits.flag() {
            return Err("gain control, which AAC-LC does not have");
        }
        let edges = self.coded.info.edges(format.bands);
        let read = format.kernel.read_spectrum(codes(), *bits, &self.coded, edges, &mut self.lines);
        *bits = read.ok_or("an escape sequence is too long")?;
        if let Some(pulses) = pulses {
            pulses.add(&self.coded, edges, &mut self.lines)?;
        }
        Ok(())
    }

    /// Whether a band of it is made of noise.
    pub(super) fn has_noise(&self) -> bool {
        self.has_book(|book| book == NOISE)
    }

    /// Whether a band of it is made of another channel.
    pub(super) fn has_intensity(&self) -> bool {
        self.has_book(|book| book >= INTENSITY_OUT_OF_PHASE)
    }

    fn has_book(&self, is_such: impl Fn(u8) -> bool) -> bool {
        let n = self.info().n_bands * self.info().n_groups;
        self.coded.books[..n].iter().any(|&book| is_such(book))
    }

    /// Temporal noise shaping, behind all that makes the lines.
    pub(super) fn shape_noise(&mut self, bands: &Bands) {
        if let Some(tns) = &self.tns {
            tns.filter(&self.coded.info, bands, &mut self.lines);
        }
    }

    /// `section_data` (§4.4.2.7, table 4.52).
    fn read_sections(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        let WindowInfo { n_bands, n_groups, .. } = self.coded.info;
        let n_length_bits = if self.info().is_short() { 3 } else { 5 };
        let go_on = (1 << n_length_bits) - 1;
        for group in self.coded.books.chunks_mut(n_bands.max(1)).take(n_groups) {
            let mut band = 0;
            let mut n_sections = 0;
            while band < n_bands {
                let book = bits.read(4) as u8;
                let mut end = band;
                loop {
                    // Behind the packet's end there are zeros, which end this.
                    let length = bits.read(n_length_bits) as usize;
                    end += length;
                    if length != go_on {
                        break;
                    }
                }
                n_sections += 1;
                if book == RESERVED || end > n_bands || n_sections > MAX_BANDS {
                    return Err("a section that is not allowed");
                }
                group[band..end].fill(book);
                band = end;
            }
        }
        Ok(())
    }

    /// `scale_factor_data` (§4.6.2.3.2), as the factors of lines, of noise (§4.6.13.3) and of a right
    /// channel that is made of the left one (§4.6.8.2.3).
    fn read_scale_factors(
        &mut self,
        bits: &mut Bits<'_>,
        codes: &Codes,
        global_gain: i32,
    ) -> Result<(), Fault> {
        /// `NOISE_OFFSET` and half the range of the first noise energy.
        const NOISE_START: i32 = 90 + 256;
        let info = self.coded.info;
        let scale = 4 * (LOG_SCALE + (info.n_lines as f32).log2().round() as i32);
        // 1 / n_lines is no power of two in frames of 960.
        let rest = (1 << (scale / 4 - LOG_SCALE)) as f32 / info.n_lines as f32;
        let (mut factor, mut noise, mut position) = (global_gain, None, 0);
        let n = info.n_bands * info.n_groups;
        for (&book, gain) in self.coded.books[..n].iter().zip(&mut self.coded.gains) {
            *gain = match book {
                ZERO => 0.0,
                INTENSITY | INTENSITY_OUT_OF_PHASE => {
                    position += read_difference(bits, codes);
                    check(-155..=100, position, "an intensity position out of range")?;
                    quarter_power(-position)
                }
                NOISE => {
                    let energy = match noise {
                        None => global_gain - NOISE_START + bits.read(9) as i32,
                        Some(energy) => energy + read_difference(bits, codes),
                    };
                    noise = Some(energy);
                    check(-100..=155, energy, "a noise energy out of range")?;
                    rest * quarter_power(energy - scale)
                }
                _ => {
                    factor += read_difference(bits, codes);
                    check(0..=255, factor, "a scale factor out of range")?;
                    rest * quarter_power(factor - 100 - scale)
                }
            };
        }
        Ok(())
    }
}

fn check(range: RangeInclusive<i32>, value: i32, fault: Fault) -> Result<(), Fault> {
    if range.contains(&value) { Ok(()) } else { Err(fault) }
}

fn read_difference(bits: &mut Bits<'_>, codes: &Codes) -> i32 {
    bits.refill();
    let entry = codes.scale_factors.entry(bits.peek());
    bits.skip(u32::from(entry) & 63);
    i32::from(entry >> 6) - 60
}

/// 2 to the power of `quarters / 4`, which must lie far within what a float holds.
fn quarter_power(quarters: i32) -> f32 {
    const ROOTS: [f32; 4] = [1.0, 1.189_207_1, std::f32::consts::SQRT_2, 1.681_792_8];
    let exponent = 127 + (quarters >> 2);
    ROOTS[(quarters & 3) as usize] * f32::from_bits((exponent as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_powers_are_powers() {
        for quarters in -300..300 {
            let wanted = (f64::from(quarters) / 4.0).exp2();
            let got = f64::from(quarter_power(quarters));
            assert!((got / wanted - 1.0).abs() < 1e-7, "{quarters}");
        }
    }
}
