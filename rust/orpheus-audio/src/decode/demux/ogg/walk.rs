//! Page headers from end to end: how long the stream is, and which page holds which time.

use super::super::Packet;
use super::super::bytes::Bytes;
use super::page::{Damaged, Page, Pages};
use super::{Cursor, Ogg};
use crate::decode::Losses;
use crate::error::Result;

/// Of a stream whose pages are all there and in order.
#[derive(Debug)]
pub(super) struct Index {
    pages: Vec<Entry>,
    pub(super) end: u64,
}

#[derive(Debug)]
struct Entry {
    at: u64,
    sequence: u32,
    /// Time at its end.
    end: u64,
    is_last: bool,
}

/// `None` for a stream that is damaged, chained or has no last page: only decoding tells then.
pub(super) fn walk(bytes: &mut Bytes, start: &Cursor) -> Result<Option<Index>> {
    let mut pages = Pages::new(start.first_page);
    let mut index = Index { pages: Vec::new(), end: 0 };
    let mut sequence = None;
    let mut seen_last = false;
    while let Some(page) = pages.glance(bytes)? {
        if page.is_first() || seen_last && page.serial == start.serial {
            return Ok(None);
        }
        if page.serial != start.serial {
            continue;
        }
        if sequence.is_some_and(|expected| expected != page.sequence) {
            return Ok(None);
        }
        sequence = Some(page.sequence.wrapping_add(1));
        seen_last = page.is_last();
        if let Some(end) = end_of(&page, start) {
            if end < index.end {
                return Ok(None);
            }
            index.end = end;
            let Page { at, sequence, .. } = page;
            index.pages.push(Entry { at, sequence, end, is_last: seen_last });
        }
    }
    // Other bytes behind the last page cost nothing.
    Ok(seen_last.then_some(index))
}

fn end_of(page: &Page, cursor: &Cursor) -> Option<u64> {
    page.granule.filter(|_| page.ends_packet()).and_then(|granule| cursor.time(granule))
}

/// The granule position of the last page, if that is whole, of this stream and marked as the last.
pub(super) fn last_granule(bytes: &mut Bytes, serial: u32) -> Result<Option<u64>> {
    const LARGEST_PAGE: u64 = 65_307;
    let mut pages = Pages::new(bytes.len().saturating_sub(2 * LARGEST_PAGE));
    let mut granule = None;
    while let (Some(page), _) = pages.next(bytes, Damaged::PassOver)? {
        if page.serial == serial {
            granule = page.granule.filter(|_| page.is_last());
        } else if page.is_first() {
            granule = None;
        }
    }
    Ok(granule)
}

impl Ogg {
    /// Goes to a page from where on the samples at `time` are decoded as they are from the start.
    pub(super) fn go_to(&mut self, time: u64) -> Result<Option<u64>> {
        let Some(index) = &self.index else { return Ok(None) };
        let n_before = index.pages.partition_point(|entry| entry.end <= time && !entry.is_last);
        let mut losses = Losses::default();
        // The page behind the last one that ends before; if its first whole packet comes too late,
        // one of those before it.
        for at in (1..n_before.saturating_add(1)).rev().take(64) {
            let Some(index) = &self.index else { break };
            let Some(entry) = index.pages.get(at).filter(|entry| !entry.is_last) else { continue };
            let mut cursor = self.start.clone();
            cursor.queue.clear();
            // The beginning of another packet than the one whose end stands there.
            cursor.partial = None;
            cursor.durations.after_hole();
            cursor.pages = Pages::new(entry.at);
            cursor.next_sequence = Some(entry.sequence);
            self.cursor = cursor;
            if !self.load(&mut Packet::default(), &mut losses)? {
                continue;
            }
            let due = self.cursor.queue.front().and_then(|queued| queued.at);
            if due.is_some_and(|due| due <= time) {
                return Ok(due);
            }
        }
        self.cursor = self.start.clone();
        Ok(Some(0))
    }

    /// Up to when the packets reach that end on the last pages.
    pub(super) fn reach(&mut self, end: u64) -> Result<Option<u64>> {
        let Some(mut time) = self.go_to(end)? else { return Ok(None) };
        let (mut packet, mut losses) = (Packet::default(), Losses::default());
        let mut n_left = 1 << 20;
        while n_left > 0 && super::super::Demuxer::next_packet(self, &mut packet, &mut losses)? {
            time = packet.at.unwrap_or(time).saturating_add(packet.n_samples);
            n_left -= 1;
        }
        Ok((losses.is_empty() && n_left > 0).then_some(time))
    }
}
