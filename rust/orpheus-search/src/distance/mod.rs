//! Scores of a few queries against a block of vectors, by the widest instructions at hand.
//!
//! A score depends on the query, the vector and the tier, and on nothing else: within a tier every
//! pair is summed in one order, wherever in a block it stands and however many queries come with
//! it. So a batch answers exactly as its queries do one by one.

mod scalar;
#[macro_use]
mod tile;
#[macro_use]
mod panel_tile;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
pub(crate) mod panels;

use std::fmt;
use std::sync::OnceLock;

use crate::filter::Picks;
use crate::queries::QueryBlock;
use crate::rows::Rows;

/// The variable that holds the kernels back to a lower tier, for tests.
const FORCE_VARIABLE: &str = "ORPHEUS_FORCE_TIER";

/// A set of processor instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tier {
    /// Whatever the target offers everywhere; the reference for the others.
    Scalar,
    /// 128-bit vectors of aarch64.
    Neon,
    /// 256-bit vectors and fused multiply-add of `x86_64`.
    Avx2,
    /// 512-bit vectors of `x86_64`.
    Avx512,
}

impl Tier {
    /// All tiers, narrowest first.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Neon, Self::Avx2, Self::Avx512];

    /// The name that `ORPHEUS_FORCE_TIER` knows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Queries and the vectors that they are compared with.
pub(crate) struct Block<'a> {
    queries: &'a QueryBlock,
    rows: Rows<'a>,
    picks: Picks<'a>,
}

impl<'a> Block<'a> {
    /// `None` if the dimensions differ or a pick is not a row. Kernels rely on this check.
    pub(crate) fn new(queries: &'a QueryBlock, rows: Rows<'a>, picks: Picks<'a>) -> Option<Self> {
        let fits = queries.dim() == rows.dim() && picks.all_below(rows.n_rows());
        fits.then_some(Self { queries, rows, picks })
    }

    /// How many scores there are: one row of scores for each query.
    pub(crate) fn n_scores(&self) -> usize {
        self.queries.n_queries() * self.picks.len()
    }
}

/// Writes the score of query `q` with pick `p` to place `q * n_picks + p`.
type BlockKernel = fn(&Block<'_>, &mut [f32]);

/// Writes the score of one vector with each of the others.
type EachKernel = fn(&[[u8; 4]], &[&[[u8; 4]]], &mut [f32]);

/// Writes the inner product of one vector of small integers with each of the others.
type CodeKernel = fn(&[i8], &[&[i8]], &mut [i32]);

/// The kernels of one tier.
#[derive(Clone, Copy)]
pub struct Kernels {
    tier: Tier,
    dot: BlockKernel,
    squared_l2: BlockKernel,
    each_dot: EachKernel,
    each_squared_l2: EachKernel,
    code_dots: CodeKernel,
    panel: panels::PanelKernel,
}

impl Kernels {
    /// Those of the widest tier that this processor has and `ORPHEUS_FORCE_TIER` allows. A tier
    /// that is unknown or not at hand is not forced.
    #[must_use]
    pub fn best() -> Self {
        static BEST: OnceLock<Kernels> = OnceLock::new();
        *BEST.get_or_init(|| {
            let forced = std::env::var(FORCE_VARIABLE).ok();
            let forced = forced.and_then(|name| Tier::ALL.into_iter().find(|t| t.name() == name));
            let widest = Tier::ALL.into_iter().rev().find_map(Self::of);
            forced.and_then(Self::of).or(widest).unwrap_or(scalar::KERNELS)
        })
    }

    /// Those of `tier`, if this processor has it.
    #[must_use]
    pub fn of(tier: Tier) -> Option<Self> {
        match tier {
            Tier::Scalar => Some(scalar::KERNELS),
            #[cfg(target_arch = "aarch64")]
            Tier::Neon => neon::kernels(),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => avx2::kernels(),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => avx512::kernels(),
            _ => None,
        }
    }

    /// Which instructions they use.
    #[must_use]
    pub fn tier(self) -> Tier {
        self.tier
    }

    /// Inner products of every query with every pick; `scores` holds [`Block::n_scores`].
    pub(crate) fn dot(self, block: &Block<'_>, scores: &mut [f32]) {
        (self.dot)(block, &mut scores[..block.n_scores()]);
    }

    /// Squared Euclidean distances, likewise.
    pub(crate) fn squared_l2(self, block: &Block<'_>, scores: &mut [f32]) {
        (self.squared_l2)(block, &mut scores[..block.n_scores()]);
    }

    /// Inner products of `vector` with each of `others`, which have its dimension; the same bits
    /// as [`Kernels::dot`] gives. `scores` has a place for each.
    pub(crate) fn dot_each(self, vector: &[[u8; 4]], others: &[&[[u8; 4]]], scores: &mut [f32]) {
        (self.each_dot)(vector, others, &mut scores[..others.len()]);
    }

    /// Inner products of `codes` with each of `others`, which have as many values; they wrap beyond
    /// 65,536. `dots` has a place for each.
    pub(crate) fn code_dots(self, codes: &[i8], others: &[&[i8]], dots: &mut [i32]) {
        (self.code_dots)(codes, others, dots);
    }

    /// Squared Euclidean distances, likewise.
    pub(crate) fn squared_l2_each(
        self,
        vector: &[[u8; 4]],
        others: &[&[[u8; 4]]],
        scores: &mut [f32],
    ) {
        (self.each_squared_l2)(vector, others, &mut scores[..others.len()]);
    }
}

impl fmt::Debug for Kernels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Kernels").field(&self.tier).finish()
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metric::Metric;

    /// Every tier that this machine has.
    fn tiers() -> impl Iterator<Item = Kernels> {
        Tier::ALL.into_iter().filter_map(Kernels::of)
    }

    /// Reproducible values in [-1, 1).
    fn values(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let step = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(step).collect()
    }

    /// Queries, and rows that start `offset` bytes into an allocation.
    struct Case {
        queries: QueryBlock,
        bytes: Vec<u8>,
        offset: usize,
        n_rows: usize,
    }

    impl Case {
        fn new(dim: usize, n_queries: usize, n_rows: usize, offset: usize) -> Self {
            let queries = values(n_queries * dim, dim as u64 + 1);
            let queries = QueryBlock::new(&queries, dim, Metric::L2, 0).unwrap();
            let mut bytes = vec![0xff; offset];
            let rows = values(n_rows * dim, dim as u64 + 1000);
            bytes.extend(rows.iter().flat_map(|value| value.to_le_bytes()));
            Self { queries, bytes, offset, n_rows }
        }

        fn rows(&self) -> Rows<'_> {
            Rows::from_bytes(&self.bytes[self.offset..], self.queries.dim()).unwrap()
        }

        fn scores(&self, kernels: Kernels, squared_l2: bool, picks: Picks<'_>) -> Vec<f32> {
            let block = Block::new(&self.queries, self.rows(), picks).unwrap();
            let mut scores = vec![f32::NAN; block.n_scores()];
            let kernel = if squared_l2 { Kernels::squared_l2 } else { Kernels::dot };
            kernel(kernels, &block, &mut scores);
            scores
        }

        /// The score in float64, and how far a float32 sum in any order may be from it.
        fn exact(&self, squared_l2: bool, query: usize, row: usize) -> (f64, f64) {
            let pairs = self.queries.query(query).iter().zip(self.rows().row(row));
            let terms = pairs.map(|(&q, x)| (f64::from(q), f64::from(x)));
            let terms: Vec<f64> =
                terms.map(|(q, x)| if squared_l2 { (q - x) * (q - x) } else { q * x }).collect();
            let magnitude: f64 = terms.iter().map(|term| term.abs()).sum();
            // n roundings of a sum and three of a term, each of relative size 2^-24 (Higham,
            // Accuracy and Stability of Numerical Algorithms, section 4.2).
            let roundings = terms.len() as f64 + 3.0;
            (terms.iter().sum(), magnitude * roundings * f64::from(f32::EPSILON) / 2.0)
        }

        fn check(&self, kernels: Kernels, squared_l2: bool, picks: Picks<'_>) {
            let scores = self.scores(kernels, squared_l2, picks);
            for query in 0..self.queries.n_queries() {
                for pick in 0..picks.len() {
                    let score = f64::from(scores[query * picks.len() + pick]);
                    let (exact, bound) = self.exact(squared_l2, query, picks.row(pick));
                    let error = (score - exact).abs();
                    assert!(error <= bound, "{kernels:?} {picks:?} {score} {exact} {bound}");
                }
            }
        }
    }

    #[test]
    fn every_tier_is_within_rounding_of_float64_at_every_tail_length_and_tile_edge() {
        for kernels in tiers() {
            for dim in 1..=70 {
                let case = Case::new(dim, 1 + dim % 8, 1 + dim % 19, dim % 5);
                for squared_l2 in [false, true] {
                    case.check(kernels, squared_l2, Picks::Range { first: 0, len: case.n_rows });
                }
            }
        }
    }

    #[test]
    fn every_tier_is_within_rounding_of_the_portable_one_on_long_vectors() {
        for dim in [128, 511, 512, 513, 768, 1024] {
            let case = Case::new(dim, 7, 21, 1);
            let picks = Picks::Range { first: 2, len: 19 };
            for squared_l2 in [false, true] {
                let reference = case.scores(scalar::KERNELS, squared_l2, picks);
                for kernels in tiers() {
                    let scores = case.scores(kernels, squared_l2, picks);
                    for (index, (score, reference)) in scores.iter().zip(&reference).enumerate() {
                        let (query, pick) = (index / picks.len(), index % picks.len());
                        let (_, bound) = case.exact(squared_l2, query, picks.row(pick));
                        let error = f64::from((score - reference).abs());
                        assert!(error <= 2.0 * bound, "{kernels:?} {dim} {error} {bound}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_score_has_the_same_bits_wherever_its_pair_stands(
            dim in 1usize..80,
            n_queries in 1usize..8,
            n_rows in 1usize..24,
            offset in 0usize..8,
            gaps in prop::collection::vec(0usize..3, 24),
        ) {
            let case = Case::new(dim, n_queries, n_rows, offset);
            let all = Picks::Range { first: 0, len: n_rows };
            let some: Vec<usize> = (0..n_rows).filter(|&row| gaps[row] == 0).collect();
            for kernels in tiers() {
                for squared_l2 in [false, true] {
                    let together = case.scores(kernels, squared_l2, all);
                    let scattered = case.scores(kernels, squared_l2, Picks::Rows(&some));
                    for query in 0..n_queries {
                        for (place, &row) in some.iter().enumerate() {
                            let alone = QueryBlock::new(
                                case.queries.query(query), dim, Metric::L2, 0,
                            ).unwrap();
                            let picks = Picks::Range { first: row, len: 1 };
                            let block = Block::new(&alone, case.rows(), picks).unwrap();
                            let mut score = [f32::NAN];
                            let kernel =
                                if squared_l2 { Kernels::squared_l2 } else { Kernels::dot };
                            kernel(kernels, &block, &mut score);
                            let bits = score[0].to_bits();
                            prop_assert_eq!(together[query * n_rows + row].to_bits(), bits);
                            prop_assert_eq!(scattered[query * some.len() + place].to_bits(), bits);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_score_with_each_of_some_vectors_has_the_bits_of_the_block() {
        for dim in [1, 15, 33, 64] {
            let case = Case::new(dim, 1, 21, 3);
            let query = bytemuck::cast_slice(case.queries.query(0));
            for kernels in tiers() {
                for n in [0, 1, 2, 7, 8, 9, 21] {
                    let rows: Vec<_> = (0..n).map(|row| case.rows().row_lanes(row)).collect();
                    for squared_l2 in [false, true] {
                        let block =
                            case.scores(kernels, squared_l2, Picks::Range { first: 0, len: n });
                        let mut scores = vec![f32::NAN; n];
                        if squared_l2 {
                            kernels.squared_l2_each(query, &rows, &mut scores);
                        } else {
                            kernels.dot_each(query, &rows, &mut scores);
                        }
                        assert_eq!(scores, block, "{kernels:?} {dim} {n}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_vector_is_at_distance_zero_from_itself_at_every_tier() {
        let values = values(77, 5);
        let query = QueryBlock::new(&values, 77, Metric::L2, 0).unwrap();
        let rows = Rows::new(&values, 77).unwrap();
        for kernels in tiers() {
            let block = Block::new(&query, rows, Picks::Range { first: 0, len: 1 }).unwrap();
            let mut score = [f32::NAN];
            kernels.squared_l2(&block, &mut score);
            assert_eq!(score, [0.0]);
        }
    }

    #[test]
    fn picks_beyond_the_last_row_and_other_dimensions_make_no_block() {
        let rows = [0.0; 12];
        let rows = Rows::new(&rows, 3).unwrap();
        let query = QueryBlock::zero(3);
        assert!(Block::new(&query, rows, Picks::Range { first: 0, len: 4 }).is_some());
        assert!(Block::new(&query, rows, Picks::Range { first: 1, len: 4 }).is_none());
        assert!(Block::new(&query, rows, Picks::Range { first: 5, len: 0 }).is_none());
        assert!(Block::new(&query, rows, Picks::Rows(&[0, 4])).is_none());
        assert!(Block::new(&QueryBlock::zero(4), rows, Picks::Rows(&[0])).is_none());
    }

    #[test]
    fn the_portable_tier_is_always_at_hand_and_the_best_one_is_too() {
        assert_eq!(Kernels::of(Tier::Scalar).map(Kernels::tier), Some(Tier::Scalar));
        assert!(Kernels::of(Kernels::best().tier()).is_some());
    }
}
