//! The granules of a frame: main data → spectra → samples.

use super::bands::Layout;
use crate::decode::bits::Bits;

use super::codes::codes;
use super::huffman::Coded;
use super::hybrid::Granule;
use super::reservoir::Reservoir;
use super::scalefactors::Scalefactors;
use super::side_info::{BlockType, Part};
use super::stereo::{self, Positions};
use super::{Frame, FrameError, Layer3, Mix, Plane, Soundness};

/// Quarter octaves by which `1/√2` lowers a gain.
const MID_SIDE: i32 = -2;
/// And one half.
const HALF: i32 = -4;

impl Frame {
    fn layout(&self, part: &Part) -> &'static Layout {
        part.block.layout(self.bands)
    }

    /// The block type that both channels of a granule have, if it is the same.
    fn common_block(&self, parts: &[Part; 2]) -> Option<BlockType> {
        let same = self.mode.n_channels == 1 || parts[0].block == parts[1].block;
        same.then_some(parts[0].block)
    }

    /// Whether granule `index` takes scalefactors from the one before it.
    fn shares(&self, index: usize) -> bool {
        let shared = |channel: usize| {
            let long = !self.side.parts[index][channel].block.is_short();
            long && self.side.shared[channel].contains(&true)
        };
        index > 0 && (0..self.mode.n_channels).any(shared)
    }
}

impl Layer3 {
    /// Decodes the spectra of a frame whose main data begin at bit `start`; returns how many
    /// spectra each granule has to be transformed.
    pub(super) fn decode_granules(
        &mut self,
        frame: &mut Frame,
        start: isize,
    ) -> Result<([usize; 2], Soundness), FrameError> {
        let mut n_spectra = [0; 2];
        let mut soundness = Soundness::Sound;
        let mut start = start;
        for (index, n_spectra) in n_spectra[..frame.mode.n_granules()].iter_mut().enumerate() {
            let parts = frame.side.parts[index];
            let n_bits: usize = parts.iter().map(|part| part.n_bits).sum();
            let lost_before = soundness == Soundness::MissingReservoir && frame.shares(index);
            let lost = n_bits > 0 && (start < 0 || lost_before);
            *n_spectra = if lost || n_bits == 0 {
                self.clear_granule(frame, index)
            } else {
                self.decode_granule(frame, index, start as usize)?
            };
            if lost {
                soundness = Soundness::MissingReservoir;
            }
            start += n_bits as isize;
        }
        Ok((n_spectra, soundness))
    }

    fn clear_granule(&mut self, frame: &Frame, index: usize) -> usize {
        for (plane, part) in self.planes[index].iter_mut().zip(&frame.side.parts[index]) {
            plane.clear(part.block);
        }
        if self.mix == Mix::Mono { 1 } else { frame.mode.n_channels }
    }

    fn decode_granule(
        &mut self,
        frame: &mut Frame,
        index: usize,
        start: usize,
    ) -> Result<usize, FrameError> {
        let parts = frame.side.parts[index];
        let stereo = frame.mode.n_channels == 2;
        let common = frame.common_block(&parts);
        // Intensity needs both channels of one kind; then it does sums and differences itself.
        let intensity = frame.mode.intensity && common.is_some();
        let mid_side = frame.mode.mid_side && !intensity;
        let mixed = stereo && self.mix == Mix::Mono;
        let mut quarters = if mid_side { MID_SIDE } else { 0 };
        if mixed && mid_side && common.is_some() {
            // ((M + S) / √2 + (M - S) / √2) / 2 = M / √2
            self.decode_part(frame, (index, 0), start, (quarters, 0))?;
            // The second granule may need the scalefactors of S, where it cannot do without S.
            read_scalefactors(&self.reservoir, frame, (index, 1), start + parts[0].n_bits)?;
            return Ok(1);
        }
        if mixed {
            quarters += HALF;
        }
        self.decode_part(frame, (index, 0), start, (quarters, 0))?;
        if !stereo {
            return Ok(1);
        }
        let together = mixed && common.is_some() && !intensity;
        let plane = usize::from(!together);
        self.decode_part(frame, (index, 1), start + parts[0].n_bits, (quarters, plane))?;
        if together {
            return Ok(1);
        }
        self.join(frame, index, common.is_some());
        Ok(self.n_spectra_after_mixing(index, mixed && common.is_some()))
    }

    /// Adds the second plane to the first, where both are transformed alike and mixed.
    fn n_spectra_after_mixing(&mut self, index: usize, mixed: bool) -> usize {
        if !mixed {
            return 2;
        }
        let [left, right] = &mut self.planes[index];
        left.n_subbands = left.n_subbands.max(right.n_subbands);
        for (left, right) in left.lines().iter_mut().zip(right.lines()) {
            *left += *right;
        }
        1
    }

    /// Reads the scalefactors and lines of a channel into a plane, or on top of what it holds.
    fn decode_part(
        &mut self,
        frame: &mut Frame,
        (index, channel): (usize, usize),
        start: usize,
        (quarters, plane): (i32, usize),
    ) -> Result<(), FrameError> {
        let part = &frame.side.parts[index][channel];
        let layout = frame.layout(part);
        let (end, block) = (start + part.n_bits, part.block);
        let bits = read_scalefactors(&self.reservoir, frame, (index, channel), start)?;
        let on_top = plane != channel;
        let plane = &mut self.planes[index][plane];
        if !on_top {
            plane.clear(block);
        }
        if bits.position() >= end {
            return Ok(());
        }
        let part = &frame.side.parts[index][channel];
        let coded = Coded {
            tables: part.tables,
            region_ends: part.region_ends,
            quads_b: part.quads_b,
            end,
            slots: &layout.slots,
            gains: frame.scalefactors[channel].gains(part, layout, quarters),
            add: on_top,
        };
        let n_pairs = self.kernel.decode(codes(), bits, &coded, plane.lines())?;
        let n_subbands = n_pairs.checked_sub(1).map_or(0, |last| layout.slots[last].n_subbands);
        plane.n_subbands = plane.n_subbands.max(usize::from(n_subbands));
        Ok(())
    }

    /// Undoes joint stereo.
    fn join(&mut self, frame: &Frame, index: usize, same_block: bool) {
        let mode = &frame.mode;
        if !mode.mid_side && !mode.intensity {
            return;
        }
        let parts = &frame.side.parts[index];
        let [left, right] = &mut self.planes[index];
        if mode.intensity && same_block {
            let positions = Positions {
                layout: frame.layout(&parts[1]),
                scalefactors: &frame.scalefactors[1],
                mpeg1: mode.mpeg1(),
                coarse: parts[1].scalefac_compress & 1 == 1,
                mid_side: mode.mid_side,
            };
            stereo::intensity(&positions, left.lines(), right.lines());
        } else if same_block {
            stereo::sum_and_difference(left.lines(), right.lines());
        } else if mode.mid_side {
            let slots = parts.map(|part| &frame.layout(&part).slots);
            stereo::sum_and_difference_as_coded(left.lines(), right.lines(), slots);
        }
        // Lines of one reach as far in the other, in whatever order it has them.
        let n = if same_block { left.n_subbands.max(right.n_subbands) } else { 32 };
        (left.n_subbands, right.n_subbands) = (n, n);
    }

    /// Spectra → samples, at the end of each plane of `out`; by granule, how many spectra it has.
    pub(super) fn synthesize(&mut self, n_spectra: &[usize], out: &mut [Vec<f32>]) {
        let mono = self.mix == Mix::Mono;
        for (plane, out) in out.iter_mut().enumerate() {
            for (index, &n_spectra) in n_spectra.iter().enumerate() {
                let sources = if mono { 0..n_spectra } else { plane..plane + 1 };
                for source in sources {
                    let Plane { rows, block, n_subbands } = &mut self.planes[index][source];
                    let granule = &mut Granule { rows, block: *block, n_subbands: *n_subbands };
                    let add = mono && source > 0;
                    let overlap = &mut self.overlaps[plane];
                    self.kernel.hybrid(granule, overlap, &mut self.rows[index], add);
                }
            }
            let at = out.len();
            let rows = &self.rows[..n_spectra.len()];
            out.resize(at + rows.len() * 576, 0.0);
            let samples = out[at..].as_chunks_mut::<32>().0;
            self.kernel.synthesis(&mut self.histories[plane], rows, samples);
        }
    }
}

/// Reads the scalefactors of a channel; what follows are its lines.
fn read_scalefactors<'a>(
    reservoir: &'a Reservoir,
    frame: &mut Frame,
    (index, channel): (usize, usize),
    start: usize,
) -> Result<Bits<'a>, FrameError> {
    let part = &frame.side.parts[index][channel];
    let end = start + part.n_bits;
    if end > reservoir.n_bits() {
        return Err(FrameError::MainData);
    }
    let mut bits = Bits::new(reservoir.bytes(), start);
    frame.scalefactors[channel] = if frame.mode.mpeg1() {
        let first = &frame.scalefactors[channel];
        let shared = (index > 0).then_some((first, frame.side.shared[channel]));
        Scalefactors::read_full(&mut bits, part, shared)
    } else {
        Scalefactors::read_low(&mut bits, part, channel == 1 && frame.mode.intensity)
    };
    if part.n_bits == 0 && bits.position() > end {
        // A silent channel, whatever its other fields say.
        frame.scalefactors[channel] = Scalefactors::default();
        return Ok(bits);
    }
    if bits.position() > end { Err(FrameError::Overrun) } else { Ok(bits) }
}
