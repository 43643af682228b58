//! Picks the fastest code for the processor at hand.

use super::FrameError;
use super::bands::N_LINES;
use crate::decode::bits::Bits;

use super::codes::Codes;
use super::huffman::{self, Coded};
use super::hybrid::{self, Granule, Overlap, Rows};
#[cfg(target_arch = "x86_64")]
use super::kernel_avx2::Avx2;
use super::synthesis::{self, History};
use crate::decode::lanes::Portable;
use crate::tier;

tier::kernel! {
    /// The three hot loops, for one kind of processor.
}

impl Kernel {
    /// [`huffman::decode`].
    pub(super) fn decode(
        self,
        codes: &Codes,
        bits: Bits,
        coded: &Coded,
        lines: &mut [f32; N_LINES],
    ) -> Result<usize, FrameError> {
        match self {
            Self::Portable if coded.add => huffman::decode::<true>(codes, bits, coded, lines),
            Self::Portable => huffman::decode::<false>(codes, bits, coded, lines),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.decode(codes, bits, coded, lines),
        }
    }

    /// [`hybrid::synthesize`] into `out`, or on top of it.
    pub(super) fn hybrid(
        self,
        granule: &mut Granule,
        overlap: &mut Overlap,
        out: &mut Rows,
        add: bool,
    ) {
        let tables = hybrid::tables();
        match (self, add) {
            (Self::Portable, false) => {
                hybrid::synthesize::<Portable, false>(tables, granule, overlap, out);
            }
            (Self::Portable, true) => {
                hybrid::synthesize::<Portable, true>(tables, granule, overlap, out);
            }
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2(avx2), _) => avx2.hybrid(tables, granule, overlap, out, add),
        }
    }

    /// [`synthesis::synthesize`].
    pub(super) fn synthesis(self, history: &mut History, rows: &[Rows], out: &mut [[f32; 32]]) {
        let tables = synthesis::tables();
        match self {
            Self::Portable => synthesis::synthesize::<Portable>(tables, history, rows, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.synthesis(tables, history, rows, out),
        }
    }
}
