//! The adaptive Golomb code of the residuals (`ag_dec.c` of Apple's reference).

use super::bits::Bits;
use super::{Result, TOO_MANY};

/// Ones in front of a value that is stored as it is.
const ESCAPE: u32 = 9;
/// Fraction bits of the running mean.
const MEAN_BITS: u32 = 9;
/// Below this mean, a quarter of a residual, comes a run of zeros.
const RUN_MEAN: u32 = (1 << MEAN_BITS) >> 2;
/// Beyond this the running mean is no longer followed.
const MOST_MEAN: u32 = 0xffff;
/// Runs have at most so many zeros, and one of just that length may be followed by a zero.
const LONGEST_RUN: u32 = 0xffff;
const RUN_BITS: u32 = 16;

/// What the code adapts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rice {
    /// The running mean at the start (`mb`).
    pub(super) mean: u32,
    /// How fast the mean follows (`pb`), in 512ths.
    pub(super) rate: u32,
    /// The longest remainder (`kb`), 1 to 31 bits.
    pub(super) most_bits: u32,
}

/// Reads residuals of `n_bits` bits, 1 to 32.
#[inline(always)]
pub(super) fn read(bits: &mut Bits<'_>, rice: Rice, n_bits: u32, out: &mut [i32]) -> Result<()> {
    let Rice { mut mean, rate, most_bits } = rice;
    let run_mask = 1_u32.wrapping_shl(most_bits).wrapping_sub(1);
    // Behind a run comes no zero: values are stored less one there.
    let mut after_run = 0_u32;
    let mut reader = *bits;
    let mut at = 0_usize;
    while let Some(slot) = out.get_mut(at) {
        reader.fill();
        let log = 31_u32.wrapping_sub((mean >> MEAN_BITS).wrapping_add(3).leading_zeros());
        let n_low = log.min(most_bits);
        let divisor = 1_u32.wrapping_shl(n_low).wrapping_sub(1);
        let stored = code(&mut reader, divisor, n_low, n_bits);
        let value = stored.wrapping_add(after_run);
        *slot = (value >> 1) as i32 ^ (value as i32 & 1).wrapping_neg();
        at = at.wrapping_add(1);
        let kept = mean.wrapping_sub(rate.wrapping_mul(mean) >> MEAN_BITS);
        mean = rate.wrapping_mul(value).wrapping_add(kept);
        if stored > MOST_MEAN {
            mean = MOST_MEAN;
        }
        after_run = 0;
        if mean < RUN_MEAN && at < out.len() {
            reader.fill();
            let n_low = run_bits(mean);
            let divisor = 1_u32.wrapping_shl(n_low).wrapping_sub(1) & run_mask;
            let n_zeros = code(&mut reader, divisor, n_low, RUN_BITS);
            let end = at.wrapping_add(n_zeros as usize);
            out.get_mut(at..end).ok_or(TOO_MANY)?.fill(0);
            at = end;
            after_run = u32::from(n_zeros < LONGEST_RUN);
            mean = 0;
        }
    }
    *bits = reader;
    bits.check()
}

/// Remainder bits of a run's length, 1 to 8.
#[inline(always)]
fn run_bits(mean: u32) -> u32 {
    mean.leading_zeros().wrapping_sub(24).wrapping_add(mean.wrapping_add(16) >> 6)
}

/// A quotient in ones, a zero, and a remainder of `n_low` bits, or of one less if that is worth 0;
/// or [`ESCAPE`] ones and a number of `n_bits` bits.
#[inline(always)]
fn code(bits: &mut Bits<'_>, divisor: u32, n_low: u32, n_bits: u32) -> u32 {
    let word = bits.peek();
    let quotient = (!word).leading_zeros();
    if quotient >= ESCAPE {
        bits.skip(ESCAPE.wrapping_add(n_bits));
        return word.wrapping_shl(ESCAPE).wrapping_shr(64_u32.wrapping_sub(n_bits)) as u32;
    }
    let rest = word.wrapping_shl(quotient).wrapping_shl(1);
    let remainder = rest.wrapping_shr(64_u32.wrapping_sub(n_low)) as u32;
    let is_long = u32::from(remainder >= 2);
    bits.skip(quotient.wrapping_add(n_low).wrapping_add(is_long));
    quotient.wrapping_mul(divisor).wrapping_add(remainder.saturating_sub(1))
}
