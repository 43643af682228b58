//! Searching a file and its tail in one call.

use super::divide::{Divided, divided};
use super::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::index::flat::{Answer, SearchOptions};
use crate::index::sink::{Sink, Within};
use crate::index::vector::RangeNeighbours;
use crate::neighbours::Neighbours;
use crate::queries::QueryBlock;
use crate::top_k::TopK;

/// Queries that are compared with the tail together.
const GROUP: usize = 64;

impl Snapshot {
    /// As [`VectorIndex::search`](crate::VectorIndex::search), of all that is there.
    pub(super) fn search(
        &self,
        queries: &[f32],
        options: &SearchOptions<'_>,
    ) -> Result<Neighbours> {
        let main = self.main();
        main.check(queries, options)?;
        let Divided { main: of_main, tail: of_tail } = self.divide(options.allow, options.deny)?;
        let mut found = vec![main.search_prepared(queries, of_main.prepared(), options)?];
        found.extend(self.tail().search(queries, main.metric(), &of_tail, options)?);
        let n_allowed = of_main.prepared().n_allowed() + of_tail.n_allowed();
        let (n_queries, k) = (queries.len() / main.dim(), options.k.min(n_allowed));
        let mut answer = Answer::new(n_queries, k)?;
        for query in 0..n_queries {
            let top = TopK::new(k, n_allowed, main.metric().larger_is_nearer());
            let mut top = top.map_err(|_| Error::TooLarge { n_queries, k })?;
            for (distance, id) in found.iter().flat_map(|found| found.of(query)) {
                top.offer(distance, id);
            }
            answer.push(top);
        }
        Ok(answer.finish())
    }

    /// As [`VectorIndex::range_search`](crate::VectorIndex::range_search), of all that is there.
    pub(super) fn range_search(
        &self,
        queries: &[f32],
        radius: f32,
        options: &SearchOptions<'_>,
    ) -> Result<RangeNeighbours> {
        let main = self.main();
        let (of_main, tail_allow) = divided(self, options.allow, options.deny)?;
        let (allow, deny) = of_main.filters();
        let in_main =
            main.range_search(queries, radius, &SearchOptions { allow, deny, ..*options })?;
        let filters = self.tail().filters(&tail_allow);
        if filters.n_allowed() == 0 {
            return Ok(in_main);
        }
        let (metric, dim) = (main.metric(), main.dim());
        let mut found = RangeNeighbours { limits: vec![0], distances: Vec::new(), ids: Vec::new() };
        for (group, queries) in queries.chunks(GROUP * dim).enumerate() {
            let block = QueryBlock::new(queries, dim, metric, group * GROUP)?;
            let within = Within::new(radius, metric.larger_is_nearer());
            let sink = |query| {
                let limits = &in_main.limits[group * GROUP + query..];
                let hits = limits[0] as usize..limits[1] as usize;
                let hits = in_main.distances[hits.clone()].iter().zip(&in_main.ids[hits]);
                Sink::Within(within.clone().with(hits.map(|(distance, id)| (*distance, *id))))
            };
            let mut sinks: Vec<Sink> = (0..block.n_queries()).map(sink).collect();
            self.tail().offer(&block, metric, &filters, options, &mut sinks)?;
            for sink in sinks {
                let Sink::Within(within) = sink else { continue };
                let (distances, ids): (Vec<_>, Vec<_>) = within.into_sorted().into_iter().unzip();
                found.distances.extend(distances);
                found.ids.extend(ids);
                found.limits.push(found.ids.len() as i64);
            }
        }
        Ok(found)
    }
}
