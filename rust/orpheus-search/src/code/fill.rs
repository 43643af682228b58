//! Encoding lists on several threads.

use std::sync::{Mutex, PoisonError};

use super::codes::Codes;
use super::encode::{Coded, Coder};
use super::kernel::CodeKernels;
use super::signs::{LANES, block_bytes, scatter, sign_stride};
use crate::metric::Metric;
use crate::pool;
use crate::queries::inverse_norm;
use crate::rows::Rows;

/// Vectors that a thread encodes at a time: whole blocks of signs.
const PART: usize = 1024;

/// What a row is multiplied by before it is encoded.
pub(super) fn weight(rows: Rows<'_>, row: usize, metric: Metric) -> f32 {
    match metric {
        Metric::Cosine => inverse_norm(rows.row(row).map(f64::from)) as f32,
        Metric::L2 | Metric::InnerProduct => 1.0,
    }
}

/// Where the codes of some vectors of one list go.
struct Part<'a> {
    list: usize,
    /// Row of the first vector in its list, and its place among all.
    first: usize,
    place: usize,
    coarse: &'a mut [u8],
    fine: &'a mut [u8],
    /// Whole blocks.
    signs: &'a mut [u8],
}

/// Cuts all planes into parts, in order.
fn parts<'a>(
    lists: &[Rows<'_>],
    dim: usize,
    [mut coarse, mut fine, mut signs]: [&'a mut [u8]; 3],
) -> Vec<Part<'a>> {
    let stride = Codes::stride(dim);
    let sign_bytes = sign_stride(dim).map_or(0, block_bytes);
    let mut parts = Vec::new();
    let mut place = 0;
    for (list, rows) in lists.iter().enumerate() {
        for first in (0..rows.n_rows()).step_by(PART) {
            let n = PART.min(rows.n_rows() - first);
            let (coarse_here, fine_here, signs_here);
            (coarse_here, coarse) = coarse.split_at_mut(n * stride);
            (fine_here, fine) = fine.split_at_mut(n * stride);
            (signs_here, signs) = signs.split_at_mut(n.div_ceil(LANES) * sign_bytes);
            parts.push(Part {
                list,
                first,
                place,
                coarse: coarse_here,
                fine: fine_here,
                signs: signs_here,
            });
            place += n;
        }
    }
    parts
}

/// Fills all planes; returns what else is known of each vector.
pub(super) fn encode(
    lists: &[Rows<'_>],
    coders: &[Coder],
    metric: Metric,
    planes: [&mut [u8]; 3],
    n_threads: usize,
) -> Vec<Coded> {
    let dim = lists.first().map_or(1, Rows::dim);
    let stride = Codes::stride(dim);
    let parts = parts(lists, dim, planes);
    let n_threads = n_threads.min(parts.len());
    let kernels = CodeKernels::best();
    let left = Mutex::new(parts.into_iter());
    let done = Mutex::new(Vec::new());
    pool::run(n_threads, &|| {
        let mut turned = Vec::new();
        let mut signs = vec![0; sign_stride(dim).unwrap_or(0)];
        loop {
            let part = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(part) = part else { return };
            let rows = lists[part.list];
            let planes = part.coarse.chunks_mut(stride).zip(part.fine.chunks_mut(stride));
            let coded: Vec<Coded> = (part.first..)
                .zip(planes)
                .enumerate()
                .map(|(index, (row, (coarse, fine)))| {
                    let weight = weight(rows, row, metric);
                    let lanes = rows.row_lanes(row);
                    let coder = &coders[part.list];
                    signs.fill(0);
                    let planes = [coarse, fine, &mut signs[..]];
                    let coded = kernels.encode(coder, lanes, weight, &mut turned, planes);
                    scatter(&signs, index, part.signs);
                    coded
                })
                .collect();
            done.lock().unwrap_or_else(PoisonError::into_inner).push((part.place, coded));
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().flat_map(|(_, coded)| coded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::ListCodes;
    use crate::code::digits::length;

    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + 13) % 1009) as f32 / 504.5 - 1.0).collect()
    }

    #[test]
    fn codes_are_no_farther_from_their_vectors_than_is_stated() {
        for dim in [3, 64, 100, 128, 200, 298] {
            let vectors = values(300 * dim);
            let rows = Rows::new(&vectors, dim).unwrap();
            for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
                let stored = ListCodes::of_matrix(rows, metric, 1).unwrap();
                let codes = stored.codes().unwrap();
                for row in (0..300).filter(|&row| !codes.scale(row).is_nan()) {
                    let weight = weight(rows, row, metric);
                    let mut turned: Vec<f32> = (rows.row(row).zip(stored.center(0)))
                        .map(|(value, center)| value * weight - center)
                        .collect();
                    stored.frame().rotation.apply(&mut turned);
                    let reach = stored.frame().extent.reach.map(|reach| reach * codes.scale(row));
                    for (decoded, reach) in codes.decode(row).iter().zip(reach) {
                        let off: Vec<f32> =
                            turned.iter().zip(decoded).map(|(a, b)| a - b).collect();
                        assert!(length(&off) <= reach, "{dim} {metric} {row}");
                    }
                }
            }
        }
    }

    #[test]
    fn lists_lie_around_their_centres() {
        let (dim, vectors) = (40, values(90 * 40));
        let lists = [&vectors[..30 * dim], &[], &vectors[30 * dim..]];
        let lists = lists.map(|list| Rows::new(list, dim).unwrap());
        let codes = ListCodes::new(&lists, values(3 * dim), Metric::L2, 2).unwrap();
        assert_eq!((codes.places(0), codes.places(1), codes.places(2)), (0..30, 30..30, 30..90));
        assert_eq!(codes.center(2), &values(3 * dim)[2 * dim..]);
        assert_eq!(codes.n(), 90);
    }
}
