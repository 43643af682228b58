//! What is done to whole channels: parting what was mixed, low bits, conversion.

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

/// Whether all samples are numbers of `n_bits` bits, 1 to 32.
#[inline(always)]
pub(super) fn fits(plane: &[i32], n_bits: u32) -> bool {
    let excess = plane.iter().fold(0, |excess, &sample| excess | (sample ^ (sample >> 31)));
    (excess as u32).wrapping_shr(n_bits.wrapping_sub(1)) == 0
}

/// Full scale becomes ±1; up to 24 bits this is exact.
#[inline(always)]
pub(super) fn to_f32(plane: &[i32], n_bits: u32, out: &mut [f32]) {
    let scale = scale(n_bits);
    for (out, &sample) in out.iter_mut().zip(plane) {
        *out = sample as f32 * scale;
    }
}

/// The mean of two channels, rounded as that of their float values.
#[inline(always)]
pub(super) fn to_mono(left: &[i32], right: &[i32], n_bits: u32, out: &mut [f32]) {
    let half_scale = 0.5 * scale(n_bits);
    for ((out, &left), &right) in out.iter_mut().zip(left).zip(right) {
        *out = (left as f32 + right as f32) * half_scale;
    }
}

fn scale(n_bits: u32) -> f32 {
    // A power of two: exact.
    1.0 / (1_u64 << (n_bits - 1)) as f32
}
