//! Picks the fastest code for the processor at hand.

use super::bits::Bits;
#[cfg(target_arch = "x86_64")]
use super::kernel_avx2::Avx2;
use super::planes::Mixing;
use super::predict::Predictor;
use super::rice::Rice;
use super::{Result, planes, predict, rice};
use crate::tier;

tier::kernel! {
    /// The hot loops, for one kind of processor. All kinds come to the same values.
}

impl Kernel {
    /// [`rice::read`].
    pub(super) fn read(
        self,
        bits: &mut Bits<'_>,
        rice: Rice,
        n_bits: u32,
        out: &mut [i32],
    ) -> Result<()> {
        tier::dispatch!(self, rice::read(bits, rice, n_bits, out))
    }

    /// [`predict::predict`].
    pub(super) fn predict(self, predictor: &mut Predictor, samples: &mut [i32]) {
        tier::dispatch!(self, predict::predict(predictor, samples));
    }

    /// [`predict::predict`] of two channels.
    pub(super) fn predict_pair(
        self,
        predictors: &mut [Predictor; 2],
        first: &mut [i32],
        second: &mut [i32],
    ) {
        tier::dispatch!(self, predict::predict_pair(predictors, first, second));
    }

    /// [`planes::part`].
    pub(super) fn part(self, mixing: Mixing, first: &mut [i32], second: &mut [i32]) {
        tier::dispatch!(self, planes::part(mixing, first, second));
    }

    /// [`planes::fits`].
    pub(super) fn fits(self, plane: &[i32], n_bits: u32) -> bool {
        tier::dispatch!(self, planes::fits(plane, n_bits))
    }

    /// [`planes::to_f32`].
    pub(super) fn to_f32(self, plane: &[i32], n_bits: u32, out: &mut [f32]) {
        tier::dispatch!(self, planes::to_f32(plane, n_bits, out));
    }

    /// [`planes::to_mono`].
    pub(super) fn to_mono(self, left: &[i32], right: &[i32], n_bits: u32, out: &mut [f32]) {
        tier::dispatch!(self, planes::to_mono(left, right, n_bits, out));
    }
}
