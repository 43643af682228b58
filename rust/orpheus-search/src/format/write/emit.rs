//! The bytes of an index that was made here.

use std::io;

use super::super::fourcc;
use super::hnsw::levels_of;
use super::layout::Out;
use super::parts::{HnswPart, IvfPart, IvfPartCodes, Part};
use crate::metric::Metric;

impl Part<'_> {
    pub(super) fn write(&self, metric: Metric, out: &mut Out<'_>) -> io::Result<()> {
        let header = self.header(metric).map_err(io::Error::other)?;
        out.header(self.tag(metric), &header)?;
        match self {
            Self::Flat(rows) => out.vector(rows.lanes().as_flattened(), 4),
            Self::Joined(first, second) => {
                out.count(first.lanes().len() + second.lanes().len())?;
                out.bytes(first.lanes().as_flattened())?;
                out.bytes(second.lanes().as_flattened())
            }
            Self::Runs { runs, .. } => {
                out.count(runs.iter().map(|rows| rows.lanes().len()).sum())?;
                runs.iter().try_for_each(|rows| out.bytes(rows.lanes().as_flattened()))
            }
            Self::Scalar { dim, quantizer, codes } => {
                out.scalar_quantizer(*dim, quantizer)?;
                out.vector(codes, 1)
            }
            Self::Product { dim, quantizer, codes } => {
                out.product_quantizer(*dim, quantizer)?;
                out.vector(codes, 1)?;
                // What FAISS states unless it is told to search by Hamming distance.
                out.i32(0)?;
                out.boolean(false)?;
                out.i32((quantizer.m * quantizer.nbits + 1) as i32)
            }
            Self::IdMap { inner, ids, .. } => {
                inner.write(metric, out)?;
                out.vector(bytemuck::cast_slice(ids), 8)
            }
            Self::Ivf(ivf) => ivf.write(header.dim, metric, out),
            Self::Hnsw(hnsw) => hnsw.write(metric, out),
            Self::PreTransform { chain, inner } => {
                out.i32(chain.len() as i32)?;
                chain.iter().try_for_each(|transform| out.transform(transform))?;
                inner.write(metric, out)
            }
            Self::Refine { base, refine, k_factor } => {
                base.write(metric, out)?;
                refine.write(metric, out)?;
                out.f32(*k_factor)
            }
        }
    }

    fn tag(&self, metric: Metric) -> fourcc::Fourcc {
        match self {
            Self::Flat(_) | Self::Joined(..) | Self::Runs { .. } if metric == Metric::L2 => {
                fourcc::FLAT_L2
            }
            Self::Flat(_) | Self::Joined(..) | Self::Runs { .. } => fourcc::FLAT_INNER_PRODUCT,
            Self::Scalar { .. } => *b"IxSQ",
            Self::Product { .. } => *b"IxPq",
            Self::IdMap { two_way: false, .. } => fourcc::ID_MAP,
            Self::IdMap { .. } => fourcc::ID_MAP_2,
            Self::Ivf(ivf) => match ivf.codes {
                IvfPartCodes::Flat => *b"IwFl",
                IvfPartCodes::Scalar { .. } => *b"IwSq",
                IvfPartCodes::Product { .. } => *b"IwPQ",
            },
            Self::Hnsw(hnsw) => match *hnsw.storage {
                Self::Scalar { .. } => *b"IHNs",
                Self::Product { .. } => *b"IHNp",
                _ => *b"IHNf",
            },
            Self::PreTransform { .. } => *b"IxPT",
            Self::Refine { .. } => *b"IxRF",
        }
    }
}

impl IvfPart<'_> {
    fn write(&self, dim: usize, metric: Metric, out: &mut Out<'_>) -> io::Result<()> {
        let nlist = self.lists.nlist();
        out.count(nlist)?;
        out.count(self.nprobe)?;
        self.quantizer.write(metric, out)?;
        out.bytes(&[0; 9])?; // no direct map
        let code_size = match self.codes {
            IvfPartCodes::Flat => 4 * dim,
            IvfPartCodes::Scalar { quantizer, by_residual } => {
                out.scalar_quantizer(dim, quantizer)?;
                out.count(quantizer.code_size)?;
                out.boolean(by_residual)?;
                quantizer.code_size
            }
            IvfPartCodes::Product { quantizer, by_residual } => {
                out.boolean(by_residual)?;
                out.count(quantizer.code_size)?;
                out.product_quantizer(dim, quantizer)?;
                quantizer.code_size
            }
        };
        let sizes: Vec<usize> = (0..nlist).map(|number| self.lists.len(number)).collect();
        out.array_lists(code_size, &sizes)?;
        for number in 0..nlist {
            self.lists.write_codes(number, out.file())?;
            self.lists.write_ids(number, out.file())?;
        }
        Ok(())
    }
}

impl HnswPart<'_> {
    fn write(&self, metric: Metric, out: &mut Out<'_>) -> io::Result<()> {
        let (probabilities, cumulative) = levels_of(self.m);
        out.vector(bytemuck::cast_slice(&probabilities), 8)?;
        out.vector(bytemuck::cast_slice(&cumulative), 4)?;
        out.vector(bytemuck::cast_slice(self.levels), 4)?;
        out.count(self.levels.len() + 1)?;
        let mut offset = 0;
        out.count(offset)?;
        for &level in self.levels {
            offset += cumulative[level as usize] as usize;
            out.count(offset)?;
        }
        out.vector(bytemuck::cast_slice(self.neighbors), 4)?;
        out.i32(self.entry_point.map_or(-1, |node| node as i32))?;
        out.i32(self.entry_point.map_or(-1, |node| self.levels[node] - 1))?;
        out.i32(self.ef_construction as i32)?;
        out.i32(self.ef_search as i32)?;
        out.i32(1)?; // reserved
        self.storage.write(metric, out)
    }
}
