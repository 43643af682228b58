//! The beginning of a logical stream: its headers, and the granule position of its first sample.

use std::collections::VecDeque;

use super::super::bytes::Bytes;
use super::super::{MOST_PACKET_BYTES, Stream, no_audio};
use super::mapping::Mapping;
use super::page::{Damaged, Page, Pages};
use super::{Cursor, Step};
use crate::decode::Losses;
use crate::error::{Error, Result};

/// A logical stream that is ready to be read.
pub(super) struct Link {
    pub(super) stream: Stream,
    pub(super) cursor: Cursor,
}

/// Reads the headers of the streams that begin at `first` or at the next page, picks the first one of
/// audio, and reads up to the first page that tells the time.
pub(super) fn read_link(
    bytes: &mut Bytes,
    pages: &mut Pages,
    first: Option<Page>,
    losses: &mut Losses,
) -> Result<Link> {
    let (serial, mut mapping, page) = find_audio(bytes, pages, first)?;
    let next_sequence = read_headers(bytes, pages, (serial, page), &mut mapping, losses)?;
    let (mut stream, durations) = mapping.finish().ok_or_else(header_missing)?;
    let mut cursor = Cursor {
        pages: pages.clone(),
        serial,
        durations,
        offset: 0,
        first_page: pages.position,
        first_granule: None,
        next_sequence,
        partial: None,
        queue: VecDeque::new(),
        hole: false,
        seen_last: false,
        ended: false,
    };
    find_offset(bytes, &mut cursor, &mut stream, losses)?;
    Ok(Link { stream, cursor })
}

/// Reads the stream's headers from `page` on; returns the number of the page behind them.
fn read_headers(
    bytes: &mut Bytes,
    pages: &mut Pages,
    (serial, mut page): (u32, Page),
    mapping: &mut Mapping,
    losses: &mut Losses,
) -> Result<Option<u32>> {
    let mut next_sequence = None;
    let mut partial = Vec::new();
    while mapping.wants_more() {
        if page.serial == serial && !page.is_first() {
            if page.is_damaged || page.after_hole {
                losses.add(0, "a header page is damaged");
            }
            next_sequence = Some(page.sequence.wrapping_add(1));
            if !take_headers(bytes, &page, mapping, &mut partial)? {
                // The first page of audio: it is read again as such.
                pages.position = page.at;
                next_sequence = Some(page.sequence);
                break;
            }
            if !mapping.wants_more() {
                break;
            }
        }
        page = pages.next(bytes, Damaged::Accept)?.0.ok_or_else(header_missing)?;
    }
    Ok(next_sequence)
}

fn header_missing() -> Error {
    Error::damaged("the file ends inside its header")
}

/// The first stream of audio among those that begin here, and the first page behind their beginnings.
fn find_audio(
    bytes: &mut Bytes,
    pages: &mut Pages,
    first: Option<Page>,
) -> Result<(u32, Mapping, Page)> {
    let mut next = || pages.next(bytes, Damaged::Accept).map(|(page, _)| page);
    let mut page = match first {
        Some(page) => page,
        None => next()?.ok_or_else(|| Error::damaged("no page is sound"))?,
    };
    let mut first_pages = Vec::new();
    while page.is_first() {
        first_pages.push(page);
        page = next()?.ok_or_else(header_missing)?;
    }
    if first_pages.is_empty() {
        return Err(Error::damaged("the stream starts in its middle"));
    }
    for first in first_pages {
        if let Some(mapping) = Mapping::detect(bytes.get(first.body_at(), first.n_body())?) {
            return Ok((first.serial, mapping, page));
        }
    }
    Err(no_audio())
}

/// Gives the packets of a page to the mapping; `false` at one that is audio.
fn take_headers(
    bytes: &mut Bytes,
    page: &Page,
    mapping: &mut Mapping,
    partial: &mut Vec<u8>,
) -> Result<bool> {
    let body = bytes.get(page.body_at(), page.n_body())?;
    let mut at = 0;
    for &n in &page.lacing {
        let piece = &body[at..at + usize::from(n)];
        at += piece.len();
        if partial.len() as u64 <= MOST_PACKET_BYTES {
            partial.extend_from_slice(piece);
        }
        if n < 255 {
            let taken = mapping.take_header(partial);
            partial.clear();
            if !taken {
                return Ok(false);
            }
            if !mapping.wants_more() {
                break;
            }
        }
    }
    Ok(true)
}

/// Reads up to the first page with a granule position. It says at which sample the stream begins: more
/// than its packets hold, and the stream was cut out of a longer one; less, and the difference does not
/// sound (Vorbis I specification §A.2). If it is the last page as well, the end is what is cut off.
fn find_offset(
    bytes: &mut Bytes,
    cursor: &mut Cursor,
    stream: &mut Stream,
    losses: &mut Losses,
) -> Result<()> {
    // A page without one holds a piece of a single packet.
    const MOST_PAGES: usize = 4096;
    for _ in 0..MOST_PAGES {
        let pages = cursor.pages.clone();
        let Step::Read = cursor.read_page(bytes, losses)? else {
            cursor.pages = pages;
            return Ok(());
        };
        let Some(queued) = cursor.queue.back() else { continue };
        if cursor.seen_last || queued.end.is_some() {
            return Ok(());
        }
        let Some(granule) = cursor.first_granule else { continue };
        let n_samples: u64 = cursor.queue.iter().map(|queued| queued.n_samples).sum();
        let (granule, n_samples) = (granule as i64, n_samples.min(i64::MAX as u64) as i64);
        cursor.offset = granule.saturating_sub(n_samples);
        stream.delay = stream.delay.saturating_add(cursor.offset.min(0).unsigned_abs());
        cursor.queue.iter_mut().for_each(|queued| queued.at = None);
        if let Some(first) = cursor.queue.front_mut() {
            first.at = Some(0);
        }
        return Ok(());
    }
    Ok(())
}
