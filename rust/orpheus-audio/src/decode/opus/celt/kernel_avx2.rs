//! The hot loops for x86-64 with AVX2 and FMA.
#![expect(unsafe_code, reason = "vector instructions that not every processor has")]
#![expect(clippy::unused_self, reason = "having an `Avx2` is what allows to call its methods")]

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::lanes::Lanes;
use super::pvq::{self, Rotation};
use super::synthesis::{self, Channel, Pitches};

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

/// Lanes in a register. Used only in functions that are compiled for it.
#[derive(Clone, Copy)]
struct Eight(__m256);

impl Lanes for Eight {
    const FUSED: bool = true;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: only `synthesize` above uses these lanes, and it has AVX2 and FMA.
        Self(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    fn load(from: &[f32; 8]) -> Self {
        // SAFETY: as in `splat`; the array holds eight values, aligned or not.
        Self(unsafe { _mm256_loadu_ps(from.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; 8]) {
        // SAFETY: as in `load`.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, term.0) })
    }

    #[inline(always)]
    fn neg_mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_fnmadd_ps(self.0, factor.0, term.0) })
    }
}
