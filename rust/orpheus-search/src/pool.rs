#![expect(unsafe_code, reason = "work that borrows is handed to threads that live on")]
//! Threads that wait for work without using the processor.
//!
//! A search asks for help, works itself, and is done when everything is: it never waits for a
//! thread that has not begun, however busy the machine is. No thread is started before it is
//! asked for, none spins, and after a fork the child starts its own.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Threads beyond which no machine gains.
const MAX_THREADS: usize = 256;

/// The pool of this process; null until it is wanted.
static POOL: AtomicPtr<Pool> = AtomicPtr::new(std::ptr::null_mut());

/// Threads and the jobs that they may take.
struct Pool {
    /// The process that the threads belong to: a fork does not take them along.
    process: u32,
    queue: Mutex<Queue>,
    has_jobs: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Arc<Job>>,
    n_threads: usize,
}

/// Work that any number of threads may do at once until it is closed.
struct Job {
    gate: Mutex<Gate>,
    is_empty: Condvar,
    /// Valid while the gate is open or somebody is inside.
    work: *const (dyn Fn() + Sync),
}

#[derive(Default)]
struct Gate {
    is_closed: bool,
    n_inside: usize,
    panic: Option<Box<dyn Any + Send>>,
}

// SAFETY: `work` points to something that is `Sync`, and is called only under the rule of `Gate`.
unsafe impl Send for Job {}
// SAFETY: likewise.
unsafe impl Sync for Job {}

/// Calls `mine` on this thread, and `work` on up to `n_helpers` others at once, if they come in time.
/// All have returned when this returns. A panic of one of them is that of the caller.
pub(crate) fn beside(n_helpers: usize, work: &(dyn Fn() + Sync), mine: impl FnOnce()) {
    let n_helpers = n_helpers.min(MAX_THREADS);
    if n_helpers == 0 {
        return mine();
    }
    // SAFETY: only the lifetime changes. The job is closed, and everybody has left it, before this
    // function ends, whether by returning or by a panic: `Closing` sees to it.
    let erased: *const (dyn Fn() + Sync) =
        unsafe { std::mem::transmute::<&(dyn Fn() + Sync), &'static (dyn Fn() + Sync)>(work) };
    let job = Arc::new(Job { gate: Mutex::default(), is_empty: Condvar::new(), work: erased });
    let pool = Pool::of_this_process();
    pool.offer(&job, n_helpers);
    let closing = Closing(&job, pool);
    mine();
    drop(closing);
    if let Some(panic) = lock(&job.gate).panic.take() {
        resume_unwind(panic);
    }
}

/// Calls `work` on this thread and, if they come in time, on up to `n_threads - 1` others at once.
pub(crate) fn run(n_threads: usize, work: &(dyn Fn() + Sync)) {
    beside(n_threads.saturating_sub(1), work, work);
}

/// Closes a job when it is dropped, and waits for those inside.
struct Closing<'a>(&'a Arc<Job>, &'static Pool);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.1.withdraw(self.0);
        let mut gate = lock(&self.0.gate);
        gate.is_closed = true;
        while gate.n_inside > 0 {
            gate = self.0.is_empty.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Job {
    /// Does the work, unless it is closed already.
    fn enter(&self) {
        {
            let mut gate = lock(&self.gate);
            if gate.is_closed {
                return;
            }
            gate.n_inside += 1;
        }
        // SAFETY: this thread is inside an open job, so that `run` has not returned.
        let work = unsafe { &*self.work };
        let outcome = catch_unwind(AssertUnwindSafe(work));
        let mut gate = lock(&self.gate);
        gate.n_inside -= 1;
        if let Err(panic) = outcome {
            gate.panic = Some(panic);
        }
        if gate.n_inside == 0 {
            self.is_empty.notify_all();
        }
    }
}

impl Pool {
    fn of_this_process() -> &'static Self {
        let process = std::process::id();
        let found = POOL.load(Ordering::Acquire);
        // SAFETY: what the pointer leads to was leaked.
        if let Some(pool) = unsafe { found.as_ref() }
            && pool.process == process
        {
            return pool;
        }
        let made: *mut Self = Box::leak(Box::new(Self {
            process,
            queue: Mutex::default(),
            has_jobs: Condvar::new(),
        }));
        // Where two threads come here at once, one of the two pools stays without work.
        let chosen = POOL.compare_exchange(found, made, Ordering::AcqRel, Ordering::Acquire);
        // SAFETY: as above.
        unsafe { &*if chosen.is_ok() { made } else { POOL.load(Ordering::Acquire) } }
    }

    /// Puts `job` before up to `n` threads.
    fn offer(&'static self, job: &Arc<Job>, n: usize) {
        let mut queue = lock(&self.queue);
        while queue.n_threads < n {
            let work = || self.serve();
            let builder = thread::Builder::new().name("orpheus-search".to_owned());
            if builder.spawn(work).is_err() {
                break; // a system without a thread to spare leaves the work to those there are
            }
            queue.n_threads += 1;
        }
        for _ in 0..n.min(queue.n_threads) {
            queue.jobs.push_back(Arc::clone(job));
        }
        drop(queue);
        for _ in 0..n {
            self.has_jobs.notify_one();
        }
    }

    /// Takes `job` back from those that have not begun it.
    fn withdraw(&self, job: &Arc<Job>) {
        lock(&self.queue).jobs.retain(|other| !Arc::ptr_eq(other, job));
    }

    fn serve(&self) {
        loop {
            let job = {
                let mut queue = lock(&self.queue);
                while queue.jobs.is_empty() {
                    queue = self.has_jobs.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                queue.jobs.pop_front()
            };
            if let Some(job) = job {
                job.enter();
            }
        }
    }
}

/// A panic of another thread leaves nothing half done in what is locked here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::AtomicUsize;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn everything_is_done_once_whoever_comes() {
        for n_threads in [1, 2, 5] {
            let taken = AtomicUsize::new(0);
            let done = Mutex::new(Vec::new());
            run(n_threads, &|| {
                loop {
                    let item = taken.fetch_add(1, Ordering::Relaxed);
                    if item >= 1000 {
                        return;
                    }
                    done.lock().unwrap().push(item);
                }
            });
            let mut done = done.into_inner().unwrap();
            done.sort_unstable();
            assert!(done.into_iter().eq(0..1000));
        }
    }

    #[test]
    fn others_help_where_there_is_time() {
        let threads = Mutex::new(HashSet::new());
        run(3, &|| {
            threads.lock().unwrap().insert(thread::current().id());
            let begun = Instant::now();
            while threads.lock().unwrap().len() < 3 && begun.elapsed() < Duration::from_secs(20) {
                thread::sleep(Duration::from_millis(1));
            }
        });
        assert_eq!(threads.into_inner().unwrap().len(), 3);
    }

    #[test]
    fn a_panic_of_any_thread_reaches_the_caller_and_the_pool_lives_on() {
        let caller = thread::current().id();
        let outcome = catch_unwind(|| {
            let has_come = AtomicUsize::new(0);
            run(2, &|| {
                if thread::current().id() != caller {
                    has_come.store(1, Ordering::SeqCst);
                    panic!("a helper");
                }
                let begun = Instant::now();
                while has_come.load(Ordering::SeqCst) == 0 && begun.elapsed().as_secs() < 20 {
                    thread::sleep(Duration::from_millis(1));
                }
            });
        });
        assert!(outcome.is_err());
        let n = AtomicUsize::new(0);
        run(2, &|| {
            n.fetch_add(1, Ordering::SeqCst);
        });
        assert!(n.into_inner() >= 1);
    }

    #[test]
    fn many_callers_share_the_threads() {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let n = AtomicUsize::new(0);
                        run(4, &|| {
                            n.fetch_add(1, Ordering::SeqCst);
                        });
                        assert!((1..=4).contains(&n.into_inner()));
                    }
                });
            }
        });
    }
}
