//! Numbers in headers, in either byte order; `None` where the bytes end before them.

/// Which byte of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The least significant one.
    Little,
    /// The most significant one.
    Big,
}

impl Order {
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = array(bytes, at)?;
        Some(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        })
    }

    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = array(bytes, at)?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }

    pub(super) fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let bytes = array(bytes, at)?;
        Some(match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        })
    }
}

/// The `N` bytes at `at`.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// A sample rate that was stored as a floating-point number, Hz; 0 if it is none that fits.
pub(super) fn whole_hz(rate: f64) -> u32 {
    // The cast saturates, and turns NaN into 0.
    rate.round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_their_byte_order() {
        let bytes = [9, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(Order::Little.u16(&bytes, 1), Some(0x0201));
        assert_eq!(Order::Big.u32(&bytes, 1), Some(0x0102_0304));
        assert_eq!(Order::Big.u64(&bytes, 1), Some(0x0102_0304_0506_0708));
    }

    #[test]
    fn a_number_that_is_cut_short_is_none() {
        assert_eq!(Order::Little.u32(&[1, 2, 3, 4], 1), None);
        assert_eq!(Order::Big.u16(&[1, 2], 9), None);
    }

    #[test]
    fn a_rate_that_is_no_number_is_0_hz() {
        assert_eq!(whole_hz(22_254.545), 22_255);
        assert_eq!(whole_hz(f64::NAN), 0);
        assert_eq!(whole_hz(-1.0), 0);
        assert_eq!(whole_hz(1e300), u32::MAX);
    }
}
