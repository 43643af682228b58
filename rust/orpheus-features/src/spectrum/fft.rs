//! Fourier transforms of real frames whose length is a power of two, one frame per lane.
//!
//! The samples are packed as half as many complex values (even ones real, odd ones imaginary),
//! transformed as a matrix, and unpacked. Both passes work on a column or a row at a time, which
//! fits the first-level cache at any vector width; only the matrix between them does not.

use std::f64::consts::TAU;

use super::butterfly::{Complex, add, dft, dft_8, multiply, root, square, sub};
use super::simd::{Real, Simd};

/// Samples per frame of the classical features.
pub(crate) const N_FFT: usize = 2048;
/// Frequency bins per frame of the classical features, both ends included.
pub(crate) const N_BINS: usize = N_FFT / 2 + 1;

/// Longest column or row of the matrix.
const LONGEST: usize = 128;

/// Rows and columns of the matrix for each length that is transformed here, 128 to 16,384: their
/// product is half of it.
const SHAPES: [[usize; 2]; 8] =
    [[8, 8], [8, 16], [8, 32], [8, 64], CLASSICAL_SHAPE, [32, 64], [64, 64], [128, 64]];

/// The matrix for [`N_FFT`].
const CLASSICAL_SHAPE: [usize; 2] = [32, 32];

/// What the transform of one length multiplies by.
#[derive(Debug)]
pub(crate) struct RealFft<R> {
    /// Complex values per frame.
    half: usize,
    /// Transforms the columns of the matrix, as long as it has rows.
    down: ShortDft<R>,
    /// Transforms the rows.
    along: ShortDft<R>,
    /// Complex values between the rows of the matrix in memory. One more than needed: rows a power
    /// of two apart would all fall into the same sets of the cache.
    row_stride: usize,
    /// `exp(-2πi nk / half)` at `n_rows * n + k`.
    twiddles: Vec<Complex<R>>,
    /// `-i exp(-2πi k / n_fft)`.
    unpack: Vec<Complex<R>>,
    scales: Scales<R>,
}

/// What each bin is multiplied by because of the emphasis, see [`Real::EMPHASIS`].
#[derive(Debug)]
pub(crate) struct Scales<R> {
    /// Of its squared magnitude.
    pub(crate) power: Vec<R>,
    /// Of its value.
    pub(crate) complex: Vec<Complex<R>>,
}

impl<R: Real> Scales<R> {
    /// For frames of `n_fft` samples.
    pub(crate) fn new(n_fft: usize) -> Self {
        let bin = |k: usize| {
            let angle = TAU * k as f64 / n_fft as f64;
            let (re, im) = (1.0 - R::EMPHASIS * angle.cos(), R::EMPHASIS * angle.sin());
            (re, im, re * re + im * im)
        };
        let bins = || (0..=n_fft / 2).map(bin);
        Self {
            power: bins().map(|(_, _, square)| R::from_f64(1.0 / square)).collect(),
            complex: bins()
                .map(|(re, im, square)| [R::from_f64(re / square), R::from_f64(-im / square)])
                .collect(),
        }
    }
}

/// Packed and windowed frames.
pub(crate) trait Packed<S: Simd> {
    /// Whether the samples were emphasised, so that bins have to be scaled.
    fn is_emphasised(&self) -> bool;
    /// The value in row `row` of column `column` of the matrix.
    fn value(&self, simd: S, column: usize, row: usize) -> Complex<S::V>;
}

/// Where bins go. Which of the two is decided bin by bin: code for each would double what is
/// compiled for every instruction set.
pub(crate) enum Bins<'a, V> {
    /// Squared magnitudes, one vector per bin.
    Power(&'a mut [V]),
    /// The bins themselves, two vectors each: real, imaginary.
    Spectrum(&'a mut [Complex<V>]),
}

/// Bins, and what undoes the emphasis of the frames, if there was one.
struct Sink<'a, V, R> {
    bins: Bins<'a, V>,
    scales: Option<&'a Scales<R>>,
}

impl<V: Copy, R: Real> Sink<'_, V, R> {
    /// Takes bin `k`, not yet scaled.
    #[inline(always)]
    fn put<S: Simd<V = V, Real = R>>(&mut self, simd: S, k: usize, bin: Complex<V>) {
        match &mut self.bins {
            Bins::Power(bins) => {
                bins[k] = square(simd, bin);
                if let Some(scales) = self.scales {
                    bins[k] = simd.mul(bins[k], simd.splat(scales.power[k]));
                }
            }
            Bins::Spectrum(bins) => {
                bins[k] = bin;
                if let Some(scales) = self.scales {
                    bins[k] = multiply(simd, bin, scales.complex[k]);
                }
            }
        }
    }
}

impl<R: Real> RealFft<R> {
    /// Tables for frames of `n_fft` samples; `None` where the length has none of [`SHAPES`].
    pub(crate) fn new(n_fft: usize) -> Option<Self> {
        SHAPES
            .into_iter()
            .find(|[n_rows, n_columns]| 2 * n_rows * n_columns == n_fft)
            .map(Self::shaped)
    }

    /// Tables for the transform of the classical features.
    pub(crate) fn classical() -> Self {
        Self::shaped(CLASSICAL_SHAPE)
    }

    fn shaped([n_rows, n_columns]: [usize; 2]) -> Self {
        let half = n_rows * n_columns;
        let n_fft = 2 * half;
        let twiddle = |at: usize| root((at / n_rows) * (at % n_rows), half);
        Self {
            half,
            down: ShortDft::new(n_rows),
            along: ShortDft::new(n_columns),
            row_stride: n_columns + 1,
            twiddles: (0..half).map(twiddle).collect(),
            // Multiplying by -i is a quarter of a turn.
            unpack: (0..half).map(|k| root(k + n_fft / 4, n_fft)).collect(),
            scales: Scales::new(n_fft),
        }
    }

    /// Rows and columns of the matrix: packed value `n_columns * row + column` is in these.
    pub(crate) fn shape(&self) -> [usize; 2] {
        [self.down.length, self.along.length]
    }

    /// Values of scratch that [`Self::run`] needs, for vectors of `n_lanes`.
    pub(crate) fn scratch_length(&self, n_lanes: usize) -> usize {
        2 * (self.down.length * self.row_stride + 2 * LONGEST) * n_lanes
    }

    /// Transforms a frame per lane. The window must hold half of what it should: unpacking sums
    /// what it should average.
    #[inline(always)]
    pub(crate) fn run<S: Simd<Real = R>>(
        &self,
        simd: S,
        frames: &impl Packed<S>,
        scratch: &mut [R],
        bins: Bins<'_, S::V>,
    ) {
        let scales = frames.is_emphasised().then_some(&self.scales);
        let mut sink = Sink { bins, scales };
        let (scratch, _) = simd.lanes_mut(scratch).as_chunks_mut::<2>();
        let (rows, matrix) = scratch.split_at_mut(2 * LONGEST);
        let [n_rows, n_columns] = self.shape();
        for column in 0..n_columns {
            let values = &mut rows[..n_rows];
            self.down.run_down(simd, &Column { frames, column }, values);
            let twiddles = &self.twiddles[n_rows * column..][..n_rows];
            for k in 0..n_rows {
                matrix[self.row_stride * k + column] = multiply(simd, values[k], twiddles[k]);
            }
        }
        self.unpack_rows(simd, matrix, rows, &mut sink);
    }

    /// Second pass: the rows of the matrix become bins. Bin k needs its mirror, half - k, which is
    /// in the row mirrored about the middle.
    #[inline(always)]
    fn unpack_rows<S: Simd<Real = R>>(
        &self,
        simd: S,
        matrix: &[Complex<S::V>],
        rows: &mut [Complex<S::V>],
        sink: &mut Sink<'_, S::V, R>,
    ) {
        let [n_rows, length] = self.shape();
        let (low_row, high_row) = rows.split_at_mut(LONGEST);
        let (low_row, high_row) = (&mut low_row[..length], &mut high_row[..length]);
        for low in 0..n_rows / 2 {
            // Row 0 and the middle one mirror themselves, and are left over together.
            let high = if low == 0 { n_rows / 2 } else { n_rows - low };
            self.along.run_along(simd, &Row(&matrix[self.row_stride * low..][..length]), low_row);
            self.along.run_along(simd, &Row(&matrix[self.row_stride * high..][..length]), high_row);
            if low == 0 {
                for k in 0..=length / 2 {
                    let mirror = low_row[(length - k) % length];
                    self.unpack(simd, n_rows * k, low_row[k], mirror, sink);
                }
                for k in 0..length / 2 {
                    let mirror = high_row[length - 1 - k];
                    self.unpack(simd, n_rows * k + high, high_row[k], mirror, sink);
                }
            } else {
                for k in 0..length {
                    let mirror = high_row[length - 1 - k];
                    self.unpack(simd, n_rows * k + low, low_row[k], mirror, sink);
                }
            }
        }
    }

    /// Bins `k` and `half - k` of the real frame, from those of the packed one.
    #[inline(always)]
    fn unpack<S: Simd<Real = R>>(
        &self,
        simd: S,
        k: usize,
        [a, b]: Complex<S::V>,
        [c, d]: Complex<S::V>,
        sink: &mut Sink<'_, S::V, R>,
    ) {
        let sum = [simd.add(a, c), simd.sub(b, d)];
        let turned = multiply(simd, [simd.sub(a, c), simd.add(b, d)], self.unpack[k]);
        let high = sub(simd, sum, turned);
        // The mirrored bin is the conjugate.
        let high = [high[0], simd.sub(simd.constant(0.0), high[1])];
        sink.put(simd, k, add(simd, sum, turned));
        sink.put(simd, self.half - k, high);
    }
}

/// Discrete Fourier transform of `radix` x 8 values.
#[derive(Debug)]
struct ShortDft<R> {
    length: usize,
    /// `exp(-2πi jq / length)` at `radix * j + q`.
    turns: Vec<Complex<R>>,
}

/// Values to transform.
trait Values<S: Simd> {
    /// Value `at`.
    fn value(&self, simd: S, at: usize) -> Complex<S::V>;
}

/// A column of the matrix before the first pass.
struct Column<'a, P> {
    frames: &'a P,
    column: usize,
}

impl<S: Simd, P: Packed<S>> Values<S> for Column<'_, P> {
    #[inline(always)]
    fn value(&self, simd: S, at: usize) -> Complex<S::V> {
        self.frames.value(simd, self.column, at)
    }
}

/// A row of the matrix.
struct Row<'a, V>(&'a [Complex<V>]);

impl<S: Simd> Values<S> for Row<'_, S::V> {
    #[inline(always)]
    fn value(&self, _: S, at: usize) -> Complex<S::V> {
        self.0[at]
    }
}

impl<R: Real> ShortDft<R> {
    /// Tables for `length`, which is 8, 16, 32, 64 or 128.
    fn new(length: usize) -> Self {
        let radix = length / 8;
        let turns = (0..length).map(|at| root((at / radix) * (at % radix), length)).collect();
        Self { length, turns }
    }

    /// Transforms a column in the memory of `output`. Only lengths that columns have among
    /// [`SHAPES`] are compiled.
    #[inline(always)]
    fn run_down<S: Simd<Real = R>>(
        &self,
        simd: S,
        input: &impl Values<S>,
        output: &mut [Complex<S::V>],
    ) {
        match self.length {
            8 => self.run_by::<S, 1>(simd, input, output),
            32 => self.run_by::<S, 4>(simd, input, output),
            64 => self.run_by::<S, 8>(simd, input, output),
            _ => self.run_by::<S, 16>(simd, input, output),
        }
    }

    /// As [`Self::run_down`], for rows.
    #[inline(always)]
    fn run_along<S: Simd<Real = R>>(
        &self,
        simd: S,
        input: &impl Values<S>,
        output: &mut [Complex<S::V>],
    ) {
        match self.length {
            8 => self.run_by::<S, 1>(simd, input, output),
            16 => self.run_by::<S, 2>(simd, input, output),
            32 => self.run_by::<S, 4>(simd, input, output),
            _ => self.run_by::<S, 8>(simd, input, output),
        }
    }

    /// Transforms `input` in the memory of `output`.
    #[expect(clippy::needless_range_loop, reason = "iterators are not always inlined into a tier")]
    #[inline(always)]
    fn run_by<S: Simd<Real = R>, const RADIX: usize>(
        &self,
        simd: S,
        input: &impl Values<S>,
        output: &mut [Complex<S::V>],
    ) {
        let (turns, _) = self.turns.as_chunks::<RADIX>();
        let (Some(turns), Some(output)) = (turns.first_chunk::<8>(), output.get_mut(..8 * RADIX))
        else {
            return;
        };
        let (groups, _) = output.as_chunks_mut::<RADIX>();
        for j in 0..8 {
            let mut values = [[simd.constant(0.0); 2]; RADIX];
            for r in 0..RADIX {
                values[r] = input.value(simd, j + 8 * r);
            }
            dft(simd, &mut values);
            groups[j][0] = values[0];
            for q in 1..RADIX {
                groups[j][q] = multiply(simd, values[q], turns[j][q]);
            }
        }
        for q in 0..RADIX {
            let mut values = [output[q]; 8];
            for j in 0..8 {
                values[j] = output[q + RADIX * j];
            }
            let values = dft_8(simd, values);
            for k in 0..8 {
                output[q + RADIX * k] = values[k];
            }
        }
    }
}
