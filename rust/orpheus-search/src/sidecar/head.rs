//! The front of a sidecar: what it is of, where its planes lie, and all that is small.

use std::ops::Range;

use super::sums::BlockSums;
use super::{PAGE, Subject};
use crate::code::{CodeFacts, Codes, ListCodes, SignPlane, StoredCodes, StoredSigns, sign_bytes};
use crate::error::Result;
use crate::metric::Metric;

/// What a sidecar starts with; the digit is the version of all that follows, codes included.
const MAGIC: [u8; 8] = *b"ORPHOFX1";
/// Bytes before the small arrays.
const HEAD: usize = 160;
/// Where in the head what its own checksum covers begins.
const COVERED: usize = 12;

/// The head, parsed; its numbers are not compared with anything yet.
pub(super) struct Head {
    metric: Metric,
    dim: usize,
    n: usize,
    nlist: usize,
    file_len: u64,
    pub(super) modified: u64,
    pub(super) rest_sum: u32,
    facts: CodeFacts,
    sign_error: f32,
    small: Range<usize>,
}

/// What [`Head::parts`] finds.
pub(super) struct Parts {
    pub(super) codes: StoredCodes,
    pub(super) row_sums: Vec<u32>,
}

impl Head {
    /// `None` if `bytes` are no sidecar of this version, or not what was written.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..HEAD)?;
        let u32_at = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| head[at + i]));
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        let size_at = |at: usize| usize::try_from(u64_at(at)).ok();
        if head[..8] != MAGIC || u32_at(8) != crc32fast::hash(&head[COVERED..]) {
            return None;
        }
        let small = HEAD..HEAD.checked_add(size_at(64)?)?;
        if crc32fast::hash(bytes.get(small.clone())?) != u32_at(60) {
            return None;
        }
        Some(Self {
            metric: if u32_at(12) == 0 { Metric::InnerProduct } else { Metric::L2 },
            dim: size_at(16)?,
            n: size_at(24)?,
            nlist: size_at(32)?,
            file_len: u64_at(40),
            modified: u64_at(48),
            rest_sum: u32_at(56),
            facts: CodeFacts::from_array(std::array::from_fn(|i| {
                f32::from_bits(u32_at(72 + 4 * i))
            })),
            sign_error: f32::from_bits(u32_at(100)),
            small,
        })
    }

    /// Whether it is that of a file of the same shape.
    pub(super) fn is_of(&self, subject: &Subject<'_>) -> bool {
        (self.metric, self.dim, self.n, self.nlist, self.file_len)
            == (
                subject.metric,
                subject.dim,
                subject.n(),
                subject.lists.len(),
                subject.bytes.len() as u64,
            )
    }

    /// The arrays; `None` if there are not as many bytes as they need.
    pub(super) fn parts(&self, bytes: &[u8]) -> Option<Parts> {
        let mut rest = &bytes[self.small.clone()];
        let centers = floats(take(&mut rest, self.nlist.checked_mul(self.dim)?, 4)?);
        let anchor = floats(take(&mut rest, self.dim, 4)?);
        let before = take(&mut rest, self.nlist + 1, 8)?.as_chunks::<8>().0;
        let before: Vec<usize> =
            before.iter().map(|number| u64::from_le_bytes(*number) as usize).collect();
        let scales = take(&mut rest, self.n, 2)?.as_chunks::<2>().0;
        let scales = scales.iter().map(|scale| u16::from_le_bytes(*scale)).collect();
        let n_offsets = if self.metric.larger_is_nearer() { 0 } else { self.n };
        let offsets = floats(take(&mut rest, n_offsets, 4)?);
        let row_sums = numbers(take(&mut rest, self.n, 4)?);
        let plane_len = self.n.checked_mul(Codes::stride(self.dim))?;
        let n_sums = BlockSums::n_of(plane_len);
        let sums = [(); 2].map(|()| take(&mut rest, n_sums, 4).map(numbers));
        let [Some(coarse_sums), Some(fine_sums)] = sums else { return None };
        let coarse = plane(self.small.end, plane_len)?;
        let fine = plane(coarse.end, plane_len)?;
        let (signs, end) = match sign_bytes(&before, self.dim)? {
            None => (None, fine.end),
            Some(n_bytes) => {
                let signs = self.signs(&mut rest, plane(fine.end, n_bytes)?)?;
                let end = signs.plane.0.end;
                (Some(signs), end)
            }
        };
        if !rest.is_empty() || end != bytes.len() {
            return None;
        }
        let codes = StoredCodes {
            metric: self.metric,
            facts: self.facts,
            anchor,
            centers,
            before,
            scales,
            offsets,
            planes: [(coarse, coarse_sums), (fine, fine_sums)],
            signs,
        };
        Some(Parts { codes, row_sums })
    }

    /// What goes with the signs that lie at `place`.
    fn signs(&self, rest: &mut &[u8], place: Range<usize>) -> Option<StoredSigns> {
        let factors = take(rest, self.n, 2)?.as_chunks::<2>().0;
        let factors = factors.iter().map(|factor| u16::from_le_bytes(*factor)).collect();
        let offsets = floats(take(rest, self.n, 4)?);
        let sums = numbers(take(rest, BlockSums::n_of(place.len()), 4)?);
        Some(StoredSigns { error: self.sign_error, factors, offsets, plane: (place, sums) })
    }
}

/// The place of a plane of `len` bytes behind `end`.
fn plane(end: usize, len: usize) -> Option<Range<usize>> {
    let start = end.checked_next_multiple_of(PAGE)?;
    Some(start..start.checked_add(len)?)
}

/// Takes `n` elements off the front of `rest`.
fn take<'a>(rest: &mut &'a [u8], n: usize, element_bytes: usize) -> Option<&'a [u8]> {
    let (taken, others) = rest.split_at_checked(n.checked_mul(element_bytes)?)?;
    *rest = others;
    Some(taken)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect()
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|value| u32::from_le_bytes(*value)).collect()
}

/// All that comes before the planes.
pub(super) fn front(subject: &Subject<'_>, codes: &ListCodes, row_sums: &[u32]) -> Result<Vec<u8>> {
    let mut small: Vec<u8> = Vec::new();
    small.extend_from_slice(bytemuck::cast_slice(codes.centers()));
    small.extend_from_slice(bytemuck::cast_slice(&codes.frame().anchor));
    small.extend(codes.before().iter().flat_map(|&before| (before as u64).to_le_bytes()));
    small.extend_from_slice(bytemuck::cast_slice(codes.scales()));
    small.extend_from_slice(bytemuck::cast_slice(codes.offsets()));
    small.extend_from_slice(bytemuck::cast_slice(row_sums));
    for plane in codes.planes() {
        small.extend_from_slice(bytemuck::cast_slice(&BlockSums::of(plane)));
    }
    if let Some(signs) = codes.sign_plane() {
        small.extend_from_slice(bytemuck::cast_slice(signs.factors()));
        small.extend_from_slice(bytemuck::cast_slice(signs.offsets()));
        small.extend_from_slice(bytemuck::cast_slice(&BlockSums::of(signs.plane())));
    }
    let mut head = [0u8; HEAD];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &MAGIC);
    put(12, &u32::from(subject.metric == Metric::L2).to_le_bytes());
    for (index, number) in [subject.dim, subject.n(), subject.lists.len()].into_iter().enumerate() {
        put(16 + 8 * index, &(number as u64).to_le_bytes());
    }
    put(40, &(subject.bytes.len() as u64).to_le_bytes());
    put(48, &subject.modified().to_le_bytes());
    put(56, &subject.rest_sum()?.to_le_bytes());
    put(60, &crc32fast::hash(&small).to_le_bytes());
    put(64, &(small.len() as u64).to_le_bytes());
    put(72, bytemuck::cast_slice(&CodeFacts::of(codes.frame()).to_array()));
    let sign_error = codes.sign_plane().map_or(0.0, SignPlane::error);
    put(100, &sign_error.to_le_bytes());
    let sum = crc32fast::hash(&head[COVERED..]);
    head[8..12].copy_from_slice(&sum.to_le_bytes());
    let mut front = head.to_vec();
    front.append(&mut small);
    Ok(front)
}
