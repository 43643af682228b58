//! Floating-point numbers of 16 bits.

/// The value of an IEEE 754 half-precision number.
///
/// Without branches: the compiler turns a loop of these into vector instructions.
pub(super) fn from_float16(bits: u16) -> f32 {
    let magnitude = u32::from(bits & 0x7fff) << 13;
    let sign = u32::from(bits & 0x8000) << 16;
    // Exponent and fraction now stand where float32 has them, with the bias of float16; to multiply
    // by 2^112 makes up for it, and normalises numbers below the smallest normal one.
    let value = f32::from_bits(magnitude) * f32::from_bits(0x7780_0000);
    let is_special = u32::from(bits & 0x7c00 == 0x7c00);
    let special = 0x7f80_0000 & is_special.wrapping_neg();
    f32::from_bits(value.to_bits() | special | sign)
}

/// The value of a bfloat16 number: the upper half of a float32.
pub(super) fn from_bfloat16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::*;

    /// The value by its definition.
    fn reference(bits: u16) -> f64 {
        let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
        match exponent {
            0 => sign * fraction * 2f64.powi(-14),
            31 if fraction == 0.0 => sign * f64::INFINITY,
            31 => f64::NAN,
            _ => sign * (1.0 + fraction) * 2f64.powi(exponent - 15),
        }
    }

    #[test]
    fn every_half_has_its_value() {
        for bits in 0..=u16::MAX {
            let (found, expected) = (f64::from(from_float16(bits)), reference(bits));
            assert!(found == expected || found.is_nan() && expected.is_nan(), "{bits:#x}");
        }
    }

    #[test]
    fn a_bfloat16_is_the_head_of_a_float32() {
        assert_eq!(from_bfloat16(0x3fc0), 1.5);
        assert_eq!(from_bfloat16(0xc000), -2.0);
    }
}
