//! Writing what was built.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::crew::{Crew, Step};
use super::hnsw::{Graph, Vectors};
use super::kmeans::Clusters;
use crate::error::{Error, Result};
use crate::format::fourcc;
use crate::format::model::Lists;
use crate::format::writer::{Header, write_whole};
use crate::metric::Metric;
use crate::rows::Rows;

type Target = BufWriter<File>;

/// Vectors between two looks at whether to go on.
const PER_REPORT: usize = 1024;
/// Beam width of a search that does not say: what FAISS itself writes, 16, finds too little.
const EF_SEARCH: i32 = 64;

/// The ids that an index maps its vectors to: those that it had, little-endian, and new ones.
#[derive(Clone, Copy)]
pub(super) struct IdMap<'a> {
    pub(super) old: &'a [u8],
    pub(super) new: &'a [i64],
}

impl IdMap<'_> {
    fn write(map: Option<Self>, file: &mut Target) -> io::Result<()> {
        let Some(Self { old, new }) = map else { return Ok(()) };
        file.write_all(&((old.len() / 8 + new.len()) as u64).to_le_bytes())?;
        file.write_all(old)?;
        file.write_all(bytemuck::cast_slice(new))
    }
}

/// Vectors as they are.
pub(super) struct FlatFile<'a> {
    pub(super) vectors: Vectors<'a>,
    pub(super) metric: Metric,
    pub(super) ids: Option<IdMap<'a>>,
}

/// A graph over them.
pub(super) struct HnswFile<'a> {
    pub(super) flat: FlatFile<'a>,
    pub(super) graph: &'a Graph,
    pub(super) ef_construction: usize,
    /// What a search takes that does not say.
    pub(super) ef_search: Option<i32>,
}

/// Inverted lists.
pub(super) struct IvfFile<'a> {
    pub(super) metric: Metric,
    pub(super) centroids: Rows<'a>,
    pub(super) nprobe: usize,
    /// What they held, and the file that holds it.
    pub(super) old: Option<(&'a [u8], &'a Lists)>,
    /// What is new, by list.
    pub(super) rows: Rows<'a>,
    pub(super) lists: &'a Clusters,
    /// The ids of that; from `first_id` on if there are none.
    pub(super) new_ids: Option<&'a [i64]>,
    pub(super) first_id: i64,
    /// What the numbers in the lists are mapped to.
    pub(super) id_map: Option<IdMap<'a>>,
}

/// Counts what is written, and ends the writing when the caller wants to.
struct Meter<'a> {
    crew: &'a Crew<'a>,
    done: usize,
    total: usize,
    is_stopped: &'a Cell<bool>,
}

impl Meter<'_> {
    fn count(&mut self) -> io::Result<()> {
        self.done += 1;
        if !self.done.is_multiple_of(PER_REPORT) && self.done < self.total {
            return Ok(());
        }
        self.crew.tell(Step::Write, self.done, self.total).map_err(|_| {
            self.is_stopped.set(true);
            io::Error::other("stopped")
        })
    }
}

fn write_metered(
    path: &Path,
    total: usize,
    crew: &Crew<'_>,
    write: impl FnOnce(&mut Target, &mut Meter<'_>) -> io::Result<()>,
) -> Result<()> {
    let is_stopped = Cell::new(false);
    let mut meter = Meter { crew, done: 0, total, is_stopped: &is_stopped };
    let written = write_whole(path, |file| write(file, &mut meter));
    if is_stopped.get() { Err(Error::Stopped) } else { written }
}

impl FlatFile<'_> {
    pub(super) fn write(&self, path: &Path, crew: &Crew<'_>) -> Result<()> {
        let header = self.header()?;
        write_metered(path, self.vectors.n(), crew, |file, meter| {
            if self.ids.is_some() {
                header.write(fourcc::ID_MAP_2, file)?;
            }
            self.write_vectors(&header, file, meter)?;
            IdMap::write(self.ids, file)
        })
    }

    fn header(&self) -> Result<Header> {
        Ok(Header::new(self.vectors.first(), self.metric)?.counting(self.vectors.n()))
    }

    fn write_vectors(
        &self,
        header: &Header,
        file: &mut Target,
        meter: &mut Meter<'_>,
    ) -> io::Result<()> {
        header.write(header.flat_tag, file)?;
        let n_values = self.vectors.n() as u64 * self.vectors.dim() as u64;
        file.write_all(&n_values.to_le_bytes())?;
        for node in 0..self.vectors.n() {
            file.write_all(self.vectors.lanes(node).as_flattened())?;
            meter.count()?;
        }
        Ok(())
    }
}

impl HnswFile<'_> {
    pub(super) fn write(&self, path: &Path, crew: &Crew<'_>) -> Result<()> {
        let header = self.flat.header()?;
        write_metered(path, self.flat.vectors.n(), crew, |file, meter| {
            if self.flat.ids.is_some() {
                header.write(fourcc::ID_MAP_2, file)?;
            }
            header.write(*b"IHNf", file)?;
            self.write_graph(file)?;
            self.flat.write_vectors(&header, file, meter)?;
            IdMap::write(self.flat.ids, file)
        })
    }

    fn write_graph(&self, file: &mut Target) -> io::Result<()> {
        let graph = self.graph;
        write_all(file, graph.probabilities.iter().copied(), f64::to_le_bytes)?;
        write_all(file, graph.cumulative.iter().map(|&n| n as i32), i32::to_le_bytes)?;
        // FAISS counts levels from 1 here.
        let levels = graph.levels().iter().map(|&level| i32::from(level) + 1);
        write_all(file, levels, i32::to_le_bytes)?;
        write_all(file, graph.offsets.iter().map(|&n| n as u64), u64::to_le_bytes)?;
        write_all(file, graph.stored_links(), i32::to_le_bytes)?;
        let entry = graph.entry.map_or(-1, |entry| entry as i32);
        let top = graph.entry.map_or(-1, |entry| i32::from(graph.levels()[entry as usize]));
        let ef_construction = i32::try_from(self.ef_construction).unwrap_or(i32::MAX);
        for number in [entry, top, ef_construction, self.ef_search.unwrap_or(EF_SEARCH), 1] {
            file.write_all(&number.to_le_bytes())?;
        }
        Ok(())
    }
}

impl IvfFile<'_> {
    pub(super) fn write(&self, path: &Path, crew: &Crew<'_>) -> Result<()> {
        let n_old = self.old.map_or(0, |(_, lists)| lists.n_vectors());
        let n = n_old + self.rows.n_rows();
        let header = Header::new(self.rows, self.metric)?.counting(n);
        let coarse = Header::new(self.centroids, self.metric)?;
        write_metered(path, n, crew, |file, meter| {
            if self.id_map.is_some() {
                header.write(fourcc::ID_MAP_2, file)?;
            }
            header.write(*b"IwFl", file)?;
            file.write_all(&(self.lists.n() as u64).to_le_bytes())?;
            file.write_all(&(self.nprobe as u64).to_le_bytes())?;
            coarse.write(coarse.flat_tag, file)?;
            let lanes = self.centroids.lanes();
            file.write_all(&(lanes.len() as u64).to_le_bytes())?;
            file.write_all(lanes.as_flattened())?;
            // No map from ids to places in the lists.
            file.write_all(&[0; 9])?;
            self.write_lists(file, meter)?;
            IdMap::write(self.id_map, file)
        })
    }

    fn n_old_members(&self, list: usize) -> usize {
        self.old.map_or(0, |(_, lists)| lists.list(list).len)
    }

    fn write_lists(&self, file: &mut Target, meter: &mut Meter<'_>) -> io::Result<()> {
        let n_lists = self.lists.n();
        file.write_all(b"ilar")?;
        file.write_all(&(n_lists as u64).to_le_bytes())?;
        file.write_all(&(4 * self.rows.dim() as u64).to_le_bytes())?;
        let size = |list| (self.n_old_members(list) + self.lists.members(list).len()) as u64;
        let sizes = (0..n_lists).map(size);
        let n_filled = sizes.clone().filter(|&size| size > 0).count();
        if n_filled > n_lists / 2 {
            file.write_all(b"full")?;
            write_all(file, sizes, u64::to_le_bytes)?;
        } else {
            file.write_all(b"sprs")?;
            let filled = sizes.enumerate().filter(|(_, size)| *size > 0);
            let pairs = filled.flat_map(|(list, size)| [list as u64, size]);
            write_all(file, pairs, u64::to_le_bytes)?;
        }
        (0..n_lists).try_for_each(|list| self.write_list(list, file, meter))
    }

    fn write_list(&self, list: usize, file: &mut Target, meter: &mut Meter<'_>) -> io::Result<()> {
        let members = self.lists.members(list);
        let row_bytes = 4 * self.rows.dim();
        let old = self.old.map(|(bytes, lists)| (bytes, lists.list(list)));
        if let Some((bytes, old)) = &old {
            for row in bytes[old.codes.clone()].chunks_exact(row_bytes) {
                file.write_all(row)?;
                meter.count()?;
            }
        }
        for &row in members {
            file.write_all(self.rows.row_lanes(row as usize).as_flattened())?;
            meter.count()?;
        }
        if let Some((bytes, old)) = &old {
            file.write_all(&bytes[old.ids.clone()])?;
        }
        for &row in members {
            let id = match self.new_ids {
                Some(ids) => ids[row as usize],
                None => self.first_id.saturating_add(i64::from(row)),
            };
            file.write_all(&id.to_le_bytes())?;
        }
        Ok(())
    }
}

/// A vector as FAISS writes it: a count and the elements.
fn write_all<T, const N: usize>(
    file: &mut Target,
    values: impl Iterator<Item = T> + Clone,
    bytes: impl Fn(T) -> [u8; N],
) -> io::Result<()> {
    file.write_all(&(values.clone().count() as u64).to_le_bytes())?;
    values.map(bytes).try_for_each(|bytes| file.write_all(&bytes))
}
