//! The range decoder (RFC 6716 §4.1).

/// Eighths of a bit: the unit of bit allocation.
pub(super) const BIT_RESOLUTION: u32 = 3;

/// Symbols from the front of a frame, raw bits from its end.
///
/// Reading past either end yields zeros, as the format demands: what a frame lacks is told by
/// [`RangeDecoder::tell`].
pub(super) struct RangeDecoder<'a> {
    data: &'a [u8],
    n_front: usize,
    n_back: usize,
    window: u32,
    n_window: u32,
    n_bits: i32,
    range: u32,
    value: u32,
    scale: u32,
    remainder: u32,
}

impl<'a> RangeDecoder<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        let mut decoder = Self {
            data,
            n_front: 0,
            n_back: 0,
            window: 0,
            n_window: 0,
            n_bits: 9,
            range: 128,
            value: 0,
            scale: 0,
            remainder: 0,
        };
        decoder.remainder = decoder.front_byte();
        decoder.value = 127 - (decoder.remainder >> 1);
        decoder.normalize();
        decoder
    }

    /// Bits that the frame has.
    pub(super) fn n_bits_total(&self) -> i32 {
        self.data.len() as i32 * 8
    }

    /// Takes the last `n_bytes` away from the frame; raw bits then come from what is left.
    pub(super) fn shorten(&mut self, n_bytes: usize) {
        self.data = &self.data[..self.data.len().saturating_sub(n_bytes)];
    }

    fn front_byte(&mut self) -> u32 {
        let byte = self.data.get(self.n_front).copied().unwrap_or(0);
        self.n_front += 1;
        u32::from(byte)
    }

    fn back_byte(&mut self) -> u32 {
        self.n_back += 1;
        let at = self.data.len().checked_sub(self.n_back);
        u32::from(at.map_or(0, |at| self.data[at]))
    }

    #[inline]
    fn normalize(&mut self) {
        while self.range <= 1 << 23 {
            self.n_bits += 8;
            self.range <<= 8;
            let byte = self.front_byte();
            let symbol = ((self.remainder << 8) | byte) >> 1;
            self.remainder = byte;
            self.value = ((self.value << 8) + (255 & !symbol)) & 0x7fff_ffff;
        }
    }

    /// Whole bits used so far, rounded up (§4.1.6.1).
    #[inline]
    pub(super) fn tell(&self) -> i32 {
        self.n_bits - (32 - self.range.leading_zeros() as i32)
    }

    /// Eighths of bits used so far, rounded up (§4.1.6.2).
    #[inline]
    pub(super) fn tell_eighths(&self) -> i32 {
        /// 2^15 · 2^((2 i + 1) / 16): where the logarithm's next eighth begins.
        const NEXT: [u32; 8] = [35733, 38967, 42495, 46340, 50535, 55109, 60097, 65535];
        let length = 32 - self.range.leading_zeros();
        let mantissa = self.range >> (length - 16);
        let eighths = (mantissa >> 12).wrapping_sub(8);
        let eighths = eighths.wrapping_add(u32::from(mantissa > NEXT[(eighths & 7) as usize]));
        (self.n_bits << BIT_RESOLUTION) - (length as i32 * 8 + eighths as i32)
    }

    /// What seeds the noise of the next frame.
    pub(super) fn final_range(&self) -> u32 {
        self.range
    }

    /// Counts all bits as used: nothing but defaults follows.
    pub(super) fn exhaust(&mut self) {
        self.n_bits += self.n_bits_total() - self.tell();
    }

    /// Where in `0..total` the next symbol's frequencies lie.
    #[inline]
    fn frequency(&mut self, total: u32) -> u32 {
        self.scale = self.range / total;
        total - (self.value / self.scale).saturating_add(1).min(total)
    }

    #[inline]
    fn update(&mut self, low: u32, high: u32, total: u32) {
        let below = self.scale.wrapping_mul(total - high);
        self.value = self.value.wrapping_sub(below);
        self.range = if low > 0 {
            self.scale.wrapping_mul(high - low)
        } else {
            self.range.wrapping_sub(below)
        };
        self.normalize();
    }

    /// A symbol whose bounds follow from the place where it was found: `(symbol, low, high)`.
    #[inline]
    pub(super) fn symbol<T>(&mut self, total: u32, find: impl FnOnce(u32) -> (T, u32, u32)) -> T {
        let at = self.frequency(total);
        let (symbol, low, high) = find(at);
        self.update(low, high, total);
        symbol
    }

    /// A flag that is set with probability 2^-`log_p`.
    #[inline]
    pub(super) fn flag(&mut self, log_p: u32) -> bool {
        let split = self.range >> log_p;
        let set = self.value < split;
        if set {
            self.range = split;
        } else {
            self.value -= split;
            self.range -= split;
        }
        self.normalize();
        set
    }

    /// A symbol by its inverse cumulative distribution, of total 2^`log_total` and ending in 0.
    #[inline]
    pub(super) fn icdf(&mut self, table: &[u8], log_total: u32) -> usize {
        let scale = self.range >> log_total;
        let mut above = self.range;
        let mut symbol = 0;
        for (index, &entry) in table.iter().enumerate() {
            let below = scale * u32::from(entry);
            symbol = index;
            if self.value >= below {
                self.value -= below;
                self.range = above - below;
                break;
            }
            above = below;
        }
        self.normalize();
        symbol
    }

    /// One of `total` equally likely values (§4.1.5).
    #[inline]
    pub(super) fn uniform(&mut self, total: u32) -> u32 {
        let most = total - 1;
        let n_bits = 32 - most.leading_zeros();
        if n_bits <= 8 {
            return self.symbol(total, |at| (at, at, at + 1));
        }
        let n_raw = n_bits - 8;
        let high = self.symbol((most >> n_raw) + 1, |at| (at, at, at + 1));
        // A damaged frame may go past the end of the range.
        ((high << n_raw) | self.raw(n_raw)).min(most)
    }

    /// Bits from the end of the frame, least significant first (§4.1.4); at most 25.
    #[inline]
    pub(super) fn raw(&mut self, n_bits: u32) -> u32 {
        while self.n_window < n_bits {
            let byte = self.back_byte();
            self.window |= byte << self.n_window;
            self.n_window += 8;
        }
        let value = self.window & ((1 << n_bits) - 1);
        self.window >>= n_bits;
        self.n_window -= n_bits;
        self.n_bits += n_bits as i32;
        value
    }

    /// A value with a two-sided geometric distribution: `first` of 32768 for 0 (§4.3.2.1).
    pub(super) fn laplace(&mut self, first: u32, decay: u32) -> i32 {
        self.symbol(1 << 15, |at| {
            if at < first {
                return (0, 0, first);
            }
            let mut magnitude = 1;
            let mut low = first;
            let mut width = (((32768 - 32 - first) * (16384 - decay)) >> 15) + 1;
            while width > 1 && at >= low + 2 * width {
                low += 2 * width;
                width = (((2 * width - 2) * decay) >> 15) + 1;
                magnitude += 1;
            }
            if width <= 1 {
                let further = (at - low) >> 1;
                magnitude += further as i32;
                low += 2 * further;
            }
            if at < low + width {
                (-magnitude, low, (low + width).min(32768))
            } else {
                (magnitude, low + width, (low + 2 * width).min(32768))
            }
        })
    }
}
