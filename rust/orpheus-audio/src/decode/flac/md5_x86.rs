//! The steps of MD5 for x86-64.
#![expect(unsafe_code, reason = "instructions that not every processor has")]
#![expect(clippy::unused_self, reason = "having an `Avx512` is what allows to call its methods")]

use std::arch::asm;
use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_cvtsi32_si128, _mm_cvtsi128_si32, _mm_rol_epi32, _mm_set1_epi32,
    _mm_ternarylogic_epi32,
};

use super::md5::{BLOCK_BYTES, SINES, WORDS};

/// The same number, of which the compiler knows nothing: it would rather add to it last, and make every
/// step an addition longer.
#[inline(always)]
pub(super) fn opaque(mut number: u32) -> u32 {
    // SAFETY: no instruction at all.
    unsafe {
        asm!("/* {0:e} */", inout(reg) number, options(pure, nomem, nostack, preserves_flags));
    }
    number
}

/// [`opaque`] for the numbers of [`Avx512`].
#[inline(always)]
fn opaque_lanes(mut numbers: __m128i) -> __m128i {
    // SAFETY: no instruction at all.
    unsafe {
        asm!("/* {0} */", inout(xmm_reg) numbers, options(pure, nomem, nostack, preserves_flags));
    }
    numbers
}

/// Proof that the processor has what the steps here are compiled for.
///
/// Of each vector only the first lane counts. What makes it faster than numbers is that each of the
/// functions of three numbers is one instruction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
        has.then_some(Self(()))
    }

    /// [`super::md5::half_a_round`].
    #[inline(always)]
    pub(super) fn half_a_round(self, sums: &mut [u32; 4], n: usize, block: &[u8; BLOCK_BYTES]) {
        // SAFETY: `self` exists only where `detect` found these features.
        unsafe { half_a_round(sums, n, block) }
    }
}

/// The functions of a round by their values for every `b`, `c` and `d`, with the rotations of its steps.
#[target_feature(enable = "avx512f,avx512vl")]
fn half_a_round(sums: &mut [u32; 4], n: usize, block: &[u8; BLOCK_BYTES]) {
    match n & 7 {
        0 => steps::<0, 0xca, 7, 12, 17, 22>(sums, block),
        1 => steps::<1, 0xca, 7, 12, 17, 22>(sums, block),
        2 => steps::<2, 0xe4, 5, 9, 14, 20>(sums, block),
        3 => steps::<3, 0xe4, 5, 9, 14, 20>(sums, block),
        4 => steps::<4, 0x96, 4, 11, 16, 23>(sums, block),
        5 => steps::<5, 0x96, 4, 11, 16, 23>(sums, block),
        6 => steps::<6, 0x39, 6, 10, 15, 21>(sums, block),
        _ => steps::<7, 0x39, 6, 10, 15, 21>(sums, block),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn steps<
    const HALF: usize,
    const F: i32,
    const A: i32,
    const B: i32,
    const C: i32,
    const D: i32,
>(
    sums: &mut [u32; 4],
    block: &[u8; BLOCK_BYTES],
) {
    let words = block.as_chunks::<4>().0;
    let [mut a, mut b, mut c, mut d] = sums.map(|sum| _mm_cvtsi32_si128(sum as i32));
    for n in [0, 4] {
        let lanes = |n: usize| {
            let word = i32::from_le_bytes(words[usize::from(WORDS[HALF][n])]);
            (_mm_set1_epi32(word), _mm_set1_epi32(SINES[8 * HALF + n] as i32))
        };
        a = step::<F, A>([a, b, c, d], lanes(n));
        d = step::<F, B>([d, a, b, c], lanes(n + 1));
        c = step::<F, C>([c, d, a, b], lanes(n + 2));
        b = step::<F, D>([b, c, d, a], lanes(n + 3));
    }
    *sums = [a, b, c, d].map(|lanes| _mm_cvtsi128_si32(lanes) as u32);
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn step<const FUNCTION: i32, const ROTATION: i32>(
    [a, b, c, d]: [__m128i; 4],
    (word, sine): (__m128i, __m128i),
) -> __m128i {
    let early = opaque_lanes(_mm_add_epi32(opaque_lanes(_mm_add_epi32(a, word)), sine));
    let sum = _mm_add_epi32(early, _mm_ternarylogic_epi32::<FUNCTION>(b, c, d));
    _mm_add_epi32(_mm_rol_epi32::<ROTATION>(sum), b)
}
