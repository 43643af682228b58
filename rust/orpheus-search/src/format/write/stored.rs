//! Writing an index again that was read.

use std::io::{self, Write};
use std::path::Path;

use super::super::mmap::Mapping;
use super::super::model::{
    DirectMap, Hnsw, HnswGraph, Ivf, IvfCodes, Kind, ListLayout, Lists, Packing, Place, Stored,
};
use super::super::read::read;
use super::atomic::write_whole;
use super::layout::Out;
use crate::error::Result;
use crate::metric::Metric;

/// Checks the whole of the FAISS file at `from`, the links of graphs included, and writes what it
/// states to `to`: the bytes that `faiss.write_index` would write after `faiss.read_index`.
///
/// The file appears under its name when it is whole and on disk.
///
/// # Errors
///
/// What [`read`] refuses, [`Error::Malformed`](crate::Error::Malformed) if a link leads astray,
/// [`Error::Io`](crate::Error::Io) if a file cannot be opened or written.
pub fn copy_index(from: &Path, to: &Path) -> Result<()> {
    let mapping = Mapping::open(from)?;
    let bytes = mapping.bytes()?;
    let stored = read(bytes)?;
    stored.check_links(bytes)?;
    write_whole(to, |file| write_stored(file, &stored, bytes), |_| Ok(()))
}

/// Writes `stored`, which was read from `file`. Files that FAISS writes come out as they were.
///
/// # Errors
///
/// Those of `out`.
pub fn write_stored(out: &mut dyn Write, stored: &Stored, file: &[u8]) -> io::Result<()> {
    Rewriter { out: Out::new(out), file }.index(stored)
}

impl Stored {
    /// Makes sure that the links of every graph in the index lead to nodes; see
    /// [`HnswGraph::check_links`].
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`](crate::Error::Malformed) if one does not.
    pub fn check_links(&self, file: &[u8]) -> Result<()> {
        match &self.kind {
            Kind::Hnsw(hnsw) => hnsw.graph.check_links(file),
            Kind::Ivf(ivf) => ivf.quantizer.check_links(file),
            Kind::IdMap { inner, .. } | Kind::PreTransform { inner, .. } => inner.check_links(file),
            Kind::Refine { base, refine, .. } => {
                base.check_links(file)?;
                refine.check_links(file)
            }
            _ => Ok(()),
        }
    }
}

struct Rewriter<'a> {
    out: Out<'a>,
    file: &'a [u8],
}

impl<'a> Rewriter<'a> {
    fn at(&self, place: &Place) -> &'a [u8] {
        &self.file[place.clone()]
    }

    fn vector(&mut self, place: &Place, element_bytes: usize) -> io::Result<()> {
        let bytes = self.at(place);
        self.out.vector(bytes, element_bytes)
    }

    fn index(&mut self, stored: &Stored) -> io::Result<()> {
        self.out.header(tag(stored), &stored.header)?;
        let dim = stored.header.dim;
        match &stored.kind {
            Kind::Flat { vectors } => self.vector(vectors, 4),
            Kind::IdMap { inner, ids, .. } => {
                self.index(inner)?;
                self.vector(ids, 8)
            }
            Kind::Scalar { quantizer, codes } => {
                self.out.scalar_quantizer(dim, quantizer)?;
                self.vector(codes, 1)
            }
            Kind::Product { quantizer, codes, polysemous } => {
                self.out.product_quantizer(dim, quantizer)?;
                self.vector(codes, 1)?;
                self.out.i32(polysemous.search_type)?;
                self.out.boolean(polysemous.encode_signs)?;
                self.out.i32(polysemous.threshold)
            }
            Kind::ProductFastScan { .. } | Kind::RaBitQFastScan { .. } => self.packed(stored),
            Kind::RaBitQ { quantizer, center, query_bits, codes } => {
                self.out.rabitq(dim, quantizer, quantizer.nb_bits > 1)?;
                self.vector(codes, 1)?;
                self.out.floats(center)?;
                self.out.bytes(&[*query_bits])
            }
            Kind::Ivf(ivf) => self.ivf(ivf, dim),
            Kind::Hnsw(hnsw) => self.hnsw(hnsw),
            Kind::PreTransform { chain, inner } => {
                self.out.i32(chain.len() as i32)?;
                chain.iter().try_for_each(|transform| self.out.transform(transform))?;
                self.index(inner)
            }
            Kind::Refine { base, refine, k_factor } => {
                self.index(base)?;
                self.index(refine)?;
                self.out.f32(*k_factor)
            }
        }
    }

    fn packed(&mut self, stored: &Stored) -> io::Result<()> {
        let dim = stored.header.dim;
        match &stored.kind {
            Kind::ProductFastScan { quantizer, packing, codes } => {
                self.out.product_quantizer(dim, quantizer)?;
                self.out.i32(packing.implementation)?;
                self.out.i32(packing.block_vectors as i32)?;
                self.out.i32(packing.query_block as i32)?;
                self.padded(stored, packing)?;
                self.vector(codes, 1)
            }
            Kind::RaBitQFastScan { quantizer, center, query_bits, packing, codes } => {
                self.out.rabitq(dim, quantizer, true)?;
                self.out.floats(center)?;
                self.out.bytes(&[*query_bits])?;
                self.out.i32(packing.block_vectors as i32)?;
                self.padded(stored, packing)?;
                self.out.count(quantizer.code_size)?;
                self.vector(codes, 1)
            }
            _ => Ok(()),
        }
    }

    fn padded(&mut self, stored: &Stored, packing: &Packing) -> io::Result<()> {
        self.out.count(packing.n_blocks(stored.header.ntotal) * packing.block_vectors)?;
        self.out.count(packing.padded_m)
    }

    fn ivf(&mut self, ivf: &Ivf, dim: usize) -> io::Result<()> {
        self.out.count(ivf.nlist)?;
        self.out.count(ivf.nprobe)?;
        self.index(&ivf.quantizer)?;
        self.direct_map(&ivf.direct_map)?;
        self.codes(&ivf.codes, dim)?;
        self.lists(ivf, dim)
    }

    fn direct_map(&mut self, direct_map: &DirectMap) -> io::Result<()> {
        match direct_map {
            DirectMap::None => self.out.bytes(&[0; 9]),
            DirectMap::Array(array) => {
                self.out.bytes(&[1])?;
                self.vector(array, 8)
            }
            DirectMap::Hash(pairs) => {
                self.out.bytes(&[2, 0, 0, 0, 0, 0, 0, 0, 0])?;
                self.vector(pairs, 16)
            }
        }
    }

    fn codes(&mut self, codes: &IvfCodes, dim: usize) -> io::Result<()> {
        let out = &mut self.out;
        match codes {
            IvfCodes::Flat => Ok(()),
            IvfCodes::Scalar { quantizer, by_residual } => {
                out.scalar_quantizer(dim, quantizer)?;
                out.count(quantizer.code_size)?;
                out.boolean(*by_residual)
            }
            IvfCodes::Product { quantizer, by_residual } => {
                out.boolean(*by_residual)?;
                out.count(quantizer.code_size)?;
                out.product_quantizer(dim, quantizer)
            }
            IvfCodes::ProductFastScan { quantizer, by_residual, packing } => {
                out.boolean(*by_residual)?;
                out.count(quantizer.code_size)?;
                out.i32(packing.block_vectors as i32)?;
                out.count(packing.padded_m)?;
                out.i32(packing.implementation)?;
                out.bytes(&packing.query_block.to_le_bytes())?;
                out.product_quantizer(dim, quantizer)
            }
            IvfCodes::RaBitQ { quantizer, by_residual, query_bits } => {
                out.rabitq(dim, quantizer, quantizer.nb_bits > 1)?;
                out.count(quantizer.code_size)?;
                out.boolean(*by_residual)?;
                out.bytes(&[*query_bits])
            }
            IvfCodes::RaBitQFastScan { quantizer, by_residual, query_bits, centered, packing } => {
                out.rabitq(dim, quantizer, true)?;
                out.boolean(*by_residual)?;
                out.count(quantizer.code_size)?;
                out.i32(packing.block_vectors as i32)?;
                out.bytes(&packing.query_block.to_le_bytes())?;
                out.count(packing.padded_m)?;
                out.i32(packing.implementation)?;
                out.bytes(&[*query_bits])?;
                out.boolean(*centered)
            }
        }
    }

    fn lists(&mut self, ivf: &Ivf, dim: usize) -> io::Result<()> {
        let Lists { layout, .. } = &ivf.lists;
        match (layout, ivf.codes.packing()) {
            (ListLayout::Array { .. }, _) => {
                let lists = (0..ivf.nlist).map(|number| ivf.lists.list(number));
                let sizes: Vec<usize> = lists.clone().map(|list| list.len).collect();
                self.out.array_lists(ivf.codes.code_size(dim), &sizes)?;
                for list in lists {
                    let (codes, ids) = (self.at(&list.codes), self.at(&list.ids));
                    self.out.bytes(codes)?;
                    self.out.bytes(ids)?;
                }
            }
            (ListLayout::Blocks { .. }, Some(packing)) => {
                self.out.block_lists(ivf.nlist, packing)?;
                for number in 0..ivf.nlist {
                    let list = ivf.lists.list(number);
                    self.vector(&list.ids, 8)?;
                    self.vector(&list.codes, 1)?;
                }
            }
            (ListLayout::Blocks { .. }, None) => {}
        }
        Ok(())
    }

    fn hnsw(&mut self, hnsw: &Hnsw) -> io::Result<()> {
        let HnswGraph { probabilities, cumulative, .. } = &hnsw.graph;
        let HnswGraph { levels, offsets, neighbors, .. } = &hnsw.graph;
        self.out.vector(bytemuck::cast_slice(probabilities), 8)?;
        self.out.count(cumulative.len())?;
        cumulative.iter().try_for_each(|&links| self.out.i32(links as i32))?;
        self.vector(levels, 4)?;
        self.vector(offsets, 8)?;
        self.vector(neighbors, 4)?;
        self.out.i32(hnsw.graph.entry_point.map_or(-1, |node| node as i32))?;
        self.out.i32(hnsw.graph.max_level)?;
        self.out.i32(hnsw.graph.ef_construction)?;
        self.out.i32(hnsw.graph.ef_search)?;
        self.out.i32(1)?; // reserved
        self.index(&hnsw.storage)
    }
}

/// The tag that FAISS gives to an index today.
fn tag(stored: &Stored) -> [u8; 4] {
    let several = |quantizer: &super::super::model::RaBitQ| quantizer.nb_bits > 1;
    *match &stored.kind {
        Kind::Flat { .. } if stored.header.metric == Metric::L2 => b"IxF2",
        Kind::Flat { .. } => b"IxFI",
        Kind::IdMap { two_way: true, .. } => b"IxM2",
        Kind::IdMap { .. } => b"IxMp",
        Kind::Scalar { .. } => b"IxSQ",
        Kind::Product { .. } => b"IxPq",
        Kind::ProductFastScan { .. } => b"IPfs",
        Kind::RaBitQ { quantizer, .. } if several(quantizer) => b"Ixrr",
        Kind::RaBitQ { .. } => b"Ixrq",
        Kind::RaBitQFastScan { .. } => b"Irfn",
        Kind::Ivf(ivf) => match &ivf.codes {
            IvfCodes::Flat => b"IwFl",
            IvfCodes::Scalar { .. } => b"IwSq",
            IvfCodes::Product { .. } => b"IwPQ",
            IvfCodes::ProductFastScan { .. } => b"IwPf",
            IvfCodes::RaBitQ { quantizer, .. } if several(quantizer) => b"Iwrr",
            IvfCodes::RaBitQ { .. } => b"Iwrq",
            IvfCodes::RaBitQFastScan { .. } => b"Iwrn",
        },
        Kind::Hnsw(hnsw) => &hnsw.tag,
        Kind::PreTransform { .. } => b"IxPT",
        Kind::Refine { .. } => b"IxRF",
    }
}
