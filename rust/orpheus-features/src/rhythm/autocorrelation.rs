//! The mean autocorrelation of a window that moves along a series.
//!
//! The windows are Hann windows, and each counts with unit energy. Because the transform is
//! linear, their power spectra are averaged instead, and transformed once. Nor is each spectrum
//! computed anew: with twice as many frequencies as values in a window, moving on by one value is
//! one rotation per frequency, and the Hann window is a sum of every other frequency.

use std::f64::consts::PI;

use crate::spectrum::buffer::Buffer;
use crate::spectrum::simd::{MAX_LANES, Simd};

/// Places before frequency zero: room for its mirror images.
const LEAD: usize = 8;
/// Vectors that are worked on together, so that one need not wait for another.
const N_TOGETHER: usize = 4;
/// The widest vector of float64, in values.
const MAX_LANES_F64: usize = MAX_LANES / 2;

/// Everything that depends on the length of the window only. All tables have the same length, and
/// are zero beyond what is said of them.
#[derive(Debug)]
pub(crate) struct WindowTables {
    /// Values in a window; also the number of half turns of the highest frequency.
    n_window: usize,
    /// `exp(iπk / n_window)`, up to `k = n_window`.
    cosines: Vec<f64>,
    sines: Vec<f64>,
    /// 1 and -1 in turn.
    signs: Vec<f64>,
    /// How often each frequency counts in the whole circle: twice, but at the ends.
    counts: Vec<f64>,
    /// The Hann window.
    window: Vec<f64>,
}

impl WindowTables {
    /// Tables for windows of `n_window` values.
    pub(crate) fn new(n_window: usize) -> Self {
        let n_padded = (n_window + 1).next_multiple_of(MAX_LANES_F64 * N_TOGETHER);
        let table = |value: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..n_padded).map(|k| if k <= n_window { value(k) } else { 0.0 }).collect()
        };
        let angle = |k: usize| PI * k as f64 / n_window as f64;
        Self {
            n_window,
            cosines: table(&|k| angle(k).cos()),
            sines: table(&|k| angle(k).sin()),
            signs: table(&|k| if k % 2 == 0 { 1.0 } else { -1.0 }),
            counts: table(&|k| if k == 0 || k == n_window { 1.0 } else { 2.0 }),
            window: table(&|n| 0.5 - 0.5 * angle(2 * n).cos()),
        }
    }

    /// Length of the tables, and of what is computed with them.
    pub(crate) fn n_padded(&self) -> usize {
        self.signs.len()
    }

    /// Values in a window.
    pub(crate) fn n_window(&self) -> usize {
        self.n_window
    }

    /// Energy of the window that starts with `values`.
    #[inline(always)]
    fn energy<S: Simd<Real = f64>>(&self, simd: S, values: &[f64]) -> f64 {
        // Several sums, so that one addition need not wait for the one before.
        let mut sums = [simd.splat(0.0); N_TOGETHER];
        let windows = self.window.chunks_exact(S::LANES * N_TOGETHER);
        for (values, window) in values.chunks_exact(S::LANES * N_TOGETHER).zip(windows) {
            for (i, sum) in sums.iter_mut().enumerate() {
                let at = i * S::LANES;
                let value = simd.mul(simd.load(&values[at..]), simd.load(&window[at..]));
                *sum = simd.mul_add(value, value, *sum);
            }
        }
        let mut energy = 0.0;
        for sum in sums {
            let mut lanes = [0.0; MAX_LANES];
            simd.store(sum, &mut lanes);
            energy += lanes.iter().sum::<f64>();
        }
        energy
    }

    /// Autocorrelation at every lag, from a power spectrum.
    ///
    /// Clenshaw's recurrence for a cosine series: stable, and two operations per term.
    #[inline(always)]
    fn transform<S: Simd<Real = f64>>(&self, simd: S, power: &[f64], correlation: &mut [f64]) {
        // The circle has twice the window's length.
        let scale = simd.splat(1.0 / (2.0 * self.n_window as f64));
        for lag in (0..correlation.len()).step_by(S::LANES * N_TOGETHER) {
            let mut cosine = [simd.splat(0.0); N_TOGETHER];
            let mut twice = cosine;
            for i in 0..N_TOGETHER {
                cosine[i] = simd.load(&self.cosines[lag + i * S::LANES..]);
                twice[i] = simd.add(cosine[i], cosine[i]);
            }
            let mut later = [[simd.splat(0.0); N_TOGETHER]; 2];
            for k in (1..=self.n_window).rev() {
                let term = simd.splat(self.counts[k] * power[k]);
                for i in 0..N_TOGETHER {
                    let next = simd.sub(term, later[1][i]);
                    let next = simd.mul_add(twice[i], later[0][i], next);
                    later[1][i] = later[0][i];
                    later[0][i] = next;
                }
            }
            let first = simd.splat(self.counts[0] * power[0]);
            for i in 0..N_TOGETHER {
                let value = simd.mul_add(cosine[i], later[0][i], simd.sub(first, later[1][i]));
                simd.store(simd.mul(scale, value), &mut correlation[lag + i * S::LANES..]);
            }
        }
    }
}

/// Memory for [`MovingWindow`].
#[derive(Debug, Default)]
pub(crate) struct WindowBuffers {
    real: Buffer<f64>,
    imaginary: Buffer<f64>,
    sum: Buffer<f64>,
}

/// The spectrum of a window that moves along a series, and the sum of those that it was asked to
/// add.
pub(crate) struct MovingWindow<'a> {
    tables: &'a WindowTables,
    /// Spectrum without the Hann window; frequency `k` at `LEAD + k`.
    real: &'a mut [f64],
    imaginary: &'a mut [f64],
    /// Sum of the windows' powers, each of unit energy.
    sum: &'a mut [f64],
}

impl<'a> MovingWindow<'a> {
    /// A window that holds nothing.
    pub(crate) fn new(tables: &'a WindowTables, buffers: &'a mut WindowBuffers) -> Self {
        let n_padded = tables.n_padded();
        let real = zeroed(&mut buffers.real, n_padded + 2 * LEAD);
        let imaginary = zeroed(&mut buffers.imaginary, n_padded + 2 * LEAD);
        Self { tables, real, imaginary, sum: zeroed(&mut buffers.sum, n_padded) }
    }

    /// Moves on by one value.
    #[inline(always)]
    pub(crate) fn advance<S: Simd<Real = f64>>(&mut self, simd: S, leaving: f64, entering: f64) {
        let (leaving, entering) = (simd.splat(leaving), simd.splat(entering));
        let n_padded = self.tables.n_padded();
        let reals = simd.lanes_mut(&mut self.real[LEAD..][..n_padded]).iter_mut();
        let imaginaries = simd.lanes_mut(&mut self.imaginary[LEAD..][..n_padded]).iter_mut();
        let cosines = self.tables.cosines.chunks_exact(S::LANES);
        let sines = self.tables.sines.chunks_exact(S::LANES);
        let signs = self.tables.signs.chunks_exact(S::LANES);
        for ((((re, im), cosine), sine), sign) in
            reals.zip(imaginaries).zip(cosines).zip(sines).zip(signs)
        {
            let (cosine, sine) = (simd.load(cosine), simd.load(sine));
            // The value that enters is half a circle away from the one that leaves.
            let real = simd.mul_add(simd.load(sign), entering, simd.sub(*re, leaving));
            let imaginary = *im;
            *re = simd.neg_mul_add(imaginary, sine, simd.mul(real, cosine));
            *im = simd.mul_add(imaginary, cosine, simd.mul(real, sine));
        }
        self.mirror();
    }

    /// Restores the two frequencies beyond either end, which mirror those within.
    #[inline(always)]
    fn mirror(&mut self) {
        let (first, last) = (LEAD, LEAD + self.tables.n_window);
        for distance in 1..=2 {
            for end in [first, last] {
                let within = if end == first { end + distance } else { end - distance };
                let beyond = 2 * end - within;
                self.real[beyond] = self.real[within];
                self.imaginary[beyond] = -self.imaginary[within];
            }
        }
    }

    /// Adds the power spectrum of the window, which starts with `values`, under a Hann window and
    /// of unit energy.
    #[inline(always)]
    pub(crate) fn add<S: Simd<Real = f64>>(&mut self, simd: S, values: &[f64]) {
        let tables = self.tables;
        let energy = tables.energy(simd, values);
        // Not from the spectrum: there, an empty window would leave rounding errors to blow up.
        if energy < f64::MIN_POSITIVE {
            return;
        }
        let scale = simd.splat(1.0 / energy);
        let n_padded = tables.n_padded();
        let reals = Sides::new::<S>(self.real, n_padded);
        let imaginaries = Sides::new::<S>(self.imaginary, n_padded);
        let sums = simd.lanes_mut(self.sum).iter_mut();
        for ((real, imaginary), sum) in reals.zip(imaginaries).zip(sums) {
            let (real, imaginary) = (windowed(simd, real), windowed(simd, imaginary));
            let power = simd.mul_add(real, real, simd.mul(imaginary, imaginary));
            *sum = simd.mul_add(scale, power, *sum);
        }
    }

    /// Sum of the autocorrelations of the windows that were added, at every lag.
    #[inline(always)]
    pub(crate) fn autocorrelation<S: Simd<Real = f64>>(self, simd: S, correlation: &mut [f64]) {
        self.tables.transform(simd, self.sum, correlation);
    }
}

fn zeroed(buffer: &mut Buffer<f64>, length: usize) -> &mut [f64] {
    let values = buffer.take(length);
    values.fill(0.0);
    values
}

/// Vectors of a spectrum, each with those two frequencies below and above.
struct Sides<'a> {
    below: std::slice::ChunksExact<'a, f64>,
    here: std::slice::ChunksExact<'a, f64>,
    above: std::slice::ChunksExact<'a, f64>,
}

impl<'a> Sides<'a> {
    #[inline(always)]
    fn new<S: Simd>(values: &'a [f64], n_padded: usize) -> Self {
        let from = |start: usize| values[start..][..n_padded].chunks_exact(S::LANES);
        Self { below: from(LEAD - 2), here: from(LEAD), above: from(LEAD + 2) }
    }
}

impl<'a> Iterator for Sides<'a> {
    type Item = [&'a [f64]; 3];

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        Some([self.below.next()?, self.here.next()?, self.above.next()?])
    }
}

/// A Hann window, in the frequency domain: half of each frequency less a quarter of those two away.
#[inline(always)]
fn windowed<S: Simd<Real = f64>>(simd: S, [below, here, above]: [&[f64]; 3]) -> S::V {
    let sides = simd.add(simd.load(below), simd.load(above));
    let middle = simd.mul(simd.splat(0.5), simd.load(here));
    simd.neg_mul_add(simd.splat(0.25), sides, middle)
}
