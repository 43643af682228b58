//! An index of vectors that something was done to first.

use super::engine::{Control, Engine, Request};
use super::selection::{Selection, Wanted};
use super::sink::Sink;
use crate::distance::Kernels;
use crate::error::Result;
use crate::metric::Metric;
use crate::transform::Chain;

/// Transforms, and the index that holds what comes out of them.
#[derive(Debug)]
pub(crate) struct PreTransform {
    dim: usize,
    chain: Chain,
    inner: Box<dyn Engine>,
}

impl PreTransform {
    /// `chain` takes `dim` values and gives those of `inner`.
    pub(super) fn new(dim: usize, chain: Chain, inner: Box<dyn Engine>) -> Self {
        Self { dim, chain, inner }
    }
}

impl Engine for PreTransform {
    fn dim(&self) -> usize {
        self.dim
    }

    fn ntotal(&self) -> usize {
        self.inner.ntotal()
    }

    fn metric(&self) -> Metric {
        self.inner.metric()
    }

    fn search(
        &self,
        file: &[u8],
        queries: &[f32],
        request: &Request<'_>,
        sinks: &mut [Sink],
        control: &mut Control<'_>,
    ) -> Result<()> {
        let queries = queries.chunks_exact(self.dim).flat_map(|query| self.chain.apply(query));
        let queries: Vec<f32> = queries.collect();
        self.inner.search(file, &queries, request, sinks, control)
    }

    fn select(&self, file: &[u8], wanted: &Wanted<'_>) -> Result<Selection> {
        self.inner.select(file, wanted)
    }

    fn reconstruct(&self, file: &[u8], number: i64, vector: &mut [f32]) -> Result<()> {
        let mut changed = vec![0.0; self.inner.dim()];
        self.inner.reconstruct(file, number, &mut changed)?;
        vector.copy_from_slice(&self.chain.reverse(&changed)?);
        Ok(())
    }

    fn stored_numbers(&self, file: &[u8]) -> Result<Vec<i64>> {
        self.inner.stored_numbers(file)
    }

    fn score(
        &self,
        file: &[u8],
        query: &[f32],
        numbers: &[i64],
        kernels: Kernels,
        scores: &mut [f32],
    ) -> Result<()> {
        self.inner.score(file, &self.chain.apply(query), numbers, kernels, scores)
    }
}
