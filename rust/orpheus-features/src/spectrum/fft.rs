//! Power spectra of 2048 real samples, one frame per lane.
//!
//! The samples are packed as 1024 complex values (even ones real, odd ones imaginary), transformed as
//! 32 x 32, and unpacked. Both passes work on 32 values at a time, which fit the first-level cache
//! at any vector width; only the matrix between them does not.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

use super::simd::{Real, Simd};
use super::window::hann;

/// Samples per frame.
pub(crate) const N_FFT: usize = 2048;
/// Frequency bins per frame, both ends included.
pub(crate) const N_BINS: usize = N_FFT / 2 + 1;

/// Complex values per frame.
const HALF: usize = N_FFT / 2;
/// Rows and columns of the transform's matrix.
const SIDE: usize = 32;
/// Complex values between the rows of the matrix in memory. One more than needed: rows a power of
/// two apart would all fall into the same sets of the cache.
const ROW: usize = SIDE + 1;

/// A complex number per lane.
type Complex<V> = [V; 2];

/// What the transform multiplies by.
#[derive(Debug)]
pub(crate) struct PowerSpectrum<R> {
    /// Hann window, halved: unpacking sums what it should average.
    window: Vec<[R; 2]>,
    /// `exp(-2πi jq / 32)` at `4j + q`.
    inner: Vec<Complex<R>>,
    /// `exp(-2πi nk / 1024)` at `32n + k`.
    twiddles: Vec<Complex<R>>,
    /// `-i exp(-2πi k / 2048)`.
    unpack: Vec<Complex<R>>,
}

/// Where sample `i` of each frame in a block is found: frame `l` at `tile[(i % 512) * stride + i / 512 + l]`.
#[derive(Clone, Copy)]
pub(crate) struct Tile<'a, R> {
    /// The samples, interleaved.
    pub(crate) values: &'a [R],
    /// Values per row.
    pub(crate) stride: usize,
}

/// Values of scratch that [`PowerSpectrum::run`] needs, for vectors of `n_lanes`.
pub(crate) const fn scratch_length(n_lanes: usize) -> usize {
    2 * SIDE * ROW * n_lanes
}

/// `exp(-2πi numerator / denominator)`, in the precision of `R`.
fn root<R: Real>(numerator: usize, denominator: usize) -> Complex<R> {
    let angle = TAU * (numerator % denominator) as f64 / denominator as f64;
    [R::from_f64(angle.cos()), R::from_f64(-angle.sin())]
}

impl<R: Real> PowerSpectrum<R> {
    /// Computes the tables.
    pub(crate) fn new() -> Self {
        let window = hann(N_FFT, 0.5);
        let grid = |rows: usize, columns: usize| {
            (0..rows * columns).map(move |at| (at / columns) * (at % columns))
        };
        Self {
            window: window.chunks(2).map(|w| [R::from_f64(w[0]), R::from_f64(w[1])]).collect(),
            inner: grid(8, 4).map(|product| root(product, 32)).collect(),
            twiddles: grid(SIDE, SIDE).map(|product| root(product, HALF)).collect(),
            // Multiplying by -i is a quarter of a turn.
            unpack: (0..HALF).map(|k| root(k + N_FFT / 4, N_FFT)).collect(),
        }
    }

    /// Squared magnitudes of the windowed frames, one vector per bin.
    #[inline(always)]
    pub(crate) fn run<S: Simd<Real = R>>(
        &self,
        simd: S,
        tile: Tile<'_, R>,
        scratch: &mut [R],
        power: &mut [R],
    ) {
        let (matrix, _) = simd.lanes_mut(scratch).as_chunks_mut::<2>();
        let power = &mut simd.lanes_mut(power)[..N_BINS];
        for column in 0..SIDE {
            self.transform_column(simd, tile, column, matrix);
        }
        self.unpack_rows(simd, matrix, power);
    }

    /// First pass: values `column, column + 32, …` of the packed frame become column `column` of the
    /// matrix.
    #[inline(always)]
    fn transform_column<S: Simd<Real = R>>(
        &self,
        simd: S,
        tile: Tile<'_, R>,
        column: usize,
        matrix: &mut [Complex<S::V>],
    ) {
        let values = self.dft_32(simd, |j| {
            let row = 64 * j + 2 * column;
            let (even, odd) = tile.values[row * tile.stride..].split_at(tile.stride);
            std::array::from_fn(|q| {
                let [w_even, w_odd] = self.window[SIDE * (8 * q + j) + column];
                [
                    simd.mul(simd.splat(w_even), simd.load(&even[q..])),
                    simd.mul(simd.splat(w_odd), simd.load(&odd[q..])),
                ]
            })
        });
        let twiddles = &self.twiddles[SIDE * column..][..SIDE];
        for (k, (value, twiddle)) in values.into_iter().zip(twiddles).enumerate() {
            matrix[ROW * k + column] = multiply(simd, value, *twiddle);
        }
    }

    /// Second pass: the rows of the matrix become bins. Bin k needs its mirror 1024 - k, which is in
    /// the row mirrored about the middle.
    #[inline(always)]
    fn unpack_rows<S: Simd<Real = R>>(
        &self,
        simd: S,
        matrix: &[Complex<S::V>],
        power: &mut [S::V],
    ) {
        let transform = |row: usize| {
            let row: &[Complex<S::V>] = &matrix[ROW * row..][..SIDE];
            self.dft_32(simd, |j| std::array::from_fn(|q| row[8 * q + j]))
        };
        let first = transform(0);
        for k in 0..=SIDE / 2 {
            self.unpack(simd, SIDE * k, first[k], first[(SIDE - k) % SIDE], power);
        }
        let middle = transform(SIDE / 2);
        for k in 0..SIDE / 2 {
            self.unpack(simd, SIDE * k + SIDE / 2, middle[k], middle[SIDE - 1 - k], power);
        }
        for row in 1..SIDE / 2 {
            let (low, high) = (transform(row), transform(SIDE - row));
            for k in 0..SIDE {
                self.unpack(simd, SIDE * k + row, low[k], high[SIDE - 1 - k], power);
            }
        }
    }

    /// Bins `k` and `1024 - k` of the real frame, from those of the packed one.
    #[inline(always)]
    fn unpack<S: Simd<Real = R>>(
        &self,
        simd: S,
        k: usize,
        [a, b]: Complex<S::V>,
        [c, d]: Complex<S::V>,
        power: &mut [S::V],
    ) {
        let sum = [simd.add(a, c), simd.sub(b, d)];
        let turned = multiply(simd, [simd.sub(a, c), simd.add(b, d)], self.unpack[k]);
        power[k] = square(simd, add(simd, sum, turned));
        power[HALF - k] = square(simd, sub(simd, sum, turned));
    }

    /// Discrete Fourier transform of 32 values; `input(j)` gives values j, j + 8, j + 16 and j + 24.
    #[inline(always)]
    fn dft_32<S: Simd<Real = R>>(
        &self,
        simd: S,
        input: impl Fn(usize) -> [Complex<S::V>; 4],
    ) -> [Complex<S::V>; SIDE] {
        let zero = [simd.splat(R::default()); 2];
        let mut between = [[zero; 8]; 4];
        let (inner, _) = self.inner.as_chunks::<4>();
        for j in 0..8 {
            let [y0, y1, y2, y3] = dft_4(simd, input(j));
            between[0][j] = y0;
            between[1][j] = multiply(simd, y1, inner[j][1]);
            between[2][j] = multiply(simd, y2, inner[j][2]);
            between[3][j] = multiply(simd, y3, inner[j][3]);
        }
        let mut output = [zero; SIDE];
        for (q, values) in between.into_iter().enumerate() {
            for (k, value) in dft_8(simd, values).into_iter().enumerate() {
                output[q + 4 * k] = value;
            }
        }
        output
    }
}

#[inline(always)]
fn add<S: Simd>(simd: S, a: Complex<S::V>, b: Complex<S::V>) -> Complex<S::V> {
    [simd.add(a[0], b[0]), simd.add(a[1], b[1])]
}

#[inline(always)]
fn sub<S: Simd>(simd: S, a: Complex<S::V>, b: Complex<S::V>) -> Complex<S::V> {
    [simd.sub(a[0], b[0]), simd.sub(a[1], b[1])]
}

/// Every lane times the same complex number.
#[inline(always)]
fn multiply<S: Simd>(simd: S, [a, b]: Complex<S::V>, by: Complex<S::Real>) -> Complex<S::V> {
    let (c, d) = (simd.splat(by[0]), simd.splat(by[1]));
    [simd.neg_mul_add(b, d, simd.mul(a, c)), simd.mul_add(b, c, simd.mul(a, d))]
}

#[inline(always)]
fn square<S: Simd>(simd: S, [a, b]: Complex<S::V>) -> S::V {
    simd.mul_add(a, a, simd.mul(b, b))
}

/// Discrete Fourier transform of four values.
#[inline(always)]
fn dft_4<S: Simd>(simd: S, [a, b, c, d]: [Complex<S::V>; 4]) -> [Complex<S::V>; 4] {
    let (ac, ca) = (add(simd, a, c), sub(simd, a, c));
    let (bd, db) = (add(simd, b, d), sub(simd, b, d));
    [
        add(simd, ac, bd),
        [simd.add(ca[0], db[1]), simd.sub(ca[1], db[0])],
        sub(simd, ac, bd),
        [simd.sub(ca[0], db[1]), simd.add(ca[1], db[0])],
    ]
}

/// Discrete Fourier transform of eight values.
#[inline(always)]
fn dft_8<S: Simd>(simd: S, [a, b, c, d, e, f, g, h]: [Complex<S::V>; 8]) -> [Complex<S::V>; 8] {
    let [e0, e1, e2, e3] = dft_4(simd, [a, c, e, g]);
    let [o0, [p, q], [r, s], [t, u]] = dft_4(simd, [b, d, f, h]);
    let half = simd.splat(S::Real::from_f64(FRAC_1_SQRT_2));
    let scale = |[x, y]: Complex<S::V>| [simd.mul(half, x), simd.mul(half, y)];
    // Odd output k turns by k eighths: (1 - i)/√2, -i, (-1 - i)/√2.
    let o1 = scale([simd.add(p, q), simd.sub(q, p)]);
    let o3 = scale([simd.sub(u, t), simd.add(t, u)]);
    [
        add(simd, e0, o0),
        add(simd, e1, o1),
        [simd.add(e2[0], s), simd.sub(e2[1], r)],
        [simd.add(e3[0], o3[0]), simd.sub(e3[1], o3[1])],
        sub(simd, e0, o0),
        sub(simd, e1, o1),
        [simd.sub(e2[0], s), simd.add(e2[1], r)],
        [simd.sub(e3[0], o3[0]), simd.add(e3[1], o3[1])],
    ]
}
