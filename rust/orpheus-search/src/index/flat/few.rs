//! One query over a handful of vectors: what is left of a search when there is nothing to search.

use super::search::SearchOptions;
use crate::distance::Block;
use crate::error::Result;
use crate::filter::Picks;
use crate::metric::Metric;
use crate::neighbours::Neighbours;
use crate::queries::QueryBlock;
use crate::rows::Rows;
use crate::top_k::key_of;

/// Vectors, and values of all of them, up to which a search allocates nothing but its answer.
const MOST_ROWS: usize = 64;
const MOST_VALUES: usize = 1 << 14;

/// The nearest of `rows` to the one query; `None` if there are too many, or more is asked than that.
pub(super) fn search_few(
    rows: Rows<'_>,
    ids: Option<&[[u8; 8]]>,
    metric: Metric,
    query: &[f32],
    options: &SearchOptions<'_>,
) -> Option<Result<Neighbours>> {
    let n = rows.n_rows();
    let is_few = (1..=MOST_ROWS).contains(&n) && n * rows.dim() <= MOST_VALUES;
    let is_plain = query.len() == rows.dim() && metric != Metric::Cosine && options.asks_for_all();
    if !is_few || !is_plain || options.k == 0 || options.n_threads == 0 {
        return None;
    }
    let block = match QueryBlock::new(query, rows.dim(), metric, 0) {
        Ok(block) => block,
        Err(error) => return Some(Err(error)),
    };
    let block = Block::new(&block, rows, Picks::Range { first: 0, len: n })?;
    let mut scores = [0.0; MOST_ROWS];
    if metric == Metric::L2 {
        options.kernels.squared_l2(&block, &mut scores);
    } else {
        options.kernels.dot(&block, &mut scores);
    }
    let mut order = [(0, 0, 0.0); MOST_ROWS];
    let mut n_found = 0;
    for (row, &score) in scores[..n].iter().enumerate().filter(|(_, score)| !score.is_nan()) {
        let id = ids.map_or(row as i64, |ids| i64::from_le_bytes(ids[row]));
        // Adding zero turns -0.0 into 0.0.
        order[n_found] = (key_of(score, metric.larger_is_nearer()), id, score + 0.0);
        n_found += 1;
    }
    let found = &mut order[..n_found];
    found.sort_unstable_by_key(|one| (one.0, one.1));
    let k = options.k.min(n);
    let mut distances: Vec<f32> = found.iter().take(k).map(|one| one.2).collect();
    let mut ids: Vec<i64> = found.iter().take(k).map(|one| one.1).collect();
    distances.resize(k, f32::NAN);
    ids.resize(k, crate::neighbours::NO_ID);
    Some(Ok(Neighbours { n_queries: 1, k, distances, ids }))
}
