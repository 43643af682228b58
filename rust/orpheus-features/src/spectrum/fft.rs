//! Power spectra of 2048 real samples, one frame per lane.
//!
//! The samples are packed as 1024 complex values (even ones real, odd ones imaginary),
//! transformed as 32 x 32, and unpacked. Both passes work on 32 values at a time, which fit the
//! first-level cache at any vector width; only the matrix between them does not.

use std::f64::consts::TAU;

use super::butterfly::{Complex, add, dft_4, dft_8, multiply, square, sub};
use super::simd::{Real, Simd};
use super::stft::HOP_LENGTH;
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

/// How much of the sample before is taken from each windowed sample, before the transform.
///
/// A transform in float32 spreads errors of about 1e-7 of the loudest bins over all bins. Music
/// is loud at low frequencies, so that the errors drown what is faint at high ones, and those
/// weigh most in the bandwidth. The emphasis evens the spectrum out first; every bin is scaled
/// back after.
const EMPHASIS: f64 = 0.9;

/// What the transform multiplies by.
#[derive(Debug)]
pub(crate) struct PowerSpectrum<R> {
    /// Hann window, halved: unpacking sums what it should average.
    window: Vec<Taper<R>>,
    /// `exp(-2πi jq / 32)` at `4j + q`.
    inner: Vec<Complex<R>>,
    /// `exp(-2πi nk / 1024)` at `32n + k`.
    twiddles: Vec<Complex<R>>,
    /// `-i exp(-2πi k / 2048)`.
    unpack: Vec<Complex<R>>,
    /// What each bin's power is divided by because of the emphasis, inverted.
    de_emphasis: Vec<R>,
}

/// The window at an even sample and at the odd one after it, and [`EMPHASIS`] times its rise up
/// to each.
#[derive(Clone, Copy, Debug)]
struct Taper<R> {
    even: R,
    odd: R,
    even_rise: R,
    odd_rise: R,
}

/// Where sample `i` of each frame in a block is found: frame `l` at `tile[(i % 512) * stride + i
/// / 512 + l]`.
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
        let rise = |n: usize| R::from_f64(EMPHASIS * (window[n] - window[(n + N_FFT - 1) % N_FFT]));
        let taper = |n: usize| Taper {
            even: R::from_f64(window[n]),
            odd: R::from_f64(window[n + 1]),
            even_rise: rise(n),
            odd_rise: rise(n + 1),
        };
        let emphasis = |k: usize| {
            let cosine = (TAU * k as f64 / N_FFT as f64).cos();
            1.0 - 2.0 * EMPHASIS * cosine + EMPHASIS * EMPHASIS
        };
        let grid = |rows: usize, columns: usize| {
            (0..rows * columns).map(move |at| (at / columns) * (at % columns))
        };
        Self {
            window: (0..N_FFT).step_by(2).map(taper).collect(),
            inner: grid(8, 4).map(|product| root(product, 32)).collect(),
            twiddles: grid(SIDE, SIDE).map(|product| root(product, HALF)).collect(),
            // Multiplying by -i is a quarter of a turn.
            unpack: (0..HALF).map(|k| root(k + N_FFT / 4, N_FFT)).collect(),
            de_emphasis: (0..N_BINS).map(|k| R::from_f64(1.0 / emphasis(k))).collect(),
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
        let mut rows = [[[simd.constant(0.0); 2]; SIDE]; 2];
        for column in 0..SIDE {
            self.transform_column(simd, tile, column, matrix, &mut rows[0]);
        }
        self.unpack_rows(simd, matrix, power, &mut rows);
    }

    /// First pass: values `column, column + 32, …` of the packed frame become column `column` of
    /// the matrix.
    #[inline(always)]
    fn transform_column<S: Simd<Real = R>>(
        &self,
        simd: S,
        tile: Tile<'_, R>,
        column: usize,
        matrix: &mut [Complex<S::V>],
        values: &mut [Complex<S::V>; SIDE],
    ) {
        self.dft_32(simd, &TileColumn { window: &self.window, tile, column }, values);
        let twiddles = &self.twiddles[SIDE * column..][..SIDE];
        for k in 0..SIDE {
            matrix[ROW * k + column] = multiply(simd, values[k], twiddles[k]);
        }
    }

    /// Second pass: the rows of the matrix become bins. Bin k needs its mirror 1024 - k, which is
    /// in the row mirrored about the middle.
    #[inline(always)]
    fn unpack_rows<S: Simd<Real = R>>(
        &self,
        simd: S,
        matrix: &[Complex<S::V>],
        power: &mut [S::V],
        [low_row, high_row]: &mut [[Complex<S::V>; SIDE]; 2],
    ) {
        for low in 0..SIDE / 2 {
            // Rows 0 and 16 mirror themselves, and are left over together.
            let high = if low == 0 { SIDE / 2 } else { SIDE - low };
            self.dft_32(simd, &MatrixRow(&matrix[ROW * low..][..SIDE]), low_row);
            self.dft_32(simd, &MatrixRow(&matrix[ROW * high..][..SIDE]), high_row);
            if low == 0 {
                for k in 0..=SIDE / 2 {
                    self.unpack(simd, SIDE * k, low_row[k], low_row[(SIDE - k) % SIDE], power);
                }
                for k in 0..SIDE / 2 {
                    self.unpack(simd, SIDE * k + high, high_row[k], high_row[SIDE - 1 - k], power);
                }
            } else {
                for k in 0..SIDE {
                    self.unpack(simd, SIDE * k + low, low_row[k], high_row[SIDE - 1 - k], power);
                }
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
        let (low, high) =
            (square(simd, add(simd, sum, turned)), square(simd, sub(simd, sum, turned)));
        power[k] = simd.mul(low, simd.splat(self.de_emphasis[k]));
        power[HALF - k] = simd.mul(high, simd.splat(self.de_emphasis[HALF - k]));
    }

    /// Discrete Fourier transform of 32 values: 4 x 8, in the memory of `output`.
    #[inline(always)]
    fn dft_32<S: Simd<Real = R>>(
        &self,
        simd: S,
        input: &impl Quarters<S>,
        output: &mut [Complex<S::V>; SIDE],
    ) {
        let (inner, _) = self.inner.as_chunks::<4>();
        for (j, turns) in inner.iter().enumerate().take(8) {
            let [y0, y1, y2, y3] = dft_4(simd, input.quarters(simd, j));
            output[4 * j] = y0;
            output[4 * j + 1] = multiply(simd, y1, turns[1]);
            output[4 * j + 2] = multiply(simd, y2, turns[2]);
            output[4 * j + 3] = multiply(simd, y3, turns[3]);
        }
        for q in 0..4 {
            let mut values = [output[q]; 8];
            for j in 0..8 {
                values[j] = output[q + 4 * j];
            }
            let values = dft_8(simd, values);
            for k in 0..8 {
                output[q + 4 * k] = values[k];
            }
        }
    }
}

/// 32 values to transform.
trait Quarters<S: Simd> {
    /// Values `j`, `j + 8`, `j + 16` and `j + 24`.
    fn quarters(&self, simd: S, j: usize) -> [Complex<S::V>; 4];
}

/// Values `column, column + 32, …` of the packed and windowed frames.
struct TileColumn<'a, R> {
    window: &'a [Taper<R>],
    tile: Tile<'a, R>,
    column: usize,
}

impl<S: Simd> Quarters<S> for TileColumn<'_, S::Real> {
    #[inline(always)]
    fn quarters(&self, simd: S, j: usize) -> [Complex<S::V>; 4] {
        let Tile { values, stride } = self.tile;
        let row = 64 * j + 2 * self.column;
        let (even, odd) = values[row * stride..].split_at(stride);
        // The sample before the first of a hop is the last of the hop before, and before the first
        // hop of a frame comes its last one: the transform is periodic.
        let (before, turn) = if row == 0 { (HOP_LENGTH - 1, 3) } else { (row - 1, 0) };
        let before = &values[before * stride..][..stride];
        let emphasis = simd.constant(EMPHASIS);
        let mut output = [[simd.constant(0.0); 2]; 4];
        for (q, value) in output.iter_mut().enumerate() {
            let taper = self.window[SIDE * (8 * q + j) + self.column];
            let x0 = simd.load(&before[(q + turn) % 4..]);
            let x1 = simd.load(&even[q..]);
            let x2 = simd.load(&odd[q..]);
            // w[n] x[n] - e w[n-1] x[n-1], without the difference of two large products.
            let even = simd.mul(simd.splat(taper.even), simd.neg_mul_add(emphasis, x0, x1));
            let odd = simd.mul(simd.splat(taper.odd), simd.neg_mul_add(emphasis, x1, x2));
            value[0] = simd.mul_add(simd.splat(taper.even_rise), x0, even);
            value[1] = simd.mul_add(simd.splat(taper.odd_rise), x1, odd);
        }
        output
    }
}

/// A row of the matrix.
struct MatrixRow<'a, V>(&'a [Complex<V>]);

impl<S: Simd> Quarters<S> for MatrixRow<'_, S::V> {
    #[inline(always)]
    fn quarters(&self, _: S, j: usize) -> [Complex<S::V>; 4] {
        [self.0[j], self.0[j + 8], self.0[j + 16], self.0[j + 24]]
    }
}

#[cfg(test)]
mod tests {
    use super::{N_BINS, N_FFT, PowerSpectrum, scratch_length};
    use crate::signals::{noise, tune};
    use crate::spectrum::buffer::Buffer;
    use crate::spectrum::simd::{Kernel, Real, Simd, Tier};
    use crate::spectrum::stft::{FrameBuffers, Frames, n_frames};
    use crate::spectrum::window::hann;

    /// Power spectra of all frames, one after the other.
    struct Spectra<'a>(&'a [f32]);

    impl<R: Real> Kernel<R> for Spectra<'_> {
        type Output = Vec<Vec<f64>>;

        #[inline(always)]
        fn run<S: Simd<Real = R>>(self, simd: S) -> Vec<Vec<f64>> {
            let (mut buffers, mut scratch, mut power) =
                (FrameBuffers::default(), Buffer::default(), Buffer::default());
            let power = power.take(N_BINS * S::LANES);
            let plan = PowerSpectrum::new();
            let mut frames = Frames::new(simd, self.0, &mut buffers);
            let n_frames = n_frames(self.0.len());
            let mut spectra = Vec::new();
            while spectra.len() < n_frames {
                let scratch = scratch.take(scratch_length(S::LANES));
                plan.run(simd, frames.next_block(simd), scratch, power);
                let lane = |lane: usize| {
                    power.iter().skip(lane).step_by(S::LANES).map(|x| x.to_f64()).collect()
                };
                spectra.extend((0..S::LANES).map(lane));
            }
            spectra.truncate(n_frames);
            spectra
        }
    }

    /// The definition, term by term, for frame `t`.
    fn by_definition(samples: &[f32], t: usize) -> Vec<f64> {
        let window = hann(N_FFT, 1.0);
        let sample = |n: usize| {
            let at = (512 * t + n).checked_sub(N_FFT / 2);
            f64::from(at.and_then(|at| samples.get(at)).copied().unwrap_or(0.0))
        };
        let frame: Vec<f64> = (0..N_FFT).map(|n| window[n] * sample(n)).collect();
        let turns: Vec<(f64, f64)> = (0..N_FFT)
            .map(|k| (std::f64::consts::TAU * k as f64 / N_FFT as f64).sin_cos())
            .collect();
        let power = |k: usize| {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, x) in frame.iter().enumerate() {
                let (sin, cos) = turns[k * n % N_FFT];
                re += x * cos;
                im -= x * sin;
            }
            re * re + im * im
        };
        (0..N_BINS).map(power).collect()
    }

    /// Largest difference of magnitudes, as a share of the largest magnitude.
    fn difference(a: &[f64], b: &[f64]) -> f64 {
        let largest = b.iter().copied().fold(0.0, f64::max).sqrt();
        a.iter().zip(b).map(|(a, b)| (a.sqrt() - b.sqrt()).abs()).fold(0.0, f64::max) / largest
    }

    #[test]
    fn every_tier_computes_the_spectra_that_the_definition_gives() {
        let samples = [noise(1, 6000), tune(2, 6000)].concat();
        for t in [0, 1, 2, 7, 16, 23] {
            let expected = by_definition(&samples, t);
            for tier in Tier::available() {
                let single = &f32::dispatch(tier, Spectra(&samples))[t];
                assert!(difference(single, &expected) < 2e-6, "{} float32", tier.name());
                let double = &f64::dispatch(tier, Spectra(&samples))[t];
                assert!(difference(double, &expected) < 1e-14, "{} float64", tier.name());
            }
        }
    }

    #[test]
    fn every_number_of_frames_gives_the_same_spectra() {
        let samples = noise(3, 40 * 512);
        for tier in Tier::available() {
            let all = f32::dispatch(tier, Spectra(&samples));
            for n_frames in 1..36 {
                // Half a frame more, so that the last frame sees the same samples.
                let some = f32::dispatch(tier, Spectra(&samples[..(n_frames + 1) * 512]));
                assert_eq!(
                    some[..n_frames],
                    all[..n_frames],
                    "{} frames, {}",
                    n_frames,
                    tier.name()
                );
            }
        }
    }

    #[test]
    fn errors_of_float32_stay_far_below_what_is_faint() {
        // A loud low tone and one 120 dB below it, high up.
        let tone = |n: usize, hz: f64| (std::f64::consts::TAU * hz * n as f64 / 22_050.0).sin();
        let samples: Vec<f32> =
            (0..8192).map(|n| (0.5 * tone(n, 200.0) + 5e-7 * tone(n, 9000.0)) as f32).collect();
        let exact: Vec<f32> = samples.clone();
        for tier in Tier::available() {
            let single = &f32::dispatch(tier, Spectra(&samples))[8];
            let double = &f64::dispatch(tier, Spectra(&exact))[8];
            let peak = double[836].sqrt();
            assert!((single[836].sqrt() / peak - 1.0).abs() < 0.02, "{}", tier.name());
        }
    }
}
