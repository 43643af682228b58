//! Apple Lossless packets → samples, as Apple's open reference decodes them
//! (<https://github.com/macosforge/alac>, whose files are named where its formulas are).
//!
//! Packets carry no checksum. What gives damage away here: values that leave their bits, elements
//! that do not add up to the channels of the stream, and bits that are missing or left over.
#![expect(
    clippy::inline_always,
    reason = "the hot loops must be compiled into the function that is allowed its instructions"
)]

mod bits;
mod config;
mod element;
mod kernel;
#[cfg(target_arch = "x86_64")]
mod kernel_avx2;
mod planes;
mod predict;
#[cfg(target_arch = "x86_64")]
mod predict_avx2;
mod rice;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use self::bits::Bits;
use self::config::Config;
use self::element::{Element, Elements};
use super::Block;
use super::mpeg::layer3::Mix;
use super::packets::PacketDecoder;

/// The error says why a packet cannot be decoded.
type Result<T> = std::result::Result<T, &'static str>;

const TOO_MANY: &str = "a packet has more samples than it says";

/// Decodes the packets of one stream.
pub(super) struct AlacDecoder {
    elements: Elements,
    is_mixed: bool,
}

impl AlacDecoder {
    /// `cookie` is the stream's `ALACSpecificConfig`. With [`Mix::Mono`], a track of two channels comes
    /// as their mean.
    ///
    /// # Errors
    ///
    /// Unsupported or damaged, if this is no cookie of a stream that can be decoded.
    pub(super) fn new(cookie: &[u8], mix: Mix) -> crate::error::Result<Self> {
        let config = Config::parse(cookie)?;
        let is_mixed = mix == Mix::Mono && config.n_channels == 2;
        Ok(Self { elements: Elements::new(config), is_mixed })
    }

    fn decode_packet(&mut self, packet: &[u8], planes: &mut [Vec<f32>]) -> Result<()> {
        let mut bits = Bits::new(packet);
        let n_channels = self.elements.config.n_channels;
        let mut n_samples = None;
        let mut channel = 0;
        while let Some(element) = Element::next(&mut bits)? {
            let n_wanted = match element {
                Element::Single => 1,
                Element::Pair => 2,
            };
            if channel + n_wanted > n_channels {
                return Err("a packet has more channels than its stream");
            }
            let n = self.elements.read(&mut bits, element)?;
            if n_samples.replace(n).is_some_and(|before| before != n) {
                return Err("the channels of a packet differ in length");
            }
            self.put(channel, n, planes)?;
            channel += n_wanted;
        }
        if channel != n_channels {
            return Err("a packet has fewer channels than its stream");
        }
        if bits.is_used_up() { Ok(()) } else { Err("a packet goes on behind its end") }
    }

    /// Appends the element that was read to its planes: a pair to the first alone where its mean is
    /// wanted, for which [`AlacDecoder::fold`] does what is left to do.
    fn put(&mut self, channel: usize, n: usize, planes: &mut [Vec<f32>]) -> Result<()> {
        let Elements { config, kernel, .. } = &self.elements;
        let samples = self.elements.samples();
        if !samples.iter().all(|plane| kernel.fits(plane, config.n_bits)) {
            return Err("samples leave their bits");
        }
        if let (true, [left, right]) = (self.is_mixed, samples) {
            kernel.to_mono(left, right, config.n_bits, room(&mut planes[0], n));
            return Ok(());
        }
        for (nth, plane) in samples.iter().enumerate() {
            let at = plane_of(config.n_channels, channel + nth);
            kernel.to_f32(plane, config.n_bits, room(&mut planes[at], n));
        }
        Ok(())
    }

    /// Two channels that were elements of their own become their mean, behind the `n_before` samples
    /// that were there.
    fn fold(&self, n_before: usize, planes: &mut Vec<Vec<f32>>) {
        if !self.is_mixed {
            return;
        }
        if let [mean, other] = planes.as_mut_slice() {
            let others = other.get(n_before..).unwrap_or(&[]);
            for (mean, other) in mean.iter_mut().skip(n_before).zip(others) {
                *mean = 0.5 * (*mean + other);
            }
        }
        planes.truncate(1);
    }
}

impl PacketDecoder for AlacDecoder {
    fn name(&self) -> &'static str {
        "alac"
    }

    fn decode(&mut self, packet: &[u8], block: &mut Block) -> std::result::Result<(), String> {
        let planes = &mut block.channels;
        let n_before = planes.first().map_or(0, Vec::len);
        planes.resize_with(self.elements.config.n_channels, Vec::new);
        // One that holds nothing of the blocks before, which were folded, lines up with the first.
        for plane in planes.iter_mut() {
            plane.resize(n_before, 0.0);
        }
        let decoded = self.decode_packet(packet, planes);
        self.fold(n_before, planes);
        decoded.map_err(str::to_owned)
    }

    /// Packets stand alone.
    fn reset(&mut self) {}
}

/// Room for `n` more samples.
fn room(plane: &mut Vec<f32>, n: usize) -> &mut [f32] {
    let before = plane.len();
    plane.resize(before + n, 0.0);
    &mut plane[before..]
}

/// Where a channel goes: Apple's layouts start with the centre and end with the low frequencies
/// (`ALACChannelLayoutTags` of the reference).
fn plane_of(n_channels: usize, channel: usize) -> usize {
    let order: &[usize] = match n_channels {
        3 => &[2, 0, 1],
        4 => &[2, 0, 1, 3],
        5 => &[2, 0, 1, 3, 4],
        6 => &[2, 0, 1, 4, 5, 3],
        7 => &[2, 0, 1, 4, 5, 6, 3],
        8 => &[2, 6, 7, 0, 1, 4, 5, 3],
        _ => &[],
    };
    order.get(channel).copied().unwrap_or(channel)
}
