//! Logarithmic 8-bit coding of telephony: A-law and µ-law (ITU-T G.711, tables 1a to 2b).
//!
//! Values are those of the 16-bit scale that everyone decodes to: 13 bits of A-law are shifted by
//! three places, 14 bits of µ-law by two.

/// Sample value of every A-law code.
pub(super) static A_LAW: [f32; 256] = table(true);
/// Sample value of every µ-law code.
pub(super) static MU_LAW: [f32; 256] = table(false);

const fn table(is_a_law: bool) -> [f32; 256] {
    let mut values = [0.0; 256];
    let mut code = 0;
    while code < values.len() {
        let value = if is_a_law { a_law(code as u8) } else { mu_law(code as u8) };
        values[code] = value as f32 / 32_768.0;
        code += 1;
    }
    values
}

/// Even bits are sent inverted; the sign bit is set for positive values.
const fn a_law(code: u8) -> i16 {
    let code = code ^ 0x55;
    let segment = (code >> 4) & 7;
    let step = ((code & 15) as i16) << 4 | 8;
    let magnitude = if segment == 0 { step } else { (step | 0x100) << (segment - 1) };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

/// All bits are sent inverted; magnitudes are coded with a bias of 33 in 14 bits.
const fn mu_law(code: u8) -> i16 {
    let code = !code;
    let segment = (code >> 4) & 7;
    let magnitude = ((((code & 15) as i16) << 3 | 0x84) << segment) - 0x84;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extreme_codes_are_those_of_the_recommendation() {
        // Table 1a: decoder output 1 and 128 of the 13-bit scale are 1/2 and 4032/4096.
        assert_eq!([a_law(0xd5), a_law(0x55)], [8, -8]);
        assert_eq!([a_law(0xaa), a_law(0x2a)], [4032 * 8, -4032 * 8]);
        // Table 2a: 0 and 8031 of 8159.
        assert_eq!([mu_law(0xff), mu_law(0x7f)], [0, 0]);
        assert_eq!([mu_law(0x80), mu_law(0x00)], [8031 * 4, -8031 * 4]);
    }

    #[test]
    fn values_rise_with_the_code_in_each_half() {
        let rising = |codes: Vec<i16>| codes.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(rising((0x80..=0xff).map(|code: u8| a_law(code ^ 0x55)).collect()));
        assert!(rising((0x80..=0xff).rev().map(mu_law).collect()));
    }
}
