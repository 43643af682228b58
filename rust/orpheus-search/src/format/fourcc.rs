//! The tags that name what follows in a FAISS file.

/// Four ASCII bytes.
pub type Fourcc = [u8; 4];

/// Vectors as they are, inner product.
pub const FLAT_INNER_PRODUCT: Fourcc = *b"IxFI";
/// Vectors as they are, squared L2.
pub const FLAT_L2: Fourcc = *b"IxF2";
/// Vectors as they are, the metric stands in the header.
pub const FLAT: Fourcc = *b"IxFl";
/// Another index, and the id of each of its vectors.
pub const ID_MAP: Fourcc = *b"IxMp";
/// The same bytes; FAISS builds a map from id to vector on opening.
pub const ID_MAP_2: Fourcc = *b"IxM2";

/// What FAISS calls the kinds of index that it writes.
const NAMES: &[(&[u8; 4], &str)] = &[
    (b"IxFI", "Flat, inner product"),
    (b"IxF2", "Flat, L2"),
    (b"IxFl", "Flat"),
    (b"IxFP", "FlatPanorama"),
    (b"IxFp", "FlatPanorama"),
    (b"IxMp", "IDMap"),
    (b"IxM2", "IDMap2"),
    (b"IxHE", "LSH"),
    (b"IxHe", "LSH"),
    (b"IxSQ", "ScalarQuantizer"),
    (b"IxPQ", "PQ"),
    (b"IxPo", "PQ"),
    (b"IxPq", "PQ"),
    (b"IxRQ", "ResidualQuantizer"),
    (b"IxRq", "ResidualQuantizer"),
    (b"IxLS", "LocalSearchQuantizer"),
    (b"IxPR", "ProductResidualQuantizer"),
    (b"IxPL", "ProductLocalSearchQuantizer"),
    (b"IxLa", "Lattice"),
    (b"Ix2L", "2Layer"),
    (b"IxPT", "PreTransform"),
    (b"IxRF", "Refine"),
    (b"IxRP", "RefinePanorama"),
    (b"Ixrq", "RaBitQ"),
    (b"Ixrr", "RaBitQ"),
    (b"Irfs", "RaBitQFastScan"),
    (b"Irfn", "RaBitQFastScan"),
    (b"IxEe", "EDEN"),
    (b"ImRQ", "ResidualCoarseQuantizer"),
    (b"Imiq", "MultiIndexQuantizer"),
    (b"IPfs", "PQFastScan"),
    (b"ILfs", "LocalSearchQuantizerFastScan"),
    (b"IRfs", "ResidualQuantizerFastScan"),
    (b"IPLf", "ProductLocalSearchQuantizerFastScan"),
    (b"IPRf", "ProductResidualQuantizerFastScan"),
    (b"IRMf", "RowwiseMinMax"),
    (b"IRMh", "RowwiseMinMaxFP16"),
    (b"IwFl", "IVFFlat"),
    (b"IvFL", "IVFFlat"),
    (b"IvFl", "IVFFlat"),
    (b"IwFd", "IVFFlatDedup"),
    (b"IwP2", "IVFFlatPanorama"),
    (b"IwSq", "IVFScalarQuantizer"),
    (b"IwSQ", "IVFScalarQuantizer"),
    (b"IvSQ", "IVFScalarQuantizer"),
    (b"IwPQ", "IVFPQ"),
    (b"IvPQ", "IVFPQ"),
    (b"IwQR", "IVFPQR"),
    (b"IvQR", "IVFPQR"),
    (b"IwPf", "IVFPQFastScan"),
    (b"IwLS", "IVFLocalSearchQuantizer"),
    (b"IwRQ", "IVFResidualQuantizer"),
    (b"IwPL", "IVFProductLocalSearchQuantizer"),
    (b"IwPR", "IVFProductResidualQuantizer"),
    (b"IVLf", "IVFLocalSearchQuantizerFastScan"),
    (b"IVRf", "IVFResidualQuantizerFastScan"),
    (b"NPLf", "IVFProductLocalSearchQuantizerFastScan"),
    (b"NPRf", "IVFProductResidualQuantizerFastScan"),
    (b"IwSh", "IVFSpectralHash"),
    (b"IwIQ", "IVFIndependentQuantizer"),
    (b"Iwrq", "IVFRaBitQ"),
    (b"Iwrr", "IVFRaBitQ"),
    (b"Iwrf", "IVFRaBitQFastScan"),
    (b"Iwrn", "IVFRaBitQFastScan"),
    (b"IHNf", "HNSWFlat"),
    (b"IHNp", "HNSWPQ"),
    (b"IHNs", "HNSWSQ"),
    (b"IHN2", "HNSW2Level"),
    (b"IHNc", "HNSWCagra"),
    (b"IHc2", "HNSWCagra"),
    (b"IHfP", "HNSWFlatPanorama"),
    (b"IH00", "HNSW"),
    (b"INSf", "NSGFlat"),
    (b"INSp", "NSGPQ"),
    (b"INSs", "NSGSQ"),
    (b"INNf", "NNDescentFlat"),
    (b"ISVD", "SVSVamana"),
    (b"IS44", "SVSVamanaLVQ4x4"),
    (b"IS48", "SVSVamanaLVQ4x8"),
    (b"IBxF", "BinaryFlat"),
    (b"IBwF", "BinaryIVF"),
    (b"IBFf", "BinaryFromFloat"),
    (b"IBHf", "BinaryHNSW"),
    (b"IBHh", "BinaryHash"),
    (b"IBHm", "BinaryMultiHash"),
    (b"IBMp", "BinaryIDMap"),
    (b"IBM2", "BinaryIDMap2"),
    (b"null", "no index"),
];

/// What FAISS calls the kind of index that `tag` announces.
#[must_use]
pub fn name(tag: Fourcc) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| **known == tag).map(|(_, name)| *name)
}

/// `tag` in quotes, bytes that are not printable escaped.
#[must_use]
pub fn quoted(tag: Fourcc) -> String {
    format!("\"{}\"", tag.escape_ascii())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_tag_is_listed_twice() {
        let tags: HashSet<_> = NAMES.iter().map(|(tag, _)| **tag).collect();
        assert_eq!(tags.len(), NAMES.len());
    }

    #[test]
    fn a_tag_of_any_bytes_prints() {
        assert_eq!(quoted([0, b'"', 0xff, b'A']), "\"\\x00\\\"\\xffA\"");
    }
}
