#![expect(
    unsafe_code,
    reason = "AVX2 and FMA intrinsics, behind a proof that the machine has them"
)]
//! Eight float32 or four float64 at a time.

use std::arch::x86_64::{
    __m256, __m256d, __m256i, _CMP_LT_OQ, _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps,
    _mm_unpackhi_ps, _mm_unpacklo_ps, _mm256_add_epi32, _mm256_add_epi64, _mm256_add_pd,
    _mm256_add_ps, _mm256_and_si256, _mm256_blendv_pd, _mm256_blendv_ps, _mm256_castpd_si256,
    _mm256_castps_si256, _mm256_castsi256_pd, _mm256_castsi256_ps, _mm256_cmp_pd, _mm256_cmp_ps,
    _mm256_cvtepi32_ps, _mm256_cvtps_pd, _mm256_div_pd, _mm256_div_ps, _mm256_fmadd_pd,
    _mm256_fmadd_ps, _mm256_fnmadd_pd, _mm256_fnmadd_ps, _mm256_loadu_pd, _mm256_loadu_ps,
    _mm256_max_pd, _mm256_max_ps, _mm256_min_pd, _mm256_min_ps, _mm256_movemask_pd,
    _mm256_movemask_ps, _mm256_mul_pd, _mm256_mul_ps, _mm256_or_si256, _mm256_permute2f128_ps,
    _mm256_rsqrt_ps, _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_set1_pd, _mm256_set1_ps,
    _mm256_shuffle_ps, _mm256_sqrt_pd, _mm256_sqrt_ps, _mm256_srai_epi32, _mm256_srli_epi64,
    _mm256_storeu_pd, _mm256_storeu_ps, _mm256_sub_epi32, _mm256_sub_epi64, _mm256_sub_pd,
    _mm256_sub_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use super::{Kernel, Simd, refine_sqrt};
use crate::spectrum::log::{TERMS_F32, TERMS_F64, log2_of_mantissa};

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
        log2_of_mantissa(self, exponent, mantissa, TERMS_F32)
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
        // SAFETY: `self` proves that the machine has AVX2 and FMA.
        let (exponent, mantissa) = unsafe { split_f64(a) };
        log2_of_mantissa(self, exponent, mantissa, TERMS_F64)
    }

    #[inline(always)]
    fn interleave(self, rows: &[f32], length: usize, target: &mut [f64], stride: usize) {
        let n_whole = length - length % 4;
        for column in n_whole..length {
            for lane in 0..4 {
                target[column * stride + lane] = f64::from(rows[lane * length + column]);
            }
        }
        for column in (0..n_whole).step_by(4) {
            let row = |lane: usize| &rows[lane * length + column..][..4];
            // SAFETY: each slice holds four values; `self` proves that the machine has AVX2.
            let block = unsafe { transpose_4([row(0), row(1), row(2), row(3)]) };
            for (r, row) in block.iter().enumerate() {
                self.store(*row, &mut target[(column + r) * stride..]);
            }
        }
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

/// [`split`] in float64. There is no arithmetic shift of 64 bits, and no conversion: the exponent is
/// shifted as it is stored, and read as the last bits of a large number.
#[target_feature(enable = "avx2,fma")]
fn split_f64(a: __m256d) -> (__m256d, __m256d) {
    const LARGE: f64 = 4_503_599_627_370_496.0;
    const BIAS: i64 = 1023;
    let sqrt_half = f64::to_bits(std::f64::consts::FRAC_1_SQRT_2) as i64;
    let bits = _mm256_castpd_si256(a);
    let offset = _mm256_sub_epi64(bits, _mm256_set1_epi64x(sqrt_half - (BIAS << 52)));
    let stored = _mm256_srli_epi64::<52>(offset);
    let large = _mm256_or_si256(stored, _mm256_set1_epi64x(f64::to_bits(LARGE) as i64));
    let exponent = _mm256_sub_pd(_mm256_castsi256_pd(large), _mm256_set1_pd(LARGE + BIAS as f64));
    let fraction = _mm256_and_si256(offset, _mm256_set1_epi64x((1 << 52) - 1));
    let mantissa = _mm256_add_epi64(fraction, _mm256_set1_epi64x(sqrt_half));
    (exponent, _mm256_castsi256_pd(mantissa))
}

/// Four rows of four become columns, in float64.
///
/// # Safety
///
/// Each row holds four values.
#[target_feature(enable = "avx2,fma")]
unsafe fn transpose_4(rows: [&[f32]; 4]) -> [__m256d; 4] {
    // SAFETY: each row holds four values.
    let [a, b, c, d] = unsafe {
        [
            _mm_loadu_ps(rows[0].as_ptr()),
            _mm_loadu_ps(rows[1].as_ptr()),
            _mm_loadu_ps(rows[2].as_ptr()),
            _mm_loadu_ps(rows[3].as_ptr()),
        ]
    };
    let (ab_low, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
    let (cd_low, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
    [
        _mm256_cvtps_pd(_mm_movelh_ps(ab_low, cd_low)),
        _mm256_cvtps_pd(_mm_movehl_ps(cd_low, ab_low)),
        _mm256_cvtps_pd(_mm_movelh_ps(ab_high, cd_high)),
        _mm256_cvtps_pd(_mm_movehl_ps(cd_high, ab_high)),
    ]
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
        let block = columns_8(proof, &rows[column..], length);
        for (r, row) in block.iter().enumerate() {
            simd.store(*row, &mut target[(column + r) * stride..]);
        }
    }
}

/// The first eight columns of eight rows that are `length` apart.
#[inline(always)]
pub(super) fn columns_8(proof: Avx2, rows: &[f32], length: usize) -> [__m256; 8] {
    let simd = Avx2F32(proof);
    let mut block = [simd.splat(0.0); 8];
    for lane in 0..8 {
        block[lane] = simd.load(&rows[lane * length..]);
    }
    // SAFETY: `proof` says that the machine has AVX2 and FMA.
    unsafe { transpose_8(block) }
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
