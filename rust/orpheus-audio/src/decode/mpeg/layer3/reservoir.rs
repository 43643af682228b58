//! Main data of this frame and of the last ones, which it may refer back to.

/// Bytes that a frame can refer back to (`main_data_begin` has nine bits).
const MAX_BACK: usize = 511;
/// The largest frame of free format that is read has 4097 bytes, any other 1441; a code word may be
/// looked for in eight bytes behind it.
const MAIN_BYTES: usize = MAX_BACK + 4097 + 8;

pub(super) struct Reservoir {
    bytes: [u8; MAIN_BYTES],
    len: usize,
}

impl Reservoir {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; MAIN_BYTES], len: 0 }
    }

    /// Takes a frame's main data in; returns the number of their first bit.
    pub(super) fn push(&mut self, main: &[u8]) -> usize {
        let kept = self.len.min(MAX_BACK);
        self.bytes.copy_within(self.len - kept..self.len, 0);
        let n = main.len().min(MAIN_BYTES - MAX_BACK - 8);
        self.bytes[kept..kept + n].copy_from_slice(&main[..n]);
        self.len = kept + n;
        self.bytes[self.len..self.len + 8].fill(0);
        8 * kept
    }

    pub(super) fn n_bits(&self) -> usize {
        8 * self.len
    }

    /// The data, and at least eight bytes behind them.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_frame_can_refer_back_to_stands_before_it() {
        let mut reservoir = Reservoir::new();
        let all: Vec<u8> = (0..20_000_u32).map(|i| ((i * 31) >> 3) as u8).collect();
        let mut at = 0;
        for n in [0, 13, 1441, 0, 7, 400, 400, 1441, 1000, 1, 4097, 1, 900] {
            let start = reservoir.push(&all[at..at + n]) / 8;
            assert!(start == at.min(MAX_BACK) || n == 0 || start == MAX_BACK, "{n}");
            at += n;
            let len = reservoir.n_bits() / 8;
            assert_eq!(reservoir.bytes()[..len], all[at - len..at]);
            assert_eq!(reservoir.bytes()[len..len + 8], [0; 8]);
        }
    }
}
