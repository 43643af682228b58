//! Estimates against what they estimate.

use super::*;
use crate::code::{CodeKernels, CodedQuery, ListCodes};
use crate::metric::Metric;
use crate::rows::Rows;

/// Sums of a few reproducible values, so that they are spread about as normal ones are.
fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..n).map(|_| step() + step() + step() + step()).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

/// Two lists far from each other, and a query that is nearer to the first.
struct Case {
    dim: usize,
    metric: Metric,
    lists: [Vec<f32>; 2],
    centers: Vec<f32>,
}

impl Case {
    fn new(dim: usize, metric: Metric) -> Self {
        let centers = values(2 * dim, 5);
        let lists = [0, 1].map(|list| {
            let mut vectors = values(1000 * dim, 10 + list as u64);
            for vector in vectors.chunks_exact_mut(dim) {
                for (value, center) in vector.iter_mut().zip(&centers[list * dim..]) {
                    *value += center;
                }
            }
            vectors
        });
        Self { dim, metric, lists, centers }
    }

    /// How far each estimate is from what it estimates, in standard errors.
    fn errors(&self, query: &[f32]) -> Vec<f64> {
        let lists = self.lists.each_ref().map(|list| Rows::new(list, self.dim).unwrap());
        let codes = ListCodes::new(&lists, self.centers.clone(), self.metric, 1).unwrap();
        let coded = CodedQuery::new(query, codes.frame()).unwrap();
        let kernels = CodeKernels::best();
        let by_signs = SignQuery::new(coded.digits(), self.dim, kernels).unwrap();
        let signs = codes.signs().unwrap();
        let mut errors = Vec::new();
        for (list, vectors) in self.lists.iter().enumerate() {
            let center = &self.centers[list * self.dim..][..self.dim];
            let merit = |vector: &[f32]| match self.metric {
                Metric::L2 => -0.5 * squared_distance(query, vector),
                _ => dot(query, vector),
            };
            let distance = squared_distance(query, center).sqrt();
            let blocks =
                signs.first_block(list)..signs.first_block(list) + 1000usize.div_ceil(LANES);
            let mut sums = vec![0; blocks.len() * LANES];
            let tables = by_signs.tables();
            kernels.sign_sums(signs.blocks(blocks), signs.stride(), tables, &mut sums);
            for (row, vector) in vectors.chunks_exact(self.dim).enumerate() {
                let (factor, offset) = signs.fact(codes.places(list).start + row);
                let seems = f64::from(by_signs.seems(sums[row], factor, offset)) + merit(center);
                let factor = f64::from(f32::from_bits(u32::from(factor) << 16));
                let error = factor * f64::from(signs.error()) * distance;
                errors.push((seems - merit(vector)) / error);
            }
        }
        errors
    }
}

#[test]
fn estimates_are_unbiased_and_within_their_standard_error() {
    for dim in [256, 300, 512, 1000] {
        for metric in [Metric::L2, Metric::InnerProduct] {
            let case = Case::new(dim, metric);
            let mut query = values(dim, 77);
            for (value, center) in query.iter_mut().zip(&case.centers) {
                *value += center;
            }
            let errors = case.errors(&query);
            let n = errors.len() as f64;
            let mean = errors.iter().sum::<f64>() / n;
            let spread = (errors.iter().map(|error| error * error).sum::<f64>() / n).sqrt();
            let n_beyond = errors.iter().filter(|error| **error < -f64::from(CONFIDENCE)).count();
            assert!(mean.abs() < 0.15, "{dim} {metric}: {mean}");
            assert!((0.85..1.1).contains(&spread), "{dim} {metric}: {spread}");
            assert!(n_beyond <= 8, "{dim} {metric}: {n_beyond} of {n}");
        }
    }
}

#[test]
fn signs_are_kept_from_256_values_on() {
    let vectors = values(100 * 300, 1);
    for (dim, are_kept) in [(8, false), (255, false), (256, true), (300, true)] {
        let rows = Rows::new(&vectors[..100 * dim], dim).unwrap();
        let codes = ListCodes::of_matrix(rows, Metric::L2, 1).unwrap();
        assert_eq!(codes.signs().is_some(), are_kept, "{dim}");
    }
}
