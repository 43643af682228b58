//! MPEG audio layer III (ISO/IEC 11172-3, ISO/IEC 13818-3, and MPEG-2.5's quarter rates).
//!
//! Features need mono most of the time, and every step behind the requantiser is linear: in mono
//! the channels are mixed as spectra and transformed once, and the difference channel of a sum and
//! difference frame is not even decoded.
#![expect(
    clippy::inline_always,
    reason = "what is generic over the kernel must be compiled into the function that is allowed its instructions"
)]
#![expect(
    clippy::needless_range_loop,
    reason = "loops over a constant range are unrolled into registers where iterators are not"
)]

mod bands;
mod codes;
mod filterbank;
mod granules;
mod huffman;
mod huffman_codes;
mod hybrid;
mod kernel;
#[cfg(target_arch = "x86_64")]
mod kernel_avx2;
mod reservoir;
mod scalefactors;
mod side_info;
mod stereo;
mod synthesis;
mod synthesis_window;
#[cfg(test)]
pub(crate) mod testing;

use self::bands::{Bands, N_LINES};
pub(super) use self::filterbank::{Filterbank, ROWS_STEPS};
use self::hybrid::Overlap;
pub(super) use self::hybrid::Rows;
use self::kernel::Kernel;
use self::reservoir::Reservoir;
use self::scalefactors::Scalefactors;
use self::side_info::{BlockType, Mode, SideInfo};
use self::synthesis::History;
use super::header::FrameHeader;

/// What becomes of the channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mix {
    /// They stay apart.
    Channels,
    /// One channel: their mean.
    Mono,
}

/// Whether all that a frame refers to was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Soundness {
    Sound,
    /// Some of the frame leans on main data of earlier frames that never came; it is silent.
    MissingReservoir,
}

/// What a frame contradicts itself in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame is shorter than its header says")]
    Short,
    #[error("a frame's side information has values that are not allowed")]
    SideInfo,
    #[error("a frame uses a reserved Huffman table")]
    ReservedTable,
    #[error("a frame's main data end behind the frame")]
    MainData,
    #[error("Huffman codes run past their end")]
    Overrun,
    #[error("the number of channels changes")]
    Channels,
}

/// Decodes a stream of frames.
pub(crate) struct Layer3 {
    mix: Mix,
    kernel: Kernel,
    reservoir: Reservoir,
    /// By granule, then plane.
    planes: [[Plane; 2]; 2],
    overlaps: [Overlap; 2],
    histories: [History; 2],
    /// Subband samples of one plane, by granule.
    rows: [Rows; 2],
}

/// A spectrum on its way to the filterbank.
struct Plane {
    rows: Rows,
    block: BlockType,
    n_subbands: usize,
}

impl Plane {
    const fn new() -> Self {
        let block = BlockType { shape: side_info::Shape::Long, mixed: false };
        Self { rows: [[[0.0; 8]; 4]; 18], block, n_subbands: 0 }
    }

    fn clear(&mut self, block: BlockType) {
        self.rows.as_flattened_mut().as_flattened_mut().fill(0.0);
        self.block = block;
        self.n_subbands = 0;
    }

    fn lines(&mut self) -> &mut [f32; N_LINES] {
        match self.rows.as_flattened_mut().as_flattened_mut().first_chunk_mut() {
            Some(lines) => lines,
            None => unreachable!("18 rows of 32 are 576 lines"),
        }
    }
}

/// A frame being decoded.
struct Frame {
    mode: Mode,
    bands: &'static Bands,
    side: SideInfo,
    scalefactors: [Scalefactors; 2],
}

impl Layer3 {
    pub(crate) fn new(mix: Mix) -> Self {
        Self::with_kernel(mix, Kernel::best())
    }

    fn with_kernel(mix: Mix, kernel: Kernel) -> Self {
        Self {
            mix,
            kernel,
            reservoir: Reservoir::new(),
            planes: [const { [const { Plane::new() }; 2] }; 2],
            overlaps: [const { Overlap::new() }; 2],
            histories: [const { History::new() }; 2],
            rows: [[[[0.0; 8]; 4]; 18]; 2],
        }
    }

    /// Decodes one whole frame and appends its samples to each plane of `out`: one plane in mono,
    /// else one per channel.
    ///
    /// Full scale is ±1.0, which loud frames exceed. The CRC is not looked at.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if the frame contradicts the standard or does not fit `out`. Nothing is
    /// appended; the next frame can be decoded.
    pub(crate) fn decode(
        &mut self,
        header: &FrameHeader,
        frame: &[u8],
        out: &mut [Vec<f32>],
    ) -> Result<Soundness, FrameError> {
        let (mode, bytes) = mode_and_bytes(header, frame)?;
        let rate = bands::rate_index(header.sample_rate).ok_or(FrameError::SideInfo)?;
        let bands = bands::bands(rate);
        let end_before = self.prime(header, frame)?;
        let side = SideInfo::parse(&bytes[mode.side_at..], &mode, bands)?;
        let n_planes = if self.mix == Mix::Mono { 1 } else { header.n_channels };
        if out.len() != n_planes {
            return Err(FrameError::Channels);
        }
        let start = end_before as isize - 8 * side.main_data_begin as isize;
        let mut frame = Frame { mode, bands, side, scalefactors: Default::default() };
        let (n_sources, soundness) = self.decode_granules(&mut frame, start)?;
        self.synthesize(&n_sources[..mode.n_granules()], out);
        Ok(soundness)
    }

    /// Takes in a frame's main data, which later frames may refer to; returns the number of their
    /// first bit. All that decoding needs of the frames before the last three.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if the frame is shorter than what it must hold.
    pub(crate) fn prime(
        &mut self,
        header: &FrameHeader,
        frame: &[u8],
    ) -> Result<usize, FrameError> {
        let (mode, bytes) = mode_and_bytes(header, frame)?;
        let main = bytes.get(mode.side_at + header.side_info_bytes()..);
        Ok(self.reservoir.push(main.ok_or(FrameError::Short)?))
    }
}

fn mode_and_bytes<'a>(
    header: &FrameHeader,
    frame: &'a [u8],
) -> Result<(Mode, &'a [u8]), FrameError> {
    let bytes = frame.get(..header.n_bytes).ok_or(FrameError::Short)?;
    Ok((Mode::new(header, bytes)?, bytes))
}
