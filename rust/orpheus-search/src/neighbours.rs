//! What a search answers.

/// The id that stands for "no neighbour".
pub const NO_ID: i64 = -1;

/// The neighbours of each query, nearest first, ties by ascending id.
///
/// Row `q` of both arrays is `[q * k..][..k]`. `k` is what was asked for or, if that is less, the
/// number of vectors that were allowed. A stored vector whose score is not a number is nobody's
/// neighbour; only then can a row hold fewer than `k`, and ends with [`NO_ID`] and
/// distance NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    /// Number of rows.
    pub n_queries: usize,
    /// Length of a row.
    pub k: usize,
    /// Squared L2 distances, inner products or cosines.
    pub distances: Vec<f32>,
    /// The vectors they belong to.
    pub ids: Vec<i64>,
}

impl Neighbours {
    /// The (score, id) pairs of query `query`, nearest first.
    ///
    /// # Panics
    ///
    /// If `query` is not below `n_queries`.
    pub fn of(&self, query: usize) -> impl Iterator<Item = (f32, i64)> {
        assert!(query < self.n_queries, "query {query} of {}", self.n_queries);
        let row = query * self.k..(query + 1) * self.k;
        let pairs = self.distances[row.clone()].iter().zip(&self.ids[row]);
        pairs.map(|(&distance, &id)| (distance, id)).take_while(|pair| pair.1 != NO_ID)
    }
}
