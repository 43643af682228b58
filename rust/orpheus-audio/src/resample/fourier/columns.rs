//! Fourier transforms down the columns of a block, every lane its own column.

use super::butterfly::{Complex, transform};
use crate::resample::simd::{Real, Simd};

/// The passes of one transform.
#[derive(Debug)]
pub(in crate::resample) struct Columns<R> {
    passes: Vec<Pass<R>>,
}

#[derive(Debug)]
struct Pass<R> {
    radix: usize,
    /// Rows between the values of one butterfly.
    stride: usize,
    /// For each place within the stride, the turns of all outputs but the first.
    turns: Vec<[R; 2]>,
}

impl<R: Real> Columns<R> {
    /// For `n_rows`, the product of the radices, each one of 2, 3, 4, 5, 7 and 8.
    pub(in crate::resample) fn new(radices: &[usize], n_rows: usize) -> Self {
        let mut block = n_rows;
        let passes = radices.iter().map(|&radix| {
            let stride = block / radix;
            let turn = |place: usize, output: usize| turn(place * output, block);
            let turns = (0..stride).flat_map(|place| (1..radix).map(move |s| turn(place, s)));
            let pass = Pass { radix, stride, turns: turns.collect() };
            block = stride;
            pass
        });
        Self { passes: passes.collect() }
    }

    /// Natural order in, digit-reversed order out.
    #[inline(always)]
    pub(in crate::resample) fn forward<S: Simd<Real = R>>(
        &self,
        simd: S,
        re: &mut [S::V],
        im: &mut [S::V],
    ) {
        for pass in &self.passes {
            match pass.radix {
                2 => pass.run::<S, 2, true>(simd, re, im),
                3 => pass.run::<S, 3, true>(simd, re, im),
                4 => pass.run::<S, 4, true>(simd, re, im),
                5 => pass.run::<S, 5, true>(simd, re, im),
                7 => pass.run::<S, 7, true>(simd, re, im),
                _ => pass.run::<S, 8, true>(simd, re, im),
            }
        }
    }

    /// Digit-reversed order in, natural order out, real and imaginary parts exchanged on both sides.
    /// Not scaled.
    #[inline(always)]
    pub(in crate::resample) fn inverse<S: Simd<Real = R>>(
        &self,
        simd: S,
        re: &mut [S::V],
        im: &mut [S::V],
    ) {
        for pass in self.passes.iter().rev() {
            match pass.radix {
                2 => pass.run::<S, 2, false>(simd, re, im),
                3 => pass.run::<S, 3, false>(simd, re, im),
                4 => pass.run::<S, 4, false>(simd, re, im),
                5 => pass.run::<S, 5, false>(simd, re, im),
                7 => pass.run::<S, 7, false>(simd, re, im),
                _ => pass.run::<S, 8, false>(simd, re, im),
            }
        }
    }
}

/// `exp(−2πi·step/n)`
pub(in crate::resample) fn turn<R: Real>(step: usize, n: usize) -> [R; 2] {
    let angle = std::f64::consts::TAU * (step % n) as f64 / n as f64;
    [R::from_f64(angle.cos()), R::from_f64(-angle.sin())]
}

impl<R: Real> Pass<R> {
    /// Butterflies over all blocks; turned on the way out if `FORWARD`, else on the way in.
    #[inline(always)]
    fn run<S: Simd<Real = R>, const RADIX: usize, const FORWARD: bool>(
        &self,
        simd: S,
        re: &mut [S::V],
        im: &mut [S::V],
    ) {
        if self.stride == 1 {
            return run_adjacent::<S, RADIX>(simd, re, im);
        }
        let zero = simd.splat(R::default());
        let mut z = [Complex { re: zero, im: zero }; RADIX];
        let block = RADIX * self.stride;
        for (re, im) in re.chunks_exact_mut(block).zip(im.chunks_exact_mut(block)) {
            let [re, im] = [parts::<_, RADIX>(re), parts::<_, RADIX>(im)];
            let turns = self.turns.chunks_exact(RADIX - 1);
            for (place, turns) in (0..self.stride).zip(turns) {
                for q in 0..RADIX {
                    z[q] = Complex { re: re[q][place], im: im[q][place] };
                }
                if FORWARD {
                    transform(simd, &mut z);
                }
                for q in 1..RADIX {
                    let [re, im] = turns[q - 1];
                    z[q] = z[q].mul(simd, Complex::splat(simd, re, im));
                }
                if !FORWARD {
                    transform(simd, &mut z);
                }
                for q in 0..RADIX {
                    (re[q][place], im[q][place]) = (z[q].re, z[q].im);
                }
            }
        }
    }
}

/// Butterflies over values that stand side by side: none of them is turned.
#[inline(always)]
fn run_adjacent<S: Simd, const RADIX: usize>(simd: S, re: &mut [S::V], im: &mut [S::V]) {
    let zero = simd.splat(S::Real::default());
    let mut z = [Complex { re: zero, im: zero }; RADIX];
    let blocks = re.as_chunks_mut::<RADIX>().0.iter_mut();
    for (re, im) in blocks.zip(im.as_chunks_mut::<RADIX>().0) {
        for q in 0..RADIX {
            z[q] = Complex { re: re[q], im: im[q] };
        }
        transform(simd, &mut z);
        for q in 0..RADIX {
            (re[q], im[q]) = (z[q].re, z[q].im);
        }
    }
}

/// `block` in `N` parts of equal length.
#[inline(always)]
fn parts<V, const N: usize>(mut block: &mut [V]) -> [&mut [V]; N] {
    let length = block.len() / N;
    std::array::from_fn(|_| {
        let (part, rest) = std::mem::take(&mut block).split_at_mut(length);
        block = rest;
        part
    })
}
