//! The hot loops for x86-64 with AVX2 and FMA.
#![expect(unsafe_code, reason = "vector instructions that not every processor has")]
#![expect(clippy::unused_self, reason = "having an `Avx2` is what allows to call its methods")]

use super::pvq::{self, Rotation};
use super::synthesis::{self, Channel, Pitches};
use crate::decode::lanes::avx2::Eight;

/// Proof that the processor has what the functions here are compiled for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    pub(super) fn place(
        self,
        values: &[i32],
        scale: f32,
        rotation: Option<Rotation>,
        shape: &mut [f32],
    ) {
        // SAFETY: `self` exists only where `detect` found these features.
        unsafe { place(values, scale, rotation, shape) }
    }

    pub(super) fn synthesize(
        self,
        channel: &mut Channel,
        bins: &[f32],
        n_blocks: usize,
        pitches: &Pitches,
        out: &mut [f32],
    ) {
        // SAFETY: as above.
        unsafe { synthesize(channel, bins, n_blocks, pitches, out) }
    }
}

#[target_feature(enable = "avx2,fma")]
fn place(values: &[i32], scale: f32, rotation: Option<Rotation>, shape: &mut [f32]) {
    pvq::place::<true>(values, scale, rotation, shape);
}

#[target_feature(enable = "avx2,fma")]
fn synthesize(
    channel: &mut Channel,
    bins: &[f32],
    n_blocks: usize,
    pitches: &Pitches,
    out: &mut [f32],
) {
    synthesis::synthesize::<Eight>(channel, bins, n_blocks, pitches, out);
}
