//! Who may update what, and what the file is afterwards.

use super::*;

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
