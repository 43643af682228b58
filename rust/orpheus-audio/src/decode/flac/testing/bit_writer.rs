//! Bits, most significant first.

#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    n_free: u32,
}

impl BitWriter {
    /// Writes the lowest `n` ≤ 64 bits.
    pub(super) fn put(&mut self, value: u64, n: u32) {
        for bit in (0..n).rev() {
            if self.n_free == 0 {
                self.bytes.push(0);
                self.n_free = 8;
            }
            self.n_free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << self.n_free;
            }
        }
    }

    pub(super) fn put_unary(&mut self, n_zeros: u64) {
        (0..n_zeros).for_each(|_| self.put(0, 1));
        self.put(1, 1);
    }

    /// A frame's number.
    pub(super) fn put_number(&mut self, number: u64) {
        if number < 0x80 {
            return self.put(number, 8);
        }
        let n_more = (2..7).find(|n| number >> (5 * n + 1) == 0).map_or(6, |n| n - 1);
        let first = (0xff00_u64 >> (n_more + 1)) & 0xff;
        self.put(first | number >> (6 * n_more), 8);
        for n in (0..n_more).rev() {
            self.put(0x80 | (number >> (6 * n) & 0x3f), 8);
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
