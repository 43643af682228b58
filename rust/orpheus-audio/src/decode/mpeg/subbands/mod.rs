//! MPEG audio layers I and II (ISO/IEC 11172-3 §2.4.3.2 and §2.4.3.3, ISO/IEC 13818-3): samples of
//! subbands, each quantised to so many levels of a scale.

pub(super) mod allocation;
#[cfg(test)]
mod tests;

use self::allocation::N_SUBBANDS;
use self::allocation::layer2;
use super::header::{FrameHeader, HEADER_BYTES};
use super::layer3::{Filterbank, Mix, ROWS_STEPS, Rows};
use crate::decode::bits::Bits;

/// Why a frame cannot be decoded.
type Fault = &'static str;

const CHECKSUM_BYTES: usize = 2;
/// Steps that share a scale: a third of a frame of layer II, a whole one of layer I.
const PART_STEPS: usize = 12;
const SINGLE_CHANNEL: u8 = 3;
const JOINT_STEREO: u8 = 1;

/// Decodes a stream of frames.
pub(super) struct Subbands {
    mix: Mix,
    filterbanks: [Filterbank; 2],
    /// Of each plane.
    rows: Box<[[Rows; 2]; 2]>,
}

/// How the samples of a frame are stored.
struct Coding {
    n_channels: usize,
    n_subbands: usize,
    /// The subband from which on all channels share their samples, but not the scales of them.
    bound: usize,
    /// Levels by subband and channel; 0 if there are no samples.
    levels: [[u32; 2]; N_SUBBANDS],
    /// Scales by subband, channel and part of the frame.
    scales: [[[f32; 3]; 2]; N_SUBBANDS],
}

impl Subbands {
    /// With [`Mix::Mono`], frames of two channels come as their mean.
    pub(super) fn new(mix: Mix) -> Self {
        Self {
            mix,
            filterbanks: [Filterbank::new(), Filterbank::new()],
            rows: Box::new([[[[[0.0; 8]; 4]; ROWS_STEPS]; 2]; 2]),
        }
    }

    /// Appends the samples of a frame of layer I or II to `out`, which has one plane in mono, else one
    /// per channel.
    pub(super) fn decode(
        &mut self,
        header: &FrameHeader,
        frame: &[u8],
        out: &mut [Vec<f32>],
    ) -> Result<(), Fault> {
        let n_planes = if self.mix == Mix::Mono { 1 } else { header.n_channels };
        if out.len() != n_planes {
            return Err("the number of channels changes");
        }
        self.rows.as_flattened_mut().as_flattened_mut().fill([[0.0; 8]; 4]);
        let has_checksum = frame.get(1).is_some_and(|byte| byte & 1 == 0);
        let start = HEADER_BYTES + if has_checksum { CHECKSUM_BYTES } else { 0 };
        let mut bits = Bits::new(frame, 8 * start);
        let mode = frame.get(3).copied().unwrap_or(SINGLE_CHANNEL << 6);
        if header.layer == 1 {
            let coding = Coding::of_layer1(&mut bits, header, mode)?;
            self.read_one_by_one(&mut bits, &coding);
        } else {
            let coding = Coding::of_layer2(&mut bits, header, mode);
            self.read_by_threes(&mut bits, &coding);
        }
        if bits.position() > 8 * frame.len().min(header.n_bytes) {
            return Err("samples that end behind their frame");
        }
        let n_steps = header.n_samples as usize / N_SUBBANDS;
        for ((filterbank, rows), out) in
            self.filterbanks.iter_mut().zip(self.rows.iter()).zip(out.iter_mut())
        {
            filterbank.synthesize(rows, n_steps, out);
        }
        Ok(())
    }

    /// The samples of layer I.
    fn read_one_by_one(&mut self, bits: &mut Bits<'_>, coding: &Coding) {
        for step in 0..PART_STEPS {
            for (subband, channel, levels) in coding.stored() {
                let value = bits.read(bits_of(levels));
                self.put(coding, (subband, channel), step, fraction(value, levels));
            }
        }
    }

    /// The samples of layer II, of three steps at a time.
    fn read_by_threes(&mut self, bits: &mut Bits<'_>, coding: &Coding) {
        for step in (0..3 * PART_STEPS).step_by(3) {
            for (subband, channel, levels) in coding.stored() {
                let three = match levels {
                    3 => grouped(bits.read(5), levels),
                    5 => grouped(bits.read(7), levels),
                    9 => grouped(bits.read(10), levels),
                    _ => [(); 3].map(|()| bits.read(bits_of(levels))),
                };
                for (step, value) in (step..).zip(three) {
                    self.put(coding, (subband, channel), step, fraction(value, levels));
                }
            }
        }
    }

    /// Puts a sample where it belongs: into all channels that share it.
    #[inline]
    fn put(
        &mut self,
        coding: &Coding,
        (subband, channel): (usize, usize),
        step: usize,
        fraction: f32,
    ) {
        let channels =
            if subband < coding.bound { channel..channel + 1 } else { 0..coding.n_channels };
        for channel in channels {
            let value = fraction * coding.scales[subband][channel][step / PART_STEPS];
            let (plane, share) = match self.mix {
                Mix::Channels => (channel, 1.0),
                Mix::Mono => (0, 1.0 / coding.n_channels as f32),
            };
            let steps = self.rows[plane].as_flattened_mut();
            steps[step][subband / 8][subband % 8] += share * value;
        }
    }
}

impl Coding {
    fn new(header: &FrameHeader, mode: u8, n_subbands: usize) -> Self {
        let is_joint = mode >> 6 == JOINT_STEREO;
        let bound = if is_joint { 4 * (usize::from(mode >> 4 & 3) + 1) } else { n_subbands };
        Self {
            n_channels: header.n_channels,
            n_subbands,
            bound: bound.min(n_subbands),
            levels: [[0; 2]; N_SUBBANDS],
            scales: [[[0.0; 3]; 2]; N_SUBBANDS],
        }
    }

    /// §2.4.1.5: allocations, then scales.
    fn of_layer1(bits: &mut Bits<'_>, header: &FrameHeader, mode: u8) -> Result<Self, Fault> {
        let mut coding = Self::new(header, mode, N_SUBBANDS);
        for subband in 0..N_SUBBANDS {
            for channel in 0..coding.n_stored(subband) {
                let levels = match bits.read(4) {
                    0 => 0,
                    15 => return Err("an allocation that is not allowed"),
                    n => (2 << n) - 1,
                };
                coding.allocate(subband, channel, levels);
            }
        }
        for subband in 0..N_SUBBANDS {
            for channel in 0..coding.n_channels {
                if coding.levels[subband][channel] > 0 {
                    coding.scales[subband][channel] = [scale(bits.read(6)); 3];
                }
            }
        }
        Ok(coding)
    }

    /// §2.4.1.6: allocations, which of the parts have a scale of their own, then scales.
    fn of_layer2(bits: &mut Bits<'_>, header: &FrameHeader, mode: u8) -> Self {
        let runs = layer2(header);
        let mut coding = Self::new(header, mode, runs.iter().map(|(n, ..)| n).sum());
        let choices =
            runs.iter().flat_map(|&(n, width, levels)| std::iter::repeat_n((width, levels), n));
        for (subband, (width, levels)) in choices.enumerate() {
            for channel in 0..coding.n_stored(subband) {
                coding.allocate(subband, channel, levels[bits.read(width) as usize]);
            }
        }
        let mut selections = [[0; 2]; N_SUBBANDS];
        for (levels, selections) in coding.levels.iter().zip(&mut selections) {
            for (_, selection) in levels.iter().zip(selections).filter(|(levels, _)| **levels > 0) {
                *selection = bits.read(2);
            }
        }
        for (subband, selections) in selections.iter().enumerate() {
            for (channel, &selection) in selections.iter().enumerate() {
                if coding.levels[subband][channel] > 0 {
                    coding.scales[subband][channel] = scales(bits, selection);
                }
            }
        }
        coding
    }

    /// Channels whose samples a subband stores.
    fn n_stored(&self, subband: usize) -> usize {
        if subband < self.bound { self.n_channels } else { 1 }
    }

    fn allocate(&mut self, subband: usize, channel: usize, levels: u32) {
        let all = if subband < self.bound { channel..channel + 1 } else { 0..self.n_channels };
        self.levels[subband][all].fill(levels);
    }

    /// Subbands, channels and levels of what is stored, in its order.
    fn stored(&self) -> impl Iterator<Item = (usize, usize, u32)> {
        (0..self.n_subbands)
            .flat_map(|subband| (0..self.n_stored(subband)).map(move |channel| (subband, channel)))
            .map(|(subband, channel)| (subband, channel, self.levels[subband][channel]))
            .filter(|(.., levels)| *levels > 0)
    }
}

/// The scales of the three parts of a frame (§2.4.2.6, `scfsi`).
fn scales(bits: &mut Bits<'_>, selection: u32) -> [f32; 3] {
    let first = scale(bits.read(6));
    match selection {
        0 => [first, scale(bits.read(6)), scale(bits.read(6))],
        1 => [first, first, scale(bits.read(6))],
        2 => [first; 3],
        _ => {
            let second = scale(bits.read(6));
            [first, second, second]
        }
    }
}

/// Table B.1.
fn scale(index: u32) -> f32 {
    (1.0 - index as f32 / 3.0).exp2()
}

/// Bits of a sample that is stored by itself.
fn bits_of(levels: u32) -> u32 {
    (levels + 1).ilog2()
}

/// Three samples in one number (§2.4.3.3.4). A number beyond the last is none of a sound stream.
fn grouped(code: u32, levels: u32) -> [u32; 3] {
    let last = code / (levels * levels);
    [code % levels, code / levels % levels, last.min(levels - 1)]
}

/// A level as a share of full scale: the constants of table B.4 come to this.
fn fraction(value: u32, levels: u32) -> f32 {
    (2 * value as i32 + 1 - levels as i32) as f32 / levels as f32
}
