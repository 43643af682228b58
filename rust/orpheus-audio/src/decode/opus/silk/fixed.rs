//! The fixed-point arithmetic in which RFC 6716 §4.2 is written. Sums wrap, since damaged frames
//! make them.

/// `a · b / 65536`, of `b` its lower 16 bits with their sign.
#[inline(always)]
pub(super) fn mul_w16(a: i32, b: i32) -> i32 {
    ((i64::from(a) * i64::from(b as i16)) >> 16) as i32
}

/// `sum + a · b / 65536`, as [`mul_w16`].
#[inline(always)]
pub(super) fn add_mul_w16(sum: i32, a: i32, b: i32) -> i32 {
    sum.wrapping_add(mul_w16(a, b))
}

/// `a · b / 65536`.
#[inline(always)]
pub(super) fn mul_w32(a: i32, b: i32) -> i32 {
    ((i64::from(a) * i64::from(b)) >> 16) as i32
}

/// The upper half of `a · b`.
#[inline(always)]
pub(super) fn mul_high(a: i32, b: i32) -> i32 {
    ((i64::from(a) * i64::from(b)) >> 32) as i32
}

/// `a / 2^shift`, rounded.
#[inline(always)]
pub(super) fn round_shift(a: i32, shift: u32) -> i32 {
    ((a >> (shift - 1)).wrapping_add(1)) >> 1
}

/// The same in 64 bits.
#[inline(always)]
pub(super) fn round_shift_64(a: i64, shift: u32) -> i64 {
    ((a >> (shift - 1)) + 1) >> 1
}

#[inline(always)]
pub(super) fn saturate_16(a: i32) -> i16 {
    a.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// `a · 2^shift`, as far as it fits.
#[inline(always)]
pub(super) fn saturating_shift(a: i32, shift: u32) -> i32 {
    let shift = shift.min(31);
    a.clamp(i32::MIN >> shift, i32::MAX >> shift) << shift
}

/// Bits by which `a` can be shifted up.
fn headroom(a: i32) -> u32 {
    a.unsigned_abs().leading_zeros().saturating_sub(1)
}

fn shifted(a: i32, down: i32) -> i32 {
    match down {
        32.. => 0,
        0..32 => a >> down,
        _ => saturating_shift(a, down.unsigned_abs()),
    }
}

/// 2^`q` / `a`, to about 30 bits; `a` is not 0.
pub(super) fn inverse(a: i32, q: i32) -> i32 {
    let headroom = headroom(a);
    let a = a << headroom;
    let inverse = (i32::MAX >> 2) / (a >> 16);
    let error = ((1 << 29) - mul_w16(a, inverse)).wrapping_shl(3);
    let result = (inverse << 16).wrapping_add(mul_w32(error, inverse));
    shifted(result, 61 - headroom as i32 - q)
}

/// `a` · 2^`q` / `b`, to about 30 bits; `b` is not 0.
pub(super) fn divide(a: i32, b: i32, q: i32) -> i32 {
    let (a_headroom, b_headroom) = (headroom(a), headroom(b));
    let (a, b) = (a << a_headroom, b << b_headroom);
    let inverse = (i32::MAX >> 2) / (b >> 16);
    let result = mul_w16(a, inverse);
    let rest = a.wrapping_sub(mul_high(b, result).wrapping_shl(3));
    let result = add_mul_w16(result, rest, inverse);
    shifted(result, 29 + a_headroom as i32 - b_headroom as i32 - q)
}

/// 2^(`log` / 128), by the format's approximation.
pub(super) fn power(log: i32) -> i32 {
    if log < 0 {
        return 0;
    }
    if log >= 3967 {
        return i32::MAX;
    }
    let whole = 1 << (log >> 7);
    let part = log & 127;
    let part = add_mul_w16(part, part * (128 - part), -174);
    if log < 2048 { whole + ((whole * part) >> 7) } else { whole + (whole >> 7) * part }
}
