//! Searches that need not be exact find nearly all of the same neighbours, at the same distances.

use std::collections::HashMap;

use orpheus_search::build::{BuildKind, BuildOptions, IvfOptions, build_index};
use orpheus_search::{
    Allow, Codes, Kernels, Metric, Neighbours, RowCodes, Rows, SearchOptions, Tier, VectorIndex,
    search_rows,
};

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

/// Vectors around one of 40 centres, and these around a common one.
fn clustered(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let (common, centers) = (values(dim, 1), values(40 * dim, 2));
    let mut vectors = values(n * dim, seed);
    for (row, vector) in vectors.chunks_exact_mut(dim).enumerate() {
        let center = &centers[row * 7 % 40 * dim..][..dim];
        for ((value, center), common) in vector.iter_mut().zip(center).zip(&common) {
            *value = 0.7 * *value + 0.8 * center + 0.5 * common;
        }
    }
    vectors
}

/// The share of `expected` that was `found`, at the same distances.
fn recall(found: &Neighbours, expected: &Neighbours) -> f64 {
    let mut n_found = 0;
    for (found_ids, expected_ids) in found.ids.chunks(found.k).zip(expected.ids.chunks(found.k)) {
        let first = found.ids.as_ptr_range().start;
        let start = (found_ids.as_ptr() as usize - first as usize) / size_of::<i64>();
        let distances = &found.distances[start..][..found.k];
        let at: HashMap<_, _> = found_ids.iter().zip(distances).collect();
        for (id, distance) in expected_ids.iter().zip(&expected.distances[start..]) {
            if let Some(found) = at.get(id) {
                assert_eq!(found.to_bits(), distance.to_bits());
                n_found += 1;
            }
        }
    }
    f64::from(n_found) / expected.ids.len() as f64
}

#[test]
fn of_a_matrix_999_of_1000_neighbours_are_found() {
    for (dim, n) in [(256, 20_000), (300, 5000), (512, 10_000)] {
        let (vectors, queries) = (clustered(n, dim, 3), clustered(100, dim, 4));
        let rows = Rows::new(&vectors, dim).unwrap();
        for metric in METRICS {
            let codes = RowCodes::new(rows, metric, 2).unwrap();
            let exact = SearchOptions { codes: Some(&codes), ..SearchOptions::new(10) };
            let expected = search_rows(rows, metric, &queries, &exact).unwrap();
            for n_threads in [1, 3] {
                let fast = SearchOptions { exact: Some(false), n_threads, ..exact };
                let found = search_rows(rows, metric, &queries, &fast).unwrap();
                let share = recall(&found, &expected);
                assert!(share >= 0.999, "{metric} {dim} {n_threads}: {share}");
            }
        }
    }
}

#[test]
fn every_tier_gives_the_same() {
    let (dim, n) = (300, 6000);
    let (vectors, queries) = (clustered(n, dim, 3), clustered(10, dim, 4));
    let rows = Rows::new(&vectors, dim).unwrap();
    let codes = RowCodes::new(rows, Metric::L2, 2).unwrap();
    let answers = Tier::ALL.into_iter().filter_map(Kernels::of).map(|kernels| {
        let fast =
            SearchOptions { codes: Some(&codes), exact: Some(false), ..SearchOptions::new(9) };
        search_rows(rows, Metric::L2, &queries, &SearchOptions { kernels, ..fast }).unwrap().ids
    });
    let answers: Vec<_> = answers.collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn vectors_whose_signs_say_nothing_are_found_as_well() {
    let (dim, n) = (256, 5000);
    let mut vectors = clustered(n, dim, 3);
    let odd = [f32::NAN, f32::INFINITY, 1e30, 1e13, 1e-13, 0.0];
    for (index, &value) in odd.iter().enumerate() {
        vectors[index * 700 * dim..][..dim].fill(value);
    }
    for row in 4000..4030 {
        vectors.copy_within(..dim, row * dim);
    }
    let mut queries = clustered(4, dim, 4);
    queries[..dim].fill(0.0);
    queries[dim..2 * dim].fill(1e13);
    let rows = Rows::new(&vectors, dim).unwrap();
    for metric in METRICS {
        let codes = RowCodes::new(rows, metric, 1).unwrap();
        for k in [1, 10, 500] {
            let exact = SearchOptions { codes: Some(&codes), ..SearchOptions::new(k) };
            let fast = SearchOptions { exact: Some(false), ..exact };
            let expected = search_rows(rows, metric, &queries, &exact).unwrap();
            let found = search_rows(rows, metric, &queries, &fast).unwrap();
            assert!(recall(&found, &expected) >= 0.999, "{metric} {k}");
        }
    }
}

#[test]
fn a_filtered_search_is_exact() {
    let (dim, n) = (256, 5000);
    let (vectors, queries) = (clustered(n, dim, 3), clustered(20, dim, 4));
    let rows = Rows::new(&vectors, dim).unwrap();
    let codes = RowCodes::new(rows, Metric::L2, 1).unwrap();
    let some: Vec<i64> = (0..n as i64).filter(|id| id % 3 == 0).collect();
    let allow = Allow::Ids(&some);
    let exact = SearchOptions { codes: Some(&codes), allow, ..SearchOptions::new(10) };
    let fast = SearchOptions { exact: Some(false), ..exact };
    let expected = search_rows(rows, Metric::L2, &queries, &exact).unwrap();
    assert_eq!(search_rows(rows, Metric::L2, &queries, &fast).unwrap(), expected);
}

#[test]
fn of_inverted_lists_999_of_1000_are_found_that_the_lists_hold() {
    let folder = tempfile::tempdir().unwrap();
    let (dim, n) = (256, 12_000);
    let (vectors, queries) = (clustered(n, dim, 3), clustered(200, dim, 4));
    let rows = Rows::new(&vectors, dim).unwrap();
    for metric in [Metric::L2, Metric::InnerProduct] {
        let path = folder.path().join(format!("{metric}.faiss"));
        let kind = BuildKind::Ivf(IvfOptions { nlist: Some(64), ..IvfOptions::default() });
        build_index(&path, rows, None, &BuildOptions { kind, ..BuildOptions::new(metric) })
            .unwrap();
        for codes in [Codes::Memory, Codes::Beside] {
            let index = VectorIndex::open_with(&path, codes).unwrap();
            index.accelerate(2).unwrap();
            for nprobe in [1, 5, 30] {
                let fast = SearchOptions { nprobe: Some(nprobe), ..SearchOptions::new(10) };
                let exact = SearchOptions { exact: Some(true), ..fast };
                let expected = index.search(&queries, &exact).unwrap();
                let share = recall(&index.search(&queries, &fast).unwrap(), &expected);
                assert!(share >= 0.999, "{metric} {nprobe}: {share}");
            }
        }
    }
}
