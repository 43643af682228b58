//! What FAISS wrote, put together again from its parts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use orpheus_search::format::model::{Hnsw, Ivf, IvfCodes, Kind, Place, Stored};
use orpheus_search::format::read::read;
use orpheus_search::format::write::{
    GatheredLists, HnswPart, IvfPart, IvfPartCodes, Part, write_index,
};
use orpheus_search::{Metric, Rows};

/// Lives as long as the tests: an index of parts borrows what it consists of.
fn kept<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn integers(bytes: &[u8]) -> &'static [i32] {
    let integer = |lane: &[u8]| i32::from_le_bytes(lane.try_into().unwrap());
    kept(bytes.chunks(4).map(integer).collect::<Vec<_>>())
}

fn ids(bytes: &[u8]) -> &'static [i64] {
    let id = |lane: &[u8]| i64::from_le_bytes(lane.try_into().unwrap());
    kept(bytes.chunks(8).map(id).collect::<Vec<_>>())
}

/// The parts of an index that this crate builds; of others, nothing.
fn part(stored: Stored, file: &'static [u8]) -> Option<Part<'static>> {
    let dim = stored.header.dim;
    let at = |place: &Place| &file[place.clone()];
    let inner = |stored: Stored| Some(Box::new(part(stored, file)?));
    Some(match stored.kind {
        Kind::Flat { vectors } => Part::Flat(Rows::from_bytes(at(&vectors), dim).unwrap()),
        Kind::Scalar { quantizer, codes } => {
            Part::Scalar { dim, quantizer: kept(quantizer), codes: at(&codes) }
        }
        Kind::Product { quantizer, codes, .. } => {
            Part::Product { dim, quantizer: kept(quantizer), codes: at(&codes) }
        }
        Kind::IdMap { inner: index, ids: place, two_way } => {
            Part::IdMap { inner: inner(*index)?, ids: ids(at(&place)), two_way }
        }
        Kind::PreTransform { chain, inner: index } => {
            Part::PreTransform { chain: kept(chain), inner: inner(*index)? }
        }
        Kind::Refine { base, refine, k_factor } => {
            Part::Refine { base: inner(*base)?, refine: inner(*refine)?, k_factor }
        }
        Kind::Ivf(ivf) => Part::Ivf(ivf_part(ivf, dim, file)?),
        Kind::Hnsw(hnsw) => Part::Hnsw(hnsw_part(hnsw, file)?),
        _ => return None,
    })
}

fn ivf_part(ivf: Ivf, dim: usize, file: &'static [u8]) -> Option<IvfPart<'static>> {
    let (mut rows, mut codes, mut numbers) = (vec![Vec::new(); ivf.nlist], Vec::new(), Vec::new());
    for (number, row) in rows.iter_mut().enumerate() {
        let list = ivf.lists.list(number);
        let before = ivf.lists.n_before(number) as u32;
        row.extend(before..before + list.len as u32);
        codes.extend(&file[list.codes]);
        numbers.extend(ids(&file[list.ids]));
    }
    let code_size = ivf.codes.code_size(dim);
    let (lists, codes, ids) = (kept(rows), kept(codes), Some(&kept(numbers)[..]));
    let how = match ivf.codes {
        IvfCodes::Flat => IvfPartCodes::Flat,
        IvfCodes::Scalar { quantizer, by_residual } => {
            IvfPartCodes::Scalar { quantizer: kept(quantizer), by_residual }
        }
        IvfCodes::Product { quantizer, by_residual } => {
            IvfPartCodes::Product { quantizer: kept(quantizer), by_residual }
        }
        _ => return None,
    };
    let quantizer = Box::new(part(*ivf.quantizer, file)?);
    let lists = kept(GatheredLists { lists, codes, code_size, ids });
    Some(IvfPart { nprobe: ivf.nprobe, quantizer, codes: how, lists })
}

fn hnsw_part(hnsw: Hnsw, file: &'static [u8]) -> Option<HnswPart<'static>> {
    let graph = hnsw.graph;
    Some(HnswPart {
        m: graph.m(),
        levels: integers(&file[graph.levels.clone()]),
        neighbors: integers(&file[graph.neighbors.clone()]),
        entry_point: graph.entry_point,
        ef_construction: graph.ef_construction as usize,
        ef_search: graph.ef_search as usize,
        storage: Box::new(part(*hnsw.storage, file)?),
    })
}

#[test]
fn an_index_of_the_parts_of_a_file_of_faiss_is_that_file() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/faiss");
    let folder = tempfile::tempdir().unwrap();
    let mut metrics = Vec::new();
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        let file = kept(fs::read(&path).unwrap());
        let stored = read(file).unwrap();
        let metric = stored.header.metric;
        let Some(index) = part(stored, file) else { continue };
        let again = folder.path().join("again");
        write_index(&again, metric, &index).unwrap();
        assert!(fs::read(&again).unwrap() == *file, "{}", path.display());
        metrics.push(metric);
    }
    let n_of = |metric| metrics.iter().filter(|found| **found == metric).count();
    assert!(n_of(Metric::L2) >= 10 && n_of(Metric::InnerProduct) >= 10, "{metrics:?}");
}
