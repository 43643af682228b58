//! Walking from frame to frame, and over what is none.

use super::header::{FrameHeader, HEADER_BYTES, find_chain_with, free_bytes};
use super::info_tag;
use crate::decode::Losses;
use crate::error::Result;
use crate::sniff::{TAG_HEAD_BYTES, behind_tags};
use crate::source::Input;

const READ_BYTES: usize = 256 << 10;
/// Frames that must fit together before a position counts as the stream again.
const CHAIN: usize = 3;
/// Zeros behind the last frame that may be filling, up to a page of a disk; more are lost frames.
const MOST_FILLING_BYTES: u64 = 4096;
/// What a tag in front of the first frame begins with, should it lie about its length.
const TAG_MAGICS: [&[u8]; 3] = [b"TAG", b"APETAGEX", b"ID3"];
/// What `Lyrics3` begins with, should the search from the end of the file have missed it.
const LYRICS: &[u8] = b"LYRICSBEGIN";
/// The largest frame (layer II at 8 kHz and 160 kbit/s): what is left of one may stand in front of a
/// stream that was cut out of another.
const LARGEST_FRAME: u64 = 2880;

pub(super) struct Frames {
    input: Input,
    /// Offset in the file of `buffer[0]`.
    base: u64,
    end: u64,
    buffer: Vec<u8>,
    at: usize,
    last: usize,
    stream: Option<FrameHeader>,
    /// Length of frames that do not state it, without padding; `None` if there are none.
    n_free_bytes: Option<usize>,
    /// Bytes of the last frame: what an unreadable stretch would hold is counted by them.
    frame_bytes: u64,
    /// Bytes behind the last frame that are neither tag nor filling.
    n_behind: u64,
    /// The same in front of the first one, if they are more than what is left of a frame.
    n_before: u64,
}

/// What lay between two frames.
struct Passed {
    n_bytes: u64,
    /// Frames of another kind were among it.
    other_stream: bool,
    /// Nothing but zeros was.
    is_zero: bool,
}

impl Frames {
    pub(super) fn new(mut input: Input, start: u64) -> Result<Self> {
        let end = info_tag::audio_end(&mut input)?;
        let mut frames = Self {
            input,
            base: start,
            end,
            buffer: Vec::new(),
            at: 0,
            last: 0,
            stream: None,
            n_free_bytes: None,
            frame_bytes: 1,
            n_behind: 0,
            n_before: 0,
        };
        let n = frames.available(READ_BYTES)?;
        frames.n_free_bytes = free_bytes(&frames.buffer[..n]);
        Ok(frames)
    }

    /// Looks at what stands between the tags at the front, which end at `tags_end`, and the first frame,
    /// at `start`.
    pub(super) fn look_before(&mut self, tags_end: u64, start: u64) -> Result<()> {
        let n_before = start.saturating_sub(tags_end);
        if n_before <= LARGEST_FRAME {
            return Ok(());
        }
        let mut bytes = vec![0; n_before as usize];
        self.input.read_at(tags_end, &mut bytes)?;
        // A tag that lies about its length is looked through from behind its header on.
        let mut lying = [0; 3];
        self.input.read_at(tags_end.saturating_sub(10), &mut lying)?;
        let is_padding = tags_end > 0 && bytes.iter().all(|&byte| byte == 0);
        if !is_padding && !is_tag(&bytes) && lying != *b"ID3" {
            self.n_before = n_before;
        }
        Ok(())
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
        self.frame_bytes = header.n_bytes as u64;
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
        if let Some(at) = within.filter(|&at| at <= self.buffer.len()) {
            self.at = at;
        } else {
            self.buffer.clear();
            (self.base, self.at) = (offset, 0);
        }
        self.last = self.at;
    }

    /// Samples that the bytes before the first and behind the last frame stand for: all that is left of
    /// frames that were ruined, if there are any. Known at the end.
    pub(super) fn n_samples_around(&self) -> u64 {
        self.samples_in(self.n_before).saturating_add(self.samples_in(self.n_behind))
    }

    /// What so many bytes of the stream would hold.
    fn samples_in(&self, n_bytes: u64) -> u64 {
        let n_samples = self.stream.map_or(0, |stream| u64::from(stream.n_samples));
        n_bytes.div_ceil(self.frame_bytes) * n_samples
    }

    fn next_header(&mut self, losses: &mut Losses) -> Result<Option<FrameHeader>> {
        self.n_behind = 0;
        if self.available(HEADER_BYTES)? < HEADER_BYTES {
            // Less than a header, but its beginning.
            let is_cut = self.buffer.get(self.at) == Some(&0xff);
            self.n_behind = u64::from(is_cut);
            return Ok(None);
        }
        if let Some(header) = self.header_here() {
            return Ok(Some(header));
        }
        // Between two streams that somebody joined there may be the tags of the second.
        self.pass_tags()?;
        if let Some(header) = self.header_here() {
            return Ok(Some(header));
        }
        let is_text = self.is_text_here()?;
        let Passed { n_bytes, other_stream, is_zero } = self.resync()?;
        if self.stream.is_none() {
            return Ok(None);
        }
        if other_stream {
            losses.add(self.samples_in(n_bytes), "the stream changes its sample rate or layer");
        } else if self.available(HEADER_BYTES)? >= HEADER_BYTES {
            losses.add(self.samples_in(n_bytes), "bytes that are no frame in between");
        } else if !(is_text || is_zero && n_bytes <= MOST_FILLING_BYTES) {
            self.n_behind = n_bytes;
        }
        Ok(self.header_here())
    }

    /// Goes behind the tags that begin here, if they end within the file.
    fn pass_tags(&mut self) -> Result<()> {
        let from = self.offset();
        let tags_end = behind_tags(from, self.end, |at| {
            let mut head = [0; TAG_HEAD_BYTES];
            self.input.read_at(at, &mut head)?;
            Ok(head)
        })?;
        if tags_end > from {
            self.jump(tags_end);
        }
        self.available(HEADER_BYTES)?;
        Ok(())
    }

    /// Whether `Lyrics3` begins here, which says only at its end how long it is.
    fn is_text_here(&mut self) -> Result<bool> {
        let n = self.available(LYRICS.len())?;
        Ok(self.buffer[self.at..self.at + n] == *LYRICS)
    }

    /// The header at the current position, if it belongs to the stream.
    fn header_here(&self) -> Option<FrameHeader> {
        let header = FrameHeader::parse_with(&self.buffer[self.at..], self.n_free_bytes)?;
        self.stream.is_none_or(|stream| stream.same_stream(&header)).then_some(header)
    }

    /// Moves to the next chain of frames of the stream, or to the end.
    fn resync(&mut self) -> Result<Passed> {
        let mut passed = Passed { n_bytes: 0, other_stream: false, is_zero: true };
        loop {
            let n = self.available(READ_BYTES)?;
            let at_end = n < READ_BYTES;
            let bytes = &self.buffer[self.at..self.at + n];
            let found = find_chain_with(bytes, CHAIN, at_end, self.n_free_bytes);
            // The search stops short of the last bytes: a chain may begin there.
            let step = found.unwrap_or(if at_end { n } else { n / 2 });
            passed.is_zero &= bytes[..step].iter().all(|&byte| byte == 0);
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

fn is_tag(bytes: &[u8]) -> bool {
    TAG_MAGICS.iter().any(|magic| bytes.starts_with(magic))
}
