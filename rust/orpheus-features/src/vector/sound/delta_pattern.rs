//! How levels rise: the delta spectral pattern of block-level features (Seyerlehner, Widmer and Pohle
//! 2010: Fusing block-level features for music similarity estimation), summarised over the blocks by
//! means and deviations.

use super::statistics::Columns;
use super::table::Table;
use crate::spectrum::simd::{Kernel, Simd};

/// Bands of a pattern.
const N_BANDS: usize = 40;
/// Values per frame in memory: a multiple of every vector's length.
const WIDTH: usize = 48;
/// Frames of a block, and from one block to the next.
const BLOCK: usize = 25;
const HOP: usize = 12;
/// Frames between which a rise is measured.
const LAG: usize = 3;
/// Each band of a block is sorted and averaged to this many levels.
const N_LEVELS: usize = 5;
/// The lowest level hardly differs from zero: it is left out.
const FIRST_MEAN: usize = 1;
/// Levels whose deviation from block to block is described.
const DEVIATING: [usize; 2] = [2, 4];

/// Columns of [`describe`].
pub(super) const N_DELTA: usize = (N_LEVELS - FIRST_MEAN + DEVIATING.len()) * N_BANDS;

/// Pairs to compare, in order, that sort [`BLOCK`] values (Batcher's merge exchange, Knuth vol. 3,
/// algorithm 5.2.2M).
pub(super) fn sorting_network() -> Vec<[u8; 2]> {
    let mut pairs = Vec::new();
    let top = BLOCK.next_power_of_two() / 2;
    let mut p = top;
    while p > 0 {
        let (mut q, mut r, mut d) = (top, 0, p);
        loop {
            pairs.extend((0..BLOCK - d).filter(|i| i & p == r).map(|i| [i as u8, (i + d) as u8]));
            if q == p {
                break;
            }
            (d, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
    pairs
}

/// Sums over the blocks.
#[derive(Debug)]
struct Sums {
    levels: [[f32; WIDTH]; N_LEVELS],
    squares: [[f32; WIDTH]; N_LEVELS],
    n_blocks: usize,
}

/// Mean of each level of each band, and log deviation of two of them. `levels` holds 80 bands, of
/// which neighbours are averaged; `deltas` is memory.
#[inline(always)]
pub(super) fn describe<S: Simd<Real = f32>>(
    simd: S,
    levels: &Table,
    network: &[[u8; 2]],
    deltas: &mut Vec<f32>,
    columns: &mut Columns<'_>,
) {
    rises(levels, deltas);
    let Sums { levels, squares, n_blocks } = Pattern { deltas, network }.run(simd);
    let scale = 1.0 / n_blocks as f32;
    for level in &levels[FIRST_MEAN..] {
        columns.extend(level[..N_BANDS].iter().map(|sum| scale * sum));
    }
    for level in DEVIATING {
        let moments = levels[level].iter().zip(&squares[level]).take(N_BANDS);
        columns.extend(moments.map(|(sum, squares)| {
            let mean = scale * sum;
            ((scale * squares - mean * mean).max(0.0).sqrt() + 0.3).ln()
        }));
    }
}

/// Rises over [`LAG`] frames, one frame after the other, at least [`BLOCK`] frames.
#[inline(always)]
fn rises(levels: &Table, deltas: &mut Vec<f32>) {
    let n_rises = levels.n_frames().saturating_sub(LAG).max(1);
    deltas.clear();
    deltas.resize(n_rises.max(BLOCK) * WIDTH, 0.0);
    for band in 0..N_BANDS {
        let (low, high) = (levels.row(2 * band), levels.row(2 * band + 1));
        let places = deltas.iter_mut().skip(band).step_by(WIDTH);
        let before = low.iter().zip(high);
        let after = low.iter().zip(high).skip(LAG);
        for ((place, before), after) in places.zip(before).zip(after) {
            *place = (0.5 * ((after.0 + after.1) - (before.0 + before.1))).max(0.0);
        }
    }
    for frame in n_rises..BLOCK {
        // A signal shorter than a block comes again.
        deltas.copy_within((frame - n_rises) * WIDTH..(frame - n_rises + 1) * WIDTH, frame * WIDTH);
    }
}

struct Pattern<'a> {
    deltas: &'a [f32],
    network: &'a [[u8; 2]],
}

impl Kernel<f32> for Pattern<'_> {
    type Output = Sums;

    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, simd: S) -> Sums {
        let zero = simd.splat(0.0);
        let n_frames = self.deltas.len() / WIDTH;
        let n_blocks = (n_frames - BLOCK) / HOP + 1;
        let mut result =
            Sums { levels: [[0.0; WIDTH]; N_LEVELS], squares: [[0.0; WIDTH]; N_LEVELS], n_blocks };
        for band in (0..WIDTH).step_by(S::LANES) {
            let (mut sums, mut squares) = ([zero; N_LEVELS], [zero; N_LEVELS]);
            for block in 0..n_blocks {
                let mut values = [zero; BLOCK];
                for (frame, value) in values.iter_mut().enumerate() {
                    *value = simd.load(&self.deltas[(block * HOP + frame) * WIDTH + band..]);
                }
                for [low, high] in self.network {
                    let (a, b) = (values[usize::from(*low)], values[usize::from(*high)]);
                    values[usize::from(*low)] = simd.min(a, b);
                    values[usize::from(*high)] = simd.max(a, b);
                }
                for (level, values) in
                    values.as_chunks::<{ BLOCK / N_LEVELS }>().0.iter().enumerate()
                {
                    let mut sum = values[0];
                    for value in &values[1..] {
                        sum = simd.add(sum, *value);
                    }
                    let mean = simd.mul(sum, simd.constant(N_LEVELS as f64 / BLOCK as f64));
                    sums[level] = simd.add(sums[level], mean);
                    squares[level] = simd.mul_add(mean, mean, squares[level]);
                }
            }
            for level in 0..N_LEVELS {
                simd.store(sums[level], &mut result.levels[level][band..]);
                simd.store(squares[level], &mut result.squares[level][band..]);
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, sorting_network};
    use crate::signals::Noise;

    #[test]
    fn the_network_sorts() {
        let network = sorting_network();
        for seed in 0..200 {
            let mut noise = Noise::new(seed);
            let mut values: Vec<f64> = (0..BLOCK).map(|_| (4.0 * noise.next()).round()).collect();
            let mut expected = values.clone();
            expected.sort_by(f64::total_cmp);
            for [low, high] in &network {
                let (low, high) = (usize::from(*low), usize::from(*high));
                if values[low] > values[high] {
                    values.swap(low, high);
                }
            }
            assert!(values.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 0.5));
        }
    }
}
