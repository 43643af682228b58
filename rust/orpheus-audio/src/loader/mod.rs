//! Many tracks → batches of windows, on worker threads.
//!
//! Each worker takes the next track, decodes it once for all taps, and hands over rows: windows,
//! or what a front end makes of them. Everything between is bounded, so memory depends neither on
//! the length of the tracks nor on how slowly batches are taken.

mod assembler;
mod batch;
mod board;
mod feed;
mod pipeline;
mod rows;
mod segments;
mod stats;
mod worker;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use self::batch::{Batch, Buffers, Ended};
pub use self::stats::StageSeconds;

use self::assembler::Assembler;
use self::board::Board;
use self::feed::{Event, Feed};
use self::stats::Stats;
use self::worker::{Shared, work};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::resample::Quality;
use crate::source::Source;
use crate::window::{Window, WindowPlan, WindowPolicy};
use crossbeam_channel::{Sender, unbounded};

/// Turns windows into the rows that a model or an embedding starts from.
pub trait FrontEnd: Send + Sync {
    /// Shape of the row that one window becomes.
    fn row_shape(&self) -> Vec<usize>;
    /// A worker with its own scratch memory; each thread has one.
    fn worker(&self) -> Box<dyn FrontEndWorker>;
}

/// One thread's share of a [`FrontEnd`].
pub trait FrontEndWorker: Send {
    /// Fills `row`, which has the product of [`FrontEnd::row_shape`] values.
    ///
    /// # Errors
    ///
    /// Why the window cannot be worked with; it becomes the track's outcome.
    fn compute(&mut self, window: Window<'_>, row: &mut [f32]) -> std::result::Result<(), String>;
}

/// One consumer of the decoded audio: a rate, a choice of windows, and what is made of them.
#[derive(Clone)]
pub struct Tap {
    /// Hz.
    pub sample_rate: u32,
    /// Which windows.
    pub policy: WindowPolicy,
    /// What becomes of each window; `None` hands over its samples.
    pub front_end: Option<Arc<dyn FrontEnd>>,
}

/// How a [`Loader`] works.
#[derive(Debug, Clone, Copy)]
pub struct LoaderOptions {
    /// Worker threads, at least 1.
    pub n_threads: usize,
    /// Rows of a full batch, at least 1.
    pub batch_size: usize,
    /// Tracks come in the order of the list; otherwise as they are ready.
    pub ordered: bool,
    /// Of the resampler.
    pub quality: Quality,
    /// What each track may ask for.
    pub limits: Limits,
}

/// A tap that was checked.
pub(crate) struct CheckedTap {
    pub(crate) sample_rate: u32,
    pub(crate) plan: WindowPlan,
    pub(crate) front_end: Option<Arc<dyn FrontEnd>>,
}

impl CheckedTap {
    fn row_shape(&self) -> Vec<usize> {
        match &self.front_end {
            Some(front_end) => front_end.row_shape(),
            None => vec![self.plan.length().unwrap_or(0)],
        }
    }

    /// Whether rows differ in length, so that each is a batch of its own.
    fn is_ragged(&self) -> bool {
        self.front_end.is_none() && self.plan.length().is_none()
    }
}

/// What [`Loader::next`] found.
#[derive(Debug)]
pub enum Next {
    /// The next batch.
    Batch(Batch),
    /// Nothing yet; ask again.
    Pending,
    /// No batch is ready, and the workers will soon have nothing to do: [`Loader::push`] a source, or
    /// [`Loader::seal`] the list.
    Hungry,
    /// Every track has ended and every row was handed over.
    End,
}

/// Sources per thread that wait or are in the works, so that no worker runs dry between two calls.
const SOURCES_AHEAD: usize = 8;

/// How long workers are waited for at the end. One that is within a front end, or waits for a disk that
/// does not answer, ends when that is over: it holds nothing but what it shares with the others.
const FAREWELL: Duration = Duration::from_millis(80);

/// How long a full batch waits for the end of its last track while sources are wanted.
const MOMENT: Duration = Duration::from_millis(5);

/// Decodes tracks in the background.
///
/// Dropping it stops the workers, as a rule within a packet's time, and waits no longer than a tenth of a
/// second for them.
pub struct Loader {
    shared: Arc<Shared>,
    /// `None` once the list of sources is complete.
    sources: Option<Sender<(usize, Result<Source>)>>,
    n_pushed: usize,
    /// Tracks that were pushed and have not ended.
    unended: BTreeSet<usize>,
    n_ahead: usize,
    feed: Option<Feed>,
    assembler: Assembler,
    workers: Vec<JoinHandle<()>>,
    process: u32,
}

impl Loader {
    /// Starts the workers on a complete list of sources.
    ///
    /// # Errors
    ///
    /// As [`Loader::open`].
    pub fn start(sources: Vec<Source>, taps: Vec<Tap>, options: LoaderOptions) -> Result<Self> {
        let n_threads = options.n_threads.min(sources.len().max(1));
        let mut loader = Self::open(taps, LoaderOptions { n_threads, ..options })?;
        for source in sources {
            loader.push(source);
        }
        loader.seal();
        Ok(loader)
    }

    /// Starts the workers; the sources follow by [`Loader::push`].
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if a tap or an option cannot be met; [`Error::Io`] if no thread can be
    /// started.
    pub fn open(taps: Vec<Tap>, options: LoaderOptions) -> Result<Self> {
        let taps = taps.into_iter().map(check_tap).collect::<Result<Vec<_>>>()?;
        check_sizes(&taps, &options)?;
        let (feed, outlets) = feed::connect(options.ordered, options.n_threads, largest_row(&taps));
        let (sender, sources) = unbounded();
        let board = options.ordered.then(|| {
            let row_lengths = taps.iter().map(|tap| tap.row_shape().iter().product());
            Arc::new(Board::new(options.batch_size, row_lengths.collect()))
        });
        let mut loader = Self {
            assembler: Assembler::new(&taps, options.batch_size, board.clone()),
            shared: Arc::new(Shared {
                sources,
                taps,
                options,
                board,
                cancelled: Arc::default(),
                stats: Stats::default(),
            }),
            sources: Some(sender),
            n_pushed: 0,
            unended: BTreeSet::new(),
            n_ahead: SOURCES_AHEAD * options.n_threads,
            feed: Some(feed),
            workers: Vec::new(),
            process: std::process::id(),
        };
        for i in 0..options.n_threads {
            let shared = loader.shared.clone();
            let outlets = outlets.clone();
            let worker = std::thread::Builder::new()
                .name(format!("orpheus-load-{i}"))
                .spawn(move || work(&shared, &outlets))?;
            loader.workers.push(worker);
        }
        Ok(loader)
    }

    /// Batches go into memory of the caller from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if a tap hands over rows of different lengths.
    pub fn write_into(&mut self, buffers: Box<dyn Buffers>) -> Result<()> {
        if self.shared.taps.iter().any(CheckedTap::is_ragged) {
            return Err(Error::Parameter {
                name: "out",
                given: "buffers".to_owned(),
                expected: "none: whole tracks differ in length".to_owned(),
            });
        }
        self.assembler.write_into(buffers);
        Ok(())
    }

    /// Shape of the rows of a tap; `[0]` where they differ.
    #[must_use]
    pub fn row_shape(&self, tap: usize) -> Option<Vec<usize>> {
        self.shared.taps.get(tap).map(CheckedTap::row_shape)
    }

    /// Adds a source to the list; nothing happens once it is sealed.
    pub fn push(&mut self, source: Source) {
        self.add(Ok(source));
    }

    /// Adds a track that could not be had: in its place in the list, it ends as failed.
    pub fn push_failed(&mut self, error: Error) {
        self.add(Err(error));
    }

    fn add(&mut self, source: Result<Source>) {
        // It cannot fail: what the workers share, the receiver with it, lives as long as the loader.
        if let Some(sources) = &self.sources
            && sources.send((self.n_pushed, source)).is_ok()
        {
            self.unended.insert(self.n_pushed);
            self.n_pushed += 1;
        }
    }

    /// No more sources will follow.
    pub fn seal(&mut self) {
        self.sources = None;
    }

    /// How many sources may be pushed before it is worth it to take batches first.
    #[must_use]
    pub fn appetite(&self) -> usize {
        match &self.sources {
            Some(_) => self.n_ahead.saturating_sub(self.unended.len()),
            None => 0,
        }
    }

    /// The next batch, waiting at most `timeout` for it, and not at all while sources are wanted.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`] in a process that was forked from the loader's: its threads live there.
    pub fn next(&mut self, timeout: Duration) -> Result<Next> {
        if self.process != std::process::id() {
            return Err(Error::Forked);
        }
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(batch) = self.assembler.pop() {
                return Ok(Next::Batch(batch));
            }
            let is_hungry = self.appetite() > self.n_ahead / 2;
            let until = if is_hungry { self.shortly(deadline) } else { deadline };
            let Some(feed) = &mut self.feed else {
                if self.unended.is_empty() {
                    return Ok(if self.sources.is_some() { Next::Hungry } else { Next::End });
                }
                self.finish();
                continue;
            };
            match feed.receive(until) {
                feed::Received::Event(track, event) => {
                    if matches!(event, Event::Ended(_)) {
                        self.unended.remove(&track);
                    }
                    self.assembler.add(track, event);
                }
                feed::Received::Pending => {
                    self.assembler.release_full();
                    let waits = if is_hungry { Next::Hungry } else { Next::Pending };
                    return Ok(self.assembler.pop().map_or(waits, Next::Batch));
                }
                feed::Received::End => {
                    self.feed = None;
                    self.finish();
                }
            }
        }
    }

    /// How long to wait when more sources are wanted: not at all, or for the end of the track whose
    /// row filled a batch.
    fn shortly(&self, deadline: Instant) -> Instant {
        let wait = if self.assembler.has_full() { MOMENT } else { Duration::ZERO };
        deadline.min(Instant::now() + wait)
    }

    /// No worker is left: hands over what there is. A track without an end was with a worker that died
    /// of it, or waited behind such.
    fn finish(&mut self) {
        for track in std::mem::take(&mut self.unended) {
            self.assembler.add(track, Event::lost(track));
        }
        self.assembler.flush();
    }

    /// Seconds that the workers have spent in each stage so far, summed over all threads.
    #[must_use]
    pub fn stage_seconds(&self) -> StageSeconds {
        self.shared.stats.seconds()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // In a forked child the threads do not exist: they cannot be waited for, and what they had
            // locked when it was forked stays locked.
            std::mem::forget((self.sources.take(), self.feed.take()));
            self.workers.drain(..).for_each(std::mem::forget);
            return;
        }
        self.shared.cancelled.store(true, Ordering::Relaxed);
        self.sources = None;
        self.feed = None;
        let deadline = Instant::now() + FAREWELL;
        for worker in self.workers.drain(..) {
            while !worker.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_micros(200));
            }
            if worker.is_finished() {
                // If it died of a track, that track has ended as failed.
                drop(worker.join());
            }
        }
    }
}

/// Most worker threads: more than any machine has cores for, and few enough to be started.
const MOST_THREADS: usize = 1024;
/// Most bytes of a batch: what an address can reach.
const MOST_BYTES: usize = isize::MAX as usize;

fn check_sizes(taps: &[CheckedTap], options: &LoaderOptions) -> Result<()> {
    let refuse = |name, given: usize, expected: String| {
        Err(Error::Parameter { name, given: given.to_string(), expected })
    };
    if !(1..=MOST_THREADS).contains(&options.n_threads) {
        return refuse("n_threads", options.n_threads, format!("1 to {MOST_THREADS}"));
    }
    // Rows whose size is not known beforehand are batches of their own.
    let most_rows = MOST_BYTES / largest_row(taps).max(size_of::<f64>());
    if !(1..=most_rows).contains(&options.batch_size) {
        return refuse("batch_size", options.batch_size, format!("1 to {most_rows}"));
    }
    Ok(())
}

/// Bytes of the largest rows; 0 if they differ.
fn largest_row(taps: &[CheckedTap]) -> usize {
    if taps.iter().any(CheckedTap::is_ragged) {
        return 0;
    }
    let n_values = taps.iter().map(|tap| tap.row_shape().iter().product::<usize>()).max();
    n_values.unwrap_or(0).saturating_mul(size_of::<f32>())
}

fn check_tap(tap: Tap) -> Result<CheckedTap> {
    let rates = Limits::MIN_SAMPLE_RATE..=Limits::MAX_SAMPLE_RATE;
    if !rates.contains(&tap.sample_rate) {
        return Err(Error::Parameter {
            name: "sample_rate",
            given: tap.sample_rate.to_string(),
            expected: format!("{} to {} Hz", rates.start(), rates.end()),
        });
    }
    let plan = tap.policy.at(tap.sample_rate)?;
    Ok(CheckedTap { sample_rate: tap.sample_rate, plan, front_end: tap.front_end })
}

#[cfg(test)]
mod window_tests;
