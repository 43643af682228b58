//! AAC-LC packets → samples (ISO/IEC 14496-3 subpart 4, ISO/IEC 13818-7).
//!
//! Our own, because mono is what most callers want: the channels are mixed before the inverse MDCT,
//! which is linear. And because noise that is a function of its packet alone lets a stream be entered
//! in its middle.
#![expect(
    clippy::inline_always,
    reason = "what is generic over the kernel must be compiled into the function that is allowed its instructions"
)]

mod bands;
mod channel;
mod code_books;
mod codes;
mod config;
mod elements;
mod kernel;
#[cfg(target_arch = "x86_64")]
mod kernel_avx2;
mod layout;
mod noise;
mod pulse;
mod spectrum;
mod stereo;
mod synthesis;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod tns;
mod window;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;

use self::bands::Bands;
pub(super) use self::bands::SAMPLE_RATES;
use self::channel::{Channel, Format};
pub(super) use self::config::Config;
use self::config::unsupported;
use self::elements::{Extensions, Reader};
use self::kernel::Kernel;
use self::layout::Layout;
pub(super) use self::layout::Program;
use self::synthesis::{Overlap, Windows};
use super::Block;
use super::mpeg::layer3::Mix;
use super::packets::PacketDecoder;
use crate::error::{Error, Result};

/// Why a packet cannot be decoded.
type Fault = &'static str;

const COUPLING: Fault = "channel coupling, which is not implemented";
const OTHER_CHANNELS: Fault = "a channel that the configuration does not have";
const MISSING_CHANNELS: Fault = "a packet without all its channels";
const INCOMPLETE: Fault = "a packet ends in the middle of an element";

/// Decodes the packets of one stream.
pub(super) struct AacDecoder {
    format: Format,
    layout: Layout,
    mix: Mix,
    channels: Vec<Channel>,
    /// One of each channel, or of their mean.
    overlaps: Vec<Overlap>,
}

impl AacDecoder {
    /// Of an `AudioSpecificConfig`, or of what else is known of the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for what is no AAC-LC.
    pub(super) fn new(parameters: &AudioCodecParameters, mix: Mix) -> Result<Self> {
        let n_channels = parameters.channels.as_ref().map_or(0, Channels::count);
        let config = match parameters.extra_data.as_deref() {
            Some(bytes) => Config::parse(bytes)?,
            None => Config::plain(parameters.sample_rate.unwrap_or(0), n_channels),
        };
        let bands = Bands::of(config.rate_index(), config.frame_length);
        let format = Format { bands, frame_length: config.frame_length, kernel: Kernel::best() };
        let layout = config.layout.ok_or_else(|| unsupported("AAC of unknown channels"))?;
        let n_planes = if mix == Mix::Mono { 1 } else { layout.n_channels };
        Ok(Self {
            channels: (0..layout.n_channels).map(|_| Channel::new(format.frame_length)).collect(),
            overlaps: (0..n_planes).map(|_| Overlap::new()).collect(),
            format,
            layout,
            mix,
        })
    }

    /// What a packet holds that its stream's headers need not say, and that is not decoded here: spectral
    /// band replication above all, without which there is half the rate or half the spectrum.
    pub(super) fn refuses(&mut self, packet: &[u8]) -> Option<Error> {
        match self.read(packet) {
            Ok(Extensions { sbr: true }) => Some(unsupported("HE-AAC")),
            Err(COUPLING) => Some(unsupported("AAC with channel coupling")),
            _ => None,
        }
    }

    /// Whether a packet holds other channels than those of its stream's configuration.
    pub(super) fn misfits(&mut self, packet: &[u8]) -> bool {
        matches!(self.read(packet), Err(OTHER_CHANNELS | MISSING_CHANNELS))
    }

    fn read(&mut self, packet: &[u8]) -> std::result::Result<Extensions, Fault> {
        let Self { format, layout, channels, .. } = self;
        Reader { packet, format: *format, layout, channels, seen: 0 }.read()
    }

    fn decode_into(&mut self, packet: &[u8], block: &mut Block) -> std::result::Result<(), Fault> {
        if block.channels.len() != self.channels.len() {
            return Err("the channels change");
        }
        let extensions = self.read(packet)?;
        if extensions.sbr {
            return Err("spectral band replication, which no header announced");
        }
        block.channels.truncate(self.overlaps.len());
        for (overlap, plane) in self.overlaps.iter_mut().zip(&mut block.channels) {
            let start = plane.len();
            plane.resize(start + self.format.frame_length, 0.0);
            overlap.begin(&mut plane[start..]);
        }
        if self.mix == Mix::Mono {
            self.synthesize_mean(&mut block.channels[0]);
        } else {
            self.synthesize_channels(&mut block.channels);
        }
        for channel in &mut self.channels {
            channel.last_shape = channel.info().shape;
        }
        Ok(())
    }

    fn synthesize_channels(&mut self, planes: &mut [Vec<f32>]) {
        let Format { kernel, frame_length, .. } = self.format;
        let outputs = self.overlaps.iter_mut().zip(planes);
        for (channel, (overlap, plane)) in self.channels.iter().zip(outputs) {
            let start = plane.len() - frame_length;
            kernel.synthesize(overlap, &channel.lines, channel.windows(), &mut plane[start..]);
        }
    }

    /// Transforms the channels that are under the same windows, which most often are all, as one.
    fn synthesize_mean(&mut self, plane: &mut [f32]) {
        let Format { kernel, frame_length, .. } = self.format;
        let start = plane.len() - frame_length;
        let scale = 1.0 / self.channels.len() as f32;
        let mut rest = self.channels.as_mut_slice();
        let mut is_mixed = 0_u32;
        let mut number = 0;
        while let [first, others @ ..] = rest {
            if is_mixed >> number & 1 == 0 {
                let windows = first.windows();
                for (other, number) in others.iter().zip(number + 1..) {
                    if other.windows() == windows && is_mixed >> number & 1 == 0 {
                        is_mixed |= 1 << number;
                        let lines = first.lines.iter_mut().zip(other.lines.iter());
                        lines.for_each(|(sum, line)| *sum += line);
                    }
                }
                first.lines.iter_mut().for_each(|line| *line *= scale);
                kernel.synthesize(
                    &mut self.overlaps[0],
                    &first.lines,
                    windows,
                    &mut plane[start..],
                );
            }
            number += 1;
            rest = others;
        }
    }
}

impl Channel {
    fn windows(&self) -> Windows {
        Windows::of(self.info(), self.last_shape)
    }
}

impl PacketDecoder for AacDecoder {
    fn name(&self) -> &'static str {
        "aac"
    }

    fn decode(&mut self, packet: &[u8], block: &mut Block) -> std::result::Result<(), String> {
        self.decode_into(packet, block).map_err(|why| {
            // What the next packet would overlap with is missing.
            self.reset();
            why.to_owned()
        })
    }

    fn reset(&mut self) {
        self.overlaps.iter_mut().for_each(Overlap::reset);
        for channel in &mut self.channels {
            channel.last_shape = window::Shape::default();
        }
    }
}
