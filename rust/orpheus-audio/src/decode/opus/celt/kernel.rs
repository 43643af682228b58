//! Picks the fastest code for the processor at hand.

#[cfg(target_arch = "x86_64")]
use super::kernel_avx2::Avx2;
use super::pvq::{self, Rotation};
use super::synthesis::{self, Channel, Pitches};
use crate::decode::lanes::Portable;
use crate::tier;

tier::kernel! {
    /// The hot loops, for one kind of processor.
}

impl Kernel {
    /// [`pvq::place`].
    pub(super) fn place(
        self,
        values: &[i32],
        scale: f32,
        rotation: Option<Rotation>,
        shape: &mut [f32],
    ) {
        match self {
            Self::Portable => pvq::place::<false>(values, scale, rotation, shape),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.place(values, scale, rotation, shape),
        }
    }

    /// [`synthesis::synthesize`].
    pub(super) fn synthesize(
        self,
        channel: &mut Channel,
        bins: &[f32],
        n_blocks: usize,
        pitches: &Pitches,
        out: &mut [f32],
    ) {
        match self {
            Self::Portable => {
                synthesis::synthesize::<Portable>(channel, bins, n_blocks, pitches, out);
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.synthesize(channel, bins, n_blocks, pitches, out),
        }
    }
}
