//! Adding vectors to an index that is there.

use std::path::Path;

use super::crew::Crew;
use super::file::{FlatFile, HnswFile, IdMap, IvfFile};
use super::hnsw::{Graph, Vectors};
use super::kmeans::Centroids;
use super::{Report, check_finite, ivf};
use crate::error::{Error, Result};
use crate::format::mmap::Mapping;
use crate::format::model::{Hnsw, Ivf, IvfCodes, Kind, Stored};
use crate::format::read::read;
use crate::format::writer::check_ids;
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
    let (stored, id_map) = match &stored.kind {
        Kind::IdMap { inner, ids: old, .. } => {
            let Some(new) = ids else {
                return Err(parameter("ids", "None", "one for each vector, as the index has them"));
            };
            (&**inner, Some(IdMap { old: &file[old.clone()], new }))
        }
        _ => (&stored, None),
    };
    let addition = Addition { file, stored, rows, id_map, options, crew: &crew };
    match &stored.kind {
        Kind::Flat { .. } => addition.to_flat(ids, target),
        Kind::Ivf(ivf) => addition.to_ivf(ivf, ids, target),
        Kind::Hnsw(hnsw) => addition.to_hnsw(hnsw, ids, target),
        _ => Err(unfit(stored)),
    }
}

/// What is added to what.
struct Addition<'a> {
    file: &'a [u8],
    /// Without the map of ids.
    stored: &'a Stored,
    rows: Rows<'a>,
    id_map: Option<IdMap<'a>>,
    options: &'a AddOptions<'a>,
    crew: &'a Crew<'a>,
}

impl<'a> Addition<'a> {
    /// The vectors that a Flat index holds, and those that are added.
    fn vectors(&self, stored: &Stored) -> Result<Vectors<'a>> {
        let Kind::Flat { vectors } = &stored.kind else { return Err(unfit(self.stored)) };
        let old = Rows::from_bytes(&self.file[vectors.clone()], stored.header.dim)?;
        Ok(Vectors::joined(old, self.rows))
    }

    fn refuse_ids(&self, ids: Option<&[i64]>) -> Result<()> {
        match (ids, self.id_map) {
            (Some(_), None) => {
                let expected = "None, as this index counts its vectors; one that was built with \
                                ids can be given more";
                Err(parameter("ids", "given", expected))
            }
            _ => Ok(()),
        }
    }

    fn flat_file(&self, stored: &Stored) -> Result<FlatFile<'a>> {
        let vectors = self.vectors(stored)?;
        Ok(FlatFile { vectors, metric: self.stored.header.metric, ids: self.id_map })
    }

    fn to_flat(&self, ids: Option<&[i64]>, target: &Path) -> Result<()> {
        self.refuse_ids(ids)?;
        self.flat_file(self.stored)?.write(target, self.crew)
    }

    fn to_ivf(&self, ivf: &Ivf, ids: Option<&[i64]>, target: &Path) -> Result<()> {
        let header = self.stored.header;
        let (IvfCodes::Flat, Kind::Flat { vectors }) = (&ivf.codes, &ivf.quantizer.kind) else {
            return Err(unfit(self.stored));
        };
        let values = Rows::from_bytes(&self.file[vectors.clone()], header.dim)?;
        if values.n_rows() == 0 || ivf.quantizer.header.metric != header.metric {
            return Err(unfit(self.stored));
        }
        let values = (0..values.n_rows()).flat_map(|row| values.row(row)).collect();
        let centroids = Centroids::from_values(values, header.dim, header.metric);
        let lists = ivf::assign(self.rows, &centroids, self.crew)?;
        IvfFile {
            metric: header.metric,
            centroids: centroids.rows()?,
            nprobe: ivf.nprobe,
            old: Some((self.file, &ivf.lists)),
            rows: self.rows,
            lists: &lists,
            // A map counts the vectors of the index that it is over.
            new_ids: if self.id_map.is_some() { None } else { ids },
            first_id: header.ntotal as i64,
            id_map: self.id_map,
        }
        .write(target, self.crew)
    }

    fn to_hnsw(&self, hnsw: &Hnsw, ids: Option<&[i64]>, target: &Path) -> Result<()> {
        self.refuse_ids(ids)?;
        let flat = self.flat_file(&hnsw.storage)?;
        let mut graph = Graph::from_stored(&hnsw.graph, self.file)?;
        let ef_construction = usize::try_from(hnsw.graph.ef_construction).unwrap_or(0).max(1);
        let (metric, seed) = (self.stored.header.metric, self.options.seed);
        graph.extend(flat.vectors, metric, ef_construction, seed, self.crew)?;
        let ef_search = Some(hnsw.graph.ef_search);
        HnswFile { flat, graph: &graph, ef_construction, ef_search }.write(target, self.crew)
    }
}

fn unfit(stored: &Stored) -> Error {
    let expected = "Flat, IVF,Flat (trained) or HNSW,Flat, to which vectors can be added";
    parameter("kind of the index", stored.kind.name(), expected)
}

fn parameter(
    name: &'static str,
    found: impl std::fmt::Display,
    expected: impl Into<String>,
) -> Error {
    Error::Parameter { name, found: found.to_string(), expected: expected.into() }
}
