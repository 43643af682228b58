//! Filtering by Fourier transforms of two blocks at once, one octave down or up.
//!
//! Two blocks of real samples travel as the real and the imaginary part of one. The filter is
//! zero-phase, so its response is real, and so is the impulse response: the blocks stay apart.

use super::layout::{LAST_LONG, LAST_SHORT, LONG, SHORT, long_row, radices};
use crate::resample::aligned::Aligned;
use crate::resample::fourier::{
    Block, Columns, Complex, Rows, Square, frequency, transform, transpose, turn,
};
use crate::resample::simd::{Kernel, MAX_LANES, Real, Simd, Tier};

/// A zero-phase low-pass for signals at the long block's rate, on the way to or from half of it.
#[derive(Debug)]
pub(super) struct Filter<R> {
    tier: Tier,
    long: Axis<R>,
    short: Axis<R>,
    /// Real response, as the squares of rows need it.
    response: Aligned<R>,
}

/// One of the two block lengths.
#[derive(Debug)]
struct Axis<R> {
    columns: Columns<R>,
    /// `exp(−2πi·k·lane/n)` for the frequency `k` of each row.
    turns: Block<R>,
}

impl<R: Real> Axis<R> {
    fn new(lanes: usize, length: usize, last: usize) -> Self {
        let mut digits = radices(lanes).to_vec();
        if let Some(digit) = digits.last_mut() {
            *digit = last;
        }
        let n_rows = length / lanes;
        let mut turns = Block::new(length);
        for place in 0..length {
            let k = frequency(digits.iter().copied(), n_rows, place / lanes);
            [turns.re[place], turns.im[place]] = turn(k * (place % lanes), length);
        }
        Self { columns: Columns::new(&digits, n_rows), turns }
    }
}

impl<R: Real> Filter<R> {
    /// From the taps at times 0, 1 … of a symmetric impulse response, at most half a long block.
    pub(super) fn new(tier: Tier, taps: &[f64]) -> Self {
        let lanes = tier.lanes::<R>();
        let long = Axis::new(lanes, LONG, LAST_LONG);
        let short = Axis::new(lanes, SHORT, LAST_SHORT);
        let cosines: Vec<f64> = (0..LONG)
            .map(|step| (std::f64::consts::TAU * step as f64 / LONG as f64).cos())
            .collect();
        let at = |k: usize| {
            let later = taps.iter().enumerate().skip(1);
            let sum: f64 = later.map(|(t, tap)| tap * cosines[k * t % LONG]).sum();
            (taps[0] + 2.0 * sum) / LONG as f64
        };
        let one_sided: Vec<f64> = (0..=LONG / 2).map(at).collect();
        let n_rows = LONG / lanes;
        let mut response = Aligned::new(LONG);
        for (place, value) in response.iter_mut().enumerate() {
            // Squares of short rows, then which half of the frequencies, then frequency, then row.
            let [lane, vector] = [place % lanes, place / lanes];
            let [within, half] = [vector % lanes, vector / lanes];
            let row = long_row(half / 2 * lanes + lane, half % 2);
            let k = frequency(radices(lanes).iter().copied(), n_rows, row) + n_rows * within;
            *value = R::from_f64(one_sided[k.min(LONG - k)]);
        }
        Self { tier, long, short, response }
    }

    /// Filters the blocks in `long` and leaves every second sample in `short`; `long` is spent.
    pub(super) fn down(&self, long: &mut Block<R>, short: &mut Block<R>) {
        R::dispatch(self.tier, Down { filter: self, long, short });
    }

    /// Puts a zero after each sample of the blocks in `short`, filters, and leaves the result in
    /// `long`; `short` is spent.
    pub(super) fn up(&self, short: &mut Block<R>, long: &mut Block<R>) {
        R::dispatch(self.tier, Up { filter: self, long, short });
    }
}

struct Down<'a, R> {
    filter: &'a Filter<R>,
    long: &'a mut Block<R>,
    short: &'a mut Block<R>,
}

struct Up<'a, R> {
    filter: &'a Filter<R>,
    long: &'a mut Block<R>,
    short: &'a mut Block<R>,
}

impl<R: Real> Axis<R> {
    /// Rows after their columns' transform → frequencies of each row. `place` is the row of a lane.
    #[inline(always)]
    fn analyse<S: Simd<Real = R>>(
        &self,
        simd: S,
        rows: &Rows<'_, S::V>,
        place: impl Fn(usize) -> usize,
    ) -> Square<S::V> {
        let [turns_re, turns_im] = [simd.lanes(&self.turns.re), simd.lanes(&self.turns.im)];
        let mut square = [Complex::splat(simd, R::default(), R::default()); MAX_LANES];
        for (lane, z) in square[..S::LANES].iter_mut().enumerate() {
            let row = place(lane);
            let turn = Complex { re: turns_re[row], im: turns_im[row] };
            *z = Complex { re: rows.re[row], im: rows.im[row] }.mul(simd, turn);
        }
        transpose(simd, &mut square);
        transform(simd, &mut square[..S::LANES]);
        square
    }

    /// The way back, with real and imaginary parts exchanged on both sides.
    #[inline(always)]
    fn synthesise<S: Simd<Real = R>>(
        &self,
        simd: S,
        square: &mut Square<S::V>,
        rows: &mut Rows<'_, S::V>,
        place: impl Fn(usize) -> usize,
    ) {
        let [turns_re, turns_im] = [simd.lanes(&self.turns.re), simd.lanes(&self.turns.im)];
        transform(simd, &mut square[..S::LANES]);
        transpose(simd, square);
        for (lane, z) in square[..S::LANES].iter().enumerate() {
            let row = place(lane);
            let turned = z.mul(simd, Complex { re: turns_re[row], im: turns_im[row] });
            (rows.re[row], rows.im[row]) = (turned.re, turned.im);
        }
    }
}

impl<R: Real> Kernel<R> for Down<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let Filter { long, short, response, .. } = self.filter;
        let long_rows = Rows::new(simd, self.long);
        let mut short_rows = Rows::new(simd, self.short);
        long.columns.forward(simd, long_rows.re, long_rows.im);
        let half = S::LANES / 2;
        let responses = simd.lanes(response).chunks_exact(2 * S::LANES);
        for (square, responses) in responses.enumerate() {
            let mut folded = [Complex::splat(simd, R::default(), R::default()); MAX_LANES];
            for (upper, responses) in responses.chunks_exact(S::LANES).enumerate() {
                let place = |lane| long_row(square * S::LANES + lane, upper);
                let z = long.analyse(simd, &long_rows, place);
                for k in 0..half {
                    let high = z[k + half].scale(simd, responses[k + half]);
                    folded[2 * k + upper] = high.add_scaled(simd, z[k], responses[k]).swap();
                }
            }
            short.synthesise(simd, &mut folded, &mut short_rows, |lane| square * S::LANES + lane);
        }
        short.columns.inverse(simd, short_rows.re, short_rows.im);
        swap_parts(self.short);
    }
}

impl<R: Real> Kernel<R> for Up<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let Filter { long, short, response, .. } = self.filter;
        let short_rows = Rows::new(simd, self.short);
        let mut long_rows = Rows::new(simd, self.long);
        short.columns.forward(simd, short_rows.re, short_rows.im);
        let half = S::LANES / 2;
        let responses = simd.lanes(response).chunks_exact(2 * S::LANES);
        for (square, responses) in responses.enumerate() {
            let z = short.analyse(simd, &short_rows, |lane| square * S::LANES + lane);
            for (upper, responses) in responses.chunks_exact(S::LANES).enumerate() {
                let mut images = z;
                for k in 0..S::LANES {
                    images[k] = z[2 * (k % half) + upper].scale(simd, responses[k]).swap();
                }
                let place = |lane| long_row(square * S::LANES + lane, upper);
                long.synthesise(simd, &mut images, &mut long_rows, place);
            }
        }
        long.columns.inverse(simd, long_rows.re, long_rows.im);
        swap_parts(self.long);
    }
}

/// Undoes the exchange that makes a forward transform an inverse one.
#[inline(always)]
fn swap_parts<R>(block: &mut Block<R>) {
    std::mem::swap(&mut block.re, &mut block.im);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::simd::test_noise;

    /// A symmetric response of 61 taps that is nothing special: (time 0, times 1 to 30).
    fn taps() -> Vec<f64> {
        (0..31).map(|t| f64::from(31 - t) * f64::from(t * t % 7 - 2) / 500.0).collect()
    }

    /// Circular convolution with [`taps`].
    fn convolve(signal: &[f64]) -> Vec<f64> {
        let n = signal.len();
        let at = |m: usize| {
            let later = taps().into_iter().enumerate().skip(1);
            let sum: f64 =
                later.map(|(t, tap)| tap * (signal[(m + t) % n] + signal[(m + n - t) % n])).sum();
            taps()[0] * signal[m] + sum
        };
        (0..n).map(at).collect()
    }

    fn assert_near<R: Real>(got: &[R], wanted: &[f64], tolerance: f64, tier: Tier) {
        for (got, wanted) in got.iter().zip(wanted) {
            assert!((got.to_f64() - wanted).abs() < tolerance, "{} on {tier:?}", got.to_f64());
        }
    }

    fn check<R: Real>(tolerance: f64) {
        for tier in Tier::available() {
            let filter = Filter::<R>::new(tier, &taps());
            let [mut long, mut short] = [Block::new(LONG), Block::new(SHORT)];
            let parts = [test_noise(1, LONG), test_noise(2, LONG)];
            for (place, samples) in [&mut long.re, &mut long.im].into_iter().zip(&parts) {
                place.iter_mut().zip(samples).for_each(|(place, &x)| *place = R::from_f64(x));
            }
            filter.down(&mut long, &mut short);
            for (got, samples) in [&short.re, &short.im].into_iter().zip(&parts) {
                let wanted: Vec<f64> = convolve(samples).into_iter().step_by(2).collect();
                assert_near(got, &wanted, tolerance, tier);
            }
            for (place, samples) in [&mut short.re, &mut short.im].into_iter().zip(&parts) {
                place.iter_mut().zip(samples).for_each(|(place, &x)| *place = R::from_f64(x));
            }
            filter.up(&mut short, &mut long);
            for (got, samples) in [&long.re, &long.im].into_iter().zip(&parts) {
                let stuffed: Vec<f64> =
                    samples[..SHORT].iter().flat_map(|&sample| [sample, 0.0]).collect();
                assert_near(got, &convolve(&stuffed), tolerance, tier);
            }
        }
    }

    #[test]
    fn float32_blocks_are_convolved_with_the_taps_by_every_tier() {
        check::<f32>(2e-6);
    }

    #[test]
    fn float64_blocks_are_convolved_with_the_taps_by_every_tier() {
        check::<f64>(1e-14);
    }
}
