//! Building inverted lists.

use super::clusters::Clusters;
use super::crew::{Crew, Share, Step};
use super::kmeans::{Centroids, KMeansOptions, Nearest};
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::rows::Rows;

/// Vectors per list below which FAISS warns that centroids mean nothing.
const FEWEST_PER_LIST: usize = 39;
/// Vectors beyond which list entries are not counted here.
const MAX_VECTORS: usize = u32::MAX as usize;

/// How to build inverted lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IvfOptions {
    /// How many lists; by default [`default_nlist`] of the number of vectors.
    pub nlist: Option<usize>,
    /// How often the centroids are moved.
    pub n_iterations: usize,
    /// Vectors per list that the centroids are found from, at most.
    pub sample_per_list: usize,
}

impl Default for IvfOptions {
    fn default() -> Self {
        Self { nlist: None, n_iterations: 10, sample_per_list: 128 }
    }
}

/// The number of lists for `n` vectors: the power of two nearest to twice the square root, but so
/// few that each list has 39 vectors on average.
///
/// With lists of half the square root's length, going through the centroids costs about as much as
/// going through a dozen lists.
#[must_use]
pub fn default_nlist(n: usize) -> usize {
    let wanted = (2.0 * (n as f64).sqrt()).max(1.0).log2().round().exp2() as usize;
    let most = (n / FEWEST_PER_LIST).max(1);
    let most = if most.is_power_of_two() { most } else { most.next_power_of_two() / 2 };
    wanted.min(most)
}

/// The number of lists that a query visits unless it says otherwise: the square root.
#[must_use]
pub fn default_nprobe(nlist: usize) -> usize {
    nlist.isqrt().max(1)
}

/// Finds centroids for `rows`, which are finite.
pub(super) fn train(
    rows: Rows<'_>,
    metric: Metric,
    options: &IvfOptions,
    seed: u64,
    crew: &Crew<'_>,
) -> Result<Centroids> {
    check_count(rows)?;
    let options = KMeansOptions {
        n_centroids: options.nlist.unwrap_or_else(|| default_nlist(rows.n_rows())),
        n_iterations: options.n_iterations,
        sample_per_centroid: options.sample_per_list,
        seed,
    };
    Centroids::train(rows, metric, &options, crew)
}

/// The numbers of `rows` by the list that they belong to, ascending in each.
pub(super) fn assign(rows: Rows<'_>, centroids: &Centroids, crew: &Crew<'_>) -> Result<Clusters> {
    check_count(rows)?;
    let n = rows.n_rows();
    let mut lists = Clusters::new(n, centroids.n());
    let share = Share::whole(Step::Assign, n);
    let mut scores = vec![0.0; n];
    let nearest = Nearest { of: &mut lists.of, scores: &mut scores };
    centroids.nearest_into(rows, |row| row, nearest, crew, share)?;
    lists.sort();
    Ok(lists)
}

fn check_count(rows: Rows<'_>) -> Result<()> {
    match rows.n_rows() {
        0..=MAX_VECTORS => Ok(()),
        n => Err(Error::Parameter {
            name: "vectors",
            found: format!("{n} vectors"),
            expected: format!("at most {MAX_VECTORS} at a time"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_few_enough_to_be_filled_and_a_power_of_two() {
        let expected =
            [(0, 1), (1, 1), (77, 1), (78, 2), (1000, 16), (10_000, 256), (100_000, 512)];
        for (n, nlist) in expected {
            assert_eq!(default_nlist(n), nlist, "{n}");
        }
        assert_eq!(default_nlist(1_000_000), 2048);
        assert_eq!([1, 512, 2048].map(default_nprobe), [1, 22, 45]);
    }
}
