use super::*;
use proptest::prelude::*;

fn policy(placement: Placement) -> WindowPolicy {
    WindowPolicy {
        placement,
        window_seconds: 1.0,
        hop_seconds: 1.0,
        pad_threshold: 0.5,
        max_windows: Some(3),
    }
}

#[test]
fn a_short_tail_is_dropped_and_a_long_one_padded() {
    let plan = policy(Placement::Every).at(10).unwrap();
    assert_eq!(plan.starts(24), [0, 10]);
    assert_eq!(plan.starts(25), [0, 10, 20]);
    assert_eq!(plan.starts(99), [0, 10, 20]);
}

#[test]
fn a_track_shorter_than_one_window_still_gets_one() {
    for placement in [Placement::Every, Placement::Center, Placement::Evenly] {
        assert_eq!(policy(placement).at(10).unwrap().starts(1), [0], "{placement:?}");
    }
}

#[test]
fn evenly_reaches_from_the_first_to_the_last_sample() {
    let plan = policy(Placement::Evenly).at(10).unwrap();
    assert_eq!(plan.starts(100), [0, 45, 90]);
    assert_eq!(plan.starts(15), [0, 5]);
}

#[test]
fn evenly_takes_another_window_only_for_a_tail_that_is_worth_one() {
    let plan = policy(Placement::Evenly).at(10).unwrap();
    assert_eq!(plan.starts(14), [2]);
    assert_eq!(plan.starts(24), [0, 14]);
}

#[test]
fn a_window_that_cannot_be_is_refused() {
    let bad = WindowPolicy { window_seconds: 0.0, ..policy(Placement::Every) };
    let message = bad.at(44_100).unwrap_err().to_string();
    assert_eq!(message, "window_seconds is 0, expected at least one sample and less than 2^31");
}

#[test]
fn stretches_that_are_near_each_other_are_one() {
    assert_eq!(merged([0..5, 3..4, 7..9, 20..30], 2), [0..9, 20..30]);
    let sparse = WindowPolicy { hop_seconds: 5.0, ..policy(Placement::Every) };
    let plan = sparse.at(10).unwrap();
    assert!(plan.leaves_gaps(39));
    assert_eq!(plan.spans(1000, 39), [0..10, 50..60, 100..110]);
    assert_eq!(plan.spans(1000, 40), vec![0..110]);
    assert_eq!(plan.spans(57, 0), [0..10, 50..57]);
    let all = WindowPolicy { max_windows: None, ..policy(Placement::Every) }.at(10).unwrap();
    assert!(!all.leaves_gaps(0));
    assert_eq!(all.spans(98, 0), vec![0..98]);
}

proptest! {
    #[test]
    fn cutting_block_by_block_gives_the_planned_windows(
        n in 0_usize..200,
        block in 1_usize..50,
        hop in 1_usize..25,
        placement in prop_oneof![
            Just(Placement::Whole), Just(Placement::Center), Just(Placement::Evenly), Just(Placement::Every)
        ],
        max_windows in 1_usize..8,
        pad_threshold in 0.0_f64..=1.0,
        moved in proptest::collection::vec(any::<bool>(), 200),
    ) {
        let policy = WindowPolicy {
            placement, window_seconds: 1.0, hop_seconds: hop as f64 / 10.0, pad_threshold,
            max_windows: Some(max_windows),
        };
        let plan = policy.at(10).unwrap();
        let track: Vec<f32> = (0..n).map(|i| i as f32 + 1.0).collect();
        let mut cutter = Cutter::new(plan, Some(n as u64));
        let mut got = Vec::new();
        let mut take = |cut: Cut<'_>| -> Result<(), ()> {
            let (start, n_valid) = (cut.start(), cut.n_valid());
            let seen = cut.window().samples.to_vec();
            let samples = if moved[got.len()] { cut.into_samples() } else { seen.clone() };
            assert_eq!(samples, seen);
            got.push((start, samples, n_valid));
            Ok(())
        };
        for chunk in track.chunks(block) {
            cutter.push(chunk, &mut take).unwrap();
        }
        cutter.finish(&mut take).unwrap();
        let starts: Vec<u64> = got.iter().map(|(start, ..)| *start).collect();
        prop_assert_eq!(starts.len() as u64, plan.n_windows(n as u64));
        prop_assert_eq!(starts, plan.starts(n as u64));
        for (start, samples, n_valid) in got {
            let start = start as usize;
            let end = (start + plan.length().unwrap_or(n)).min(n);
            prop_assert_eq!(n_valid, end - start);
            prop_assert_eq!(&samples[..n_valid], &track[start..end]);
            prop_assert!(samples[n_valid..].iter().all(|&value| value == 0.0));
            prop_assert_eq!(samples.len(), plan.length().unwrap_or(n));
        }
    }
}
