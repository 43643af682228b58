//! Every tier against the portable one, and that against the digits themselves.

use super::super::layout::block_bytes;
use super::*;
use crate::code::kernel::CodeKernels;
use crate::distance::{Kernels, Tier};

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

#[test]
fn every_tier_sums_as_the_portable_one_at_every_length() {
    for stride in [8, 32, 40, 64, 72, 96, 1024] {
        let digits = bytes(8 * stride, 3);
        let mut tables = vec![0; stride / 2 * TABLE_PAIR];
        let spans = fill(&digits, &mut tables);
        for n_blocks in [0, 1, 2, 3, 7] {
            let blocks = bytes(n_blocks * block_bytes(stride), 5);
            let mut expected = vec![-1; n_blocks * LANES];
            scalar::sums(&blocks, stride, &tables, &mut expected);
            for kernels in tiers() {
                let mut own = vec![0; tables.len()];
                assert_eq!(kernels.tables(&digits, &mut own), spans);
                assert!(own == tables, "{kernels:?} {stride}");
                let mut found = vec![-1; n_blocks * LANES];
                kernels.sign_sums(&blocks, stride, &tables, &mut found);
                assert_eq!(found, expected, "{kernels:?} {stride} {n_blocks}");
            }
        }
    }
}

#[test]
fn the_largest_digits_of_the_longest_vectors_do_not_overflow() {
    let stride = 1024;
    let mut tables = vec![0; stride / 2 * TABLE_PAIR];
    fill(&vec![127; 8 * stride], &mut tables);
    for kernels in tiers() {
        let mut sums = vec![0; LANES];
        kernels.sign_sums(&vec![255; block_bytes(stride)], stride, &tables, &mut sums);
        assert!(sums.iter().all(|&sum| sum == 2 * 1024 * 31), "{kernels:?} {sums:?}");
        kernels.sign_sums(&vec![0; block_bytes(stride)], stride, &tables, &mut sums);
        assert!(sums.iter().all(|&sum| sum == 0), "{kernels:?} {sums:?}");
    }
}

#[test]
fn a_sum_is_that_of_the_digits_with_their_signs_but_for_rounding() {
    let stride = 64;
    let digits = bytes(8 * stride, 7);
    let mut tables = vec![0; stride / 2 * TABLE_PAIR];
    let spans = fill(&digits, &mut tables);
    let blocks = bytes(block_bytes(stride), 9);
    let mut sums = vec![0; LANES];
    scalar::sums(&blocks, stride, &tables, &mut sums);
    for (lane, &sum) in sums.iter().enumerate() {
        let signed = |(index, &digit): (usize, &u8)| {
            let bit = blocks[index / 8 * LANES + lane] >> (index % 8) & 1;
            (2 * i32::from(bit) - 1) * i32::from(digit as i8)
        };
        let exact: i32 = digits.iter().enumerate().map(signed).sum();
        let step = spans.largest / LARGEST;
        let found = sum as f32 * step - 0.5 * spans.sum;
        // Each of 128 entries is off by half a step at most, and seldom all in one direction.
        assert!((found - exact as f32).abs() < 20.0 * step, "{found} {exact}");
    }
}
