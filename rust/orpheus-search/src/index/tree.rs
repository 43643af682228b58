//! From what a file states to engines that search it.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::acceleration::Acceleration;
use super::codes::Codes;
use super::engine::Engine;
use super::exhaustive::Exhaustive;
use super::hnsw::Hnsw;
use super::id_map::IdMap;
use super::ivf::{CodedLists, Ivf};
use super::pre_transform::PreTransform;
use super::refine::Refine;
use crate::codec::{
    Codec, FastScanCodec, Float32Codec, PackedBlocks, ProductCodec, RaBitQCodec, RaBitQLayout,
    RaBitQQueries, ScalarCodec,
};
use crate::error::{Error, Result};
use crate::format::model::{
    Header, Ivf as StatedIvf, IvfCodes, Kind, Packing, Polysemous, RaBitQ, Stored,
};
use crate::transform::Chain;

/// The engine for an index; tables are taken over, not copied. `acceleration` is that of the vectors
/// that lie in it as they are.
///
/// # Errors
///
/// [`Error::UnsupportedKind`] if an index is to be searched in a way that is not implemented.
pub(super) fn engine(
    stored: Stored,
    acceleration: Option<&Arc<Acceleration>>,
) -> Result<Box<dyn Engine>> {
    let Stored { header, kind } = stored;
    Ok(match kind {
        Kind::IdMap { inner, ids, .. } => Box::new(IdMap::new(engine(*inner, acceleration)?, ids)),
        Kind::PreTransform { chain, inner } => Box::new(PreTransform::new(
            header.dim,
            Chain::new(chain),
            engine(*inner, acceleration)?,
        )),
        Kind::Refine { base, refine, k_factor } => {
            Box::new(Refine::new(engine(*base, None)?, engine(*refine, None)?, k_factor))
        }
        Kind::Ivf(stated) => Box::new(ivf(&header, stated, acceleration)?),
        Kind::Hnsw(stated) => {
            let Stored { header, kind } = *stated.storage;
            let vectors = match (&kind, acceleration) {
                (Kind::Flat { vectors }, Some(acceleration)) => {
                    Some((vectors.clone(), Arc::clone(acceleration)))
                }
                _ => None,
            };
            Box::new(Hnsw::new(stated.graph, codes(&header, kind)?, vectors))
        }
        kind => Box::new(Exhaustive::new(codes(&header, kind)?)),
    })
}

/// Codes by row.
fn codes(header: &Header, kind: Kind) -> Result<Codes> {
    let Header { dim, ntotal, metric, .. } = *header;
    let (codec, place): (Box<dyn Codec>, Range<usize>) = match kind {
        Kind::Flat { vectors } => (Box::new(Float32Codec::new(dim)), vectors),
        Kind::Scalar { quantizer, codes } => (Box::new(ScalarCodec::new(dim, &quantizer)), codes),
        Kind::Product { quantizer, codes, polysemous } => {
            check_search_type(polysemous)?;
            (Box::new(ProductCodec::new(dim, quantizer)), codes)
        }
        Kind::ProductFastScan { quantizer, packing, codes } => {
            (Box::new(FastScanCodec::new(dim, quantizer, &packing)), codes)
        }
        Kind::RaBitQ { quantizer, center, query_bits, codes } => {
            let queries = RaBitQQueries { bits: query_bits, centered: false };
            let codec = rabitq(dim, &quantizer, queries, None);
            return Ok(Codes::new(ntotal, metric, codec, codes).with_origin(center));
        }
        Kind::RaBitQFastScan { quantizer, center, query_bits, packing, codes } => {
            let queries = RaBitQQueries { bits: query_bits, centered: false };
            let codec = rabitq(dim, &quantizer, queries, Some(&packing));
            return Ok(Codes::new(ntotal, metric, codec, codes).with_origin(center));
        }
        Kind::IdMap { .. }
        | Kind::Ivf(_)
        | Kind::Hnsw(_)
        | Kind::PreTransform { .. }
        | Kind::Refine { .. } => {
            return Err(Error::UnsupportedKind {
                fourcc: "\"IH00\"".to_owned(),
                name: "HNSW over another index",
                supported: "HNSW over Flat, scalar or product codes",
            });
        }
    };
    Ok(Codes::new(ntotal, metric, codec, place))
}

/// FAISS searches product codes by the distances of the centroids (0) or, after a look at the bits
/// that leaves some out, by the same (4). In its other modes scores mean something else.
fn check_search_type(polysemous: Polysemous) -> Result<()> {
    if matches!(polysemous.search_type, 0 | 4) {
        return Ok(());
    }
    Err(Error::UnsupportedKind {
        fourcc: "\"IxPq\"".to_owned(),
        name: "PQ searched by Hamming or symmetric distances",
        supported: "PQ searched by the distances of its centroids",
    })
}

fn rabitq(
    dim: usize,
    quantizer: &RaBitQ,
    queries: RaBitQQueries,
    packing: Option<&Packing>,
) -> Box<dyn Codec> {
    let layout = packing.map_or(RaBitQLayout::Plain(quantizer.code_size), |packing| {
        RaBitQLayout::Blocks(PackedBlocks::new(dim.div_ceil(4), packing))
    });
    Box::new(RaBitQCodec::new(dim, quantizer, queries, layout))
}

fn ivf(
    header: &Header,
    stated: StatedIvf,
    acceleration: Option<&Arc<Acceleration>>,
) -> Result<Ivf> {
    let dim = header.dim;
    let (codec, by_residual): (Box<dyn Codec>, bool) = match stated.codes {
        IvfCodes::Flat => (Box::new(Float32Codec::new(dim)), false),
        IvfCodes::Scalar { quantizer, by_residual } => {
            (Box::new(ScalarCodec::new(dim, &quantizer)), by_residual)
        }
        IvfCodes::Product { quantizer, by_residual } => {
            (Box::new(ProductCodec::new(dim, quantizer)), by_residual)
        }
        IvfCodes::ProductFastScan { quantizer, by_residual, packing } => {
            (Box::new(FastScanCodec::new(dim, quantizer, &packing)), by_residual)
        }
        // FAISS subtracts the centroid whether the file says so or not.
        IvfCodes::RaBitQ { quantizer, query_bits, .. } => {
            let queries = RaBitQQueries { bits: query_bits, centered: false };
            (rabitq(dim, &quantizer, queries, None), true)
        }
        IvfCodes::RaBitQFastScan { quantizer, query_bits, centered, packing, .. } => {
            let queries = RaBitQQueries { bits: query_bits, centered };
            (rabitq(dim, &quantizer, queries, Some(&packing)), true)
        }
    };
    Ok(Ivf {
        metric: header.metric,
        nprobe: stated.nprobe,
        nlist: stated.nlist,
        quantizer: engine(*stated.quantizer, None)?,
        codec,
        by_residual,
        lists: stated.lists,
        numbers: OnceLock::new(),
        coded: acceleration.map(|acceleration| CodedLists::new(Arc::clone(acceleration))),
    })
}
