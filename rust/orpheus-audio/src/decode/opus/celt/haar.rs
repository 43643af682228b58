//! Changes of the resolution in time and frequency (RFC 6716 §4.3.4.5).

use super::pvq::MAX_BINS;

/// Order of Hadamard coefficients by frequency, for 2, 4, 8 and 16 blocks.
static BY_FREQUENCY: [&[usize]; 4] = [
    &[1, 0],
    &[3, 0, 2, 1],
    &[7, 0, 4, 3, 6, 1, 5, 2],
    &[15, 0, 8, 7, 12, 3, 11, 4, 14, 1, 9, 6, 13, 2, 10, 5],
];

/// Haar transform of the bins `stride` apart.
#[inline]
fn haar(bins: &mut [f32], stride: usize) {
    const HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
    for pair in bins.chunks_exact_mut(2 * stride) {
        let (a, b) = pair.split_at_mut(stride);
        for (a, b) in a.iter_mut().zip(b) {
            (*a, *b) = (HALF * *a + HALF * *b, HALF * *a - HALF * *b);
        }
    }
}

/// Where block `block` of `n_blocks` is stored.
#[inline]
fn place(block: usize, n_blocks: usize, by_frequency: bool) -> usize {
    if by_frequency {
        let order = BY_FREQUENCY.get(n_blocks.trailing_zeros() as usize - 1);
        order.map_or(block, |order| order[block])
    } else {
        block
    }
}

/// Bins of alternating blocks → block after block.
fn deinterleave(bins: &mut [f32], n_blocks: usize, by_frequency: bool) {
    let length = bins.len() / n_blocks;
    let mut from = [0.0; MAX_BINS];
    let from = &mut from[..bins.len()];
    from.copy_from_slice(bins);
    for block in 0..n_blocks {
        let at = place(block, n_blocks, by_frequency) * length;
        for (to, &bin) in
            bins[at..at + length].iter_mut().zip(from[block..].iter().step_by(n_blocks))
        {
            *to = bin;
        }
    }
}

/// Undoes [`deinterleave`].
fn interleave(bins: &mut [f32], n_blocks: usize, by_frequency: bool) {
    let length = bins.len() / n_blocks;
    let mut from = [0.0; MAX_BINS];
    let from = &mut from[..bins.len()];
    from.copy_from_slice(bins);
    for block in 0..n_blocks {
        let at = place(block, n_blocks, by_frequency) * length;
        for (to, &bin) in bins[block..].iter_mut().step_by(n_blocks).zip(&from[at..at + length]) {
            *to = bin;
        }
    }
}

/// In which blocks a band is coded.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "all are counts")]
pub(super) struct Resolution {
    /// Times that neighbouring blocks are joined, or blocks divided.
    n_joined: usize,
    n_divided: usize,
    n_blocks_before: usize,
    pub(super) n_blocks: usize,
}

impl Resolution {
    pub(super) fn of(n_bins: usize, n_blocks_before: usize, tf_change: i32) -> Self {
        let n_joined = tf_change.max(0) as usize;
        let mut n_blocks = n_blocks_before >> n_joined;
        let mut length = (n_bins / n_blocks_before) << n_joined;
        let mut n_divided = 0;
        while length & 1 == 0 && n_divided < (-tf_change).max(0) as usize {
            n_blocks <<= 1;
            length >>= 1;
            n_divided += 1;
        }
        Self { n_joined, n_divided, n_blocks_before, n_blocks }
    }

    /// Interleaved blocks as the bins see them.
    fn n_interleaved(&self) -> usize {
        self.n_blocks << self.n_joined
    }

    pub(super) fn enter(&self, lowband: &mut Option<&mut [f32]>, mut fill: u32) -> u32 {
        const JOINED: [u8; 16] = [0, 1, 1, 1, 2, 3, 3, 3, 2, 3, 3, 3, 2, 3, 3, 3];
        let joined = |fill: u32| u32::from(JOINED[(fill & 15) as usize]);
        for join in 0..self.n_joined {
            if let Some(lowband) = lowband {
                haar(lowband, 1 << join);
            }
            fill = joined(fill) | joined(fill >> 4) << 2;
        }
        let mut n_blocks = self.n_blocks_before >> self.n_joined;
        for _ in 0..self.n_divided {
            if let Some(lowband) = lowband {
                haar(lowband, n_blocks);
            }
            fill |= fill << n_blocks;
            n_blocks <<= 1;
        }
        if let Some(lowband) = lowband.as_mut().filter(|_| self.n_blocks > 1) {
            deinterleave(lowband, self.n_interleaved(), self.n_blocks_before == 1);
        }
        fill
    }

    pub(super) fn leave(&self, shape: &mut [f32], mut hit: u32) -> u32 {
        if self.n_blocks > 1 {
            interleave(shape, self.n_interleaved(), self.n_blocks_before == 1);
        }
        let mut n_blocks = self.n_blocks;
        for _ in 0..self.n_divided {
            n_blocks >>= 1;
            hit |= hit >> n_blocks;
            haar(shape, n_blocks);
        }
        for join in 0..self.n_joined {
            // Every bit twice.
            hit = (0..4).map(|bit| ((hit >> bit) & 1) * (3 << (2 * bit))).sum();
            haar(shape, 1 << join);
        }
        hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaving_undoes_deinterleaving() {
        for n_blocks in [2, 4, 8, 16] {
            for by_frequency in [false, true] {
                let original: Vec<f32> = (0..n_blocks * 5).map(|i| i as f32).collect();
                let mut bins = original.clone();
                deinterleave(&mut bins, n_blocks, by_frequency);
                assert_ne!(bins, original);
                interleave(&mut bins, n_blocks, by_frequency);
                assert_eq!(bins, original);
            }
        }
    }

    #[test]
    fn the_haar_transform_is_its_own_inverse() {
        let original: Vec<f32> = (0..24).map(|i| (i * i % 7) as f32).collect();
        for stride in [1, 2, 4] {
            let mut bins = original.clone();
            haar(&mut bins, stride);
            haar(&mut bins, stride);
            let error = bins.iter().zip(&original).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(error < 1e-5);
        }
    }
}
