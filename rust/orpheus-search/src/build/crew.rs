//! Dividing the building among threads, and telling how far it is.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Threads beyond which no machine gains.
const MAX_THREADS: usize = 256;
/// How often progress is told.
const INTERVAL: Duration = Duration::from_millis(50);

/// A part of the building.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Looking for values that are not finite.
    Check,
    /// Finding centroids.
    Train,
    /// Finding the list of each vector.
    Assign,
    /// Connecting each vector with its neighbours.
    Link,
    /// Writing the file; told once, at its beginning.
    Write,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Check => "check",
            Self::Train => "train",
            Self::Assign => "assign",
            Self::Link => "link",
            Self::Write => "write",
        })
    }
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The step.
    pub step: Step,
    /// How much of it is done.
    pub done: usize,
    /// How much there is: vectors, or vectors times iterations.
    pub total: usize,
}

/// Is told the progress now and then, on the caller's thread; `false` ends the building with
/// [`Error::Stopped`].
pub type Report<'a> = &'a dyn Fn(Progress) -> bool;

/// The threads that build, and whom they report to.
pub(crate) struct Crew<'a> {
    n_threads: usize,
    report: Option<Report<'a>>,
    told: Cell<Option<Instant>>,
}

/// The share of a step that one piece of work is.
#[derive(Clone, Copy)]
pub(super) struct Share {
    pub(super) step: Step,
    /// Done before this work.
    pub(super) before: usize,
    pub(super) total: usize,
    /// Whether what is worked on adds to what is done.
    pub(super) counts: bool,
}

impl Share {
    /// A step that is all one piece.
    pub(super) fn whole(step: Step, total: usize) -> Self {
        Self { step, before: 0, total, counts: true }
    }
}

impl<'a> Crew<'a> {
    /// At most `n_threads`, the caller's included.
    pub(crate) fn new(n_threads: usize, report: Option<Report<'a>>) -> Result<Self> {
        if n_threads == 0 {
            return Err(Error::Parameter {
                name: "n_threads",
                found: "0".to_owned(),
                expected: "at least 1".to_owned(),
            });
        }
        Ok(Self { n_threads: n_threads.min(MAX_THREADS), report, told: Cell::new(None) })
    }

    /// Tells how far a step is, if it is time to or the step is done.
    pub(super) fn tell(&self, step: Step, done: usize, total: usize) -> Result<()> {
        let Some(report) = self.report else { return Ok(()) };
        let now = Instant::now();
        if done < total && self.told.get().is_some_and(|told| now - told < INTERVAL) {
            return Ok(());
        }
        self.told.set(Some(now));
        if report(Progress { step, done, total }) { Ok(()) } else { Err(Error::Stopped) }
    }

    /// Tells that `n` vectors are about to be written: the last moment to end the building.
    pub(super) fn tell_writing(&self, n: usize) -> Result<()> {
        self.told.set(None);
        self.tell(Step::Write, 0, n)
    }

    /// Lets the threads work on what is too small a part of the building to be told.
    pub(super) fn silently<T: Send, S>(
        &self,
        items: impl Iterator<Item = T> + Send,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, T) + Sync,
    ) -> Result<()> {
        let silent = Crew { n_threads: self.n_threads, report: None, told: Cell::new(None) };
        let share = Share::whole(Step::Train, usize::MAX);
        silent.work(share, items.map(|item| (0, item)), state, work)
    }

    /// Lets the threads take `items` one by one, each thread with a state of its own. An item comes
    /// with how much of the step it is. Which thread takes which is left to chance.
    pub(super) fn work<T: Send, S>(
        &self,
        share: Share,
        items: impl Iterator<Item = (usize, T)> + Send,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, T) + Sync,
    ) -> Result<()> {
        let items = Mutex::new(items.fuse());
        let (done, stopped) = (AtomicUsize::new(share.before), AtomicBool::new(false));
        let take = || {
            let is_stopped = stopped.load(Ordering::Relaxed);
            let mut items = items.lock().unwrap_or_else(PoisonError::into_inner);
            if is_stopped { None } else { items.next() }
        };
        let help = || {
            let mut state = state();
            while let Some((size, item)) = take() {
                work(&mut state, item);
                done.fetch_add(if share.counts { size } else { 0 }, Ordering::Relaxed);
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.n_threads {
                // A system without a thread to spare leaves the work to those that there are.
                if thread::Builder::new().spawn_scoped(scope, help).is_err() {
                    break;
                }
            }
            let mut state = state();
            while let Some((size, item)) = take() {
                work(&mut state, item);
                let size = if share.counts { size } else { 0 };
                let done = done.fetch_add(size, Ordering::Relaxed) + size;
                // The end is told once all threads are there.
                let told =
                    self.tell(share.step, done.min(share.total.saturating_sub(1)), share.total);
                if told.is_err() {
                    stopped.store(true, Ordering::Relaxed);
                    return told;
                }
            }
            Ok(())
        })?;
        match done.into_inner() {
            done if done == share.total => self.tell(share.step, done, share.total),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn items(n: usize) -> impl Iterator<Item = (usize, usize)> + Send {
        (0..n).map(|item| (1, item))
    }

    #[test]
    fn every_item_is_worked_on_once_by_any_number_of_threads() {
        for n_threads in [1, 2, 5] {
            let counts: Vec<_> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
            let crew = Crew::new(n_threads, None).unwrap();
            let work = |(): &mut (), item: usize| {
                counts[item].fetch_add(1, Ordering::Relaxed);
            };
            crew.work(Share::whole(Step::Check, 1000), items(1000), || (), work).unwrap();
            assert!(counts.into_iter().all(|count| count.into_inner() == 1));
        }
    }

    #[test]
    fn the_last_word_is_that_all_is_done() {
        let told = RefCell::new(Vec::new());
        let report = |progress| {
            told.borrow_mut().push(progress);
            true
        };
        let crew = Crew::new(2, Some(&report)).unwrap();
        let share = Share::whole(Step::Link, 10);
        crew.work(share, items(10), || (), |(), _| ()).unwrap();
        let last = Progress { step: Step::Link, done: 10, total: 10 };
        assert_eq!(told.borrow().last(), Some(&last));
    }

    #[test]
    fn a_report_that_says_no_ends_the_work() {
        let crew = Crew::new(2, Some(&|_| false)).unwrap();
        let share = Share::whole(Step::Link, usize::MAX);
        let endless = std::iter::repeat((0, ()));
        assert!(matches!(crew.work(share, endless, || (), |(), ()| ()), Err(Error::Stopped)));
    }

    #[test]
    fn a_crew_of_nobody_is_refused() {
        assert!(matches!(Crew::new(0, None), Err(Error::Parameter { name: "n_threads", .. })));
    }
}
