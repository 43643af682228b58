//! Picks the fastest code for the processor at hand.

use super::VorbisDecoder;
#[cfg(target_arch = "x86_64")]
use super::kernel_avx2::Avx2;
use crate::tier;

tier::kernel! {
    /// [`VorbisDecoder::decode_packet`], compiled for one kind of processor. The samples are the same,
    /// bit by bit.
}

impl Kernel {
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
