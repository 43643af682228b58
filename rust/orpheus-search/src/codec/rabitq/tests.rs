//! Codes by their definition.

#![expect(clippy::float_cmp, reason = "these values are exact")]

use super::*;
use crate::codec::dot;
use crate::codec::nibbles::tests::packing;
use crate::codec::testing::values;
use crate::distance::Tier;
use crate::filter::Picks;

const DIM: usize = 37;
const EXACT: RaBitQQueries = RaBitQQueries { bits: 0, centered: false };

/// A code of random bits: signs, and then everything else.
fn code(nb_bits: usize, seed: u64) -> (Vec<u8>, Vec<u8>) {
    let signs: Vec<u8> = crate::codec::testing::bytes(DIM.div_ceil(8), seed);
    let [norm, multiplier, error, add, rescale] = values(5, seed + 1)[..] else { panic!() };
    let mut rest: Vec<u8> = [norm + 2.0, multiplier].map(f32::to_le_bytes).concat();
    if nb_bits > 1 {
        rest.extend(error.to_le_bytes());
        rest.extend(crate::codec::testing::bytes((DIM * (nb_bits - 1)).div_ceil(8), seed + 2));
        rest.extend([add, rescale].map(f32::to_le_bytes).concat());
    }
    (signs, rest)
}

fn codec(nb_bits: usize, queries: RaBitQQueries, blocks: bool) -> RaBitQCodec {
    let rest_len = code(nb_bits, 1).1.len();
    let code_size = DIM.div_ceil(8) + rest_len;
    let quantizer = RaBitQ { code_size, metric: Metric::L2, nb_bits };
    let layout = if blocks {
        let packing = packing(64, DIM.div_ceil(4), rest_len);
        RaBitQLayout::Blocks(PackedBlocks::new(DIM.div_ceil(4), &packing))
    } else {
        RaBitQLayout::Plain(code_size)
    };
    RaBitQCodec::new(DIM, &quantizer, queries, layout)
}

fn plain(n: usize, nb_bits: usize) -> Vec<u8> {
    let codes = (0..n as u64).map(|seed| code(nb_bits, seed * 7 + 1));
    codes.flat_map(|(signs, rest)| [signs, rest].concat()).collect()
}

/// The same codes as `plain`, in blocks of 64.
fn blocked(n: usize, nb_bits: usize) -> Vec<u8> {
    let codes: Vec<_> = (0..n as u64).map(|seed| code(nb_bits, seed * 7 + 1)).collect();
    let rest_len = codes[0].1.len();
    let packing = packing(64, DIM.div_ceil(4), rest_len);
    let number = |place: usize, m: usize| usize::from(codes[place].0[m / 2] >> (4 * (m % 2)) & 15);
    let mut packed = crate::codec::nibbles::tests::packed(&packing, n, DIM.div_ceil(4), number);
    for (place, (_, rest)) in codes.iter().enumerate() {
        let block = place / 64 * packing.block_bytes + packing.padded_m / 2 * 64;
        packed[block + place % 64 * rest_len..][..rest_len].copy_from_slice(rest);
    }
    packed
}

fn scores(
    codec: &RaBitQCodec,
    codes: &[u8],
    n: usize,
    metric: Metric,
    kernels: Kernels,
) -> Vec<f32> {
    let mut scorer = codec.scorer(metric, kernels);
    scorer.set_query(&values(DIM, 90));
    scorer.set_origin(&values(DIM, 91));
    let mut scores = vec![f32::NAN; n];
    scorer.score(codes, Picks::Range { first: 0, len: n }, &mut scores);
    let rows: Vec<usize> = (0..n).collect();
    let mut scattered = vec![f32::NAN; n];
    scorer.score(codes, Picks::Rows(&rows), &mut scattered);
    assert!(scores.iter().zip(&scattered).all(|(a, b)| (a - b).abs() < 1e-4));
    scores
}

/// The score by the definition, in float64.
fn definition(codes: &[u8], size: usize, place: usize, nb_bits: usize, metric: Metric) -> f64 {
    let code = &codes[place * size..][..size];
    let (signs, rest) = code.split_at(DIM.div_ceil(8));
    let (query, origin) = (values(DIM, 90), values(DIM, 91));
    let wide = |index: usize| (f64::from(query[index]), f64::from(origin[index]));
    let (mut to_origin, mut with_origin, mut norm, mut dot) = (0.0, 0.0, 0.0, 0.0);
    for index in 0..DIM {
        let (q, o) = wide(index);
        to_origin += (q - o) * (q - o);
        with_origin += q * o;
        norm += q * q;
        let sign = signs[index / 8] >> (index % 8) & 1;
        let level = if nb_bits == 1 {
            (2.0 * f64::from(sign) - 1.0) / (DIM as f64).sqrt()
        } else {
            let bits = (0..nb_bits - 1).map(|bit| {
                let at = index * (nb_bits - 1) + bit;
                f64::from(rest[12 + at / 8] >> (at % 8) & 1) * 2f64.powi(bit as i32)
            });
            let number = f64::from(sign) * 2f64.powi(nb_bits as i32 - 1) + bits.sum::<f64>();
            number - 2f64.powi(nb_bits as i32 - 1) + 0.5
        };
        dot += (q - o) * level;
    }
    let factor = |at: usize| f64::from(f32_at(rest, at));
    let end = rest.len();
    if nb_bits > 1 {
        let base = if metric == Metric::L2 { to_origin } else { with_origin };
        let score = base + factor(end - 8) + factor(end - 4) * dot;
        return if metric == Metric::L2 { score.max(0.0) } else { score };
    }
    let squared = factor(0) + to_origin - 2.0 * factor(4) * dot;
    if metric == Metric::L2 { squared.max(0.0) } else { -0.5 * (squared - norm) }
}

#[test]
fn scores_are_those_of_the_definition_in_rows_and_in_blocks() {
    let n = 100;
    for nb_bits in 1..=9 {
        let (plain, blocked) = (plain(n, nb_bits), blocked(n, nb_bits));
        let tiers = || Tier::ALL.into_iter().filter_map(Kernels::of);
        let metrics = [Metric::L2, Metric::InnerProduct];
        for (metric, kernels) in metrics.into_iter().flat_map(|m| tiers().map(move |k| (m, k))) {
            let in_rows = scores(&codec(nb_bits, EXACT, false), &plain, n, metric, kernels);
            let in_blocks = scores(&codec(nb_bits, EXACT, true), &blocked, n, metric, kernels);
            for place in 0..n {
                let exact = definition(&plain, plain.len() / n, place, nb_bits, metric);
                for score in [in_rows[place], in_blocks[place]] {
                    let error = (f64::from(score) - exact).abs();
                    assert!(error < 1e-4 * (1 << nb_bits) as f64, "{nb_bits} {score} {exact}");
                }
            }
        }
    }
}

#[test]
fn a_query_is_rounded_to_as_many_steps_as_it_has_bits_for() {
    let query = values(DIM, 90);
    let norm = dot(&query, &query);
    for bits in 1..=8u8 {
        for centered in [false, true] {
            let mut rounded = query.clone();
            round(&mut rounded, RaBitQQueries { bits, centered }, norm);
            let mut levels: Vec<u32> = rounded.iter().map(|value| value.to_bits()).collect();
            levels.sort_unstable();
            levels.dedup();
            assert!(levels.len() <= 1 << bits);
            let worst = query.iter().zip(&rounded).map(|(a, b)| (a - b).abs());
            let worst = worst.fold(0.0, f32::max);
            assert!(centered || worst <= 1.01 / ((1 << bits) - 1) as f32, "{bits} {worst}");
        }
    }
    let mut flat = [0.25; 5];
    round(&mut flat, RaBitQQueries { bits: 4, centered: false }, 0.3);
    assert_eq!(flat, [0.25; 5]);
}
