//! Lists that fit on a page.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::codec::Float32Codec;
use crate::distance::Kernels;
use crate::filter::{Allow, Deny};
use crate::format::model::ListLayout;
use crate::index::codes::Codes;
use crate::index::engine::Ids;
use crate::index::exhaustive::Exhaustive;
use crate::top_k::TopK;

/// Lists 0, 10, 20 and 30, of what is at 1, 2 and 3 behind the centroid, with these numbers; list
/// 20 is empty. With `by_residual` codes are those differences.
fn lists(by_residual: bool) -> (Ivf, Vec<u8>) {
    let numbers: [&[i64]; 4] = [&[5, -7, 5], &[10, 11, 12], &[], &[900, -1, 7]];
    let mut file = vec![0xee; 5];
    let floats = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    file.extend(floats(&[0.0, 10.0, 20.0, 30.0]));
    let centroids = 5..file.len();
    let start = file.len();
    let mut before = vec![0];
    for (list, numbers) in numbers.iter().enumerate() {
        let origin = if by_residual { 0.0 } else { list as f32 * 10.0 };
        let codes: Vec<f32> = (1..=numbers.len()).map(|step| origin + step as f32).collect();
        file.extend(floats(&codes));
        file.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        before.push(before[list] + numbers.len());
    }
    let codec = || Box::new(Float32Codec::new(1));
    let ivf = Ivf {
        metric: Metric::L2,
        nprobe: 1,
        nlist: 4,
        quantizer: Box::new(Exhaustive::new(Codes::new(4, Metric::L2, codec(), centroids))),
        codec: codec(),
        by_residual,
        lists: Lists { before, layout: ListLayout::Array { start, code_size: 4 } },
        numbers: OnceLock::new(),
        coded: None,
    };
    (ivf, file)
}

fn found(query: f32, nprobe: usize, wanted: &Wanted<'_>) -> Vec<(f32, i64)> {
    let answers = [false, true].map(|by_residual| {
        let (index, file) = lists(by_residual);
        let selection = index.select(&file, wanted).unwrap();
        let request = Request {
            k: Some(9),
            selection: &selection,
            ids: Ids::Numbers,
            nprobe: Some(nprobe),
            ef_search: None,
            exact: Some(true),
            kernels: Kernels::best(),
        };
        let mut sinks = [Sink::Top(TopK::new(9, 9, false).unwrap())];
        let stopped = AtomicBool::new(false);
        let mut control = Control::new(&stopped, None);
        index.search(&file, &[query], &request, &mut sinks, &mut control).unwrap();
        let [Sink::Top(top)] = sinks else { panic!() };
        top.into_sorted()
    });
    assert_eq!(answers[0], answers[1]);
    answers[0].clone()
}

fn numbers(found: &[(f32, i64)]) -> Vec<i64> {
    found.iter().map(|pair| pair.1).collect()
}

#[test]
fn only_the_nearest_lists_are_visited_and_nothing_without_a_number_is_shown() {
    let everything = Wanted::default();
    assert_eq!(found(12.0, 1, &everything), [(0.0, 11), (1.0, 10), (1.0, 12)]);
    assert_eq!(numbers(&found(31.0, 1, &everything)), [900, 7]);
    assert_eq!(found(21.0, 1, &everything), []);
    assert_eq!(numbers(&found(4.0, 2, &everything)), [5, -7, 5, 10, 11, 12]);
    assert_eq!(found(4.0, 99, &everything).len(), 8);
}

#[test]
fn few_allowed_vectors_are_compared_whatever_list_they_are_in() {
    let wanted = Wanted { allow: Allow::Ids(&[7, 5]), deny: Deny::Nothing };
    assert_eq!(numbers(&found(12.0, 4, &wanted)), [5, 5, 7]);
    let wanted = Wanted { allow: Allow::Ids(&[7]), deny: Deny::Nothing };
    assert_eq!(found(12.0, 1, &wanted), [(441.0, 7)]);
}

#[test]
fn a_mask_is_in_the_order_of_numbers() {
    let (index, file) = lists(false);
    assert_eq!(index.stored_numbers(&file).unwrap(), [-7, -1, 5, 5, 7, 10, 11, 12, 900]);
    let wanted = Wanted { allow: Allow::All, deny: Deny::Mask(&[1, 1, 0, 0, 1, 0, 1, 0, 0]) };
    assert_eq!(numbers(&found(4.0, 4, &wanted)), [5, 5, 10, 12, 900]);
}

#[test]
fn a_vector_is_found_by_its_number() {
    for by_residual in [false, true] {
        let (index, file) = lists(by_residual);
        let mut vector = [0.0];
        index.reconstruct(&file, 12, &mut vector).unwrap();
        assert!((vector[0] - 13.0).abs() < 1e-6);
        // Of two with the same number, the one stored last.
        index.reconstruct(&file, 5, &mut vector).unwrap();
        assert!((vector[0] - 3.0).abs() < 1e-6);
        assert!(matches!(index.reconstruct(&file, 6, &mut vector), Err(Error::UnknownId { .. })));
    }
}
