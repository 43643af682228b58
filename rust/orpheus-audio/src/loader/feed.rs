//! The bounded way from the workers to the consumer, in the order of the list or as ready.

use std::collections::BTreeMap;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use super::batch::Ended;
use crate::error::Error;
use crate::outcome::Outcome;

/// Rows that may wait per track (in order) or per worker (as ready).
const QUEUE_ROWS: usize = 8;
/// Tracks per worker that may be started before the first of them was taken.
const TRACKS_AHEAD: usize = 4;

/// One row: a window, or what a front end made of it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) tap: usize,
    pub(crate) values: Vec<f32>,
    pub(crate) start_seconds: f64,
    pub(crate) n_valid: usize,
}

#[derive(Debug)]
pub(crate) enum Event {
    Row(Row),
    Ended(Box<Ended>),
}

impl Event {
    /// The end of a track whose worker is gone.
    pub(crate) fn lost(track: usize) -> Self {
        let error = Error::Panic("the worker thread died".to_owned());
        Self::Ended(Box::new(Ended { track, info: None, outcome: Outcome::failed(&error) }))
    }
}

pub(crate) enum Received {
    Event(usize, Event),
    Pending,
    End,
}

/// The right to start one more track; goes back when the track was taken.
pub(crate) struct Permit(());

/// The consumer's end.
pub(crate) struct Feed {
    events: Receiver<(usize, Event)>,
    started: Receiver<(usize, Receiver<Event>)>,
    permits: Sender<()>,
    ordered: bool,
    waiting: BTreeMap<usize, Receiver<Event>>,
    head: usize,
}

/// The workers' end.
#[derive(Clone)]
pub(crate) struct Outlets {
    events: Sender<(usize, Event)>,
    started: Sender<(usize, Receiver<Event>)>,
    permits: Receiver<()>,
    ordered: bool,
}

/// Where one track's rows go.
pub(crate) struct Outlet {
    track: usize,
    own: Option<Sender<Event>>,
    shared: Sender<(usize, Event)>,
}

pub(crate) fn connect(ordered: bool, n_threads: usize) -> (Feed, Outlets) {
    let (event_sender, events) = bounded(n_threads * QUEUE_ROWS);
    let (started_sender, started) = unbounded();
    let n_ahead = n_threads * TRACKS_AHEAD;
    let (permits, permit_receiver) = bounded(n_ahead);
    for _ in 0..n_ahead {
        // There is room for exactly this many, and the receiver is alive: it cannot fail.
        let _ = permits.try_send(());
    }
    let feed = Feed { events, started, permits, ordered, waiting: BTreeMap::new(), head: 0 };
    let outlets = Outlets {
        events: event_sender,
        started: started_sender,
        permits: permit_receiver,
        ordered,
    };
    (feed, outlets)
}

impl Outlets {
    /// Waits for the right to start a track; `None` when nobody listens any more.
    pub(crate) fn wait(&self) -> Option<Permit> {
        self.permits.recv().ok().map(Permit)
    }

    pub(crate) fn start(&self, track: usize, _permit: Permit) -> Option<Outlet> {
        let own = if self.ordered {
            let (sender, receiver) = bounded(QUEUE_ROWS);
            self.started.send((track, receiver)).ok()?;
            Some(sender)
        } else {
            None
        };
        Some(Outlet { track, own, shared: self.events.clone() })
    }
}

impl Outlet {
    /// Waits until there is room; `false` when nobody listens any more.
    pub(crate) fn send(&self, event: Event) -> bool {
        match &self.own {
            Some(own) => own.send(event).is_ok(),
            None => self.shared.send((self.track, event)).is_ok(),
        }
    }
}

impl Feed {
    /// The next event, or [`Received::Pending`] if none comes before the deadline.
    pub(crate) fn receive(&mut self, deadline: Instant) -> Received {
        let received =
            if self.ordered { self.receive_in_order(deadline) } else { self.receive_any(deadline) };
        if let Received::Event(_, Event::Ended(_)) = &received {
            // It fails when no worker is left to wait for it.
            let _ = self.permits.try_send(());
        }
        received
    }

    fn receive_any(&self, deadline: Instant) -> Received {
        match self.events.recv_deadline(deadline) {
            Ok((track, event)) => Received::Event(track, event),
            Err(RecvTimeoutError::Timeout) => Received::Pending,
            Err(RecvTimeoutError::Disconnected) => Received::End,
        }
    }

    fn receive_in_order(&mut self, deadline: Instant) -> Received {
        loop {
            if let Some(head) = self.waiting.get(&self.head) {
                let track = self.head;
                match head.recv_deadline(deadline) {
                    Ok(event) => {
                        if matches!(event, Event::Ended(_)) {
                            self.waiting.remove(&track);
                            self.head += 1;
                        }
                        return Received::Event(track, event);
                    }
                    Err(RecvTimeoutError::Timeout) => return Received::Pending,
                    // Its worker died; those of the tracks behind it may live.
                    Err(RecvTimeoutError::Disconnected) => {
                        self.waiting.remove(&track);
                        self.head += 1;
                        return Received::Event(track, Event::lost(track));
                    }
                }
            }
            match self.started.recv_deadline(deadline) {
                Ok((track, receiver)) => {
                    self.waiting.insert(track, receiver);
                }
                Err(RecvTimeoutError::Timeout) => return Received::Pending,
                Err(RecvTimeoutError::Disconnected) => return Received::End,
            }
        }
    }
}
