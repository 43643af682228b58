//! Floors of type 1: straight lines between points (Vorbis I §7).

use super::super::bits::{Bits, ilog};
use super::super::codebook::Codebook;

/// Most points of a floor of type 1, the two ends among them (§7.2.2); 31 partitions of 8 could say more.
const MAX_POINTS: usize = 65;

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
pub(in crate::decode::vorbis) struct Lines {
    partitions: Vec<usize>,
    classes: Vec<Class>,
    multiplier: usize,
    /// Positions of the points, in the order in which their heights are coded.
    x: Vec<usize>,
    /// Of each point but the first two.
    neighbours: Vec<Neighbours>,
    /// The points from left to right.
    order: Vec<usize>,
}

impl Lines {
    pub(super) fn read(bits: &mut Bits<'_>, books: &[Codebook]) -> Result<Self, &'static str> {
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
        let neighbours = (2..x.len()).map(|i| Neighbours::of(&x, i)).collect();
        Ok(Self { partitions, classes, multiplier, x, neighbours, order })
    }

    pub(super) fn curve(
        &self,
        bits: &mut Bits<'_>,
        books: &[Codebook],
        curve: &mut [f32],
    ) -> Option<()> {
        let coded = self.coded_heights(bits, books)?;
        let (heights, used) = self.heights(&coded);
        self.draw(&heights, &used, curve);
        Some(())
    }

    /// §7.2.3: the heights as they are coded, or nothing if the channel is silent.
    fn coded_heights(&self, bits: &mut Bits<'_>, books: &[Codebook]) -> Option<[i32; MAX_POINTS]> {
        let mut own = *bits;
        let coded = self.read_heights(&mut own, books);
        *bits = own;
        coded
    }

    #[inline(always)]
    fn read_heights(&self, bits: &mut Bits<'_>, books: &[Codebook]) -> Option<[i32; MAX_POINTS]> {
        if !bits.flag() {
            return None;
        }
        let highest = self.range() - 1;
        let mut coded = [0; MAX_POINTS];
        for end in &mut coded[..2] {
            // The bits may say more than the range holds; the specification leaves open what then.
            *end = (bits.read(ilog(highest as u32)) as i32).min(highest);
        }
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
                    coded[at] = books[book].entry(bits)? as i32;
                }
                at += 1;
            }
        }
        (!bits.ended()).then_some(coded)
    }

    fn range(&self) -> i32 {
        [256, 128, 86, 64][self.multiplier - 1]
    }

    /// §7.2.4 step 1: each height is coded as the difference to what its neighbours predict.
    fn heights(&self, coded: &[i32; MAX_POINTS]) -> ([i32; MAX_POINTS], [bool; MAX_POINTS]) {
        let range = self.range();
        let mut heights = *coded;
        let mut used = [false; MAX_POINTS];
        used[0] = true;
        used[1] = true;
        for (i, neighbours) in (2..).zip(&self.neighbours) {
            let predicted = neighbours.predict(&heights);
            let value = coded[i];
            let (above, below) = (range - predicted, predicted);
            let height = if value >= 2 * above.min(below) {
                if above > below { value } else { range - 1 - value }
            } else {
                // Odd values go down, even ones up.
                predicted + (value >> 1 ^ -(value & 1))
            };
            // A damaged packet may lead out of the range.
            heights[i] = if value == 0 { predicted } else { height.clamp(0, range - 1) };
            for point in [neighbours.low, neighbours.high, i] {
                used[point] |= value != 0;
            }
        }
        (heights, used)
    }

    /// §7.2.4 step 2: lines between the points that are used, on a scale of decibels.
    fn draw(&self, heights: &[i32; MAX_POINTS], used: &[bool; MAX_POINTS], curve: &mut [f32]) {
        let table = decibels();
        // Gathered without a branch, as there is no telling which points are used.
        let mut points = [(0, 0); MAX_POINTS];
        let mut n_points = 0;
        for &point in &self.order {
            points[n_points] = (self.x[point], heights[point] * self.multiplier as i32);
            n_points += usize::from(used[point]);
        }
        let points = &points[..n_points];
        for pair in points.windows(2) {
            draw_line(pair[0], pair[1], table, curve);
        }
        if let Some(&(x, y)) = points.last()
            && x < curve.len()
        {
            curve[x..].fill(table[y.clamp(0, 255) as usize]);
        }
    }
}

/// What the height of a point is predicted from.
struct Neighbours {
    /// The closest points to the left and to the right among those before.
    low: usize,
    high: usize,
    /// How far the point lies on the way from one to the other, times 2^32 and rounded up: so close
    /// that the product with the difference of two heights has the right whole part.
    share: u64,
}

impl Neighbours {
    /// §9.2.4 and §9.2.5.
    fn of(x: &[usize], i: usize) -> Self {
        let low = (0..i).filter(|&j| x[j] < x[i]).max_by_key(|&j| x[j]).unwrap_or(0);
        let high = (0..i).filter(|&j| x[j] > x[i]).min_by_key(|&j| x[j]).unwrap_or(1);
        let span = x[high].saturating_sub(x[low]).max(1) as u64;
        let share = ((x[i].saturating_sub(x[low]) as u64) << 32).div_ceil(span);
        Self { low, high, share }
    }

    /// §9.2.6.
    fn predict(&self, heights: &[i32; MAX_POINTS]) -> i32 {
        let (low, high) = (heights[self.low], heights[self.high]);
        let offset = ((u64::from(low.abs_diff(high)) * self.share) >> 32) as i32;
        if high < low { low - offset } else { low + offset }
    }
}

/// §9.2.7: the line from a point up to, and without, the next, in whole steps. Heights are 0 to 255.
fn draw_line(from: (usize, i32), to: (usize, i32), table: &[f32; 256], curve: &mut [f32]) {
    let end = to.0.min(curve.len());
    if from.0 >= end {
        return;
    }
    // In steps of 2^-32 of a height. Rounding the slope away from 0 makes an error that stays below
    // 2^-17 all the way, while the exact height of a line of at most 2^15 steps is never closer
    // than 2^-15 to the next whole one.
    let rise = i64::from(to.1 - from.1);
    let slope = ((rise.unsigned_abs() << 32).div_ceil((to.0 - from.0) as u64)) as i64;
    let start = i64::from(from.1) << 32;
    // Steps are counted towards the end, whole ones only: down is rounded up.
    let (mut height, slope) = if rise < 0 { (start | 0xffff_ffff, -slope) } else { (start, slope) };
    let mut next = || {
        let value = table[usize::from((height >> 32) as u8)];
        height = height.wrapping_add(slope);
        value
    };
    let (fours, rest) = curve[from.0..end].as_chunks_mut::<4>();
    for four in fours {
        *four = std::array::from_fn(|_| next());
    }
    for value in rest {
        *value = next();
    }
}

/// The heights' scale (§10.1): steps of 35/64 dB up to full scale.
fn decibels() -> &'static [f32; 256] {
    static TABLE: std::sync::LazyLock<[f32; 256]> = std::sync::LazyLock::new(|| {
        std::array::from_fn(|i| 10_f64.powf((i as f64 - 255.0) * (35.0 / 64.0) / 20.0) as f32)
    });
    &TABLE
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
    fn lines_of_any_slope_are_those_of_the_specifications_steps() {
        let table = std::array::from_fn(|i| i as f32);
        for n_steps in [1, 2, 3, 7, 64, 255, 256, 1000, 4095, 32_767, 32_768] {
            for (from, to) in [(0, 255), (255, 0), (3, 4), (200, 199), (17, 17), (100, 3), (9, 251)]
            {
                let mut curve = vec![9.0; n_steps];
                draw_line((0, from), (n_steps, to), &table, &mut curve);
                let rise = i64::from(to - from);
                for (i, value) in curve.iter().enumerate() {
                    // §9.2.7 counts an error up; this is what it comes to.
                    let steps = i as i64 * rise.abs() / n_steps as i64;
                    let wanted = i64::from(from) + rise.signum() * steps;
                    assert_eq!(*value as i64, wanted, "{from} to {to}, {i} of {n_steps}");
                }
            }
        }
    }

    #[test]
    fn neighbours_are_the_closest_points_before() {
        let x = [0, 128, 64, 32, 96, 48];
        let closest = |i| (Neighbours::of(&x, i).low, Neighbours::of(&x, i).high);
        assert_eq!([2, 4, 5].map(closest), [(0, 1), (2, 1), (3, 2)]);
    }

    #[test]
    fn predictions_are_points_on_a_line_in_whole_steps() {
        for span in [2, 3, 7, 100, 1023, 32_768] {
            for i in [1, span / 3, span / 2, span - 1] {
                let neighbours = Neighbours::of(&[0, span, i], 2);
                for (low, high) in [(0, 255), (255, 0), (7, 8), (80, 3)] {
                    let mut heights = [0; MAX_POINTS];
                    (heights[0], heights[1]) = (low, high);
                    let rise = i64::from(high - low);
                    let wanted = rise.abs() * i as i64 / span as i64 * rise.signum();
                    assert_eq!(i64::from(neighbours.predict(&heights) - low), wanted);
                }
            }
        }
    }
}
