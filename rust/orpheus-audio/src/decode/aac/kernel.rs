//! Picks the fastest code for the processor at hand.

use super::codes::Codes;
#[cfg(target_arch = "x86_64")]
use super::kernel_avx2::Avx2;
use super::spectrum::{self, Coded, MAX_LINES};
use super::synthesis::{self, Overlap, Windows};
use crate::decode::bits::Bits;
use crate::decode::lanes::Portable;
use crate::tier;

tier::kernel! {
    /// The hot loops, for one kind of processor.
}

impl Kernel {
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
