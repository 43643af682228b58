#![expect(unsafe_code, reason = "NEON intrinsics, behind a proof that the machine has them")]
//! Four float32 or two float64 at a time.

use std::arch::aarch64::{
    float32x4_t, float64x2_t, uint32x4_t, uint64x2_t, vaddq_f32, vaddq_f64, vaddq_s32, vaddvq_u32,
    vaddvq_u64, vandq_s32, vandq_u32, vandq_u64, vbslq_f32, vbslq_f64, vcltq_f32, vcltq_f64,
    vcvtq_f32_s32, vdivq_f32, vdivq_f64, vdupq_n_f32, vdupq_n_f64, vdupq_n_s32, vfmaq_f32,
    vfmaq_f64, vfmsq_f32, vfmsq_f64, vld1q_f32, vld1q_f64, vld1q_u32, vld1q_u64, vmaxq_f32,
    vmaxq_f64, vminq_f32, vminq_f64, vmulq_f32, vmulq_f64, vreinterpretq_f32_s32,
    vreinterpretq_s32_f32, vshrq_n_s32, vsqrtq_f32, vsqrtq_f64, vst1q_f32, vst1q_f64, vsubq_f32,
    vsubq_f64, vsubq_s32,
};

use super::{Kernel, Simd};
use crate::spectrum::log::{TERMS_F32, log2_of_mantissa};

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
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
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
    ($load:ident $store:ident $splat:ident $less:ident $blend:ident $fused_add:ident $fused_sub:ident
     $($method:ident($($argument:ident),+) = $intrinsic:ident;)+) => {
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
            let (head, whole, tail) = unsafe { values.align_to::<Self::V>() };
            debug_assert!(head.is_empty() && tail.is_empty());
            whole
        }
        #[inline(always)]
        fn lanes_mut(self, values: &mut [Self::Real]) -> &mut [Self::V] {
            // SAFETY: every bit pattern is a valid vector of floats, and the other way round.
            let (head, whole, tail) = unsafe { values.align_to_mut::<Self::V>() };
            debug_assert!(head.is_empty() && tail.is_empty());
            whole
        }
        #[inline(always)]
        fn less(self, a: Self::V, b: Self::V) -> Self::Mask {
            // SAFETY: `self` proves that the machine has NEON.
            unsafe { $less(a, b) }
        }
        #[inline(always)]
        fn select(self, mask: Self::Mask, yes: Self::V, no: Self::V) -> Self::V {
            // SAFETY: `self` proves that the machine has NEON.
            unsafe { $blend(mask, yes, no) }
        }
        #[inline(always)]
        fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            // SAFETY: `self` proves that the machine has NEON.
            unsafe { $fused_add(c, a, b) }
        }
        #[inline(always)]
        fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            // SAFETY: `self` proves that the machine has NEON.
            unsafe { $fused_sub(c, a, b) }
        }
        $(
            #[inline(always)]
            fn $method(self, $($argument: Self::V),+) -> Self::V {
                // SAFETY: `self` proves that the machine has NEON.
                unsafe { $intrinsic($($argument),+) }
            }
        )+
    };
}

impl Simd for NeonF32 {
    type Real = f32;
    type V = float32x4_t;
    type Mask = uint32x4_t;
    const LANES: usize = 4;

    arithmetic! {
        vld1q_f32 vst1q_f32 vdupq_n_f32 vcltq_f32 vbslq_f32 vfmaq_f32 vfmsq_f32
        add(a, b) = vaddq_f32;
        sub(a, b) = vsubq_f32;
        mul(a, b) = vmulq_f32;
        div(a, b) = vdivq_f32;
        max(a, b) = vmaxq_f32;
        min(a, b) = vminq_f32;
        sqrt(a) = vsqrtq_f32;
    }

    #[inline(always)]
    fn bits(self, mask: uint32x4_t) -> u32 {
        // SAFETY: `self` proves that the machine has NEON; the array holds four values.
        unsafe { vaddvq_u32(vandq_u32(mask, vld1q_u32([1_u32, 2, 4, 8].as_ptr()))) }
    }

    #[inline(always)]
    fn log2(self, a: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves that the machine has NEON.
        let (exponent, mantissa) = unsafe { split(a) };
        log2_of_mantissa(self, exponent, mantissa, TERMS_F32)
    }
}

impl Simd for NeonF64 {
    type Real = f64;
    type V = float64x2_t;
    type Mask = uint64x2_t;
    const LANES: usize = 2;

    arithmetic! {
        vld1q_f64 vst1q_f64 vdupq_n_f64 vcltq_f64 vbslq_f64 vfmaq_f64 vfmsq_f64
        add(a, b) = vaddq_f64;
        sub(a, b) = vsubq_f64;
        mul(a, b) = vmulq_f64;
        div(a, b) = vdivq_f64;
        max(a, b) = vmaxq_f64;
        min(a, b) = vminq_f64;
        sqrt(a) = vsqrtq_f64;
    }

    #[inline(always)]
    fn bits(self, mask: uint64x2_t) -> u32 {
        // SAFETY: `self` proves that the machine has NEON; the array holds two values.
        unsafe { vaddvq_u64(vandq_u64(mask, vld1q_u64([1_u64, 2].as_ptr()))) as u32 }
    }

    #[inline(always)]
    fn log2(self, a: float64x2_t) -> float64x2_t {
        let mut values = [0.0; 2];
        self.store(a, &mut values);
        self.load(&values.map(f64::log2))
    }
}

/// `a = mantissa * 2^exponent` with the mantissa in [√½, √2), for positive normal values.
#[target_feature(enable = "neon")]
fn split(a: float32x4_t) -> (float32x4_t, float32x4_t) {
    let sqrt_half = vdupq_n_s32(f32::to_bits(std::f32::consts::FRAC_1_SQRT_2) as i32);
    let offset = vsubq_s32(vreinterpretq_s32_f32(a), sqrt_half);
    let exponent = vshrq_n_s32::<23>(offset);
    let fraction = vandq_s32(offset, vdupq_n_s32(0x007F_FFFF));
    let mantissa = vreinterpretq_f32_s32(vaddq_s32(fraction, sqrt_half));
    (vcvtq_f32_s32(exponent), mantissa)
}
