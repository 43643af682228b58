//! A FAISS Flat file, with or without a map of ids.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::few::search_few;
use super::search::{Scan, SearchOptions};
use crate::error::{Error, Result};
use crate::filter::{Allow, Deny, Filter};
use crate::format::cursor::{Cursor, malformed};
use crate::format::fourcc::{self, Fourcc};
use crate::format::mmap::Mapping;
use crate::format::model::Header;
use crate::index::acceleration::{Acceleration, Codes, Vectors};
use crate::index::selection::{Selection, Wanted};
use crate::metric::Metric;
use crate::neighbours::{NO_ID, Neighbours};
use crate::rows::Rows;

/// What a file may start with.
const SUPPORTED: &str = "Flat (IxF2, IxFI, IxFl), IDMap (IxMp) or IDMap2 (IxM2) over Flat";
/// What may stand below a map of ids.
const SUPPORTED_IN_MAP: &str = "Flat (IxF2, IxFI, IxFl) inside an IDMap";

/// Which kind of file a [`FlatIndex`] was opened from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlatKind {
    /// The id of a vector is its place.
    Flat,
    /// The file states the ids.
    IdMap,
    /// The same, by another tag.
    IdMap2,
}

impl FlatKind {
    /// As the string that makes such an index in `faiss.index_factory`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flat => "Flat",
            Self::IdMap => "IDMap,Flat",
            Self::IdMap2 => "IDMap2,Flat",
        }
    }
}

/// Where things lie in a Flat file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layout {
    kind: FlatKind,
    header: Header,
    rows: Range<usize>,
    ids: Option<Range<usize>>,
}

/// An exact index over a mapped FAISS file.
///
/// Searching is safe from several threads; the file must not be shortened meanwhile (see
/// [`Mapping`]).
#[derive(Debug)]
pub struct FlatIndex {
    mapping: Arc<Mapping>,
    layout: Layout,
    /// Rows in the order of their ids, made when an id is looked up for the first time.
    by_id: OnceLock<Vec<(i64, usize)>>,
    acceleration: Acceleration,
}

impl FlatIndex {
    /// Maps the file at `path`. No vector is read.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be opened; [`Error::NotAnIndex`], [`Error::UnsupportedKind`],
    /// [`Error::UnsupportedMetric`], [`Error::Truncated`] or [`Error::Malformed`] if it is not a
    /// sound Flat file.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, Codes::default())
    }

    /// As [`Self::open`], with a say in what is kept to be searched faster.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], and [`Error::Changed`] if the file is not what it was when its sidecar
    /// was made.
    pub fn open_with(path: &Path, codes: Codes) -> Result<Self> {
        Self::from_mapping(path, Arc::new(Mapping::open(path)?), codes)
    }

    /// The same of a file that is mapped already.
    pub(crate) fn from_mapping(path: &Path, mapping: Arc<Mapping>, codes: Codes) -> Result<Self> {
        let layout = Layout::read(mapping.bytes()?)?;
        let Header { metric, dim, .. } = layout.header;
        let vectors = Vectors { metric, dim, lists: vec![layout.rows.clone()], centers: None };
        let acceleration = Acceleration::open(codes, path, &mapping, vectors)?;
        Ok(Self { mapping, layout, by_id: OnceLock::new(), acceleration })
    }

    /// Makes codes of all vectors now, rather than after a few searches, and writes them beside
    /// the file if they may be.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] if there is not enough for them, [`Error::Shrunk`].
    pub fn accelerate(&self, n_threads: usize) -> Result<()> {
        self.acceleration.make(n_threads)
    }

    /// Whether there are codes of the vectors.
    #[must_use]
    pub fn has_codes(&self) -> bool {
        self.acceleration.data().is_some()
    }

    /// How many vectors there are.
    #[must_use]
    pub fn ntotal(&self) -> usize {
        self.layout.header.ntotal
    }

    /// Values per vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.layout.header.dim
    }

    /// How vectors are compared: [`Metric::L2`] or [`Metric::InnerProduct`].
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.layout.header.metric
    }

    /// Which kind of file it is.
    #[must_use]
    pub fn kind(&self) -> FlatKind {
        self.layout.kind
    }

    /// Bytes of the file.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        self.layout.ids.as_ref().map_or(self.layout.rows.end, |ids| ids.end)
    }

    /// The vectors in stored order.
    ///
    /// # Errors
    ///
    /// [`Error::Shrunk`] if the file has lost some of them.
    pub fn rows(&self) -> Result<Rows<'_>> {
        Rows::from_bytes(&self.mapping.bytes()?[self.layout.rows.clone()], self.dim())
    }

    /// The vectors, and the id of each unless that is its place, after one look at the file.
    fn vectors(&self) -> Result<(Rows<'_>, Option<&[[u8; 8]]>)> {
        let bytes = self.mapping.bytes()?;
        let rows = Rows::from_bytes(&bytes[self.layout.rows.clone()], self.dim())?;
        Ok((rows, self.layout.ids.clone().map(|range| bytes[range].as_chunks::<8>().0)))
    }

    /// The id of each vector in stored order; `None` if that is its place.
    fn ids(&self) -> Result<Option<&[[u8; 8]]>> {
        let Some(range) = self.layout.ids.clone() else { return Ok(None) };
        Ok(Some(self.mapping.bytes()?[range].as_chunks::<8>().0))
    }

    /// The id of every vector, in stored order.
    ///
    /// # Errors
    ///
    /// [`Error::Shrunk`].
    pub fn stored_ids(&self) -> Result<Vec<i64>> {
        Ok(match self.ids()? {
            Some(ids) => ids.iter().map(|id| i64::from_le_bytes(*id)).collect(),
            None => (0..self.ntotal() as i64).collect(),
        })
    }

    /// Finds the nearest of the allowed vectors for each of `queries`.
    ///
    /// # Errors
    ///
    /// As [`super::search_rows`], and [`Error::Shrunk`].
    pub fn search(&self, queries: &[f32], options: &SearchOptions<'_>) -> Result<Neighbours> {
        let (rows, ids) = self.vectors()?;
        if let Some(found) = search_few(rows, ids, self.metric(), queries, options) {
            return found;
        }
        let filter = self.filter(options.allow, options.deny)?;
        let n_queries = queries.len() / self.dim();
        let data = self.acceleration.for_queries(n_queries, options.n_threads)?;
        let scan = Scan::new(rows, self.metric(), &filter, options)?;
        let file = (self.mapping.as_opened(), self.layout.rows.start);
        let scan = scan.with_ids(ids).with_side_data(data, &self.acceleration, file);
        scan.search(queries, options)
    }

    /// The stored vector with the given id; of several, the one stored last.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownId`], [`Error::Shrunk`].
    pub fn reconstruct(&self, id: i64) -> Result<Vec<f32>> {
        let row = match self.ids()? {
            None => usize::try_from(id).ok().filter(|&row| row < self.ntotal()),
            Some(ids) => self.rows_with(id, ids).last().map(|pair| pair.1),
        };
        let unknown = Error::UnknownId { id, ntotal: self.ntotal() };
        Ok(self.rows()?.row(row.ok_or(unknown)?).collect())
    }

    fn filter(&self, allow: Allow<'_>, deny: Deny<'_>) -> Result<Filter> {
        let ntotal = self.ntotal();
        let Some(ids) = self.ids()? else {
            return Ok(Selection::of_rows(&Wanted { allow, deny }, ntotal)?.filter(ntotal));
        };
        let rows = |named: &[i64]| -> Vec<i64> {
            let rows = named.iter().flat_map(|&id| self.rows_with(id, ids));
            rows.map(|pair| pair.1 as i64).collect()
        };
        let (allowed, denied);
        let allow = match allow {
            Allow::Ids(named) => {
                allowed = rows(named);
                Allow::Ids(&allowed)
            }
            allow => allow,
        };
        let deny = match deny {
            Deny::Ids(named) => {
                denied = rows(named);
                Deny::Ids(&denied)
            }
            deny => deny,
        };
        Ok(Selection::of_rows(&Wanted { allow, deny }, ntotal)?.filter(ntotal))
    }

    /// The rows with the given id, in stored order.
    fn rows_with(&self, id: i64, ids: &[[u8; 8]]) -> &[(i64, usize)] {
        let by_id = self.by_id.get_or_init(|| {
            let ids = ids.iter().map(|id| i64::from_le_bytes(*id));
            let mut by_id: Vec<_> = ids.enumerate().map(|(row, id)| (id, row)).collect();
            by_id.sort_unstable();
            by_id
        });
        let start = by_id.partition_point(|pair| pair.0 < id);
        let n_equal = by_id[start..].partition_point(|pair| pair.0 == id);
        &by_id[start..start + n_equal]
    }
}

impl Layout {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(bytes);
        let tag = cursor.fourcc()?;
        let layout = match tag {
            fourcc::ID_MAP => Self::read_map(tag, FlatKind::IdMap, &mut cursor, bytes)?,
            fourcc::ID_MAP_2 => Self::read_map(tag, FlatKind::IdMap2, &mut cursor, bytes)?,
            _ => Self::read_flat(tag, &mut cursor, SUPPORTED)?,
        };
        cursor.finish()?;
        Ok(layout)
    }

    fn read_flat(tag: Fourcc, cursor: &mut Cursor<'_>, supported: &'static str) -> Result<Self> {
        if !matches!(tag, fourcc::FLAT | fourcc::FLAT_L2 | fourcc::FLAT_INNER_PRODUCT) {
            let quoted = fourcc::quoted(tag);
            return Err(match fourcc::name(tag) {
                Some(name) => Error::UnsupportedKind { fourcc: quoted, name, supported },
                None if supported == SUPPORTED => Error::NotAnIndex(quoted),
                None => Error::UnsupportedKind { fourcc: quoted, name: "unknown", supported },
            });
        }
        let header = cursor.header(tag)?;
        let n_values = header.ntotal as u128 * header.dim as u128;
        let rows = cursor.vector(n_values, 4, "vectors")?;
        Ok(Self { kind: FlatKind::Flat, header, rows, ids: None })
    }

    fn read_map(
        tag: Fourcc,
        kind: FlatKind,
        cursor: &mut Cursor<'_>,
        bytes: &[u8],
    ) -> Result<Self> {
        let header = cursor.header(tag)?;
        let offset = cursor.offset();
        let inner_tag = cursor.fourcc()?;
        let inner = Self::read_flat(inner_tag, cursor, SUPPORTED_IN_MAP)?;
        if !inner.header.agrees_with(&header) {
            let expected = format!("{header}, as the ID map says");
            return Err(malformed("inner index", offset, &inner.header, expected));
        }
        let ids = cursor.vector(header.ntotal as u128, 8, "ids")?;
        let (stored, _) = bytes[ids.clone()].as_chunks::<8>();
        if let Some(row) = stored.iter().position(|id| i64::from_le_bytes(*id) == NO_ID) {
            let offset = (ids.start + 8 * row) as u64;
            return Err(malformed("id", offset, &NO_ID, "an id that does not stand for no vector"));
        }
        Ok(Self { kind, ids: Some(ids), ..inner })
    }
}
