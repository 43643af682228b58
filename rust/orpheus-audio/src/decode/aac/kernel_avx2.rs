//! The hot loops for x86-64 with AVX2, FMA and BMI.
#![expect(unsafe_code, reason = "vector instructions that not every processor has")]
#![expect(clippy::unused_self, reason = "having an `Avx2` is what allows to call its methods")]

use super::codes::Codes;
use super::spectrum::{self, Coded, MAX_LINES};
use super::synthesis::{self, Overlap, Windows};
use crate::decode::bits::Bits;
use crate::decode::lanes::avx2::Eight;

/// Proof that the processor has what the functions here are compiled for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("movbe");
        has.then_some(Self(()))
    }

    pub(super) fn read_spectrum<'a>(
        self,
        codes: &Codes,
        bits: Bits<'a>,
        coded: &Coded,
        edges: &[u16],
        lines: &mut [f32; MAX_LINES],
    ) -> Option<Bits<'a>> {
        // SAFETY: `self` exists only where `detect` found these features.
        unsafe { read_spectrum(codes, bits, coded, edges, lines) }
    }

    pub(super) fn synthesize(
        self,
        overlap: &mut Overlap,
        lines: &[f32; MAX_LINES],
        windows: Windows,
        out: &mut [f32],
    ) {
        // SAFETY: as above.
        unsafe { synthesize(overlap, lines, windows, out) }
    }
}

#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,movbe")]
fn read_spectrum<'a>(
    codes: &Codes,
    bits: Bits<'a>,
    coded: &Coded,
    edges: &[u16],
    lines: &mut [f32; MAX_LINES],
) -> Option<Bits<'a>> {
    spectrum::read(codes, bits, coded, edges, lines)
}

#[target_feature(enable = "avx2,fma")]
fn synthesize(overlap: &mut Overlap, lines: &[f32; MAX_LINES], windows: Windows, out: &mut [f32]) {
    synthesis::add::<Eight>(overlap, lines, windows, out);
}
