//! The hot loops for x86-64 with AVX2 and bit manipulation.
#![expect(unsafe_code, reason = "instructions that not every processor has")]

use super::bits::Bits;
use super::planes::Mixing;
use super::predict::Predictor;
use super::rice::Rice;
use super::{Result, planes, predict_avx2, rice};

/// Proof that the processor has what the functions here are compiled for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

/// A method, and the function that it may call because `Avx2` exists.
macro_rules! compiled_for_avx2 {
    ($($module:ident :: $name:ident ($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        impl Avx2 {
            $(pub(super) fn $name(self, $($argument: $type),*) $(-> $result)? {
                #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe")]
                fn compiled($($argument: $type),*) $(-> $result)? {
                    $module::$name($($argument),*)
                }
                // SAFETY: `self` exists only where `detect` found these features.
                unsafe { compiled($($argument),*) }
            })*
        }
    };
}

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("movbe");
        has.then_some(Self(()))
    }
}

compiled_for_avx2! {
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
