#![expect(unsafe_code, reason = "NEON intrinsics, behind a proof that the machine has them")]
//! Four float32 or two float64 at a time.

use std::arch::aarch64::{
    float32x4_t, float64x2_t, vaddq_f32, vaddq_f64, vdupq_n_f32, vdupq_n_f64, vfmaq_f32, vfmaq_f64,
    vfmsq_f32, vfmsq_f64, vld1q_f32, vld1q_f64, vmulq_f32, vmulq_f64, vreinterpretq_f32_f64,
    vreinterpretq_f64_f32, vst1q_f32, vst1q_f64, vsubq_f32, vsubq_f64, vtrn1q_f32, vtrn1q_f64,
    vtrn2q_f32, vtrn2q_f64,
};
use std::arch::is_aarch64_feature_detected;

use super::{Kernel, MAX_LANES, Simd};

/// Proof that this machine has NEON.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neon(());

/// Four float32.
#[derive(Clone, Copy, Debug)]
pub(super) struct NeonF32(Neon);

/// Two float64.
#[derive(Clone, Copy, Debug)]
pub(super) struct NeonF64(Neon);

impl Neon {
    /// The proof, where there is one.
    pub(super) fn detect() -> Option<Self> {
        is_aarch64_feature_detected!("neon").then_some(Self(()))
    }

    /// Runs a kernel on float32.
    pub(super) fn run_f32<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon")]
        fn entry<K: Kernel<f32>>(proof: Neon, kernel: K) -> K::Output {
            kernel.run(NeonF32(proof))
        }
        // SAFETY: `self` exists only where NEON was detected.
        unsafe { entry(self, kernel) }
    }

    /// Runs a kernel on float64.
    pub(super) fn run_f64<K: Kernel<f64>>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon")]
        fn entry<K: Kernel<f64>>(proof: Neon, kernel: K) -> K::Output {
            kernel.run(NeonF64(proof))
        }
        // SAFETY: `self` exists only where NEON was detected.
        unsafe { entry(self, kernel) }
    }
}

/// What float32 and float64 vectors have in common but the names of the intrinsics.
macro_rules! arithmetic {
    ($load:ident $store:ident $splat:ident $add:ident $sub:ident $mul:ident $fma:ident $fms:ident) => {
        #[inline(always)]
        fn splat(self, value: Self::Real) -> Self::V {
            // SAFETY: `self` proves that the machine has NEON.
            unsafe { $splat(value) }
        }
        #[inline(always)]
        fn load(self, source: &[Self::Real]) -> Self::V {
            let source = &source[..Self::LANES];
            // SAFETY: the slice holds `LANES` values; `self` proves that the machine has NEON.
            unsafe { $load(source.as_ptr()) }
        }
        #[inline(always)]
        fn store(self, value: Self::V, target: &mut [Self::Real]) {
            let target = &mut target[..Self::LANES];
            // SAFETY: the slice holds `LANES` values; `self` proves that the machine has NEON.
            unsafe { $store(target.as_mut_ptr(), value) }
        }
        #[inline(always)]
        fn lanes(self, values: &[Self::Real]) -> &[Self::V] {
            // SAFETY: every bit pattern is a valid vector of floats.
            let (head, whole, _) = unsafe { values.align_to::<Self::V>() };
            assert!(head.is_empty(), "vectors start at a multiple of 64 bytes");
            whole
        }
        #[inline(always)]
        fn lanes_mut(self, values: &mut [Self::Real]) -> &mut [Self::V] {
            // SAFETY: every bit pattern is a valid vector of floats, and the other way round.
            let (head, whole, _) = unsafe { values.align_to_mut::<Self::V>() };
            assert!(head.is_empty(), "vectors start at a multiple of 64 bytes");
            whole
        }
        #[inline(always)]
        fn add(self, a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: `self` proves that the machine has NEON.
            unsafe { $add(a, b) }
        }
        #[inline(always)]
        fn sub(self, a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: `self` proves that the machine has NEON.
            unsafe { $sub(a, b) }
        }
        #[inline(always)]
        fn mul(self, a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: `self` proves that the machine has NEON.
            unsafe { $mul(a, b) }
        }
        #[inline(always)]
        fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            // SAFETY: `self` proves that the machine has NEON.
            unsafe { $fma(c, a, b) }
        }
        #[inline(always)]
        fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            // SAFETY: `self` proves that the machine has NEON.
            unsafe { $fms(c, a, b) }
        }
    };
}

impl Simd for NeonF32 {
    type Real = f32;
    type V = float32x4_t;
    const LANES: usize = 4;

    arithmetic!(vld1q_f32 vst1q_f32 vdupq_n_f32 vaddq_f32 vsubq_f32 vmulq_f32 vfmaq_f32 vfmsq_f32);

    #[inline(always)]
    fn transpose(self, square: &mut [float32x4_t; MAX_LANES]) {
        let [a, b, c, d] = [square[0], square[1], square[2], square[3]];
        // SAFETY: `self` proves that the machine has NEON.
        unsafe {
            let even = vreinterpretq_f64_f32(vtrn1q_f32(a, b));
            let odd = vreinterpretq_f64_f32(vtrn2q_f32(a, b));
            let lower_even = vreinterpretq_f64_f32(vtrn1q_f32(c, d));
            let lower_odd = vreinterpretq_f64_f32(vtrn2q_f32(c, d));
            square[0] = vreinterpretq_f32_f64(vtrn1q_f64(even, lower_even));
            square[1] = vreinterpretq_f32_f64(vtrn1q_f64(odd, lower_odd));
            square[2] = vreinterpretq_f32_f64(vtrn2q_f64(even, lower_even));
            square[3] = vreinterpretq_f32_f64(vtrn2q_f64(odd, lower_odd));
        }
    }
}

impl Simd for NeonF64 {
    type Real = f64;
    type V = float64x2_t;
    const LANES: usize = 2;

    arithmetic!(vld1q_f64 vst1q_f64 vdupq_n_f64 vaddq_f64 vsubq_f64 vmulq_f64 vfmaq_f64 vfmsq_f64);

    #[inline(always)]
    fn transpose(self, square: &mut [float64x2_t; MAX_LANES]) {
        let [a, b] = [square[0], square[1]];
        // SAFETY: `self` proves that the machine has NEON.
        unsafe {
            square[0] = vtrn1q_f64(a, b);
            square[1] = vtrn2q_f64(a, b);
        }
    }
}
