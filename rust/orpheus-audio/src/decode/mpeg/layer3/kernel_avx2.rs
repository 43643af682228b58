//! The hot loops for x86-64 with AVX2, FMA and BMI.
#![expect(unsafe_code, reason = "vector instructions that not every processor has")]
#![expect(clippy::unused_self, reason = "having an `Avx2` is what allows to call its methods")]

use crate::decode::bits::Bits;
use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_permute_ps, _mm256_permute2f128_ps, _mm256_set1_ps, _mm256_storeu_ps, _mm256_sub_ps,
    _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use super::FrameError;
use super::bands::N_LINES;

use super::codes::Codes;
use super::huffman::{self, Coded};
use super::hybrid::{self, Granule, Overlap, Rows};
use super::lanes::Lanes;
use super::synthesis::{self, History};

/// Proof that the processor has what the functions here are compiled for.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("movbe");
        has.then_some(Self(()))
    }

    pub(super) fn decode(
        self,
        codes: &Codes,
        bits: Bits,
        coded: &Coded,
        lines: &mut [f32; N_LINES],
    ) -> Result<usize, FrameError> {
        if coded.add {
            // SAFETY: `self` exists only where `detect` found these features.
            unsafe { decode::<true>(codes, bits, coded, lines) }
        } else {
            // SAFETY: as above.
            unsafe { decode::<false>(codes, bits, coded, lines) }
        }
    }

    pub(super) fn hybrid(
        self,
        tables: &hybrid::Tables,
        granule: &mut Granule,
        overlap: &mut Overlap,
        out: &mut Rows,
        add: bool,
    ) {
        if add {
            // SAFETY: `self` exists only where `detect` found these features.
            unsafe { hybrid::<true>(tables, granule, overlap, out) }
        } else {
            // SAFETY: as above.
            unsafe { hybrid::<false>(tables, granule, overlap, out) }
        }
    }

    pub(super) fn synthesis(
        self,
        tables: &synthesis::Tables,
        history: &mut History,
        rows: &[Rows],
        out: &mut [[f32; 32]],
    ) {
        // SAFETY: `self` exists only where `detect` found these features.
        unsafe { synthesis(tables, history, rows, out) }
    }
}

#[target_feature(enable = "avx2,fma,bmi1,bmi2,movbe")]
fn decode<const ADD: bool>(
    codes: &Codes,
    bits: Bits,
    coded: &Coded,
    lines: &mut [f32; N_LINES],
) -> Result<usize, FrameError> {
    huffman::decode::<ADD>(codes, bits, coded, lines)
}

#[target_feature(enable = "avx2,fma")]
fn hybrid<const ADD: bool>(
    tables: &hybrid::Tables,
    granule: &mut Granule,
    overlap: &mut Overlap,
    out: &mut Rows,
) {
    hybrid::synthesize::<Eight, ADD>(tables, granule, overlap, out);
}

#[target_feature(enable = "avx2,fma")]
fn synthesis(
    tables: &synthesis::Tables,
    history: &mut History,
    rows: &[Rows],
    out: &mut [[f32; 32]],
) {
    synthesis::synthesize::<Eight>(tables, history, rows, out);
}

/// One register of eight values.
///
/// Private, and only named in the functions above: its methods run on processors that have AVX2 and
/// FMA, and nowhere else.
#[derive(Clone, Copy)]
struct Eight(__m256);

impl Lanes for Eight {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    fn load(from: &[f32; 8]) -> Self {
        // SAFETY: see `Eight`; the eight values are readable at any alignment.
        Self(unsafe { _mm256_loadu_ps(from.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; 8]) {
        // SAFETY: see `Eight`; the eight values are writable at any alignment.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, term.0) })
    }

    #[inline(always)]
    fn neg_mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe { _mm256_fnmadd_ps(self.0, factor.0, term.0) })
    }

    #[inline(always)]
    fn reversed(self) -> Self {
        // SAFETY: see `Eight`.
        Self(unsafe {
            let halves_reversed = _mm256_permute_ps::<0b00_01_10_11>(self.0);
            _mm256_permute2f128_ps::<1>(halves_reversed, halves_reversed)
        })
    }

    #[inline(always)]
    fn interleaved(self, other: Self) -> [Self; 2] {
        // SAFETY: see `Eight`.
        unsafe {
            [Self(_mm256_unpacklo_ps(self.0, other.0)), Self(_mm256_unpackhi_ps(self.0, other.0))]
        }
    }
}
