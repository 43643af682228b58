//! Bits of a frame, most significant first.

use super::FrameError;

/// Bits that [`Bits::peek`] is good for at any position.
const PEEK_BITS: u32 = 57;

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
            None => last_bytes(self.bytes, self.at >> 3),
        };
        word << (self.at & 7)
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

    /// What [`Ahead::refill`] begins with.
    #[inline(always)]
    pub(super) fn ahead(&self) -> Ahead<'a> {
        // The rest of a byte, of which nothing may stand in the word twice.
        let n_ready = 8 - (self.at & 7) as u32;
        let word = self.peek() & !(u64::MAX >> n_ready);
        Ahead { bytes: self.bytes, next: (self.at >> 3).wrapping_add(1), word, n_ready }
    }

    /// Goes to where `ahead` came to.
    #[inline(always)]
    pub(super) fn go_to(&mut self, ahead: &Ahead) {
        self.at = ahead.next.wrapping_mul(8).wrapping_sub(ahead.n_ready as usize);
    }

    /// Offset of the first byte that nothing was read of.
    pub(super) fn next_byte(&self) -> usize {
        self.at.div_ceil(8)
    }
}

/// A position in the bytes of a frame, for many short codes in a row: what is loaded next depends on
/// how much was read before the last refill, so that a load is done before its bits are waited for.
#[derive(Clone, Copy)]
pub(super) struct Ahead<'a> {
    bytes: &'a [u8],
    /// The first byte of which not all is ready.
    next: usize,
    /// The next bits from the top. Behind those that are ready stand others of the same bytes, or zeros.
    word: u64,
    n_ready: u32,
}

impl Ahead<'_> {
    /// Makes 56 bits ready or more; the word that they begin.
    #[inline(always)]
    pub(super) fn refill(&mut self) -> u64 {
        let bytes = match self.bytes.get(self.next..).and_then(|rest| rest.first_chunk()) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => last_bytes(self.bytes, self.next),
        };
        self.word |= bytes.wrapping_shr(self.n_ready);
        self.next = self.next.wrapping_add((self.n_ready ^ 63) as usize >> 3);
        self.n_ready |= 0b11_1000;
        self.word
    }

    /// Passes over `n` bits if they are ready; `word` is what is left then.
    #[inline(always)]
    pub(super) fn pass(&mut self, n: u32, word: u64) -> bool {
        let ready = n <= self.n_ready;
        if ready {
            (self.word, self.n_ready) = (word, self.n_ready.wrapping_sub(n));
        }
        ready
    }
}

/// Eight bytes at the end of all, filled up with zeros.
#[cold]
#[inline(never)]
fn last_bytes(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or(&[]);
    let mut word = [0; 8];
    for (byte, &there) in word.iter_mut().zip(rest) {
        *byte = there;
    }
    u64::from_be_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_ahead_are_those_that_are_read_one_by_one_and_zeros_behind_them() {
        let bytes: Vec<u8> = (0..40_u32).map(|i| (i * 167 + 41) as u8).collect();
        for start in 0..24 {
            let mut bits = Bits::new(&bytes, 0);
            bits.skip(start);
            let mut ahead = bits.ahead();
            for n in [0, 1, 7, 8, 9, 31, 32, 47, 55, 56].into_iter().cycle().take(20) {
                let word = ahead.refill();
                assert_eq!(word >> 8, bits.peek() >> 8, "{n} bits from {start}");
                assert!(ahead.pass(n, word << n) && !ahead.pass(65, 0));
                bits.skip(n);
                let mut there = Bits::new(&bytes, 0);
                there.go_to(&ahead);
                assert_eq!(there.at, bits.at);
            }
        }
    }

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
