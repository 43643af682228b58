#![expect(
    unsafe_code,
    reason = "AVX2 and FMA intrinsics, behind a proof that the machine has them"
)]
//! Eight float32 or four float64 at a time.

use std::arch::x86_64::{
    __m256, __m256d, __m256i, _CMP_LT_OQ, _mm256_add_epi32, _mm256_add_pd, _mm256_add_ps,
    _mm256_and_si256, _mm256_blendv_pd, _mm256_blendv_ps, _mm256_castps_si256, _mm256_castsi256_ps,
    _mm256_cmp_pd, _mm256_cmp_ps, _mm256_cvtepi32_ps, _mm256_div_pd, _mm256_div_ps,
    _mm256_fmadd_pd, _mm256_fmadd_ps, _mm256_fnmadd_pd, _mm256_fnmadd_ps, _mm256_loadu_pd,
    _mm256_loadu_ps, _mm256_max_pd, _mm256_max_ps, _mm256_min_pd, _mm256_min_ps,
    _mm256_movemask_pd, _mm256_movemask_ps, _mm256_mul_pd, _mm256_mul_ps, _mm256_permute2f128_ps,
    _mm256_rsqrt_ps, _mm256_set1_epi32, _mm256_set1_pd, _mm256_set1_ps, _mm256_shuffle_ps,
    _mm256_sqrt_pd, _mm256_sqrt_ps, _mm256_srai_epi32, _mm256_storeu_pd, _mm256_storeu_ps,
    _mm256_sub_epi32, _mm256_sub_pd, _mm256_sub_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use super::{Kernel, Simd, refine_sqrt};
use crate::spectrum::log::log2_of_mantissa;

/// Proof that this machine has AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(());

/// Eight float32.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2F32(Avx2);

/// Four float64.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2F64(Avx2);

impl Avx2 {
    /// The proof, where there is one.
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    /// Runs a kernel on float32.
    pub(super) fn run_f32<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn entry<K: Kernel<f32>>(proof: Avx2, kernel: K) -> K::Output {
            kernel.run(Avx2F32(proof))
        }
        // SAFETY: `self` exists only where AVX2 and FMA were detected.
        unsafe { entry(self, kernel) }
    }

    /// Runs a kernel on float64.
    pub(super) fn run_f64<K: Kernel<f64>>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn entry<K: Kernel<f64>>(proof: Avx2, kernel: K) -> K::Output {
            kernel.run(Avx2F64(proof))
        }
        // SAFETY: `self` exists only where AVX2 and FMA were detected.
        unsafe { entry(self, kernel) }
    }
}

/// What float32 and float64 vectors have in common but the names of the intrinsics.
macro_rules! arithmetic {
    ($load:ident $store:ident $splat:ident $less:ident $bits:ident $blend:ident
     $($method:ident($($argument:ident),+) = $intrinsic:ident;)+) => {
        #[inline(always)]
        fn splat(self, value: Self::Real) -> Self::V {
            // SAFETY: `self` proves that the machine has AVX2 and FMA.
            unsafe { $splat(value) }
        }
        #[inline(always)]
        fn load(self, source: &[Self::Real]) -> Self::V {
            let source = &source[..Self::LANES];
            // SAFETY: the slice holds `LANES` values; `self` proves that the machine has AVX2.
            unsafe { $load(source.as_ptr()) }
        }
        #[inline(always)]
        fn store(self, value: Self::V, target: &mut [Self::Real]) {
            let target = &mut target[..Self::LANES];
            // SAFETY: the slice holds `LANES` values; `self` proves that the machine has AVX2.
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
            // SAFETY: `self` proves that the machine has AVX2 and FMA.
            unsafe { $less::<_CMP_LT_OQ>(a, b) }
        }
        #[inline(always)]
        fn select(self, mask: Self::Mask, yes: Self::V, no: Self::V) -> Self::V {
            // SAFETY: `self` proves that the machine has AVX2 and FMA.
            unsafe { $blend(no, yes, mask) }
        }
        #[inline(always)]
        fn bits(self, mask: Self::Mask) -> u32 {
            // SAFETY: `self` proves that the machine has AVX2 and FMA.
            unsafe { $bits(mask) as u32 }
        }
        $(
            #[inline(always)]
            fn $method(self, $($argument: Self::V),+) -> Self::V {
                // SAFETY: `self` proves that the machine has AVX2 and FMA.
                unsafe { $intrinsic($($argument),+) }
            }
        )+
    };
}

impl Simd for Avx2F32 {
    type Real = f32;
    type V = __m256;
    type Mask = __m256;
    const LANES: usize = 8;

    arithmetic! {
        _mm256_loadu_ps _mm256_storeu_ps _mm256_set1_ps _mm256_cmp_ps _mm256_movemask_ps _mm256_blendv_ps
        add(a, b) = _mm256_add_ps;
        sub(a, b) = _mm256_sub_ps;
        mul(a, b) = _mm256_mul_ps;
        div(a, b) = _mm256_div_ps;
        max(a, b) = _mm256_max_ps;
        min(a, b) = _mm256_min_ps;
        sqrt(a) = _mm256_sqrt_ps;
        mul_add(a, b, c) = _mm256_fmadd_ps;
        neg_mul_add(a, b, c) = _mm256_fnmadd_ps;
    }

    #[inline(always)]
    fn fast_sqrt(self, a: __m256) -> __m256 {
        // SAFETY: `self` proves that the machine has AVX2 and FMA.
        let inverse = unsafe { _mm256_rsqrt_ps(self.max(a, self.splat(f32::MIN_POSITIVE))) };
        refine_sqrt(self, a, inverse)
    }

    #[inline(always)]
    fn log2(self, a: __m256) -> __m256 {
        // SAFETY: `self` proves that the machine has AVX2 and FMA.
        let (exponent, mantissa) = unsafe { split(a) };
        log2_of_mantissa(self, exponent, mantissa)
    }

    #[inline(always)]
    fn interleave(self, rows: &[f32], length: usize, target: &mut [f32], stride: usize) {
        interleave_8(self.0, rows, length, target, stride);
    }
}

impl Simd for Avx2F64 {
    type Real = f64;
    type V = __m256d;
    type Mask = __m256d;
    const LANES: usize = 4;

    arithmetic! {
        _mm256_loadu_pd _mm256_storeu_pd _mm256_set1_pd _mm256_cmp_pd _mm256_movemask_pd _mm256_blendv_pd
        add(a, b) = _mm256_add_pd;
        sub(a, b) = _mm256_sub_pd;
        mul(a, b) = _mm256_mul_pd;
        div(a, b) = _mm256_div_pd;
        max(a, b) = _mm256_max_pd;
        min(a, b) = _mm256_min_pd;
        sqrt(a) = _mm256_sqrt_pd;
        mul_add(a, b, c) = _mm256_fmadd_pd;
        neg_mul_add(a, b, c) = _mm256_fnmadd_pd;
    }

    #[inline(always)]
    fn log2(self, a: __m256d) -> __m256d {
        let mut values = [0.0; 4];
        self.store(a, &mut values);
        self.load(&values.map(f64::log2))
    }
}

/// `a = mantissa * 2^exponent` with the mantissa in [√½, √2), for positive normal values.
#[target_feature(enable = "avx2,fma")]
fn split(a: __m256) -> (__m256, __m256) {
    let sqrt_half: __m256i =
        _mm256_set1_epi32(f32::to_bits(std::f32::consts::FRAC_1_SQRT_2) as i32);
    let offset = _mm256_sub_epi32(_mm256_castps_si256(a), sqrt_half);
    let exponent = _mm256_srai_epi32::<23>(offset);
    let fraction = _mm256_and_si256(offset, _mm256_set1_epi32(0x007F_FFFF));
    let mantissa = _mm256_castsi256_ps(_mm256_add_epi32(fraction, sqrt_half));
    (_mm256_cvtepi32_ps(exponent), mantissa)
}

/// [`Simd::interleave`] for eight rows, eight columns at a time.
#[inline(always)]
pub(super) fn interleave_8(
    proof: Avx2,
    rows: &[f32],
    length: usize,
    target: &mut [f32],
    stride: usize,
) {
    let simd = Avx2F32(proof);
    let n_whole = length - length % 8;
    for column in n_whole..length {
        for lane in 0..8 {
            target[column * stride + lane] = rows[lane * length + column];
        }
    }
    for column in (0..n_whole).step_by(8) {
        let mut block = [simd.splat(0.0); 8];
        for (lane, row) in block.iter_mut().enumerate() {
            *row = simd.load(&rows[lane * length + column..]);
        }
        // SAFETY: `proof` says that the machine has AVX2 and FMA.
        let block = unsafe { transpose_8(block) };
        for (r, row) in block.iter().enumerate() {
            simd.store(*row, &mut target[(column + r) * stride..]);
        }
    }
}

/// Rows become columns.
#[target_feature(enable = "avx2,fma")]
fn transpose_8(rows: [__m256; 8]) -> [__m256; 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    let quads = |a, b, c, d| {
        let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low),
            _mm256_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high),
        ]
    };
    let [p0, p1, p2, p3] = quads(a, b, c, d);
    let [q0, q1, q2, q3] = quads(e, f, g, h);
    [
        _mm256_permute2f128_ps::<0x20>(p0, q0),
        _mm256_permute2f128_ps::<0x20>(p1, q1),
        _mm256_permute2f128_ps::<0x20>(p2, q2),
        _mm256_permute2f128_ps::<0x20>(p3, q3),
        _mm256_permute2f128_ps::<0x31>(p0, q0),
        _mm256_permute2f128_ps::<0x31>(p1, q1),
        _mm256_permute2f128_ps::<0x31>(p2, q2),
        _mm256_permute2f128_ps::<0x31>(p3, q3),
    ]
}
