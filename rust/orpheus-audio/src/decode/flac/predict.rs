//! Samples from residuals: each is predicted from those before it (RFC 9639 §9.2.5 and §9.2.6).
//!
//! Sums wrap. A sum that leaves its type on the way comes back by its end if the sample fits its
//! bits; where it does not, the frame is damaged and is found out by its checksum or its range.

use super::FrameError;
use super::md5::Md5;

/// Highest order of a linear predictor.
pub(super) const MAX_ORDER: usize = 32;

/// A linear predictor: the sum over `coefficients`, last sample first, divided by 2^`shift`.
pub(super) struct Predictor {
    pub(super) coefficients: [i32; MAX_ORDER],
    pub(super) order: usize,
    pub(super) shift: u32,
}

/// What the loops below ask of a processor.
pub(super) trait Processor {
    /// The same number, of which the compiler knows nothing. Left to itself, it turns the sums into
    /// vectors and loads samples of which parts were only just written, which stalls.
    fn opaque(number: i64) -> i64;

    /// Turns residuals into samples with sums of 64 bits; the first `N` values are samples already.
    fn wide<const N: usize>(predictor: &Predictor, samples: &mut [i32], md5: &mut Option<Md5>);
}

/// Any processor.
pub(super) struct Portable;

impl Processor for Portable {
    #[inline(always)]
    fn opaque(number: i64) -> i64 {
        number
    }

    #[inline(always)]
    fn wide<const N: usize>(predictor: &Predictor, samples: &mut [i32], md5: &mut Option<Md5>) {
        wide::<Self, N>(predictor, samples, md5);
    }
}

/// Turns residuals into samples in place; the first `order` values are samples already.
#[inline(always)]
pub(super) fn fixed(order: usize, samples: &mut [i32]) -> Result<(), FrameError> {
    match order {
        0 => {}
        1 => differences::<1>(samples),
        2 => differences::<2>(samples),
        3 => differences::<3>(samples),
        4 => differences::<4>(samples),
        _ => return Err(FrameError::Reserved),
    }
    Ok(())
}

/// The residual of fixed order `N` is the `N`th difference: summed up `N` times, it is the signal.
#[inline(always)]
fn differences<const N: usize>(samples: &mut [i32]) {
    let Some((warmup, rest)) = samples.split_first_chunk_mut::<N>() else { return };
    // The differences at the last sample so far, highest order first.
    let mut heads = [0; N];
    let mut row = *warmup;
    for order in 0..N {
        heads[N - 1 - order] = row[N - 1];
        for n in (order + 1..N).rev() {
            row[n] = row[n].wrapping_sub(row[n - 1]);
        }
    }
    for sample in rest {
        let mut sum = *sample;
        for head in &mut heads {
            *head = head.wrapping_add(sum);
            sum = *head;
        }
        *sample = sum;
    }
}

/// Turns residuals into samples of at most `n_bits` bits in place; the first `order` values are
/// samples already.
#[inline(always)]
pub(super) fn linear<P: Processor>(
    predictor: &Predictor,
    n_bits: u32,
    samples: &mut [i32],
    md5: &mut Option<Md5>,
) {
    macro_rules! by_order {
        ($($order:literal)*) => {
            match predictor.order {
                $($order if n_bits + predictor.shift <= 32 => {
                    narrow::<P, $order>(predictor, samples, md5);
                }
                $order => {
                    P::wide::<$order>(predictor, samples, md5);
                })*
                _ => {}
            }
        };
    }
    by_order!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
}

/// Hashes a little of what waits in `md5`: its steps wait for each other, and so do those here.
#[inline(always)]
pub(super) fn step_if_due(md5: &mut Option<Md5>, n_predicted: usize) {
    if let Some(md5) = md5
        && md5.is_due(n_predicted)
    {
        md5.step();
    }
}

/// Sums that end within 32 bits: two samples share their multiplications.
///
/// The upper half of a word sums up the second sample and the lower half the first: a product of a
/// sample and a word of two coefficients adds to both. What the lower half borrows from the upper
/// one is given back at the end. The second sample's first tap, which is the first sample, comes
/// last.
#[inline(always)]
fn narrow<P: Processor, const N: usize>(
    predictor: &Predictor,
    samples: &mut [i32],
    md5: &mut Option<Md5>,
) {
    let shift = predictor.shift;
    let taps: [i64; N] = std::array::from_fn(|n| {
        let second = predictor.coefficients.get(n + 1).filter(|_| n + 1 < N).map_or(0, |&c| c);
        i64::from(predictor.coefficients[n]).wrapping_add(i64::from(second) << 32)
    });
    let first_tap = predictor.coefficients[0];
    let mut newest = samples.get(N - 1).map_or(0, |&sample| i64::from(sample));
    let mut at = 0;
    while let Some(window) = samples.get_mut(at..).and_then(|rest| rest.get_mut(..N + 2)) {
        let first = i64::from(window[N]).wrapping_shl(shift);
        let second = i64::from(window[N + 1]).wrapping_shl(shift);
        let mut sum = first.wrapping_add(second.wrapping_shl(32));
        for n in (1..N).rev() {
            let sample = P::opaque(i64::from(window[N - 1 - n]));
            sum = sum.wrapping_add(taps[n].wrapping_mul(sample));
        }
        // The next two samples wait for the newest one: all else is summed up before.
        sum = sum.wrapping_add(taps[0].wrapping_mul(newest));
        let low = sum as i32;
        let high = (sum.wrapping_sub(i64::from(low)) >> 32) as i32;
        let sample = low.wrapping_shr(shift);
        window[N] = sample;
        let sample = high.wrapping_add(first_tap.wrapping_mul(sample)).wrapping_shr(shift);
        window[N + 1] = sample;
        newest = i64::from(sample);
        at = at.wrapping_add(2);
        step_if_due(md5, at);
    }
    if let Some(window) = samples.get_mut(at..).filter(|rest| rest.len() > N) {
        wide::<P, N>(predictor, window, md5);
    }
}

/// Sums of 64 bits, sample by sample.
#[inline(always)]
pub(super) fn wide<P: Processor, const N: usize>(
    predictor: &Predictor,
    samples: &mut [i32],
    md5: &mut Option<Md5>,
) {
    let shift = predictor.shift;
    let taps: [i64; N] = std::array::from_fn(|n| predictor.coefficients[n].into());
    let mut newest = samples.get(N - 1).map_or(0, |&sample| i64::from(sample));
    let mut at = 0;
    while let Some(window) = samples.get_mut(at..).and_then(|rest| rest.get_mut(..=N)) {
        let mut sum = i64::from(window[N]).wrapping_shl(shift);
        for n in (1..N).rev() {
            let sample = P::opaque(i64::from(window[N - 1 - n]));
            sum = sum.wrapping_add(taps[n].wrapping_mul(sample));
        }
        sum = sum.wrapping_add(taps[0].wrapping_mul(newest));
        let sample = sum.wrapping_shr(shift) as i32;
        window[N] = sample;
        newest = i64::from(sample);
        at = at.wrapping_add(1);
        step_if_due(md5, at);
    }
}

/// As [`fixed`] and [`linear`], for the one channel that may have 33 bits: the difference of two of
/// 32. `coefficients`: last sample first.
pub(super) fn beyond_32_bits(coefficients: &[i32], shift: u32, samples: &mut [i64]) {
    for at in coefficients.len()..samples.len() {
        let (before, rest) = samples.split_at_mut(at);
        let products = coefficients.iter().zip(before.iter().rev());
        let sum = products
            .fold(0_i64, |sum, (&c, &sample)| sum.wrapping_add(sample.wrapping_mul(i64::from(c))));
        rest[0] = rest[0].wrapping_add(sum.wrapping_shr(shift));
    }
}

/// The fixed predictors as linear ones (RFC 9639, table 20).
pub(super) const FIXED: [&[i32]; 5] = [&[], &[1], &[2, -1], &[3, -3, 1], &[4, -6, 4, -1]];
