//! What the predictor missed, in Rice codes (RFC 9639 §9.2.7).
//!
//! Almost all of the bits of a stream are here, and where a code begins is only known when the one
//! before it is read. The chain from code to code is kept as short as it can be: a word is filled up
//! once for several codes, and a count of zeros and a shift lead from one to the next. Whether all of
//! them lay within what was ready is only asked afterwards, with one comparison.

use super::FrameError;
use super::bits::Bits;
use super::md5::Md5;

/// Reads the residuals of a subframe of `n_warmup + out.len()` samples.
#[inline(always)]
pub(super) fn read(
    bits: &mut Bits,
    n_warmup: usize,
    out: &mut [i32],
    md5: &mut Option<Md5>,
) -> Result<(), FrameError> {
    let parameter_bits = match bits.read(2)? {
        0 => 4,
        1 => 5,
        _ => return Err(FrameError::Reserved),
    };
    let order = bits.read(4)? as u32;
    let block_size = n_warmup + out.len();
    let partition = block_size >> order;
    if partition << order != block_size || partition < n_warmup {
        return Err(FrameError::Partitions);
    }
    let mut rest = out;
    let mut n = partition - n_warmup;
    for _ in 0..1_u32 << order {
        // Never longer than `rest`: the partitions add up to the block.
        let (values, behind) = rest.split_at_mut(n.min(rest.len()));
        let parameter = bits.read(parameter_bits)? as u32;
        if parameter == (1 << parameter_bits) - 1 {
            unencoded(bits, values)?;
        } else {
            rice(bits, parameter, values, md5)?;
        }
        rest = behind;
        n = partition;
    }
    Ok(())
}

fn unencoded(bits: &mut Bits, values: &mut [i32]) -> Result<(), FrameError> {
    let n_bits = bits.read(5)? as u32;
    if n_bits == 0 {
        values.fill(0);
        return Ok(());
    }
    for value in values {
        *value = bits.read_signed(n_bits)? as i32;
    }
    Ok(())
}

#[inline(always)]
fn rice(
    bits: &mut Bits,
    parameter: u32,
    values: &mut [i32],
    md5: &mut Option<Md5>,
) -> Result<(), FrameError> {
    match parameter {
        0..=2 => codes::<8>(bits, parameter, values, md5)?,
        3..=9 => codes::<4>(bits, parameter, values, md5)?,
        10..=14 => codes::<3>(bits, parameter, values, md5)?,
        15..=21 => codes::<2>(bits, parameter, values, md5)?,
        _ => codes::<1>(bits, parameter, values, md5)?,
    }
    // Codes alternate between values from zero up and from minus one down.
    for value in values {
        let code = *value as u32;
        *value = (code >> 1) as i32 ^ ((code & 1) as i32).wrapping_neg();
    }
    Ok(())
}

/// Reads codes, `N` of them with one load.
#[inline(always)]
fn codes<const N: usize>(
    bits: &mut Bits,
    parameter: u32,
    values: &mut [i32],
    md5: &mut Option<Md5>,
) -> Result<(), FrameError> {
    let (groups, rest) = values.as_chunks_mut::<N>();
    let n_fixed = parameter + 1;
    let beside_low = 64 - n_fixed;
    // In a register, not where `bits` is: every word waits for the position.
    let mut ahead = bits.ahead();
    // Every other time there is room for half a round of the hash.
    let mut odd = false;
    for group in groups {
        let mut word = ahead.refill();
        let mut n_bits = n_fixed.wrapping_mul(N as u32);
        for value in group.iter_mut() {
            let zeros = word.leading_zeros();
            // The one behind the zeros and the low bits: that one is worth as much as a zero.
            let low = word.wrapping_shl(zeros).wrapping_shr(beside_low) as u32;
            *value = zeros.wrapping_sub(1).wrapping_shl(parameter).wrapping_add(low) as i32;
            word = word.wrapping_shl(n_fixed).wrapping_shl(zeros);
            n_bits = n_bits.wrapping_add(zeros);
        }
        if !ahead.pass(n_bits, word) {
            bits.go_to(&ahead);
            *bits = one_by_one(*bits, parameter, group)?;
            ahead = bits.ahead();
        }
        odd = !odd;
        if odd && let Some(md5) = md5 {
            md5.step();
        }
    }
    bits.go_to(&ahead);
    *bits = one_by_one(*bits, parameter, rest)?;
    bits.check()
}

#[cold]
#[inline(never)]
fn one_by_one<'a>(
    mut bits: Bits<'a>,
    parameter: u32,
    values: &mut [i32],
) -> Result<Bits<'a>, FrameError> {
    for value in values {
        let high = u64::from(bits.read_unary()?);
        let code = high << parameter | bits.read(parameter)?;
        *value = u32::try_from(code).map_err(|_| FrameError::Residual)? as i32;
    }
    Ok(bits)
}
