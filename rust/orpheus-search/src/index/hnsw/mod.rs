//! A hierarchical graph: a search walks from neighbour to neighbour towards the query.

mod coded;
mod graph;
mod walk;

use std::sync::Arc;

use self::coded::CodedWalk;
use self::graph::Graph;
use self::walk::Walk;
use super::acceleration::Acceleration;
use super::codes::Codes;
use super::engine::{Control, Engine, Request};
use super::selection::{Selection, Wanted};
use super::sink::Sink;
use crate::distance::Kernels;
use crate::error::Result;
use crate::format::model::{HnswGraph, Place};
use crate::metric::Metric;

/// A graph over codes of any kind.
#[derive(Debug)]
pub(crate) struct Hnsw {
    graph: Graph,
    codes: Codes,
    /// Where the vectors lie in the file, if they do as they are, and what makes that faster.
    vectors: Option<(Place, Arc<Acceleration>)>,
}

impl Hnsw {
    /// Node `i` of `graph` is row `i` of `codes`.
    pub(super) fn new(
        graph: HnswGraph,
        codes: Codes,
        vectors: Option<(Place, Arc<Acceleration>)>,
    ) -> Self {
        Self { graph: Graph::new(graph), codes, vectors }
    }

    /// A walk by codes, if there are any.
    fn coded<'a>(
        &'a self,
        file: &'a [u8],
        request: &'a Request<'a>,
        ef: usize,
    ) -> Option<CodedWalk<'a>> {
        let of_vectors = (self.codes.dim(), self.codes.metric);
        CodedWalk::new(&self.graph, file, self.vectors.as_ref()?, of_vectors, (request, ef))
    }

    /// The beam for a search: what was asked for, or what the file says. Where not all vectors are
    /// allowed it is wider, so that as many of those that are come into it. `None` if to compare
    /// all that are allowed is less work.
    fn beam(&self, request: &Request<'_>) -> Option<usize> {
        let ef = request.ef_search.unwrap_or(self.graph.ef_search()).max(1) as u128;
        let (n, n_allowed) = (self.codes.n as u128, request.selection.n_allowed() as u128);
        if request.selection.is_all() {
            return Some(ef as usize);
        }
        let ef = (ef * n).div_ceil(n_allowed.max(1)).min(n);
        // Every node of the beam has its links compared, of which about half are new.
        let n_compared = ef * self.graph.n_links() as u128 / 2;
        (n_compared < n_allowed).then_some(ef as usize)
    }
}

impl Engine for Hnsw {
    fn dim(&self) -> usize {
        self.codes.dim()
    }

    fn ntotal(&self) -> usize {
        self.codes.n
    }

    fn metric(&self) -> Metric {
        self.codes.metric
    }

    fn search(
        &self,
        file: &[u8],
        queries: &[f32],
        request: &Request<'_>,
        sinks: &mut [Sink],
        control: &mut Control<'_>,
    ) -> Result<()> {
        self.graph.check(file)?;
        let Some(ef) = self.beam(request) else {
            return self.codes.scan(file, queries, request, sinks, control);
        };
        let coded = self.coded(file, request, ef);
        let mut walk = Walk::new(&self.graph, file, &self.codes, request, ef);
        for (query, sink) in queries.chunks_exact(self.dim()).zip(sinks) {
            if let (Some(coded), Some(top)) = (&coded, sink.top())
                && coded.search(query, top, control)?
            {
                continue;
            }
            walk.search(query, sink, control)?;
        }
        Ok(())
    }

    fn select(&self, _file: &[u8], wanted: &Wanted<'_>) -> Result<Selection> {
        Selection::of_rows(wanted, self.codes.n)
    }

    fn reconstruct(&self, file: &[u8], number: i64, vector: &mut [f32]) -> Result<()> {
        self.codes.reconstruct(file, number, vector)
    }

    fn stored_numbers(&self, _file: &[u8]) -> Result<Vec<i64>> {
        Ok((0..self.codes.n as i64).collect())
    }

    fn score(
        &self,
        file: &[u8],
        query: &[f32],
        numbers: &[i64],
        kernels: Kernels,
        scores: &mut [f32],
    ) -> Result<()> {
        self.codes.score(file, query, numbers, kernels, scores);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
