#![expect(unsafe_code, reason = "AVX-512 intrinsics, behind a proof that the machine has them")]
//! Sixteen float32 or eight float64 at a time.

use std::arch::x86_64::{
    __m512, __m512d, __mmask8, __mmask16, _CMP_LT_OQ, _mm512_add_epi32, _mm512_add_epi64,
    _mm512_add_pd, _mm512_add_ps, _mm512_and_si512, _mm512_castpd_si512, _mm512_castps_si512,
    _mm512_castsi512_pd, _mm512_castsi512_ps, _mm512_cmp_pd_mask, _mm512_cmp_ps_mask,
    _mm512_cvtepi32_ps, _mm512_cvtepi64_pd, _mm512_cvtps_pd, _mm512_div_pd, _mm512_div_ps,
    _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_fnmadd_pd, _mm512_fnmadd_ps, _mm512_loadu_pd,
    _mm512_loadu_ps, _mm512_mask_blend_pd, _mm512_mask_blend_ps, _mm512_max_pd, _mm512_max_ps,
    _mm512_min_pd, _mm512_min_ps, _mm512_mul_pd, _mm512_mul_ps, _mm512_rsqrt14_ps,
    _mm512_set1_epi32, _mm512_set1_epi64, _mm512_set1_pd, _mm512_set1_ps, _mm512_sqrt_pd,
    _mm512_sqrt_ps, _mm512_srai_epi32, _mm512_srai_epi64, _mm512_storeu_pd, _mm512_storeu_ps,
    _mm512_sub_epi32, _mm512_sub_epi64, _mm512_sub_pd, _mm512_sub_ps,
};

use super::avx2::{Avx2, columns_8, interleave_8};
use super::{Kernel, Simd, refine_sqrt};
use crate::spectrum::log::{TERMS_F32, TERMS_F64, log2_of_mantissa};

/// Proof that this machine has AVX-512 (F, VL, BW, DQ).
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(Avx2);

/// Sixteen float32.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512F32(Avx512);

/// Eight float64.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512F64(Avx512);

impl Avx512 {
    /// The proof, where there is one.
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq");
        Avx2::detect().filter(|_| has).map(Self)
    }

    /// Runs a kernel on float32.
    pub(super) fn run_f32<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
        fn entry<K: Kernel<f32>>(proof: Avx512, kernel: K) -> K::Output {
            kernel.run(Avx512F32(proof))
        }
        // SAFETY: `self` exists only where all these features were detected.
        unsafe { entry(self, kernel) }
    }

    /// Runs a kernel on float64.
    pub(super) fn run_f64<K: Kernel<f64>>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
        fn entry<K: Kernel<f64>>(proof: Avx512, kernel: K) -> K::Output {
            kernel.run(Avx512F64(proof))
        }
        // SAFETY: `self` exists only where all these features were detected.
        unsafe { entry(self, kernel) }
    }
}

/// What float32 and float64 vectors have in common but the names of the intrinsics.
macro_rules! arithmetic {
    ($load:ident $store:ident $splat:ident $less:ident $blend:ident
     $($method:ident($($argument:ident),+) = $intrinsic:ident;)+) => {
        #[inline(always)]
        fn splat(self, value: Self::Real) -> Self::V {
            // SAFETY: `self` proves that the machine has AVX-512.
            unsafe { $splat(value) }
        }
        #[inline(always)]
        fn load(self, source: &[Self::Real]) -> Self::V {
            let source = &source[..Self::LANES];
            // SAFETY: the slice holds `LANES` values; `self` proves that the machine has AVX-512.
            unsafe { $load(source.as_ptr()) }
        }
        #[inline(always)]
        fn store(self, value: Self::V, target: &mut [Self::Real]) {
            let target = &mut target[..Self::LANES];
            // SAFETY: the slice holds `LANES` values; `self` proves that the machine has AVX-512.
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
            // SAFETY: `self` proves that the machine has AVX-512.
            unsafe { $less::<_CMP_LT_OQ>(a, b) }
        }
        #[inline(always)]
        fn select(self, mask: Self::Mask, yes: Self::V, no: Self::V) -> Self::V {
            // SAFETY: `self` proves that the machine has AVX-512.
            unsafe { $blend(mask, no, yes) }
        }
        #[inline(always)]
        fn bits(self, mask: Self::Mask) -> u32 {
            u32::from(mask)
        }
        $(
            #[inline(always)]
            fn $method(self, $($argument: Self::V),+) -> Self::V {
                // SAFETY: `self` proves that the machine has AVX-512.
                unsafe { $intrinsic($($argument),+) }
            }
        )+
    };
}

impl Simd for Avx512F32 {
    type Real = f32;
    type V = __m512;
    type Mask = __mmask16;
    const LANES: usize = 16;

    arithmetic! {
        _mm512_loadu_ps _mm512_storeu_ps _mm512_set1_ps _mm512_cmp_ps_mask _mm512_mask_blend_ps
        add(a, b) = _mm512_add_ps;
        sub(a, b) = _mm512_sub_ps;
        mul(a, b) = _mm512_mul_ps;
        div(a, b) = _mm512_div_ps;
        max(a, b) = _mm512_max_ps;
        min(a, b) = _mm512_min_ps;
        sqrt(a) = _mm512_sqrt_ps;
        mul_add(a, b, c) = _mm512_fmadd_ps;
        neg_mul_add(a, b, c) = _mm512_fnmadd_ps;
    }

    #[inline(always)]
    fn fast_sqrt(self, a: __m512) -> __m512 {
        // SAFETY: `self` proves that the machine has AVX-512.
        let inverse = unsafe { _mm512_rsqrt14_ps(self.max(a, self.splat(f32::MIN_POSITIVE))) };
        refine_sqrt(self, a, inverse)
    }

    #[inline(always)]
    fn log2(self, a: __m512) -> __m512 {
        // SAFETY: `self` proves that the machine has AVX-512.
        let (exponent, mantissa) = unsafe { split(a) };
        log2_of_mantissa(self, exponent, mantissa, TERMS_F32)
    }

    #[inline(always)]
    fn interleave(self, rows: &[f32], length: usize, target: &mut [f32], stride: usize) {
        let (first, second) = rows.split_at(8 * length);
        interleave_8(self.0.0, first, length, target, stride);
        interleave_8(self.0.0, second, length, &mut target[8..], stride);
    }
}

impl Simd for Avx512F64 {
    type Real = f64;
    type V = __m512d;
    type Mask = __mmask8;
    const LANES: usize = 8;

    arithmetic! {
        _mm512_loadu_pd _mm512_storeu_pd _mm512_set1_pd _mm512_cmp_pd_mask _mm512_mask_blend_pd
        add(a, b) = _mm512_add_pd;
        sub(a, b) = _mm512_sub_pd;
        mul(a, b) = _mm512_mul_pd;
        div(a, b) = _mm512_div_pd;
        max(a, b) = _mm512_max_pd;
        min(a, b) = _mm512_min_pd;
        sqrt(a) = _mm512_sqrt_pd;
        mul_add(a, b, c) = _mm512_fmadd_pd;
        neg_mul_add(a, b, c) = _mm512_fnmadd_pd;
    }

    #[inline(always)]
    fn log2(self, a: __m512d) -> __m512d {
        // SAFETY: `self` proves that the machine has AVX-512.
        let (exponent, mantissa) = unsafe { split_f64(a) };
        log2_of_mantissa(self, exponent, mantissa, TERMS_F64)
    }

    #[inline(always)]
    fn interleave(self, rows: &[f32], length: usize, target: &mut [f64], stride: usize) {
        let n_whole = length - length % 8;
        for column in n_whole..length {
            for lane in 0..8 {
                target[column * stride + lane] = f64::from(rows[lane * length + column]);
            }
        }
        for column in (0..n_whole).step_by(8) {
            let block = columns_8(self.0.0, &rows[column..], length);
            for (r, row) in block.iter().enumerate() {
                // SAFETY: `self` proves that the machine has AVX-512.
                let row = unsafe { _mm512_cvtps_pd(*row) };
                self.store(row, &mut target[(column + r) * stride..]);
            }
        }
    }
}

/// `a = mantissa * 2^exponent` with the mantissa in [√½, √2), for positive normal values.
#[target_feature(enable = "avx512f")]
fn split(a: __m512) -> (__m512, __m512) {
    let sqrt_half = _mm512_set1_epi32(f32::to_bits(std::f32::consts::FRAC_1_SQRT_2) as i32);
    let offset = _mm512_sub_epi32(_mm512_castps_si512(a), sqrt_half);
    let exponent = _mm512_srai_epi32::<23>(offset);
    let fraction = _mm512_and_si512(offset, _mm512_set1_epi32(0x007F_FFFF));
    let mantissa = _mm512_castsi512_ps(_mm512_add_epi32(fraction, sqrt_half));
    (_mm512_cvtepi32_ps(exponent), mantissa)
}

/// [`split`] in float64.
#[target_feature(enable = "avx512f,avx512dq")]
fn split_f64(a: __m512d) -> (__m512d, __m512d) {
    let sqrt_half = _mm512_set1_epi64(f64::to_bits(std::f64::consts::FRAC_1_SQRT_2) as i64);
    let offset = _mm512_sub_epi64(_mm512_castpd_si512(a), sqrt_half);
    let exponent = _mm512_srai_epi64::<52>(offset);
    let fraction = _mm512_and_si512(offset, _mm512_set1_epi64((1 << 52) - 1));
    let mantissa = _mm512_castsi512_pd(_mm512_add_epi64(fraction, sqrt_half));
    (_mm512_cvtepi64_pd(exponent), mantissa)
}
