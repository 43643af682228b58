//! A file in words: what kind of index it holds, over what.

use std::fmt;
use std::path::Path;

use super::mmap::Mapping;
use super::model::{
    HnswGraph, Ivf, IvfCodes, Kind, Packing, PcaTraining, ProductQuantizer, RaBitQ, ScalarKind,
    Stored, Transform, TransformKind,
};
use super::read::read;
use crate::error::Result;
use crate::metric::Metric;

/// What the FAISS file at `path` holds. No vector is read.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io) if it cannot be opened, and what [`read`] refuses.
pub fn describe(path: &Path) -> Result<Description> {
    let mapping = Mapping::open(path)?;
    let stored = read(mapping.bytes()?)?;
    Ok(stored.description())
}

/// What an index is.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// As the string that makes such an index in `faiss.index_factory`. What that cannot make has a
    /// name in the same manner.
    pub kind: String,
    /// Values per vector.
    pub dim: usize,
    /// Vectors.
    pub ntotal: usize,
    /// How they are compared.
    pub metric: Metric,
    /// Whether what must be learned from vectors has been.
    pub is_trained: bool,
    /// Numbers by which it searches and stores, by the names of the glossary.
    pub settings: Vec<(&'static str, f64)>,
    /// The indexes that it consists of, by what they do for it.
    pub parts: Vec<(&'static str, Description)>,
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, dim, ntotal, metric, .. } = self;
        write!(formatter, "{kind}: {ntotal} vectors of dimension {dim} under {metric}")
    }
}

impl Stored {
    /// The index in words.
    #[must_use]
    pub fn description(&self) -> Description {
        let part = |role, stored: &Self| (role, stored.description());
        let (settings, parts) = match &self.kind {
            Kind::IdMap { inner, .. } | Kind::PreTransform { inner, .. } => {
                (Vec::new(), vec![part("index", inner)])
            }
            Kind::Ivf(ivf) => (ivf.settings(), vec![part("quantizer", &ivf.quantizer)]),
            Kind::Hnsw(hnsw) => (hnsw.graph.settings(), vec![part("storage", &hnsw.storage)]),
            Kind::Refine { base, refine, k_factor } => (
                vec![("k_factor", f64::from(*k_factor))],
                vec![part("base", base), part("refine", refine)],
            ),
            _ => (Vec::new(), Vec::new()),
        };
        let header = self.header;
        Description {
            kind: self.factory_string(),
            dim: header.dim,
            ntotal: header.ntotal,
            metric: header.metric,
            is_trained: header.is_trained,
            settings,
            parts,
        }
    }

    /// The string that makes such an index in `faiss.index_factory`, or one in the same manner.
    #[must_use]
    pub fn factory_string(&self) -> String {
        match &self.kind {
            Kind::Flat { .. } => "Flat".to_owned(),
            Kind::IdMap { inner, two_way, .. } => {
                format!("IDMap{},{}", if *two_way { "2" } else { "" }, inner.factory_string())
            }
            Kind::Scalar { quantizer, .. } => scalar(quantizer.kind).to_owned(),
            Kind::Product { quantizer, .. } => product(quantizer),
            Kind::ProductFastScan { quantizer, packing, .. } => {
                fast_product(quantizer, packing, "")
            }
            Kind::RaBitQ { quantizer, .. } => rabitq(quantizer, ""),
            Kind::RaBitQFastScan { quantizer, packing, .. } => fast_rabitq(quantizer, packing),
            Kind::Ivf(ivf) => ivf.factory_string(),
            Kind::Hnsw(hnsw) => {
                format!("HNSW{},{}", hnsw.graph.m(), hnsw.storage.factory_string())
            }
            Kind::PreTransform { chain, inner } => {
                let transforms = chain.iter().map(|transform| transform.factory_string() + ",");
                transforms.collect::<String>() + &inner.factory_string()
            }
            Kind::Refine { base, refine, .. } => match &refine.kind {
                Kind::Flat { .. } => format!("{},RFlat", base.factory_string()),
                _ => format!("{},Refine({})", base.factory_string(), refine.factory_string()),
            },
        }
    }
}

impl Ivf {
    fn settings(&self) -> Vec<(&'static str, f64)> {
        vec![("nlist", self.nlist as f64), ("nprobe", self.nprobe as f64)]
    }

    fn factory_string(&self) -> String {
        let quantizer = match &self.quantizer.kind {
            Kind::Flat { .. } => String::new(),
            Kind::Hnsw(hnsw) if matches!(hnsw.storage.kind, Kind::Flat { .. }) => {
                format!("_HNSW{}", hnsw.graph.m())
            }
            _ => format!("({})", self.quantizer.factory_string()),
        };
        let codes = match &self.codes {
            IvfCodes::Flat => "Flat".to_owned(),
            IvfCodes::Scalar { quantizer, .. } => scalar(quantizer.kind).to_owned(),
            IvfCodes::Product { quantizer, .. } => product(quantizer),
            IvfCodes::ProductFastScan { quantizer, by_residual, packing } => {
                fast_product(quantizer, packing, if *by_residual { "r" } else { "" })
            }
            IvfCodes::RaBitQ { quantizer, .. } => rabitq(quantizer, ""),
            IvfCodes::RaBitQFastScan { quantizer, packing, .. } => fast_rabitq(quantizer, packing),
        };
        format!("IVF{}{quantizer},{codes}", self.nlist)
    }
}

impl HnswGraph {
    /// Links of a node on each level but the lowest, which has twice as many.
    #[must_use]
    pub fn m(&self) -> usize {
        match self.cumulative.as_slice() {
            [_, lowest, next, ..] => next - lowest,
            [_, lowest] => lowest / 2,
            _ => 0,
        }
    }

    fn settings(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("m", self.m() as f64),
            ("ef_construction", f64::from(self.ef_construction)),
            ("ef_search", f64::from(self.ef_search)),
        ]
    }
}

impl Transform {
    fn factory_string(&self) -> String {
        let d_out = self.d_out;
        match &self.kind {
            TransformKind::Pca { training, .. } => {
                let PcaTraining { eigen_power, random_rotation, .. } = training;
                let whitened = if *eigen_power < 0.0 { "W" } else { "" };
                let rotated = if *random_rotation { "R" } else { "" };
                format!("PCA{whitened}{rotated}{d_out}")
            }
            TransformKind::RandomRotation(_) => format!("RR{d_out}"),
            TransformKind::Linear(_) => format!("Linear{d_out}"),
            TransformKind::Normalize => "L2norm".to_owned(),
            TransformKind::Center { .. } => "Center".to_owned(),
            TransformKind::Remap { map } if is_padding(map, self.d_in) => format!("Pad{d_out}"),
            TransformKind::Remap { .. } => format!("Remap{d_out}"),
            TransformKind::Hadamard { .. } => format!("HR{d_out}"),
        }
    }
}

/// Whether all values stay where they are, and zeros follow.
fn is_padding(map: &[i32], d_in: usize) -> bool {
    let (kept, added) = map.split_at(d_in.min(map.len()));
    kept.iter().zip(0..).all(|(&from, place)| from == place) && added.iter().all(|&from| from == -1)
}

fn scalar(kind: ScalarKind) -> &'static str {
    match kind {
        ScalarKind::Bits8 => "SQ8",
        ScalarKind::Bits4 => "SQ4",
        ScalarKind::Bits8Uniform => "SQ8_uniform",
        ScalarKind::Bits4Uniform => "SQ4_uniform",
        ScalarKind::Float16 => "SQfp16",
        ScalarKind::Bits8Direct => "SQ8_direct",
        ScalarKind::Bits6 => "SQ6",
        ScalarKind::BFloat16 => "SQbf16",
        ScalarKind::Bits8DirectSigned => "SQ8_direct_signed",
    }
}

fn product(quantizer: &ProductQuantizer) -> String {
    match quantizer.nbits {
        8 => format!("PQ{}", quantizer.m),
        nbits => format!("PQ{}x{nbits}", quantizer.m),
    }
}

fn fast_product(quantizer: &ProductQuantizer, packing: &Packing, residual: &str) -> String {
    format!("PQ{}x4fs{residual}{}", quantizer.m, block(packing))
}

fn rabitq(quantizer: &RaBitQ, packed: &str) -> String {
    match quantizer.nb_bits {
        1 => format!("RaBitQ{packed}"),
        nb_bits => format!("RaBitQ{packed}{nb_bits}"),
    }
}

fn fast_rabitq(quantizer: &RaBitQ, packing: &Packing) -> String {
    rabitq(quantizer, "fs") + &block(packing)
}

/// Said only where it is not what FAISS takes by itself.
fn block(packing: &Packing) -> String {
    match packing.block_vectors {
        32 => String::new(),
        other => format!("_{other}"),
    }
}
