//! The inverse modified cosine transform, as a cosine transform of type IV: that of Opus (RFC 6716
//! §4.3.7) and of AAC (ISO/IEC 14496-3 §4.6.11.3.1).
#![expect(
    clippy::inline_always,
    reason = "what is generic over the kernel must be compiled into the function that is allowed its instructions"
)]

mod fft;
mod kilo;

use std::f64::consts::{PI, TAU};
use std::sync::LazyLock;

use self::fft::{Complex, Row, Rows, Twiddles};
use super::lanes::Lanes;

/// Most bins of a short block.
const MAX_SHORT: usize = 128;

/// What transforms of one size share.
struct Plan {
    n_bins: usize,
    twiddles: Twiddles,
    /// Cosines and sines of π (n + 1/8) / `n_bins`.
    rotation: Vec<[f32; 2]>,
    /// Of 2π c k / (`n_bins` / 2), in lane c of row k.
    columns: Vec<[Row; 2]>,
}

impl Plan {
    fn new(n_bins: usize, n_points: usize) -> Self {
        let rotation = (0..n_bins / 2).map(|n| {
            let angle = PI * (n as f64 + 0.125) / n_bins as f64;
            [angle.cos() as f32, angle.sin() as f32]
        });
        let columns = (0..n_points).map(|k| {
            let angle = |c: usize| TAU * (c * k) as f64 / (n_bins / 2) as f64;
            [
                std::array::from_fn(|c| angle(c).cos() as f32),
                std::array::from_fn(|c| angle(c).sin() as f32),
            ]
        });
        Self {
            n_bins,
            twiddles: Twiddles::new(n_points),
            rotation: rotation.collect(),
            columns: columns.collect(),
        }
    }
}

/// For 240, 480 and 960 bins: eight columns each.
static LONG: LazyLock<[Plan; 3]> =
    LazyLock::new(|| [240, 480, 960].map(|n_bins| Plan::new(n_bins, n_bins / 16)));
/// For up to eight blocks of 120 or 128 bins side by side.
static BLOCKS: LazyLock<[Plan; 2]> =
    LazyLock::new(|| [120, 128].map(|n_bins| Plan::new(n_bins, n_bins / 2)));

/// Room for a transform.
pub(super) struct Scratch {
    rows: Rows,
    columns: [[[f32; 64]; 8]; 2],
    blocks: [Row; MAX_SHORT],
}

impl Scratch {
    pub(super) const fn new() -> Self {
        Self { rows: Rows::new(), columns: [[[0.0; 64]; 8]; 2], blocks: [[0.0; 8]; MAX_SHORT] }
    }
}

/// −Σ X[k] cos(π/N (N − n − 1/2) (k + 1/2)) for n in 0..N: what lies between the middles of two
/// overlaps. N is 240, 480, 960 or 1024.
#[inline(always)]
pub(super) fn long<L: Lanes>(scratch: &mut Scratch, bins: &[f32], out: &mut [f32]) {
    if let (Ok(bins), Ok(out)) = (bins.try_into(), (&mut *out).try_into()) {
        return kilo::transform::<L>(scratch, bins, out);
    }
    let plan = &LONG[(bins.len() / 240).ilog2() as usize];
    let n_bins = plan.n_bins;
    let n_rows = n_bins / 16;
    let Scratch { rows, columns, .. } = scratch;
    for (n, &[cosine, sine]) in plan.rotation.iter().enumerate() {
        let (a, b) = (bins[2 * n], bins[n_bins - 1 - 2 * n]);
        rows.re[n / 8][n % 8] = a * cosine + b * sine;
        rows.im[n / 8][n % 8] = b * cosine - a * sine;
    }
    fft::transform::<L>(&plan.twiddles, rows);
    for (k, [cosines, sines]) in plan.columns.iter().enumerate() {
        let point = Complex { re: L::load(&rows.re[k]), im: L::load(&rows.im[k]) };
        rows.set(k, point.rotated(L::load(cosines), L::load(sines)));
    }
    for (columns, rows) in columns.iter_mut().zip([&rows.re, &rows.im]) {
        for (lane, column) in columns.iter_mut().enumerate() {
            for (value, row) in column.iter_mut().zip(&rows[..n_rows]) {
                *value = row[lane];
            }
        }
    }
    join_columns::<L>(columns, n_rows);
    let [re, im] = columns;
    for (part, (re, im)) in re.iter().zip(im.iter()).enumerate() {
        let first = part * n_rows;
        let rotation = &plan.rotation[first..first + n_rows];
        for (k, (&[cosine, sine], (re, im))) in rotation.iter().zip(re.iter().zip(im)).enumerate() {
            let at = 2 * (first + k);
            out[at] = im * cosine - re * sine;
            out[n_bins - 1 - at] = -(re * cosine + im * sine);
        }
    }
}

/// Transforms of eight points across the columns.
#[inline(always)]
fn join_columns<L: Lanes>(columns: &mut [[[f32; 64]; 8]; 2], n_rows: usize) {
    let [re, im] = columns;
    for chunk in 0..n_rows.div_ceil(8) {
        let mut points = [Complex { re: L::splat(0.0), im: L::splat(0.0) }; 8];
        for ((point, re), im) in points.iter_mut().zip(re.iter()).zip(im.iter()) {
            point.re = L::load(&re.as_chunks().0[chunk]);
            point.im = L::load(&im.as_chunks().0[chunk]);
        }
        for (part, point) in fft::eight(points).iter().enumerate() {
            point.re.store(&mut re[part].as_chunks_mut().0[chunk]);
            point.im.store(&mut im[part].as_chunks_mut().0[chunk]);
        }
    }
}

/// The same for each of `n_blocks` blocks of 120 or 128 bins, which alternate; the results come in a
/// row.
#[inline(always)]
pub(super) fn short<L: Lanes>(
    scratch: &mut Scratch,
    bins: &[f32],
    n_blocks: usize,
    out: &mut [f32],
) {
    let n_bins = bins.len() / n_blocks;
    let plan = &BLOCKS[usize::from(n_bins == 128)];
    let Scratch { rows, blocks, .. } = scratch;
    for (n, &[cosine, sine]) in plan.rotation.iter().enumerate() {
        let re = L::load(&row(bins, n_blocks, 2 * n));
        let im = L::load(&row(bins, n_blocks, n_bins - 1 - 2 * n));
        let point = Complex { re, im };
        rows.set(n, point.rotated(L::splat(cosine), L::splat(sine)));
    }
    fft::transform::<L>(&plan.twiddles, rows);
    for (k, &[cosine, sine]) in plan.rotation.iter().enumerate() {
        let point = Complex { re: L::load(&rows.re[k]), im: L::load(&rows.im[k]) };
        let point = point.rotated(L::splat(cosine), L::splat(sine));
        point.im.store(&mut blocks[2 * k]);
        L::splat(0.0).sub(point.re).store(&mut blocks[n_bins - 1 - 2 * k]);
    }
    for (block, out) in out.chunks_exact_mut(n_bins).take(n_blocks).enumerate() {
        for (to, row) in out.iter_mut().zip(blocks.iter()) {
            *to = row[block];
        }
    }
}

/// The same bin of each block.
#[inline(always)]
fn row(bins: &[f32], n_blocks: usize, at: usize) -> Row {
    let mut row = [0.0; 8];
    row[..n_blocks].copy_from_slice(&bins[at * n_blocks..(at + 1) * n_blocks]);
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::lanes::Portable;

    fn formula(bins: &[f32]) -> Vec<f32> {
        let n_bins = bins.len();
        let at = |n: usize| {
            let time = (n_bins - n) as f64 - 0.5;
            let term = |(k, &bin): (usize, &f32)| {
                f64::from(bin) * (PI / n_bins as f64 * time * (k as f64 + 0.5)).cos()
            };
            -bins.iter().enumerate().map(term).sum::<f64>() as f32
        };
        (0..n_bins).map(at).collect()
    }

    fn noise(n: usize) -> Vec<f32> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    fn assert_close(got: &[f32], wanted: &[f32]) {
        let error = got.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(error < 2e-5 * (wanted.len() as f32).sqrt(), "{error}");
    }

    #[test]
    fn long_transforms_follow_the_formula() {
        for n_bins in [240, 480, 960, 1024] {
            let bins = noise(n_bins);
            let mut out = vec![0.0; n_bins];
            long::<Portable>(&mut Scratch::new(), &bins, &mut out);
            assert_close(&out, &formula(&bins));
        }
    }

    #[test]
    fn short_transforms_follow_the_formula() {
        for (n_bins, n_blocks) in [(120, 1), (120, 2), (120, 4), (120, 8), (128, 8)] {
            let bins = noise(n_bins * n_blocks);
            let mut out = vec![0.0; n_bins * n_blocks];
            short::<Portable>(&mut Scratch::new(), &bins, n_blocks, &mut out);
            for block in 0..n_blocks {
                let own: Vec<f32> = bins[block..].iter().copied().step_by(n_blocks).collect();
                assert_close(&out[block * n_bins..][..n_bins], &formula(&own));
            }
        }
    }
}
