//! Whole channels of integer samples, as lossless decoders hold them.
#![expect(
    clippy::inline_always,
    reason = "what a kernel calls must be compiled into the function that is allowed its instructions"
)]

/// Whether all samples are numbers of `n_bits` bits, 1 to 32.
#[inline(always)]
pub(in crate::decode) fn fits(plane: &[i32], n_bits: u32) -> bool {
    let excess = plane.iter().fold(0, |excess, &sample| excess | (sample ^ (sample >> 31)));
    (excess as u32).wrapping_shr(n_bits.wrapping_sub(1)) == 0
}

/// Full scale becomes ±1; up to 24 bits this is exact.
#[inline(always)]
pub(in crate::decode) fn to_f32(plane: &[i32], n_bits: u32, out: &mut [f32]) {
    let scale = scale(n_bits);
    for (out, &sample) in out.iter_mut().zip(plane) {
        *out = sample as f32 * scale;
    }
}

/// The mean of two channels, rounded as that of their float values.
#[inline(always)]
pub(in crate::decode) fn to_mono(left: &[i32], right: &[i32], n_bits: u32, out: &mut [f32]) {
    let half_scale = 0.5 * scale(n_bits);
    for ((out, &left), &right) in out.iter_mut().zip(left).zip(right) {
        *out = (left as f32 + right as f32) * half_scale;
    }
}

fn scale(n_bits: u32) -> f32 {
    // A power of two: exact.
    1.0 / (1_u64 << (n_bits - 1)) as f32
}
