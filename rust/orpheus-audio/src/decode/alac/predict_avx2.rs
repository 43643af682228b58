//! [`super::predict`] with all coefficients of a channel in one register.
//!
//! A scalar loop stops at the coefficient that makes up for the error, which no branch predictor
//! guesses. Here every coefficient finds out for itself, by the sum of what those before it made up.

use std::arch::x86_64::{
    __m256i, _mm256_abs_epi32, _mm256_add_epi32, _mm256_and_si256, _mm256_blend_epi32,
    _mm256_cmpgt_epi32, _mm256_cvtsi256_si32, _mm256_mullo_epi32, _mm256_permute2x128_si256,
    _mm256_permutevar8x32_epi32, _mm256_set1_epi32, _mm256_setr_epi32, _mm256_setzero_si256,
    _mm256_shuffle_epi32, _mm256_sign_epi32, _mm256_slli_si256, _mm256_sllv_epi32,
    _mm256_srai_epi32, _mm256_srav_epi32, _mm256_srlv_epi32, _mm256_sub_epi32,
};

use super::predict::{Predictor, begin, go_on};

/// Coefficients that one register holds.
const N_LANES: usize = 8;
/// Sums over differences of so many bits, weighted with 1 to 8, stay within 32 bits.
const MOST_BITS: u32 = 26;
/// Fewer samples than this at a time are not worth it.
const WORTH_IT: usize = 32;

#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn predict(predictor: &mut Predictor, samples: &mut [i32]) {
    let mut at = begin(predictor, samples);
    while at < samples.len() {
        let n = n_sure(predictor).min(samples.len() - at);
        let end = end_of_run(at, n, samples.len());
        if n < WORTH_IT {
            go_on(predictor, &mut samples[..end], at);
        } else {
            let mut lanes = Lanes::new(predictor, samples, at);
            for at in at..end {
                if !lanes.step(samples, at) {
                    break;
                }
            }
            lanes.store(predictor);
        }
        at = end;
    }
}

/// The two channels depend on themselves only: together they take little longer than one.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn predict_pair(
    [first, second]: &mut [Predictor; 2],
    first_samples: &mut [i32],
    second_samples: &mut [i32],
) {
    if !(first.is_adaptive() && second.is_adaptive()) {
        predict(first, first_samples);
        predict(second, second_samples);
        return;
    }
    let n_samples = first_samples.len().min(second_samples.len());
    let first_at = begin(first, first_samples);
    let second_at = begin(second, second_samples);
    let mut at = first_at.max(second_at);
    go_on(first, &mut first_samples[..at], first_at);
    go_on(second, &mut second_samples[..at], second_at);
    while at < n_samples {
        let n = n_sure(first).min(n_sure(second)).min(n_samples - at);
        let end = end_of_run(at, n, n_samples);
        if n < WORTH_IT {
            go_on(first, &mut first_samples[..end], at);
            go_on(second, &mut second_samples[..end], at);
        } else {
            let mut lanes =
                (Lanes::new(first, first_samples, at), Lanes::new(second, second_samples, at));
            for at in at..end {
                if !(lanes.0.step(first_samples, at) && lanes.1.step(second_samples, at)) {
                    break;
                }
            }
            lanes.0.store(first);
            lanes.1.store(second);
        }
        at = end;
    }
}

/// Where to look again, of `n` samples that can go through [`Lanes`].
fn end_of_run(at: usize, n: usize, n_samples: usize) -> usize {
    if n == 0 { n_samples } else { n_samples.min(at + n.max(WORTH_IT)) }
}

/// How many samples can go through [`Lanes`] without a coefficient that leaves its 16 bits, where it
/// would have to wrap.
fn n_sure(predictor: &Predictor) -> usize {
    if predictor.n_bits > MOST_BITS || !(1..=N_LANES).contains(&predictor.order) {
        return 0;
    }
    let coefficients = predictor.coefficients.iter().take(predictor.order);
    let highest = coefficients.map(|coefficient| coefficient.unsigned_abs()).max().unwrap_or(0);
    usize::from(i16::MAX.unsigned_abs().saturating_sub(highest))
}

/// One channel's predictor. Of the lanes, those at the top are in use: the last sample is in the last.
struct Lanes {
    before: __m256i,
    coefficients: __m256i,
    /// 1, 2, 3 and so on from the oldest sample on; 0 in lanes that are not in use.
    weights: __m256i,
    /// 1 in lanes in use, otherwise 0.
    used: __m256i,
    shift: __m256i,
    half: __m256i,
    fraction: __m256i,
    beside: __m256i,
    order: usize,
}

impl Lanes {
    #[target_feature(enable = "avx2")]
    #[inline]
    fn new(predictor: &Predictor, samples: &[i32], at: usize) -> Self {
        let order = predictor.order;
        let unused = N_LANES - order;
        let mut before = [0; N_LANES];
        before[unused..].copy_from_slice(&samples[at - order..at]);
        let mut coefficients = [0; N_LANES];
        let newest_first = &predictor.coefficients[..order];
        for (lane, &coefficient) in coefficients.iter_mut().rev().zip(newest_first) {
            *lane = i32::from(coefficient);
        }
        let lanes: [i32; N_LANES] = std::array::from_fn(|lane| lane as i32 + 1 - unused as i32);
        Self {
            before: load(before),
            coefficients: load(coefficients),
            weights: load(lanes.map(|lane| lane.max(0))),
            used: load(lanes.map(|lane| i32::from(lane > 0))),
            shift: _mm256_set1_epi32(predictor.shift as i32),
            half: _mm256_set1_epi32(1 << (predictor.shift - 1)),
            fraction: _mm256_set1_epi32((1 << predictor.shift) - 1),
            beside: _mm256_set1_epi32(32 - predictor.n_bits as i32),
            order,
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn store(&self, predictor: &mut Predictor) {
        let coefficients = unload(self.coefficients);
        let newest_first = &mut predictor.coefficients[..self.order];
        for (coefficient, &lane) in newest_first.iter_mut().zip(coefficients.iter().rev()) {
            *coefficient = lane as i16;
        }
    }

    /// The sample at `at`; `false` if there is none.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn step(&mut self, samples: &mut [i32], at: usize) -> bool {
        let base = samples.get(at.wrapping_sub(self.order).wrapping_sub(1)).copied();
        let (Some(base), Some(slot)) = (base, samples.get_mut(at)) else { return false };
        let base = _mm256_set1_epi32(base);
        let error = _mm256_set1_epi32(*slot);
        let differences = _mm256_sub_epi32(base, self.before);
        let sum = sum(_mm256_mullo_epi32(self.coefficients, differences));
        let prediction = _mm256_srav_epi32(_mm256_sub_epi32(self.half, sum), self.shift);
        let sample = _mm256_add_epi32(_mm256_add_epi32(base, error), prediction);
        let sample = _mm256_srav_epi32(_mm256_sllv_epi32(sample, self.beside), self.beside);
        *slot = _mm256_cvtsi256_si32(sample);
        self.adapt(error, differences);
        let back = _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 7);
        let moved = _mm256_permutevar8x32_epi32(self.before, back);
        self.before = _mm256_blend_epi32::<0x80>(moved, sample);
        true
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn adapt(&mut self, error: __m256i, differences: __m256i) {
        // What a coefficient makes up for is rounded down, and so up in size if the error is negative.
        let rounding = _mm256_and_si256(_mm256_srai_epi32::<31>(error), self.fraction);
        let sizes = _mm256_add_epi32(_mm256_abs_epi32(differences), rounding);
        let made_up = _mm256_mullo_epi32(_mm256_srlv_epi32(sizes, self.shift), self.weights);
        let is_left = _mm256_cmpgt_epi32(_mm256_abs_epi32(error), sum_before(made_up));
        let signs = _mm256_sign_epi32(_mm256_sign_epi32(self.used, differences), error);
        let steps = _mm256_and_si256(is_left, signs);
        self.coefficients = _mm256_sub_epi32(self.coefficients, steps);
    }
}

/// The sum of all lanes, in each of them.
#[target_feature(enable = "avx2")]
#[inline]
fn sum(lanes: __m256i) -> __m256i {
    let lanes = _mm256_add_epi32(lanes, _mm256_shuffle_epi32::<0b01_00_11_10>(lanes));
    let lanes = _mm256_add_epi32(lanes, _mm256_shuffle_epi32::<0b10_11_00_01>(lanes));
    _mm256_add_epi32(lanes, _mm256_permute2x128_si256::<0x01>(lanes, lanes))
}

/// In each lane the sum of those before it.
#[target_feature(enable = "avx2")]
#[inline]
fn sum_before(lanes: __m256i) -> __m256i {
    let pairs = _mm256_add_epi32(lanes, _mm256_slli_si256::<4>(lanes));
    let with_own = _mm256_add_epi32(pairs, _mm256_slli_si256::<8>(pairs));
    // The lower half's sum into the upper half.
    let carry = _mm256_permute2x128_si256::<0x08>(with_own, _mm256_setzero_si256());
    let carry = _mm256_shuffle_epi32::<0xff>(carry);
    _mm256_add_epi32(_mm256_sub_epi32(with_own, lanes), carry)
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(n: [i32; N_LANES]) -> __m256i {
    _mm256_setr_epi32(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7])
}

#[target_feature(enable = "avx2")]
#[inline]
fn unload(lanes: __m256i) -> [i32; N_LANES] {
    let lane = |n: i32| _mm256_permutevar8x32_epi32(lanes, _mm256_set1_epi32(n));
    std::array::from_fn(|n| _mm256_cvtsi256_si32(lane(n as i32)))
}
