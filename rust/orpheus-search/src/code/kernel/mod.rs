//! Sums of products of codes and digits, by the widest instructions at hand.
//!
//! They are whole numbers: every tier gives the same.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use std::fmt;

use super::codes::Codes;
use super::digits::Digits;
use super::encode::{Coded, Coder};
use super::rotation::Rotation;
use super::signs::kernel::Spans;
use crate::distance::{Kernels, Tier};
use crate::filter::Picks;

/// Vectors whose sums are computed before they are looked at.
pub(crate) const BLOCK: usize = 256;

/// Which merits are worth a closer look: `scale · (sum · slope + level) + offset ≥ limit`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// What one step of a sum is worth.
    pub(crate) slope: f32,
    /// What is added to that, the reach of the codes included.
    pub(crate) level: f32,
    /// The least merit that still counts.
    pub(crate) limit: f32,
}

/// Sums, and the scales and offsets of the same vectors (no offsets: zeros).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sums<'a> {
    pub(crate) products: &'a [i32],
    pub(crate) scales: &'a [u16],
    pub(crate) offsets: &'a [f32],
}

/// A few queries' digits, back to back, with vectors that follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) codes: Codes<'a>,
    pub(crate) first: usize,
    pub(crate) n_rows: usize,
    /// Digits of each query, [`Codes::padded`] values each.
    pub(crate) digits: &'a [u8],
}

type CoarseKernel = fn(&Codes<'_>, Picks<'_>, &[u8], &mut [i32]);
type FineKernel = fn(&Codes<'_>, usize, &[u8]) -> i32;
type KeepKernel = fn(&Sums<'_>, &Bound, &mut [u32; BLOCK]) -> usize;
type EncodeKernel = fn(&Coder, &[[u8; 4]], f32, &mut Vec<f32>, [&mut [u8]; 3]) -> Coded;
type DigitsKernel = fn(&Rotation, &mut [f32], usize) -> Option<Digits>;
type SignSumsKernel = fn(&[u8], usize, &[u8], &mut [i32]);
type TablesKernel = fn(&[u8], &mut [u8]) -> Spans;
type BatchKernel = fn(&Batch<'_>, &mut Vec<u8>, &mut [i32]);

/// The kernels of one tier.
#[derive(Clone, Copy)]
pub(crate) struct CodeKernels {
    tier: Tier,
    coarse: CoarseKernel,
    fine: FineKernel,
    keep: KeepKernel,
    batch: BatchKernel,
    encode: EncodeKernel,
    digits: DigitsKernel,
    sign_sums: SignSumsKernel,
    tables: TablesKernel,
}

impl CodeKernels {
    /// Those of the widest tier, as [`Kernels::best`].
    pub(crate) fn best() -> Self {
        Self::beside(Kernels::best())
    }

    /// Those that go with `kernels`: of its tier, or of the next lower one that this processor has.
    pub(crate) fn beside(kernels: Kernels) -> Self {
        let at_hand = match kernels.tier() {
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => avx512::kernels().or_else(avx2::kernels),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => avx2::kernels(),
            #[cfg(target_arch = "aarch64")]
            Tier::Neon => neon::kernels(),
            _ => None,
        };
        at_hand.unwrap_or(scalar::KERNELS)
    }

    /// Sums of the coarse codes of `picks` with a query's `digits`, one for each.
    pub(crate) fn coarse(
        self,
        codes: &Codes<'_>,
        picks: Picks<'_>,
        digits: &[u8],
        sums: &mut [i32],
    ) {
        assert!(picks.all_below(codes.n()) && digits.len() == Codes::padded(codes.dim()));
        (self.coarse)(codes, picks, digits, &mut sums[..picks.len()]);
    }

    /// The sum of the fine code of one vector with a query's `digits`.
    pub(crate) fn fine(self, codes: &Codes<'_>, row: usize, digits: &[u8]) -> i32 {
        assert!(row < codes.n() && digits.len() == Codes::padded(codes.dim()));
        (self.fine)(codes, row, digits)
    }

    /// Writes the places of those of up to [`BLOCK`] sums that are worth a closer look, ascending,
    /// into `kept`; returns how many there are. A scale that is not a number is always worth it.
    pub(crate) fn keep(self, sums: &Sums<'_>, bound: &Bound, kept: &mut [u32; BLOCK]) -> usize {
        let n = sums.products.len();
        assert!(n <= BLOCK && sums.scales.len() == n);
        assert!(sums.offsets.is_empty() || sums.offsets.len() == n);
        (self.keep)(sums, bound, kept)
    }

    /// As [`Coder::encode`]: writes the codes of one vector.
    pub(crate) fn encode(
        self,
        coder: &Coder,
        lanes: &[[u8; 4]],
        weight: f32,
        turned: &mut Vec<f32>,
        planes: [&mut [u8]; 3],
    ) -> Coded {
        (self.encode)(coder, lanes, weight, turned, planes)
    }

    /// Turns a query in place and cuts it into digits; see [`Digits::new`].
    pub(crate) fn digits(
        self,
        rotation: &Rotation,
        query: &mut [f32],
        padded: usize,
    ) -> Option<Digits> {
        (self.digits)(rotation, query, padded)
    }

    /// Fills the tables of a query for [`Self::sign_sums`].
    pub(super) fn tables(self, digits: &[u8], tables: &mut [u8]) -> Spans {
        (self.tables)(digits, tables)
    }

    /// Sums of table entries for the vectors of whole `blocks` of signs of `stride` bytes.
    pub(super) fn sign_sums(self, blocks: &[u8], stride: usize, tables: &[u8], sums: &mut [i32]) {
        (self.sign_sums)(blocks, stride, tables, sums);
    }

    /// Sums of every query with every vector of `batch`: that of query `q` with row `r` at
    /// `q * n_rows + r`. `scratch` keeps its memory from call to call.
    pub(crate) fn batch(self, batch: &Batch<'_>, scratch: &mut Vec<u8>, sums: &mut [i32]) {
        let padded = Codes::padded(batch.codes.dim());
        assert!(batch.digits.len().is_multiple_of(padded));
        assert!(batch.first + batch.n_rows <= batch.codes.n());
        let n_queries = batch.digits.len() / padded;
        (self.batch)(batch, scratch, &mut sums[..n_queries * batch.n_rows]);
    }
}

impl fmt::Debug for CodeKernels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CodeKernels").field(&self.tier).finish()
    }
}

#[cfg(test)]
mod tests;
