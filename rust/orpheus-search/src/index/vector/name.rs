//! What `faiss.index_factory` calls an index.

use crate::format::model::{
    Hnsw, Ivf, IvfCodes, Kind, Packing, ProductQuantizer, RaBitQ, ScalarKind, Stored, Transform,
    TransformKind,
};

/// The string that makes such an index, where there is one.
pub(super) fn of(stored: &Stored) -> String {
    match &stored.kind {
        Kind::Flat { .. } => "Flat".to_owned(),
        Kind::IdMap { inner, two_way, .. } => {
            format!("{},{}", if *two_way { "IDMap2" } else { "IDMap" }, of(inner))
        }
        Kind::Scalar { quantizer, .. } => scalar(quantizer.kind).to_owned(),
        Kind::Product { quantizer, .. } => product(quantizer),
        Kind::ProductFastScan { quantizer, packing, .. } => fast_scan(quantizer, packing, ""),
        Kind::RaBitQ { quantizer, .. } => rabitq("RaBitQ", quantizer),
        Kind::RaBitQFastScan { quantizer, .. } => rabitq("RaBitQfs", quantizer),
        Kind::Ivf(ivf) => format!("{},{}", lists(ivf), codes(&ivf.codes)),
        Kind::Hnsw(hnsw) => format!("HNSW{},{}", links(hnsw), of(&hnsw.storage)),
        Kind::PreTransform { chain, inner } => {
            let names = chain.iter().map(transform).chain([of(inner)]);
            names.collect::<Vec<_>>().join(",")
        }
        Kind::Refine { base, refine, .. } => match &refine.kind {
            Kind::Flat { .. } => format!("{},RFlat", of(base)),
            _ => format!("{},Refine({})", of(base), of(refine)),
        },
    }
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

/// Blocks of 32 vectors go without saying; so do vectors that are not residuals.
fn fast_scan(quantizer: &ProductQuantizer, packing: &Packing, residual: &str) -> String {
    match packing.block_vectors {
        32 => format!("PQ{}x4fs{residual}", quantizer.m),
        n => format!("PQ{}x4fs{residual}_{n}", quantizer.m),
    }
}

fn rabitq(name: &str, quantizer: &RaBitQ) -> String {
    match quantizer.nb_bits {
        1 => name.to_owned(),
        nb_bits => format!("{name}{nb_bits}"),
    }
}

fn lists(ivf: &Ivf) -> String {
    match &ivf.quantizer.kind {
        Kind::Flat { .. } => format!("IVF{}", ivf.nlist),
        Kind::Hnsw(hnsw) if matches!(hnsw.storage.kind, Kind::Flat { .. }) => {
            format!("IVF{}_HNSW{}", ivf.nlist, links(hnsw))
        }
        _ => format!("IVF{}({})", ivf.nlist, of(&ivf.quantizer)),
    }
}

fn codes(codes: &IvfCodes) -> String {
    match codes {
        IvfCodes::Flat => "Flat".to_owned(),
        IvfCodes::Scalar { quantizer, .. } => scalar(quantizer.kind).to_owned(),
        IvfCodes::Product { quantizer, .. } => product(quantizer),
        IvfCodes::ProductFastScan { quantizer, by_residual, packing } => {
            fast_scan(quantizer, packing, if *by_residual { "r" } else { "" })
        }
        IvfCodes::RaBitQ { quantizer, .. } => rabitq("RaBitQ", quantizer),
        IvfCodes::RaBitQFastScan { quantizer, .. } => rabitq("RaBitQfs", quantizer),
    }
}

/// The lowest level has twice the links of the others.
fn links(hnsw: &Hnsw) -> usize {
    hnsw.graph.cumulative.get(1).map_or(0, |links| links / 2)
}

fn transform(transform: &Transform) -> String {
    let d_out = transform.d_out;
    match &transform.kind {
        TransformKind::Pca { training, .. } => {
            let whitening = if training.eigen_power < 0.0 { "W" } else { "" };
            let rotation = if training.random_rotation { "R" } else { "" };
            format!("PCA{whitening}{rotation}{d_out}")
        }
        TransformKind::RandomRotation(_) => format!("RR{d_out}"),
        // Which of those that learn such a map it was, the file does not say.
        TransformKind::Linear(_) => format!("LT{d_out}"),
        TransformKind::Normalize => "L2norm".to_owned(),
        TransformKind::Center { .. } => "Center".to_owned(),
        TransformKind::Remap { .. } => format!("Pad{d_out}"),
        TransformKind::Hadamard { .. } => "HR".to_owned(),
    }
}
