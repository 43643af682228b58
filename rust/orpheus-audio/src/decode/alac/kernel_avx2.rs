//! The hot loops for x86-64 with AVX2 and bit manipulation.
#![expect(unsafe_code, reason = "instructions that not every processor has")]

use super::bits::Bits;
use super::planes::Mixing;
use super::predict::Predictor;
use super::rice::Rice;
use super::{Result, planes, predict_avx2, rice};
use crate::tier;

tier::compiled_for_avx2! {
    rice::read(bits: &mut Bits<'_>, rice: Rice, n_bits: u32, out: &mut [i32]) -> Result<()>;
    predict_avx2::predict(predictor: &mut Predictor, samples: &mut [i32]);
    predict_avx2::predict_pair(
        predictors: &mut [Predictor; 2], first: &mut [i32], second: &mut [i32]
    );
    planes::part(mixing: Mixing, first: &mut [i32], second: &mut [i32]);
    planes::fits(plane: &[i32], n_bits: u32) -> bool;
    planes::to_f32(plane: &[i32], n_bits: u32, out: &mut [f32]);
    planes::to_mono(left: &[i32], right: &[i32], n_bits: u32, out: &mut [f32]);
}
