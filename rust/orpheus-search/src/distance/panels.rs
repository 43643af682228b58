//! The nearest of a set of vectors, for very many queries.
//!
//! What trains a coarse quantizer and fills its lists: a matrix product of which only the largest
//! entry of each row is kept. The set is laid out in [`Panels`], so that a register holds one value
//! of many of its vectors and a query's value meets all of them at once.

use super::Kernels;
use crate::rows::Rows;

/// Vectors of a panel: three registers of the widest instructions, and whole registers of others.
pub(crate) const WIDTH: usize = 48;

/// Rows whose scores are computed together, so that a panel is read from the second-level cache
/// once for all of them.
const GROUP: usize = 96;

/// Vectors in panels of [`WIDTH`], each with a number that is added to its inner products.
pub(crate) struct Panels {
    /// Value `d` of vector `v` of a panel at `d * WIDTH + v`.
    values: Vec<f32>,
    biases: Vec<[f32; WIDTH]>,
    dim: usize,
}

/// One panel.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    pub(super) values: &'a [[f32; WIDTH]],
    pub(super) biases: &'a [f32; WIDTH],
    pub(super) number: u32,
}

/// The best of each column of all panels so far, for one query.
#[derive(Clone, Copy)]
pub(super) struct Best {
    pub(super) scores: [f32; WIDTH],
    pub(super) panels: [u32; WIDTH],
}

impl Best {
    const NONE: Self = Self { scores: [f32::NEG_INFINITY; WIDTH], panels: [0; WIDTH] };

    /// Takes in the scores of a panel. Of equal ones the first stays.
    #[inline(always)]
    pub(super) fn offer(&mut self, scores: &[f32; WIDTH], panel: u32) {
        for column in 0..WIDTH {
            let is_better = scores[column] > self.scores[column];
            self.scores[column] = if is_better { scores[column] } else { self.scores[column] };
            self.panels[column] = if is_better { panel } else { self.panels[column] };
        }
    }

    /// The vector with the largest score, the first of equal ones, and that score.
    fn vector(&self) -> (u32, f32) {
        let mut best = (0, f32::NEG_INFINITY);
        for (column, (&score, &panel)) in self.scores.iter().zip(&self.panels).enumerate() {
            let vector = panel * WIDTH as u32 + column as u32;
            if score > best.1 || (score == best.1 && vector < best.0) {
                best = (vector, score);
            }
        }
        best
    }
}

/// Offers the scores of each row, which all have the panel's dimension, to its best.
pub(super) type PanelKernel = fn(&[&[[u8; 4]]], Panel<'_>, &mut [Best]);

impl Panels {
    /// Lays out `vectors`, of which there are fewer than 2^32; `bias` gives what is added to the
    /// inner products of each.
    pub(crate) fn new(vectors: Rows<'_>, bias: impl Fn(usize) -> f32) -> Self {
        let (n, dim) = (vectors.n_rows(), vectors.dim());
        let n_panels = n.div_ceil(WIDTH);
        let mut values = vec![0.0; n_panels * WIDTH * dim];
        // A place without a vector never has the largest score.
        let mut biases = vec![[f32::NEG_INFINITY; WIDTH]; n_panels];
        for vector in 0..n {
            let (panel, column) = (vector / WIDTH, vector % WIDTH);
            biases[panel][column] = bias(vector);
            let places = values[panel * WIDTH * dim..][column..].iter_mut().step_by(WIDTH);
            for (place, value) in places.zip(vectors.row(vector)) {
                *place = value;
            }
        }
        Self { values, biases, dim }
    }

    fn panel(&self, number: usize) -> Panel<'_> {
        let values = &self.values[number * WIDTH * self.dim..][..WIDTH * self.dim];
        let (values, _) = values.as_chunks::<WIDTH>();
        Panel { values, biases: &self.biases[number], number: number as u32 }
    }

    /// Writes which vector has the largest inner product plus bias with each of `rows`, the first
    /// of equal ones, and how much that is. Row `i` of the work is row `row_of(i)`.
    ///
    /// # Panics
    ///
    /// If the dimensions differ, the two results differ in length, or a row does not exist.
    pub(crate) fn nearest_into(
        &self,
        kernels: Kernels,
        rows: Rows<'_>,
        row_of: impl Fn(usize) -> usize,
        nearest: &mut [u32],
        scores: &mut [f32],
    ) {
        assert_eq!((rows.dim(), nearest.len()), (self.dim, scores.len()));
        let mut best = [Best::NONE; GROUP];
        let mut lanes: [&[[u8; 4]]; GROUP] = [&[]; GROUP];
        let groups = nearest.chunks_mut(GROUP).zip(scores.chunks_mut(GROUP));
        for (group, (nearest, scores)) in groups.enumerate() {
            let n = nearest.len();
            for (index, lanes) in lanes[..n].iter_mut().enumerate() {
                *lanes = rows.row_lanes(row_of(group * GROUP + index));
            }
            best[..n].fill(Best::NONE);
            for number in 0..self.biases.len() {
                (kernels.panel)(&lanes[..n], self.panel(number), &mut best[..n]);
            }
            for ((nearest, score), best) in nearest.iter_mut().zip(scores).zip(&best) {
                (*nearest, *score) = best.vector();
            }
        }
    }
}

/// The portable kernel: four rows and eight columns at a time.
pub(super) fn scalar_panel(rows: &[&[[u8; 4]]], panel: Panel<'_>, best: &mut [Best]) {
    const COLUMNS: usize = 8;
    for (row, best) in rows.iter().zip(best) {
        assert_eq!(row.len(), panel.values.len());
        let mut scores = *panel.biases;
        for (first, scores) in scores.as_chunks_mut::<COLUMNS>().0.iter_mut().enumerate() {
            for (value, values) in row.iter().zip(panel.values) {
                let value = f32::from_le_bytes(*value);
                let values = &values[first * COLUMNS..][..COLUMNS];
                for (score, other) in scores.iter_mut().zip(values) {
                    *score += value * other;
                }
            }
        }
        best.offer(&scores, panel.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::Tier;

    #[test]
    #[ignore]
    fn speed() {
        let dim = 512;
        let values: Vec<f32> =
            (0..8192 * dim).map(|i| ((i * 7919) % 1000) as f32 / 1000.0 - 0.5).collect();
        let rows = Rows::new(&values, dim).unwrap();
        let c = Rows::new(&values[..512 * dim], dim).unwrap();
        for kernels in Tier::ALL.into_iter().filter_map(Kernels::of) {
            let panels = Panels::new(c, |_| -1.0);
            let (mut a, mut b) = (vec![0; 8192], vec![0.0; 8192]);
            let mut best = f64::MAX;
            for _ in 0..8 {
                let t = std::time::Instant::now();
                panels.nearest_into(kernels, rows, |i| i, &mut a, &mut b);
                best = best.min(t.elapsed().as_secs_f64());
            }
            eprintln!("{kernels:?} {:.1} GFLOP/s", 2.0 * 8192.0 * 512.0 * 512.0 / best / 1e9);
        }
    }
}
