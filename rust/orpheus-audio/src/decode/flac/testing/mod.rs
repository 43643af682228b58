//! A small encoder: every kind of subframe and residual that the format has, chosen by a seed.

mod bit_writer;
mod subframes;

use self::bit_writer::BitWriter;
use super::crc::{crc8, crc16};
use super::header::Channels;
use super::md5::Md5;

/// xorshift64*: the same numbers everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n
    }
}

/// What a stream is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) seed: u64,
    pub(super) n_bits: u32,
    pub(super) n_channels: usize,
    pub(super) n_frames: usize,
    /// Of frames in a stream of fixed block size; the largest in one of variable block size.
    pub(super) block_size: usize,
    pub(super) variable: bool,
}

/// A file and what is in it.
pub(super) struct Stream {
    pub(super) bytes: Vec<u8>,
    pub(super) samples: Vec<Vec<i32>>,
    /// Where each frame begins, and where the last one ends.
    pub(super) offsets: Vec<usize>,
    /// First sample of each frame.
    pub(super) positions: Vec<usize>,
}

pub(super) const SAMPLE_RATE: u32 = 44_100;
const STREAM_INFO_AT: usize = 8;

impl Shape {
    pub(super) fn encode(self) -> Stream {
        let mut random = Random::new(self.seed);
        let mut samples = vec![Vec::new(); self.n_channels];
        let mut frames = Vec::new();
        let (mut starts, mut positions) = (Vec::new(), Vec::new());
        for n in 0..self.n_frames {
            let last = n + 1 == self.n_frames;
            let block_size = if self.variable || last {
                1 + random.below(self.block_size as u64) as usize
            } else {
                self.block_size
            };
            let position = samples[0].len();
            let block = self.signal(&mut random, block_size);
            let number = if self.variable { position } else { n };
            starts.push(frames.len());
            positions.push(position);
            frames.extend(self.frame(&mut random, number as u64, &block));
            samples.iter_mut().zip(block).for_each(|(all, new)| all.extend(new));
        }
        let mut bytes = b"fLaC\x80\0\0\x22".to_vec();
        bytes.extend(self.stream_info(&samples));
        let mut offsets: Vec<_> = starts.iter().map(|start| start + bytes.len()).collect();
        bytes.extend(frames);
        offsets.push(bytes.len());
        Stream { bytes, samples, offsets, positions }
    }

    fn stream_info(self, samples: &[Vec<i32>]) -> Vec<u8> {
        let least = if self.variable { 16 } else { self.block_size };
        let mut bits = BitWriter::default();
        bits.put(least as u64, 16);
        bits.put(self.block_size as u64, 16);
        bits.put(0, 48);
        bits.put(u64::from(SAMPLE_RATE), 20);
        bits.put(self.n_channels as u64 - 1, 3);
        bits.put(u64::from(self.n_bits) - 1, 5);
        bits.put(samples[0].len() as u64, 36);
        let mut bytes = bits.finish();
        bytes.extend(md5(samples, self.n_bits));
        bytes
    }

    /// A block of each channel: a wave, noise, silence, or one of two extremes.
    fn signal(self, random: &mut Random, n: usize) -> Vec<Vec<i32>> {
        let most = (1_i64 << (self.n_bits - 1)) - 1;
        let kind = random.below(6);
        let level = 1.0 / (1_u64 << random.below(12)) as f64;
        let step = 0.001 + random.below(1000) as f64 / 2000.0;
        let n_zero = if random.below(4) == 0 { random.below(u64::from(self.n_bits)) } else { 0 };
        let channel = |channel: usize, random: &mut Random| {
            let sample = |n: usize| {
                let noise = random.below(1 << 20) as f64 / f64::from(1 << 19) - 1.0;
                let wave = (n as f64 * step + channel as f64).sin();
                let value = match kind {
                    0 => 0.0,
                    1 => noise,
                    2 => {
                        if noise > 0.0 {
                            2.0
                        } else {
                            -2.0
                        }
                    }
                    3 => level,
                    _ => 0.9 * level * wave + 0.02 * level * noise,
                };
                let value = ((value * most as f64).round() as i64).clamp(-most - 1, most);
                (value >> n_zero << n_zero) as i32
            };
            (0..n).map(sample).collect()
        };
        (0..self.n_channels).map(|n| channel(n, random)).collect()
    }

    /// One frame, coded as chance has it.
    fn frame(self, random: &mut Random, number: u64, block: &[Vec<i32>]) -> Vec<u8> {
        let channels = match (self.n_channels, random.below(4)) {
            (2, 0) => Channels::LeftSide,
            (2, 1) => Channels::SideRight,
            (2, 2) => Channels::MidSide,
            (n, _) => Channels::Independent(n),
        };
        let block_size = block[0].len();
        let mut bits = BitWriter::default();
        bits.put(if self.variable { 0xfff9 } else { 0xfff8 }, 16);
        bits.put(7, 4);
        // From the frame's own code, or from STREAMINFO.
        bits.put(if random.below(2) == 0 { 9 } else { 0 }, 4);
        bits.put(channels_code(channels), 4);
        bits.put(self.bits_code(), 3);
        bits.put(0, 1);
        bits.put_number(number);
        bits.put(block_size as u64 - 1, 16);
        let sum = crc8(bits.bytes());
        bits.put(u64::from(sum), 8);
        for (n, values) in coded(channels, block).iter().enumerate() {
            let n_bits = self.n_bits + u32::from(channels.side() == Some(n));
            subframes::write(&mut bits, random, values, n_bits);
        }
        let mut bytes = bits.finish();
        bytes.extend(crc16(&bytes).to_be_bytes());
        bytes
    }

    fn bits_code(self) -> u64 {
        match self.n_bits {
            8 => 1,
            12 => 2,
            16 => 4,
            20 => 5,
            24 => 6,
            32 => 7,
            _ => 0,
        }
    }
}

impl Stream {
    /// Changes STREAMINFO, so that the number of samples is not known.
    pub(super) fn without_length(mut self) -> Self {
        self.set_length(0);
        self
    }

    pub(super) fn set_length(&mut self, n_samples: u64) {
        let at = STREAM_INFO_AT + 13;
        self.bytes[at] = self.bytes[at] & 0xf0 | (n_samples >> 32) as u8;
        self.bytes[at + 1..at + 5].copy_from_slice(&(n_samples as u32).to_be_bytes());
    }

    pub(super) fn set_md5(&mut self, md5: [u8; 16]) {
        self.bytes[STREAM_INFO_AT + 18..][..16].copy_from_slice(&md5);
    }
}

fn channels_code(channels: Channels) -> u64 {
    match channels {
        Channels::Independent(n) => n as u64 - 1,
        Channels::LeftSide => 8,
        Channels::SideRight => 9,
        Channels::MidSide => 10,
    }
}

/// The channels as they are coded.
fn coded(channels: Channels, block: &[Vec<i32>]) -> Vec<Vec<i64>> {
    let wide = |n: usize| block[n].iter().copied().map(i64::from).collect::<Vec<_>>();
    if channels.side().is_none() {
        return (0..block.len()).map(wide).collect();
    }
    let (left, right) = (wide(0), wide(1));
    let pairs = || left.iter().zip(&right);
    let side = pairs().map(|(left, right)| left - right).collect();
    match channels {
        Channels::LeftSide => vec![left, side],
        Channels::SideRight => vec![side, right],
        _ => vec![pairs().map(|(left, right)| (left + right) >> 1).collect(), side],
    }
}

fn md5(samples: &[Vec<i32>], n_bits: u32) -> [u8; 16] {
    let mut md5 = Md5::new(n_bits);
    for n in 0..samples[0].len() {
        for channel in samples {
            let n_bytes = n_bits.div_ceil(8) as usize;
            md5.append(n_bytes).copy_from_slice(&channel[n].to_le_bytes()[..n_bytes]);
        }
    }
    md5.finish()
}
