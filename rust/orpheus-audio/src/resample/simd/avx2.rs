#![expect(
    unsafe_code,
    reason = "AVX2 and FMA intrinsics, behind a proof that the machine has them"
)]
//! Eight float32 or four float64 at a time.

use std::arch::x86_64::{
    __m256, __m256d, _mm256_add_pd, _mm256_add_ps, _mm256_castpd_ps, _mm256_castps_pd,
    _mm256_fmadd_pd, _mm256_fmadd_ps, _mm256_fnmadd_pd, _mm256_fnmadd_ps, _mm256_loadu_pd,
    _mm256_loadu_ps, _mm256_mul_pd, _mm256_mul_ps, _mm256_permute2f128_pd, _mm256_permute2f128_ps,
    _mm256_set1_pd, _mm256_set1_ps, _mm256_storeu_pd, _mm256_storeu_ps, _mm256_sub_pd,
    _mm256_sub_ps, _mm256_unpackhi_pd, _mm256_unpackhi_ps, _mm256_unpacklo_pd, _mm256_unpacklo_ps,
};

use super::{Kernel, MAX_LANES, Simd};

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
        let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    /// Runs a kernel on float32.
    pub(super) fn run_f32<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn entry<K: Kernel<f32>>(proof: Avx2, kernel: K) -> K::Output {
            kernel.run(Avx2F32(proof))
        }
        // SAFETY: `self` exists only where both features were detected.
        unsafe { entry(self, kernel) }
    }

    /// Runs a kernel on float64.
    pub(super) fn run_f64<K: Kernel<f64>>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn entry<K: Kernel<f64>>(proof: Avx2, kernel: K) -> K::Output {
            kernel.run(Avx2F64(proof))
        }
        // SAFETY: `self` exists only where both features were detected.
        unsafe { entry(self, kernel) }
    }
}

/// What float32 and float64 vectors have in common but the names of the intrinsics.
macro_rules! arithmetic {
    ($load:ident $store:ident $splat:ident $($method:ident($($argument:ident),+) = $intrinsic:ident;)+) => {
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
    const LANES: usize = 8;

    arithmetic! {
        _mm256_loadu_ps _mm256_storeu_ps _mm256_set1_ps
        add(a, b) = _mm256_add_ps;
        sub(a, b) = _mm256_sub_ps;
        mul(a, b) = _mm256_mul_ps;
        mul_add(a, b, c) = _mm256_fmadd_ps;
        neg_mul_add(a, b, c) = _mm256_fnmadd_ps;
    }

    // Pairs of rows, then fours, within each 128-bit half; then the halves.
    #[inline(always)]
    fn transpose(self, square: &mut [__m256; MAX_LANES]) {
        // SAFETY: `self` proves that the machine has AVX2.
        unsafe {
            let mut fours = [square[0]; 8];
            for row in [0, 4] {
                let low = _mm256_castps_pd(_mm256_unpacklo_ps(square[row], square[row + 1]));
                let high = _mm256_castps_pd(_mm256_unpackhi_ps(square[row], square[row + 1]));
                let low_2 = _mm256_castps_pd(_mm256_unpacklo_ps(square[row + 2], square[row + 3]));
                let high_2 = _mm256_castps_pd(_mm256_unpackhi_ps(square[row + 2], square[row + 3]));
                fours[row] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, low_2));
                fours[row + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, low_2));
                fours[row + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high, high_2));
                fours[row + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high, high_2));
            }
            for column in 0..4 {
                let [a, b] = [fours[column], fours[column + 4]];
                square[column] = _mm256_permute2f128_ps::<0x20>(a, b);
                square[column + 4] = _mm256_permute2f128_ps::<0x31>(a, b);
            }
        }
    }
}

impl Simd for Avx2F64 {
    type Real = f64;
    type V = __m256d;
    const LANES: usize = 4;

    arithmetic! {
        _mm256_loadu_pd _mm256_storeu_pd _mm256_set1_pd
        add(a, b) = _mm256_add_pd;
        sub(a, b) = _mm256_sub_pd;
        mul(a, b) = _mm256_mul_pd;
        mul_add(a, b, c) = _mm256_fmadd_pd;
        neg_mul_add(a, b, c) = _mm256_fnmadd_pd;
    }

    // Pairs of rows within each 128-bit half; then the halves.
    #[inline(always)]
    fn transpose(self, square: &mut [__m256d; MAX_LANES]) {
        // SAFETY: `self` proves that the machine has AVX2.
        unsafe {
            let mut pairs = [square[0]; 4];
            for row in [0, 2] {
                pairs[row] = _mm256_unpacklo_pd(square[row], square[row + 1]);
                pairs[row + 1] = _mm256_unpackhi_pd(square[row], square[row + 1]);
            }
            for column in 0..2 {
                let [a, b] = [pairs[column], pairs[column + 2]];
                square[column] = _mm256_permute2f128_pd::<0x20>(a, b);
                square[column + 2] = _mm256_permute2f128_pd::<0x31>(a, b);
            }
        }
    }
}
