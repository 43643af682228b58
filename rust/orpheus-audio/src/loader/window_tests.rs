//! Windows that are decoded alone are those of the whole track.

use proptest::prelude::*;

use super::*;
use crate::decode::mpeg::layer3::testing::{Piece, info_frame, random_pieces};
use crate::outcome::Status;
use crate::source::SharedBytes;
use crate::window::Placement;
use crate::{DecodeOptions, decode};

fn source(bytes: &[u8]) -> Source {
    Source::Bytes(SharedBytes::new(bytes.to_vec()))
}

/// 25 s of MP3 at 44.1 kHz, with LAME's tag: two bit rates, and frames that lean on those before.
fn mp3() -> Vec<u8> {
    let pieces = [(9, 500), (5, 457)].map(|(bitrate, n_frames)| Piece { bitrate, n_frames });
    let frames = random_pieces(0, 2, &pieces);
    let tag = info_frame(&frames[0], frames.len() as u32, 576, 1000);
    [tag, frames.concat()].concat()
}

/// 25 s of stereo WAV at 44.1 kHz.
fn wav() -> Vec<u8> {
    let n_bytes = 25 * 44_100 * 4_u32;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + n_bytes).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0data");
    bytes.extend(n_bytes.to_le_bytes());
    let mut state = 1_u32;
    bytes.extend((0..n_bytes).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 25) as u8
    }));
    bytes
}

fn tracks() -> &'static [Vec<u8>; 2] {
    static TRACKS: std::sync::LazyLock<[Vec<u8>; 2]> = std::sync::LazyLock::new(|| [mp3(), wav()]);
    &TRACKS
}

/// (tap, start, valid samples, values) of every window, and how the track ended.
type Loaded = (Vec<(usize, f64, usize, Vec<f32>)>, Ended);

fn load(source: Source, taps: Vec<Tap>) -> Loaded {
    let options = LoaderOptions {
        n_threads: 1,
        batch_size: 1,
        ordered: true,
        quality: Quality::High,
        limits: Limits::default(),
    };
    let mut loader = Loader::start(vec![source], taps, options).unwrap();
    let (mut windows, mut ended) = (Vec::new(), Vec::new());
    loop {
        match loader.next(Duration::from_secs(60)).unwrap() {
            Next::Batch(batch) => {
                for row in 0..batch.n_rows() {
                    let n_valid = batch.valid_samples[row] as usize;
                    let start = batch.start_seconds[row];
                    windows.push((batch.tap, start, n_valid, batch.values.clone()));
                }
                ended.extend(batch.ended);
            }
            Next::End => return (windows, ended.pop().unwrap()),
            Next::Pending | Next::Hungry => panic!("the list is complete, and a minute is long"),
        }
    }
}

fn whole(source: &Source, sample_rate: u32) -> Vec<f32> {
    let options =
        DecodeOptions { sample_rate: Some(sample_rate), mono: true, ..DecodeOptions::default() };
    decode(source, &options).unwrap().0.samples().to_vec()
}

fn tap(placement: Placement, sample_rate: u32, max_windows: Option<usize>) -> Tap {
    let policy = WindowPolicy {
        placement,
        window_seconds: 1.5,
        hop_seconds: 4.0,
        pad_threshold: 0.5,
        max_windows,
    };
    Tap { sample_rate, policy, front_end: None }
}

/// The resampler's blocks lie elsewhere, so they round otherwise: the largest error of millions, beside
/// bursts far above the level that it is measured against.
const RESAMPLED_DB: f64 = -100.0;

/// Largest difference against the level of what it should be.
fn error_db(got: &[f32], wanted: &[f32]) -> f64 {
    assert_eq!(got.len(), wanted.len());
    let pairs = got.iter().zip(wanted);
    let error = pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
    let squares: f64 = wanted.iter().map(|&value| f64::from(value).powi(2)).sum();
    let level = (squares / wanted.len() as f64).sqrt();
    20.0 * (error / level.max(1e-3)).max(1e-12).log10()
}

fn assert_windows_are_slices(source: &Source, taps: &[Tap]) {
    let (windows, ended) = load(source.clone(), taps.to_vec());
    assert_eq!(ended.outcome.status, Status::Ok, "{:?}", ended.outcome);
    for (index, tap) in taps.iter().enumerate() {
        let whole = whole(source, tap.sample_rate);
        assert!(whole.iter().any(|sample| sample.abs() > 0.1), "silence proves nothing");
        let plan = tap.policy.at(tap.sample_rate).unwrap();
        let starts = plan.starts(whole.len() as u64);
        let mine: Vec<_> = windows.iter().filter(|window| window.0 == index).collect();
        let got: Vec<u64> =
            mine.iter().map(|w| (w.1 * f64::from(tap.sample_rate)).round() as u64).collect();
        assert_eq!(got, starts, "{:?}", tap.policy);
        for ((_, _, n_valid, values), start) in mine.into_iter().zip(starts) {
            let start = start as usize;
            let end = (start + plan.length().unwrap()).min(whole.len());
            assert_eq!(*n_valid, end - start);
            let db = error_db(&values[..*n_valid], &whole[start..end]);
            let most = if tap.sample_rate == 44_100 { -200.0 } else { RESAMPLED_DB };
            assert!(db <= most, "{db} dB at {start} of {} Hz", tap.sample_rate);
            assert!(values[*n_valid..].iter().all(|&value| value == 0.0));
        }
    }
}

#[test]
fn a_windowed_track_knows_its_length_and_decodes_little_of_it() {
    let (windows, ended) = load(source(&mp3()), vec![tap(Placement::Center, 44_100, None)]);
    assert_eq!(windows.len(), 1);
    let n_samples = 957 * 1152 - 576 - 1000;
    assert_eq!(ended.info.unwrap().n_samples, Some(n_samples));
    assert!((1.5..2.0).contains(&ended.outcome.seconds_sound), "{:?}", ended.outcome);
}

#[test]
fn what_a_track_lacks_is_known_though_no_window_lies_there() {
    let bytes = mp3();
    let cut = source(&bytes[..bytes.len() - 20_000]);
    let (windows, ended) = load(cut, vec![tap(Placement::Every, 24_000, Some(1))]);
    assert_eq!(windows.len(), 1);
    assert_eq!(ended.outcome.status, Status::Partial);
    assert!((2.0..6.0).contains(&ended.outcome.seconds_lost), "{:?}", ended.outcome);
    assert_eq!(ended.info.unwrap().n_samples, Some(957 * 1152 - 576 - 1000));
}

#[test]
fn a_frame_that_is_broken_inside_a_window_makes_it_partial_and_one_outside_does_not() {
    let pieces = [Piece { bitrate: 9, n_frames: 900 }];
    for (frame, status) in [(450, Status::Partial), (100, Status::Ok)] {
        let mut frames = random_pieces(0, 2, &pieces);
        // 511 pairs of big values are more than there are lines.
        frames[frame][8] = 0xff;
        frames[frame][9] |= 0x80;
        let taps = vec![tap(Placement::Center, 24_000, None)];
        let (_, ended) = load(source(&frames.concat()), taps);
        assert_eq!(ended.outcome.status, status, "{:?}", ended.outcome);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn windows_by_seeking_are_those_of_a_full_decode(
        track in 0_usize..2,
        kinds in proptest::collection::vec((
            prop_oneof![
                (Just(Placement::Center), Just(None)),
                (Just(Placement::Evenly), (1_usize..4).prop_map(Some)),
                (Just(Placement::Every), prop_oneof![Just(None), (1_usize..4).prop_map(Some)]),
            ],
            prop_oneof![Just(44_100_u32), Just(48_000), Just(24_000), Just(22_050), Just(16_000)],
        ), 1..4),
    ) {
        let taps: Vec<Tap> = kinds
            .into_iter()
            .map(|((placement, max_windows), rate)| tap(placement, rate, max_windows))
            .collect();
        assert_windows_are_slices(&source(&tracks()[track]), &taps);
    }

    #[test]
    fn a_stretch_is_that_of_the_whole(
        track in 0_usize..2,
        mono: bool,
        to in prop_oneof![Just(None), Just(Some(48_000)), Just(Some(22_050))],
        start_seconds in 0.0_f64..24.0,
        duration_seconds in prop_oneof![Just(None), (0.01_f64..3.0).prop_map(Some)],
    ) {
        let source = source(&tracks()[track]);
        let options = DecodeOptions { sample_rate: to, mono, ..DecodeOptions::default() };
        let (all, ..) = decode(&source, &options).unwrap();
        let options = DecodeOptions { start_seconds, duration_seconds, ..options };
        let (part, info, outcome) = decode(&source, &options).unwrap();
        prop_assert_eq!(outcome.status, Status::Ok);
        let rate = f64::from(all.sample_rate());
        let start = (start_seconds * rate).round() as usize;
        let n_wanted = duration_seconds.map_or(usize::MAX, |s| (s * rate).round() as usize);
        let n = n_wanted.min(all.n_samples() - start);
        prop_assert_eq!(part.n_samples(), n);
        prop_assert_eq!(info.n_samples, Some(if track == 0 { 957 * 1152 - 1576 } else { 25 * 44_100 }));
        for channel in 0..all.n_channels() {
            let wanted = &all.samples()[channel * all.n_samples() + start..][..n];
            let db = error_db(&part.samples()[channel * n..][..n], wanted);
            prop_assert!(db <= if to.is_none() { -200.0 } else { RESAMPLED_DB }, "{} dB", db);
        }
    }
}

#[test]
fn a_stretch_that_cannot_be_is_refused_by_name() {
    let source = source(&mp3());
    let ask = |start_seconds, duration_seconds| {
        let options =
            DecodeOptions { start_seconds, duration_seconds, ..DecodeOptions::default() };
        decode(&source, &options).unwrap_err()
    };
    for (start, duration) in [(-1.0, None), (f64::NAN, None), (0.0, Some(0.0)), (0.0, Some(f64::NAN))]
    {
        assert_eq!(ask(start, duration).kind(), "parameter");
    }
    let late = ask(30.0, Some(1.0));
    assert_eq!(late.kind(), "empty");
    assert_eq!(late.to_string(), "holds no audio from 30 s on: it is 24.963 s long");
}
