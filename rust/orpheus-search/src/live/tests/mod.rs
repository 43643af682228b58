//! Updates against a dictionary.

mod crashes;
mod rules;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::compact::{CompactOptions, Done};
use super::journal::{HEAD, journal_path};
use super::{Addition, LiveIndex};
use crate::build::{BuildOptions, build_index};
use crate::error::{Error, Result};
use crate::filter::{Allow, Deny};
use crate::format::write::{GatheredLists, IvfPart, IvfPartCodes, Part, write_index};
use crate::index::flat::SearchOptions;
use crate::index::vector::VectorIndex;
use crate::metric::Metric;
use crate::rows::Rows;
use crate::write_flat;

const DIM: usize = 5;
const NLIST: usize = 3;
/// What the index is made of: its kind, and whether ids are the file's own.
const KINDS: [(&str, Metric); 7] = [
    ("Flat", Metric::L2),
    ("Flat", Metric::InnerProduct),
    ("IDMap2,Flat", Metric::L2),
    ("IVF3,Flat", Metric::L2),
    ("IVF3,Flat", Metric::InnerProduct),
    ("IDMap,IVF3,Flat", Metric::L2),
    ("HNSW4,Flat", Metric::L2),
];

type Model = BTreeMap<i64, Vec<f32>>;

/// The vector that is given the `serial`-th time that one is wanted. Some are alike.
fn vector(serial: usize) -> Vec<f32> {
    let seed = (serial * 7919) % 97;
    (0..DIM).map(|column| ((seed * (column + 3) * 31) % 23) as f32 - 11.0).collect()
}

/// `n` vectors by id.
fn make(path: &Path, (kind, metric): (&str, Metric), n: usize) -> Model {
    let first = if kind.starts_with("IDMap") { 100 } else { 0 };
    let model: Model = (0..n)
        .map(|row| (first + row as i64 * if first > 0 { 3 } else { 1 }, vector(row)))
        .collect();
    let values: Vec<f32> = model.values().flatten().copied().collect();
    let rows = Rows::new(&values, DIM).unwrap();
    let ids: Vec<i64> = model.keys().copied().collect();
    match kind {
        "Flat" => write_flat(path, rows, None, metric).unwrap(),
        "IDMap2,Flat" => write_flat(path, rows, Some(&ids), metric).unwrap(),
        "HNSW4,Flat" => {
            let options = BuildOptions { kind: kind.parse().unwrap(), ..BuildOptions::new(metric) };
            build_index(path, rows, None, &options).unwrap();
        }
        _ => {
            let centroids: Vec<f32> = (0..NLIST).flat_map(|list| vector(list * 5)).collect();
            let lists: Vec<Vec<u32>> =
                (0..NLIST).map(|list| (list as u32..n as u32).step_by(NLIST).collect()).collect();
            let codes = bytemuck::cast_slice(&values);
            let lists = GatheredLists { lists: &lists, codes, code_size: 4 * DIM, ids: None };
            let quantizer = Box::new(Part::Flat(Rows::new(&centroids, DIM).unwrap()));
            let codes = IvfPartCodes::Flat;
            let ivf = Part::Ivf(IvfPart { nprobe: NLIST, quantizer, codes, lists: &lists });
            let part = if first > 0 {
                Part::IdMap { inner: Box::new(ivf), ids: &ids, two_way: false }
            } else {
                ivf
            };
            write_index(path, metric, &part).unwrap();
        }
    }
    model
}

fn options<'a>(k: usize) -> SearchOptions<'a> {
    SearchOptions { nprobe: Some(NLIST), ef_search: Some(500), ..SearchOptions::new(k) }
}

/// The index made from scratch.
fn from_scratch(folder: &Path, model: &Model, metric: Metric) -> VectorIndex {
    let path = folder.join("scratch.faiss");
    let values: Vec<f32> = model.values().flatten().copied().collect();
    let ids: Vec<i64> = model.keys().copied().collect();
    write_flat(&path, Rows::new(&values, DIM).unwrap(), Some(&ids), metric).unwrap();
    VectorIndex::open(&path).unwrap()
}

/// Makes sure that an index answers as one that was made from scratch.
fn check(folder: &Path, index: &LiveIndex, model: &Model) {
    let expected = from_scratch(folder, model, index.metric());
    let queries: Vec<f32> = [vector(1), vector(40), vec![0.25; DIM]].concat();
    assert_eq!(index.ntotal(), model.len());
    let mut ids = index.stored_ids().unwrap();
    let order = ids.clone();
    ids.sort_unstable();
    assert_eq!(ids, model.keys().copied().collect::<Vec<_>>());
    let some: Vec<i64> = ids.iter().copied().filter(|id| id % 3 != 1).chain([7777]).collect();
    let others: Vec<i64> = ids.iter().copied().filter(|id| id % 4 == 0).collect();
    let filters = [
        (Allow::All, Deny::Nothing),
        (Allow::Ids(&some), Deny::Nothing),
        (Allow::All, Deny::Ids(&others)),
        (Allow::Ids(&some), Deny::Ids(&others)),
    ];
    for k in [1, 4, 1000] {
        for (allow, deny) in filters {
            let options = SearchOptions { allow, deny, ..options(k) };
            let found = index.search(&queries, &options).unwrap();
            assert_eq!(found, expected.search(&queries, &options).unwrap());
            let radius = if index.metric() == Metric::L2 { 300.0 } else { 0.0 };
            let found = index.range_search(&queries, radius, &options).unwrap();
            assert_eq!(found, expected.range_search(&queries, radius, &options).unwrap());
        }
    }
    // Masks are in the order of the ids.
    let mask: Vec<u8> = order.iter().map(|id| u8::from(id % 3 != 1)).collect();
    let denied: Vec<u8> = order.iter().map(|id| u8::from(id % 4 == 0)).collect();
    let by_mask =
        SearchOptions { allow: Allow::Mask(&mask), deny: Deny::Mask(&denied), ..options(1000) };
    let by_ids = SearchOptions { allow: filters[3].0, deny: filters[3].1, ..options(1000) };
    assert_eq!(
        index.search(&queries, &by_mask).unwrap(),
        expected.search(&queries, &by_ids).unwrap()
    );
    assert_eq!(
        index.range_search(&queries, 1e9, &by_mask).unwrap(),
        expected.range_search(&queries, 1e9, &by_ids).unwrap()
    );
    for (&id, vector) in model {
        assert_eq!(&index.reconstruct(id).unwrap(), vector);
    }
    assert!(matches!(index.reconstruct(7777), Err(Error::UnknownId { id: 7777, .. })));
}

fn add(index: &LiveIndex, ids: Option<&[i64]>, values: &[f32], replace: bool) -> Result<Vec<i64>> {
    let rows = Rows::new(values, DIM).unwrap();
    index.add(&Addition { rows, ids, replace, sync: false })
}

/// What is done to an index, and to a dictionary.
#[derive(Clone, Debug)]
enum Step {
    Add(usize),
    AddAs(Vec<i64>, bool),
    Remove(Vec<i64>),
    Reopen,
    Compact,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = || prop_oneof![3 => -5i64..60, 1 => 100i64..200];
    let ids = || {
        prop::collection::btree_set(id(), 0..6).prop_map(|ids| ids.into_iter().collect::<Vec<_>>())
    };
    let step = prop_oneof![
        3 => (0usize..5).prop_map(Step::Add),
        3 => (ids(), any::<bool>()).prop_map(|(ids, replace)| Step::AddAs(ids, replace)),
        3 => ids().prop_map(Step::Remove),
        1 => Just(Step::Reopen),
        1 => Just(Step::Compact),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 0..16)
}

/// An index with its dictionary.
struct Pair {
    folder: TempDir,
    path: PathBuf,
    index: LiveIndex,
    model: Model,
    serial: usize,
    ever: i64,
}

impl Pair {
    fn new(kind: (&str, Metric), n: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.faiss");
        let model = make(&path, kind, n);
        let index = LiveIndex::open(&path).unwrap();
        let ever = model.keys().last().map_or(0, |id| id + 1);
        Self { folder, path, index, model, serial: 1000, ever }
    }

    fn vectors(&mut self, n: usize) -> Vec<f32> {
        self.serial += n;
        (self.serial - n..self.serial).flat_map(vector).collect()
    }

    fn know(&mut self, ids: &[i64], values: &[f32]) {
        for (id, vector) in ids.iter().zip(values.chunks_exact(DIM)) {
            self.model.insert(*id, vector.to_vec());
            self.ever = self.ever.max(id + 1);
        }
    }

    fn carry_out(&mut self, step: &Step) {
        match step {
            Step::Add(n) => {
                let values = self.vectors(*n);
                let ids = add(&self.index, None, &values, false).unwrap();
                assert_eq!(ids, (self.ever..self.ever + *n as i64).collect::<Vec<_>>());
                self.know(&ids, &values);
            }
            Step::AddAs(ids, replace) => {
                let values = self.vectors(ids.len());
                let is_taken = ids.iter().any(|id| self.model.contains_key(id)) && !replace;
                let outcome = if is_taken || ids.contains(&-1) { Err(()) } else { Ok(()) };
                let added = add(&self.index, Some(ids), &values, *replace);
                assert_eq!(added.map_err(|_| ()), outcome.map(|()| ids.clone()));
                if outcome.is_ok() {
                    self.know(ids, &values);
                }
            }
            Step::Remove(ids) => {
                let n = ids.iter().filter(|id| self.model.remove(id).is_some()).count();
                assert_eq!(self.index.remove(ids, false).unwrap(), n);
            }
            Step::Reopen => {
                self.index.close().unwrap();
                self.index = LiveIndex::open(&self.path).unwrap();
            }
            Step::Compact => {
                self.index.compact(&CompactOptions::default()).unwrap();
                assert_eq!(self.index.n_pending(), (0, 0));
            }
            Step::Close => self.index.close().unwrap(),
        }
    }

    fn check(&self) {
        check(self.folder.path(), &self.index, &self.model);
    }

    fn check_reopened(&mut self) {
        self.index.close().unwrap();
        self.index = LiveIndex::open(&self.path).unwrap();
        self.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_updates_answer_as_an_index_made_from_scratch(
        kind in prop::sample::select(&KINDS[..]),
        n in prop::sample::select(&[0usize, 1, 30][..]),
        steps in steps(),
    ) {
        let mut pair = Pair::new(kind, n);
        for step in &steps {
            pair.carry_out(step);
            pair.check();
        }
        pair.check_reopened();
    }
}

/// An index after updates of each sort, without what they were made with.
fn updated(kind: (&str, Metric)) -> Pair {
    let mut pair = Pair::new(kind, 30);
    let ids: Vec<i64> = pair.model.keys().copied().collect();
    pair.carry_out(&Step::Add(3));
    pair.carry_out(&Step::Remove(vec![ids[2], ids[7], ids[29]]));
    pair.carry_out(&Step::AddAs(vec![ids[2], ids[4], 5000], true));
    pair.carry_out(&Step::Add(2));
    pair.carry_out(&Step::Remove(vec![5000]));
    pair
}
