//! Adding vectors to an index that is there.

use std::path::Path;

use super::crew::Crew;
use super::file::{self, GraphTables, ListContent, ivf_part};
use super::hnsw::{Graph, Vectors};
use super::kmeans::Centroids;
use super::{Report, check_finite, check_ids, ivf, parameter};
use crate::error::{Error, Result};
use crate::format::mmap::Mapping;
use crate::format::model::{Hnsw, Ivf, IvfCodes, Kind, Stored};
use crate::format::read::read;
use crate::format::write::Part;
use crate::rows::Rows;

/// How to add vectors.
#[derive(Clone, Copy)]
pub struct AddOptions<'a> {
    /// What everything random depends on.
    pub seed: u64,
    /// At most this many threads, the caller's included; at least 1.
    pub n_threads: usize,
    /// Told how far the adding is.
    pub report: Option<Report<'a>>,
}

/// Writes to `target` the index of `path` with `rows` added; both may be one. Lists keep their
/// centroids, and a graph its links but for those that better ones replace.
///
/// `ids` are those of the new vectors. An index that maps its vectors to ids needs them; inverted
/// lists can have them, and otherwise count on from the number of vectors; others cannot.
///
/// # Errors
///
/// As for reading `path` and as [`super::build_index`]; [`Error::Parameter`] if the index is of
/// another kind than those that are built here, or ids are missing or have no place.
pub fn add_to_index(
    path: &Path,
    target: &Path,
    rows: Rows<'_>,
    ids: Option<&[i64]>,
    options: &AddOptions<'_>,
) -> Result<()> {
    let crew = Crew::new(options.n_threads, options.report)?;
    let mapping = Mapping::open(path)?;
    let file = mapping.bytes()?;
    let stored = read(file)?;
    if rows.dim() != stored.header.dim {
        let expected = format!("{}, the dimension of the index", stored.header.dim);
        return Err(parameter("dim", rows.dim(), expected));
    }
    if let Some(ids) = ids {
        check_ids(ids, rows.n_rows())?;
    }
    check_finite(rows, &crew)?;
    let (inner, id_map) = match &stored.kind {
        Kind::IdMap { inner, ids: old, .. } => {
            let Some(new) = ids else {
                return Err(parameter("ids", "None", "one for each vector, as the index has them"));
            };
            let old = file[old.clone()].as_chunks::<8>().0;
            let old = old.iter().map(|id| i64::from_le_bytes(*id));
            (&**inner, Some(old.chain(new.iter().copied()).collect()))
        }
        _ => (&stored, None),
    };
    let addition = Addition { file, stored: inner, rows, id_map, target, crew: &crew };
    match &inner.kind {
        Kind::Flat { .. } => addition.to_flat(ids),
        Kind::Ivf(ivf) => addition.to_ivf(ivf, ids),
        Kind::Hnsw(hnsw) => addition.to_hnsw(hnsw, ids, options.seed),
        _ => Err(unfit(inner)),
    }
}

/// What is added to what.
struct Addition<'a> {
    file: &'a [u8],
    /// Without the map of ids.
    stored: &'a Stored,
    rows: Rows<'a>,
    /// Ids of all vectors, where there is a map of them.
    id_map: Option<Vec<i64>>,
    target: &'a Path,
    crew: &'a Crew<'a>,
}

impl<'a> Addition<'a> {
    /// The vectors that a Flat index holds.
    fn old(&self, stored: &Stored) -> Result<Rows<'a>> {
        let Kind::Flat { vectors } = &stored.kind else { return Err(unfit(self.stored)) };
        Rows::from_bytes(&self.file[vectors.clone()], stored.header.dim)
    }

    fn refuse_ids(&self, ids: Option<&[i64]>) -> Result<()> {
        if ids.is_none() || self.id_map.is_some() {
            return Ok(());
        }
        let expected = "None, as this index counts its vectors; one that was built with ids can \
                        be given more";
        Err(parameter("ids", "given", expected))
    }

    fn write(&self, part: Part<'_>) -> Result<()> {
        let n = self.stored.header.ntotal.saturating_add(self.rows.n_rows());
        let metric = self.stored.header.metric;
        file::write(self.target, metric, part, self.id_map.as_deref(), (self.crew, n))
    }

    fn to_flat(&self, ids: Option<&[i64]>) -> Result<()> {
        self.refuse_ids(ids)?;
        self.write(Part::Joined(self.old(self.stored)?, self.rows))
    }

    fn to_ivf(&self, ivf: &Ivf, ids: Option<&[i64]>) -> Result<()> {
        let header = self.stored.header;
        if ivf.codes != IvfCodes::Flat || ivf.quantizer.header.metric != header.metric {
            return Err(unfit(self.stored));
        }
        let values = self.old(&ivf.quantizer)?;
        if values.n_rows() == 0 {
            return Err(unfit(self.stored));
        }
        let values = (0..values.n_rows()).flat_map(|row| values.row(row)).collect();
        let centroids = Centroids::from_values(values, header.dim, header.metric);
        let content = ListContent {
            old: Some((self.file, &ivf.lists)),
            rows: self.rows,
            members: &ivf::assign(self.rows, &centroids, self.crew)?,
            // A map counts the vectors of the index that it is over.
            ids: if self.id_map.is_some() { None } else { ids },
            first_id: header.ntotal as i64,
        };
        self.write(ivf_part(&centroids, ivf.nprobe, &content)?)
    }

    fn to_hnsw(&self, hnsw: &Hnsw, ids: Option<&[i64]>, seed: u64) -> Result<()> {
        self.refuse_ids(ids)?;
        let old = self.old(&hnsw.storage)?;
        let mut graph = Graph::from_stored(&hnsw.graph, self.file)?;
        let ef_construction = usize::try_from(hnsw.graph.ef_construction).unwrap_or(0).max(1);
        let vectors = Vectors::joined(old, self.rows);
        graph.extend(vectors, self.stored.header.metric, ef_construction, seed, self.crew)?;
        let tables = GraphTables::of(&graph);
        let beams = (ef_construction, usize::try_from(hnsw.graph.ef_search).unwrap_or(1));
        self.write(tables.part(&graph, beams, Part::Joined(old, self.rows)))
    }
}

fn unfit(stored: &Stored) -> Error {
    let expected = "Flat, IVF,Flat (trained) or HNSW,Flat, to which vectors can be added";
    parameter("kind of the index", stored.kind.name(), expected)
}
