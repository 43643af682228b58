//! RIFF WAVE, its big-endian and 64-bit relatives (RIFX; RF64 and BW64: EBU Tech 3306, ITU-R BS.2088),
//! and Sony Wave64.

use super::bytes::Order;
use super::chunks::{Chunk, Grammar, Name, Walker};
use super::format_chunk::{Content, Format, MOST_BYTES};
use super::stream::{Extent, Span, Stream};
use super::{Found, check_format};
use crate::error::{Error, Result};
use crate::sniff::{Container, Sniffed};
use crate::source::Input;

const FORMAT: Name = *b"fmt ";
const DATA: Name = *b"data";

/// Lengths from here up stand for "unknown": writers to a pipe round the largest one down to whole
/// blocks, or leave room for the header.
const UNKNOWN_32: u64 = 0xffff_f000;
/// What `sox` and `arecord` write when they cannot come back.
const UNKNOWN_FROM_PIPES: [u64; 2] = [0x7fff_f000, 0x8000_0000];
/// No file is as long: Wave64 and RF64 headers that were never completed.
const UNKNOWN_64: u64 = 1 << 62;

/// One file, while its chunks go by.
struct Wave<'a> {
    walker: Walker<'a>,
    container: &'static str,
    order: Order,
    /// Where the header says that the file ends, if it knows.
    form_end: Option<u64>,
    file_end: u64,
    /// Length of the data in the 64-bit chunk.
    long_data: Option<u64>,
    format: Option<Format>,
    n_fact: Option<u64>,
    spans: Vec<Span>,
    /// The chunk that was seen last.
    last: Name,
    doubts: Vec<String>,
}

/// Reads the headers of the file that starts at `sniffed.start`.
pub(super) fn read(input: &mut Input, sniffed: Sniffed) -> Result<Found> {
    let mut wave = Wave::open(input, sniffed)?;
    // Chunks before this position are behind us.
    let mut passed = wave.walker.at();
    loop {
        let chunk = match wave.walker.next()? {
            Some(chunk) => Some(chunk),
            None => match wave.missing() {
                [] => None,
                names => wave.walker.search(names, passed)?,
            },
        };
        let Some(chunk) = chunk else { break };
        if [FORMAT, DATA].contains(&chunk.name) {
            passed = chunk.start;
        }
        if !wave.take(chunk)? || wave.is_over() {
            break;
        }
    }
    wave.extend_last()?;
    wave.finish()
}

impl<'a> Wave<'a> {
    fn open(input: &'a mut Input, sniffed: Sniffed) -> Result<Self> {
        let mut head = [0; 40];
        let n = input.read_at(sniffed.start, &mut head)?;
        let head = &head[..n];
        let is_wave64 = sniffed.container == Container::Wave64;
        let order = if head.starts_with(b"RIFX") { Order::Big } else { Order::Little };
        let (grammar, n_head, container) = match head.get(..4) {
            _ if is_wave64 => (Grammar::Wave64, 40, "w64"),
            Some(b"RF64" | b"BW64") => (Grammar::Iff(order), 12, "rf64"),
            _ => (Grammar::Iff(order), 12, "wav"),
        };
        let len = if is_wave64 {
            order.u64(head, 16)
        } else {
            order.u32(head, 4).map(|len| u64::from(len) + 8)
        };
        let known = len.filter(|&len| len > n_head && len < UNKNOWN_64);
        let known = known.filter(|&len| is_wave64 || len < UNKNOWN_32);
        let file_end = input.len();
        let start = sniffed.start;
        Ok(Self {
            walker: Walker::new(input, grammar, start, start + n_head),
            container,
            order,
            form_end: known.map(|len| start.saturating_add(len)),
            file_end,
            long_data: None,
            format: None,
            n_fact: None,
            spans: Vec::new(),
            last: *b"    ",
            doubts: Vec::new(),
        })
    }

    /// What the file is of no use without.
    fn missing(&self) -> &'static [Name] {
        match (&self.format, self.spans.as_slice()) {
            (None, []) => &[FORMAT, DATA],
            (None, _) => &[FORMAT],
            (_, []) => &[DATA],
            _ => &[],
        }
    }

    /// Uses a chunk; `false` if nothing can follow it.
    fn take(&mut self, chunk: Chunk) -> Result<bool> {
        self.last = chunk.name;
        match &chunk.name {
            &FORMAT if self.format.is_none() => {
                // Without its first fields it would be none, whatever it says about its length.
                let len = if chunk.len < 14 { 16 } else { chunk.len };
                let bytes = self.walker.contents(Chunk { len, ..chunk }, MOST_BYTES)?;
                self.format = Some(Format::parse(&bytes, self.order)?);
            }
            b"fact" => {
                let bytes = self.walker.contents(chunk, 8)?;
                self.n_fact = match bytes.len() {
                    8 => self.order.u64(&bytes, 0),
                    _ => self.order.u32(&bytes, 0).map(u64::from),
                };
            }
            b"ds64" => {
                let bytes = self.walker.contents(chunk, 28)?;
                self.long_data = self.order.u64(&bytes, 8);
            }
            &DATA => {
                let extent = self.extent(chunk)?;
                let span = Span::new(chunk.start, extent, self.file_end);
                self.spans.push(span);
                return Ok(extent != Extent::ToEnd && !span.is_cut());
            }
            _ => {}
        }
        Ok(true)
    }

    fn extent(&mut self, chunk: Chunk) -> Result<Extent> {
        let long = self.long_data.filter(|&len| len > 0 && len < UNKNOWN_64);
        Ok(match chunk.len {
            // An empty chunk is followed by others or by nothing, one that nobody completed by samples.
            0 if self.walker.fits(chunk.start)? => Extent::Bytes(0),
            0 => Extent::ToEnd,
            0xffff_ffff if self.container == "rf64" => long.map_or(Extent::ToEnd, Extent::Bytes),
            len if self.container == "w64" && len < UNKNOWN_64 => Extent::Bytes(len),
            len if len >= UNKNOWN_32 || UNKNOWN_FROM_PIPES.contains(&len) => Extent::ToEnd,
            len => Extent::Bytes(len),
        })
    }

    /// Chunks may follow the data; what follows the end of the form is no part of it.
    fn is_over(&self) -> bool {
        let end = self.form_end.unwrap_or(u64::MAX);
        self.missing().is_empty() && self.walker.at() >= end
    }

    /// Where the form goes on behind the data with something that is no chunk, the length of the data
    /// was damaged and the form's was not.
    fn extend_last(&mut self) -> Result<()> {
        let end = self.form_end.filter(|&end| end <= self.file_end);
        let (Some(end), DATA, Some(span)) = (end, self.last, self.spans.last_mut()) else {
            return Ok(());
        };
        let at = span.end().saturating_add(span.end() % 2);
        if at.saturating_add(8) <= end && !self.walker.is_blank(span.end())? {
            span.len = end - span.start;
            span.claimed = span.len;
            self.doubts.push("the data are longer than their chunk says".to_owned());
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Found> {
        let format = self.format.ok_or_else(|| Error::damaged("no format chunk"))?;
        let Some(first) = self.spans.first().copied() else {
            return Err(Error::damaged("no data chunk"));
        };
        check_format(format.sample_rate, format.n_channels)?;
        let layout = match format.content(self.order, &mut self.doubts)? {
            Content::Samples(layout) => layout,
            Content::Mpeg => return Ok(Found::Mpeg(first)),
        };
        Ok(Found::Stream(Stream {
            container: self.container,
            sample_rate: format.sample_rate,
            // Where every sample has its own bytes, their number counts them, and better than this.
            n_stated: self.n_fact.filter(|_| !layout.is_linear()),
            layout,
            spans: self.spans,
            doubts: self.doubts,
        }))
    }
}
