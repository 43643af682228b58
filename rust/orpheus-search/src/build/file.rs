//! Writing what was built.

use std::io::{self, Write};
use std::path::Path;

use super::clusters::Clusters;
use super::crew::Crew;
use super::hnsw::Graph;
use super::kmeans::Centroids;
use crate::error::Result;
use crate::format::model::Lists;
use crate::format::write::{HnswPart, IvfPart, IvfPartCodes, ListSource, Part, write_index};
use crate::metric::Metric;
use crate::rows::Rows;

/// What lists hold: what they held, and new vectors.
pub(super) struct ListContent<'a> {
    /// What they held, and the file that holds it.
    pub(super) old: Option<(&'a [u8], &'a Lists)>,
    pub(super) rows: Rows<'a>,
    /// The rows by list.
    pub(super) members: &'a Clusters,
    /// The ids of the rows; from `first_id` on if there are none.
    pub(super) ids: Option<&'a [i64]>,
    pub(super) first_id: i64,
}

impl ListSource for ListContent<'_> {
    fn nlist(&self) -> usize {
        self.members.n()
    }

    fn len(&self, number: usize) -> usize {
        let n_old = self.old.map_or(0, |(_, lists)| lists.list(number).len);
        n_old + self.members.members(number).len()
    }

    fn write_codes(&self, number: usize, out: &mut dyn Write) -> io::Result<()> {
        if let Some((file, lists)) = self.old {
            out.write_all(&file[lists.list(number).codes])?;
        }
        let mut rows = self.members.members(number).iter();
        rows.try_for_each(|&row| out.write_all(self.rows.row_lanes(row as usize).as_flattened()))
    }

    fn write_ids(&self, number: usize, out: &mut dyn Write) -> io::Result<()> {
        if let Some((file, lists)) = self.old {
            out.write_all(&file[lists.list(number).ids])?;
        }
        self.members.members(number).iter().try_for_each(|&row| {
            let id = match self.ids {
                Some(ids) => ids[row as usize],
                None => self.first_id.saturating_add(i64::from(row)),
            };
            out.write_all(&id.to_le_bytes())
        })
    }
}

/// Lists with their centroids.
pub(super) fn ivf_part<'a>(
    centroids: &'a Centroids,
    nprobe: usize,
    lists: &'a ListContent<'a>,
) -> Result<Part<'a>> {
    let quantizer = Box::new(Part::Flat(centroids.rows()?));
    Ok(Part::Ivf(IvfPart { nprobe, quantizer, codes: IvfPartCodes::Flat, lists }))
}

/// The tables of a graph as a file has them.
pub(super) struct GraphTables {
    levels: Vec<i32>,
    links: Vec<i32>,
}

impl GraphTables {
    pub(super) fn of(graph: &Graph) -> Self {
        // FAISS counts levels from 1 here.
        let levels = graph.levels().iter().map(|&level| i32::from(level) + 1).collect();
        Self { levels, links: graph.stored_links().collect() }
    }

    /// A graph over the vectors of `storage`.
    pub(super) fn part<'a>(
        &'a self,
        graph: &Graph,
        (ef_construction, ef_search): (usize, usize),
        storage: Part<'a>,
    ) -> Part<'a> {
        Part::Hnsw(HnswPart {
            m: graph.m(),
            levels: &self.levels,
            neighbors: &self.links,
            entry_point: graph.entry.map(|entry| entry as usize),
            ef_construction,
            ef_search,
            storage: Box::new(storage),
        })
    }
}

/// Writes `part`, which holds `n` vectors, under the ids that it maps them to.
pub(super) fn write(
    path: &Path,
    metric: Metric,
    part: Part<'_>,
    id_map: Option<&[i64]>,
    (crew, n): (&Crew<'_>, usize),
) -> Result<()> {
    crew.tell_writing(n)?;
    match id_map {
        None => write_index(path, metric, &part),
        Some(ids) => {
            let part = Part::IdMap { inner: Box::new(part), ids, two_way: true };
            write_index(path, metric, &part)
        }
    }
}
