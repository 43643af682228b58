//! Bits, most significant first.
#![expect(
    clippy::inline_always,
    reason = "what is generic over the kernel must be compiled into the function that is allowed its instructions"
)]

/// A moving view of some bytes' bits; behind their end there are zeros.
///
/// `word` holds the next `n_ready` bits from its top; what is below them is not yet counted.
#[derive(Clone, Copy)]
pub(in crate::decode) struct Bits<'a> {
    /// What did not get into `word` yet.
    rest: &'a [u8],
    /// Bytes up to the end of `rest`, and the zeros behind it that were passed.
    end: usize,
    word: u64,
    n_ready: u32,
}

impl<'a> Bits<'a> {
    /// Starts at the bit number `position`.
    pub(in crate::decode) fn new(data: &'a [u8], position: usize) -> Self {
        let rest = data.get(position / 8..).unwrap_or(&[]);
        let end = data.len().max(position / 8);
        let mut bits = Self { rest, end, word: 0, n_ready: 0 };
        bits.refill();
        bits.skip((position % 8) as u32);
        bits
    }

    /// Number of the next bit.
    #[inline(always)]
    pub(in crate::decode) fn position(&self) -> usize {
        let passed = self.end.wrapping_sub(self.rest.len());
        (8 * passed).wrapping_sub(self.n_ready as usize)
    }

    /// Makes at least 56 bits ready.
    #[inline(always)]
    pub(in crate::decode) fn refill(&mut self) {
        if let Some(chunk) = self.rest.first_chunk() {
            self.word |= u64::from_be_bytes(*chunk) >> (self.n_ready & 63);
            self.rest = &self.rest[(63_u32.wrapping_sub(self.n_ready) >> 3) as usize & 7..];
        } else {
            (self.word, self.rest, self.end) =
                refilled_at_end(self.word, self.n_ready, self.rest, self.end);
        }
        self.n_ready |= 0b11_1000;
    }

    /// The next bits from the top of a word; not all of them are ready.
    #[inline(always)]
    pub(in crate::decode) fn peek(&self) -> u64 {
        self.word
    }

    /// Passes `n` bits, at most 63, that are ready.
    #[inline(always)]
    pub(in crate::decode) fn skip(&mut self, n: u32) {
        self.word <<= n & 63;
        self.n_ready = self.n_ready.wrapping_sub(n);
    }

    /// The next `n` bits, at most 16, which must be ready.
    #[inline(always)]
    pub(in crate::decode) fn take(&mut self, n: u32) -> u32 {
        // Two shifts, because one by 64 is none.
        let value = (self.word >> 1 >> (63_u32.wrapping_sub(n) & 63)) as u32;
        self.skip(n);
        value
    }

    /// The next `n` bits, at most 16.
    pub(in crate::decode) fn read(&mut self, n: u32) -> u32 {
        self.refill();
        self.take(n)
    }

    pub(in crate::decode) fn flag(&mut self) -> bool {
        self.read(1) == 1
    }
}

/// The last bytes, and zeros: `word`, `rest` and `end` with all that fits into `word`.
#[cold]
fn refilled_at_end(word: u64, n_ready: u32, rest: &[u8], end: usize) -> (u64, &[u8], usize) {
    let byte = |i: usize| u64::from(rest.get(i).copied().unwrap_or(0));
    let chunk = (0..8).fold(0, |chunk, i| chunk << 8 | byte(i));
    let n = ((63 - n_ready) >> 3) as usize;
    let n_zeros = n.saturating_sub(rest.len());
    (word | chunk >> n_ready, &rest[n - n_zeros..], end + n_zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_widths_from_any_start_give_the_bits_and_then_zeros() {
        let data: Vec<u8> = (0..23_u32).map(|i| (i * 167 + 41) as u8).collect();
        let bit = |i: usize| data.get(i / 8).map_or(0, |byte| u32::from(byte >> (7 - i % 8) & 1));
        for start in 0..40 {
            let mut bits = Bits::new(&data, start);
            let mut at = start;
            for n in (0..=16).cycle().take(60) {
                let expected = (at..at + n).fold(0, |value, i| value << 1 | bit(i));
                assert_eq!(bits.position(), at);
                assert_eq!(bits.read(n as u32), expected, "{n} bits at {at}");
                at += n;
            }
        }
    }
}
