//! Writing an index anew, without what was removed from it and with what was added.

use std::io::{self, Write};
use std::path::Path;

use super::clusters::Clusters;
use super::crew::Crew;
use super::file::GraphTables;
use super::hnsw::{Graph, HnswOptions, Vectors};
use super::kmeans::Centroids;
use super::{Report, file, ivf, parameter};
use crate::error::{Error, Result};
use crate::format::mmap::Mapping;
use crate::format::model::{Hnsw, Ivf, IvfCodes, Kind, Lists, Stored};
use crate::format::read::read;
use crate::format::write::{IvfPart, IvfPartCodes, ListSource, Part, write_index};
use crate::rows::Rows;

/// What is written anew.
pub(crate) struct Rewrite<'a> {
    pub(crate) file: &'a [u8],
    pub(crate) stored: &'a Stored,
    /// Ids that go; ascending.
    pub(crate) removed: &'a [i64],
    /// Vectors that come, after those that are there.
    pub(crate) rows: Rows<'a>,
    /// Their ids.
    pub(crate) ids: &'a [i64],
    /// Where to.
    pub(crate) target: &'a Path,
    /// Where vectors may be put for a while.
    pub(crate) scratch: &'a Path,
    pub(crate) n_threads: usize,
    pub(crate) seed: u64,
    pub(crate) report: Option<Report<'a>>,
}

/// Writes `of.target`. Every vector keeps its id: where the file has nowhere to state ids that do not
/// count from 0, it becomes an `IDMap2`.
///
/// # Errors
///
/// [`Error::Parameter`] for other kinds than those that are built here, [`Error::Io`],
/// [`Error::Stopped`].
pub(crate) fn rewrite(of: &Rewrite<'_>) -> Result<()> {
    let crew = Crew::new(of.n_threads, of.report)?;
    let (inner, map) = match &of.stored.kind {
        Kind::IdMap { inner, ids, two_way } => {
            (&**inner, Some((of.file[ids.clone()].as_chunks::<8>().0, *two_way)))
        }
        _ => (of.stored, None),
    };
    let rewriting = Rewriting { of, inner, map, crew: &crew };
    match &inner.kind {
        Kind::Flat { .. } => rewriting.flat(),
        Kind::Ivf(ivf) if ivf.codes == IvfCodes::Flat => rewriting.ivf(ivf),
        Kind::Hnsw(hnsw) => rewriting.hnsw(hnsw),
        _ => Err(unfit(inner)),
    }
}

/// # Errors
///
/// [`Error::Parameter`] if the index is of a kind that cannot be written anew.
pub(crate) fn can_be_rewritten(stored: &Stored) -> Result<()> {
    match &stored.kind {
        Kind::Flat { .. } => Ok(()),
        Kind::IdMap { inner, .. } if !matches!(inner.kind, Kind::IdMap { .. }) => {
            can_be_rewritten(inner)
        }
        Kind::Ivf(ivf)
            if ivf.codes == IvfCodes::Flat && matches!(ivf.quantizer.kind, Kind::Flat { .. }) =>
        {
            Ok(())
        }
        Kind::Hnsw(hnsw) if matches!(hnsw.storage.kind, Kind::Flat { .. }) => Ok(()),
        _ => Err(unfit(stored)),
    }
}

fn unfit(stored: &Stored) -> Error {
    let expected = "Flat, IVF,Flat or HNSW,Flat, which can be written anew";
    parameter("kind of the index", stored.factory_string(), expected)
}

struct Rewriting<'a> {
    of: &'a Rewrite<'a>,
    /// Without the map of ids.
    inner: &'a Stored,
    map: Option<(&'a [[u8; 8]], bool)>,
    crew: &'a Crew<'a>,
}

impl<'a> Rewriting<'a> {
    /// The id of a stored number; `None` if it has none, or goes.
    fn id(&self, number: i64) -> Option<i64> {
        let id = match self.map {
            None => number,
            Some((ids, _)) => {
                let place = usize::try_from(number).ok()?;
                i64::from_le_bytes(*ids.get(place)?)
            }
        };
        let stays = id != crate::neighbours::NO_ID && self.of.removed.binary_search(&id).is_err();
        stays.then_some(id)
    }

    fn old_rows(&self, stored: &Stored) -> Result<Rows<'a>> {
        let Kind::Flat { vectors } = &stored.kind else { return Err(unfit(stored)) };
        Rows::from_bytes(&self.of.file[vectors.clone()], stored.header.dim)
    }

    /// What stays of vectors that are stored by row, and what comes; ids of all.
    fn runs(&self, stored: &Stored) -> Result<(Vec<Rows<'a>>, Vec<i64>)> {
        let (old, dim) = (self.old_rows(stored)?, stored.header.dim);
        let (mut runs, mut ids) = (Vec::new(), Vec::with_capacity(old.n_rows()));
        let mut first = 0;
        for row in 0..=old.n_rows() {
            if let Some(id) = self.id(row as i64).filter(|_| row < old.n_rows()) {
                ids.push(id);
                continue;
            }
            if first < row {
                let bytes = old.lanes()[first * dim..row * dim].as_flattened();
                runs.push(Rows::from_bytes(bytes, dim)?);
            }
            first = row + 1;
        }
        runs.push(self.of.rows);
        ids.extend_from_slice(self.of.ids);
        Ok((runs, ids))
    }

    /// Writes `part`, the vectors of which have `ids`.
    fn write(&self, part: Part<'_>, ids: &[i64]) -> Result<()> {
        let (target, metric) = (self.of.target, self.inner.header.metric);
        let counts = ids.iter().copied().eq(0..ids.len() as i64);
        match self.map {
            None if counts => file::write(target, metric, part, None, (self.crew, ids.len())),
            None => file::write(target, metric, part, Some(ids), (self.crew, ids.len())),
            Some((_, two_way)) => {
                self.crew.tell_writing(ids.len())?;
                write_index(target, metric, &Part::IdMap { inner: Box::new(part), ids, two_way })
            }
        }
    }

    fn flat(&self) -> Result<()> {
        let (runs, ids) = self.runs(self.inner)?;
        self.write(Part::Runs { dim: self.of.rows.dim(), runs: &runs }, &ids)
    }

    fn hnsw(&self, hnsw: &Hnsw) -> Result<()> {
        let (runs, ids) = self.runs(&hnsw.storage)?;
        let (old, metric) = (self.old_rows(&hnsw.storage)?, self.inner.header.metric);
        let ef_construction = usize::try_from(hnsw.graph.ef_construction).unwrap_or(0).max(1);
        let mut graph = Graph::from_stored(&hnsw.graph, self.of.file)?;
        let mapping;
        let vectors = if ids.len() == old.n_rows() + self.of.rows.n_rows() {
            Vectors::joined(old, self.of.rows)
        } else {
            // Other nodes have other numbers: all links are found anew.
            graph = Graph::new(HnswOptions { m: graph.m(), ef_construction })?;
            let part = Part::Runs { dim: old.dim(), runs: &runs };
            write_index(self.of.scratch, metric, &part)?;
            mapping = Mapping::open(self.of.scratch)?;
            let stored = read(mapping.bytes()?)?;
            let Kind::Flat { vectors } = &stored.kind else { return Err(unfit(&stored)) };
            Vectors::new(Rows::from_bytes(&mapping.as_opened()[vectors.clone()], old.dim())?)
        };
        graph.extend(vectors, metric, ef_construction, self.of.seed, self.crew)?;
        let tables = GraphTables::of(&graph);
        let beams = (ef_construction, usize::try_from(hnsw.graph.ef_search).unwrap_or(1));
        let storage = Part::Runs { dim: old.dim(), runs: &runs };
        self.write(tables.part(&graph, beams, storage), &ids)
    }

    fn ivf(&self, ivf: &Ivf) -> Result<()> {
        let header = self.inner.header;
        let centroids = self.old_rows(&ivf.quantizer)?;
        let values = (0..centroids.n_rows()).flat_map(|row| centroids.row(row)).collect();
        let centroids = Centroids::from_values(values, header.dim, ivf.quantizer.header.metric);
        let members = ivf::assign(self.of.rows, &centroids, self.crew)?;
        let renumbering = self.renumbering(ivf);
        let (numbers, n_old) =
            renumbering.as_ref().map_or((None, 0), |(numbers, n)| (Some(numbers), *n));
        let lists = KeptLists {
            file: self.of.file,
            old: &ivf.lists,
            new_number: &|number| {
                let id = self.id(number)?;
                let Some(numbers) = numbers else { return Some(id) };
                usize::try_from(number).ok().and_then(|place| numbers.get(place).copied())
            },
            rows: self.of.rows,
            members: &members,
            added_number: &|row| {
                if numbers.is_none() { self.of.ids[row] } else { (n_old + row) as i64 }
            },
            n_kept: Vec::new(),
        };
        let lists = lists.counted();
        let quantizer = Box::new(Part::Flat(centroids.rows()?));
        let (nprobe, codes) = (ivf.nprobe, IvfPartCodes::Flat);
        let part = Part::Ivf(IvfPart { nprobe, quantizer, codes, lists: &lists });
        let Some(numbers) = numbers else {
            let n = self.of.ids.len() + lists.n_kept.iter().sum::<usize>();
            return file::write(self.of.target, header.metric, part, None, (self.crew, n));
        };
        let staying = (0..).zip(numbers).filter(|(_, new)| **new >= 0);
        let mut ids: Vec<i64> = staying.filter_map(|(number, _)| self.id(number)).collect();
        ids.extend_from_slice(self.of.ids);
        self.write(part, &ids)
    }

    /// Under a map, the new number of each old one (-1 for those that go or that no list holds) and
    /// how many there are.
    fn renumbering(&self, ivf: &Ivf) -> Option<(Vec<i64>, usize)> {
        let (ids, _) = self.map?;
        let mut numbers = vec![-1; ids.len()];
        for list in 0..ivf.nlist {
            for number in self.of.file[ivf.lists.list(list).ids].as_chunks::<8>().0 {
                let number = i64::from_le_bytes(*number);
                if self.id(number).is_some() {
                    numbers[number as usize] = 0;
                }
            }
        }
        let mut n = 0;
        for number in numbers.iter_mut().filter(|number| **number == 0) {
            *number = n as i64;
            n += 1;
        }
        Some((numbers, n))
    }
}

/// What stays in inverted lists, and what comes.
struct KeptLists<'a> {
    file: &'a [u8],
    old: &'a Lists,
    /// The new number of an old one; `None` if its vector goes.
    new_number: &'a dyn Fn(i64) -> Option<i64>,
    rows: Rows<'a>,
    members: &'a Clusters,
    added_number: &'a dyn Fn(usize) -> i64,
    /// Old vectors that stay, by list.
    n_kept: Vec<usize>,
}

impl KeptLists<'_> {
    fn counted(self) -> Self {
        let n_kept = (0..self.members.n()).map(|list| self.kept(list).count()).collect();
        Self { n_kept, ..self }
    }

    /// Places and new numbers of what stays of a list.
    fn kept(&self, number: usize) -> impl Iterator<Item = (usize, i64)> {
        let ids = self.file[self.old.list(number).ids].as_chunks::<8>().0;
        let new = |id: &[u8; 8]| (self.new_number)(i64::from_le_bytes(*id));
        ids.iter().enumerate().filter_map(move |(place, id)| new(id).map(|id| (place, id)))
    }
}

impl ListSource for KeptLists<'_> {
    fn nlist(&self) -> usize {
        self.members.n()
    }

    fn len(&self, number: usize) -> usize {
        self.n_kept[number] + self.members.members(number).len()
    }

    fn write_codes(&self, number: usize, out: &mut dyn Write) -> io::Result<()> {
        let code_size = 4 * self.rows.dim();
        let codes = &self.file[self.old.list(number).codes];
        for (place, _) in self.kept(number) {
            out.write_all(&codes[place * code_size..][..code_size])?;
        }
        let mut rows = self.members.members(number).iter();
        rows.try_for_each(|&row| out.write_all(self.rows.row_lanes(row as usize).as_flattened()))
    }

    fn write_ids(&self, number: usize, out: &mut dyn Write) -> io::Result<()> {
        for (_, id) in self.kept(number) {
            out.write_all(&id.to_le_bytes())?;
        }
        let mut rows = self.members.members(number).iter();
        rows.try_for_each(|&row| out.write_all(&(self.added_number)(row as usize).to_le_bytes()))
    }
}
