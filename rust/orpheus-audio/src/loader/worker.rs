//! A worker thread: one track after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::Receiver;

use super::board::Board;
use super::feed::{Event, Outlet, Outlets};
use super::pipeline::{Job, Pipeline};
use super::rows::Places;
use super::stats::Stats;
use super::{CheckedTap, Ended, LoaderOptions};
use crate::decode::TrackInfo;
use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::source::Source;
use crate::wall;

/// What the workers share.
pub(super) struct Shared {
    /// By index in the list; of those that could not be had, why.
    pub(super) sources: Receiver<(usize, Result<Source>)>,
    pub(super) taps: Vec<CheckedTap>,
    pub(super) options: LoaderOptions,
    /// Where rows belong, if that can be told.
    pub(super) board: Option<Arc<Board>>,
    pub(super) cancelled: Arc<AtomicBool>,
    pub(super) stats: Stats,
}

/// A worker's life: one track after the other until there are none, or nobody listens.
pub(super) fn work(shared: &Shared, outlets: &Outlets) {
    let mut pipeline = None;
    while let Some(permit) = outlets.wait() {
        let Ok((track, source)) = shared.sources.recv() else { return };
        let Some(outlet) = outlets.start(track, permit) else { return };
        let ended = load_track(shared, source, track, &mut pipeline, &outlet);
        if shared.cancelled.load(Ordering::Relaxed) || !outlet.send(Event::Ended(Box::new(ended))) {
            return;
        }
    }
}

/// Loads a track behind the wall; `pipeline` is made with the first.
fn load_track(
    shared: &Shared,
    source: Result<Source>,
    track: usize,
    pipeline: &mut Option<Pipeline>,
    outlet: &Outlet,
) -> Ended {
    let mut info = None;
    let result = wall::contain(|| {
        let pipeline =
            pipeline.get_or_insert_with(|| Pipeline::new(&shared.taps, shared.options.quality));
        run(shared, &source?, pipeline, (track, outlet), &mut info)
    });
    if matches!(result, Err(Error::Panic(_))) {
        // What a panic left half done must not reach the next track, and may break when dropped.
        let _ = wall::contain(|| {
            *pipeline = None;
            Ok(())
        });
    }
    let outcome = result.unwrap_or_else(|error| Outcome::failed(&error));
    Ended { track, info, outcome }
}

fn run(
    shared: &Shared,
    source: &Source,
    pipeline: &mut Pipeline,
    (track, outlet): (usize, &Outlet),
    info: &mut Option<TrackInfo>,
) -> Result<Outcome> {
    let mut send = |row| {
        let sent = Instant::now();
        let listening = outlet.send(Event::Row(row));
        shared.stats.blocked(sent.elapsed());
        if listening { Ok(()) } else { Err(Error::Cancelled) }
    };
    let mut job = Job {
        limits: &shared.options.limits,
        stats: &shared.stats,
        cancelled: &shared.cancelled,
        send: &mut send,
        places: &Places::new(shared.board.as_deref(), track, shared.taps.len()),
        info,
    };
    pipeline.run(source, &mut job)
}
