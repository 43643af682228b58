//! Codebooks: a Huffman code over entries, each of which may stand for a vector (Vorbis I §3).

use super::bits::{Bits, ilog};

/// Codes up to this length are found by one look into a table.
const MAX_FAST_BITS: u32 = 10;
/// So many of them are available when [`Bits::refill_sound`] was.
const BURST: usize = 5;
/// Entries and vector values over all codebooks of a stream. Encoders come nowhere near; a crafted
/// header would otherwise ask for gigabytes.
const MAX_VALUES: usize = 1 << 23;

/// What is left of [`MAX_VALUES`].
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(MAX_VALUES)
    }

    fn take(&mut self, n: usize) -> Result<(), &'static str> {
        self.0 = self.0.checked_sub(n).ok_or("codebooks of an absurd size")?;
        Ok(())
    }
}

pub(super) struct Codebook {
    n_dimensions: usize,
    n_entries: usize,
    /// By the next bits, as many as the longest code has, or [`MAX_FAST_BITS`]: entry in the upper
    /// bits, length in the lowest six; 0 where the code is longer.
    fast: Vec<u32>,
    /// Longer codes in ascending order, most significant bit first and left-aligned in 32 bits, with
    /// entry and length.
    slow: Vec<(u32, u32, u8)>,
    /// Vectors of all entries, or nothing if the entries are plain numbers.
    vectors: Vec<f32>,
}

impl Codebook {
    pub(super) fn read(bits: &mut Bits<'_>, budget: &mut Budget) -> Result<Self, &'static str> {
        if bits.read(24) != 0x56_4342 {
            return Err("a codebook does not start as one");
        }
        let n_dimensions = bits.read(16) as usize;
        let n_entries = bits.read(24) as usize;
        budget.take(n_entries)?;
        let lengths = read_lengths(bits, n_entries)?;
        let codes = assign_codes(&lengths)?;
        let vectors = read_vectors(bits, n_entries, n_dimensions, budget)?;
        if bits.ended() {
            return Err("the setup header ends in a codebook");
        }
        let mut book =
            Self { n_dimensions, n_entries, fast: Vec::new(), slow: Vec::new(), vectors };
        book.index(&codes, &lengths);
        Ok(book)
    }

    pub(super) fn n_dimensions(&self) -> usize {
        self.n_dimensions
    }

    pub(super) fn n_entries(&self) -> usize {
        self.n_entries
    }

    pub(super) fn has_vectors(&self) -> bool {
        !self.vectors.is_empty()
    }

    fn index(&mut self, codes: &[u32], lengths: &[u8]) {
        let longest = lengths.iter().copied().max().map_or(0, u32::from);
        let n_bits = longest.min(MAX_FAST_BITS);
        self.fast = vec![0; 1 << n_bits];
        let used = || lengths.iter().zip(codes).enumerate().filter(|(_, (length, _))| **length > 0);
        // A single entry has a code of one bit, and both values of it mean that entry (errata 20150226).
        let alone = used().count() == 1;
        for (entry, (&length, &code)) in used() {
            let entry = entry as u32;
            if u32::from(length) > n_bits {
                self.slow.push((code, entry, length));
                continue;
            }
            let reversed = code.reverse_bits();
            let step = if alone { 1 } else { 1 << length };
            for slot in (reversed as usize..1 << n_bits).step_by(step) {
                self.fast[slot] = entry << 6 | u32::from(length);
            }
        }
        self.slow.sort_unstable();
    }

    /// Entry and length of the code that `next` starts with; 0 if it is long, or none at all.
    #[inline(always)]
    fn look_up(&self, next: u64) -> u32 {
        // The length of the table is a power of two.
        let slot = next as usize & self.fast.len().wrapping_sub(1);
        self.fast.get(slot).copied().unwrap_or(0)
    }

    /// The next entry; `None` if the packet ends, or holds a code that means nothing.
    #[inline(always)]
    pub(super) fn entry(&self, bits: &mut Bits<'_>) -> Option<usize> {
        let next = bits.peek();
        let found = self.look_up(u64::from(next));
        if found != 0 {
            bits.consume(found & 63);
            return (!bits.ended()).then_some((found >> 6) as usize);
        }
        self.long_entry(next, bits)
    }

    #[inline(always)]
    fn long_entry(&self, next: u32, bits: &mut Bits<'_>) -> Option<usize> {
        let (entry, length) = self.look_up_long(next)?;
        bits.consume(length);
        (!bits.ended()).then_some(entry)
    }

    /// Entry and length of the long code that `next` starts with.
    #[cold]
    #[inline(never)]
    fn look_up_long(&self, next: u32) -> Option<(usize, u32)> {
        let wanted = next.reverse_bits();
        let after = self.slow.partition_point(|&(code, ..)| code <= wanted);
        let (code, entry, length) = *self.slow.get(after.checked_sub(1)?)?;
        let is_it = (wanted ^ code) >> (32 - u32::from(length)) == 0;
        is_it.then_some((entry as usize, u32::from(length)))
    }

    /// The next vector, of [`Codebook::n_dimensions`] values.
    #[inline]
    pub(super) fn vector(&self, bits: &mut Bits<'_>) -> Option<&[f32]> {
        let start = self.entry(bits)? * self.n_dimensions;
        self.vectors.get(start..start + self.n_dimensions)
    }

    /// Adds the next vectors, of `N` = [`Codebook::n_dimensions`] values, to `targets`.
    #[inline(always)]
    pub(super) fn add_vectors<const N: usize>(
        &self,
        bits: &mut Bits<'_>,
        targets: &mut [[f32; N]],
    ) -> Option<()> {
        let vectors = self.vectors.as_chunks::<N>().0;
        let mut targets = targets.iter_mut();
        while !targets.as_slice().is_empty() && bits.refill_sound() {
            for target in targets.by_ref().take(BURST) {
                let found = self.look_up(bits.buffered());
                if found == 0 {
                    let next = bits.peek();
                    add(target, vectors.get(self.long_entry(next, bits)?)?);
                    break;
                }
                bits.consume(found);
                add(target, vectors.get((found >> 6) as usize)?);
            }
        }
        // Near the end of the packet.
        for target in targets {
            add(target, vectors.get(self.entry(bits)?)?);
        }
        Some(())
    }
}

#[inline(always)]
fn add<const N: usize>(target: &mut [f32; N], vector: &[f32; N]) {
    *target = std::array::from_fn(|i| target[i] + vector[i]);
}

/// Length of each entry's code, 0 for an entry that is not used (§3.2.1).
fn read_lengths(bits: &mut Bits<'_>, n_entries: usize) -> Result<Vec<u8>, &'static str> {
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
fn assign_codes(lengths: &[u8]) -> Result<Vec<u32>, &'static str> {
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
fn read_vectors(
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
    let minimum = unpack_float(bits.read(32));
    let delta = unpack_float(bits.read(32));
    let n_value_bits = bits.read(4) + 1;
    let sequential = bits.flag();
    let n_values = n_entries.checked_mul(n_dimensions).ok_or("codebooks of an absurd size")?;
    budget.take(n_values)?;
    let n_multiplicands = if kind == 1 { root(n_entries, n_dimensions) } else { n_values };
    let mut multiplicands = Vec::with_capacity(n_multiplicands);
    for _ in 0..n_multiplicands {
        multiplicands.push(bits.read(n_value_bits) as f32);
        if bits.ended() {
            return Err("the setup header ends in a codebook");
        }
    }
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
    fn every_code_short_or_long_finds_its_entry() {
        // A chain: lengths 1, 2, 3, ... 19, 20, 20.
        let lengths: Vec<u8> = (1..=20).chain([20]).collect();
        let codes = assign_codes(&lengths).unwrap();
        let mut book = Codebook {
            n_dimensions: 1,
            n_entries: lengths.len(),
            fast: Vec::new(),
            slow: Vec::new(),
            vectors: Vec::new(),
        };
        book.index(&codes, &lengths);
        for (entry, (&code, &length)) in codes.iter().zip(&lengths).enumerate() {
            let packet = code.reverse_bits().to_le_bytes();
            let mut bits = Bits::new(&packet);
            assert_eq!(book.entry(&mut bits), Some(entry), "length {length}");
        }
    }

    #[test]
    fn floats_are_unpacked() {
        let unpacked = [0, 788 << 21 | 3, 1 << 31 | 787 << 21 | 1].map(unpack_float);
        assert_eq!(unpacked.map(f32::to_bits), [0.0_f32, 3.0, -0.5].map(f32::to_bits));
    }
}
