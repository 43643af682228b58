//! What every kind of index can do.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};

use super::flat::Watch;
use super::selection::{Selection, Wanted};
use super::sink::Sink;
use crate::codec::{dot, squared_l2};
use crate::distance::Kernels;
use crate::error::{Error, Result};
use crate::metric::Metric;

/// An index over the bytes of a file: the general way to search it, without side data.
///
/// A vector has a *stored number*: its row, or in inverted lists the number beside its code. What a
/// search finds goes to a [`Sink`] by its id, which is the stored number unless [`Ids`] says
/// otherwise.
pub(crate) trait Engine: Send + Sync + Debug {
    /// Values per vector.
    fn dim(&self) -> usize;

    /// How many vectors there are.
    fn ntotal(&self) -> usize;

    /// How vectors are compared: [`Metric::L2`] or [`Metric::InnerProduct`].
    fn metric(&self) -> Metric;

    /// Offers to each of `sinks` what comes near its query; `queries` are whole and back to back.
    fn search(
        &self,
        file: &[u8],
        queries: &[f32],
        request: &Request<'_>,
        sinks: &mut [Sink],
        control: &mut Control<'_>,
    ) -> Result<()>;

    /// The stored numbers that `wanted` names, for [`Request::selection`].
    fn select(&self, file: &[u8], wanted: &Wanted<'_>) -> Result<Selection>;

    /// Writes the vector with the given stored number; of several, the one stored last.
    fn reconstruct(&self, file: &[u8], number: i64, vector: &mut [f32]) -> Result<()>;

    /// The stored number of every vector, in stored order.
    fn stored_numbers(&self, file: &[u8]) -> Result<Vec<i64>>;

    /// Writes the scores of the vectors with the given numbers. NaN stands for a number that is
    /// not stored.
    fn score(
        &self,
        file: &[u8],
        query: &[f32],
        numbers: &[i64],
        _kernels: Kernels,
        scores: &mut [f32],
    ) -> Result<()> {
        let mut vector = vec![0.0; self.dim()];
        for (&number, score) in numbers.iter().zip(scores) {
            *score = match self.reconstruct(file, number, &mut vector) {
                Ok(()) if self.metric() == Metric::L2 => squared_l2(query, &vector),
                Ok(()) => dot(query, &vector),
                Err(Error::UnknownId { .. }) => f32::NAN,
                Err(error) => return Err(error),
            };
        }
        Ok(())
    }
}

/// What is asked of an [`Engine`], for all queries alike.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    /// Neighbours that each sink takes; `None` if it takes any number.
    pub(crate) k: Option<usize>,
    /// Which stored numbers may be neighbours.
    pub(crate) selection: &'a Selection,
    /// What ids the sinks get.
    pub(crate) ids: Ids<'a>,
    /// Lists to visit, instead of what the file says.
    pub(crate) nprobe: Option<usize>,
    /// Beam to search a graph with, instead of what the file says.
    pub(crate) ef_search: Option<usize>,
    /// Whether all that is visited has to be compared.
    pub(crate) exact: Option<bool>,
    /// The instructions to use.
    pub(crate) kernels: Kernels,
}

/// From stored numbers to ids.
#[derive(Clone, Copy)]
pub(crate) enum Ids<'a> {
    /// The id is the number.
    Numbers,
    /// The number is a place in this table, and what stands there the number of the next.
    Table(&'a [[u8; 8]], &'a Ids<'a>),
}

impl Ids<'_> {
    /// The id of a stored number; `None` for one that has none, which only a damaged file holds.
    pub(crate) fn of(&self, number: i64) -> Option<i64> {
        match self {
            Self::Numbers => (number != crate::neighbours::NO_ID).then_some(number),
            Self::Table(table, next) => {
                let place = usize::try_from(number).ok()?;
                next.of(i64::from_le_bytes(*table.get(place)?))
            }
        }
    }
}

/// Ends a search that is not wanted any more.
pub(crate) struct Control<'a> {
    stopped: &'a AtomicBool,
    /// Only the caller's thread can ask.
    watch: Option<Watch<'a>>,
}

impl<'a> Control<'a> {
    pub(crate) fn new(stopped: &'a AtomicBool, watch: Option<Watch<'a>>) -> Self {
        Self { stopped, watch }
    }

    /// To be called every few hundred microseconds.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`].
    pub(crate) fn check(&mut self) -> Result<()> {
        if self.watch.as_mut().is_some_and(Watch::says_stop) {
            self.stopped.store(true, Ordering::Relaxed);
        }
        if self.stopped.load(Ordering::Relaxed) { Err(Error::Stopped) } else { Ok(()) }
    }
}
