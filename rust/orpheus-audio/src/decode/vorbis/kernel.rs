//! Picks the fastest code for the processor at hand.

use std::sync::LazyLock;

use super::VorbisDecoder;
#[cfg(target_arch = "x86_64")]
use super::kernel_avx2::Avx2;
use crate::tier;

/// [`VorbisDecoder::decode_packet`], compiled for one kind of processor. The samples are the same,
/// bit by bit.
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

    /// [`VorbisDecoder::decode_packet`].
    pub(super) fn decode(
        self,
        decoder: &mut VorbisDecoder,
        packet: &[u8],
        planes: &mut [Vec<f32>],
    ) -> Result<(), &'static str> {
        match self {
            Self::Portable => decoder.decode_packet(packet, planes),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.decode(decoder, packet, planes),
        }
    }
}
