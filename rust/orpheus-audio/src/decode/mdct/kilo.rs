//! The transform of 1024 bins: 512 complex points in eight columns of 64, all of whose steps are wide.

use std::f64::consts::{PI, TAU};
use std::sync::LazyLock;

use super::Scratch;
use super::fft::{self, Complex, Row, Twiddles};
use crate::decode::lanes::Lanes;

const N_BINS: usize = 1024;
const N_POINTS: usize = N_BINS / 2;
const N_ROWS: usize = N_POINTS / 8;

struct Plan {
    twiddles: Twiddles,
    /// Cosines and sines of π (n + 1/8) / 1024, eight by eight.
    rotation: Vec<[Row; 2]>,
    /// Of 2π c k / 512, in lane c of row k.
    columns: Vec<[Row; 2]>,
}

static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let rows = |angle: &dyn Fn(usize, usize) -> f64| -> Vec<[Row; 2]> {
        let cosines = |row| std::array::from_fn(|lane| angle(row, lane).cos() as f32);
        let sines = |row| std::array::from_fn(|lane| angle(row, lane).sin() as f32);
        (0..N_ROWS).map(|row| [cosines(row), sines(row)]).collect()
    };
    Plan {
        twiddles: Twiddles::new(N_ROWS),
        rotation: rows(&|row, lane| PI * ((8 * row + lane) as f64 + 0.125) / N_BINS as f64),
        columns: rows(&|row, lane| TAU * (lane * row) as f64 / N_POINTS as f64),
    }
});

/// [`super::long`] of 1024 bins.
#[inline(always)]
pub(super) fn transform<L: Lanes>(
    scratch: &mut Scratch,
    bins: &[f32; N_BINS],
    out: &mut [f32; N_BINS],
) {
    let plan = &*PLAN;
    let rows = &mut scratch.rows;
    let blocks = bins.as_chunks::<8>().0;
    for (row, [cosines, sines]) in plan.rotation.iter().enumerate() {
        let mirrored = N_ROWS - 1 - row;
        let [re, _] = pair::<L>(blocks, row);
        let [_, im] = pair::<L>(blocks, mirrored);
        let point = Complex { re, im: im.reversed() };
        rows.set(row, point.rotated(L::load(cosines), L::load(sines)));
    }
    fft::transform::<L>(&plan.twiddles, rows);
    let [re, im] = &mut scratch.columns;
    for chunk in 0..N_ROWS / 8 {
        let mut points = [Complex { re: L::splat(0.0), im: L::splat(0.0) }; 8];
        for (at, point) in points.iter_mut().enumerate() {
            let k = 8 * chunk + at;
            let [cosines, sines] = &plan.columns[k];
            let row = Complex { re: L::load(&rows.re[k]), im: L::load(&rows.im[k]) };
            *point = row.rotated(L::load(cosines), L::load(sines));
        }
        transpose(&mut points);
        for (part, point) in fft::eight(points).iter().enumerate() {
            point.re.store(&mut re[part].as_chunks_mut().0[chunk]);
            point.im.store(&mut im[part].as_chunks_mut().0[chunk]);
        }
    }
    let out = out.as_chunks_mut::<8>().0;
    for row in 0..N_ROWS / 2 {
        let mirrored = N_ROWS - 1 - row;
        let [first_even, first_odd] = rotated::<L>(plan, &scratch.columns, row);
        let [last_even, last_odd] = rotated::<L>(plan, &scratch.columns, mirrored);
        store(first_even.interleaved(last_odd.reversed()), out, row);
        store(last_even.interleaved(first_odd.reversed()), out, mirrored);
    }
}

#[inline(always)]
fn transpose<L: Lanes>(points: &mut [Complex<L>; 8]) {
    let [a, b, c, d, e, f, g, h] = *points;
    let re = L::transposed([a.re, b.re, c.re, d.re, e.re, f.re, g.re, h.re]);
    let im = L::transposed([a.im, b.im, c.im, d.im, e.im, f.im, g.im, h.im]);
    for lane in 0..8 {
        points[lane] = Complex { re: re[lane], im: im[lane] };
    }
}

/// Sixteen values: those with even numbers and those with odd ones.
#[inline(always)]
fn pair<L: Lanes>(blocks: &[Row], row: usize) -> [L; 2] {
    L::load(&blocks[2 * row]).deinterleaved(L::load(&blocks[2 * row + 1]))
}

#[inline(always)]
fn store<L: Lanes>(pair: [L; 2], out: &mut [Row], row: usize) {
    pair[0].store(&mut out[2 * row]);
    pair[1].store(&mut out[2 * row + 1]);
}

/// The results of eight points: those that go up from the start, and those that go down from the end.
#[inline(always)]
fn rotated<L: Lanes>(plan: &Plan, columns: &[[[f32; 64]; 8]; 2], row: usize) -> [L; 2] {
    let re = L::load(&columns[0][row / 8].as_chunks().0[row % 8]);
    let im = L::load(&columns[1][row / 8].as_chunks().0[row % 8]);
    let [cosines, sines] = &plan.rotation[row];
    let (cosines, sines) = (L::load(cosines), L::load(sines));
    let up = re.neg_mul_add(sines, im.mul(cosines));
    let down = L::splat(0.0).sub(im.mul_add(sines, re.mul(cosines)));
    [up, down]
}
