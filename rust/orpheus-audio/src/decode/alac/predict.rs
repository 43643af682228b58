//! Samples from residuals: a linear prediction whose coefficients follow the signs of what it got wrong
//! (`dp_dec.c` of Apple's reference).
//!
//! Each sample is predicted from the differences of those before it to one that lies further back,
//! the base. Sums wrap, and so do samples: encoders rely on it.

/// As many coefficients as five bits can count.
pub(super) const MOST_COEFFICIENTS: usize = 31;
/// The order that stands for plain first differences.
const DIFFERENCES: usize = 31;

/// How one channel of a packet is predicted.
#[derive(Debug, Clone)]
pub(super) struct Predictor {
    /// Whether the residuals are themselves first differences of residuals.
    pub(super) is_double: bool,
    /// Fraction bits of the coefficients, 1 to 15 where there are any that matter.
    pub(super) shift: u32,
    pub(super) order: usize,
    /// Last sample first.
    pub(super) coefficients: [i16; MOST_COEFFICIENTS],
    /// Bits of a sample, 1 to 32.
    pub(super) n_bits: u32,
}

impl Predictor {
    /// Whether there are coefficients to follow.
    pub(super) fn is_adaptive(&self) -> bool {
        (1..DIFFERENCES).contains(&self.order)
    }

    /// The lowest bits of a number, with the sign that they have.
    #[inline(always)]
    pub(super) fn wrap(&self, value: i32) -> i32 {
        let beside = 32_u32.wrapping_sub(self.n_bits);
        value.wrapping_shl(beside).wrapping_shr(beside)
    }
}

/// Turns residuals into samples in place.
#[inline(always)]
pub(super) fn predict(predictor: &mut Predictor, samples: &mut [i32]) {
    let from = begin(predictor, samples);
    go_on(predictor, samples, from);
}

/// Two channels of as many samples.
#[inline(always)]
pub(super) fn predict_pair(
    [first, second]: &mut [Predictor; 2],
    first_samples: &mut [i32],
    second_samples: &mut [i32],
) {
    predict(first, first_samples);
    predict(second, second_samples);
}

/// All that comes before the coefficients matter. Where they do from, for [`go_on`].
#[inline(always)]
pub(super) fn begin(predictor: &Predictor, samples: &mut [i32]) -> usize {
    if predictor.is_double {
        sum_up(predictor, samples);
    }
    if !predictor.is_adaptive() {
        if predictor.order == DIFFERENCES {
            sum_up(predictor, samples);
        }
        return samples.len();
    }
    let from = samples.len().min(predictor.order + 1);
    sum_up(predictor, &mut samples[..from]);
    from
}

#[inline(always)]
fn sum_up(predictor: &Predictor, samples: &mut [i32]) {
    // All samples are numbers of their bits: kernels may rely on it.
    let mut sum = 0_i32;
    for sample in samples {
        sum = predictor.wrap(sum.wrapping_add(*sample));
        *sample = sum;
    }
}

/// Turns the residuals from `from` on into samples.
#[inline(always)]
pub(super) fn go_on(predictor: &mut Predictor, samples: &mut [i32], from: usize) {
    match predictor.order {
        4 => by_order::<4>(predictor, samples, from),
        5 => by_order::<5>(predictor, samples, from),
        6 => by_order::<6>(predictor, samples, from),
        8 => by_order::<8>(predictor, samples, from),
        _ => any_order(predictor, samples, from),
    }
}

#[inline(always)]
fn by_order<const N: usize>(predictor: &mut Predictor, samples: &mut [i32], from: usize) {
    let Some(coefficients) = predictor.coefficients.first_chunk::<N>() else { return };
    let mut coefficients = *coefficients;
    let mut at = from.wrapping_sub(N).wrapping_sub(1);
    while let Some(window) = samples.get_mut(at..).and_then(|rest| rest.get_mut(..N + 2)) {
        step(predictor, &mut coefficients, window);
        at = at.wrapping_add(1);
    }
    predictor.coefficients[..N].copy_from_slice(&coefficients);
}

#[inline(never)]
fn any_order(predictor: &mut Predictor, samples: &mut [i32], from: usize) {
    let mut coefficients = predictor.coefficients;
    let order = predictor.order.min(MOST_COEFFICIENTS);
    for at in from..samples.len() {
        let window = &mut samples[at - order - 1..=at];
        step(predictor, &mut coefficients[..order], window);
    }
    predictor.coefficients = coefficients;
}

/// One sample, at the end of `window`; the base is at its start, and between them is one sample for
/// each coefficient.
#[inline(always)]
fn step(predictor: &Predictor, coefficients: &mut [i16], window: &mut [i32]) {
    let shift = predictor.shift;
    let Some((residual, before)) = window.split_last_mut() else { return };
    let Some((&base, before)) = before.split_first() else { return };
    let mut sum = 1_i32.wrapping_shl(shift.wrapping_sub(1));
    for (&coefficient, &sample) in coefficients.iter().zip(before.iter().rev()) {
        sum = sum.wrapping_add(i32::from(coefficient).wrapping_mul(sample.wrapping_sub(base)));
    }
    let error = *residual;
    *residual = predictor.wrap(error.wrapping_add(base).wrapping_add(sum.wrapping_shr(shift)));
    adapt(error, base, shift, coefficients, before);
}

/// Moves coefficients, that of the oldest sample first, by one towards what would have been right,
/// until that makes up for the error.
#[inline(always)]
fn adapt(error: i32, base: i32, shift: u32, coefficients: &mut [i16], before: &[i32]) {
    let direction = error.signum();
    let mut left = error.wrapping_mul(direction);
    let mut weight = 1_i32;
    for (coefficient, &sample) in coefficients.iter_mut().rev().zip(before) {
        if left <= 0 {
            break;
        }
        let difference = base.wrapping_sub(sample);
        let sign = difference.signum().wrapping_mul(direction);
        *coefficient = coefficient.wrapping_sub(sign as i16);
        let made_up = sign.wrapping_mul(difference).wrapping_shr(shift).wrapping_mul(direction);
        left = left.wrapping_sub(weight.wrapping_mul(made_up));
        weight = weight.wrapping_add(1);
    }
}
