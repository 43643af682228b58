//! Rows stand where the list puts them, whatever tracks promise, however many threads write them.

mod common;

use std::time::Duration;

use orpheus_audio::loader::{LoaderOptions, Next, Tap};
use orpheus_audio::{Limits, Loader, Placement, Quality, Source, WindowPolicy};
use proptest::prelude::*;

const RATE: u32 = 1000;

/// A track of a tenth of a second per window, and what its header says of it.
#[derive(Debug, Clone, Copy)]
struct Track {
    n_tenths: u32,
    promises: Promise,
}

#[derive(Debug, Clone, Copy)]
enum Promise {
    Kept,
    /// More tenths than there are.
    More(u32),
    /// It cannot be read.
    Nothing,
}

impl Track {
    /// A ramp that no other track has: sample `i` of track `number` is `(97 number + i) mod 30000`.
    fn samples(self, number: usize) -> Vec<i16> {
        let n_samples = self.n_tenths as usize * RATE as usize / 10;
        (0..n_samples).map(|i| ((97 * number + i) % 30_000) as i16).collect()
    }

    fn source(self, number: usize) -> Source {
        let promised = match self.promises {
            Promise::Kept => self.n_tenths,
            Promise::More(n_tenths) => self.n_tenths + n_tenths,
            Promise::Nothing => return Source::Bytes(b"not a recording".to_vec().into()),
        };
        let n_bytes = promised * RATE / 10 * 2;
        let samples = self.samples(number);
        common::wav(RATE, n_bytes, samples.into_iter().flat_map(i16::to_le_bytes))
    }

    /// Its windows of a tap, with the tail that is padded.
    fn rows(self, number: usize, tap: &Tap) -> Vec<Vec<f32>> {
        if matches!(self.promises, Promise::Nothing) {
            return Vec::new();
        }
        let plan = tap.policy.at(RATE).expect("a sound policy");
        let (samples, length) = (self.samples(number), plan.length().expect("not whole"));
        let row = |start: u64| {
            let window = samples[start as usize..].iter().take(length);
            let mut row: Vec<f32> = window.map(|&sample| f32::from(sample) / 32_768.0).collect();
            row.resize(length, 0.0);
            row
        };
        plan.starts(samples.len() as u64).into_iter().map(row).collect()
    }
}

fn tap(placement: Placement, window_seconds: f64, hop_seconds: f64) -> Tap {
    let (pad_threshold, max_windows) = (0.5, (placement == Placement::Evenly).then_some(3));
    let policy =
        WindowPolicy { placement, window_seconds, hop_seconds, pad_threshold, max_windows };
    Tap { sample_rate: RATE, policy, front_end: None }
}

/// By tap: the number of the track and the values of each row, as they come.
fn load(
    tracks: &[Track],
    taps: &[Tap],
    n_threads: usize,
    batch_size: usize,
) -> Vec<Vec<(usize, Vec<f32>)>> {
    let sources = tracks.iter().enumerate().map(|(i, track)| track.source(i)).collect();
    let (quality, limits) = (Quality::High, Limits::default());
    let options = LoaderOptions { n_threads, batch_size, ordered: true, quality, limits };
    let mut loader = Loader::start(sources, taps.to_vec(), options).expect("sound options");
    let mut rows = vec![Vec::new(); taps.len()];
    let mut n_ended = 0;
    loop {
        match loader.next(Duration::from_secs(5)).expect("not forked") {
            Next::Batch(batch) => {
                let length = batch.row_shape[0];
                assert_eq!(batch.values.len(), batch.n_rows() * length);
                for (i, values) in batch.values.chunks_exact(length).enumerate() {
                    rows[batch.tap].push((batch.track[i] as usize, values.to_vec()));
                }
                n_ended += batch.ended.len();
            }
            Next::End => break,
            Next::Pending | Next::Hungry => panic!("the list is complete, and a minute is long"),
        }
    }
    assert_eq!(n_ended, tracks.len());
    rows
}

fn tracks() -> impl Strategy<Value = Vec<Track>> {
    let promise = prop_oneof![
        6 => Just(Promise::Kept),
        1 => (1_u32..40).prop_map(Promise::More),
        1 => Just(Promise::Nothing),
    ];
    let track = (1_u32..40, promise);
    proptest::collection::vec(
        track.prop_map(|(n_tenths, promises)| Track { n_tenths, promises }),
        1..25,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_come_in_the_order_of_the_list_with_the_values_of_their_windows(
        tracks in tracks(), n_threads in 1_usize..5, batch_size in 1_usize..9, hop in 1_u32..4,
    ) {
        let taps = [
            tap(Placement::Every, 0.2, f64::from(hop) / 10.0),
            tap(Placement::Evenly, 0.3, 0.3),
        ];
        let rows = load(&tracks, &taps, n_threads, batch_size);
        for (tap, rows) in taps.iter().zip(rows) {
            let expected: Vec<(usize, Vec<f32>)> = tracks
                .iter()
                .enumerate()
                .flat_map(|(i, track)| track.rows(i, tap).into_iter().map(move |row| (i, row)))
                .collect();
            let numbers = |rows: &[(usize, Vec<f32>)]| rows.iter().map(|row| row.0).collect::<Vec<_>>();
            prop_assert_eq!(numbers(&rows), numbers(&expected));
            prop_assert!(rows == expected);
        }
    }
}
