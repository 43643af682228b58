//! The hot loops for x86-64 with AVX2, FMA and BMI.
#![expect(unsafe_code, reason = "vector instructions that not every processor has")]
#![expect(clippy::unused_self, reason = "having an `Avx2` is what allows to call its methods")]

use crate::decode::bits::Bits;
use crate::decode::lanes::avx2::Eight;

use super::FrameError;
use super::bands::N_LINES;

use super::codes::Codes;
use super::huffman::{self, Coded};
use super::hybrid::{self, Granule, Overlap, Rows};
use super::synthesis::{self, History};

/// Proof that the processor has what the functions here are compiled for.
#[derive(Debug, Clone, Copy)]
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
