//! Floors: the spectral envelope of a channel (Vorbis I §6 and §7).

use std::f64::consts::PI;

use super::bits::{Bits, ilog};
use super::codebook::Codebook;

/// Most points of a floor of type 1: the two ends and 31 partitions of 8 (§7.2.2 allows 65).
const MAX_POINTS: usize = 65;

pub(super) enum Floor {
    /// Line spectral pairs. No encoder of this century writes it.
    Pairs(Pairs),
    /// Straight lines between points.
    Lines(Lines),
}

impl Floor {
    pub(super) fn read(bits: &mut Bits<'_>, books: &[Codebook]) -> Result<Self, &'static str> {
        match bits.read(16) {
            0 => Pairs::read(bits, books).map(Self::Pairs),
            1 => Lines::read(bits, books).map(Self::Lines),
            _ => Err("a floor of an unknown type"),
        }
    }

    /// Reads one channel's envelope of a packet into `curve`; `false` if the channel is silent.
    pub(super) fn curve(&self, bits: &mut Bits<'_>, books: &[Codebook], curve: &mut [f32]) -> bool {
        match self {
            Self::Pairs(floor) => floor.curve(bits, books, curve).is_some(),
            Self::Lines(floor) => floor.curve(bits, books, curve).is_some(),
        }
    }
}

struct Class {
    n_dimensions: usize,
    n_subclass_bits: u32,
    master: Option<usize>,
    books: Vec<Option<usize>>,
}

impl Class {
    fn read(bits: &mut Bits<'_>, books: &[Codebook]) -> Result<Self, &'static str> {
        let n_dimensions = bits.read(3) as usize + 1;
        let n_subclass_bits = bits.read(2);
        let master = (n_subclass_bits > 0).then(|| bits.read(8) as usize);
        let subclass_books: Vec<Option<usize>> =
            (0..1 << n_subclass_bits).map(|_| (bits.read(8) as usize).checked_sub(1)).collect();
        if master.iter().chain(subclass_books.iter().flatten()).any(|&book| book >= books.len()) {
            return Err("a floor refers to a codebook that is not there");
        }
        Ok(Self { n_dimensions, n_subclass_bits, master, books: subclass_books })
    }
}

/// A floor of type 1.
pub(super) struct Lines {
    partitions: Vec<usize>,
    classes: Vec<Class>,
    multiplier: usize,
    /// Positions of the points, in the order in which their heights are coded.
    x: Vec<usize>,
    /// For each point but the first two: the closest points to its left and right among those before.
    neighbours: Vec<(usize, usize)>,
    /// The points from left to right.
    order: Vec<usize>,
}

impl Lines {
    fn read(bits: &mut Bits<'_>, books: &[Codebook]) -> Result<Self, &'static str> {
        let n_partitions = bits.read(5) as usize;
        let partitions: Vec<usize> = (0..n_partitions).map(|_| bits.read(4) as usize).collect();
        let n_classes = partitions.iter().max().map_or(0, |class| class + 1);
        let classes =
            (0..n_classes).map(|_| Class::read(bits, books)).collect::<Result<Vec<_>, _>>()?;
        let multiplier = bits.read(2) as usize + 1;
        let n_range_bits = bits.read(4);
        let mut x = vec![0, 1 << n_range_bits];
        for &class in &partitions {
            for _ in 0..classes[class].n_dimensions {
                x.push(bits.read(n_range_bits) as usize);
            }
        }
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_unstable_by_key(|&i| x[i]);
        let doubled = order.windows(2).any(|pair| x[pair[0]] == x[pair[1]]);
        if x.len() > MAX_POINTS || doubled || bits.ended() {
            return Err("a floor with points that cannot be");
        }
        let neighbours = (2..x.len()).map(|i| neighbours(&x, i)).collect();
        Ok(Self { partitions, classes, multiplier, x, neighbours, order })
    }

    fn curve(&self, bits: &mut Bits<'_>, books: &[Codebook], curve: &mut [f32]) -> Option<()> {
        let coded = self.coded_heights(bits, books)?;
        let (heights, used) = self.heights(&coded);
        self.draw(&heights, &used, curve);
        Some(())
    }

    /// §7.2.3: the heights as they are coded, or nothing if the channel is silent.
    fn coded_heights(
        &self,
        bits: &mut Bits<'_>,
        books: &[Codebook],
    ) -> Option<[usize; MAX_POINTS]> {
        if !bits.flag() {
            return None;
        }
        let n_bits = ilog(self.range() as u32 - 1);
        let mut coded = [0; MAX_POINTS];
        coded[0] = bits.read(n_bits) as usize;
        coded[1] = bits.read(n_bits) as usize;
        let mut at = 2;
        for &class in &self.partitions {
            let class = &self.classes[class];
            let mut choices = match class.master {
                Some(master) => books[master].entry(bits)?,
                None => 0,
            };
            for _ in 0..class.n_dimensions {
                let book = class.books[choices & ((1 << class.n_subclass_bits) - 1)];
                choices >>= class.n_subclass_bits;
                if let Some(book) = book {
                    coded[at] = books[book].entry(bits)?;
                }
                at += 1;
            }
        }
        (!bits.ended()).then_some(coded)
    }

    fn range(&self) -> usize {
        [256, 128, 86, 64][self.multiplier - 1]
    }

    /// §7.2.4 step 1: each height is coded as the difference to what its neighbours predict.
    fn heights(&self, coded: &[usize; MAX_POINTS]) -> ([usize; MAX_POINTS], [bool; MAX_POINTS]) {
        let range = self.range();
        let mut heights = *coded;
        let mut used = [false; MAX_POINTS];
        used[0] = true;
        used[1] = true;
        for (i, &(low, high)) in (2..).zip(&self.neighbours) {
            let predicted = point_on_line(
                (self.x[low], heights[low]),
                (self.x[high], heights[high]),
                self.x[i],
            );
            // A damaged packet may lead out of the range; the specification leaves open what then.
            let predicted = predicted.min(range - 1);
            let value = coded[i];
            let (above, below) = (range - predicted, predicted);
            let room = 2 * above.min(below);
            heights[i] = if value == 0 {
                predicted
            } else {
                (used[low], used[high], used[i]) = (true, true, true);
                let height = if value >= room {
                    if above > below {
                        (value - below + predicted) as i64
                    } else {
                        predicted as i64 - (value as i64 - above as i64) - 1
                    }
                } else if value % 2 == 1 {
                    predicted as i64 - (value as i64 + 1) / 2
                } else {
                    (predicted + value / 2) as i64
                };
                height.clamp(0, range as i64 - 1) as usize
            };
        }
        (heights, used)
    }

    /// §7.2.4 step 2: lines between the points that are used, on a scale of decibels.
    fn draw(&self, heights: &[usize; MAX_POINTS], used: &[bool; MAX_POINTS], curve: &mut [f32]) {
        let table = decibels();
        let mut from = (0, heights[0] * self.multiplier);
        for &point in self.order.iter().skip(1).filter(|&&point| used[point]) {
            let to = (self.x[point], heights[point] * self.multiplier);
            draw_line(from, to, table, curve);
            from = to;
        }
        if from.0 < curve.len() {
            curve[from.0..].fill(table[from.1.min(255)]);
        }
    }
}

/// The closest points to the left and to the right of point `i` among those before it (§9.2.4, §9.2.5).
fn neighbours(x: &[usize], i: usize) -> (usize, usize) {
    let low = (0..i).filter(|&j| x[j] < x[i]).max_by_key(|&j| x[j]).unwrap_or(0);
    let high = (0..i).filter(|&j| x[j] > x[i]).min_by_key(|&j| x[j]).unwrap_or(1);
    (low, high)
}

/// §9.2.6.
fn point_on_line(from: (usize, usize), to: (usize, usize), x: usize) -> usize {
    let (dy, dx) = (to.1 as i64 - from.1 as i64, to.0 as i64 - from.0 as i64);
    let offset = dy.abs() * (x as i64 - from.0 as i64) / dx.max(1);
    let y = if dy < 0 { from.1 as i64 - offset } else { from.1 as i64 + offset };
    y.max(0) as usize
}

/// §9.2.7: the line from a point up to, and without, the next, in whole steps.
fn draw_line(from: (usize, usize), to: (usize, usize), table: &[f32; 256], curve: &mut [f32]) {
    let (dy, dx) = (to.1 as i64 - from.1 as i64, to.0 as i64 - from.0 as i64);
    if dx <= 0 {
        return;
    }
    let base = dy / dx;
    let step = if dy < 0 { base - 1 } else { base + 1 };
    let surplus = dy.abs() - base.abs() * dx;
    let (mut y, mut error) = (from.1 as i64, 0);
    let end = to.0.min(curve.len());
    let start = from.0.min(end);
    for (i, value) in curve[start..end].iter_mut().enumerate() {
        if i > 0 {
            error += surplus;
            if error >= dx {
                error -= dx;
                y += step;
            } else {
                y += base;
            }
        }
        *value = table[y.clamp(0, 255) as usize];
    }
}

/// The heights' scale (§10.1): steps of 35/64 dB up to full scale.
fn decibels() -> &'static [f32; 256] {
    static TABLE: std::sync::LazyLock<[f32; 256]> = std::sync::LazyLock::new(|| {
        std::array::from_fn(|i| 10_f64.powf((i as f64 - 255.0) * (35.0 / 64.0) / 20.0) as f32)
    });
    &TABLE
}

/// A floor of type 0.
pub(super) struct Pairs {
    order: usize,
    rate: f64,
    n_map: usize,
    n_amplitude_bits: u32,
    offset: f64,
    books: Vec<usize>,
}

impl Pairs {
    fn read(bits: &mut Bits<'_>, books: &[Codebook]) -> Result<Self, &'static str> {
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
    fn curve(&self, bits: &mut Bits<'_>, books: &[Codebook], curve: &mut [f32]) -> Option<()> {
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
    use super::*;

    #[test]
    fn the_scale_is_the_specifications_table() {
        // The first two and the last two values of Vorbis I §10.1.
        let table = decibels();
        let some = [(0, 1.064_986_3e-7), (1, 1.134_195_1e-7), (254, 0.938_979_8), (255, 1.0)];
        for (i, wanted) in some {
            let error: f32 = table[i] / wanted - 1.0;
            assert!(error.abs() < 1e-6, "{i}: {} instead of {wanted}", table[i]);
        }
    }

    #[test]
    fn a_line_goes_through_its_points_in_whole_steps() {
        let mut curve = [9.0; 8];
        let table = std::array::from_fn(|i| i as f32);
        draw_line((0, 2), (4, 5), &table, &mut curve);
        draw_line((4, 5), (10, 1), &table, &mut curve);
        assert_eq!(curve.map(|value| value as u8), [2, 2, 3, 4, 5, 5, 4, 3]);
    }

    #[test]
    fn neighbours_are_the_closest_points_before() {
        let x = [0, 128, 64, 32, 96, 48];
        assert_eq!(neighbours(&x, 2), (0, 1));
        assert_eq!(neighbours(&x, 4), (2, 1));
        assert_eq!(neighbours(&x, 5), (3, 2));
    }
}
