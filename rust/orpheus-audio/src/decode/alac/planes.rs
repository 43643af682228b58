//! What is done to whole channels: parting what was mixed, low bits, conversion.

pub(super) use crate::decode::planes::{fits, to_f32, to_mono};

/// How the two channels of a pair were mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mixing {
    /// 0 to 31.
    pub(super) shift: u32,
    /// Not mixed at all if this is 0.
    pub(super) weight: i32,
}

/// Mix and difference → left and right (`unmix` in `matrix_dec.c` of Apple's reference).
#[inline(always)]
pub(super) fn part(mixing: Mixing, first: &mut [i32], second: &mut [i32]) {
    let Mixing { shift, weight } = mixing;
    if weight == 0 {
        return;
    }
    for (first, second) in first.iter_mut().zip(second) {
        let (mix, difference) = (*first, *second);
        let part = difference.wrapping_mul(weight).wrapping_shr(shift);
        *first = mix.wrapping_add(difference).wrapping_sub(part);
        *second = first.wrapping_sub(difference);
    }
}
