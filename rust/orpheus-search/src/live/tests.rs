//! Updates against a dictionary.

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
                let outcome = match ids.iter().any(|id| *id == -1) {
                    true => Err(()),
                    false if *replace => Ok(()),
                    false => {
                        if ids.iter().any(|id| self.model.contains_key(id)) {
                            Err(())
                        } else {
                            Ok(())
                        }
                    }
                };
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

#[test]
fn a_compaction_that_ends_anywhere_leaves_what_was_there() {
    for kind in KINDS {
        for at in [Done::Written, Done::Noted, Done::Named, Done::Accelerated] {
            let mut pair = updated(kind);
            let stop = |done| if done == at { Err(Error::Stopped) } else { Ok(()) };
            let outcome = pair.index.compact_by_steps(&CompactOptions::default(), stop);
            assert!(matches!(outcome, Err(Error::Stopped)));
            // The other side of the crash: nothing that this process knew is of use.
            pair.index = LiveIndex::open(&pair.path).unwrap();
            pair.check();
            pair.carry_out(&Step::Add(2));
            pair.carry_out(&Step::Remove(vec![1, 109]));
            pair.check_reopened();
            pair.carry_out(&Step::Compact);
            pair.check_reopened();
        }
    }
}

#[test]
fn what_is_updated_during_a_compaction_is_there_after_it() {
    for kind in KINDS {
        for at in [Done::Written, Done::Accelerated] {
            let pair = std::cell::RefCell::new(updated(kind));
            let index = LiveIndex::open(&pair.borrow().path).unwrap();
            let index = std::mem::replace(&mut pair.borrow_mut().index, index);
            let meanwhile = |done| {
                if done == Done::Written && at == Done::Written {
                    let mut pair = pair.borrow_mut();
                    let values = pair.vectors(2);
                    let ids = pair.model.keys().copied().take(2).collect::<Vec<_>>();
                    let gone = *pair.model.keys().last().unwrap();
                    assert_eq!(index.remove(&[gone], false).unwrap(), 1);
                    pair.model.remove(&gone);
                    add(&index, Some(&ids), &values, true).unwrap();
                    pair.know(&ids, &values);
                    check(pair.folder.path(), &index, &pair.model);
                }
                if done == at && at == Done::Accelerated { Err(Error::Stopped) } else { Ok(()) }
            };
            let outcome = index.compact_by_steps(&CompactOptions::default(), meanwhile);
            assert_eq!(outcome.is_ok(), at == Done::Written);
            let mut pair = pair.into_inner();
            pair.index = index;
            pair.check();
            pair.check_reopened();
        }
    }
}

#[test]
fn compaction_writes_what_a_plain_index_reads() {
    for kind in KINDS {
        let mut pair = updated(kind);
        pair.carry_out(&Step::Compact);
        let plain = VectorIndex::open(&pair.path).unwrap();
        assert_eq!(plain.ntotal(), pair.model.len());
        let suffix = if kind.0 == "Flat" || kind.0.starts_with("HNSW") { "IDMap2," } else { "" };
        assert_eq!(plain.kind(), format!("{suffix}{}", kind.0));
        let queries = vector(12);
        let expected = from_scratch(pair.folder.path(), &pair.model, kind.1);
        let found = plain.search(&queries, &options(9)).unwrap();
        assert_eq!(found, expected.search(&queries, &options(9)).unwrap());
    }
}

#[test]
fn vectors_that_count_on_stay_without_a_map_of_ids() {
    let mut pair = Pair::new(("Flat", Metric::L2), 30);
    pair.carry_out(&Step::Add(4));
    pair.carry_out(&Step::Remove(vec![33]));
    pair.carry_out(&Step::Compact);
    assert_eq!(pair.index.kind(), "Flat");
    // The id of the one that was removed is not given to another.
    pair.carry_out(&Step::Add(1));
    assert!(pair.model.contains_key(&34) && !pair.model.contains_key(&33));
    pair.check_reopened();
}

#[test]
fn a_journal_that_ends_anywhere_is_read_up_to_the_last_whole_update() {
    let mut pair = Pair::new(("IDMap2,Flat", Metric::L2), 6);
    let steps = [Step::Add(2), Step::Remove(vec![103, 115]), Step::AddAs(vec![106, 0], true)];
    let mut states = Vec::new();
    pair.carry_out(&Step::Remove(vec![]));
    for step in &steps {
        let length = fs::metadata(journal_path(&pair.path)).unwrap().len() as usize;
        states.push((length, pair.model.clone()));
        pair.carry_out(step);
    }
    pair.index.close().unwrap();
    let journal = fs::read(journal_path(&pair.path)).unwrap();
    states.push((journal.len(), pair.model.clone()));
    // Zeros are what a file system may put in the place of what a loss of power has cost.
    let heads = states.iter().map(|(end, _)| end + 48).filter(|at| *at < journal.len());
    let zeros = states.iter().map(|(end, _)| *end).chain(heads).map(|at| (at, 200));
    for (length, n_zeros) in (0..journal.len()).map(|length| (length, 0)).chain(zeros) {
        let mut cut = journal[..length].to_vec();
        cut.resize(length + n_zeros, 0);
        fs::write(journal_path(&pair.path), &cut).unwrap();
        let opened = LiveIndex::open(&pair.path);
        if length < HEAD {
            assert!(matches!(opened, Err(Error::Journal { .. })), "{length}");
            continue;
        }
        let opened = opened.unwrap();
        let (whole, model) = states.iter().rev().find(|(end, _)| *end <= length).unwrap();
        check(pair.folder.path(), &opened, model);
        opened.remove(&[], false).unwrap();
        assert_eq!(opened.take_torn_bytes() as usize, length + n_zeros - whole);
        assert_eq!(fs::metadata(journal_path(&pair.path)).unwrap().len() as usize, *whole);
        add(&opened, Some(&[9999]), &vector(3), false).unwrap();
        opened.close().unwrap();
        let mut model = model.clone();
        model.insert(9999, vector(3));
        check(pair.folder.path(), &LiveIndex::open(&pair.path).unwrap(), &model);
    }
}

#[test]
fn no_bit_of_a_journal_can_change_unnoticed() {
    let mut pair = updated(("Flat", Metric::L2));
    pair.index.compact_by_steps(&CompactOptions::default(), |_| Err(Error::Stopped)).unwrap_err();
    pair.index.close().unwrap();
    let path = journal_path(&pair.path);
    let journal = fs::read(&path).unwrap();
    for bit in 0..8 * journal.len() {
        let mut flipped = journal.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        let error = LiveIndex::open(&pair.path).unwrap_err();
        assert!(matches!(error, Error::Journal { .. }), "bit {bit}: {error}");
    }
    fs::write(&path, &journal).unwrap();
    pair.check_reopened();
}

#[test]
fn records_that_were_moved_or_left_out_are_damage() {
    let mut pair = Pair::new(("Flat", Metric::L2), 5);
    let mut ends = Vec::new();
    for _ in 0..3 {
        pair.carry_out(&Step::Add(1));
        ends.push(fs::metadata(journal_path(&pair.path)).unwrap().len() as usize);
    }
    pair.index.close().unwrap();
    let journal = fs::read(journal_path(&pair.path)).unwrap();
    let without = [&journal[..ends[0]], &journal[ends[1]..]].concat();
    fs::write(journal_path(&pair.path), without).unwrap();
    assert!(matches!(LiveIndex::open(&pair.path), Err(Error::Journal { .. })));
}

#[test]
fn a_journal_of_another_file_is_refused() {
    let pair = updated(("Flat", Metric::L2));
    pair.index.close().unwrap();
    make(&pair.path, ("Flat", Metric::L2), 31);
    let error = LiveIndex::open(&pair.path).unwrap_err();
    assert!(error.to_string().contains("another version"), "{error}");
    make(&pair.path, ("Flat", Metric::InnerProduct), 30);
    assert!(matches!(LiveIndex::open(&pair.path), Err(Error::Journal { .. })));
    fs::remove_file(journal_path(&pair.path)).unwrap();
    assert_eq!(LiveIndex::open(&pair.path).unwrap().ntotal(), 30);
}

#[test]
fn one_writes_and_others_read_what_was_there_when_they_opened() {
    let mut pair = updated(("IVF3,Flat", Metric::L2));
    let reader = LiveIndex::open(&pair.path).unwrap();
    let error = add(&reader, None, &vector(0), false).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    let before = pair.model.clone();
    pair.carry_out(&Step::Add(2));
    pair.carry_out(&Step::Compact);
    pair.carry_out(&Step::Remove(vec![3]));
    check(pair.folder.path(), &reader, &before);
    // Once the writer is done the other can go on from there.
    pair.index.close().unwrap();
    pair.index = reader;
    pair.carry_out(&Step::Add(2));
    pair.check_reopened();
}

#[test]
fn searches_during_updates_see_whole_updates_in_order() {
    let pair = Pair::new(("Flat", Metric::L2), 30);
    let index = &pair.index;
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut largest = 0;
            while largest < 30 + 400 {
                let found = index.search(&vector(3), &options(1000)).unwrap();
                let mut ids: Vec<i64> = found.of(0).map(|pair| pair.1).collect();
                ids.sort_unstable();
                // Two come at a time, and the oldest of those that came goes.
                let n = ids.last().unwrap() + 1;
                assert!(n % 2 == 0 && n >= largest, "{n} after {largest}");
                let gone = (n - 30) / 2;
                let left: Vec<i64> = (0..30).chain(30 + gone..n).collect();
                assert!(
                    ids == left
                        || ids
                            == [
                                &(0..30).collect::<Vec<_>>()[..],
                                &(29 + gone..n).collect::<Vec<_>>()
                            ]
                            .concat()
                );
                largest = n;
            }
        });
        for round in 0..200 {
            let ids =
                add(index, None, &[vector(round), vector(round + 7)].concat(), false).unwrap();
            assert_eq!(ids[0], 30 + 2 * round as i64);
            assert_eq!(index.remove(&[30 + round as i64], false).unwrap(), 1);
            if round % 64 == 63 {
                index.compact(&CompactOptions::default()).unwrap();
            }
        }
        reader.join().unwrap();
    });
}

#[test]
fn what_cannot_be_added_is_refused_and_changes_nothing() {
    let pair = Pair::new(("Flat", Metric::L2), 30);
    let refused = |ids: Option<&[i64]>, values: &[f32]| {
        add(&pair.index, ids, values, false).unwrap_err().to_string()
    };
    assert!(refused(Some(&[4]), &vector(0)).contains("replace"));
    assert!(refused(Some(&[-1]), &vector(0)).contains("no vector"));
    assert!(refused(Some(&[40, 40]), &[vector(0), vector(1)].concat()).contains("once"));
    assert!(refused(Some(&[40, 41]), &vector(0)).contains("one for each"));
    assert!(refused(None, &[1.0, 2.0, f32::NAN, 4.0, 5.0]).contains("vectors[0, 2] is NaN"));
    let rows = Rows::new(&[1.0, 2.0], 2).unwrap();
    let addition = Addition { rows, ids: None, replace: false, sync: false };
    assert!(pair.index.add(&addition).unwrap_err().to_string().contains("dimension"));
    pair.check();
    assert_eq!(pair.index.n_pending(), (0, 0));
}

#[test]
fn ids_end_with_the_largest_number() {
    let pair = Pair::new(("Flat", Metric::L2), 3);
    add(&pair.index, Some(&[i64::MAX]), &vector(0), false).unwrap();
    let error = add(&pair.index, None, &vector(1), false).unwrap_err();
    assert!(error.to_string().contains("no larger ones"), "{error}");
}

#[test]
fn files_of_codes_give_vectors_up_but_take_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("codes.faiss");
    let quantizer = crate::format::model::ScalarQuantizer {
        kind: crate::format::model::ScalarKind::Float16,
        range_statistic: 0,
        range_argument: 0.0,
        code_size: 2 * DIM,
        trained: Vec::new(),
    };
    let codes = vec![0; 2 * DIM * 9];
    write_index(
        &path,
        Metric::L2,
        &Part::Scalar { dim: DIM, quantizer: &quantizer, codes: &codes },
    )
    .unwrap();
    let index = LiveIndex::open(&path).unwrap();
    assert!(add(&index, None, &vector(0), false).unwrap_err().to_string().contains("SQfp16"));
    assert_eq!(index.remove(&[2, 5, 77], false).unwrap(), 2);
    let ids: Vec<i64> = index.search(&vector(0), &options(20)).unwrap().ids;
    assert_eq!(ids, [0, 1, 3, 4, 6, 7, 8]);
    assert!(index.compact(&CompactOptions::default()).is_err());
    drop(index);
    assert_eq!(LiveIndex::open(&path).unwrap().ntotal(), 7);
}
