//! An index whose vectors have ids of their own.

use std::ops::Range;
use std::sync::OnceLock;

use super::engine::{Control, Engine, Ids, Request};
use super::selection::{Selection, Wanted};
use super::sink::Sink;
use crate::distance::Kernels;
use crate::error::{Error, Result};
use crate::filter::{Allow, Deny};
use crate::metric::Metric;

/// A table from the stored numbers of an index to ids, which are the stored numbers of this one.
#[derive(Debug)]
pub(crate) struct IdMap {
    inner: Box<dyn Engine>,
    ids: Range<usize>,
    /// Ids and their places, ascending; made when an id is looked up for the first time.
    by_id: OnceLock<Vec<(i64, usize)>>,
}

impl IdMap {
    /// `ids` are where the file holds an int64 for each vector of `inner`.
    pub(super) fn new(inner: Box<dyn Engine>, ids: Range<usize>) -> Self {
        Self { inner, ids, by_id: OnceLock::new() }
    }

    fn table<'a>(&self, file: &'a [u8]) -> &'a [[u8; 8]] {
        file[self.ids.clone()].as_chunks::<8>().0
    }

    fn ids(&self, file: &[u8]) -> Vec<i64> {
        self.table(file).iter().map(|id| i64::from_le_bytes(*id)).collect()
    }

    /// The places with the given id, ascending.
    fn places_of(&self, file: &[u8], id: i64) -> &[(i64, usize)] {
        let by_id = self.by_id.get_or_init(|| {
            let ids = self.ids(file).into_iter().enumerate();
            let mut by_id: Vec<_> = ids.map(|(place, id)| (id, place)).collect();
            by_id.sort_unstable();
            by_id
        });
        let start = by_id.partition_point(|pair| pair.0 < id);
        let n_equal = by_id[start..].partition_point(|pair| pair.0 == id);
        &by_id[start..start + n_equal]
    }

    fn place_of(&self, file: &[u8], id: i64) -> Result<i64> {
        let unknown = Error::UnknownId { id, ntotal: self.ntotal() };
        self.places_of(file, id).last().map(|pair| pair.1 as i64).ok_or(unknown)
    }

    /// The places of all `ids`, ascending.
    fn places(&self, file: &[u8], ids: &[i64]) -> Vec<i64> {
        let places = ids.iter().flat_map(|&id| self.places_of(file, id));
        let mut places: Vec<i64> = places.map(|pair| pair.1 as i64).collect();
        places.sort_unstable();
        places
    }
}

impl Engine for IdMap {
    fn dim(&self) -> usize {
        self.inner.dim()
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
        let ids = Ids::Table(self.table(file), &request.ids);
        self.inner.search(file, queries, &Request { ids, ..*request }, sinks, control)
    }

    /// What is wanted of the inner index: its stored numbers are the places here.
    fn select(&self, file: &[u8], wanted: &Wanted<'_>) -> Result<Selection> {
        let masked = |mask: &[u8], name| -> Result<Vec<i64>> {
            if mask.len() != self.ntotal() {
                let expected = format!("one for each of the {} vectors", self.ntotal());
                return Err(Error::Shape { name, found: mask.len(), expected });
            }
            Ok((0..).zip(mask).filter(|pair| *pair.1 != 0).map(|pair| pair.0).collect())
        };
        let allow = match wanted.allow {
            Allow::All => None,
            Allow::Ids(ids) => Some(self.places(file, ids)),
            Allow::Mask(mask) => Some(masked(mask, "allow")?),
        };
        let deny = match wanted.deny {
            Deny::Nothing => None,
            Deny::Ids(ids) => Some(self.places(file, ids)),
            Deny::Mask(mask) => Some(masked(mask, "deny")?),
        };
        self.inner.select(
            file,
            &Wanted {
                allow: allow.as_deref().map_or(Allow::All, Allow::Ids),
                deny: deny.as_deref().map_or(Deny::Nothing, Deny::Ids),
            },
        )
    }

    fn reconstruct(&self, file: &[u8], number: i64, vector: &mut [f32]) -> Result<()> {
        self.inner.reconstruct(file, self.place_of(file, number)?, vector)
    }

    fn stored_numbers(&self, file: &[u8]) -> Result<Vec<i64>> {
        Ok(self.ids(file))
    }

    fn score(
        &self,
        file: &[u8],
        query: &[f32],
        numbers: &[i64],
        kernels: Kernels,
        scores: &mut [f32],
    ) -> Result<()> {
        let place = |&id: &i64| self.place_of(file, id).unwrap_or(crate::neighbours::NO_ID);
        let places: Vec<i64> = numbers.iter().map(place).collect();
        self.inner.score(file, query, &places, kernels, scores)
    }
}
