//! Building indexes: vectors in, files that FAISS opens out.

mod add;
mod clusters;
mod crew;
mod file;
mod hnsw;
mod ivf;
mod kind;
mod kmeans;
mod random;
mod rewrite;

use std::path::Path;

pub use add::{AddOptions, add_to_index};
pub use crew::{Progress, Report, Step};
pub use hnsw::HnswOptions;
pub use ivf::{IvfOptions, default_nlist, default_nprobe};
pub use kind::BuildKind;
pub(crate) use rewrite::{Rewrite, can_be_rewritten, rewrite};

use crew::{Crew, Share};
use file::{GraphTables, ListContent, ivf_part};
use hnsw::{Graph, Vectors};

use crate::error::{Error, Result};
use crate::format::write::Part;
use crate::metric::Metric;
use crate::neighbours::NO_ID;
use crate::rows::Rows;

/// Beam width of a search that does not say: what FAISS itself writes, 16, finds too little.
const EF_SEARCH: usize = 64;
/// Vectors that are checked at a time.
const CHECK_CHUNK: usize = 1024;

/// How to build an index.
#[derive(Clone, Copy)]
pub struct BuildOptions<'a> {
    /// What to build.
    pub kind: BuildKind,
    /// How vectors are compared; not [`Metric::Cosine`].
    pub metric: Metric,
    /// What everything random depends on.
    pub seed: u64,
    /// At most this many threads, the caller's included; at least 1. Lists do not depend on it; a
    /// graph that several threads build differs from one time to the next.
    pub n_threads: usize,
    /// Told how far the building is.
    pub report: Option<Report<'a>>,
}

impl BuildOptions<'_> {
    /// The kind that suits the number of vectors, on the caller's thread.
    #[must_use]
    pub fn new(metric: Metric) -> Self {
        Self { kind: BuildKind::Auto, metric, seed: 0, n_threads: 1, report: None }
    }
}

/// Builds an index of `rows` and writes it as a FAISS file, which appears under its name when it is
/// whole and on disk. The id of a vector is its row number, or what `ids` says.
///
/// # Errors
///
/// [`Error::NotFinite`] if a value is not; [`Error::Parameter`] for [`Metric::Cosine`], too few
/// vectors for the lists, an option out of range or an id that stands for "none"; [`Error::Shape`]
/// if there is not one id for each vector; [`Error::Io`] if the file cannot be written;
/// [`Error::Stopped`].
pub fn build_index(
    path: &Path,
    rows: Rows<'_>,
    ids: Option<&[i64]>,
    options: &BuildOptions<'_>,
) -> Result<()> {
    let BuildOptions { metric, seed, .. } = *options;
    let crew = Crew::new(options.n_threads, options.report)?;
    check_metric(metric)?;
    if let Some(ids) = ids {
        check_ids(ids, rows.n_rows())?;
    }
    check_finite(rows, &crew)?;
    let n = rows.n_rows();
    let flat = Part::Flat(rows);
    match options.kind.for_vectors(n) {
        BuildKind::Auto | BuildKind::Flat => file::write(path, metric, flat, ids, (&crew, n)),
        BuildKind::Ivf(options) => {
            let centroids = ivf::train(rows, metric, &options, seed, &crew)?;
            let members = &ivf::assign(rows, &centroids, &crew)?;
            // The lists themselves hold ids.
            let content = ListContent { old: None, rows, members, ids, first_id: 0 };
            let part = ivf_part(&centroids, default_nprobe(members.n()), &content)?;
            file::write(path, metric, part, None, (&crew, n))
        }
        BuildKind::Hnsw(options) => {
            let mut graph = Graph::new(options)?;
            let ef_construction = options.ef_construction;
            graph.extend(Vectors::new(rows), metric, ef_construction, seed, &crew)?;
            let tables = GraphTables::of(&graph);
            let part = tables.part(&graph, (ef_construction, EF_SEARCH), flat);
            file::write(path, metric, part, ids, (&crew, n))
        }
    }
}

fn check_metric(metric: Metric) -> Result<()> {
    if metric != Metric::Cosine {
        return Ok(());
    }
    let expected = "\"inner_product\" or \"l2\"; scale the vectors to length one and build for \
                    \"inner_product\"";
    Err(parameter("metric", "\"cosine\"", expected))
}

fn check_ids(ids: &[i64], n_rows: usize) -> Result<()> {
    if ids.len() != n_rows {
        let expected = format!("one for each of the {n_rows} vectors");
        return Err(Error::Shape { name: "ids", found: ids.len(), expected });
    }
    match ids.iter().position(|&id| id == NO_ID) {
        None => Ok(()),
        Some(row) => {
            let expected = format!("anything else, as {NO_ID} stands for no vector");
            Err(parameter("ids", format_args!("{NO_ID} at place {row}"), expected))
        }
    }
}

fn parameter(
    name: &'static str,
    found: impl std::fmt::Display,
    expected: impl Into<String>,
) -> Error {
    Error::Parameter { name, found: found.to_string(), expected: expected.into() }
}

/// Refuses what cannot be compared.
fn check_finite(rows: Rows<'_>, crew: &Crew<'_>) -> Result<()> {
    let n = rows.n_rows();
    let first_unsound = std::sync::atomic::AtomicUsize::new(usize::MAX);
    let chunks = (0..n).step_by(CHECK_CHUNK).map(|first| {
        let chunk = first..n.min(first + CHECK_CHUNK);
        (chunk.len(), chunk)
    });
    crew.work(
        Share::whole(Step::Check, n),
        chunks,
        || (),
        |(), chunk| {
            let is_sound =
                |row: &usize| rows.row(*row).fold(true, |all, value| all & value.is_finite());
            if let Some(row) = chunk.into_iter().find(|row| !is_sound(row)) {
                first_unsound.fetch_min(row, std::sync::atomic::Ordering::Relaxed);
            }
        },
    )?;
    let row = first_unsound.into_inner();
    if row == usize::MAX {
        return Ok(());
    }
    let found = rows.row(row).enumerate().find(|(_, value)| !value.is_finite());
    let (column, value) = found.map_or((0, f64::NAN), |(column, value)| (column, value.into()));
    Err(Error::NotFinite { name: "vectors", row, column, value })
}
