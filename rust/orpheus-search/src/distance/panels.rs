//! The nearest of a set of vectors, for very many queries.
//!
//! What trains a coarse quantizer and fills its lists: a matrix product of which only the largest
//! entry of each row is kept. The set is laid out in [`Panels`], so that a register holds one value
//! of many of its vectors and a query's value meets all of them at once.

use std::cmp::Ordering;

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
    #[expect(clippy::inline_always, reason = "compiled with the instructions of its caller")]
    #[expect(clippy::needless_range_loop, reason = "the compiler makes vectors of this form")]
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
            match score.partial_cmp(&best.1) {
                Some(Ordering::Greater) => best = (vector, score),
                Some(Ordering::Equal) if score > f32::NEG_INFINITY => best.0 = vector.min(best.0),
                _ => {}
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
        let mut best = vec![Best::NONE; GROUP.min(nearest.len())];
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

    /// Reproducible values in [-1, 1).
    fn values(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
    }

    fn nearest(kernels: Kernels, vectors: Rows<'_>, rows: Rows<'_>) -> (Vec<u32>, Vec<f32>) {
        let panels = Panels::new(vectors, |vector| vector as f32 / 100.0);
        let (mut nearest, mut scores) = (vec![9; rows.n_rows()], vec![f32::NAN; rows.n_rows()]);
        panels.nearest_into(kernels, rows, |row| row, &mut nearest, &mut scores);
        (nearest, scores)
    }

    #[test]
    fn every_tier_finds_the_largest_score_at_every_tile_edge() {
        for kernels in Tier::ALL.into_iter().filter_map(Kernels::of) {
            for (n, dim, n_rows) in
                [(1, 1, 1), (2, 3, 9), (47, 16, 13), (48, 17, 95), (49, 5, 96), (150, 33, 97)]
            {
                let (vectors, rows) = (values(n * dim, 1), values(n_rows * dim, 2));
                let vectors = Rows::new(&vectors, dim).unwrap();
                let rows = Rows::new(&rows, dim).unwrap();
                let (found, scores) = nearest(kernels, vectors, rows);
                for row in 0..n_rows {
                    let exact = |vector: usize| {
                        let pairs = vectors.row(vector).zip(rows.row(row));
                        let terms = pairs.map(|(a, b)| f64::from(a) * f64::from(b));
                        terms.sum::<f64>() + vector as f64 / 100.0
                    };
                    let best = (0..n).map(exact).fold(f64::NEG_INFINITY, f64::max);
                    // As many roundings as terms, each of at most 2^-24 of a sum below dim + 2.
                    let tolerance = (dim + 2) as f64 * (dim + 2) as f64 * 2f64.powi(-24);
                    assert!((f64::from(scores[row]) - best).abs() <= tolerance, "{kernels:?}");
                    let found = exact(found[row] as usize);
                    assert!(best - found <= 2.0 * tolerance, "{kernels:?} {found} {best}");
                }
            }
        }
    }

    #[test]
    fn of_equal_vectors_the_first_is_the_nearest_and_padding_never_is() {
        for kernels in Tier::ALL.into_iter().filter_map(Kernels::of) {
            let vectors = vec![-1.0; 100 * 4];
            let panels = Panels::new(Rows::new(&vectors, 4).unwrap(), |_| 0.0);
            let rows = [1.0; 8 * 4];
            let (mut found, mut scores) = ([9; 8], [f32::NAN; 8]);
            let rows = Rows::new(&rows, 4).unwrap();
            panels.nearest_into(kernels, rows, |row| row, &mut found, &mut scores);
            assert_eq!(found, [0; 8]);
        }
    }

    #[test]
    fn a_row_has_the_same_bits_wherever_it_stands() {
        let (vectors, rows) = (values(70 * 21, 3), values(40 * 21, 4));
        let vectors = Rows::new(&vectors, 21).unwrap();
        for kernels in Tier::ALL.into_iter().filter_map(Kernels::of) {
            let (found, scores) = nearest(kernels, vectors, Rows::new(&rows, 21).unwrap());
            for row in 0..40 {
                let alone = Rows::new(&rows[row * 21..][..21], 21).unwrap();
                let (found_alone, scores_alone) = nearest(kernels, vectors, alone);
                assert_eq!(found_alone, [found[row]]);
                assert_eq!(scores_alone[0].to_bits(), scores[row].to_bits());
            }
        }
    }
}
