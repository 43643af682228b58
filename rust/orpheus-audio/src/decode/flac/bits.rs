//! Bits of a frame, most significant first.

use super::FrameError;

/// Bits that [`Bits::peek`] is good for at any position.
pub(super) const PEEK_BITS: u32 = 57;

/// A position in the bytes of a frame.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at_byte: usize) -> Self {
        Self { bytes, at: at_byte * 8 }
    }

    /// The next bits at the top of a word: [`PEEK_BITS`] of them, and zeros where the bytes end.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        let word = match self.bytes.get(self.at >> 3..).and_then(|rest| rest.first_chunk()) {
            Some(word) => u64::from_be_bytes(*word),
            None => self.last_word(),
        };
        word << (self.at & 7)
    }

    /// The word at the end of the bytes, filled up with zeros.
    #[cold]
    #[inline(never)]
    fn last_word(&self) -> u64 {
        let rest = self.bytes.get(self.at >> 3..).unwrap_or(&[]);
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        u64::from_be_bytes(word)
    }

    /// Passes over bits that [`Bits::peek`] showed.
    #[inline(always)]
    pub(super) fn skip(&mut self, n: u32) {
        self.at = self.at.wrapping_add(n as usize);
    }

    /// Whether all that was read was there.
    #[inline(always)]
    pub(super) fn check(&self) -> Result<(), FrameError> {
        if self.at <= self.bytes.len() * 8 { Ok(()) } else { Err(FrameError::Short) }
    }

    /// `n` ≤ 57 bits as a number.
    pub(super) fn read(&mut self, n: u32) -> Result<u64, FrameError> {
        // In two steps, since a shift by 64 does not exist.
        let value = self.peek() >> 1 >> (63 - n);
        self.skip(n);
        self.check()?;
        Ok(value)
    }

    /// `n` bits, 1 to 57, as a number in two's complement.
    pub(super) fn read_signed(&mut self, n: u32) -> Result<i64, FrameError> {
        let value = self.peek() as i64 >> (64 - n);
        self.skip(n);
        self.check()?;
        Ok(value)
    }

    /// The number of zeros before the next one, which is passed too.
    pub(super) fn read_unary(&mut self) -> Result<u32, FrameError> {
        let mut n_zeros = 0_u32;
        loop {
            let n = self.peek().leading_zeros();
            if n < PEEK_BITS {
                self.skip(n + 1);
                self.check()?;
                return Ok(n_zeros.saturating_add(n));
            }
            self.skip(PEEK_BITS);
            self.check()?;
            n_zeros = n_zeros.saturating_add(PEEK_BITS);
        }
    }

    /// Offset of the first byte that nothing was read of.
    pub(super) fn next_byte(&self) -> usize {
        self.at.div_ceil(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_across_bytes_and_up_to_the_last_bit() {
        let bytes = [0b1010_0001, 0x23, 0x45, 0xff, 0x80];
        let mut bits = Bits::new(&bytes, 0);
        assert_eq!(bits.read(3), Ok(0b101));
        assert_eq!(bits.read(0), Ok(0));
        assert_eq!(bits.read(21), Ok(0x01_2345));
        assert_eq!(bits.read_signed(9), Ok(-1));
        assert_eq!(bits.read(7), Ok(0));
        assert_eq!(bits.next_byte(), 5);
        assert_eq!(bits.read(1), Err(FrameError::Short));
    }

    #[test]
    fn long_runs_of_zeros_are_counted_and_must_end() {
        let mut bytes = [0; 40];
        bytes[30] = 0x10;
        let mut bits = Bits::new(&bytes, 0);
        assert_eq!(bits.read(5), Ok(0));
        assert_eq!(bits.read_unary(), Ok(30 * 8 + 3 - 5));
        assert_eq!(bits.read_unary(), Err(FrameError::Short));
    }
}
