//! Ogg (RFC 3533) with Vorbis, Opus (RFC 7845) or FLAC; chained and multiplexed streams.

mod headers;
pub(super) mod mapping;
mod page;
mod walk;

use std::collections::VecDeque;

use self::headers::Link;
use self::page::{Damaged, Page, Pages};
use self::walk::Index;
use super::bytes::Bytes;
use super::durations::Durations;
use super::{Demuxer, MOST_PACKET_BYTES, Packet, Stream};
use crate::decode::Losses;
use crate::error::Result;
use crate::source::Input;

/// Reads one logical stream, and those chained to it.
pub(in crate::decode) struct Ogg {
    bytes: Bytes,
    stream: Stream,
    cursor: Cursor,
    /// The cursor at the first packet of audio.
    start: Cursor,
    was_walked: bool,
    index: Option<Index>,
}

/// Where reading is; what going to another place replaces.
#[derive(Debug, Clone)]
struct Cursor {
    pages: Pages,
    serial: u32,
    durations: Durations,
    /// Granule position of time 0.
    offset: i64,
    /// Where the first page of audio begins, and the first granule position behind it.
    first_page: u64,
    first_granule: Option<u64>,
    next_sequence: Option<u32>,
    /// A packet whose end is on a later page.
    partial: Option<Vec<u8>>,
    queue: VecDeque<Queued>,
    hole: bool,
    seen_last: bool,
    ended: bool,
}

#[derive(Debug, Clone)]
struct Queued {
    data: Vec<u8>,
    at: Option<u64>,
    n_samples: u64,
    end: Option<u64>,
    after_hole: bool,
}

impl Ogg {
    /// Reads the headers of the first stream of audio, and where its time begins.
    pub(in crate::decode) fn open(
        input: Input,
        start: u64,
        end: u64,
        losses: &mut Losses,
    ) -> Result<Self> {
        let mut bytes = Bytes::new(input, start, end);
        let mut pages = Pages::new(0);
        let Link { mut stream, cursor } = headers::read_link(&mut bytes, &mut pages, None, losses)?;
        stream.n_samples = walk::last_granule(&mut bytes, cursor.serial)?
            .and_then(|granule| cursor.sounding(granule, stream.delay));
        Ok(Self { bytes, stream, start: cursor.clone(), cursor, was_walked: false, index: None })
    }

    /// Goes on with the stream that begins at `page`.
    fn chain(&mut self, page: Page, packet: &mut Packet, losses: &mut Losses) -> Result<bool> {
        if !self.cursor.seen_last {
            losses.add(0, "a chained stream ends without its last page");
        }
        let mut pages = self.cursor.pages.clone();
        match headers::read_link(&mut self.bytes, &mut pages, Some(page), losses) {
            Ok(Link { stream, cursor }) => {
                self.cursor = cursor;
                packet.stream = Some(Box::new(stream));
                Ok(true)
            }
            Err(error @ crate::Error::Io(_)) => Err(error),
            Err(error) => {
                losses.add(0, format!("a chained stream cannot be read: {error}"));
                self.cursor.ended = true;
                Ok(false)
            }
        }
    }

    fn load(&mut self, packet: &mut Packet, losses: &mut Losses) -> Result<bool> {
        while self.cursor.queue.is_empty() {
            if self.cursor.ended {
                return Ok(false);
            }
            match self.cursor.read_page(&mut self.bytes, losses)? {
                Step::Read => {}
                Step::End => self.cursor.ended = true,
                Step::Link(page) => {
                    if !self.chain(*page, packet, losses)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}

enum Step {
    Read,
    End,
    Link(Box<Page>),
}

impl Cursor {
    /// How many samples sound up to `granule`.
    fn sounding(&self, granule: u64, delay: u64) -> Option<u64> {
        self.time(granule)?.checked_sub(delay)
    }

    fn time(&self, granule: u64) -> Option<u64> {
        i64::try_from(granule).ok()?.checked_sub(self.offset)?.try_into().ok()
    }

    fn read_page(&mut self, bytes: &mut Bytes, losses: &mut Losses) -> Result<Step> {
        let (page, skipped) = self.pages.next(bytes, Damaged::PassOver)?;
        let Some(page) = page else {
            self.note_end(skipped, losses);
            return Ok(Step::End);
        };
        if page.after_hole && !self.seen_last {
            self.hole = true;
            losses.add(0, "a page is damaged");
        }
        if page.is_first() {
            return Ok(Step::Link(Box::new(page)));
        }
        if page.serial != self.serial || self.seen_last {
            return Ok(Step::Read);
        }
        if self.is_in_order(&page, losses) {
            self.take(&page, bytes)?;
        }
        Ok(Step::Read)
    }

    fn note_end(&mut self, skipped: bool, losses: &mut Losses) {
        if !self.seen_last {
            losses.add(
                0,
                if skipped {
                    "the file ends in the middle of a page"
                } else {
                    "the last page is missing"
                },
            );
        }
    }

    /// Whether a page is wanted; a page that is missing before it makes a hole.
    fn is_in_order(&mut self, page: &Page, losses: &mut Losses) -> bool {
        if let Some(expected) = self.next_sequence
            && expected != page.sequence
        {
            let behind = expected.wrapping_sub(page.sequence);
            if behind < 1 << 16 {
                // It was read already, or its place was passed over as missing.
                if behind > 1 {
                    losses.add(0, "pages are out of order");
                }
                return false;
            }
            if !self.hole {
                losses.add(0, "a page is missing");
            }
            self.hole = true;
        }
        self.next_sequence = Some(page.sequence.wrapping_add(1));
        true
    }

    /// Queues the packets that end on `page`.
    fn take(&mut self, page: &Page, bytes: &mut Bytes) -> Result<()> {
        let body = bytes.get(page.body_at(), page.n_body())?;
        let first = self.queue.len();
        if self.hole {
            self.partial = None;
            self.durations.after_hole();
        }
        // Without its beginning the end of a packet is of no use.
        let mut usable = self.partial.is_some() || !page.is_continued();
        if !page.is_continued() {
            self.partial = None;
        }
        let mut at = 0;
        let mut from = 0;
        for &n in &page.lacing {
            at += usize::from(n);
            if n < 255 {
                if usable {
                    self.queue_packet(&body[from..at]);
                }
                usable = true;
                from = at;
            }
        }
        if from < at && usable {
            let partial = self.partial.get_or_insert_default();
            if (partial.len() + at - from) as u64 <= MOST_PACKET_BYTES {
                partial.extend_from_slice(&body[from..at]);
            }
        }
        self.set_times(page, first);
        Ok(())
    }

    fn queue_packet(&mut self, piece: &[u8]) {
        let mut data = self.partial.take().unwrap_or_default();
        data.extend_from_slice(piece);
        if data.is_empty() {
            return;
        }
        let n_samples = self.durations.of(&data, data.len() as u64);
        let after_hole = std::mem::take(&mut self.hole);
        self.queue.push_back(Queued { data, at: None, n_samples, end: None, after_hole });
    }

    /// The granule position is the time at the end of the last packet that ends on the page. Only the
    /// last page may say less, to cut the end off.
    fn set_times(&mut self, page: &Page, first: usize) {
        if page.is_last() {
            self.seen_last = true;
        }
        if !page.ends_packet() {
            return;
        }
        let Some(granule) = page.granule else { return };
        self.first_granule.get_or_insert(granule);
        let Some(end) = self.time(granule) else { return };
        if page.is_last() {
            for queued in self.queue.iter_mut().skip(first) {
                queued.end = Some(end);
            }
            return;
        }
        let n_samples = self.queue.iter().skip(first).map(|queued| queued.n_samples).sum();
        if let Some(queued) = self.queue.get_mut(first) {
            queued.at = end.checked_sub(n_samples);
        }
    }
}

impl Demuxer for Ogg {
    fn stream(&self) -> &Stream {
        &self.stream
    }

    fn next_packet(&mut self, packet: &mut Packet, losses: &mut Losses) -> Result<bool> {
        packet.clear();
        if !self.load(packet, losses)? {
            return Ok(false);
        }
        let Some(queued) = self.cursor.queue.pop_front() else { return Ok(false) };
        packet.data = queued.data;
        packet.at = queued.at;
        packet.n_samples = queued.n_samples;
        packet.end = queued.end;
        packet.after_hole = queued.after_hole;
        Ok(true)
    }

    fn measure(&mut self) -> Result<Option<u64>> {
        if !std::mem::replace(&mut self.was_walked, true) {
            self.index = walk::walk(&mut self.bytes, &self.start)?;
        }
        let Some(index) = &self.index else { return Ok(None) };
        let end = index.end;
        // What the last page says is believed as far as its packets reach.
        let saved = self.cursor.clone();
        let reach = self.reach(end)?;
        self.cursor = saved;
        Ok(reach.map(|reach| reach.min(end)))
    }

    fn seek(&mut self, time: u64) -> Result<Option<u64>> {
        if self.measure()?.is_none() {
            return Ok(None);
        }
        let saved = self.cursor.clone();
        let at = self.go_to(time)?;
        if at.is_none() {
            self.cursor = saved;
        }
        Ok(at)
    }
}
