//! Picks the fastest code for the processor at hand.

use std::sync::LazyLock;

use super::codes::Codes;
#[cfg(target_arch = "x86_64")]
use super::kernel_avx2::Avx2;
use super::spectrum::{self, Coded, MAX_LINES};
use super::synthesis::{self, Overlap, Windows};
use crate::decode::bits::Bits;
use crate::decode::mdct::lanes::Portable;
use crate::tier;

/// The hot loops, for one kind of processor.
#[derive(Debug, Clone, Copy)]
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
    pub(super) fn fastest() -> Self {
        Avx2::detect().map_or(Self::Portable, Self::Avx2)
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn fastest() -> Self {
        Self::Portable
    }

    /// [`spectrum::read`].
    pub(super) fn read_spectrum<'a>(
        self,
        codes: &Codes,
        bits: Bits<'a>,
        coded: &Coded,
        edges: &[u16],
        lines: &mut [f32; MAX_LINES],
    ) -> Option<Bits<'a>> {
        match self {
            Self::Portable => spectrum::read(codes, bits, coded, edges, lines),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.read_spectrum(codes, bits, coded, edges, lines),
        }
    }

    /// [`synthesis::add`].
    pub(super) fn synthesize(
        self,
        overlap: &mut Overlap,
        lines: &[f32; MAX_LINES],
        windows: Windows,
        out: &mut [f32],
    ) {
        match self {
            Self::Portable => synthesis::add::<Portable>(overlap, lines, windows, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.synthesize(overlap, lines, windows, out),
        }
    }
}
