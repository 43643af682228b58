//! Candidates from one index, compared again by another.

use super::engine::{Control, Engine, Ids, Request};
use super::selection::{Selection, Wanted};
use super::sink::Sink;
use crate::distance::Kernels;
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::top_k::TopK;

/// A rough index and an exact one over the same vectors.
#[derive(Debug)]
pub(crate) struct Refine {
    base: Box<dyn Engine>,
    exact: Box<dyn Engine>,
    k_factor: f32,
}

impl Refine {
    /// Both have the same stored numbers.
    pub(super) fn new(base: Box<dyn Engine>, exact: Box<dyn Engine>, k_factor: f32) -> Self {
        Self { base, exact, k_factor }
    }

    /// The stored numbers of the nearest by the base index.
    fn candidates(
        &self,
        file: &[u8],
        query: &[f32],
        request: &Request<'_>,
        k: usize,
        control: &mut Control<'_>,
    ) -> Result<Vec<i64>> {
        let n_allowed = request.selection.n_allowed();
        // As FAISS: the product is cut, not rounded.
        let k = ((k as f64 * f64::from(self.k_factor)) as usize).max(k).min(n_allowed);
        let top = TopK::new(k, n_allowed, self.metric().larger_is_nearer());
        let mut sink = [Sink::Top(top.map_err(|_| Error::TooLarge { n_queries: 1, k })?)];
        let request = Request { k: Some(k), ids: Ids::Numbers, ..*request };
        self.base.search(file, query, &request, &mut sink, control)?;
        let [Sink::Top(top)] = sink else { return Ok(Vec::new()) };
        Ok(top.into_sorted().into_iter().map(|pair| pair.1).collect())
    }
}

impl Engine for Refine {
    fn dim(&self) -> usize {
        self.base.dim()
    }

    fn ntotal(&self) -> usize {
        self.base.ntotal()
    }

    fn metric(&self) -> Metric {
        self.exact.metric()
    }

    fn search(
        &self,
        file: &[u8],
        queries: &[f32],
        request: &Request<'_>,
        sinks: &mut [Sink],
        control: &mut Control<'_>,
    ) -> Result<()> {
        // What is within a radius by the base index need not be what is by the exact one.
        let Some(k) = request.k else {
            return self.exact.search(file, queries, request, sinks, control);
        };
        let mut scores = Vec::new();
        for (query, sink) in queries.chunks_exact(self.dim()).zip(sinks) {
            let numbers = self.candidates(file, query, request, k, control)?;
            scores.resize(numbers.len(), f32::NAN);
            self.exact.score(file, query, &numbers, request.kernels, &mut scores)?;
            sink.offer(&scores, |index| request.ids.of(numbers[index]));
        }
        Ok(())
    }

    fn select(&self, file: &[u8], wanted: &Wanted<'_>) -> Result<Selection> {
        self.base.select(file, wanted)
    }

    fn reconstruct(&self, file: &[u8], number: i64, vector: &mut [f32]) -> Result<()> {
        self.exact.reconstruct(file, number, vector)
    }

    fn stored_numbers(&self, file: &[u8]) -> Result<Vec<i64>> {
        self.exact.stored_numbers(file)
    }

    fn score(
        &self,
        file: &[u8],
        query: &[f32],
        numbers: &[i64],
        kernels: Kernels,
        scores: &mut [f32],
    ) -> Result<()> {
        self.exact.score(file, query, numbers, kernels, scores)
    }
}
