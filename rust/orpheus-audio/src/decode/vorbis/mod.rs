//! Vorbis I packets → samples (<https://xiph.org/vorbis/doc/Vorbis_I_spec.html>).
//!
//! Our own, because mono is what most callers want: the channels are mixed before the inverse MDCT,
//! which is linear, so that only one transform is needed.

mod bits;
mod codebook;
mod floor;
mod kernel;
#[cfg(target_arch = "x86_64")]
mod kernel_avx2;
mod residue;
mod setup;
#[cfg(test)]
mod tests;
mod transform;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;

use self::bits::{Bits, ilog};
use self::kernel::Kernel;
use self::setup::{Identification, Mapping, Mode, Setup};
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
    woven: Vec<f32>,
    scratch: Vec<u8>,
}

/// One channel of the block in the works.
struct Channel {
    curve: Vec<f32>,
    spectrum: Vec<f32>,
    /// Whether it has an envelope: without one it is silent.
    sounds: bool,
    /// Whether the packet holds a residue for it: a silent channel may be coupled with one that sounds.
    coded: bool,
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
        let channel = |_| Channel {
            curve: vec![0.0; n_lines],
            spectrum: vec![0.0; n_lines],
            sounds: false,
            coded: false,
        };
        let n_channels = identification.n_channels;
        let n_planes = if mix == Mix::Mono { 1 } else { n_channels };
        Ok(Self {
            transforms: identification.block_bits.map(|bits| InverseMdct::new(1 << bits)),
            slopes: identification.block_bits.map(|bits| slope(1 << bits)),
            overlaps: (0..n_planes).map(|_| Overlap::default()).collect(),
            channels: (0..n_channels).map(channel).collect(),
            woven: Vec::new(),
            scratch: Vec::new(),
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
        read_curves(bits, &self.setup, mapping, &mut self.channels, n_lines);
        read_residues(
            bits,
            &self.setup,
            mapping,
            &mut self.channels,
            (&mut self.woven, &mut self.scratch),
            n_lines,
        );
        for &(magnitude, angle) in mapping.couplings.iter().rev() {
            uncouple(&mut self.channels, magnitude, angle, n_lines);
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
            mix(&mut self.channels, n_lines);
            let spectrum = &mut self.channels[0].spectrum[..n_lines];
            transform.dct_iv(spectrum);
            self.overlaps[0].add(spectrum, &self.slopes, &mut planes[0]);
            return;
        }
        let n_channels = self.channels.len();
        for (number, channel) in self.channels.iter_mut().enumerate() {
            let spectrum = &mut channel.spectrum[..n_lines];
            for (line, height) in spectrum.iter_mut().zip(&channel.curve) {
                *line *= height;
            }
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

/// §4.3.2 and §4.3.3.
#[inline(always)]
fn read_curves(
    bits: &mut Bits<'_>,
    setup: &Setup,
    mapping: &Mapping,
    channels: &mut [Channel],
    n_lines: usize,
) {
    for (channel, &submap) in channels.iter_mut().zip(&mapping.multiplex) {
        let floor = &setup.floors[mapping.submaps[submap].0];
        let curve = &mut channel.curve[..n_lines];
        channel.sounds = floor.curve(bits, &setup.books, curve);
        channel.coded = channel.sounds;
        if !channel.sounds {
            curve.fill(0.0);
        }
        channel.spectrum[..n_lines].fill(0.0);
    }
    for &(magnitude, angle) in &mapping.couplings {
        let coded = channels[magnitude].coded || channels[angle].coded;
        (channels[magnitude].coded, channels[angle].coded) = (coded, coded);
    }
}

/// §4.3.4.
#[inline(always)]
fn read_residues(
    bits: &mut Bits<'_>,
    setup: &Setup,
    mapping: &Mapping,
    channels: &mut [Channel],
    (woven, scratch): (&mut Vec<f32>, &mut Vec<u8>),
    n_lines: usize,
) {
    for (number, &(_, residue)) in mapping.submaps.iter().enumerate() {
        let residue = &setup.residues[residue];
        let mut own: Vec<&mut Channel> = channels
            .iter_mut()
            .zip(&mapping.multiplex)
            .filter_map(|(channel, &submap)| (submap == number).then_some(channel))
            .collect();
        if !own.iter().any(|channel| channel.coded) {
            continue;
        }
        if !residue.is_woven() {
            let coded = own.iter_mut().filter(|channel| channel.coded);
            let mut targets: Vec<&mut [f32]> =
                coded.map(|channel| &mut channel.spectrum[..n_lines]).collect();
            residue.add(bits, &setup.books, &mut targets, scratch);
            continue;
        }
        let n_channels = own.len();
        woven.clear();
        woven.resize(n_channels * n_lines, 0.0);
        residue.add(bits, &setup.books, &mut [woven.as_mut_slice()], scratch);
        unweave(woven, &mut own, n_lines);
    }
}

#[inline(always)]
fn unweave(woven: &[f32], channels: &mut [&mut Channel], n_lines: usize) {
    if let [left, right] = channels {
        // The usual case, in a form that becomes vector code.
        let targets = left.spectrum[..n_lines].iter_mut().zip(&mut right.spectrum[..n_lines]);
        for ((left, right), pair) in targets.zip(woven.as_chunks::<2>().0) {
            (*left, *right) = (pair[0], pair[1]);
        }
        return;
    }
    let n_channels = channels.len();
    for (number, channel) in channels.iter_mut().enumerate() {
        let own = woven.iter().skip(number).step_by(n_channels);
        for (line, value) in channel.spectrum[..n_lines].iter_mut().zip(own) {
            *line = *value;
        }
    }
}

/// §4.3.5: magnitude and angle → two channels.
#[inline(always)]
fn uncouple(channels: &mut [Channel], magnitude: usize, angle: usize, n_lines: usize) {
    let Ok([magnitude, angle]) = channels.get_disjoint_mut([magnitude, angle]) else { return };
    let pairs = magnitude.spectrum[..n_lines].iter_mut().zip(&mut angle.spectrum[..n_lines]);
    for (first, second) in pairs {
        let (m, a) = (*first, *second);
        let signed = if m > 0.0 { a } else { -a };
        *first = m + if a > 0.0 { 0.0 } else { signed };
        *second = m - if a > 0.0 { signed } else { 0.0 };
    }
}

/// The mean of all channels, under their envelopes, into the first one's spectrum.
#[inline(always)]
fn mix(channels: &mut [Channel], n_lines: usize) {
    let scale = 1.0 / channels.len() as f32;
    let Some((first, others)) = channels.split_first_mut() else { return };
    let sum = &mut first.spectrum[..n_lines];
    if let [other] = others {
        let under = other.spectrum[..n_lines].iter().zip(&other.curve);
        for ((line, height), (other, other_height)) in sum.iter_mut().zip(&first.curve).zip(under) {
            *line = scale * (*line * height + other * other_height);
        }
        return;
    }
    for (line, height) in sum.iter_mut().zip(&first.curve) {
        *line *= scale * height;
    }
    for other in others {
        for (line, (other, height)) in sum.iter_mut().zip(other.spectrum.iter().zip(&other.curve)) {
            *line += scale * other * height;
        }
    }
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
