//! The hot loops for x86-64 with AVX2 and bit manipulation.
#![expect(unsafe_code, reason = "instructions that not every processor has")]

use std::arch::asm;
use std::arch::x86_64::{
    _mm256_add_epi64, _mm256_load_si256, _mm256_mul_epi32, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_storeu_si256,
};

use super::FrameError;
use super::bits::Bits;
use super::header::Channels;
use super::md5::Md5;
use super::predict::{self, Predictor, Processor};
use super::{planes, subframe};
use crate::tier;

tier::compiled_for_avx2! {
    subframe::decode[Avx2](
        bits: &mut Bits, n_bits: u32, out: &mut [i32], md5: &mut Option<Md5>
    ) -> Result<(), FrameError>;
    planes::join(channels: Channels, first: &mut [i32], second: &mut [i32]);
    planes::fits(plane: &[i32], n_bits: u32) -> bool;
    planes::to_f32(plane: &[i32], n_bits: u32, out: &mut [f32]);
    planes::to_mono(left: &[i32], right: &[i32], n_bits: u32, out: &mut [f32]);
    planes::to_bytes(planes: &[Vec<i32>], n_bits: u32, out: &mut [u8]);
}

impl Processor for Avx2 {
    #[inline(always)]
    fn opaque(mut number: i64) -> i64 {
        // SAFETY: no instruction at all.
        unsafe {
            asm!("/* {0} */", inout(reg) number, options(pure, nomem, nostack, preserves_flags));
        }
        number
    }

    #[inline(always)]
    fn wide<const N: usize>(predictor: &Predictor, samples: &mut [i32], md5: &mut Option<Md5>) {
        if N < BLOCKWISE_FROM {
            predict::wide::<Self, N>(predictor, samples, md5);
        } else {
            blockwise::<N>(predictor, samples, md5);
        }
    }
}

/// Samples whose sums are begun together.
const LANES: usize = 4;
/// Samples just before a block that are left to the scalar part: a vector would have to wait for them.
const NEAR: usize = 2;
/// From this order on, vectors are worth their while.
const BLOCKWISE_FROM: usize = 6;

/// One load, never from two lines of the cache.
#[repr(align(32))]
struct Row([i64; LANES]);

/// Sums of 64 bits for four samples at a time. Vectors add up what the samples before the last
/// [`NEAR`] contribute to each of the four: those are known early. The rest, a triangle, is added
/// sample by sample, the newest last.
#[inline(always)]
fn blockwise<const N: usize>(predictor: &Predictor, samples: &mut [i32], md5: &mut Option<Md5>) {
    let shift = predictor.shift;
    let tap = |n: usize| if n < N { i64::from(predictor.coefficients[n]) } else { 0 };
    // What the sample `n + 1` before the block adds to each of its sums.
    let rows: [Row; N] = std::array::from_fn(|n| Row(std::array::from_fn(|lane| tap(n + lane))));
    let near: [i64; NEAR + LANES - 1] = std::array::from_fn(tap);
    let mut at = 0;
    while let Some(window) = samples.get_mut(at..).and_then(|rest| rest.get_mut(..N + LANES)) {
        let sums = far_sums::<N>(&rows, window);
        let mut newest = i64::from(window[N - 1]);
        for lane in 0..LANES {
            let mut sum = sums[lane].wrapping_add(i64::from(window[N + lane]).wrapping_shl(shift));
            for n in (1..NEAR + lane).rev() {
                let sample = Avx2::opaque(i64::from(window[N + lane - 1 - n]));
                sum = sum.wrapping_add(near[n].wrapping_mul(sample));
            }
            sum = sum.wrapping_add(near[0].wrapping_mul(newest));
            let sample = sum.wrapping_shr(shift) as i32;
            window[N + lane] = sample;
            newest = i64::from(sample);
        }
        at = at.wrapping_add(LANES);
        predict::step_if_due(md5, at);
    }
    if let Some(window) = samples.get_mut(at..).filter(|rest| rest.len() > N) {
        predict::wide::<Avx2, N>(predictor, window, md5);
    }
}

#[inline(always)]
fn far_sums<const N: usize>(rows: &[Row; N], window: &[i32]) -> [i64; LANES] {
    let mut sums = [0_i64; LANES];
    // SAFETY: `Avx2` exists only where `detect` found these instructions; both arrays have 32 bytes,
    // and a row is aligned to them.
    unsafe {
        let mut even = _mm256_setzero_si256();
        let mut odd = _mm256_setzero_si256();
        for n in (NEAR..N).rev() {
            let sample = _mm256_set1_epi32(window[N - 1 - n]);
            let row = _mm256_load_si256(rows[n].0.as_ptr().cast());
            // The low halves of each word, with their signs.
            let products = _mm256_mul_epi32(sample, row);
            let sum = if n % 2 == 0 { &mut even } else { &mut odd };
            *sum = _mm256_add_epi64(*sum, products);
        }
        _mm256_storeu_si256(sums.as_mut_ptr().cast(), _mm256_add_epi64(even, odd));
    }
    sums
}
