//! Queries as the kernels want them.

use crate::error::{Error, Result};
use crate::metric::Metric;

/// Values per cache line, and per register of the widest kernel.
const LINE: usize = 16;

/// A few queries: finite, each on its own cache lines, padded with zeros.
#[derive(Debug)]
pub(crate) struct QueryBlock {
    values: Vec<f32>,
    /// Where the first query starts, so that it lies at a multiple of 64 bytes.
    start: usize,
    stride: usize,
    dim: usize,
    n_queries: usize,
}

impl QueryBlock {
    /// One query of zeros: its squared distance from a vector is that vector's squared length.
    pub(crate) fn zero(dim: usize) -> Self {
        Self::padded(1, dim)
    }

    /// Queries of `dim` values each, back to back in `queries`, the first of which the caller
    /// counts as `first`. For [`Metric::Cosine`] each gets length one, unless it has none.
    pub(crate) fn new(queries: &[f32], dim: usize, metric: Metric, first: usize) -> Result<Self> {
        let mut block = Self::padded(queries.len() / dim, dim);
        for (index, query) in queries.chunks_exact(dim).enumerate() {
            check_finite(query, first + index)?;
            let at = block.start + index * block.stride;
            let copy = &mut block.values[at..at + dim];
            copy.copy_from_slice(query);
            if metric == Metric::Cosine {
                make_unit(copy);
            }
        }
        Ok(block)
    }

    fn padded(n_queries: usize, dim: usize) -> Self {
        let stride = dim.next_multiple_of(LINE);
        let values = vec![0.0f32; n_queries * stride + LINE];
        let start = values.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        Self { values, start, stride, dim, n_queries }
    }

    /// Puts `query`, which has `dim` values, in the place of the first one, as it is.
    pub(crate) fn set(&mut self, query: &[f32]) {
        self.values[self.start..][..self.dim].copy_from_slice(query);
    }

    /// Query `index` by itself.
    pub(crate) fn alone(&self, index: usize) -> Self {
        let mut alone = Self::padded(1, self.dim);
        let start = alone.start;
        alone.values[start..start + self.dim].copy_from_slice(self.query(index));
        alone
    }

    pub(crate) fn n_queries(&self) -> usize {
        self.n_queries
    }

    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    /// Query `index`, which is below `n_queries`.
    pub(crate) fn query(&self, index: usize) -> &[f32] {
        &self.values[self.start + index * self.stride..][..self.dim]
    }
}

/// Makes sure that all of `query`, which the caller counts as `row`, are numbers.
pub(crate) fn check_finite(query: &[f32], row: usize) -> Result<()> {
    // Without a branch per value: a query is nearly always sound.
    if query.iter().fold(true, |all, value| all & value.is_finite()) {
        return Ok(());
    }
    let column = query.iter().position(|value| !value.is_finite()).unwrap_or(0);
    Err(Error::NotFinite { name: "queries", row, column, value: f64::from(query[column]) })
}

/// Scales `vector` to length one, or to zeros if its length is below the smallest normal float32
/// or not finite.
fn make_unit(vector: &mut [f32]) {
    let inverse = inverse_norm(vector.iter().copied().map(f64::from));
    for value in vector {
        *value = (f64::from(*value) * inverse) as f32;
    }
}

/// One over the length of a vector, or 0 if the length is below the smallest normal float32 or
/// not finite.
///
/// In float64, where squares of float32 neither overflow nor vanish.
pub(crate) fn inverse_norm(values: impl Iterator<Item = f64>) -> f64 {
    let length = values.map(|value| value * value).sum::<f64>().sqrt();
    if length >= f64::from(f32::MIN_POSITIVE) && length.is_finite() { 1.0 / length } else { 0.0 }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::*;

    #[test]
    fn queries_lie_on_cache_lines_padded_with_zeros() {
        for dim in [1, 15, 16, 17, 33] {
            let queries: Vec<f32> = (1..=3 * dim).map(|value| value as f32).collect();
            let block = QueryBlock::new(&queries, dim, Metric::L2, 0).unwrap();
            for index in 0..3 {
                assert_eq!(block.query(index), &queries[index * dim..][..dim]);
                assert_eq!(block.query(index).as_ptr() as usize % 64, 0);
            }
        }
    }

    #[test]
    fn the_first_value_that_is_not_finite_is_named() {
        let mut queries = [0.5f32; 8];
        queries[6] = f32::NAN;
        let error = QueryBlock::new(&queries, 4, Metric::L2, 10).unwrap_err();
        assert!(error.to_string().contains("queries[11, 2] is NaN"), "{error}");
    }

    #[test]
    fn lengths_are_right_where_float32_squares_overflow_or_vanish() {
        for scale in [1e-30f32, 1.0, 1e30] {
            let mut vector = [3.0 * scale, 4.0 * scale];
            make_unit(&mut vector);
            assert!((vector[0] - 0.6).abs() < 1e-7 && (vector[1] - 0.8).abs() < 1e-7);
        }
    }

    #[test]
    fn a_vector_without_a_direction_becomes_zeros() {
        for value in [0.0, 1e-40] {
            let mut vector = [value; 2];
            make_unit(&mut vector);
            assert_eq!(vector, [0.0; 2]);
        }
    }
}
