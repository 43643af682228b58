//! Vorbis I packets → samples (<https://xiph.org/vorbis/doc/Vorbis_I_spec.html>).
//!
//! Our own, because mono is what most callers want: the channels are mixed before the inverse MDCT,
//! which is linear, so that only one transform is needed.
#![expect(
    clippy::inline_always,
    reason = "inlining carries the caller's instruction set into the loops, and the bits into registers"
)]

mod bits;
mod channels;
mod codebook;
mod floor;
mod kernel;
#[cfg(target_arch = "x86_64")]
mod kernel_avx2;
mod residue;
mod setup;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transform;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;

use self::bits::{Bits, ilog};
use self::channels::{Channel, Coded, Scratch};
use self::kernel::Kernel;
use self::setup::{Identification, Mode, Setup};
use self::transform::{InverseMdct, Overlap, slope};
use super::Block;
use super::mpeg::layer3::Mix;
use super::packets::PacketDecoder;
use crate::error::Error;

/// Decodes the packets of one stream.
pub(super) struct VorbisDecoder {
    identification: Identification,
    setup: Setup,
    mix: Mix,
    kernel: Kernel,
    transforms: [InverseMdct; 2],
    slopes: [Vec<f32>; 2],
    overlaps: Vec<Overlap>,
    channels: Vec<Channel>,
    scratch: Scratch,
}

impl VorbisDecoder {
    pub(super) fn new(parameters: &AudioCodecParameters, mix: Mix) -> Result<Self, Error> {
        let headers = parameters.extra_data.as_deref().unwrap_or(&[]);
        let decoder = Self::from_headers(headers, mix).map_err(Error::damaged)?;
        let own = &decoder.identification;
        let n_channels = parameters.channels.as_ref().map_or(0, Channels::count);
        if (Some(own.sample_rate), own.n_channels) != (parameters.sample_rate, n_channels) {
            return Err(Error::damaged(
                "the container's sample rate or channels are not the stream's",
            ));
        }
        Ok(decoder)
    }

    /// `headers` are the identification and the setup header, one behind the other or laced as in
    /// Matroska.
    fn from_headers(headers: &[u8], mix: Mix) -> Result<Self, &'static str> {
        let (first, last) = unlace(headers).unwrap_or((headers, &[]));
        let (identification, rest) = Identification::parse(first)?;
        let setup =
            Setup::parse(if last.is_empty() { rest } else { last }, identification.n_channels)?;
        let n_lines = 1 << identification.block_bits[1] >> 1;
        let n_channels = identification.n_channels;
        let n_planes = if mix == Mix::Mono { 1 } else { n_channels };
        Ok(Self {
            transforms: identification.block_bits.map(|bits| InverseMdct::new(1 << bits)),
            slopes: identification.block_bits.map(|bits| slope(1 << bits)),
            overlaps: (0..n_planes).map(|_| Overlap::default()).collect(),
            channels: (0..n_channels).map(|_| Channel::new(n_lines)).collect(),
            scratch: Scratch::default(),
            identification,
            setup,
            mix,
            kernel: Kernel::best(),
        })
    }

    /// Appends what a packet completes: a quarter of the last block and a quarter of this one; the
    /// first packet completes nothing.
    #[inline(always)]
    fn decode_packet(
        &mut self,
        packet: &[u8],
        planes: &mut [Vec<f32>],
    ) -> Result<(), &'static str> {
        if packet.is_empty() {
            // Allowed by the specification (§4.3.1) as a packet that carries nothing.
            return Ok(());
        }
        let bits = &mut Bits::new(packet);
        let Some(mode) = self.read_mode(bits) else {
            // What the next packet would overlap with is missing.
            self.reset();
            return Err("a packet that is no audio packet");
        };
        let n_lines = 1 << self.identification.block_bits[usize::from(mode.long)] >> 1;
        let mapping = &self.setup.mappings[mode.mapping];
        let coded = Coded { setup: &self.setup, mapping, n_lines };
        let (channels, scratch) = (&mut self.channels, &mut self.scratch);
        match self.mix {
            Mix::Mono => coded.read_mean(bits, channels, scratch),
            Mix::Channels => coded.read(bits, channels, scratch),
        }
        self.synthesise(mode.long, n_lines, planes);
        Ok(())
    }

    fn read_mode(&self, bits: &mut Bits<'_>) -> Option<Mode> {
        if bits.flag() {
            return None;
        }
        let modes = &self.setup.modes;
        let mode = *modes.get(bits.read(ilog(modes.len() as u32 - 1)) as usize)?;
        if mode.long {
            // The forms of the window's ends: what the neighbours are says the same.
            bits.read(2);
        }
        (!bits.ended()).then_some(mode)
    }

    #[inline(always)]
    fn synthesise(&mut self, long: bool, n_lines: usize, planes: &mut [Vec<f32>]) {
        let transform = &mut self.transforms[usize::from(long)];
        if self.mix == Mix::Mono {
            let spectrum = &mut self.channels[0].spectrum[..n_lines];
            transform.dct_iv(spectrum);
            self.overlaps[0].add(spectrum, &self.slopes, &mut planes[0]);
            return;
        }
        let n_channels = self.channels.len();
        for (number, channel) in self.channels.iter_mut().enumerate() {
            let spectrum = &mut channel.spectrum[..n_lines];
            transform.dct_iv(spectrum);
            let plane = &mut planes[plane_of(n_channels, number)];
            self.overlaps[number].add(spectrum, &self.slopes, plane);
        }
    }
}

impl PacketDecoder for VorbisDecoder {
    fn name(&self) -> &'static str {
        "vorbis"
    }

    fn decode(&mut self, packet: &[u8], block: &mut Block) -> std::result::Result<(), String> {
        block.channels.truncate(self.overlaps.len());
        self.kernel.decode(self, packet, &mut block.channels).map_err(str::to_owned)
    }

    fn reset(&mut self) {
        self.overlaps.iter_mut().for_each(Overlap::clear);
    }
}

/// Identification and setup header out of three laced packets (Matroska's `CodecPrivate`).
fn unlace(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = bytes.strip_prefix(&[2])?;
    let mut lengths = [0_usize; 2];
    for length in &mut lengths {
        loop {
            let (&byte, tail) = rest.split_first()?;
            rest = tail;
            *length += usize::from(byte);
            if byte < 255 {
                break;
            }
        }
    }
    let (identification, rest) = rest.split_at_checked(lengths[0])?;
    Some((identification, rest.get(lengths[1]..)?))
}

/// Where a channel goes: Vorbis has its own order from three channels on (§4.3.9), everybody else that
/// of WAVE (front left, front right, front centre, low frequency, back, side).
fn plane_of(n_channels: usize, channel: usize) -> usize {
    let order: &[usize] = match n_channels {
        3 => &[0, 2, 1],
        5 => &[0, 2, 1, 3, 4],
        6 => &[0, 2, 1, 4, 5, 3],
        7 => &[0, 2, 1, 5, 6, 4, 3],
        8 => &[0, 2, 1, 6, 7, 4, 5, 3],
        _ => &[],
    };
    order.get(channel).copied().unwrap_or(channel)
}
