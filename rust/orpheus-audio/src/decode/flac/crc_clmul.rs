//! The sum of a frame by multiplication without carry: bytes are folded onto those 64 behind them.
//!
//! Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009).
#![expect(unsafe_code, reason = "instructions that not every processor has")]

use std::arch::x86_64::{
    __m128i, _mm_clmulepi64_si128, _mm_loadu_si128, _mm_set_epi8, _mm_set_epi64x, _mm_shuffle_epi8,
    _mm_storeu_si128, _mm_xor_si128,
};

/// Shorter stretches are left to the table.
const LEAST_BYTES: usize = 256;

/// Sixteen bytes with the same sum as all but the last few of `bytes`, and those last few. `None` where
/// it is not worth it or the processor cannot.
pub(super) fn fold(bytes: &[u8]) -> Option<([u8; 16], &[u8])> {
    let able = is_x86_feature_detected!("pclmulqdq") && is_x86_feature_detected!("ssse3");
    if bytes.len() < LEAST_BYTES || !able {
        return None;
    }
    let (blocks, rest) = bytes.as_chunks::<64>();
    // SAFETY: the processor has what the function is compiled for.
    Some((unsafe { fold_blocks(blocks) }, rest))
}

#[target_feature(enable = "pclmulqdq,ssse3")]
fn fold_blocks(blocks: &[[u8; 64]]) -> [u8; 16] {
    let mut sums = [_mm_set_epi64x(0, 0); 4];
    let far = by(512);
    for block in blocks {
        for (sum, part) in sums.iter_mut().zip(block.as_chunks::<16>().0) {
            *sum = _mm_xor_si128(shifted(*sum, far), load(part));
        }
    }
    let near = by(128);
    let sum = sums.into_iter().reduce(|sum, next| _mm_xor_si128(shifted(sum, near), next));
    let mut folded = [0; 16];
    if let Some(sum) = sum {
        // SAFETY: it has sixteen bytes.
        unsafe { _mm_storeu_si128(folded.as_mut_ptr().cast(), reversed(sum)) };
    }
    folded
}

/// What `sum` is, modulo the polynomial, with so many zeros behind it as `factors` stand for.
#[target_feature(enable = "pclmulqdq,ssse3")]
fn shifted(sum: __m128i, factors: __m128i) -> __m128i {
    let high = _mm_clmulepi64_si128::<0x11>(sum, factors);
    let low = _mm_clmulepi64_si128::<0x00>(sum, factors);
    _mm_xor_si128(high, low)
}

/// The factors of the upper and the lower half for a shift by `n` bits.
#[target_feature(enable = "ssse3")]
fn by(n: u32) -> __m128i {
    _mm_set_epi64x(power(n + 64), power(n))
}

/// xⁿ modulo x¹⁶ + x¹⁵ + x² + 1.
const fn power(n: u32) -> i64 {
    let mut power = 1_i64;
    let mut at = 0;
    while at < n {
        power <<= 1;
        if power >> 16 == 1 {
            power ^= 0x1_8005;
        }
        at += 1;
    }
    power
}

/// The first byte is the highest.
#[target_feature(enable = "ssse3")]
fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: there are sixteen.
    reversed(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
}

#[target_feature(enable = "ssse3")]
fn reversed(bytes: __m128i) -> __m128i {
    _mm_shuffle_epi8(bytes, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
}
