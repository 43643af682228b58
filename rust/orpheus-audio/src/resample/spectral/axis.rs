//! Blocks of one length, between samples and rows of neighbouring frequencies.
//!
//! A block of `16 · C` samples is transformed in two steps: over 16 samples `C` apart, in registers,
//! then over the `C` results, down columns. That order leaves rows that hold 16 neighbouring
//! frequencies each, whatever `C` is: a block of another length differs in the number of rows only.

use crate::resample::fourier::{Block, Columns, Complex, Rows, frequency, transform, turn};
use crate::resample::simd::{MAX_LANES, Real, Simd, Tier};

/// Frequencies in a row.
pub(super) const ROW: usize = 16;

/// How blocks of one length are transformed.
#[derive(Debug)]
pub(super) struct Axis<R> {
    /// Rows of frequencies, and samples from one of the 16 to the next.
    pub(super) n_rows: usize,
    columns: Columns<R>,
    /// Where each square of vectors starts within the columns. The last one overlaps the one before.
    starts: Vec<usize>,
    /// `exp(−2πi · frequency · place / length)` for the 16 frequencies of each square.
    turns: Block<R>,
    /// Number of the row of frequencies that lies in each place.
    order: Vec<usize>,
}

/// Radices whose product is `n`: few passes first of all. `None` if `n` has a prime factor above 7.
pub(super) fn radices(mut n: usize) -> Option<Vec<usize>> {
    let mut radices = Vec::new();
    for odd in [7, 5, 3] {
        while n > 1 && n.is_multiple_of(odd) {
            radices.push(odd);
            n /= odd;
        }
    }
    while n.is_multiple_of(8) && n != 16 {
        radices.push(8);
        n /= 8;
    }
    while n > 1 {
        let radix = if n.is_multiple_of(4) { 4 } else { 2 };
        if !n.is_multiple_of(radix) {
            return None;
        }
        radices.push(radix);
        n /= radix;
    }
    Some(radices)
}

impl<R: Real> Axis<R> {
    /// For blocks of `16 · n_rows` samples. `None` if there are too few rows or they have a prime
    /// factor above 7.
    pub(super) fn new(tier: Tier, n_rows: usize) -> Option<Self> {
        let radices = radices(n_rows).filter(|_| n_rows >= MAX_LANES)?;
        let lanes = tier.lanes::<R>();
        let starts: Vec<usize> =
            (0..n_rows).step_by(lanes).map(|start| start.min(n_rows - lanes)).collect();
        let mut turns = Block::new(starts.len() * ROW * lanes);
        let places = starts.iter().flat_map(|&start| {
            (0..ROW).flat_map(move |k| (start..start + lanes).map(move |place| k * place))
        });
        for (index, step) in places.enumerate() {
            [turns.re[index], turns.im[index]] = turn(step, ROW * n_rows);
        }
        let number = |place| frequency(radices.iter().copied(), n_rows, place);
        let order = (0..n_rows).map(number).collect();
        Some(Self { n_rows, columns: Columns::new(&radices, n_rows), starts, turns, order })
    }

    /// Samples in a block.
    pub(super) fn length(&self) -> usize {
        ROW * self.n_rows
    }

    /// Number of the row of frequencies in each place.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Bytes of turns.
    pub(super) fn n_bytes(&self) -> usize {
        2 * self.turns.re.len() * size_of::<R>()
    }

    /// Two blocks of real samples → rows of frequencies of both, vectors of a row `n_rows` apart.
    #[inline(always)]
    pub(super) fn analyse<S: Simd<Real = R>>(
        &self,
        simd: S,
        [first, second]: [&[R]; 2],
        rows: &mut Rows<'_, S::V>,
    ) {
        let zero = Complex::splat(simd, R::default(), R::default());
        let (turns_re, turns_im) = (simd.lanes(&self.turns.re), simd.lanes(&self.turns.im));
        let turns = turns_re.as_chunks::<ROW>().0.iter().zip(turns_im.as_chunks::<ROW>().0);
        for (&start, (turns_re, turns_im)) in self.starts.iter().zip(turns) {
            let mut z = [zero; ROW];
            for (j, z) in z.iter_mut().enumerate() {
                let place = j * self.n_rows + start;
                *z = Complex { re: simd.load(&first[place..]), im: simd.load(&second[place..]) };
            }
            transform(simd, &mut z);
            for k in 1..ROW {
                z[k] = z[k].mul(simd, Complex { re: turns_re[k], im: turns_im[k] });
            }
            for plane in 0..ROW / S::LANES {
                let [mut re, mut im] = [[z[0].re; MAX_LANES]; 2];
                for lane in 0..S::LANES {
                    let z = z[plane * S::LANES + lane];
                    (re[lane], im[lane]) = (z.re, z.im);
                }
                simd.transpose(&mut re);
                simd.transpose(&mut im);
                let place = plane * self.n_rows + start;
                rows.re[place..][..S::LANES].copy_from_slice(&re[..S::LANES]);
                rows.im[place..][..S::LANES].copy_from_slice(&im[..S::LANES]);
            }
        }
        for plane in 0..ROW / S::LANES {
            let place = plane * self.n_rows..(plane + 1) * self.n_rows;
            self.columns.forward(simd, &mut rows.re[place.clone()], &mut rows.im[place]);
        }
    }

    /// The way back, unscaled, with real and imaginary parts exchanged on both sides.
    #[inline(always)]
    pub(super) fn synthesise<S: Simd<Real = R>>(
        &self,
        simd: S,
        rows: &mut Rows<'_, S::V>,
        [first, second]: [&mut [R]; 2],
    ) {
        for plane in 0..ROW / S::LANES {
            let place = plane * self.n_rows..(plane + 1) * self.n_rows;
            self.columns.inverse(simd, &mut rows.re[place.clone()], &mut rows.im[place]);
        }
        let zero = Complex::splat(simd, R::default(), R::default());
        let (turns_re, turns_im) = (simd.lanes(&self.turns.re), simd.lanes(&self.turns.im));
        let turns = turns_re.as_chunks::<ROW>().0.iter().zip(turns_im.as_chunks::<ROW>().0);
        for (&start, (turns_re, turns_im)) in self.starts.iter().zip(turns) {
            let mut z = [zero; ROW];
            for plane in 0..ROW / S::LANES {
                let place = plane * self.n_rows + start;
                let [mut re, mut im] = [[zero.re; MAX_LANES]; 2];
                re[..S::LANES].copy_from_slice(&rows.re[place..][..S::LANES]);
                im[..S::LANES].copy_from_slice(&rows.im[place..][..S::LANES]);
                simd.transpose(&mut re);
                simd.transpose(&mut im);
                for lane in 0..S::LANES {
                    z[plane * S::LANES + lane] = Complex { re: re[lane], im: im[lane] };
                }
            }
            for k in 1..ROW {
                z[k] = z[k].mul(simd, Complex { re: turns_re[k], im: turns_im[k] });
            }
            transform(simd, &mut z);
            for (j, z) in z.iter().enumerate() {
                let place = j * self.n_rows + start;
                simd.store(z.re, &mut first[place..]);
                simd.store(z.im, &mut second[place..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn radices_multiply_to_the_number_of_rows_or_are_refused() {
        for n in 1..2_000 {
            let mut rest = n;
            for prime in [2, 3, 5, 7] {
                while rest % prime == 0 {
                    rest /= prime;
                }
            }
            let radices = radices(n);
            assert_eq!(radices.is_some(), rest == 1, "{n}");
            if let Some(radices) = radices {
                assert_eq!(radices.iter().product::<usize>(), n);
                assert!(radices.iter().all(|radix| [2, 3, 4, 5, 7, 8].contains(radix)), "{n}");
            }
        }
    }
}
