//! Tracks whose length only decoding tells, for taps that need it and others at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use orpheus_audio::loader::{FrontEnd, FrontEndWorker, LoaderOptions, Next, Tap};
use orpheus_audio::{
    DecodeOptions, Limits, Loader, Outcome, Placement, Quality, SharedBytes, Source, Status,
    Window, WindowPolicy, decode,
};

const RATE: u32 = 44_100;
const BLOCK: u32 = 4096;

fn crc(bytes: &[u8], polynomial: u16, width: u32) -> u16 {
    let top = 1 << (width - 1);
    bytes.iter().fold(0_u16, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << (width - 8), |crc, _| {
            let shifted = if crc & top == 0 { crc << 1 } else { (crc << 1) ^ polynomial };
            if width == 8 { shifted & 0xff } else { shifted }
        })
    })
}

/// A mono frame of noise, a quarter of full scale (RFC 9639 §9).
fn frame(number: u32) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xf8, 0xc9, 0x08];
    let coded = char::from_u32(number).expect("a number that UTF-8 can write");
    bytes.extend(coded.to_string().bytes());
    bytes.push(crc(&bytes, 0x07, 8) as u8);
    // Verbatim.
    bytes.push(0x02);
    let mut state = number ^ 0x9e37_79b9;
    bytes.extend((0..BLOCK).flat_map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (((state >> 16) as i16) / 4).to_be_bytes()
    }));
    bytes.extend(crc(&bytes, 0x8005, 16).to_be_bytes());
    bytes
}

/// FLAC of 23 s that says it has `promised` frames (0: nothing), with so much behind its last frame
/// that this is not found from the end.
fn unmeasured(promised: u32) -> Source {
    let mut bytes = b"fLaC\x80\0\0\x22".to_vec();
    let block = (BLOCK as u16).to_be_bytes();
    bytes.extend([block, block].concat());
    bytes.extend([0; 6]);
    // Rate, one channel, 16 bits, samples.
    let format = u64::from(RATE) << 44 | 15 << 36 | u64::from(promised * BLOCK);
    bytes.extend(format.to_be_bytes());
    bytes.extend([0; 16]);
    bytes.extend((0..250).flat_map(frame));
    bytes.resize(bytes.len() + (17 << 20), 0);
    Source::Bytes(SharedBytes::new(bytes))
}

/// What the header promises, of 250 frames: the truth, nothing, too much, too little.
const PROMISES: [u32; 4] = [250, 0, 400, 100];

fn tap(placement: Placement, max_windows: Option<usize>) -> Tap {
    let (window_seconds, hop_seconds, pad_threshold) = (1.5, 1.0, 0.5);
    let policy =
        WindowPolicy { placement, window_seconds, hop_seconds, pad_threshold, max_windows };
    Tap { sample_rate: RATE, policy, front_end: None }
}

fn start(source: Source, taps: Vec<Tap>) -> Loader {
    let (quality, limits) = (Quality::High, Limits::default());
    let options = LoaderOptions { n_threads: 1, batch_size: 1, ordered: true, quality, limits };
    Loader::start(vec![source], taps, options).expect("sound options")
}

/// Tap, start in samples, valid samples and values.
type Loaded = (usize, usize, usize, Vec<f32>);

/// Every window, and how the track ended.
fn load(source: &Source, taps: &[Tap]) -> (Vec<Loaded>, Outcome) {
    let mut loader = start(source.clone(), taps.to_vec());
    let (mut windows, mut outcome) = (Vec::new(), None);
    loop {
        match loader.next(Duration::from_secs(60)).expect("not forked") {
            Next::Batch(batch) => {
                for row in 0..batch.n_rows() {
                    let rate = f64::from(taps[batch.tap].sample_rate);
                    let start = (batch.start_seconds[row] * rate).round() as usize;
                    let n_valid = batch.valid_samples[row] as usize;
                    windows.push((batch.tap, start, n_valid, batch.values.clone()));
                }
                outcome = batch.ended.into_iter().next().map(|ended| ended.outcome).or(outcome);
            }
            Next::End => return (windows, outcome.expect("every track has an outcome")),
            Next::Pending | Next::Hungry => panic!("the list is complete, and a minute is long"),
        }
    }
}

#[test]
fn windows_by_the_length_are_right_beside_others_whatever_the_header_promises() {
    let every = tap(Placement::Every, None);
    let center = tap(Placement::Center, None);
    let evenly = tap(Placement::Evenly, Some(3));
    for promised in PROMISES {
        let source = unmeasured(promised);
        let (whole, _, whole_outcome) = decode(&source, &DecodeOptions::default()).unwrap();
        let whole = whole.samples();
        for taps in [
            vec![every.clone(), center.clone()],
            vec![center.clone(), evenly.clone()],
            vec![evenly.clone(), tap(Placement::Whole, None), every.clone()],
        ] {
            let (windows, outcome) = load(&source, &taps);
            assert_ne!(outcome.status, Status::Failed);
            assert_eq!(outcome, whole_outcome);
            for (index, tap) in taps.iter().enumerate() {
                let starts = tap.policy.at(RATE).unwrap().starts(whole.len() as u64);
                let mine = windows.iter().filter(|window| window.0 == index);
                let found: Vec<u64> = mine.clone().map(|window| window.1 as u64).collect();
                assert_eq!(found, starts, "{:?} of {promised}", tap.policy.placement);
                for (_, start, n_valid, values) in mine {
                    assert!(values[..*n_valid] == whole[*start..][..*n_valid]);
                    assert!(values[*n_valid..].iter().all(|&value| value == 0.0));
                }
            }
        }
    }
}

#[test]
fn more_windows_than_are_kept_are_right_too() {
    const FAST: u32 = 384_000;
    for promised in [250, 100] {
        let source = unmeasured(promised);
        let options = DecodeOptions { sample_rate: Some(FAST), ..DecodeOptions::default() };
        let (whole, ..) = decode(&source, &options).unwrap();
        let whole = whole.samples();
        // 32 MB of them.
        let many = Tap { sample_rate: FAST, ..tap(Placement::Evenly, Some(1000)) };
        let (windows, _) = load(&source, &[many, tap(Placement::Every, None)]);
        let (many, every): (Vec<_>, Vec<_>) = windows.iter().partition(|window| window.0 == 0);
        assert_eq!((many.len(), every.len()), (15, 23));
        for (_, start, n_valid, values) in many {
            let pairs = values.iter().zip(&whole[*start..start + n_valid]);
            let error = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(error < 1e-5, "{error} at {start}");
        }
    }
}

/// Counts the windows that come by.
struct Counting(Arc<AtomicUsize>);

impl FrontEnd for Counting {
    fn row_shape(&self) -> Vec<usize> {
        vec![1]
    }

    fn worker(&self) -> Box<dyn FrontEndWorker> {
        Box::new(Self(self.0.clone()))
    }
}

impl FrontEndWorker for Counting {
    fn compute(&mut self, _: Window<'_>, _: &mut [f32]) -> Result<(), String> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn windows_that_need_no_length_do_not_wait_for_the_end_of_the_track() {
    for promised in PROMISES {
        let n_windows = Arc::new(AtomicUsize::new(0));
        let mut every = tap(Placement::Every, None);
        (every.policy.window_seconds, every.policy.hop_seconds) = (0.1, 0.1);
        every.front_end = Some(Arc::new(Counting(n_windows.clone())));
        let mut loader = start(unmeasured(promised), vec![every, tap(Placement::Center, None)]);
        let first = loader.next(Duration::from_secs(60)).unwrap();
        assert!(matches!(first, Next::Batch(batch) if batch.tap == 0));
        // There are 232.
        let n_windows = n_windows.load(Ordering::Relaxed);
        assert!(n_windows < 50, "{n_windows} were cut before the first was handed over");
    }
}
