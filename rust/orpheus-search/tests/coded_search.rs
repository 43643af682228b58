//! A search that reads codes gives the answer of one that compares every vector, bit for bit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use orpheus_search::{
    Allow, Kernels, Metric, Neighbours, RowCodes, Rows, SearchOptions, Tier, search_rows,
};
use proptest::prelude::*;

const METRICS: [Metric; 3] = [Metric::L2, Metric::InnerProduct, Metric::Cosine];

/// Reproducible values in [-1, 1).
fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(step).collect()
}

/// Groups of vectors that are near to each other, some of them equal.
fn clustered(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let centers = values(8 * dim, seed + 1);
    let mut vectors = values(n * dim, seed + 2);
    for (row, vector) in vectors.chunks_exact_mut(dim).enumerate() {
        let center = &centers[row * 7 % 8 * dim..][..dim];
        let spread = if row % 5 == 0 { 0.0 } else { 0.2 };
        for (value, center) in vector.iter_mut().zip(center) {
            *value = center + spread * *value;
        }
    }
    vectors
}

fn bits(found: &Neighbours) -> (Vec<u32>, Vec<i64>) {
    (found.distances.iter().map(|score| score.to_bits()).collect(), found.ids.clone())
}

fn assert_same(vectors: &[f32], queries: &[f32], dim: usize, k: usize, allow: Allow<'_>) {
    let rows = Rows::new(vectors, dim).unwrap();
    for metric in METRICS {
        let codes = RowCodes::new(rows, metric, 2).unwrap();
        for kernels in Tier::ALL.into_iter().filter_map(Kernels::of) {
            for n_threads in [1, 3] {
                let plain = SearchOptions { allow, kernels, n_threads, ..SearchOptions::new(k) };
                let coded = SearchOptions { codes: Some(&codes), ..plain };
                let expected = search_rows(rows, metric, queries, &plain).unwrap();
                let found = search_rows(rows, metric, queries, &coded).unwrap();
                assert_eq!(bits(&found), bits(&expected), "{metric} {dim} {kernels:?} {n_threads}");
            }
        }
    }
}

#[test]
fn codes_change_no_answer_at_any_dimension_and_number_of_queries() {
    for (dim, n) in [(1, 20_000), (33, 3000), (64, 1000), (100, 1500), (298, 900), (512, 700)] {
        let vectors = clustered(n, dim, 3);
        for n_queries in [1, 3, 4, 30] {
            let queries = clustered(n_queries, dim, 3);
            assert_same(&vectors, &queries, dim, 10, Allow::All);
        }
    }
}

#[test]
fn codes_change_no_answer_under_a_filter() {
    let (dim, n) = (96, 3000);
    let (vectors, queries) = (clustered(n, dim, 5), clustered(5, dim, 5));
    let some: Vec<i64> = (0..n as i64).filter(|id| id % 7 < 2).collect();
    assert_same(&vectors, &queries, dim, 7, Allow::Ids(&some));
    let mask: Vec<u8> = (0..n).map(|row| u8::from(row / 100 % 3 == 1)).collect();
    assert_same(&vectors, &queries, dim, 7, Allow::Mask(&mask));
}

#[test]
fn vectors_that_codes_cannot_hold_are_compared_as_they_are() {
    let (dim, n) = (40, 2000);
    let mut vectors = clustered(n, dim, 9);
    let odd = [f32::NAN, f32::INFINITY, 1e30, -1e30, 1e-30, 0.0, 1e13, 1e-13];
    for (index, &value) in odd.iter().enumerate() {
        vectors[index * 200 * dim..][..dim].fill(value);
        vectors[(index * 200 + 1) * dim + 3] = value;
        vectors[(index * 200 + 2) * dim..][..dim].fill(0.0);
        vectors[(index * 200 + 2) * dim + 1] = value;
    }
    let mut queries = clustered(6, dim, 9);
    queries[..dim].fill(0.0);
    queries[dim..2 * dim].fill(1e-30);
    queries[2 * dim..3 * dim].fill(1e20);
    assert_same(&vectors, &queries, dim, 20, Allow::All);
    for query in queries.chunks(dim) {
        assert_same(&vectors, query, dim, 20, Allow::All);
    }
}

#[test]
fn a_matrix_far_from_the_origin_is_searched_as_well() {
    let (dim, n) = (48, 2000);
    let mut vectors = clustered(n, dim, 11);
    for value in &mut vectors {
        *value = *value * 0.01 + 1000.0;
    }
    let queries = vectors[..4 * dim].to_vec();
    assert_same(&vectors, &queries, dim, 10, Allow::All);
}

#[test]
fn a_matrix_of_equal_vectors_gives_the_lowest_ids() {
    let (dim, n) = (32, 2000);
    let vectors: Vec<f32> = values(dim, 1).repeat(n);
    assert_same(&vectors, &values(dim, 2), dim, 10, Allow::All);
    assert_same(&vec![0.0; n * dim], &values(dim, 2), dim, 10, Allow::All);
}

#[test]
fn codes_of_other_rows_or_for_another_metric_are_refused() {
    let vectors = values(100 * 8, 1);
    let rows = Rows::new(&vectors, 8).unwrap();
    let codes = RowCodes::new(rows, Metric::L2, 1).unwrap();
    let options = SearchOptions { codes: Some(&codes), ..SearchOptions::new(1) };
    assert!(search_rows(rows, Metric::Cosine, &vectors[..8], &options).is_err());
    let fewer = Rows::new(&vectors[..99 * 8], 8).unwrap();
    assert!(search_rows(fewer, Metric::L2, &vectors[..8], &options).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn codes_change_no_answer_whatever_the_values(
        dim in 1usize..70,
        seed in 0u64..1000,
        exponent in -3i32..4,
        k in 1usize..30,
    ) {
        let n = (1 << 14) / dim + 300;
        let mut vectors = clustered(n, dim, seed);
        let scale = 10.0f32.powi(exponent);
        for value in &mut vectors {
            *value = (*value * 16.0).round() * scale;
        }
        let queries = vectors[5 * dim..8 * dim].to_vec();
        assert_same(&vectors, &queries, dim, k, Allow::All);
    }
}
