//! The bounded way from the workers to the consumer, in the order of the list or as ready.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select, unbounded};

use super::batch::Ended;
use super::board::{Block, Placed};
use crate::error::Error;
use crate::outcome::Outcome;

/// Rows that may wait per track (in order) or per worker (as ready): so many, or fewer if they are large,
/// but always one.
const QUEUE_ROWS: usize = 8;
const QUEUE_BYTES: usize = 8 << 20;
/// Memory per worker for further rows of tracks whose turn has not come: without it, whoever works on the
/// second track of the list waits most of the time for the first.
const AHEAD_BYTES: usize = 32 << 20;
/// Tracks per worker that may be started before the first of them was taken.
const TRACKS_AHEAD: usize = 4;
/// The same where rows are whole tracks.
const WHOLE_TRACKS_AHEAD: usize = 2;

/// One row: a window, or what a front end made of it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) tap: usize,
    pub(crate) values: Values,
    pub(crate) start_seconds: f64,
    pub(crate) n_valid: usize,
}

/// Where a row's values are.
#[derive(Debug)]
pub(crate) enum Values {
    /// In memory of their own.
    Own(Vec<f32>),
    /// In a batch already, if it is the one that they come to.
    Placed(Placed),
}

impl Values {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Own(values) => values.len(),
            Self::Placed(placed) => placed.block.row_length(),
        }
    }

    /// Whether they are this row of this batch.
    pub(crate) fn is_at(&self, block: &Arc<Block>, row: usize) -> bool {
        matches!(self, Self::Placed(placed) if placed.row == row && Arc::ptr_eq(&placed.block, block))
    }

    pub(crate) fn into_own(self) -> Vec<f32> {
        match self {
            Self::Own(values) => values,
            Self::Placed(placed) => placed.values(),
        }
    }
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

/// Where a row waits.
#[derive(Clone, Copy)]
enum Place {
    /// In its track's own room, which lets a track go on when its turn has come, whatever others hold.
    Own,
    /// In the room that all tracks share.
    Common,
}

/// So many places, as messages of a channel: who takes one takes a place.
fn places(n: usize) -> (Sender<()>, Receiver<()>) {
    let (back, free) = bounded(n);
    for _ in 0..n {
        // There is room for exactly this many, and the receiver is alive: it cannot fail.
        let _ = back.try_send(());
    }
    (back, free)
}

/// The consumer's end of one track's queue.
struct Queue {
    events: Receiver<(Event, Option<Place>)>,
    own: Sender<()>,
}

/// The consumer's end.
pub(crate) struct Feed {
    events: Receiver<(usize, Event)>,
    started: Receiver<(usize, Queue)>,
    permits: Sender<()>,
    common: Sender<()>,
    ordered: bool,
    waiting: BTreeMap<usize, Queue>,
    head: usize,
}

/// The workers' end.
#[derive(Clone)]
pub(crate) struct Outlets {
    events: Sender<(usize, Event)>,
    started: Sender<(usize, Queue)>,
    permits: Receiver<()>,
    common: Receiver<()>,
    ordered: bool,
    /// Rows that may wait per track.
    queue_rows: usize,
}

/// Where one track's rows go.
pub(crate) struct Outlet {
    track: usize,
    own: Option<OwnQueue>,
    shared: Sender<(usize, Event)>,
}

/// The worker's end of one track's queue. The consumer alone gives places back: when it is gone, nobody
/// waits for one.
struct OwnQueue {
    events: Sender<(Event, Option<Place>)>,
    own: Receiver<()>,
    common: Receiver<()>,
}

/// `row_bytes` is the size of the largest rows, 0 if it differs.
pub(crate) fn connect(ordered: bool, n_threads: usize, row_bytes: usize) -> (Feed, Outlets) {
    let queue_rows = (QUEUE_BYTES.checked_div(row_bytes)).map_or(1, |n| n.clamp(1, QUEUE_ROWS));
    let (event_sender, events) = bounded(n_threads * queue_rows);
    let (started_sender, started) = unbounded();
    let tracks_ahead = if row_bytes == 0 { WHOLE_TRACKS_AHEAD } else { TRACKS_AHEAD };
    let (permits, permit_receiver) = places(n_threads * tracks_ahead);
    let is_alone = n_threads == 1;
    let n_common =
        if is_alone { 0 } else { (n_threads * AHEAD_BYTES).checked_div(row_bytes).unwrap_or(0) };
    let (common, common_receiver) = places(n_common);
    let feed =
        Feed { events, started, permits, common, ordered, waiting: BTreeMap::new(), head: 0 };
    let outlets = Outlets {
        events: event_sender,
        started: started_sender,
        permits: permit_receiver,
        common: common_receiver,
        ordered,
        queue_rows,
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
            let (events, receiver) = unbounded();
            let (own, own_receiver) = places(self.queue_rows);
            self.started.send((track, Queue { events: receiver, own })).ok()?;
            Some(OwnQueue { events, own: own_receiver, common: self.common.clone() })
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
            Some(own) => own.send(event),
            None => self.shared.send((self.track, event)).is_ok(),
        }
    }
}

impl OwnQueue {
    fn send(&self, event: Event) -> bool {
        if matches!(event, Event::Ended(_)) {
            return self.events.send((event, None)).is_ok();
        }
        let place = select! {
            recv(self.own) -> free => free.map(|()| Place::Own),
            recv(self.common) -> free => free.map(|()| Place::Common),
        };
        place.is_ok_and(|place| self.events.send((event, Some(place))).is_ok())
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
                match head.events.recv_deadline(deadline) {
                    Ok((event, place)) => {
                        // It fails when no worker is left to take it.
                        let _ = match place {
                            Some(Place::Own) => head.own.try_send(()),
                            Some(Place::Common) => self.common.try_send(()),
                            None => Ok(()),
                        };
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
