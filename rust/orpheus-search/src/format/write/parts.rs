//! Writing an index that was made here.

use std::io::{self, Write};
use std::path::Path;

use super::super::mmap::Mapping;
use super::super::model::{Header, ProductQuantizer, ScalarQuantizer, Transform};
use super::super::read::{checked_dim, read};
use super::atomic::write_whole;
use super::layout::Out;
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::neighbours::NO_ID;
use crate::rows::Rows;

/// An index to be written, of which the data lie elsewhere.
pub enum Part<'a> {
    /// Vectors as they are.
    Flat(Rows<'a>),
    /// Vectors as they are, first those of one matrix and then those of another of its dimension.
    Joined(Rows<'a>, Rows<'a>),
    /// Vectors as they are, of matrices one after the other.
    Runs {
        /// Values of a vector.
        dim: usize,
        /// The matrices.
        runs: &'a [Rows<'a>],
    },
    /// Each value as a few bits.
    Scalar {
        /// Values of a vector.
        dim: usize,
        /// What the bits mean.
        quantizer: &'a ScalarQuantizer,
        /// `quantizer.code_size` bytes for each vector.
        codes: &'a [u8],
    },
    /// Each stretch of a vector as the number of a centroid.
    Product {
        /// Values of a vector.
        dim: usize,
        /// The centroids.
        quantizer: &'a ProductQuantizer,
        /// `quantizer.code_size` bytes for each vector.
        codes: &'a [u8],
    },
    /// Ids for the vectors of another index.
    IdMap {
        /// The other.
        inner: Box<Part<'a>>,
        /// One for each vector, none of them -1.
        ids: &'a [i64],
        /// Whether FAISS is to find vectors by id, too (`IDMap2`).
        two_way: bool,
    },
    /// Vectors in lists.
    Ivf(IvfPart<'a>),
    /// A graph over the vectors of another index.
    Hnsw(HnswPart<'a>),
    /// Another index, of changed vectors.
    PreTransform {
        /// What is done to them, in this order.
        chain: &'a [Transform],
        /// The other.
        inner: Box<Part<'a>>,
    },
    /// Candidates from one index, compared again by another.
    Refine {
        /// Finds candidates.
        base: Box<Part<'a>>,
        /// Compares.
        refine: Box<Part<'a>>,
        /// Candidates per neighbour, at least 1.
        k_factor: f32,
    },
}

/// Vectors in lists.
pub struct IvfPart<'a> {
    /// Lists that a query visits unless it says otherwise.
    pub nprobe: usize,
    /// The centroids, one for each list; Flat, or HNSW over it.
    pub quantizer: Box<Part<'a>>,
    /// How a vector is stored.
    pub codes: IvfPartCodes<'a>,
    /// The vectors.
    pub lists: &'a dyn ListSource,
}

/// How an IVF stores a vector.
#[derive(Clone, Copy)]
pub enum IvfPartCodes<'a> {
    /// As it is.
    Flat,
    /// Each value as a few bits.
    Scalar {
        /// What the bits mean.
        quantizer: &'a ScalarQuantizer,
        /// Whether the code is of the vector less the centroid of its list.
        by_residual: bool,
    },
    /// Each stretch as the number of a centroid.
    Product {
        /// The centroids.
        quantizer: &'a ProductQuantizer,
        /// Whether the code is of the vector less the centroid of its list.
        by_residual: bool,
    },
}

/// Where the content of inverted lists comes from when it is written.
pub trait ListSource {
    /// Number of lists.
    fn nlist(&self) -> usize;
    /// Vectors of list `number`.
    fn len(&self, number: usize) -> usize;
    /// Writes the codes of list `number`.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn write_codes(&self, number: usize, out: &mut dyn Write) -> io::Result<()>;
    /// Writes the stored numbers of list `number`, int64 each.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn write_ids(&self, number: usize, out: &mut dyn Write) -> io::Result<()>;
}

/// Lists of row numbers, the codes of which lie in the order of the rows.
#[derive(Clone, Copy, Debug)]
pub struct GatheredLists<'a> {
    /// The rows of each list, in the order in which they are to be written.
    pub lists: &'a [Vec<u32>],
    /// Codes of all rows, of equal length, or their float32 values.
    pub codes: &'a [u8],
    /// Bytes of a row.
    pub code_size: usize,
    /// The stored number of each row, instead of the row itself.
    pub ids: Option<&'a [i64]>,
}

impl ListSource for GatheredLists<'_> {
    fn nlist(&self) -> usize {
        self.lists.len()
    }

    fn len(&self, number: usize) -> usize {
        self.lists[number].len()
    }

    fn write_codes(&self, number: usize, out: &mut dyn Write) -> io::Result<()> {
        let code = |row: u32| &self.codes[row as usize * self.code_size..][..self.code_size];
        self.lists[number].iter().try_for_each(|&row| out.write_all(code(row)))
    }

    fn write_ids(&self, number: usize, out: &mut dyn Write) -> io::Result<()> {
        let id = |row: u32| self.ids.map_or(i64::from(row), |ids| ids[row as usize]);
        self.lists[number].iter().try_for_each(|&row| out.write_all(&id(row).to_le_bytes()))
    }
}

/// A graph over the vectors of another index.
pub struct HnswPart<'a> {
    /// Links of a node on each level but the lowest, which has twice as many; at least 2.
    pub m: usize,
    /// Levels of each node, from 1.
    pub levels: &'a [i32],
    /// Links of each node on its levels, from the lowest: `2 * m`, then `m` for each other level,
    /// filled up with -1.
    pub neighbors: &'a [i32],
    /// Where a search starts: a node on the highest level. `None` if there are no nodes.
    pub entry_point: Option<usize>,
    /// Beam with which the graph was built.
    pub ef_construction: usize,
    /// Beam of a search unless it says otherwise.
    pub ef_search: usize,
    /// Flat, scalar or product codes.
    pub storage: Box<Part<'a>>,
}

/// Writes `part` as a FAISS file, the bytes that `faiss.write_index` would write.
///
/// The file appears under its name when it is whole, on disk and has been read again; until then
/// the name keeps what it had. A symbolic link at `path` is replaced, not followed.
///
/// # Errors
///
/// [`Error::Parameter`] for [`Metric::Cosine`], which FAISS does not know, for too long vectors or
/// an id that stands for "none", [`Error::Shape`] if parts do not fit each other,
/// [`Error::Malformed`] or [`Error::Truncated`] if what was written contradicts itself in another
/// way, [`Error::Io`] if the file cannot be written.
pub fn write_index(path: &Path, metric: Metric, part: &Part<'_>) -> Result<()> {
    if metric == Metric::Cosine {
        let expected = "\"inner_product\" or \"l2\"; scale the vectors to length one and write \
                        them for \"inner_product\"";
        return Err(parameter("metric", "\"cosine\"".to_owned(), expected.to_owned()));
    }
    part.header(metric)?;
    write_whole(
        path,
        |file| part.write(metric, &mut Out::new(file)),
        |written| read(Mapping::open(written)?.bytes()?).map(|_| ()),
    )
}

fn parameter(name: &'static str, found: String, expected: String) -> Error {
    Error::Parameter { name, found, expected }
}

fn shape(name: &'static str, found: usize, expected: String) -> Error {
    Error::Shape { name, found, expected }
}

/// Makes sure that `found` things of `name` are one for each of `n` vectors.
fn one_each(name: &'static str, found: usize, n: usize) -> Result<()> {
    if found == n {
        Ok(())
    } else {
        Err(shape(name, found, format!("one for each of the {n} vectors")))
    }
}

fn check_ids(ids: &[i64]) -> Result<()> {
    match ids.iter().position(|&id| id == NO_ID) {
        None => Ok(()),
        Some(row) => Err(Error::Parameter {
            name: "ids",
            found: format!("{NO_ID} at place {row}"),
            expected: format!("anything else, as {NO_ID} stands for no vector"),
        }),
    }
}

impl Part<'_> {
    /// What all indexes state, if the parts fit each other.
    pub(super) fn header(&self, metric: Metric) -> Result<Header> {
        let (dim, ntotal) = match self {
            Self::Flat(rows) => (rows.dim(), rows.n_rows()),
            Self::Joined(first, second) if first.dim() != second.dim() => {
                return Err(shape("rows", second.dim(), format!("{} a vector", first.dim())));
            }
            Self::Joined(first, second) => (first.dim(), first.n_rows() + second.n_rows()),
            Self::Runs { dim, runs } => {
                if let Some(other) = runs.iter().find(|rows| rows.dim() != *dim) {
                    return Err(shape("rows", other.dim(), format!("{dim} a vector")));
                }
                (*dim, runs.iter().map(Rows::n_rows).sum())
            }
            Self::Scalar { dim, quantizer, codes } => {
                (*dim, whole_codes(codes, quantizer.code_size)?)
            }
            Self::Product { dim, quantizer, codes } => {
                (*dim, whole_codes(codes, quantizer.code_size)?)
            }
            Self::IdMap { inner, ids, .. } => {
                let inner = inner.header(metric)?;
                one_each("ids", ids.len(), inner.ntotal)?;
                check_ids(ids)?;
                (inner.dim, inner.ntotal)
            }
            Self::Ivf(ivf) => {
                let quantizer = ivf.quantizer.header(metric)?;
                one_each("inverted lists", ivf.lists.nlist(), quantizer.ntotal)?;
                (quantizer.dim, ivf.ntotal())
            }
            Self::Hnsw(hnsw) => {
                let storage = hnsw.storage.header(metric)?;
                one_each("levels", hnsw.levels.len(), storage.ntotal)?;
                hnsw.check()?;
                (storage.dim, storage.ntotal)
            }
            Self::PreTransform { chain, inner } => {
                let inner = inner.header(metric)?;
                (chain.first().map_or(inner.dim, |first| first.d_in), inner.ntotal)
            }
            Self::Refine { base, refine, .. } => {
                let base = base.header(metric)?;
                one_each("refining vectors", refine.header(metric)?.ntotal, base.ntotal)?;
                (base.dim, base.ntotal)
            }
        };
        checked_dim(dim)?;
        Ok(Header { dim, ntotal, metric, is_trained: true })
    }
}

fn whole_codes(codes: &[u8], code_size: usize) -> Result<usize> {
    if code_size > 0 && codes.len().is_multiple_of(code_size) {
        Ok(codes.len() / code_size)
    } else {
        Err(shape("codes", codes.len(), format!("a multiple of {code_size} bytes")))
    }
}

impl IvfPart<'_> {
    fn ntotal(&self) -> usize {
        (0..self.lists.nlist()).map(|number| self.lists.len(number)).sum()
    }
}

impl HnswPart<'_> {
    fn check(&self) -> Result<()> {
        if self.m < 2 || self.m > 1 << 16 {
            return Err(parameter("m", self.m.to_string(), "2 to 65536".to_owned()));
        }
        let highest = super::hnsw::levels_of(self.m).0.len();
        let sound = |level: &i32| usize::try_from(*level).is_ok_and(|n| (1..=highest).contains(&n));
        if let Some(level) = self.levels.iter().find(|level| !sound(level)) {
            return Err(parameter("levels", level.to_string(), format!("1 to {highest}")));
        }
        match self.entry_point {
            Some(node) if node >= self.levels.len() => {
                let expected = format!("one of the {} nodes", self.levels.len());
                Err(parameter("entry_point", node.to_string(), expected))
            }
            _ => Ok(()),
        }
    }
}
