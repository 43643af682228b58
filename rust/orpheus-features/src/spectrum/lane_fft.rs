//! Windowing and transforming the frames of a tile, all lanes at once.

use super::butterfly::Complex;
use super::fft::{Bins, Packed, RealFft};
use super::framing::Framing;
use super::simd::{Real, Simd};

/// A transform, its window, and where a tile holds each sample.
#[derive(Debug)]
pub(crate) struct LaneFft<R> {
    fft: RealFft<R>,
    /// Column by column of the matrix.
    taps: Vec<Tap<R>>,
    n_rows: usize,
}

/// An even sample and the odd one after it.
///
/// With the emphasis e, what is transformed is w[n] x[n] - e w[n-1] x[n-1]. That is computed as
/// w[n] (x[n] - e x[n-1]) + e (w[n] - w[n-1]) x[n-1], without the difference of two large products.
#[derive(Clone, Copy, Debug)]
struct Tap<R> {
    /// Places of the sample before, the even one and the odd one.
    places: [u32; 3],
    /// Half the window at both.
    window: [R; 2],
    /// The emphasis times the window's rise up to each.
    rise: [R; 2],
}

impl<R: Real> LaneFft<R> {
    /// `window` holds a value for each sample of a frame.
    pub(crate) fn new(fft: RealFft<R>, framing: Framing, window: &[f64], n_lanes: usize) -> Self {
        let [n_rows, n_columns] = fft.shape();
        let n_fft = 2 * n_rows * n_columns;
        let half = |n: usize| 0.5 * window.get(n).copied().unwrap_or(0.0);
        let rise = |n: usize| R::EMPHASIS * (half(n) - half((n + n_fft - 1) % n_fft));
        // Samples after the frame are multiplied by zero: any will do.
        let place = |n: usize| {
            let n = n % n_fft;
            if n < window.len() { framing.place(n, n_lanes) as u32 } else { 0 }
        };
        let tap = |at: usize| {
            let even = 2 * (n_columns * (at % n_rows) + at / n_rows);
            Tap {
                places: [place(even + n_fft - 1), place(even), place(even + 1)],
                window: [half(even), half(even + 1)].map(R::from_f64),
                rise: [rise(even), rise(even + 1)].map(R::from_f64),
            }
        };
        let taps = (0..n_rows * n_columns).map(tap).collect();
        Self { fft, taps, n_rows }
    }

    /// Values of scratch that [`Self::run`] needs, for vectors of `n_lanes`.
    pub(crate) fn scratch_length(&self, n_lanes: usize) -> usize {
        self.fft.scratch_length(n_lanes)
    }

    /// Transforms the frames of a tile, with [`Real::EMPHASIS`] or without.
    #[inline(always)]
    pub(crate) fn run<S: Simd<Real = R>>(
        &self,
        simd: S,
        (tile, is_emphasised): (&[R], bool),
        scratch: &mut [R],
        bins: Bins<'_, S::V>,
    ) {
        let frames = Tapped { taps: &self.taps, n_rows: self.n_rows, tile, is_emphasised };
        self.fft.run(simd, &frames, scratch, bins);
    }
}

/// Frames of a tile, windowed as they are read.
struct Tapped<'a, R> {
    taps: &'a [Tap<R>],
    n_rows: usize,
    tile: &'a [R],
    is_emphasised: bool,
}

impl<S: Simd> Packed<S> for Tapped<'_, S::Real> {
    #[inline(always)]
    fn is_emphasised(&self) -> bool {
        S::Real::EMPHASIS > 0.0 && self.is_emphasised
    }

    #[inline(always)]
    fn value(&self, simd: S, column: usize, row: usize) -> Complex<S::V> {
        let tap = &self.taps[column * self.n_rows + row];
        let x1 = simd.load(&self.tile[tap.places[1] as usize..]);
        let x2 = simd.load(&self.tile[tap.places[2] as usize..]);
        let window = [simd.splat(tap.window[0]), simd.splat(tap.window[1])];
        if S::Real::EMPHASIS > 0.0 && self.is_emphasised {
            let x0 = simd.load(&self.tile[tap.places[0] as usize..]);
            let emphasis = simd.constant(S::Real::EMPHASIS);
            let even = simd.mul(window[0], simd.neg_mul_add(emphasis, x0, x1));
            let odd = simd.mul(window[1], simd.neg_mul_add(emphasis, x1, x2));
            [
                simd.mul_add(simd.splat(tap.rise[0]), x0, even),
                simd.mul_add(simd.splat(tap.rise[1]), x1, odd),
            ]
        } else {
            [simd.mul(window[0], x1), simd.mul(window[1], x2)]
        }
    }
}
