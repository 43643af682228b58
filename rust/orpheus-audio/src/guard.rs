//! What ends the work on a track from outside: the caller, or the CPU time that it has used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cpu_time::ThreadTime;

use crate::error::{Error, Result};
use crate::limits::Limits;

/// Asked wherever a track takes a step; its clones stand for the same track.
///
/// It counts the CPU time of the thread that made it: a track stays with its thread.
#[derive(Debug, Clone)]
pub(crate) struct Guard(Arc<Track>);

#[derive(Debug)]
struct Track {
    cancelled: Arc<AtomicBool>,
    max_seconds: f64,
    started: Duration,
    /// CPU time that was spent in the meantime on what is not the track's doing, nanoseconds.
    excused: AtomicU64,
    /// CPU time that another process has spent on the track so far, nanoseconds.
    elsewhere: AtomicU64,
    /// Length of the audio that was decoded so far, nanoseconds.
    yielded: AtomicU64,
    n_asked: AtomicU64,
}

/// CPU seconds that a second of audio may cost on top of the fixed allowance.
const SECONDS_PER_SECOND: f64 = 0.1;
/// The clock costs as much as decoding some samples, so it is read every so many times.
const ASK_CLOCK_EVERY: u64 = 16;

impl Guard {
    /// For a track that this thread begins now.
    pub(crate) fn new(limits: &Limits, cancelled: Arc<AtomicBool>) -> Self {
        Self(Arc::new(Track {
            cancelled,
            max_seconds: limits.max_cpu_seconds,
            started: thread_time(),
            excused: AtomicU64::new(0),
            elsewhere: AtomicU64::new(0),
            yielded: AtomicU64::new(0),
            n_asked: AtomicU64::new(0),
        }))
    }

    /// For a track that nobody can cancel.
    pub(crate) fn uncancelled(limits: &Limits) -> Self {
        Self::new(limits, Arc::default())
    }

    /// Whether the work may go on. Cheap enough for every block and every read.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`], or [`Error::Limit`] once the CPU time is used up.
    pub(crate) fn check(&self) -> Result<()> {
        if self.0.n_asked.fetch_add(1, Ordering::Relaxed) % ASK_CLOCK_EVERY == ASK_CLOCK_EVERY - 1 {
            return self.check_time();
        }
        self.check_cancelled()
    }

    /// Why work has failed with `error`: a reader that was stopped may report it as a broken file.
    pub(crate) fn cause(&self, error: Error) -> Error {
        self.check_time().err().unwrap_or(error)
    }

    /// Notes how much audio came out so far; of a track that is decoded twice, the more of both.
    pub(crate) fn yielded(&self, seconds: f64) {
        self.0.yielded.fetch_max((seconds * 1e9) as u64, Ordering::Relaxed);
    }

    /// Notes how much CPU time another process has spent on the track so far.
    ///
    /// # Errors
    ///
    /// As [`Guard::check`].
    pub(crate) fn spent_elsewhere(&self, time: Duration) -> Result<()> {
        self.0.elsewhere.store(time.as_nanos() as u64, Ordering::Relaxed);
        self.check_time()
    }

    /// CPU seconds that are left to a track that has yielded nothing yet.
    pub(crate) fn seconds_left(&self) -> f64 {
        (self.0.max_seconds - self.spent().as_secs_f64()).max(0.0)
    }

    fn spent(&self) -> Duration {
        let excused = Duration::from_nanos(self.0.excused.load(Ordering::Relaxed));
        let elsewhere = Duration::from_nanos(self.0.elsewhere.load(Ordering::Relaxed));
        thread_time().saturating_sub(self.0.started).saturating_sub(excused) + elsewhere
    }

    /// Does work of the caller's that does not count as the track's.
    pub(crate) fn excuse<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = thread_time();
        let result = work();
        let spent = thread_time().saturating_sub(before);
        self.0.excused.fetch_add(spent.as_nanos() as u64, Ordering::Relaxed);
        result
    }

    fn check_cancelled(&self) -> Result<()> {
        if self.0.cancelled.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Reads the clock, too.
    ///
    /// # Errors
    ///
    /// As [`Guard::check`].
    pub(crate) fn check_time(&self) -> Result<()> {
        self.check_cancelled()?;
        let spent = self.spent();
        let seconds = self.0.yielded.load(Ordering::Relaxed) as f64 * 1e-9;
        if spent.as_secs_f64() <= self.0.max_seconds + SECONDS_PER_SECOND * seconds {
            return Ok(());
        }
        Err(Error::Limit {
            what: "CPU time",
            given: format!("{:.1} s for {seconds:.1} s of audio", spent.as_secs_f64()),
            limit: format!("{} s and a tenth of the audio's length", self.0.max_seconds),
        })
    }
}

fn thread_time() -> Duration {
    ThreadTime::now().as_duration()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work_for(seconds: f64) {
        let until = thread_time() + Duration::from_secs_f64(seconds);
        while thread_time() < until {}
    }

    fn outcome(guard: &Guard) -> Result<()> {
        (0..ASK_CLOCK_EVERY).try_for_each(|_| guard.check())
    }

    #[test]
    fn a_track_that_uses_up_its_cpu_time_is_stopped_unless_its_audio_earns_it() {
        let limits = Limits { max_cpu_seconds: 0.01, ..Limits::default() };
        let guard = Guard::uncancelled(&limits);
        assert!(outcome(&guard).is_ok());
        work_for(0.02);
        assert_eq!(outcome(&guard).unwrap_err().kind(), "limit");
        guard.yielded(1e4);
        assert!(outcome(&guard).is_ok());
    }

    #[test]
    fn the_work_of_another_process_counts_like_our_own() {
        let guard = Guard::uncancelled(&Limits { max_cpu_seconds: 2.0, ..Limits::default() });
        assert!(guard.spent_elsewhere(Duration::from_secs(1)).is_ok());
        assert!((0.9..=1.0).contains(&guard.seconds_left()), "{}", guard.seconds_left());
        assert_eq!(guard.spent_elsewhere(Duration::from_secs(3)).unwrap_err().kind(), "limit");
        guard.yielded(60.0);
        assert!(guard.spent_elsewhere(Duration::from_secs(3)).is_ok());
    }

    #[test]
    fn the_work_of_others_is_excused() {
        let limits = Limits { max_cpu_seconds: 0.02, ..Limits::default() };
        let guard = Guard::uncancelled(&limits);
        guard.excuse(|| work_for(0.04));
        assert!(outcome(&guard).is_ok());
    }

    #[test]
    fn a_cancelled_track_stops_at_the_next_question() {
        let cancelled = Arc::new(AtomicBool::new(false));
        let guard = Guard::new(&Limits::default(), cancelled.clone());
        assert!(guard.check().is_ok());
        cancelled.store(true, Ordering::Relaxed);
        assert!(matches!(guard.check(), Err(Error::Cancelled)));
    }
}
