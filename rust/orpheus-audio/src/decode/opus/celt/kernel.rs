//! Picks the fastest code for the processor at hand.

use std::sync::LazyLock;

#[cfg(target_arch = "x86_64")]
use super::kernel_avx2::Avx2;
use super::pvq::{self, Rotation};
use super::synthesis::{self, Channel, Pitches};
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
    fn fastest() -> Self {
        Avx2::detect().map_or(Self::Portable, Self::Avx2)
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn fastest() -> Self {
        Self::Portable
    }

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
