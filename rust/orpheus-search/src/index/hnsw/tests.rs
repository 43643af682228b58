//! Walks through graphs that fit on a page.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::codec::Float32Codec;
use crate::error::Error;
use crate::filter::{Allow, Deny};
use crate::index::engine::Ids;
use crate::top_k::TopK;

const N: usize = 40;

/// Node `i` is at `i` and linked with its neighbours on the line; node 0 and `far` are also on
/// level 1, linked with each other. Returns the file, too.
fn line(far: usize) -> (Hnsw, Vec<u8>) {
    let mut file = vec![0xee; 3];
    let mut put = |bytes: Vec<u8>| -> Range<usize> {
        let start = file.len();
        file.extend(bytes);
        start..file.len()
    };
    let vectors = put((0..N).flat_map(|i| (i as f32).to_le_bytes()).collect());
    let n_levels = |i: usize| if i == 0 || i == far { 2i32 } else { 1 };
    let levels = put((0..N).flat_map(|i| n_levels(i).to_le_bytes()).collect());
    let (mut links, mut starts) = (Vec::new(), vec![0u64]);
    for i in 0..N as i32 {
        let last = N as i32 - 1;
        let mut mine = vec![if i > 0 { i - 1 } else { 1 }, if i < last { i + 1 } else { -1 }];
        if n_levels(i as usize) == 2 {
            mine.push(if i == 0 { far as i32 } else { 0 });
        }
        links.extend(mine);
        starts.push(links.len() as u64);
    }
    let offsets = put(starts.iter().flat_map(|start| start.to_le_bytes()).collect());
    let neighbors = put(links.iter().flat_map(|link: &i32| link.to_le_bytes()).collect());
    let graph = HnswGraph {
        n_nodes: N,
        probabilities: vec![],
        cumulative: vec![0, 2, 3],
        levels,
        offsets,
        neighbors,
        entry_point: Some(0),
        max_level: 1,
        ef_construction: 8,
        ef_search: 2,
    };
    let codec = Box::new(Float32Codec::new(1));
    (Hnsw::new(graph, Codes::new(N, Metric::L2, codec, vectors), None), file)
}

fn found(
    index: &Hnsw,
    file: &[u8],
    query: f32,
    k: usize,
    ef_search: Option<usize>,
    wanted: &Wanted<'_>,
) -> Result<Vec<i64>> {
    let selection = index.select(file, wanted)?;
    let request = Request {
        k: Some(k),
        selection: &selection,
        ids: Ids::Numbers,
        nprobe: None,
        ef_search,
        exact: None,
        kernels: Kernels::best(),
    };
    let mut sinks = [Sink::Top(TopK::new(k, N, false).unwrap())];
    let stopped = AtomicBool::new(false);
    index.search(file, &[query], &request, &mut sinks, &mut Control::new(&stopped, None))?;
    let [Sink::Top(top)] = sinks else { panic!() };
    Ok(top.into_sorted().into_iter().map(|pair| pair.1).collect())
}

#[test]
fn a_walk_reaches_the_nearest_from_any_start() {
    let (index, file) = line(30);
    for query in [0.0, 7.2, 15.1, 29.6, 39.0] {
        let nearest = found(&index, &file, query, 1, None, &Wanted::default()).unwrap();
        assert_eq!(nearest, [query.round() as i64]);
    }
}

#[test]
fn the_upper_level_is_a_short_cut_and_what_it_passes_is_not_found() {
    let (index, file) = line(30);
    // From node 0 to 30 in one step; a beam of 2 then sees only what lies around 31.
    let around = found(&index, &file, 31.0, N, Some(2), &Wanted::default()).unwrap();
    assert!(around.starts_with(&[31]) && around.len() < 8, "{around:?}");
    let all = found(&index, &file, 31.0, N, Some(N), &Wanted::default()).unwrap();
    assert_eq!(all.len(), N);
}

#[test]
fn what_is_denied_is_a_way_but_not_an_answer() {
    let (index, file) = line(1);
    let even: Vec<i64> = (0..N as i64).step_by(2).collect();
    let wanted = Wanted { allow: Allow::All, deny: Deny::Ids(&even) };
    assert_eq!(found(&index, &file, 21.2, 3, Some(2), &wanted).unwrap(), [21, 23, 19]);
}

#[test]
fn the_few_that_are_allowed_are_found_wherever_they_are() {
    let (index, file) = line(1);
    let wanted = Wanted { allow: Allow::Ids(&[2, 38]), deny: Deny::Nothing };
    assert_eq!(found(&index, &file, 30.0, 3, Some(1), &wanted).unwrap(), [38, 2]);
}

#[test]
fn a_link_that_leads_astray_is_an_error_every_time() {
    let (index, mut file) = line(30);
    let at = file.len() - 4;
    file[at..].copy_from_slice(&(N as i32).to_le_bytes());
    for _ in 0..2 {
        let outcome = found(&index, &file, 1.0, 1, None, &Wanted::default());
        assert!(matches!(outcome, Err(Error::Malformed { field: "link", .. })), "{outcome:?}");
    }
}
