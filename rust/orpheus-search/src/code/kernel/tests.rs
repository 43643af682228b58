//! Every tier against the portable one.

use super::*;
use crate::code::codes::CodeParts;
use crate::code::digits::Digits;

fn tiers() -> Vec<CodeKernels> {
    Tier::ALL.into_iter().filter_map(Kernels::of).map(CodeKernels::beside).collect()
}

/// Reproducible bytes.
fn bytes(n: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as u8
        })
        .collect()
}

struct Case {
    dim: usize,
    n: usize,
    coarse: Vec<u8>,
    fine: Vec<u8>,
    scales: Vec<u16>,
}

impl Case {
    fn new(dim: usize, n: usize) -> Self {
        let n_bytes = n * Codes::stride(dim);
        let scales = (0..n).map(|row| (1.0f32 + row as f32).to_bits().wrapping_shr(16) as u16);
        Self {
            dim,
            n,
            coarse: bytes(n_bytes, 1),
            fine: bytes(n_bytes, 2),
            scales: scales.collect(),
        }
    }

    fn codes(&self) -> Codes<'_> {
        let parts = CodeParts {
            coarse: &self.coarse,
            fine: &self.fine,
            scales: &self.scales,
            offsets: &[],
            guards: [None; 2],
        };
        Codes::new(self.dim, self.n, parts).unwrap()
    }

    fn query(&self, seed: usize) -> Digits {
        let values: Vec<f32> =
            (0..self.dim).map(|i| ((i * 31 + seed * 17) % 97) as f32 - 48.0).collect();
        Digits::new(&values, Codes::padded(self.dim)).unwrap()
    }
}

#[test]
fn every_tier_sums_as_the_portable_one_at_every_length() {
    for dim in [1, 31, 63, 64, 65, 128, 129, 191, 192, 298, 512, 1000] {
        for n in [1, 2, 15, 16, 17, 40] {
            let case = Case::new(dim, n);
            let codes = case.codes();
            let query = case.query(0);
            let some: Vec<usize> = (0..n).step_by(3).collect();
            for kernels in tiers() {
                for picks in [Picks::Range { first: 0, len: n }, Picks::Rows(&some)] {
                    let (mut expected, mut found) = (vec![0; n], vec![0; n]);
                    scalar::KERNELS.coarse(&codes, picks, query.as_bytes(), &mut expected);
                    kernels.coarse(&codes, picks, query.as_bytes(), &mut found);
                    assert_eq!(found, expected, "{kernels:?} {dim} {n}");
                }
                for row in 0..n {
                    let expected = scalar::KERNELS.fine(&codes, row, query.as_bytes());
                    assert_eq!(kernels.fine(&codes, row, query.as_bytes()), expected);
                }
            }
        }
    }
}

#[test]
fn a_batch_has_the_sums_of_its_queries_one_by_one() {
    for (dim, n, first, n_rows) in
        [(33, 5, 0, 5), (64, 70, 3, 65), (200, 40, 8, 32), (512, 33, 0, 33)]
    {
        let case = Case::new(dim, n);
        let codes = case.codes();
        for n_queries in [1, 2, 5, 6, 11, 12, 13, 25] {
            let queries: Vec<Digits> = (0..n_queries).map(|seed| case.query(seed)).collect();
            let digits: Vec<u8> =
                queries.iter().flat_map(|query| query.as_bytes().to_vec()).collect();
            let batch = Batch { codes, first, n_rows, digits: &digits };
            for kernels in tiers() {
                let mut found = vec![0; n_queries * n_rows];
                kernels.batch(&batch, &mut Vec::new(), &mut found);
                for (query, found) in queries.iter().zip(found.chunks(n_rows)) {
                    let mut expected = vec![0; n_rows];
                    let picks = Picks::Range { first, len: n_rows };
                    scalar::KERNELS.coarse(&codes, picks, query.as_bytes(), &mut expected);
                    assert_eq!(found, expected, "{kernels:?} {dim} {n_queries}");
                }
            }
        }
    }
}

#[test]
fn what_is_worth_a_closer_look_is_kept_in_order_and_unknown_scales_always_are() {
    for n in [0, 1, 15, 16, 33, BLOCK] {
        let sums: Vec<i32> = (0..n).map(|i| (i as i32 * 7919) % 2003 - 1000).collect();
        let mut scales: Vec<u16> = vec![0x3f80; n];
        if let Some(last) = scales.last_mut() {
            *last = crate::code::codes::UNKNOWN_SCALE;
        }
        let offsets: Vec<f32> = (0..n).map(|i| i as f32).collect();
        for offsets in [&[][..], &offsets] {
            let sums = Sums { products: &sums, scales: &scales, offsets };
            let bound = Bound { slope: 0.5, level: 10.0, limit: 120.0 };
            let mut expected = [0; BLOCK];
            let n_expected = scalar::keep(&sums, &bound, &mut expected);
            assert!(n == 0 || expected[..n_expected].contains(&(n as u32 - 1)));
            for kernels in tiers() {
                let mut kept = [0; BLOCK];
                let n_kept = kernels.keep(&sums, &bound, &mut kept);
                assert_eq!(kept[..n_kept], expected[..n_expected], "{kernels:?} {n}");
            }
        }
    }
}
