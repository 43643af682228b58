//! Bits of a Vorbis packet, least significant first (Vorbis I §2).

/// Reads one packet. Past its end there are zeros, and `ended` says so: the specification calls the
/// end of a packet in the middle of a value nominal.
///
/// Loops over codes work on a copy of their own, which the compiler keeps in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    rest: &'a [u8],
    buffer: u64,
    /// Bits in `buffer`, those past the end of the packet included.
    n_buffered: u32,
    /// How many bits of `buffer` lie past the end.
    n_beyond: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(packet: &'a [u8]) -> Self {
        Self { rest: packet, buffer: 0, n_buffered: 0, n_beyond: 0 }
    }

    /// Makes at least 56 bits available, none of which lies past the end. `false`: so near the end
    /// that this has to be asked of each value; nothing has changed then.
    #[inline(always)]
    pub(super) fn refill_sound(&mut self) -> bool {
        let Some(bytes) = self.rest.first_chunk::<8>() else { return false };
        // Bits that do not count yet get in, too: the next time they are the same.
        self.buffer |= u64::from_le_bytes(*bytes) << (self.n_buffered & 63);
        self.rest = &self.rest[((self.n_buffered & 63) ^ 63) as usize >> 3..];
        // Whole bytes: what was there modulo 8, and 56.
        self.n_buffered |= 0x38;
        true
    }

    /// With at least 56 bits available.
    #[cold]
    #[inline(never)]
    fn refilled_last(mut self) -> Self {
        while self.n_buffered < 56 {
            match self.rest.split_first() {
                Some((&byte, rest)) => {
                    self.buffer |= u64::from(byte) << self.n_buffered;
                    self.rest = rest;
                }
                // Once there is something beyond the end, all that follows is.
                None => self.n_beyond = self.n_beyond.saturating_add(8),
            }
            self.n_buffered += 8;
        }
        self
    }

    /// The next 32 bits, without taking them.
    #[inline(always)]
    pub(super) fn peek(&mut self) -> u32 {
        if self.n_buffered < 32 && !self.refill_sound() {
            *self = self.refilled_last();
        }
        self.buffer as u32
    }

    /// What is left of the bits that [`Bits::refill_sound`] showed.
    #[inline(always)]
    pub(super) fn buffered(&self) -> u64 {
        self.buffer
    }

    /// Takes `n` of the bits that were shown, at most 63.
    #[inline(always)]
    pub(super) fn consume(&mut self, n: u32) {
        self.buffer >>= n & 63;
        self.n_buffered = self.n_buffered.wrapping_sub(n & 63);
    }

    /// The next `n` bits, at most 32.
    #[inline]
    pub(super) fn read(&mut self, n: u32) -> u32 {
        let value = u64::from(self.peek()) & ((1 << n) - 1);
        self.consume(n);
        value as u32
    }

    #[inline]
    pub(super) fn flag(&mut self) -> bool {
        self.read(1) != 0
    }

    /// Whether bits past the end of the packet were taken.
    #[inline(always)]
    pub(super) fn ended(&self) -> bool {
        self.n_beyond > self.n_buffered
    }
}

/// Position of the highest set bit, counted from 1 (Vorbis I §9.2.1).
pub(super) fn ilog(value: u32) -> u32 {
    u32::BITS - value.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_least_significant_first() {
        let mut bits = Bits::new(&[0b1010_0110, 0xff, 0x01, 0x80, 0x12]);
        assert_eq!(bits.read(3), 0b110);
        assert_eq!(bits.read(7), 0b11_10100);
        assert_eq!(bits.read(32) as u64, 0x1280_01ff_u64 >> 2 & 0xffff_ffff);
        assert!(bits.ended(), "42 bits were read of 40");
    }

    #[test]
    fn the_end_is_noticed_when_it_is_passed_and_not_before() {
        let mut bits = Bits::new(&[0xff; 9]);
        for _ in 0..9 {
            assert_eq!(bits.read(8), 0xff);
            assert!(!bits.ended());
        }
        assert_eq!(bits.read(1), 0);
        assert!(bits.ended());
    }

    #[test]
    fn ilog_counts_from_one() {
        assert_eq!([0, 1, 2, 3, 4, 7].map(ilog), [0, 1, 2, 2, 3, 3]);
    }
}
