//! Picks the fastest code for the processor at hand.

use super::FrameError;
use super::bits::Bits;
use super::header::Channels;
#[cfg(target_arch = "x86_64")]
use super::kernel_avx2::Avx2;
use super::md5::Md5;
use super::{planes, predict, subframe};
use crate::tier;

tier::kernel! {
    /// The hot loops, for one kind of processor. All kinds come to the same values.
}

impl Kernel {
    /// [`subframe::decode`].
    pub(super) fn decode(
        self,
        bits: &mut Bits,
        n_bits: u32,
        out: &mut [i32],
        md5: &mut Option<Md5>,
    ) -> Result<(), FrameError> {
        match self {
            Self::Portable => subframe::decode::<predict::Portable>(bits, n_bits, out, md5),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.decode(bits, n_bits, out, md5),
        }
    }

    /// [`planes::join`].
    pub(super) fn join(self, channels: Channels, first: &mut [i32], second: &mut [i32]) {
        tier::dispatch!(self, planes::join(channels, first, second));
    }

    /// [`planes::fits`].
    pub(super) fn fits(self, plane: &[i32], n_bits: u32) -> bool {
        tier::dispatch!(self, planes::fits(plane, n_bits))
    }

    /// [`planes::to_f32`].
    pub(super) fn to_f32(self, plane: &[i32], n_bits: u32, out: &mut [f32]) {
        tier::dispatch!(self, planes::to_f32(plane, n_bits, out));
    }

    /// [`planes::to_mono`].
    pub(super) fn to_mono(self, left: &[i32], right: &[i32], n_bits: u32, out: &mut [f32]) {
        tier::dispatch!(self, planes::to_mono(left, right, n_bits, out));
    }

    /// [`planes::to_bytes`].
    pub(super) fn to_bytes(self, planes: &[Vec<i32>], n_bits: u32, out: &mut [u8]) {
        tier::dispatch!(self, planes::to_bytes(planes, n_bits, out));
    }
}
