//! Every tier against the portable loops, at all lengths.

use super::*;
use crate::codec::rabitq::dot_of_bits;
use crate::codec::testing::{bytes, values};

fn tiers() -> impl Iterator<Item = CodecKernels> {
    Tier::ALL.into_iter().filter_map(Kernels::of).filter_map(CodecKernels::beside)
}

fn padded(mut values: Vec<f32>) -> Vec<f32> {
    pad(&mut values);
    values
}

#[test]
fn sums_over_signs_are_those_of_the_definition_at_every_length() {
    for dim in 1..=200 {
        let (query, code_size, n) = (values(dim, 3), dim.div_ceil(8) + 8, 6);
        let codes = bytes(n * code_size, 4);
        let is_set = |row: usize, i: usize| codes[row * code_size + i / 8] >> (i % 8) & 1 == 1;
        for kernels in tiers() {
            let signs = Signs { dim, code_size, query: &padded(query.clone()) };
            let mut sums = vec![f32::NAN; n];
            kernels.signs(&signs, &codes, Picks::Range { first: 0, len: n }, &mut sums);
            let mut some = vec![f32::NAN; 2];
            kernels.signs(&signs, &codes, Picks::Rows(&[1, 5]), &mut some);
            assert_eq!(some, [sums[1], sums[5]], "{kernels:?} {dim}");
            for (row, sum) in sums.iter().enumerate() {
                let set = (0..dim).filter(|&i| is_set(row, i)).map(|i| f64::from(query[i]));
                let error = (set.sum::<f64>() - f64::from(*sum)).abs();
                assert!(error < 1e-6 * dim as f64, "{kernels:?} {dim} {error}");
            }
        }
    }
}

#[test]
fn products_with_signs_and_more_bits_are_those_of_the_portable_loop_at_every_length() {
    for bits in 1..=8 {
        for dim in (1..=150).chain([512, 515]) {
            let query = values(dim, 3);
            let (signs, extra) = (bytes(dim.div_ceil(8), 4), bytes((dim * bits).div_ceil(8), 5));
            let query = padded(query);
            let expected = f64::from(dot_of_bits(bits, &query, &extra, &signs));
            let half = f64::from(1 << bits) - 0.5;
            let all = half * query.iter().map(|value| f64::from(*value)).sum::<f64>();
            for kernels in tiers() {
                let vector = Bits { signs: &signs, extra: &extra };
                let zeros = vec![0; signs.len() + extra.len()];
                let none = Bits { signs: &zeros[..signs.len()], extra: &zeros[..extra.len()] };
                let [nothing, first, _, last] =
                    kernels.bits(&query, bits, &[none, vector, none, vector]);
                assert!(nothing.abs() == 0.0 && first.to_bits() == last.to_bits());
                let found = f64::from(first) - all;
                let error = (found - expected).abs();
                let bound = 2e-7 * half * dim as f64;
                assert!(error < bound, "{kernels:?} {bits} {dim} {found} {expected}");
            }
        }
    }
}

#[test]
fn a_score_of_numbers_has_the_same_bits_wherever_its_code_stands() {
    let all = [Width::Bits8, Width::Bits4, Width::Bits6, Width::Float16, Width::BFloat16];
    for (width, dim) in all.into_iter().flat_map(|width| [3, 16, 45].map(|dim| (width, dim))) {
        let (n, code_size) = (11, width.code_size(dim));
        let codes: Vec<u8> = bytes(n * code_size, 6).iter().map(|byte| byte & 0x3f).collect();
        let (query, scale, shift) =
            (padded(values(dim, 1)), padded(values(dim, 2)), padded(values(dim, 3)));
        for (kernels, metric) in
            tiers().flat_map(|k| [Metric::L2, Metric::InnerProduct].map(|m| (k, m)))
        {
            let numbers = Numbers {
                width,
                metric,
                dim,
                code_size,
                query: &query,
                scale: &scale,
                shift: &shift,
            };
            let mut together = vec![f32::NAN; n];
            kernels.numbers(&numbers, &codes, Picks::Range { first: 0, len: n }, &mut together);
            for (row, score) in together.iter().enumerate() {
                let mut alone = [f32::NAN];
                kernels.numbers(&numbers, &codes, Picks::Rows(&[row]), &mut alone);
                assert_eq!(alone[0].to_bits(), score.to_bits(), "{kernels:?} {width:?} {dim}");
            }
        }
    }
}
