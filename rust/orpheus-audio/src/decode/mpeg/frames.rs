//! Walking from frame to frame, and over what is none.

use super::header::{FrameHeader, HEADER_BYTES, find_chain};
use super::info_tag;
use crate::decode::Losses;
use crate::error::Result;
use crate::source::Input;

const READ_BYTES: usize = 256 << 10;
/// Frames that must fit together before a position counts as the stream again.
const CHAIN: usize = 3;

pub(super) struct Frames {
    input: Input,
    /// Offset in the file of `buffer[0]`.
    base: u64,
    end: u64,
    buffer: Vec<u8>,
    at: usize,
    last: usize,
    stream: Option<FrameHeader>,
}

/// What lay between two frames.
struct Passed {
    n_bytes: u64,
    /// Frames of another kind were among it.
    other_stream: bool,
}

impl Frames {
    pub(super) fn new(mut input: Input, start: u64) -> Result<Self> {
        let end = info_tag::audio_end(&mut input)?;
        Ok(Self { input, base: start, end, buffer: Vec::new(), at: 0, last: 0, stream: None })
    }

    /// The next frame; bytes that belong to none are counted as lost frames.
    pub(super) fn next(&mut self, losses: &mut Losses) -> Result<Option<(FrameHeader, &[u8])>> {
        let Some(header) = self.next_header(losses)? else { return Ok(None) };
        if self.available(header.n_bytes)? < header.n_bytes {
            losses.add(u64::from(header.n_samples), "the last frame is cut off");
            self.at = self.buffer.len();
            return Ok(None);
        }
        self.last = self.at;
        self.at += header.n_bytes;
        self.stream.get_or_insert(header);
        Ok(Some((header, &self.buffer[self.last..self.at])))
    }

    /// Makes the last frame the next one again.
    pub(super) fn step_back(&mut self) {
        self.at = self.last;
    }

    /// Where in the file the next frame is looked for.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Where in the file the last frame starts.
    pub(super) fn last_offset(&self) -> u64 {
        self.base + self.last as u64
    }

    /// Goes on from `offset` in the file.
    pub(super) fn jump(&mut self, offset: u64) {
        let within = offset.checked_sub(self.base).and_then(|at| usize::try_from(at).ok());
        match within.filter(|&at| at <= self.buffer.len()) {
            Some(at) => self.at = at,
            None => {
                self.buffer.clear();
                (self.base, self.at) = (offset, 0);
            }
        }
        self.last = self.at;
    }

    fn next_header(&mut self, losses: &mut Losses) -> Result<Option<FrameHeader>> {
        if self.available(HEADER_BYTES)? < HEADER_BYTES {
            return Ok(None);
        }
        if let Some(header) = self.header_here() {
            return Ok(Some(header));
        }
        let Passed { n_bytes, other_stream } = self.resync()?;
        let Some(stream) = self.stream else { return Ok(None) };
        let n_lost = n_bytes.div_ceil(stream.n_bytes as u64) * u64::from(stream.n_samples);
        if other_stream {
            losses.add(n_lost, "the stream changes its sample rate or layer");
        } else if self.available(HEADER_BYTES)? >= HEADER_BYTES {
            losses.add(n_lost, "bytes that are no frame in between");
        }
        // Foreign bytes behind the last frame are no loss; a count in the header tells lost frames.
        Ok(self.header_here())
    }

    /// The header at the current position, if it belongs to the stream.
    fn header_here(&self) -> Option<FrameHeader> {
        let header = FrameHeader::parse(&self.buffer[self.at..])?;
        self.stream.is_none_or(|stream| stream.same_stream(&header)).then_some(header)
    }

    /// Moves to the next chain of frames of the stream, or to the end.
    fn resync(&mut self) -> Result<Passed> {
        let mut passed = Passed { n_bytes: 0, other_stream: false };
        loop {
            let n = self.available(READ_BYTES)?;
            let at_end = n < READ_BYTES;
            let bytes = &self.buffer[self.at..self.at + n];
            let found = find_chain(bytes, CHAIN, at_end);
            // The search stops short of the last bytes: a chain may begin there.
            let step = found.unwrap_or(if at_end { n } else { n / 2 });
            self.at += step;
            passed.n_bytes += step as u64;
            match found {
                Some(_) if self.header_here().is_some() => return Ok(passed),
                Some(_) => {
                    passed.other_stream = true;
                    self.at += 1;
                    passed.n_bytes += 1;
                }
                None if at_end => return Ok(passed),
                None => {}
            }
        }
    }

    /// Tries to have `n` bytes from the current position in the buffer; returns how many there are.
    fn available(&mut self, n: usize) -> Result<usize> {
        if self.buffer.len() - self.at < n {
            self.buffer.drain(..self.at);
            self.base += self.at as u64;
            self.last = 0;
            self.at = 0;
            let filled = self.buffer.len();
            let from = self.base + filled as u64;
            let left = usize::try_from(self.end.saturating_sub(from)).unwrap_or(usize::MAX);
            self.buffer.resize(filled + left.min(n.max(READ_BYTES)), 0);
            let n_read = self.input.read_at(from, &mut self.buffer[filled..])?;
            self.buffer.truncate(filled + n_read);
        }
        Ok((self.buffer.len() - self.at).min(n))
    }
}
