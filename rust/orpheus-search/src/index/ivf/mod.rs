//! Vectors in lists, by the nearest of some centroids: a search visits the lists of a few.

mod coded;
mod numbers;
mod search;

use std::sync::OnceLock;

pub(crate) use self::coded::CodedLists;
use self::numbers::Numbers;
use super::engine::{Control, Engine, Request};
use super::selection::{Members, Selection, Wanted};
use super::sink::Sink;
use crate::codec::Codec;
use crate::error::{Error, Result};
use crate::format::model::Lists;
use crate::metric::Metric;

/// Inverted lists of codes of any kind.
#[derive(Debug)]
pub(crate) struct Ivf {
    pub(super) metric: Metric,
    /// Lists that a query visits unless it says otherwise.
    pub(super) nprobe: usize,
    pub(super) nlist: usize,
    /// The centroids; list `i` is that of the vector with stored number `i`.
    pub(super) quantizer: Box<dyn Engine>,
    pub(super) codec: Box<dyn Codec>,
    /// Whether codes are of vectors less the centroid of their list.
    pub(super) by_residual: bool,
    pub(super) lists: Lists,
    /// Stored numbers in order, made when one is looked up for the first time.
    pub(super) numbers: OnceLock<Numbers>,
    /// Codes of the vectors, where those are stored as they are.
    pub(super) coded: Option<CodedLists>,
}

impl Ivf {
    fn numbers(&self, file: &[u8]) -> &Numbers {
        self.numbers.get_or_init(|| Numbers::new(file, &self.lists, self.nlist))
    }
}

impl Engine for Ivf {
    fn dim(&self) -> usize {
        self.codec.dim()
    }

    fn ntotal(&self) -> usize {
        self.lists.n_vectors()
    }

    fn metric(&self) -> Metric {
        self.metric
    }

    fn search(
        &self,
        file: &[u8],
        queries: &[f32],
        request: &Request<'_>,
        sinks: &mut [Sink],
        control: &mut Control<'_>,
    ) -> Result<()> {
        search::search(self, file, queries, request, sinks, control)
    }

    /// Stored order is that of the numbers, which need not be 0, 1, ….
    fn select(&self, file: &[u8], wanted: &Wanted<'_>) -> Result<Selection> {
        let n = self.ntotal();
        if wanted.is_everything() {
            return Ok(Selection::all(n));
        }
        let numbers = self.numbers(file);
        let (allowed, denied) = wanted.by_id(numbers.stored())?;
        Ok(match allowed {
            None if denied.is_empty() => Selection::all(n),
            None => {
                let n_allowed = n - numbers.n_vectors(&denied);
                Selection::new(Members::Except(denied).condensed(n), n_allowed)
            }
            Some(mut allowed) => {
                allowed.retain(|number| denied.binary_search(number).is_err());
                let n_allowed = numbers.n_vectors(&allowed);
                Selection::new(Members::Only(allowed).condensed(n), n_allowed)
            }
        })
    }

    fn reconstruct(&self, file: &[u8], number: i64, vector: &mut [f32]) -> Result<()> {
        let position = self.numbers(file).positions(number).last().copied();
        let unknown = Error::UnknownId { id: number, ntotal: self.ntotal() };
        let position = position.ok_or(unknown)?;
        let list_number = self.lists.list_at(position);
        let (list, place) =
            (self.lists.list(list_number), position - self.lists.n_before(list_number));
        self.codec.decode(&file[list.codes], place, vector);
        if self.by_residual {
            let mut centroid = vec![0.0; self.dim()];
            self.quantizer.reconstruct(file, list_number as i64, &mut centroid)?;
            for (value, centroid) in vector.iter_mut().zip(centroid) {
                *value += centroid;
            }
        }
        Ok(())
    }

    fn stored_numbers(&self, file: &[u8]) -> Result<Vec<i64>> {
        Ok(self.numbers(file).stored().to_vec())
    }
}

#[cfg(test)]
mod tests;
