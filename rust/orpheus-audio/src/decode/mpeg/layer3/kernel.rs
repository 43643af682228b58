//! Picks the fastest code for the processor at hand.

use crate::decode::bits::Bits;
use std::sync::LazyLock;

use super::FrameError;
use super::bands::N_LINES;

use super::codes::Codes;
use super::huffman::{self, Coded};
use super::hybrid::{self, Granule, Overlap, Rows};
#[cfg(target_arch = "x86_64")]
use super::kernel_avx2::Avx2;
use super::lanes::Portable;
use super::synthesis::{self, History};
use crate::tier;

/// The three hot loops, for one kind of processor.
#[derive(Clone, Copy)]
pub(super) enum Kernel {
    /// Any; the reference for the others.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
}

static BEST: LazyLock<Kernel> = LazyLock::new(|| {
    let scalar = tier::forced().is_some_and(|tier| tier == "scalar");
    if scalar { Kernel::Portable } else { Kernel::fastest() }
});

impl Kernel {
    /// The fastest that this processor can run, unless `ORPHEUS_FORCE_TIER` is `scalar`.
    pub(super) fn best() -> Self {
        *BEST
    }

    #[cfg(target_arch = "x86_64")]
    fn fastest() -> Self {
        Avx2::detect().map_or(Self::Portable, Self::Avx2)
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn fastest() -> Self {
        Self::Portable
    }

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
