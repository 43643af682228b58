//! Writes what the decoder reads: frames of layer III from the values in them.

use super::super::bands::{Bands, bands};
use super::super::huffman_codes::{LEAVES, LINBITS, QUADS_A};
use super::super::scalefactors::{GROUPS, SHARED_GROUPS, WIDTHS};
use super::super::side_info::{BlockType, Shape};

/// What all frames of a stream have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    /// Number of the sample rate: MPEG-1 to 2, MPEG-2 to 5, MPEG-2.5 to 8.
    pub(super) rate: usize,
    pub(super) n_channels: usize,
    /// Index of the bit rate.
    pub(super) bitrate: usize,
    pub(super) crc: bool,
}

impl Format {
    pub(super) fn mpeg1(&self) -> bool {
        self.rate < 3
    }

    pub(super) fn n_granules(&self) -> usize {
        if self.mpeg1() { 2 } else { 1 }
    }

    pub(super) fn bands(&self) -> &'static Bands {
        bands(self.rate)
    }

    /// The four bytes of a header; `joint` is the mode extension of joint stereo.
    pub(super) fn header(&self, joint: Option<u8>) -> [u8; 4] {
        let version = [3, 2, 0][self.rate / 3];
        let mode = match (self.n_channels, joint) {
            (1, _) => 0xc0,
            (_, Some(extension)) => 0x40 | extension << 4,
            (_, None) => 0,
        };
        let protection = u8::from(!self.crc);
        let rate = (self.rate % 3) as u8;
        [0xff, 0xe2 | version << 3 | protection, (self.bitrate as u8) << 4 | rate << 2, mode]
    }
}

/// One channel of one granule.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    pub(super) block: BlockType,
    pub(super) global_gain: usize,
    pub(super) scalefac_compress: usize,
    pub(super) subblock_gain: [usize; 3],
    pub(super) tables: [usize; 3],
    /// Bands in the first two regions, each less one.
    pub(super) region_counts: [usize; 2],
    pub(super) preflag: bool,
    pub(super) scalefac_scale: bool,
    pub(super) quads_b: bool,
    /// As they take effect: a second granule may have some from the first.
    pub(super) scalefactors: [u8; 39],
    /// In coded order.
    pub(super) values: Vec<i32>,
    pub(super) n_pairs: usize,
    pub(super) n_quads: usize,
    /// Bits behind the values that mean nothing.
    pub(super) n_stuffing: usize,
}

/// A frame.
#[derive(Debug, Clone)]
pub(super) struct FrameValues {
    pub(super) joint: Option<u8>,
    /// By channel.
    pub(super) shared: [[bool; 4]; 2],
    /// By granule and channel.
    pub(super) granules: Vec<Vec<Channel>>,
}

/// Bits, most significant first.
#[derive(Debug, Default, Clone)]
pub(super) struct BitWriter {
    pub(super) bytes: Vec<u8>,
    pub(super) n_bits: usize,
}

impl BitWriter {
    pub(super) fn put(&mut self, value: usize, n: usize) {
        for i in (0..n).rev() {
            if self.n_bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= ((value >> i & 1) as u8) << (7 - self.n_bits % 8);
            self.n_bits += 1;
        }
    }

    fn append(&mut self, other: &Self) {
        for i in 0..other.n_bits {
            self.put(usize::from(other.bytes[i / 8] >> (7 - i % 8) & 1), 1);
        }
    }
}

/// Code and length of the leaf whose low byte is `value`.
fn code(leaves: &[u16], value: u16) -> (usize, usize) {
    let mut at = 0;
    for leaf in leaves {
        let n = usize::from(leaf >> 8);
        if leaf & 0xff == value {
            return (at >> (19 - n), n);
        }
        at += 1 << (19 - n);
    }
    panic!("no code for {value:#x}");
}

impl Channel {
    /// Lines at which the first two regions end.
    pub(super) fn region_ends(&self, format: &Format) -> [usize; 2] {
        let edges = &format.bands().long_edges;
        if self.block.shape == Shape::Long {
            let [first, second] = self.region_counts;
            let edge = |n: usize| edges.get(n).map_or(576, |&edge| usize::from(edge));
            return [edge(first + 1), edge(first + second + 2)];
        }
        let first = match (self.block.shape, format.rate) {
            (Shape::Short, 0..6) => 36,
            (Shape::Short, _) if !self.block.mixed => edges[6],
            _ => edges[8],
        };
        [usize::from(first), 576]
    }

    /// Scalefactors and Huffman codes.
    pub(super) fn main_data(
        &self,
        format: &Format,
        shared: [bool; 4],
        intensity: bool,
    ) -> BitWriter {
        let mut bits = BitWriter::default();
        for (start, end, width) in self.scalefactor_groups(format, intensity) {
            let is_shared = SHARED_GROUPS.iter().position(|&group| group == (start, end));
            let long = self.block.shape != Shape::Short;
            if format.mpeg1() && long && is_shared.is_some_and(|i| shared[i]) {
                continue;
            }
            for value in &self.scalefactors[start..end] {
                bits.put(usize::from(*value), width);
            }
        }
        let ends = self.region_ends(format);
        for pair in 0..self.n_pairs {
            let region = ends.iter().filter(|&&end| pair * 2 >= end).count();
            put_pair(
                &mut bits,
                self.tables[region],
                [2 * pair, 2 * pair + 1].map(|i| self.values[i]),
            );
        }
        let quads_b: [u16; 16] = std::array::from_fn(|i| 4 << 8 | (15 - i as u16));
        let leaves = if self.quads_b { quads_b } else { QUADS_A };
        for four in self.values[2 * self.n_pairs..].chunks(4).take(self.n_quads) {
            let value = four.iter().fold(0, |value, &v| value << 1 | u16::from(v != 0));
            let (code, n) = code(&leaves, value);
            bits.put(code, n);
            four.iter().filter(|&&v| v != 0).for_each(|&v| bits.put(usize::from(v < 0), 1));
        }
        bits.put(0, self.n_stuffing);
        bits
    }

    /// First band, last and width in bits of the scalefactors.
    pub(super) fn scalefactor_groups(
        &self,
        format: &Format,
        intensity: bool,
    ) -> Vec<(usize, usize, usize)> {
        let short = self.block.shape == Shape::Short;
        if format.mpeg1() {
            let [low, high] = WIDTHS[self.scalefac_compress].map(|width| width as usize);
            if short {
                let n_low = if self.block.mixed { 17 } else { 18 };
                return vec![(0, n_low, low), (n_low, n_low + 18, high)];
            }
            let widths = [low, low, high, high];
            return SHARED_GROUPS.iter().zip(widths).map(|(g, width)| (g.0, g.1, width)).collect();
        }
        let (range, widths) = low_widths(self.scalefac_compress, intensity);
        let kind = if short { 1 + usize::from(self.block.mixed) } else { 0 };
        let mut start = 0;
        let groups = GROUPS[range][kind].iter().zip(widths);
        groups
            .map(|(n, width)| {
                start += n;
                (start - n, start, width)
            })
            .collect()
    }

    fn put_side_info(&self, bits: &mut BitWriter, format: &Format, n_bits: usize) {
        assert!(n_bits < 4096 && self.n_pairs <= 288);
        bits.put(n_bits, 12);
        bits.put(self.n_pairs, 9);
        bits.put(self.global_gain, 8);
        bits.put(self.scalefac_compress, if format.mpeg1() { 4 } else { 9 });
        let long = self.block.shape == Shape::Long;
        bits.put(usize::from(!long), 1);
        if long {
            self.tables.iter().for_each(|&table| bits.put(table, 5));
            bits.put(self.region_counts[0], 4);
            bits.put(self.region_counts[1], 3);
        } else {
            bits.put(self.block.shape as usize, 2);
            bits.put(usize::from(self.block.mixed), 1);
            self.tables[..2].iter().for_each(|&table| bits.put(table, 5));
            self.subblock_gain.iter().for_each(|&gain| bits.put(gain, 3));
        }
        if format.mpeg1() {
            bits.put(usize::from(self.preflag), 1);
        }
        bits.put(usize::from(self.scalefac_scale), 1);
        bits.put(usize::from(self.quads_b), 1);
    }
}

pub(super) fn put_pair(bits: &mut BitWriter, table: usize, pair: [i32; 2]) {
    if table == 0 {
        assert_eq!(pair, [0, 0]);
        return;
    }
    let number = if table < 16 { table } else { table / 8 * 8 };
    let linbits = usize::from(LINBITS[table]);
    let [x, y] = pair.map(|v| if table < 16 { v.unsigned_abs() } else { v.unsigned_abs().min(15) });
    let (code, n) = code(LEAVES[number], (x << 4 | y) as u16);
    bits.put(code, n);
    for (value, coded) in pair.into_iter().zip([x, y]) {
        if coded == 15 {
            bits.put(value.unsigned_abs() as usize - 15, linbits);
        }
        if value != 0 {
            bits.put(usize::from(value < 0), 1);
        }
    }
}

/// The range of `scalefac_compress` in MPEG-2, and the widths that it was made of.
pub(super) fn low_widths(compress: usize, intensity: bool) -> (usize, [usize; 4]) {
    let all = |range: usize, n: [usize; 4], base: usize, weights: [usize; 4], step: usize| {
        let mut found = None;
        for i in 0..n.iter().product() {
            let w = [i % n[0], i / n[0] % n[1], i / n[0] / n[1] % n[2], i / n[0] / n[1] / n[2]];
            let sum: usize = w.iter().zip(weights).map(|(w, weight)| w * weight).sum();
            if (base + sum) == compress / step {
                found = Some((range, w));
            }
        }
        found
    };
    if intensity {
        all(3, [5, 6, 6, 1], 0, [36, 6, 1, 0], 2)
            .or_else(|| all(4, [4, 4, 4, 1], 180, [16, 4, 1, 0], 2))
            .or_else(|| all(5, [4, 3, 1, 1], 244, [3, 1, 0, 0], 2))
    } else {
        all(0, [5, 5, 4, 4], 0, [80, 16, 4, 1], 1)
            .or_else(|| all(1, [5, 5, 4, 1], 400, [20, 4, 1, 0], 1))
            .or_else(|| all(2, [4, 3, 1, 1], 500, [3, 1, 0, 0], 1))
    }
    .unwrap()
}

/// A stream of frames that share a bit reservoir.
pub(super) struct StreamWriter {
    pub(super) format: Format,
    /// Main data of all frames, one after the other.
    main: Vec<u8>,
    /// Bytes at the end of `main` that are free.
    n_free: usize,
    /// Header and side information, and where the frame's own part of `main` begins.
    frames: Vec<(Vec<u8>, usize)>,
}

impl StreamWriter {
    pub(super) fn new(format: Format) -> Self {
        Self { format, main: Vec::new(), n_free: 0, frames: Vec::new() }
    }

    /// Bytes of one frame behind its side information.
    fn n_own(&self) -> usize {
        let header = super::FrameHeader::parse(&self.format.header(None)).unwrap();
        let crc = if self.format.crc { 2 } else { 0 };
        header.n_bytes - 4 - crc - header.side_info_bytes()
    }

    /// Bits that the next frame can have.
    pub(super) fn n_bits_left(&self) -> usize {
        8 * (self.n_free.min(self.max_back()) + self.n_own())
    }

    fn max_back(&self) -> usize {
        if self.format.mpeg1() { 511 } else { 255 }
    }

    pub(super) fn push(&mut self, frame: &FrameValues) {
        let format = self.format;
        let begin = self.n_free.min(self.max_back());
        let mut side = BitWriter::default();
        side.put(begin, if format.mpeg1() { 9 } else { 8 });
        let n_private = match (format.mpeg1(), format.n_channels) {
            (true, 1) => 5,
            (true, _) => 3,
            (false, n) => n,
        };
        side.put(0, n_private);
        if format.mpeg1() {
            let shared = frame.shared[..format.n_channels].iter().flatten();
            shared.for_each(|&shared| side.put(usize::from(shared), 1));
        }
        let mut main = BitWriter::default();
        for (index, channels) in frame.granules.iter().enumerate() {
            for (i, channel) in channels.iter().enumerate() {
                let shared = if index > 0 { frame.shared[i] } else { [false; 4] };
                let intensity = i == 1 && frame.joint.is_some_and(|joint| joint & 1 == 1);
                let data = channel.main_data(&format, shared, intensity);
                channel.put_side_info(&mut side, &format, data.n_bits);
                main.append(&data);
            }
        }
        let mut bytes = format.header(frame.joint).to_vec();
        bytes.extend(if format.crc { &[0xab, 0xcd][..] } else { &[] });
        bytes.extend(side.bytes);
        let own_at = self.main.len();
        self.frames.push((bytes, own_at));
        self.main.resize(own_at + self.n_own(), 0);
        let at = own_at - begin;
        self.main[at..at + main.bytes.len()].copy_from_slice(&main.bytes);
        self.n_free = self.main.len() - at - main.bytes.len();
    }

    /// The frames, whole.
    pub(super) fn finish(self) -> Vec<Vec<u8>> {
        let n_own = self.n_own();
        let whole = |(mut bytes, at): (Vec<u8>, usize)| {
            bytes.extend(&self.main[at..at + n_own]);
            bytes
        };
        self.frames.into_iter().map(whole).collect()
    }
}
