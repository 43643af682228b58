//! How a stored code relates to a vector.
//!
//! A [`Codec`] knows what the bytes of a list of codes mean. A [`Scorer`] compares one query after
//! the other with them. Codes are addressed by their place in a list, since some layouts pack many
//! vectors into one block.

mod decoded;
mod fast_scan;
mod float32;
mod half;
mod kernel;
mod nibbles;
mod product;
mod rabitq;
mod scalar;
mod scalar_scorer;

use std::fmt::Debug;

pub(crate) use fast_scan::FastScanCodec;
pub(crate) use float32::Float32Codec;
pub(crate) use nibbles::PackedBlocks;
pub(crate) use product::ProductCodec;
pub(crate) use rabitq::{RaBitQCodec, RaBitQLayout, RaBitQQueries};
pub(crate) use scalar::ScalarCodec;

use crate::distance::Kernels;
use crate::filter::Picks;
use crate::metric::Metric;

/// What the bytes of a list of codes mean.
pub(crate) trait Codec: Send + Sync + Debug {
    /// Values of a vector.
    fn dim(&self) -> usize;

    /// Writes the vector at `place` of the list `codes`, which holds it: less the origin of the
    /// list, if the codes are of such differences.
    fn decode(&self, codes: &[u8], place: usize, vector: &mut [f32]);

    /// Compares queries with codes; it has none yet.
    fn scorer(&self, metric: Metric, kernels: Kernels) -> Box<dyn Scorer + '_>;
}

/// Compares one query with many codes.
pub(crate) trait Scorer {
    /// Takes `query`, of the codec's dimension, for all that follows, and the origin of the
    /// coordinates for the origin of the codes.
    fn set_query(&mut self, query: &[f32]);

    /// From now on codes are of vectors less `origin`.
    fn set_origin(&mut self, origin: &[f32]);

    /// Writes the score of each pick of the list `codes`, which holds them, to its place.
    fn score(&mut self, codes: &[u8], picks: Picks<'_>, scores: &mut [f32]);
}

/// Whether any of `scores` may be among the nearest, of which the worst has the score `limit`.
/// `true` is always right.
pub(crate) fn any_near(
    kernels: Kernels,
    scores: &[f32],
    limit: f32,
    larger_is_nearer: bool,
) -> bool {
    let wide = kernel::CodecKernels::beside(kernels);
    wide.is_none_or(|wide| wide.any_near(scores, limit, larger_is_nearer))
}

/// What comparing with a vector less an origin needs instead of the query.
///
/// Squared distances are those of the query less the origin; inner products are larger by that of
/// the query with the origin.
#[derive(Debug, Default)]
struct Relative {
    query: Vec<f32>,
    shifted: Vec<f32>,
    offset: f32,
}

impl Relative {
    fn set_query(&mut self, query: &[f32]) {
        self.query.clear();
        self.query.extend_from_slice(query);
        self.shifted.clear();
        self.shifted.extend_from_slice(query);
        self.offset = 0.0;
    }

    fn set_origin(&mut self, origin: &[f32], metric: Metric) {
        if metric == Metric::L2 {
            self.shifted.clear();
            self.shifted
                .extend(self.query.iter().zip(origin).map(|(value, origin)| value - origin));
        } else {
            self.offset = dot(&self.query, origin);
        }
    }

    /// What codes are compared with.
    fn values(&self) -> &[f32] {
        &self.shifted
    }
}

/// The inner product, summed in lanes that a compiler may put into one register.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    fold(a, b, |sum, a, b| sum + a * b)
}

/// The squared Euclidean distance, likewise.
pub(crate) fn squared_l2(a: &[f32], b: &[f32]) -> f32 {
    fold(a, b, |sum, a, b| {
        let difference = a - b;
        sum + difference * difference
    })
}

fn fold(a: &[f32], b: &[f32], step: impl Fn(f32, f32, f32) -> f32) -> f32 {
    const LANES: usize = 8;
    let (a_chunks, a_tail) = a.as_chunks::<LANES>();
    let (b_chunks, b_tail) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] = step(sums[lane], a[lane], b[lane]);
        }
    }
    for (lane, (&a, &b)) in a_tail.iter().zip(b_tail).enumerate() {
        sums[lane] = step(sums[lane], a, b);
    }
    sums.iter().sum()
}

/// The float32 at byte `at`, of which four are there.
#[inline]
fn f32_at(bytes: &[u8], at: usize) -> f32 {
    bytes[at..].first_chunk().map_or(f32::NAN, |lane| f32::from_le_bytes(*lane))
}

#[cfg(test)]
mod testing {
    use super::*;
    use crate::distance::Tier;

    /// Reproducible values in [-1, 1).
    pub(super) fn values(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let step = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(step).collect()
    }

    /// Reproducible bytes.
    pub(super) fn bytes(n: usize, seed: u64) -> Vec<u8> {
        values(n, seed).iter().map(|value| ((value + 1.0) * 128.0) as u8).collect()
    }

    /// Checks scores of all and of some of `n` codes, with and without an origin, against the
    /// float64 scores of the decoded vectors.
    pub(super) fn scores_are_those_of_decoded_vectors(codec: &dyn Codec, codes: &[u8], n: usize) {
        let dim = codec.dim();
        let query = values(dim, 71);
        let origin = values(dim, 72);
        let some: Vec<usize> = (0..n).filter(|place| place % 3 != 1).collect();
        let tiers = || Tier::ALL.into_iter().filter_map(Kernels::of);
        let metrics = [Metric::L2, Metric::InnerProduct];
        for (metric, kernels) in metrics.into_iter().flat_map(|m| tiers().map(move |k| (m, k))) {
            let mut scorer = codec.scorer(metric, kernels);
            for has_origin in [false, true] {
                scorer.set_query(&query);
                if has_origin {
                    scorer.set_origin(&origin);
                }
                let all: Vec<usize> = (0..n).collect();
                for (picks, places) in [
                    (Picks::Range { first: 0, len: n }, &all[..]),
                    (Picks::Range { first: n / 3, len: n - n / 3 }, &all[n / 3..]),
                    (Picks::Rows(&some), &some[..]),
                ] {
                    let mut scores = vec![f32::NAN; places.len()];
                    scorer.score(codes, picks, &mut scores);
                    for (&place, &score) in places.iter().zip(&scores) {
                        let mut vector = vec![f32::NAN; dim];
                        codec.decode(codes, place, &mut vector);
                        let origin = has_origin.then_some(&origin[..]);
                        check(metric, &query, &vector, origin, score);
                    }
                }
            }
        }
    }

    fn check(metric: Metric, query: &[f32], vector: &[f32], origin: Option<&[f32]>, score: f32) {
        let mut exact = 0.0;
        let mut magnitude = 0.0;
        for (index, (&query, &value)) in query.iter().zip(vector).enumerate() {
            let origin = origin.map_or(0.0, |origin| f64::from(origin[index]));
            let (query, value) = (f64::from(query), f64::from(value));
            let (terms, size) = if metric == Metric::L2 {
                let difference = query - origin - value;
                // The value itself is rounded, too.
                let rounded = difference.abs() * ((query - origin).abs() + value.abs()) / 10.0;
                (difference * difference, difference * difference + rounded)
            } else {
                (query * (origin + value), (query * origin).abs() + (query * value).abs())
            };
            exact += terms;
            magnitude += size;
        }
        let error = (f64::from(score) - exact).abs();
        assert!(error <= 2e-6 * magnitude + 1e-9, "{metric}: {score} is not {exact}");
    }
}
