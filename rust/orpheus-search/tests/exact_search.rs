//! Exact search against sorting everything, at every tier, filter and number of threads.
//!
//! Values are small integers, whose products and sums float32 represents exactly: answers must be
//! equal to the bit, and ties are everywhere.
#![expect(clippy::float_cmp, reason = "these values are exact")]

use std::sync::atomic::{AtomicUsize, Ordering};

use orpheus_search::{
    Allow, Error, Kernels, Metric, Neighbours, Rows, SearchOptions, Tier, inverse_norms_into,
    search_rows,
};
use proptest::prelude::*;

fn tiers() -> impl Iterator<Item = Kernels> {
    Tier::ALL.into_iter().filter_map(Kernels::of)
}

fn score(metric: Metric, query: &[f32], row: &[f32]) -> f32 {
    let pairs = query.iter().zip(row);
    let score: f32 = match metric {
        Metric::L2 => pairs.map(|(q, x)| (q - x) * (q - x)).sum(),
        _ => pairs.map(|(q, x)| q * x).sum(),
    };
    score + 0.0 // there is one zero: -0.0 + 0.0 is 0.0
}

/// The `k` nearest of the allowed rows, by sorting all of them.
fn oracle(
    metric: Metric,
    query: &[f32],
    rows: &[f32],
    allowed: &dyn Fn(usize) -> bool,
    k: usize,
) -> Vec<(f32, i64)> {
    let rows = rows.chunks(query.len()).enumerate().filter(|(row, _)| allowed(*row));
    let mut all: Vec<_> =
        rows.map(|(row, values)| (score(metric, query, values), row as i64)).collect();
    all.sort_by(|a, b| {
        let by_score = a.0.total_cmp(&b.0);
        let by_score = if metric.larger_is_nearer() { by_score.reverse() } else { by_score };
        by_score.then(a.1.cmp(&b.1))
    });
    all.truncate(k);
    all
}

#[derive(Debug)]
struct Case {
    dim: usize,
    rows: Vec<f32>,
    queries: Vec<f32>,
    mask: Vec<u8>,
}

fn some_case() -> impl Strategy<Value = Case> {
    (1usize..40, 0usize..150, 1usize..8).prop_flat_map(|(dim, n_rows, n_queries)| {
        let values = |n| prop::collection::vec((-2i8..=2).prop_map(f32::from), n);
        let mask = prop::collection::vec(0u8..2, n_rows);
        (values(n_rows * dim), values(n_queries * dim), mask)
            .prop_map(move |(rows, queries, mask)| Case { dim, rows, queries, mask })
    })
}

fn check(
    case: &Case,
    metric: Metric,
    found: &Neighbours,
    allowed: &dyn Fn(usize) -> bool,
    k: usize,
) {
    for (index, query) in case.queries.chunks(case.dim).enumerate() {
        let expected = oracle(metric, query, &case.rows, allowed, k);
        assert_eq!(found.k, expected.len());
        assert_eq!(found.of(index).collect::<Vec<_>>(), expected);
    }
}

proptest! {
    #[test]
    fn the_answer_is_that_of_sorting_everything(case in some_case(), k in 1usize..200) {
        let rows = Rows::new(&case.rows, case.dim).unwrap();
        for kernels in tiers() {
            for metric in [Metric::L2, Metric::InnerProduct] {
                let options = SearchOptions { kernels, ..SearchOptions::new(k) };
                let found = search_rows(rows, metric, &case.queries, &options).unwrap();
                check(&case, metric, &found, &|_| true, k);
            }
        }
    }

    #[test]
    fn only_allowed_rows_are_found_however_they_are_named(case in some_case(), k in 1usize..200) {
        let rows = Rows::new(&case.rows, case.dim).unwrap();
        let mut ids: Vec<i64> =
            (0..case.mask.len()).filter(|&row| case.mask[row] != 0).map(|row| row as i64).collect();
        ids.reverse();
        for allow in [Allow::Mask(&case.mask), Allow::Ids(&ids)] {
            for metric in [Metric::L2, Metric::InnerProduct] {
                let options = SearchOptions { allow, ..SearchOptions::new(k) };
                let found = search_rows(rows, metric, &case.queries, &options).unwrap();
                check(&case, metric, &found, &|row| case.mask[row] != 0, k);
            }
        }
    }

    #[test]
    fn cosines_are_those_of_float64_with_and_without_given_lengths(case in some_case()) {
        let rows = Rows::new(&case.rows, case.dim).unwrap();
        let n_rows = rows.n_rows();
        let mut inverse_norms = vec![f32::NAN; n_rows];
        inverse_norms_into(rows, &mut inverse_norms).unwrap();
        let length = |values: &[f32]| f64::from(score(Metric::InnerProduct, values, values)).sqrt();
        for kernels in tiers() {
            for inverse_norms in [None, Some(&inverse_norms[..])] {
                let options = SearchOptions { kernels, inverse_norms, ..SearchOptions::new(n_rows.max(1)) };
                let found = search_rows(rows, Metric::Cosine, &case.queries, &options).unwrap();
                for (index, query) in case.queries.chunks(case.dim).enumerate() {
                    let answer: Vec<_> = found.of(index).collect();
                    prop_assert_eq!(answer.len(), n_rows);
                    for (cosine, id) in &answer {
                        let row = &case.rows[*id as usize * case.dim..][..case.dim];
                        let lengths = length(query) * length(row);
                        let dot = f64::from(score(Metric::InnerProduct, query, row));
                        let expected = if lengths > 0.0 { dot / lengths } else { 0.0 };
                        // Some 40 roundings of terms that are at most 1 in sum.
                        prop_assert!((f64::from(*cosine) - expected).abs() < 44.0 * 6e-8);
                        prop_assert!(cosine.abs() <= 1.0);
                    }
                    let sorted = answer.is_sorted_by(|a, b| a.0 > b.0 || (a.0 == b.0 && a.1 < b.1));
                    prop_assert!(sorted, "{:?}", answer);
                }
            }
        }
    }
}

/// Vectors enough for several threads to get a part each.
fn large_case() -> Case {
    let mut state = 1u32;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 29) as i8 - 3)
    };
    let (dim, n_rows) = (20, 60_000);
    let rows = (0..n_rows * dim).map(|_| value()).collect();
    let queries = (0..30 * dim).map(|_| value()).collect();
    let mask = (0..n_rows).map(|row| u8::from(row % 7 == 2 || row > 50_000)).collect();
    Case { dim, rows, queries, mask }
}

#[test]
fn the_answer_does_not_depend_on_the_number_of_threads_or_on_the_batch() {
    let case = large_case();
    let rows = Rows::new(&case.rows, case.dim).unwrap();
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        for allow in [Allow::All, Allow::Mask(&case.mask)] {
            let search = |queries: &[f32], n_threads| {
                let options = SearchOptions { allow, n_threads, ..SearchOptions::new(25) };
                search_rows(rows, metric, queries, &options).unwrap()
            };
            let alone = search(&case.queries, 1);
            for n_threads in [2, 3, 8, usize::MAX] {
                assert_eq!(search(&case.queries, n_threads), alone);
            }
            for (index, query) in case.queries.chunks(case.dim).enumerate() {
                let one = search(query, 2);
                assert_eq!(one.of(0).collect::<Vec<_>>(), alone.of(index).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn a_batch_of_more_queries_than_are_scanned_together_is_answered_whole() {
    let dim = 3;
    let rows: Vec<f32> = (0..50 * dim).map(|value| (value % 11) as f32).collect();
    let queries: Vec<f32> = (0..2_500 * dim).map(|value| (value % 13) as f32).collect();
    let case = Case { dim, rows, queries, mask: Vec::new() };
    let rows = Rows::new(&case.rows, dim).unwrap();
    let found = search_rows(rows, Metric::L2, &case.queries, &SearchOptions::new(4)).unwrap();
    assert_eq!(found.n_queries, 2_500);
    check(&case, Metric::L2, &found, &|_| true, 4);
}

#[test]
fn no_rows_no_queries_and_nothing_allowed_give_empty_answers() {
    let none = Rows::new(&[], 2).unwrap();
    let found = search_rows(none, Metric::L2, &[1.0, 2.0], &SearchOptions::new(5)).unwrap();
    assert_eq!((found.n_queries, found.k, found.ids.len()), (1, 0, 0));
    let one = Rows::new(&[0.0, 0.0], 2).unwrap();
    let found = search_rows(one, Metric::L2, &[], &SearchOptions::new(5)).unwrap();
    assert_eq!((found.n_queries, found.k), (0, 1));
    let options = SearchOptions { allow: Allow::Ids(&[7, -3]), ..SearchOptions::new(5) };
    let found = search_rows(one, Metric::L2, &[1.0, 2.0], &options).unwrap();
    assert_eq!((found.n_queries, found.k), (1, 0));
}

#[test]
fn a_stored_vector_that_is_not_a_number_is_nobodys_neighbour() {
    let values = [1.0, f32::NAN, 3.0, f32::INFINITY];
    let rows = Rows::new(&values, 1).unwrap();
    for (metric, expected) in [
        (Metric::L2, vec![0, 2, 3]),
        (Metric::InnerProduct, vec![3, 2, 0]),
        (Metric::Cosine, vec![0, 2]),
    ] {
        let found = search_rows(rows, metric, &[1.0], &SearchOptions::new(9)).unwrap();
        assert_eq!(found.of(0).map(|pair| pair.1).collect::<Vec<_>>(), expected, "{metric}");
        assert_eq!(found.ids.len(), 4);
        assert_eq!(found.ids[3], -1);
        assert!(found.distances[3].is_nan());
    }
}

#[test]
fn a_query_that_is_not_finite_is_refused_by_its_place() {
    let rows = Rows::new(&[1.0, 2.0], 2).unwrap();
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let queries = [0.0, 0.0, 0.0, value];
        let error = search_rows(rows, Metric::L2, &queries, &SearchOptions::new(1)).unwrap_err();
        assert!(matches!(error, Error::NotFinite { row: 1, column: 1, .. }), "{error}");
    }
}

#[test]
fn unusable_parameters_are_refused() {
    let rows = Rows::new(&[1.0, 2.0, 3.0, 4.0], 2).unwrap();
    let search = |options: &SearchOptions<'_>, queries: &[f32]| {
        search_rows(rows, Metric::Cosine, queries, options).unwrap_err().to_string()
    };
    let query = [1.0, 2.0];
    let usual = SearchOptions::new(1);
    assert_eq!(search(&SearchOptions::new(0), &query), "k is 0, expected at least 1");
    let no_threads = SearchOptions { n_threads: 0, ..usual };
    assert_eq!(search(&no_threads, &query), "n_threads is 0, expected at least 1");
    assert!(search(&usual, &[1.0]).contains("multiple of the dimension 2"));
    let one_length = SearchOptions { inverse_norms: Some(&[1.0]), ..usual };
    assert!(search(&one_length, &query).contains("inverse_norms holds 1 values"));
    let short_mask = SearchOptions { allow: Allow::Mask(&[1]), ..usual };
    assert!(search(&short_mask, &query).contains("allow holds 1 values"));
}

#[test]
fn more_answers_than_memory_are_refused_before_the_scan() {
    let rows = vec![0.0; 1 << 22];
    let rows = Rows::new(&rows, 1).unwrap();
    let queries = vec![0.0; 1 << 24];
    let error =
        search_rows(rows, Metric::L2, &queries, &SearchOptions::new(usize::MAX)).unwrap_err();
    assert!(matches!(error, Error::TooLarge { k: 4_194_304, .. }), "{error}");
}

#[test]
fn a_long_search_asks_whether_to_go_on_and_ends_when_told() {
    let case = large_case();
    let rows = Rows::new(&case.rows, case.dim).unwrap();
    let queries = case.queries.repeat(300);
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) > 0;
    for n_threads in [1, 2] {
        asked.store(0, Ordering::Relaxed);
        let options = SearchOptions { stop: Some(&stop), n_threads, ..SearchOptions::new(3) };
        let error = search_rows(rows, Metric::L2, &queries, &options).unwrap_err();
        assert!(matches!(error, Error::Stopped), "{error}");
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
