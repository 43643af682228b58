//! Eight samples at a time on x86-64 with AVX2 and FMA.
#![expect(unsafe_code, reason = "vector instructions that not every processor has")]

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_castpd_ps, _mm256_castps_pd, _mm256_fmadd_ps, _mm256_fnmadd_ps,
    _mm256_loadu_ps, _mm256_mul_ps, _mm256_permute_ps, _mm256_permute2f128_ps,
    _mm256_permute4x64_pd, _mm256_set1_ps, _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_sub_ps,
    _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use super::Lanes;

/// Lanes in a register. To be named only in functions that are compiled for AVX2 and FMA and called
/// only where the processor has both.
#[derive(Clone, Copy)]
pub(in crate::decode) struct Eight(__m256);

impl Lanes for Eight {
    const FUSED: bool = true;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: only functions that have AVX2 and FMA use these lanes.
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

    #[inline(always)]
    fn reversed(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe {
            let halves_reversed = _mm256_permute_ps::<0b00_01_10_11>(self.0);
            _mm256_permute2f128_ps::<1>(halves_reversed, halves_reversed)
        })
    }

    #[inline(always)]
    fn deinterleaved(self, behind: Self) -> [Self; 2] {
        // SAFETY: as in `splat`.
        unsafe {
            let even = _mm256_shuffle_ps::<0b10_00_10_00>(self.0, behind.0);
            let odd = _mm256_shuffle_ps::<0b11_01_11_01>(self.0, behind.0);
            let even = _mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(even));
            let odd = _mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(odd));
            [Self(_mm256_castpd_ps(even)), Self(_mm256_castpd_ps(odd))]
        }
    }

    #[inline(always)]
    fn interleaved(self, odd: Self) -> [Self; 2] {
        // SAFETY: as in `splat`.
        unsafe {
            let low = _mm256_unpacklo_ps(self.0, odd.0);
            let high = _mm256_unpackhi_ps(self.0, odd.0);
            [
                Self(_mm256_permute2f128_ps::<0x20>(low, high)),
                Self(_mm256_permute2f128_ps::<0x31>(low, high)),
            ]
        }
    }

    #[inline(always)]
    fn interleaved_in_halves(self, other: Self) -> [Self; 2] {
        // SAFETY: as in `splat`.
        unsafe {
            [Self(_mm256_unpacklo_ps(self.0, other.0)), Self(_mm256_unpackhi_ps(self.0, other.0))]
        }
    }

    // No closures: what they call is not compiled into a function that has the features.
    #[inline(always)]
    fn transposed(rows: [Self; 8]) -> [Self; 8] {
        const LOW: i32 = 0b01_00_01_00;
        const HIGH: i32 = 0b11_10_11_10;
        let [a, b, c, d, e, f, g, h] = rows;
        // SAFETY: as in `splat`.
        unsafe {
            let (ab, ba) = (_mm256_unpacklo_ps(a.0, b.0), _mm256_unpackhi_ps(a.0, b.0));
            let (cd, dc) = (_mm256_unpacklo_ps(c.0, d.0), _mm256_unpackhi_ps(c.0, d.0));
            let (ef, fe) = (_mm256_unpacklo_ps(e.0, f.0), _mm256_unpackhi_ps(e.0, f.0));
            let (gh, hg) = (_mm256_unpacklo_ps(g.0, h.0), _mm256_unpackhi_ps(g.0, h.0));
            let (p0, q0) = (_mm256_shuffle_ps::<LOW>(ab, cd), _mm256_shuffle_ps::<LOW>(ef, gh));
            let (p1, q1) = (_mm256_shuffle_ps::<HIGH>(ab, cd), _mm256_shuffle_ps::<HIGH>(ef, gh));
            let (p2, q2) = (_mm256_shuffle_ps::<LOW>(ba, dc), _mm256_shuffle_ps::<LOW>(fe, hg));
            let (p3, q3) = (_mm256_shuffle_ps::<HIGH>(ba, dc), _mm256_shuffle_ps::<HIGH>(fe, hg));
            [
                Self(_mm256_permute2f128_ps::<0x20>(p0, q0)),
                Self(_mm256_permute2f128_ps::<0x20>(p1, q1)),
                Self(_mm256_permute2f128_ps::<0x20>(p2, q2)),
                Self(_mm256_permute2f128_ps::<0x20>(p3, q3)),
                Self(_mm256_permute2f128_ps::<0x31>(p0, q0)),
                Self(_mm256_permute2f128_ps::<0x31>(p1, q1)),
                Self(_mm256_permute2f128_ps::<0x31>(p2, q2)),
                Self(_mm256_permute2f128_ps::<0x31>(p3, q3)),
            ]
        }
    }
}
