//! Codebooks as the setup header holds them (Vorbis I §3.2.1).

use super::super::bits::{Bits, ilog};

/// Entries, vector values and classes over all codebooks of a stream. Encoders come nowhere near; a
/// crafted header would otherwise ask for gigabytes.
const MAX_VALUES: usize = 1 << 22;

/// What is left of [`MAX_VALUES`].
pub(in crate::decode::vorbis) struct Budget(usize);

impl Budget {
    pub(in crate::decode::vorbis) fn new() -> Self {
        Self(MAX_VALUES)
    }

    pub(in crate::decode::vorbis) fn take(&mut self, n: usize) -> Result<(), &'static str> {
        self.0 = self.0.checked_sub(n).ok_or("codebooks of an absurd size")?;
        Ok(())
    }
}

/// Length of each entry's code, 0 for an entry that is not used (§3.2.1).
pub(super) fn read_lengths(bits: &mut Bits<'_>, n_entries: usize) -> Result<Vec<u8>, &'static str> {
    let mut lengths = vec![0; n_entries];
    let ordered = bits.flag();
    if !ordered {
        let sparse = bits.flag();
        for length in &mut lengths {
            if !sparse || bits.flag() {
                *length = bits.read(5) as u8 + 1;
            }
            if bits.ended() {
                return Err("the setup header ends in a codebook");
            }
        }
        return Ok(lengths);
    }
    let mut length = bits.read(5) as u8 + 1;
    let mut at = 0;
    while at < n_entries {
        let n = bits.read(ilog((n_entries - at) as u32)) as usize;
        if length > 32 || n > n_entries - at || bits.ended() {
            return Err("a codebook's lengths do not add up");
        }
        lengths[at..at + n].fill(length);
        at += n;
        length += 1;
    }
    Ok(lengths)
}

/// The codes, most significant bit first and left-aligned: each entry takes the lowest that is free
/// at its length (§3.2.1). The tree must be full, but for a book with a single entry.
pub(super) fn assign_codes(lengths: &[u8]) -> Result<Vec<u32>, &'static str> {
    let n_used = lengths.iter().filter(|&&length| length > 0).count();
    let mut codes = vec![0; lengths.len()];
    if n_used <= 1 {
        let sound = lengths.iter().all(|&length| length <= 1);
        return if sound { Ok(codes) } else { Err("a codebook with a single, long code") };
    }
    // The lowest free code at each length, as a 33-bit left-aligned number; one at most per length.
    let mut free: [Option<u64>; 33] = [None; 33];
    free[0] = Some(0);
    for (code, &length) in codes.iter_mut().zip(lengths).filter(|(_, length)| **length > 0) {
        let length = usize::from(length);
        // The closest free node above: it is split down to the wanted length.
        let Some(from) = (0..=length).rev().find(|&at| free[at].is_some()) else {
            return Err("a codebook has too many codes");
        };
        let start = free[from].take().unwrap_or(0);
        for (at, node) in free.iter_mut().enumerate().take(length + 1).skip(from + 1) {
            *node = Some(start + (1 << (32 - at)));
        }
        *code = start as u32;
    }
    if free.iter().any(Option::is_some) { Err("a codebook has too few codes") } else { Ok(codes) }
}

/// What the entries stand for (§3.2.1, §3.3).
pub(super) fn read_vectors(
    bits: &mut Bits<'_>,
    n_entries: usize,
    n_dimensions: usize,
    budget: &mut Budget,
) -> Result<Vec<f32>, &'static str> {
    let kind = bits.read(4);
    if kind == 0 {
        return Ok(Vec::new());
    }
    if kind > 2 || n_dimensions == 0 {
        return Err("a codebook of an unknown kind");
    }
    let (minimum, delta) = (unpack_float(bits.read(32)), unpack_float(bits.read(32)));
    let n_value_bits = bits.read(4) + 1;
    let sequential = bits.flag();
    let n_values = n_entries.checked_mul(n_dimensions).ok_or("codebooks of an absurd size")?;
    budget.take(n_values)?;
    let n_multiplicands = if kind == 1 { root(n_entries, n_dimensions) } else { n_values };
    let multiplicands = read_multiplicands(bits, n_multiplicands, n_value_bits)?;
    let mut vectors = Vec::with_capacity(n_values);
    for entry in 0..n_entries {
        let mut last = 0.0;
        let mut divisor = 1;
        for dimension in 0..n_dimensions {
            let at = if kind == 1 {
                entry / divisor % n_multiplicands
            } else {
                entry * n_dimensions + dimension
            };
            let value = multiplicands[at] * delta + minimum + last;
            vectors.push(value);
            if sequential {
                last = value;
            }
            divisor = divisor.saturating_mul(n_multiplicands);
        }
    }
    Ok(vectors)
}

fn read_multiplicands(
    bits: &mut Bits<'_>,
    n: usize,
    n_bits: u32,
) -> Result<Vec<f32>, &'static str> {
    let mut multiplicands = Vec::with_capacity(n);
    for _ in 0..n {
        multiplicands.push(bits.read(n_bits) as f32);
        if bits.ended() {
            return Err("the setup header ends in a codebook");
        }
    }
    Ok(multiplicands)
}

/// Greatest `r` with `r^n ≤ value` (§9.2.3).
fn root(value: usize, n: usize) -> usize {
    let fits = |r: usize| {
        let mut product = 1_usize;
        (0..n).all(|_| {
            product = product.saturating_mul(r);
            product <= value
        })
    };
    // Above 24 dimensions only 0 and 1 are possible, as entries have 24 bits.
    let mut r = (value as f64).powf(1.0 / n as f64).floor() as usize;
    while fits(r + 1) {
        r += 1;
    }
    while r > 0 && !fits(r) {
        r -= 1;
    }
    r.max(usize::from(value > 0))
}

/// Vorbis's own float format (§9.2.2).
fn unpack_float(packed: u32) -> f32 {
    let mantissa = f64::from(packed & 0x1f_ffff);
    let exponent = ((packed >> 21) & 0x3ff) as i32 - 788;
    let magnitude = mantissa * 2_f64.powi(exponent);
    (if packed >> 31 == 0 { magnitude } else { -magnitude }) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_specifications_example() {
        // Vorbis I §3.2.1: lengths 2 4 4 4 4 2 3 3.
        let codes = assign_codes(&[2, 4, 4, 4, 4, 2, 3, 3]).unwrap();
        let wanted = [0b00, 0b0100, 0b0101, 0b0110, 0b0111, 0b10, 0b110, 0b111];
        let lengths = [2, 4, 4, 4, 4, 2, 3, 3];
        for ((code, wanted), length) in codes.iter().zip(wanted).zip(lengths) {
            assert_eq!(code >> (32 - length), wanted);
        }
    }

    #[test]
    fn trees_that_are_not_full_are_refused() {
        assert!(assign_codes(&[1, 1, 1]).is_err());
        assert!(assign_codes(&[2, 2, 2]).is_err());
        assert!(assign_codes(&[1, 2, 2]).is_ok());
        assert!(assign_codes(&[1, 0, 0]).is_ok());
    }

    #[test]
    fn roots_are_exact() {
        assert_eq!(root(625, 4), 5);
        assert_eq!(root(624, 4), 4);
        assert_eq!(root(6561, 8), 3);
        assert_eq!(root(1, 65_535), 1);
        assert_eq!(root((1 << 24) - 1, 2), 4095);
    }

    #[test]
    fn floats_are_unpacked() {
        let unpacked = [0, 788 << 21 | 3, 1 << 31 | 787 << 21 | 1].map(unpack_float);
        assert_eq!(unpacked.map(f32::to_bits), [0.0_f32, 3.0, -0.5].map(f32::to_bits));
    }
}
