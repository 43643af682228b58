//! The workers of this process: started by one thread that lives as long as the process, lent to
//! one track at a time, ended when nobody has needed them for a while.
//!
//! Linux ends a worker when the *thread* that started it ends, which is how workers die with a
//! program that is killed. Threads that decode come and go, so a keeper starts them.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::Fallback;
use super::worker::{PATIENCE, Worker};
use crate::error::{Error, Result};

/// Files after which a worker is replaced: leaks of the libraries in it then stay small.
const MAX_FILES: u32 = 200;
/// Workers that may wait for work.
const MAX_IDLE: usize = 32;
/// How often the keeper looks for workers that have waited too long.
const ROUND: Duration = Duration::from_millis(500);

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

struct Pool {
    /// The pool of the process that this one was forked from is not ours.
    process: u32,
    /// With what the idle workers were started.
    fallback: Arc<Fallback>,
    idle: Vec<Worker>,
    keeper: Sender<Order>,
}

enum Order {
    Start(Arc<Fallback>, SyncSender<Result<Worker>>),
    /// Somebody is idle now, and may be for so long.
    Watch(Duration),
}

/// A worker that waited for work, or a new one; with `fresh`, a new one. Starting one takes a while,
/// in which it is asked now and then whether to `go_on`.
pub(super) fn take(
    fallback: &Arc<Fallback>,
    fresh: bool,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Worker> {
    let keeper = {
        let Some(mut pool) = lock() else { return Worker::spawn(fallback)?.greeted(go_on) };
        let pool = current(&mut pool, fallback)?;
        while let Some(mut worker) = pool.idle.pop() {
            if !fresh && worker.is_alive() {
                return Ok(worker);
            }
        }
        pool.keeper.clone()
    };
    let (answer, answered) = sync_channel(1);
    keeper.send(Order::Start(fallback.clone(), answer)).map_err(|_| no_keeper())?;
    loop {
        match answered.recv_timeout(PATIENCE) {
            Ok(worker) => return worker?.greeted(go_on),
            Err(RecvTimeoutError::Timeout) => go_on()?,
            Err(RecvTimeoutError::Disconnected) => return Err(no_keeper()),
        }
    }
}

/// Takes back a worker that waits for its next file.
pub(super) fn give_back(mut worker: Worker, fallback: &Arc<Fallback>) {
    worker.idle_since = Instant::now();
    let Some(mut guard) = lock() else { return };
    let Some(pool) = guard.as_mut().filter(|pool| pool.process == std::process::id()) else {
        return;
    };
    let wanted = worker.n_files < MAX_FILES && pool.idle.len() < MAX_IDLE;
    if wanted && Arc::ptr_eq(&pool.fallback, fallback) {
        pool.idle.push(worker);
        // Without a keeper, it waits until the process ends, which ends it.
        let _ = pool.keeper.send(Order::Watch(fallback.idle));
    } else {
        drop(guard);
        drop(worker);
    }
}

/// Waits briefly: in a forked child, the lock may have been held by a thread that is not there.
fn lock() -> Option<MutexGuard<'static, Option<Pool>>> {
    for _ in 0..100 {
        match POOL.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(error)) => return Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
        }
    }
    None
}

/// The pool of this process, without workers of another fallback.
fn current<'a>(slot: &'a mut Option<Pool>, fallback: &Arc<Fallback>) -> Result<&'a mut Pool> {
    let process = std::process::id();
    if slot.as_ref().is_some_and(|pool| pool.process != process)
        && let Some(inherited) = slot.take()
    {
        // Its keeper does not exist here, and the state of the channel to it is unknown.
        std::mem::forget(inherited.keeper);
    }
    let pool = match slot {
        Some(pool) => pool,
        None => slot.insert(Pool {
            process,
            fallback: fallback.clone(),
            idle: Vec::new(),
            keeper: start_keeper()?,
        }),
    };
    if !Arc::ptr_eq(&pool.fallback, fallback) {
        pool.idle.clear();
        pool.fallback = fallback.clone();
    }
    Ok(pool)
}

fn start_keeper() -> Result<Sender<Order>> {
    let (orders, received) = channel();
    thread::Builder::new().name("orpheus-fallback".to_owned()).spawn(move || keep(&received))?;
    Ok(orders)
}

fn keep(orders: &Receiver<Order>) {
    let mut patience = None;
    let mut next_round = Instant::now();
    loop {
        let order = match patience {
            Some(_) => orders.recv_timeout(next_round.saturating_duration_since(Instant::now())),
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match order {
            Ok(Order::Start(fallback, answer)) => {
                // Nobody to take it: dropping it ends it.
                let _ = answer.send(Worker::spawn(&fallback));
            }
            Ok(Order::Watch(idle)) => patience = Some(idle),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // Orders of those who work must not keep those alive who do not.
        if next_round <= Instant::now() {
            patience = patience.filter(|&idle| dismiss(idle));
            next_round = Instant::now() + ROUND;
        }
    }
}

/// Ends the workers that have waited for longer than `patience`; `false` if nobody waits any more.
pub(super) fn dismiss(patience: Duration) -> bool {
    let Some(mut guard) = lock() else { return true };
    let Some(pool) = guard.as_mut() else { return false };
    let late: Vec<_> =
        pool.idle.extract_if(.., |worker| worker.idle_since.elapsed() > patience).collect();
    let some_left = !pool.idle.is_empty();
    drop(guard);
    drop(late);
    some_left
}

fn no_keeper() -> Error {
    Error::Worker("the thread that starts workers is gone".to_owned())
}
