//! What a frame says about its granules (ISO/IEC 11172-3 §2.4.1.7, ISO/IEC 13818-3 §2.4.1.7).

use super::FrameError;
use super::bands::{Bands, Layout, N_LINES, N_PAIRS};
use crate::decode::bits::Bits;

use crate::decode::mpeg::header::{FrameHeader, HEADER_BYTES};

/// Versions of the standard; 2.5 is what encoders made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Mpeg1,
    Mpeg2,
    Mpeg25,
}

/// The channels' relation, and where the side information is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    pub(super) version: Version,
    pub(super) n_channels: usize,
    pub(super) mid_side: bool,
    pub(super) intensity: bool,
    /// Offset of the side information in the frame.
    pub(super) side_at: usize,
}

impl Mode {
    pub(super) fn new(header: &FrameHeader, frame: &[u8]) -> Result<Self, FrameError> {
        let &[_, id, _, mode, ..] = frame else { return Err(FrameError::Short) };
        let joint = mode >> 6 == 1;
        let crc_bytes = if id & 1 == 0 { 2 } else { 0 };
        Ok(Self {
            version: match id & 0x18 {
                0x18 => Version::Mpeg1,
                0x10 => Version::Mpeg2,
                _ => Version::Mpeg25,
            },
            n_channels: header.n_channels,
            mid_side: joint && mode & 0x20 != 0,
            intensity: joint && mode & 0x10 != 0,
            side_at: HEADER_BYTES + crc_bytes,
        })
    }

    pub(super) fn mpeg1(&self) -> bool {
        self.version == Version::Mpeg1
    }

    pub(super) fn n_granules(&self) -> usize {
        if self.mpeg1() { 2 } else { 1 }
    }
}

/// Window shapes by their number in the bitstream (`block_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Shape {
    #[default]
    Long,
    Start,
    Short,
    Stop,
}

/// How a granule was transformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct BlockType {
    pub(super) shape: Shape,
    /// The two lowest subbands are plain long blocks.
    pub(super) mixed: bool,
}

impl BlockType {
    /// Whether all lines belong to short windows, or all but those of two subbands.
    pub(super) fn is_short(self) -> bool {
        self.shape == Shape::Short
    }

    pub(super) fn layout(self, bands: &Bands) -> &Layout {
        match (self.shape, self.mixed) {
            (Shape::Short, false) => &bands.short,
            (Shape::Short, true) => &bands.mixed,
            _ => &bands.long,
        }
    }
}

/// One channel of one granule.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    /// Bits of scalefactors and Huffman codes together.
    pub(super) n_bits: usize,
    pub(super) global_gain: i32,
    pub(super) scalefac_compress: u32,
    pub(super) block: BlockType,
    pub(super) subblock_gain: [i32; 3],
    pub(super) tables: [u8; 3],
    /// Pair at which each region of the big values ends.
    pub(super) region_ends: [usize; 3],
    pub(super) preflag: bool,
    pub(super) scalefac_scale: u32,
    pub(super) quads_b: bool,
}

/// The side information of a frame.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SideInfo {
    /// Bytes before this frame's own at which its main data begin.
    pub(super) main_data_begin: usize,
    /// Groups of scalefactors that the second granule shares with the first, by channel.
    pub(super) shared: [[bool; 4]; 2],
    /// By granule and channel.
    pub(super) parts: [[Part; 2]; 2],
}

impl SideInfo {
    pub(super) fn parse(bytes: &[u8], mode: &Mode, bands: &Bands) -> Result<Self, FrameError> {
        let mut bits = Bits::new(bytes, 0);
        let mut info =
            Self { main_data_begin: main_data_begin(&mut bits, mode), ..Self::default() };
        if mode.mpeg1() {
            for shared in &mut info.shared[..mode.n_channels] {
                *shared = std::array::from_fn(|_| bits.flag());
            }
        }
        for granule in &mut info.parts[..mode.n_granules()] {
            for part in &mut granule[..mode.n_channels] {
                *part = Part::parse(&mut bits, mode, bands)?;
            }
        }
        Ok(info)
    }
}

fn main_data_begin(bits: &mut Bits, mode: &Mode) -> usize {
    let (n_begin, n_private) = match (mode.mpeg1(), mode.n_channels) {
        (true, 1) => (9, 5),
        (true, _) => (9, 3),
        (false, 1) => (8, 1),
        (false, _) => (8, 2),
    };
    let begin = bits.read(n_begin);
    bits.read(n_private);
    begin as usize
}

impl Part {
    fn parse(bits: &mut Bits, mode: &Mode, bands: &Bands) -> Result<Self, FrameError> {
        // Up to the subblock gains or the regions, these are 54 bits at most.
        bits.refill();
        let mut part = Self { n_bits: bits.take(12) as usize, ..Self::default() };
        let n_pairs = bits.take(9) as usize;
        if n_pairs > N_PAIRS {
            return Err(FrameError::SideInfo);
        }
        part.global_gain = bits.take(8) as i32;
        part.scalefac_compress = bits.take(if mode.mpeg1() { 4 } else { 9 });
        let ends = if bits.take(1) == 1 {
            [part.parse_switched(bits, mode, bands)?, N_LINES]
        } else {
            part.parse_plain(bits, bands)
        };
        part.region_ends = [(ends[0] / 2).min(n_pairs), (ends[1] / 2).min(n_pairs), n_pairs];
        part.preflag = mode.mpeg1() && bits.take(1) == 1;
        part.scalefac_scale = bits.take(1);
        part.quads_b = bits.take(1) == 1;
        Ok(part)
    }

    /// Window switching: two regions; returns the line at which the first ends.
    fn parse_switched(
        &mut self,
        bits: &mut Bits,
        mode: &Mode,
        bands: &Bands,
    ) -> Result<usize, FrameError> {
        let shape = match bits.take(2) {
            1 => Shape::Start,
            2 => Shape::Short,
            3 => Shape::Stop,
            _ => return Err(FrameError::SideInfo),
        };
        self.block = BlockType { shape, mixed: bits.take(1) == 1 };
        self.tables = [bits.take(5) as u8, bits.take(5) as u8, 0];
        bits.refill();
        self.subblock_gain = std::array::from_fn(|_| bits.take(3) as i32);
        let quarter = mode.version == Version::Mpeg25;
        let n_bands = match (shape, self.block.mixed) {
            (Shape::Short, false) if quarter => 6,
            (Shape::Short, _) if !quarter => return Ok(36),
            _ => 8,
        };
        Ok(usize::from(bands.long_edges[n_bands]))
    }

    /// No window switching: three regions; returns the lines at which the first two end.
    fn parse_plain(&mut self, bits: &mut Bits, bands: &Bands) -> [usize; 2] {
        self.tables = std::array::from_fn(|_| bits.take(5) as u8);
        bits.refill();
        let first = bits.take(4) as usize + 1;
        let second = first + bits.take(3) as usize + 1;
        [first, second].map(|n| bands.long_edges.get(n).map_or(N_LINES, |&edge| usize::from(edge)))
    }
}
