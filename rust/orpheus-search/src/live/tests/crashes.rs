//! What is left after a crash, and what damage does.

use super::*;

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
