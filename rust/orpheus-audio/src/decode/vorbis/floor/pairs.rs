//! Floors of type 0: line spectral pairs (Vorbis I §6).

use std::f64::consts::PI;

use super::super::bits::{Bits, ilog};
use super::super::codebook::Codebook;

/// A floor of type 0.
pub(in crate::decode::vorbis) struct Pairs {
    order: usize,
    rate: f64,
    n_map: usize,
    n_amplitude_bits: u32,
    offset: f64,
    books: Vec<usize>,
}

impl Pairs {
    pub(super) fn read(bits: &mut Bits<'_>, books: &[Codebook]) -> Result<Self, &'static str> {
        let order = bits.read(8) as usize;
        let rate = f64::from(bits.read(16));
        let n_map = bits.read(16) as usize;
        let n_amplitude_bits = bits.read(6);
        let offset = f64::from(bits.read(8));
        let n_books = bits.read(4) as usize + 1;
        let own: Vec<usize> = (0..n_books).map(|_| bits.read(8) as usize).collect();
        let usable = |&book: &usize| books.get(book).is_some_and(Codebook::has_vectors);
        let sound = order > 0 && rate > 0.0 && n_map > 0 && n_amplitude_bits <= 32;
        if !sound || !own.iter().all(usable) || bits.ended() {
            return Err("a floor with coefficients that cannot be");
        }
        Ok(Self { order, rate, n_map, n_amplitude_bits, offset, books: own })
    }

    /// §6.2.2 and §6.2.3.
    pub(super) fn curve(
        &self,
        bits: &mut Bits<'_>,
        books: &[Codebook],
        curve: &mut [f32],
    ) -> Option<()> {
        let amplitude = f64::from(bits.read(self.n_amplitude_bits));
        if amplitude == 0.0 || bits.ended() {
            return None;
        }
        let number = bits.read(ilog(self.books.len() as u32)) as usize;
        let book = &books[*self.books.get(number)?];
        let mut coefficients = Vec::with_capacity(self.order + book.n_dimensions());
        let mut last = 0.0;
        while coefficients.len() < self.order {
            let vector = book.vector(bits)?;
            coefficients.extend(vector.iter().map(|value| f64::from(*value) + last));
            last = coefficients.last().copied().unwrap_or(0.0);
        }
        coefficients.truncate(self.order);
        let cosines: Vec<f64> = coefficients.iter().map(|value| value.cos()).collect();
        let scale = amplitude * self.offset / ((1_u64 << self.n_amplitude_bits) - 1) as f64;
        let n = curve.len();
        let mut drawn: Option<(usize, f32)> = None;
        for (i, value) in curve.iter_mut().enumerate() {
            let bark = self.bark(i, n);
            let height = match drawn {
                Some((at, height)) if at == bark => height,
                _ => (0.115_129_25 * (scale / self.response(bark, &cosines) - self.offset)).exp()
                    as f32,
            };
            drawn = Some((bark, height));
            *value = height;
        }
        Some(())
    }

    /// Which of `n_map` steps of the Bark scale spectral line `i` of `n` lies in.
    fn bark(&self, i: usize, n: usize) -> usize {
        let bark =
            |f: f64| 13.1 * (0.000_74 * f).atan() + 2.24 * (1.85e-8 * f * f).atan() + 1e-4 * f;
        let share = bark(self.rate * i as f64 / (2.0 * n as f64)) / bark(0.5 * self.rate);
        ((share * self.n_map as f64) as usize).min(self.n_map - 1)
    }

    /// Square root of p + q: magnitude of the filter that the line spectral pairs describe.
    fn response(&self, bark: usize, cosines: &[f64]) -> f64 {
        let w = (PI * bark as f64 / self.n_map as f64).cos();
        let product = |first: usize| -> f64 {
            cosines.iter().skip(first).step_by(2).map(|c| 4.0 * (c - w) * (c - w)).product()
        };
        let (p, q) = if self.order % 2 == 1 {
            ((1.0 - w * w) * product(1), 0.25 * product(0))
        } else {
            ((1.0 - w) / 2.0 * product(1), f64::midpoint(1.0, w) * product(0))
        };
        (p + q).sqrt().max(f64::MIN_POSITIVE)
    }
}
