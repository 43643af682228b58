//! What FAISS writes for the things that several kinds of index consist of.

use std::io::{self, Write};

use super::super::fourcc::Fourcc;
use super::super::model::{
    Header, Linear, Packing, ProductQuantizer, RaBitQ, ScalarQuantizer, Transform, TransformKind,
};
use crate::metric::Metric;

/// What FAISS writes into the two numbers of a header that it does not read.
const RESERVED: i64 = 1 << 20;

/// A file that is being written, a value at a time.
pub(super) struct Out<'a> {
    file: &'a mut dyn Write,
}

impl<'a> Out<'a> {
    pub(super) fn new(file: &'a mut dyn Write) -> Self {
        Self { file }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    pub(super) fn file(&mut self) -> &mut dyn Write {
        self.file
    }

    pub(super) fn boolean(&mut self, value: bool) -> io::Result<()> {
        self.bytes(&[u8::from(value)])
    }

    pub(super) fn i32(&mut self, value: i32) -> io::Result<()> {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn f32(&mut self, value: f32) -> io::Result<()> {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn count(&mut self, value: usize) -> io::Result<()> {
        self.bytes(&(value as u64).to_le_bytes())
    }

    /// A vector: how many elements of `element_bytes` each there are, and `bytes`.
    pub(super) fn vector(&mut self, bytes: &[u8], element_bytes: usize) -> io::Result<()> {
        self.count(bytes.len() / element_bytes)?;
        self.bytes(bytes)
    }

    pub(super) fn floats(&mut self, values: &[f32]) -> io::Result<()> {
        self.vector(bytemuck::cast_slice(values), 4)
    }

    pub(super) fn header(&mut self, tag: Fourcc, header: &Header) -> io::Result<()> {
        self.bytes(&tag)?;
        self.i32(header.dim as i32)?;
        self.count(header.ntotal)?;
        self.bytes(&RESERVED.to_le_bytes())?;
        self.bytes(&RESERVED.to_le_bytes())?;
        self.boolean(header.is_trained)?;
        self.i32(metric_number(header.metric))
    }

    pub(super) fn scalar_quantizer(
        &mut self,
        dim: usize,
        quantizer: &ScalarQuantizer,
    ) -> io::Result<()> {
        self.i32(quantizer.kind as i32)?;
        self.i32(quantizer.range_statistic)?;
        self.f32(quantizer.range_argument)?;
        self.count(dim)?;
        self.count(quantizer.code_size)?;
        self.floats(&quantizer.trained)
    }

    pub(super) fn product_quantizer(
        &mut self,
        dim: usize,
        quantizer: &ProductQuantizer,
    ) -> io::Result<()> {
        self.count(dim)?;
        self.count(quantizer.m)?;
        self.count(quantizer.nbits)?;
        self.floats(&quantizer.centroids)
    }

    /// `multi` states the number of bits.
    pub(super) fn rabitq(&mut self, dim: usize, quantizer: &RaBitQ, multi: bool) -> io::Result<()> {
        self.count(dim)?;
        self.count(quantizer.code_size)?;
        self.i32(metric_number(quantizer.metric))?;
        if multi { self.count(quantizer.nb_bits) } else { Ok(()) }
    }

    pub(super) fn transform(&mut self, transform: &Transform) -> io::Result<()> {
        match &transform.kind {
            TransformKind::Pca { linear, training } => {
                self.bytes(b"Pcam")?;
                self.f32(training.eigen_power)?;
                self.f32(training.epsilon)?;
                self.boolean(training.random_rotation)?;
                self.i32(training.balanced_bins)?;
                self.floats(&training.mean)?;
                self.floats(&training.eigenvalues)?;
                self.floats(&training.matrix)?;
                self.linear(linear)?;
            }
            TransformKind::RandomRotation(linear) => {
                self.bytes(b"rrot")?;
                self.linear(linear)?;
            }
            TransformKind::Linear(linear) => {
                self.bytes(b"LTra")?;
                self.linear(linear)?;
            }
            TransformKind::Normalize => {
                self.bytes(b"VNrm")?;
                self.f32(2.0)?;
            }
            TransformKind::Center { mean } => {
                self.bytes(b"VCnt")?;
                self.floats(mean)?;
            }
            TransformKind::Remap { map } => {
                self.bytes(b"RmDT")?;
                self.vector(bytemuck::cast_slice(map), 4)?;
            }
            TransformKind::Hadamard { seed } => {
                self.bytes(b"HRot")?;
                self.bytes(&seed.to_le_bytes())?;
            }
        }
        self.i32(transform.d_in as i32)?;
        self.i32(transform.d_out as i32)?;
        self.boolean(transform.is_trained)
    }

    fn linear(&mut self, linear: &Linear) -> io::Result<()> {
        self.boolean(linear.have_bias)?;
        self.floats(&linear.a)?;
        self.floats(&linear.b)
    }

    /// How lists of codes begin; all codes and ids follow, list by list.
    pub(super) fn array_lists(&mut self, code_size: usize, sizes: &[usize]) -> io::Result<()> {
        self.bytes(b"ilar")?;
        self.count(sizes.len())?;
        self.count(code_size)?;
        let filled = sizes.iter().filter(|&&size| size > 0).count();
        if filled > sizes.len() / 2 {
            self.bytes(b"full")?;
            self.count(sizes.len())?;
            return sizes.iter().try_for_each(|&size| self.count(size));
        }
        self.bytes(b"sprs")?;
        self.count(2 * filled)?;
        for (number, &size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
            self.count(number)?;
            self.count(size)?;
        }
        Ok(())
    }

    /// How lists of blocks of codes begin; ids and codes follow, each with a count, list by list.
    pub(super) fn block_lists(&mut self, nlist: usize, packing: &Packing) -> io::Result<()> {
        self.bytes(b"ilbl")?;
        self.count(nlist)?;
        self.bytes(&[0xff; 8])?;
        self.count(packing.block_vectors)?;
        self.count(packing.block_bytes)
    }
}

fn metric_number(metric: Metric) -> i32 {
    i32::from(metric == Metric::L2)
}
