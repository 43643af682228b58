//! Bits of a packet, most significant first.

use super::Result;

/// Bits that [`Bits::fill`] makes ready.
pub(super) const READY_BITS: u32 = 56;

/// A position in the bytes of a packet.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bits, from the top. Below the first `n_ready` is nothing, or what comes there anyway.
    word: u64,
    n_ready: u32,
    /// The first byte that `n_ready` does not count.
    next: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 0)
    }

    fn at(bytes: &'a [u8], bit: usize) -> Self {
        let mut bits = Self { bytes, word: 0, n_ready: 0, next: bit / 8 };
        bits.fill();
        bits.skip((bit % 8) as u32);
        bits
    }

    /// Makes [`READY_BITS`] ready: zeros where the bytes end.
    #[inline(always)]
    pub(super) fn fill(&mut self) {
        if let Some(chunk) = self.bytes.get(self.next..).and_then(|rest| rest.first_chunk()) {
            self.word |= u64::from_be_bytes(*chunk).wrapping_shr(self.n_ready);
            self.next = self.next.wrapping_add((63_u32.wrapping_sub(self.n_ready) >> 3) as usize);
            self.n_ready |= READY_BITS;
        } else {
            self.fill_at_end();
        }
    }

    #[cold]
    #[inline(never)]
    fn fill_at_end(&mut self) {
        while self.n_ready < READY_BITS {
            let byte = self.bytes.get(self.next).copied().unwrap_or(0);
            self.word |= u64::from(byte) << (56 - self.n_ready);
            self.next = self.next.saturating_add(1);
            self.n_ready += 8;
        }
    }

    /// The next bits at the top of a word; as many of them are good as are ready.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.word
    }

    /// Passes over bits that are ready.
    #[inline(always)]
    pub(super) fn skip(&mut self, n_bits: u32) {
        self.word = self.word.wrapping_shl(n_bits);
        self.n_ready = self.n_ready.wrapping_sub(n_bits);
    }

    fn position(&self) -> usize {
        self.next.saturating_mul(8).saturating_sub(self.n_ready as usize)
    }

    fn n_bits(&self) -> usize {
        self.bytes.len().saturating_mul(8)
    }

    /// How many bits are left.
    pub(super) fn n_left(&self) -> usize {
        self.n_bits().saturating_sub(self.position())
    }

    /// Whether all that was passed over was there.
    pub(super) fn check(&self) -> Result<()> {
        if self.position() <= self.n_bits() { Ok(()) } else { Err("a packet ends early") }
    }

    /// `n_bits` as a number, at most 32, that are known to be there.
    #[inline(always)]
    pub(super) fn take(&mut self, n_bits: u32) -> u32 {
        self.fill();
        // In two steps, since a shift by 64 does not exist.
        let value = (self.peek() >> 1).wrapping_shr(63_u32.wrapping_sub(n_bits));
        self.skip(n_bits);
        value as u32
    }

    /// `n_bits` as a number, at most 32.
    pub(super) fn read(&mut self, n_bits: u32) -> Result<u32> {
        let value = self.take(n_bits);
        self.check()?;
        Ok(value)
    }

    pub(super) fn flag(&mut self) -> Result<bool> {
        Ok(self.read(1)? == 1)
    }

    /// Passes over any number of bits, and hands out where they start.
    pub(super) fn pass(&mut self, n_bits: usize) -> Result<Self> {
        let start = *self;
        if n_bits > self.n_left() {
            return Err("a packet ends early");
        }
        *self = Self::at(self.bytes, self.position() + n_bits);
        Ok(start)
    }

    /// Passes over what is left of a byte.
    pub(super) fn align(&mut self) {
        self.skip(self.n_ready % 8);
    }

    /// Whether nothing but the rest of a byte, or zeros, is left.
    pub(super) fn is_used_up(mut self) -> bool {
        self.align();
        let rest = self.bytes.get(self.position() / 8..).unwrap_or(&[]);
        rest.iter().all(|&byte| byte == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_across_bytes_and_up_to_the_last_bit() {
        let bytes: Vec<u8> = (0..23_u8).map(|n| n.wrapping_mul(37).wrapping_add(5)).collect();
        let bit = |at: usize| u32::from(bytes[at / 8] >> (7 - at % 8) & 1);
        for width in 0..=32 {
            let mut bits = Bits::new(&bytes);
            let mut at = 0;
            while at + width <= 23 * 8 && (width > 0 || at == 0) {
                let wanted = (at..at + width).fold(0_u32, |value, at| value << 1 | bit(at));
                assert_eq!(bits.read(width as u32), Ok(wanted), "{width} bits at {at}");
                at += width.max(1);
            }
            if width > 0 {
                assert_eq!(bits.n_left(), 23 * 8 % width);
                assert!(bits.read(width as u32).is_err(), "{width}");
            }
        }
    }

    #[test]
    fn bits_are_passed_over_as_far_as_there_are_any() {
        let mut bytes = [0; 30];
        bytes[25] = 0b0010_0000;
        let mut bits = Bits::new(&bytes);
        bits.read(7).unwrap();
        let mut start = bits.pass(25 * 8 - 5).unwrap();
        assert_eq!(start.n_left(), 30 * 8 - 7);
        assert_eq!((start.read(32), bits.read(2)), (Ok(0), Ok(2)));
        assert!(bits.is_used_up());
        assert!(!start.is_used_up());
        bits.align();
        assert_eq!(bits.n_left(), 32);
        assert!(bits.pass(33).is_err());
        assert_eq!(bits.pass(32).map(|bits| bits.n_left()), Ok(32));
        assert_eq!(bits.n_left(), 0);
    }
}
