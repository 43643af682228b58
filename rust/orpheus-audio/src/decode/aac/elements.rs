//! The elements of a packet (`raw_data_block`, ISO/IEC 14496-3 §4.4.2.1).

use super::channel::{Channel, Format};
use super::layout::{Kind, Layout, Program};
use super::noise::{self, Seed};
use super::stereo::Pair;
use super::{Fault, INCOMPLETE};
use crate::decode::bits::Bits;
use crate::decode::demux::bits::BitsMsb;

/// `id_syn_ele` (table 4.85).
const SINGLE: u32 = 0;
const PAIR: u32 = 1;
const COUPLING: u32 = 2;
const LOW_FREQUENCY: u32 = 3;
const DATA: u32 = 4;
const PROGRAM: u32 = 5;
const FILL: u32 = 6;

/// What a packet holds besides its channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Extensions {
    /// Spectral band replication.
    pub(super) sbr: bool,
}

/// Reads the channels of a packet.
pub(super) struct Reader<'a> {
    pub(super) packet: &'a [u8],
    pub(super) format: Format,
    pub(super) layout: &'a Layout,
    pub(super) channels: &'a mut [Channel],
    /// Elements that were there, in the order of the layout.
    pub(super) seen: u32,
}

impl<'a> Reader<'a> {
    /// Everything up to the end element.
    pub(super) fn read(&mut self) -> Result<Extensions, Fault> {
        let n_bits = 8 * self.packet.len();
        let packet: &'a [u8] = self.packet;
        let mut bits = Bits::new(packet, 0);
        let mut extensions = Extensions::default();
        loop {
            match bits.read(3) {
                SINGLE => self.read_single(&mut bits, Kind::Single)?,
                PAIR => self.read_pair(&mut bits)?,
                COUPLING => return Err(super::COUPLING),
                LOW_FREQUENCY => self.read_single(&mut bits, Kind::LowFrequency)?,
                DATA => self.skip_data(&mut bits),
                PROGRAM => self.skip_program(&mut bits)?,
                FILL => extensions.sbr |= self.skip_fill(&mut bits),
                _ => break,
            }
            // Behind the end there are zeros, which would be elements.
            if bits.position() > n_bits {
                return Err(INCOMPLETE);
            }
        }
        if bits.position() > n_bits {
            return Err(INCOMPLETE);
        }
        if self.seen.count_ones() as usize != self.layout.elements.len() {
            return Err(super::MISSING_CHANNELS);
        }
        Ok(extensions)
    }

    /// The channels of the next element of a kind, which may be named by a tag.
    fn place(&mut self, kind: Kind, tag: u32) -> Result<[usize; 2], Fault> {
        let elements = self.layout.elements.iter().enumerate();
        let mut open = elements.filter(|(i, _)| self.seen >> i & 1 == 0);
        let found = match self.layout.elements[0].tag {
            Some(_) => open.find(|(_, element)| element.kind == kind && element.tag == Some(tag)),
            // In the order of the configuration. Some encoders call the channel of low frequencies a
            // single one.
            None => open.next().filter(|(_, element)| {
                element.kind == kind || element.kind == Kind::LowFrequency && kind == Kind::Single
            }),
        };
        let (number, element) = found.ok_or(super::OTHER_CHANNELS)?;
        self.seen |= 1 << number;
        Ok(element.channels)
    }

    fn read_single(&mut self, bits: &mut Bits<'a>, kind: Kind) -> Result<(), Fault> {
        let [number, _] = self.place(kind, bits.read(4))?;
        let channel = &mut self.channels[number];
        channel.read(bits, self.format, None)?;
        if channel.has_intensity() {
            return Err("intensity stereo in a single channel");
        }
        if channel.has_noise() {
            noise::fill(channel, number, self.format, Seed::of(self.packet), |_| false);
        }
        channel.shape_noise(self.format.bands);
        Ok(())
    }

    fn read_pair(&mut self, bits: &mut Bits<'a>) -> Result<(), Fault> {
        let numbers = self.place(Kind::Pair, bits.read(4))?;
        let Ok([left, right]) = self.channels.get_disjoint_mut(numbers) else {
            return Err("a pair of one channel");
        };
        let mut pair = Pair { left, right, number: numbers[0] };
        pair.read(bits, self.format, || Seed::of(self.packet))?;
        pair.left.shape_noise(self.format.bands);
        pair.right.shape_noise(self.format.bands);
        Ok(())
    }

    /// `data_stream_element` (§4.4.2.4).
    fn skip_data(&self, bits: &mut Bits<'a>) {
        bits.read(4);
        let is_aligned = bits.flag();
        let mut n_bytes = bits.read(8) as usize;
        if n_bytes == 255 {
            n_bytes += bits.read(8) as usize;
        }
        let mut position = bits.position();
        if is_aligned {
            position = position.next_multiple_of(8);
        }
        *bits = Bits::new(self.packet, position + 8 * n_bytes);
    }

    /// A program: one that is not what the configuration says would be another stream.
    fn skip_program(&self, bits: &mut Bits<'a>) -> Result<(), Fault> {
        let mut rest = BitsMsb::at(self.packet, bits.position());
        let program = Program::read(&mut rest).ok_or(INCOMPLETE)?;
        let is_listed = self.layout.elements[0].tag.is_some();
        if is_listed && program.layout().as_ref() != Some(self.layout) {
            return Err("another program than before");
        }
        *bits = Bits::new(self.packet, rest.position());
        Ok(())
    }

    /// `fill_element` (§4.4.2.5): whether it holds spectral band replication (table 4.121).
    fn skip_fill(&self, bits: &mut Bits<'a>) -> bool {
        const SBR: u32 = 13;
        const SBR_WITH_CHECKSUM: u32 = 14;
        let mut n_bytes = bits.read(4) as usize;
        if n_bytes == 15 {
            n_bytes = 14 + bits.read(8) as usize;
        }
        let position = bits.position();
        let kind = bits.read(4);
        *bits = Bits::new(self.packet, position + 8 * n_bytes);
        n_bytes > 0 && matches!(kind, SBR | SBR_WITH_CHECKSUM)
    }
}
