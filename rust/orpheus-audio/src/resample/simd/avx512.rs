#![expect(unsafe_code, reason = "AVX-512 intrinsics, behind a proof that the machine has them")]
//! Sixteen float32 or eight float64 at a time.

use std::arch::x86_64::{
    __m512, __m512d, _mm512_add_pd, _mm512_add_ps, _mm512_castpd_ps, _mm512_castps_pd,
    _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_fnmadd_pd, _mm512_fnmadd_ps, _mm512_loadu_pd,
    _mm512_loadu_ps, _mm512_mul_pd, _mm512_mul_ps, _mm512_set1_pd, _mm512_set1_ps,
    _mm512_shuffle_f32x4, _mm512_shuffle_f64x2, _mm512_storeu_pd, _mm512_storeu_ps, _mm512_sub_pd,
    _mm512_sub_ps, _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use super::{Kernel, MAX_LANES, Simd};

/// Proof that this machine has AVX-512F.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(());

/// Sixteen float32.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512F32(Avx512);

/// Eight float64.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512F64(Avx512);

impl Avx512 {
    /// The proof, where there is one.
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx512f").then_some(Self(()))
    }

    /// Runs a kernel on float32.
    pub(super) fn run_f32<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f")]
        fn entry<K: Kernel<f32>>(proof: Avx512, kernel: K) -> K::Output {
            kernel.run(Avx512F32(proof))
        }
        // SAFETY: `self` exists only where AVX-512F was detected.
        unsafe { entry(self, kernel) }
    }

    /// Runs a kernel on float64.
    pub(super) fn run_f64<K: Kernel<f64>>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f")]
        fn entry<K: Kernel<f64>>(proof: Avx512, kernel: K) -> K::Output {
            kernel.run(Avx512F64(proof))
        }
        // SAFETY: `self` exists only where AVX-512F was detected.
        unsafe { entry(self, kernel) }
    }
}

/// What float32 and float64 vectors have in common but the names of the intrinsics.
macro_rules! arithmetic {
    ($load:ident $store:ident $splat:ident $($method:ident($($argument:ident),+) = $intrinsic:ident;)+) => {
        #[inline(always)]
        fn splat(self, value: Self::Real) -> Self::V {
            // SAFETY: `self` proves that the machine has AVX-512F.
            unsafe { $splat(value) }
        }
        #[inline(always)]
        fn load(self, source: &[Self::Real]) -> Self::V {
            let source = &source[..Self::LANES];
            // SAFETY: the slice holds `LANES` values; `self` proves that the machine has AVX-512F.
            unsafe { $load(source.as_ptr()) }
        }
        #[inline(always)]
        fn store(self, value: Self::V, target: &mut [Self::Real]) {
            let target = &mut target[..Self::LANES];
            // SAFETY: the slice holds `LANES` values; `self` proves that the machine has AVX-512F.
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
                // SAFETY: `self` proves that the machine has AVX-512F.
                unsafe { $intrinsic($($argument),+) }
            }
        )+
    };
}

impl Simd for Avx512F32 {
    type Real = f32;
    type V = __m512;
    const LANES: usize = 16;

    arithmetic! {
        _mm512_loadu_ps _mm512_storeu_ps _mm512_set1_ps
        add(a, b) = _mm512_add_ps;
        sub(a, b) = _mm512_sub_ps;
        mul(a, b) = _mm512_mul_ps;
        mul_add(a, b, c) = _mm512_fmadd_ps;
        neg_mul_add(a, b, c) = _mm512_fnmadd_ps;
    }

    // Pairs of rows, then fours, within each 128-bit part; then the parts.
    #[inline(always)]
    fn transpose(self, square: &mut [__m512; MAX_LANES]) {
        // SAFETY: `self` proves that the machine has AVX-512F.
        unsafe {
            let mut fours = [square[0]; 16];
            for row in [0, 4, 8, 12] {
                let low = _mm512_castps_pd(_mm512_unpacklo_ps(square[row], square[row + 1]));
                let high = _mm512_castps_pd(_mm512_unpackhi_ps(square[row], square[row + 1]));
                let low_2 = _mm512_castps_pd(_mm512_unpacklo_ps(square[row + 2], square[row + 3]));
                let high_2 = _mm512_castps_pd(_mm512_unpackhi_ps(square[row + 2], square[row + 3]));
                fours[row] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, low_2));
                fours[row + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, low_2));
                fours[row + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high, high_2));
                fours[row + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high, high_2));
            }
            for column in 0..4 {
                let [a, b] = [fours[column], fours[column + 4]];
                let [c, d] = [fours[column + 8], fours[column + 12]];
                let even = [_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0x88>(c, d)];
                let odd = [_mm512_shuffle_f32x4::<0xdd>(a, b), _mm512_shuffle_f32x4::<0xdd>(c, d)];
                square[column] = _mm512_shuffle_f32x4::<0x88>(even[0], even[1]);
                square[column + 4] = _mm512_shuffle_f32x4::<0x88>(odd[0], odd[1]);
                square[column + 8] = _mm512_shuffle_f32x4::<0xdd>(even[0], even[1]);
                square[column + 12] = _mm512_shuffle_f32x4::<0xdd>(odd[0], odd[1]);
            }
        }
    }
}

impl Simd for Avx512F64 {
    type Real = f64;
    type V = __m512d;
    const LANES: usize = 8;

    arithmetic! {
        _mm512_loadu_pd _mm512_storeu_pd _mm512_set1_pd
        add(a, b) = _mm512_add_pd;
        sub(a, b) = _mm512_sub_pd;
        mul(a, b) = _mm512_mul_pd;
        mul_add(a, b, c) = _mm512_fmadd_pd;
        neg_mul_add(a, b, c) = _mm512_fnmadd_pd;
    }

    // Pairs of rows within each 128-bit part; then the parts.
    #[inline(always)]
    fn transpose(self, square: &mut [__m512d; MAX_LANES]) {
        // SAFETY: `self` proves that the machine has AVX-512F.
        unsafe {
            let mut pairs = [square[0]; 8];
            for row in [0, 2, 4, 6] {
                pairs[row] = _mm512_unpacklo_pd(square[row], square[row + 1]);
                pairs[row + 1] = _mm512_unpackhi_pd(square[row], square[row + 1]);
            }
            for column in 0..2 {
                let [a, b] = [pairs[column], pairs[column + 2]];
                let [c, d] = [pairs[column + 4], pairs[column + 6]];
                let even = [_mm512_shuffle_f64x2::<0x88>(a, b), _mm512_shuffle_f64x2::<0x88>(c, d)];
                let odd = [_mm512_shuffle_f64x2::<0xdd>(a, b), _mm512_shuffle_f64x2::<0xdd>(c, d)];
                square[column] = _mm512_shuffle_f64x2::<0x88>(even[0], even[1]);
                square[column + 2] = _mm512_shuffle_f64x2::<0x88>(odd[0], odd[1]);
                square[column + 4] = _mm512_shuffle_f64x2::<0xdd>(even[0], even[1]);
                square[column + 6] = _mm512_shuffle_f64x2::<0xdd>(odd[0], odd[1]);
            }
        }
    }
}
