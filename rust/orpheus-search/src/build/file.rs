//! Writing what was built.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::crew::{Crew, Step};
use super::hnsw::Graph;
use super::kmeans::Clusters;
use crate::error::{Error, Result};
use crate::format::fourcc;
use crate::format::writer::{Header, write_whole};
use crate::metric::Metric;
use crate::rows::Rows;

type Target = BufWriter<File>;

/// Vectors between two looks at whether to go on.
const PER_REPORT: usize = 1024;

/// Inverted lists as they come into a file.
pub(super) struct IvfFile<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) metric: Metric,
    pub(super) centroids: Rows<'a>,
    pub(super) lists: &'a Clusters,
    /// Row numbers if there are none.
    pub(super) ids: Option<&'a [i64]>,
    pub(super) nprobe: usize,
}

/// A graph as it comes into a file.
pub(super) struct HnswFile<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) metric: Metric,
    pub(super) graph: &'a Graph,
    pub(super) ids: Option<&'a [i64]>,
    pub(super) ef_construction: usize,
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

impl IvfFile<'_> {
    pub(super) fn write(&self, path: &Path, crew: &Crew<'_>) -> Result<()> {
        let header = Header::new(self.rows, self.metric)?;
        let coarse = Header::new(self.centroids, self.metric)?;
        write_metered(path, self.rows.n_rows(), crew, |file, meter| {
            header.write(*b"IwFl", file)?;
            file.write_all(&(self.lists.n() as u64).to_le_bytes())?;
            file.write_all(&(self.nprobe as u64).to_le_bytes())?;
            coarse.write(coarse.flat_tag, file)?;
            let lanes = self.centroids.lanes();
            file.write_all(&(lanes.len() as u64).to_le_bytes())?;
            file.write_all(lanes.as_flattened())?;
            // No map from ids to places in the lists.
            file.write_all(&[0; 9])?;
            self.write_lists(file, meter)
        })
    }

    fn write_lists(&self, file: &mut Target, meter: &mut Meter<'_>) -> io::Result<()> {
        file.write_all(b"ilar")?;
        file.write_all(&(self.lists.n() as u64).to_le_bytes())?;
        file.write_all(&(4 * self.rows.dim() as u64).to_le_bytes())?;
        let sizes = (0..self.lists.n()).map(|list| self.lists.members(list).len() as u64);
        let n_filled = sizes.clone().filter(|&size| size > 0).count();
        if n_filled > self.lists.n() / 2 {
            write_all(file, b"full", sizes, u64::to_le_bytes)?;
        } else {
            let filled = sizes.enumerate().filter(|(_, size)| *size > 0);
            let pairs: Vec<_> = filled.flat_map(|(list, size)| [list as u64, size]).collect();
            write_all(file, b"sprs", pairs.into_iter(), u64::to_le_bytes)?;
        }
        for list in 0..self.lists.n() {
            for &row in self.lists.members(list) {
                file.write_all(self.rows.row_lanes(row as usize).as_flattened())?;
                meter.count()?;
            }
            for &row in self.lists.members(list) {
                let id = self.ids.map_or(i64::from(row), |ids| ids[row as usize]);
                file.write_all(&id.to_le_bytes())?;
            }
        }
        Ok(())
    }
}

impl HnswFile<'_> {
    pub(super) fn write(&self, path: &Path, crew: &Crew<'_>) -> Result<()> {
        let header = Header::new(self.rows, self.metric)?;
        write_metered(path, self.rows.n_rows(), crew, |file, meter| {
            if self.ids.is_some() {
                header.write(fourcc::ID_MAP_2, file)?;
            }
            header.write(*b"IHNf", file)?;
            self.write_graph(file)?;
            header.write(header.flat_tag, file)?;
            file.write_all(&(self.rows.lanes().len() as u64).to_le_bytes())?;
            for row in 0..self.rows.n_rows() {
                file.write_all(self.rows.row_lanes(row).as_flattened())?;
                meter.count()?;
            }
            match self.ids {
                Some(ids) => write_all(file, b"", ids.iter().copied(), i64::to_le_bytes),
                None => Ok(()),
            }
        })
    }

    fn write_graph(&self, file: &mut Target) -> io::Result<()> {
        let graph = self.graph;
        write_all(file, b"", graph.probabilities.iter().copied(), f64::to_le_bytes)?;
        write_all(file, b"", graph.cumulative.iter().map(|&n| n as i32), i32::to_le_bytes)?;
        // FAISS counts levels from 1 here.
        let levels = graph.levels().iter().map(|&level| i32::from(level) + 1);
        write_all(file, b"", levels, i32::to_le_bytes)?;
        write_all(file, b"", graph.offsets.iter().map(|&n| n as u64), u64::to_le_bytes)?;
        write_all(file, b"", graph.stored_links(), i32::to_le_bytes)?;
        let entry = graph.entry.map_or(-1, |entry| entry as i32);
        let top = graph.entry.map_or(-1, |entry| i32::from(graph.levels()[entry as usize]));
        let ef_construction = i32::try_from(self.ef_construction).unwrap_or(i32::MAX);
        for number in [entry, top, ef_construction, EF_SEARCH, 1] {
            file.write_all(&number.to_le_bytes())?;
        }
        Ok(())
    }
}

/// Beam width of a search that does not say: what FAISS itself writes, 16, finds too little.
const EF_SEARCH: i32 = 64;

/// A tag, and then a vector as FAISS writes it: a count and the elements.
fn write_all<T, const N: usize>(
    file: &mut Target,
    tag: &[u8],
    values: impl Iterator<Item = T> + Clone,
    bytes: impl Fn(T) -> [u8; N],
) -> io::Result<()> {
    file.write_all(tag)?;
    file.write_all(&(values.clone().count() as u64).to_le_bytes())?;
    values.map(bytes).try_for_each(|bytes| file.write_all(&bytes))
}
