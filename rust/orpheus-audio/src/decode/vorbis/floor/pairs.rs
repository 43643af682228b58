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

#[cfg(test)]
mod tests {
    use super::super::super::codebook::Budget;
    use super::super::super::testing::Writer;
    use super::*;

    /// |P|² of a polynomial that is a product of `1 - 2 cos(angle) z + z²` and of `1 ± z`, on the unit
    /// circle.
    fn power(w: f64, angles: impl Iterator<Item = f64>, ends: &[f64]) -> f64 {
        let mut product = (1.0, 0.0);
        let mut times = |(re, im): (f64, f64)| {
            product = (product.0 * re - product.1 * im, product.0 * im + product.1 * re);
        };
        for angle in angles {
            let c = -2.0 * angle.cos();
            times((1.0 + c * w.cos() + (2.0 * w).cos(), -c * w.sin() - (2.0 * w).sin()));
        }
        for sign in ends {
            times((1.0 + sign * w.cos(), -sign * w.sin()));
        }
        product.0 * product.0 + product.1 * product.1
    }

    /// The filter that the pairs describe is the mean of a symmetric and an antisymmetric polynomial.
    #[test]
    fn heights_are_those_of_the_filter_at_every_order() {
        let mut setup = Writer::default();
        setup.put_angles();
        let mut budget = Budget::new();
        let books = [Codebook::read(&mut Bits::new(&setup.bytes), &mut budget).unwrap()];
        for order in [1, 2, 3, 4, 5, 8, 13, 20] {
            let floor = Pairs {
                order,
                rate: 44_100.0,
                n_map: 120,
                n_amplitude_bits: 6,
                offset: 1.0,
                books: vec![0],
            };
            let mut packet = Writer::default();
            packet.put(50, 6);
            packet.put(0, 1);
            (0..20).for_each(|n| packet.put(n * 7 % 13, 4));
            packet.put(0, 32);
            let mut bits = Bits::new(&packet.bytes);
            bits.read(7);
            let (mut angles, mut last) = (Vec::new(), 0.0);
            while angles.len() < order {
                let vector = books[0].vector(&mut bits).unwrap();
                angles.extend(vector.iter().map(|&value| f64::from(value) + last));
                last = angles.last().copied().unwrap();
            }
            angles.truncate(order);
            let mut curve = [0.0; 256];
            floor.curve(&mut Bits::new(&packet.bytes), &books, &mut curve).unwrap();
            for (line, &height) in curve.iter().enumerate() {
                let w = PI * floor.bark(line, 256) as f64 / 120.0;
                let even = || angles.iter().step_by(2).copied();
                let odd = || angles.iter().skip(1).step_by(2).copied();
                let (p, q): (&[f64], &[f64]) =
                    if order % 2 == 1 { (&[1.0, -1.0], &[]) } else { (&[-1.0], &[1.0]) };
                let magnitude = (0.25 * (power(w, odd(), p) + power(w, even(), q))).sqrt();
                let db = 50.0 / (63.0 * magnitude) - 1.0;
                let wanted = (0.115_129_25 * db).exp();
                let error = (f64::from(height) / wanted - 1.0).abs();
                assert!(error < 1e-4, "order {order}, line {line}: {error}, {magnitude}");
            }
        }
    }
}
