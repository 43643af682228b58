//! Many tracks, few threads: bounded, ordered if asked for, and stopped at once.

mod common;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use orpheus_audio::loader::{Batch, Buffers, FrontEnd, FrontEndWorker, LoaderOptions, Next, Tap};
use orpheus_audio::{
    Error, Limits, Loader, Placement, Quality, Source, Status, Window, WindowPolicy,
};

const RATE: u32 = 8000;

fn tone(seconds: u32) -> Source {
    let n_bytes = seconds * RATE * 2;
    common::wav(RATE, n_bytes, (0..n_bytes).map(|i| (i % 251) as u8))
}

fn tap(front_end: Option<Arc<dyn FrontEnd>>) -> Tap {
    let policy = WindowPolicy {
        placement: Placement::Every,
        window_seconds: 1.0,
        hop_seconds: 1.0,
        pad_threshold: 0.5,
        max_windows: None,
    };
    Tap { sample_rate: RATE, policy, front_end }
}

fn options(n_threads: usize, batch_size: usize, ordered: bool) -> LoaderOptions {
    let (quality, limits) = (Quality::High, Limits::default());
    LoaderOptions { n_threads, batch_size, ordered, quality, limits }
}

fn next(loader: &mut Loader) -> Option<Batch> {
    match loader.next(Duration::from_secs(10)).expect("the loader is not forked") {
        Next::Batch(batch) => Some(batch),
        Next::Pending | Next::Hungry => panic!("nothing for ten seconds"),
        Next::End => None,
    }
}

/// Fails, by error or by panic, on every window but a track's first.
struct Fragile {
    panics: bool,
}

impl FrontEnd for Fragile {
    fn row_shape(&self) -> Vec<usize> {
        vec![1]
    }

    fn worker(&self) -> Box<dyn FrontEndWorker> {
        Box::new(Self { panics: self.panics })
    }
}

impl FrontEndWorker for Fragile {
    fn compute(&mut self, window: Window<'_>, row: &mut [f32]) -> Result<(), String> {
        assert!(!self.panics || window.start == 0, "the second window breaks it");
        if window.start > 0 {
            return Err("the second window is refused".to_owned());
        }
        row[0] = window.n_valid as f32;
        Ok(())
    }
}

#[test]
fn every_track_ends_once_and_no_window_is_lost() {
    for ordered in [true, false] {
        let sources = (0..40).map(|i| tone(1 + i % 4)).collect();
        let mut loader = Loader::start(sources, vec![tap(None)], options(3, 7, ordered)).unwrap();
        let (mut n_rows, mut ended) = (0, Vec::new());
        while let Some(batch) = next(&mut loader) {
            assert_eq!(batch.values.len(), batch.n_rows() * 8000);
            n_rows += batch.n_rows();
            ended.extend(batch.ended);
        }
        assert_eq!(n_rows, 100);
        assert!(ended.iter().all(|end| end.outcome.status == Status::Ok));
        let mut tracks: Vec<usize> = ended.iter().map(|end| end.track).collect();
        assert!(!ordered || tracks.is_sorted());
        tracks.sort_unstable();
        assert_eq!(tracks, (0..40).collect::<Vec<_>>());
    }
}

#[test]
fn a_front_end_that_fails_or_panics_costs_one_track() {
    for panics in [false, true] {
        let sources = vec![tone(1), tone(3), tone(1)];
        let front_end: Arc<dyn FrontEnd> = Arc::new(Fragile { panics });
        let taps = vec![tap(Some(front_end))];
        let mut loader = Loader::start(sources, taps, options(1, 4, true)).unwrap();
        let mut kinds = Vec::new();
        while let Some(batch) = next(&mut loader) {
            kinds.extend(batch.ended.into_iter().map(|end| (end.track, end.outcome.kind)));
        }
        let expected = if panics { "panic" } else { "damaged" };
        assert_eq!(kinds, [(0, ""), (1, expected), (2, "")]);
    }
}

/// Breaks more than one track: a panic whose value panics when it is dropped, behind the wall.
struct Deadly;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the worker does not survive this");
    }
}

impl FrontEnd for Deadly {
    fn row_shape(&self) -> Vec<usize> {
        vec![1]
    }

    fn worker(&self) -> Box<dyn FrontEndWorker> {
        Box::new(Self)
    }
}

impl FrontEndWorker for Deadly {
    fn compute(&mut self, window: Window<'_>, _: &mut [f32]) -> Result<(), String> {
        if window.start > 0 {
            std::panic::panic_any(Bomb);
        }
        Ok(())
    }
}

fn kinds_of(loader: &mut Loader) -> Vec<(usize, &'static str)> {
    let mut kinds = Vec::new();
    while let Some(batch) = next(loader) {
        kinds.extend(batch.ended.into_iter().map(|end| (end.track, end.outcome.kind)));
    }
    kinds
}

#[test]
fn tracks_of_a_worker_that_dies_end_as_failed_and_the_others_go_on() {
    for (n_threads, ordered) in [(1, true), (1, false), (2, true), (2, false)] {
        let sources = [1, 3, 1, 1, 1, 1].map(tone).to_vec();
        let taps = vec![tap(Some(Arc::new(Deadly)))];
        let options = options(n_threads, 4, ordered);
        let mut kinds = kinds_of(&mut Loader::start(sources, taps, options).unwrap());
        assert!(!ordered || kinds.is_sorted());
        kinds.sort_unstable();
        let rest = if n_threads == 1 { "panic" } else { "" };
        let expected = ["", "panic", rest, rest, rest, rest];
        assert_eq!(kinds, expected.into_iter().enumerate().collect::<Vec<_>>());
    }
}

#[test]
fn sources_that_follow_when_no_worker_is_left_end_as_failed() {
    for ordered in [true, false] {
        let taps = vec![tap(Some(Arc::new(Deadly)))];
        let mut loader = Loader::open(taps, options(1, 4, ordered)).unwrap();
        let (mut n_pushed, mut kinds) = (0, Vec::new());
        loop {
            match loader.next(Duration::from_secs(10)).unwrap() {
                Next::Hungry if n_pushed < 50 => {
                    loader.push(tone(2));
                    n_pushed += 1;
                }
                Next::Hungry => loader.seal(),
                Next::Batch(batch) => kinds.extend(batch.ended.iter().map(|e| e.outcome.kind)),
                Next::Pending => panic!("nothing for ten seconds"),
                Next::End => break,
            }
        }
        assert_eq!(kinds, ["panic"; 50]);
    }
}

/// No thread gets as far as a worker of this.
struct Stillborn;

impl FrontEnd for Stillborn {
    fn row_shape(&self) -> Vec<usize> {
        vec![1]
    }

    fn worker(&self) -> Box<dyn FrontEndWorker> {
        panic!("no worker")
    }
}

#[test]
fn a_front_end_without_workers_fails_every_track() {
    let taps = vec![tap(Some(Arc::new(Stillborn)))];
    let sources = vec![tone(1); 3];
    let mut loader = Loader::start(sources, taps, options(2, 4, true)).unwrap();
    assert_eq!(kinds_of(&mut loader), [(0, "panic"), (1, "panic"), (2, "panic")]);
}

/// Memory of a caller: buffers of four rows.
#[derive(Clone)]
struct Shared(Arc<Mutex<Vec<Vec<f32>>>>);

impl Buffers for Shared {
    fn write(&mut self, _: usize, buffer: usize, row: usize, values: &[f32]) {
        let at = row * values.len();
        self.0.lock().expect("no test panicked")[buffer][at..at + values.len()]
            .copy_from_slice(values);
    }

    fn count(&self, _: usize) -> usize {
        self.0.lock().expect("no test panicked").len()
    }
}

#[test]
fn a_buffer_is_written_again_only_when_its_batch_has_been_given_up() {
    let sources = vec![tone(9), tone(30), tone(2)];
    let mut loader = Loader::start(sources.clone(), vec![tap(None)], options(1, 4, true)).unwrap();
    let mut wanted = Vec::new();
    while let Some(batch) = next(&mut loader) {
        wanted.push(batch.values);
    }
    for n_buffers in 1..=3 {
        let memory = Shared(Arc::new(Mutex::new(vec![vec![0.0; 4 * 8000]; n_buffers])));
        let mut loader =
            Loader::start(sources.clone(), vec![tap(None)], options(2, 4, true)).unwrap();
        loader.write_into(Box::new(memory.clone())).unwrap();
        let mut taken = Vec::new();
        while let Some(batch) = next(&mut loader) {
            taken.push(batch.buffer.unwrap());
            // The one just taken, and as many before it as there are other buffers.
            for number in taken.len().saturating_sub(n_buffers)..taken.len() {
                let wanted = &wanted[number];
                let found = &memory.0.lock().unwrap()[taken[number]][..wanted.len()];
                assert!(found == &wanted[..], "batch {number} when {} were taken", taken.len());
            }
        }
        assert_eq!(taken.len(), wanted.len());
    }
}

#[test]
fn a_loader_that_is_dropped_stops_at_once() {
    let sources = vec![tone(600); 50];
    let mut loader = Loader::start(sources, vec![tap(None)], options(2, 1, true)).unwrap();
    assert!(next(&mut loader).is_some());
    let started = Instant::now();
    drop(loader);
    assert!(started.elapsed() < Duration::from_millis(500));
}

#[test]
fn a_source_that_could_not_be_had_ends_as_failed_in_its_place() {
    let mut loader = Loader::open(vec![tap(None)], options(1, 4, true)).unwrap();
    loader.push(tone(1));
    loader.push_failed(Error::from(std::io::Error::other("the disk is gone")));
    loader.push(tone(1));
    loader.seal();
    assert_eq!(kinds_of(&mut loader), [(0, ""), (1, "io"), (2, "")]);
}

#[test]
fn an_empty_list_ends_at_once() {
    let mut loader = Loader::start(Vec::new(), vec![tap(None)], options(2, 1, true)).unwrap();
    assert!(next(&mut loader).is_none());
}

/// Ten hours of silent MP3: 500,000 frames at 8 kHz.
fn ten_hours() -> Source {
    let mut frame = vec![0xff, 0xe3, 0x18, 0xc0];
    frame.resize(72, 0);
    Source::Bytes(frame.repeat(500_000).into())
}

#[test]
fn a_loader_is_closed_at_once_in_the_middle_of_ten_hours() {
    let source = ten_hours();
    let mut longest = Duration::ZERO;
    // Measuring comes first, then seeking and decoding windows; without gaps, decoding only.
    let few =
        WindowPolicy { placement: Placement::Evenly, max_windows: Some(300), ..tap(None).policy };
    for (policy, most_ms) in [(few, 400), (tap(None).policy, 100)] {
        for wait_ms in [0, 1, 3, 10, 30, 100, 200, 400].into_iter().filter(|&ms| ms <= most_ms) {
            // The best of three: the others may have waited for a core, not for the loader.
            let times = [0; 3].map(|_| {
                let taps = vec![Tap { sample_rate: 24_000, policy, front_end: None }];
                let sources = vec![source.clone(); 4];
                let loader = Loader::start(sources, taps, options(2, 1, true)).unwrap();
                std::thread::sleep(Duration::from_millis(wait_ms));
                let started = Instant::now();
                drop(loader);
                started.elapsed()
            });
            longest = longest.max(times.into_iter().min().unwrap());
        }
    }
    eprintln!("closing took {longest:?} at most");
    // The promise is a tenth of this, and is what the line above is for: a busy machine must not fail a test.
    // Decoding to the end takes many seconds.
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

#[test]
fn a_track_that_costs_more_cpu_time_than_it_may_ends_alone() {
    let limits = Limits { max_cpu_seconds: 0.0, ..Limits::default() };
    let policy = WindowPolicy { placement: Placement::Center, ..tap(None).policy };
    let taps = vec![Tap { policy, ..tap(None) }];
    let options = LoaderOptions { limits, ..options(1, 1, true) };
    let mut loader = Loader::start(vec![ten_hours(), tone(1)], taps, options).unwrap();
    let mut kinds = Vec::new();
    while let Some(batch) = next(&mut loader) {
        kinds.extend(batch.ended.into_iter().map(|end| (end.track, end.outcome.kind)));
    }
    assert_eq!(kinds, [(0, "limit"), (1, "")]);
}
