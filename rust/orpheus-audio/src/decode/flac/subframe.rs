//! One channel of a frame (RFC 9639 §9.2).

use super::FrameError;
use super::bits::Bits;
use super::md5::Md5;
use super::predict::{self, MAX_ORDER, Predictor, Processor};
use super::residual;

/// How a channel is coded.
enum Kind {
    Constant,
    Verbatim,
    Fixed(usize),
    Linear(usize),
}

/// What a subframe begins with.
struct Head {
    kind: Kind,
    /// Bits of each sample as it is coded.
    n_bits: u32,
    /// Low bits that are zero in all samples, and left out.
    n_wasted: u32,
}

/// Decodes a channel of samples of `n_bits` ≤ 32 bits into `out`.
#[inline(always)]
pub(super) fn decode<P: Processor>(
    bits: &mut Bits,
    n_bits: u32,
    out: &mut [i32],
    md5: &mut Option<Md5>,
) -> Result<(), FrameError> {
    let head = head(bits, n_bits)?;
    match head.kind {
        Kind::Constant => out.fill(bits.read_signed(head.n_bits)? as i32),
        Kind::Verbatim => warm_up(bits, head.n_bits, out)?,
        Kind::Fixed(order) => {
            let (warmup, rest) = split(out, order)?;
            warm_up(bits, head.n_bits, warmup)?;
            residual::read(bits, order, rest, md5)?;
            predict::fixed(order, out)?;
        }
        Kind::Linear(order) => {
            let (warmup, rest) = split(out, order)?;
            warm_up(bits, head.n_bits, warmup)?;
            let predictor = predictor(bits, order)?;
            residual::read(bits, order, rest, md5)?;
            predict::linear::<P>(&predictor, head.n_bits, out, md5);
        }
    }
    if head.n_wasted > 0 {
        for sample in out {
            *sample = sample.wrapping_shl(head.n_wasted);
        }
    }
    Ok(())
}

/// Decodes the difference of two channels of 32 bits.
pub(super) fn decode_33_bits(
    bits: &mut Bits,
    residuals: &mut [i32],
    out: &mut [i64],
) -> Result<(), FrameError> {
    let head = head(bits, 33)?;
    match head.kind {
        Kind::Constant => out.fill(bits.read_signed(head.n_bits)?),
        Kind::Verbatim => {
            for sample in out.iter_mut() {
                *sample = bits.read_signed(head.n_bits)?;
            }
        }
        Kind::Fixed(order) | Kind::Linear(order) => {
            let (warmup, rest) = split(out, order)?;
            for sample in warmup {
                *sample = bits.read_signed(head.n_bits)?;
            }
            let predictor = match head.kind {
                Kind::Linear(_) => predictor(bits, order)?,
                _ => fixed_as_linear(order),
            };
            let (_, residuals) = split(residuals, order)?;
            residual::read(bits, order, residuals, &mut None)?;
            for (sample, &residual) in rest.iter_mut().zip(residuals.iter()) {
                *sample = i64::from(residual);
            }
            let coefficients = &predictor.coefficients[..order];
            predict::beyond_32_bits(coefficients, predictor.shift, out);
        }
    }
    for sample in out {
        *sample = sample.wrapping_shl(head.n_wasted);
    }
    Ok(())
}

fn head(bits: &mut Bits, n_bits: u32) -> Result<Head, FrameError> {
    let code = bits.read(8)? as u32;
    let kind = match code >> 1 {
        0 => Kind::Constant,
        1 => Kind::Verbatim,
        n @ 8..=12 => Kind::Fixed(n as usize - 8),
        n @ 32..64 => Kind::Linear(n as usize - 31),
        _ => return Err(FrameError::Reserved),
    };
    let n_wasted = if code & 1 == 0 { 0 } else { bits.read_unary()?.saturating_add(1) };
    if n_wasted >= n_bits {
        return Err(FrameError::Reserved);
    }
    Ok(Head { kind, n_bits: n_bits - n_wasted, n_wasted })
}

fn split<T>(out: &mut [T], order: usize) -> Result<(&mut [T], &mut [T]), FrameError> {
    out.split_at_mut_checked(order).ok_or(FrameError::Partitions)
}

fn warm_up(bits: &mut Bits, n_bits: u32, out: &mut [i32]) -> Result<(), FrameError> {
    for sample in out {
        *sample = bits.read_signed(n_bits)? as i32;
    }
    Ok(())
}

fn predictor(bits: &mut Bits, order: usize) -> Result<Predictor, FrameError> {
    let precision = bits.read(4)? as u32 + 1;
    let shift = bits.read_signed(5)?;
    // Precision 16 is reserved; a negative shift is not allowed (RFC 9639 §9.2.6).
    if precision == 16 || shift < 0 {
        return Err(FrameError::Reserved);
    }
    let mut predictor = Predictor { coefficients: [0; MAX_ORDER], order, shift: shift as u32 };
    for coefficient in &mut predictor.coefficients[..order] {
        *coefficient = bits.read_signed(precision)? as i32;
    }
    Ok(predictor)
}

fn fixed_as_linear(order: usize) -> Predictor {
    let mut predictor = Predictor { coefficients: [0; MAX_ORDER], order, shift: 0 };
    let fixed = predict::FIXED.get(order).copied().unwrap_or(&[]);
    predictor.coefficients[..fixed.len()].copy_from_slice(fixed);
    predictor
}
