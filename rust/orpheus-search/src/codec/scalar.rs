//! Each value of a vector as a few bits.

use super::decoded::DecodedScorer;
use super::kernel::{CodecKernels, Numbers, Width, pad};
use super::scalar_scorer::NumbersScorer;
use super::{Codec, Scorer, half};
use crate::distance::Kernels;
use crate::format::model::{ScalarKind, ScalarQuantizer};
use crate::metric::Metric;

/// The scalar quantizers of FAISS.
#[derive(Debug)]
pub(crate) struct ScalarCodec {
    kind: ScalarKind,
    dim: usize,
    code_size: usize,
    /// A value is `scale * code + shift`: a pair for each dimension, with zeros up to whole
    /// registers, or none where codes have no ranges.
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl ScalarCodec {
    pub(crate) fn new(dim: usize, quantizer: &ScalarQuantizer) -> Self {
        let (scale, shift) = ranges(dim, quantizer);
        Self { kind: quantizer.kind, dim, code_size: quantizer.code_size, scale, shift }
    }

    fn width(&self) -> Width {
        match self.kind {
            ScalarKind::Bits4 | ScalarKind::Bits4Uniform => Width::Bits4,
            ScalarKind::Bits6 => Width::Bits6,
            ScalarKind::Float16 => Width::Float16,
            ScalarKind::BFloat16 => Width::BFloat16,
            ScalarKind::Bits8
            | ScalarKind::Bits8Uniform
            | ScalarKind::Bits8Direct
            | ScalarKind::Bits8DirectSigned => Width::Bits8,
        }
    }

    /// Writes `scale * number + shift` for each number, the first of which is that of dimension
    /// `first`.
    fn decode_ranged(&self, first: usize, numbers: &[u8], vector: &mut [f32]) {
        let ranges = self.scale[first..].iter().zip(&self.shift[first..]);
        for ((value, &number), (scale, shift)) in vector.iter_mut().zip(numbers).zip(ranges) {
            *value = f32::from(number) * scale + shift;
        }
    }

    /// The same with numbers of `bits` bits, which `unpack` takes out of a code.
    fn decode_packed(
        &self,
        code: &[u8],
        bits: usize,
        unpack: impl Fn(&[u8], &mut [u8]),
        vector: &mut [f32],
    ) {
        let mut numbers = [0; STRETCH];
        let stretches = vector.chunks_mut(STRETCH).zip(code.chunks(STRETCH * bits / 8));
        for (index, (vector, code)) in stretches.enumerate() {
            let numbers = &mut numbers[..vector.len()];
            unpack(code, numbers);
            self.decode_ranged(index * STRETCH, numbers, vector);
        }
    }
}

/// Steps and lowest values: FAISS puts a value into the middle of its step.
fn ranges(dim: usize, quantizer: &ScalarQuantizer) -> (Vec<f32>, Vec<f32>) {
    let n_steps = match quantizer.kind {
        ScalarKind::Bits8 | ScalarKind::Bits8Uniform => 255.0,
        ScalarKind::Bits6 => 63.0,
        ScalarKind::Bits4 | ScalarKind::Bits4Uniform => 15.0,
        ScalarKind::Bits8Direct => return padded(vec![1.0; dim], vec![0.0; dim]),
        ScalarKind::Bits8DirectSigned => return padded(vec![1.0; dim], vec![-128.0; dim]),
        ScalarKind::Float16 | ScalarKind::BFloat16 => return (Vec::new(), Vec::new()),
    };
    let n_ranges = if uniform(quantizer.kind) { 1 } else { dim };
    // Without training nothing is stored that could be decoded.
    let halves = quantizer.trained.split_at_checked(n_ranges);
    let (low, width) = halves.unwrap_or((&[0.0], &[0.0]));
    // One range may be that of all dimensions.
    let steps = width.iter().map(|width| width / n_steps).cycle();
    let scale: Vec<f32> = steps.take(dim).collect();
    let shift = low.iter().cycle().zip(&scale).map(|(low, step)| low + 0.5 * step).collect();
    padded(scale, shift)
}

fn padded(mut scale: Vec<f32>, mut shift: Vec<f32>) -> (Vec<f32>, Vec<f32>) {
    pad(&mut scale);
    pad(&mut shift);
    (scale, shift)
}

fn uniform(kind: ScalarKind) -> bool {
    matches!(kind, ScalarKind::Bits8Uniform | ScalarKind::Bits4Uniform)
}

/// Two numbers of 4 bits lie in a byte, the first in the lower half.
fn nibbles(code: &[u8], numbers: &mut [u8]) {
    let (pairs, last) = numbers.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(code) {
        *pair = [byte & 15, byte >> 4];
    }
    if let ([last], Some(byte)) = (last, code.get(pairs.len())) {
        *last = byte & 15;
    }
}

/// Four numbers of 6 bits lie in three bytes, the first in the lowest bits.
fn six_bits(code: &[u8], numbers: &mut [u8]) {
    let four = |[a, b, c]: [u8; 3]| [a & 63, a >> 6 | b << 2 & 63, b >> 4 | c << 4 & 63, c >> 2];
    let (fours, last) = numbers.as_chunks_mut::<4>();
    let (threes, rest) = code.as_chunks::<3>();
    for (numbers, bytes) in fours.iter_mut().zip(threes) {
        *numbers = four(*bytes);
    }
    let mut bytes = [0; 3];
    bytes[..rest.len()].copy_from_slice(rest);
    // Three numbers take three bytes, too.
    let bytes = threes.get(fours.len()).copied().unwrap_or(bytes);
    last.copy_from_slice(&four(bytes)[..last.len()]);
}

/// Numbers that are taken out of their bits at a time: whole bytes of 4 and of 6 bits.
const STRETCH: usize = 64;

impl Codec for ScalarCodec {
    fn dim(&self) -> usize {
        self.dim
    }

    fn decode(&self, codes: &[u8], place: usize, vector: &mut [f32]) {
        let code = &codes[place * self.code_size..][..self.code_size];
        let halves = || code.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
        match self.kind {
            ScalarKind::Bits8
            | ScalarKind::Bits8Uniform
            | ScalarKind::Bits8Direct
            | ScalarKind::Bits8DirectSigned => self.decode_ranged(0, code, vector),
            ScalarKind::Bits4 | ScalarKind::Bits4Uniform => {
                self.decode_packed(code, 4, nibbles, vector);
            }
            ScalarKind::Bits6 => self.decode_packed(code, 6, six_bits, vector),
            ScalarKind::Float16 => fill(vector, halves().map(half::from_float16)),
            ScalarKind::BFloat16 => fill(vector, halves().map(half::from_bfloat16)),
        }
    }

    fn scorer(&self, metric: Metric, kernels: Kernels) -> Box<dyn Scorer + '_> {
        // To take 128 from a query would cost it digits that the difference from a small integer
        // has need of.
        let is_signed = self.kind == ScalarKind::Bits8DirectSigned;
        let wide = CodecKernels::beside(kernels).filter(|_| !is_signed);
        let Some(wide) = wide else {
            return Box::new(DecodedScorer::new(self, metric, kernels));
        };
        let Self { dim, code_size, .. } = *self;
        let (width, scale, shift) = (self.width(), &self.scale[..], &self.shift[..]);
        let numbers = Numbers { width, metric, dim, code_size, query: &[], scale, shift };
        Box::new(NumbersScorer::new(wide, numbers))
    }
}

fn fill(vector: &mut [f32], values: impl Iterator<Item = f32>) {
    for (place, value) in vector.iter_mut().zip(values) {
        *place = value;
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::super::testing;
    use super::*;

    const KINDS: [(ScalarKind, usize); 9] = [
        (ScalarKind::Bits8, 8),
        (ScalarKind::Bits4, 4),
        (ScalarKind::Bits8Uniform, 8),
        (ScalarKind::Bits4Uniform, 4),
        (ScalarKind::Float16, 16),
        (ScalarKind::Bits8Direct, 8),
        (ScalarKind::Bits6, 6),
        (ScalarKind::BFloat16, 16),
        (ScalarKind::Bits8DirectSigned, 8),
    ];

    fn quantizer(kind: ScalarKind, bits: usize, dim: usize) -> ScalarQuantizer {
        let n_trained = match kind {
            _ if uniform(kind) => 2,
            ScalarKind::Bits8 | ScalarKind::Bits6 | ScalarKind::Bits4 => 2 * dim,
            _ => 0,
        };
        ScalarQuantizer {
            kind,
            code_size: (dim * bits).div_ceil(8),
            trained: testing::values(n_trained, 9),
            range_statistic: 0,
            range_argument: 0.0,
        }
    }

    #[test]
    fn scores_of_every_kind_are_those_of_its_decoded_vectors() {
        for (kind, bits) in KINDS {
            for dim in [1, 5, 16, 37, 131] {
                let quantizer = quantizer(kind, bits, dim);
                let n = 150;
                let mut codes = testing::bytes(n * quantizer.code_size, 11);
                if bits == 16 {
                    // Exponents near 1: sums of numbers of all sizes have no digits in common.
                    for pair in codes.as_chunks_mut::<2>().0 {
                        pair[1] = if kind == ScalarKind::Float16 { 0x3c } else { 0x3f };
                    }
                }
                let codec = ScalarCodec::new(dim, &quantizer);
                testing::scores_are_those_of_decoded_vectors(&codec, &codes, n);
            }
        }
    }

    #[test]
    fn numbers_stand_in_the_bits_where_faiss_puts_them() {
        let decoded = |kind, bits, dim, code: &[u8]| {
            let mut quantizer = quantizer(kind, bits, dim);
            // A range in which value and code agree but for the middle of the step.
            let n_steps = f32::from(2u8.pow(bits as u32 - 1)) * 2.0 - 1.0;
            quantizer.trained = vec![-0.5; dim];
            quantizer.trained.extend(vec![n_steps; dim]);
            let mut vector = vec![f32::NAN; dim];
            ScalarCodec::new(dim, &quantizer).decode(code, 0, &mut vector);
            vector
        };
        assert_eq!(decoded(ScalarKind::Bits8, 8, 2, &[7, 255]), [7.0, 255.0]);
        assert_eq!(decoded(ScalarKind::Bits4, 4, 3, &[0xa1, 0x0f]), [1.0, 10.0, 15.0]);
        // 1, 2, 3, 4 and 63: 6 bits each from the lowest bit on.
        let code = [0b1000_0001, 0b0011_0000, 0b0001_0000, 63];
        assert_eq!(decoded(ScalarKind::Bits6, 6, 5, &code), [1.0, 2.0, 3.0, 4.0, 63.0]);
    }

    #[test]
    fn direct_codes_are_integers() {
        let decoded = |kind| {
            let mut vector = [0.0; 3];
            ScalarCodec::new(3, &quantizer(kind, 8, 3)).decode(&[0, 128, 255], 0, &mut vector);
            vector
        };
        assert_eq!(decoded(ScalarKind::Bits8Direct), [0.0, 128.0, 255.0]);
        assert_eq!(decoded(ScalarKind::Bits8DirectSigned), [-128.0, 0.0, 127.0]);
    }
}
