//! Bits in the two orders that audio formats pack them.

/// Most significant bit first, as MPEG and FLAC do. Reading past the end gives `None`.
#[derive(Debug, Clone)]
pub(in crate::decode) struct BitsMsb<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitsMsb<'a> {
    pub(in crate::decode) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(in crate::decode) fn at(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position }
    }

    pub(in crate::decode) fn skip(&mut self, n_bits: usize) {
        self.position = self.position.saturating_add(n_bits);
    }

    /// Goes on with the next whole byte.
    pub(in crate::decode) fn align(&mut self) {
        self.position = self.position.next_multiple_of(8);
    }

    pub(in crate::decode) fn position(&self) -> usize {
        self.position
    }

    /// The next `n_bits`, at most 32.
    pub(in crate::decode) fn read(&mut self, n_bits: usize) -> Option<u32> {
        let end = self.position.checked_add(n_bits)?;
        if end > self.bytes.len().checked_mul(8)? {
            return None;
        }
        let mut value = 0_u64;
        for at in self.position / 8..end.div_ceil(8) {
            value = value << 8 | u64::from(self.bytes[at]);
        }
        value >>= end.div_ceil(8) * 8 - end;
        self.position = end;
        Some((value & ((1 << n_bits) - 1)) as u32)
    }
}

/// The bit at `position`, least significant bit of each byte first, as Vorbis packs them.
pub(super) fn lsb_bit(bytes: &[u8], position: usize) -> Option<bool> {
    bytes.get(position / 8).map(|byte| byte >> (position % 8) & 1 == 1)
}

/// `n_bits` (at most 32) from `position` on, in Vorbis' order.
pub(super) fn lsb_bits(bytes: &[u8], position: usize, n_bits: usize) -> Option<u32> {
    (0..n_bits).try_fold(0, |value, bit| {
        Some(value | u32::from(lsb_bit(bytes, position.checked_add(bit)?)?) << bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_in_the_order_of_their_format() {
        let bytes = [0b1010_0110, 0b0000_1111, 0xff, 0x00, 0x80];
        let mut bits = BitsMsb::new(&bytes);
        assert_eq!(
            (bits.read(3), bits.read(7), bits.read(0)),
            (Some(0b101), Some(0b001_1000), Some(0))
        );
        assert_eq!(bits.read(30), Some(0b00_1111_1111_1111_0000_0000_1000_0000));
        assert_eq!(bits.read(1), None);
        assert_eq!(lsb_bits(&bytes, 1, 9), Some(0b1_1101_0011));
        assert_eq!(lsb_bits(&bytes, 39, 2), None);
    }
}
