//! Walks a file from sound frame to sound frame, over whatever is in between.

use super::FrameError;
use super::frame::FrameDecoder;
use super::header::{FrameHeader, MAX_HEADER_BYTES, find_header};
use super::kernel::Kernel;
use super::md5::Md5;
use super::stream_info::Format;
use crate::error::Result;
use crate::source::Input;

/// Bytes read at once while decoding.
const READ_BYTES: usize = 256 << 10;
/// What STREAMINFO can say of the size of a frame.
const MAX_FRAME_BYTES: usize = 1 << 24;
/// Samples that frames with a wrong checksum may cost before the rest of the file is given up: some,
/// and so many per byte. A file can be made that consists of the beginnings of large frames.
const WASTE: u64 = 1 << 25;
const WASTE_PER_BYTE: u64 = 16;

pub(super) struct Frames {
    input: Input,
    pub(super) decoder: FrameDecoder,
    /// Of all frames; not known before the first one where STREAMINFO is missing.
    pub(super) format: Option<Format>,
    /// Offset in the file of `buffer[0]`.
    base: u64,
    buffer: Vec<u8>,
    n_filled: usize,
    at: usize,
    /// Bytes read at once.
    pub(super) n_read: usize,
    n_wasted: u64,
}

/// What [`Frames::next`] came to.
pub(super) struct Found {
    /// The frame whose samples the decoder holds, and where it begins.
    pub(super) frame: Option<(FrameHeader, u64)>,
    /// What was wrong with the bytes before it, or before the end, if there were any.
    pub(super) trouble: Option<Trouble>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    pub(super) error: FrameError,
    /// Where it began.
    pub(super) at: u64,
}

impl Frames {
    pub(super) fn new(input: Input, start: u64, format: Option<Format>) -> Self {
        let decoder = FrameDecoder::new(Kernel::best());
        let (buffer, n_read) = (Vec::new(), READ_BYTES);
        Self {
            input,
            decoder,
            format,
            base: start,
            buffer,
            n_filled: 0,
            at: 0,
            n_read,
            n_wasted: 0,
        }
    }

    /// Offset of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    pub(super) fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    /// Goes on at `offset` of the file.
    pub(super) fn go_to(&mut self, offset: u64) {
        match offset.checked_sub(self.base) {
            Some(at) if at <= self.n_filled as u64 => self.at = at as usize,
            _ => (self.base, self.n_filled, self.at) = (offset, 0, 0),
        }
    }

    /// Decodes the next sound frame that `accepts` its header and begins before or at `until`.
    pub(super) fn next(
        &mut self,
        until: u64,
        md5: &mut Option<Md5>,
        accepts: impl Fn(&FrameHeader) -> Result<(), FrameError>,
    ) -> Result<Found> {
        let mut trouble = None;
        while self.offset() <= until {
            let n = self.available(MAX_HEADER_BYTES)?;
            if n == 0 {
                break;
            }
            let at = self.offset();
            let error = match FrameHeader::parse(&self.buffer[self.at..self.n_filled]) {
                None => FrameError::NoHeader,
                Some(header) => match self.decode(&header, md5, &accepts)? {
                    Ok(()) => return Ok(Found { frame: Some((header, at)), trouble }),
                    Err(error) => error,
                },
            };
            trouble.get_or_insert(Trouble { error, at });
            if self.n_wasted > WASTE + self.input.len().saturating_mul(WASTE_PER_BYTE) {
                break;
            }
            self.pass(until)?;
        }
        Ok(Found { frame: None, trouble })
    }

    fn decode(
        &mut self,
        header: &FrameHeader,
        md5: &mut Option<Md5>,
        accepts: impl Fn(&FrameHeader) -> Result<(), FrameError>,
    ) -> Result<Result<(), FrameError>> {
        let Some(format) = self.format.or_else(|| Format::of(header)) else {
            return Ok(Err(FrameError::Format));
        };
        if let Err(error) = header.fits(&format).and_then(|()| accepts(header)) {
            return Ok(Err(error));
        }
        let mut n_wanted = header.usual_bytes(format.n_bits);
        loop {
            let n = self.available(n_wanted)?;
            let bytes = &self.buffer[self.at..self.at + n];
            match self.decoder.decode(header, &format, bytes, md5) {
                Ok(n_bytes) => {
                    self.at += n_bytes;
                    self.format = Some(format);
                    return Ok(Ok(()));
                }
                Err(error) => {
                    self.n_wasted += (header.block_size * format.n_channels) as u64;
                    if error != FrameError::Short || n < n_wanted || n >= MAX_FRAME_BYTES {
                        return Ok(Err(error));
                    }
                    n_wanted = (4 * n_wanted).min(MAX_FRAME_BYTES);
                }
            }
        }
    }

    /// Moves to the next header, or behind `until`, or to the end.
    fn pass(&mut self, until: u64) -> Result<()> {
        self.at += 1;
        while self.offset() <= until {
            let n = self.available(self.n_read)?;
            let bytes = &self.buffer[self.at..self.at + n];
            if let Some(offset) = find_header(bytes, 0) {
                self.at += offset;
                return Ok(());
            }
            if n < self.n_read {
                self.at += n;
                return Ok(());
            }
            // A header may begin in the last bytes.
            self.at += n - MAX_HEADER_BYTES + 1;
        }
        Ok(())
    }

    /// Tries to have `n` bytes from the current position in the buffer; returns how many there are.
    fn available(&mut self, n: usize) -> Result<usize> {
        if self.n_filled - self.at < n {
            self.buffer.copy_within(self.at..self.n_filled, 0);
            self.base += self.at as u64;
            self.n_filled -= self.at;
            self.at = 0;
            let left = self.input.len().saturating_sub(self.base + self.n_filled as u64);
            let left = usize::try_from(left).unwrap_or(usize::MAX).saturating_add(self.n_filled);
            let wanted = left.min(n.max(self.n_read));
            if self.buffer.len() < wanted {
                self.buffer.resize(wanted, 0);
            }
            let from = self.base + self.n_filled as u64;
            self.n_filled += self.input.read_at(from, &mut self.buffer[self.n_filled..wanted])?;
        }
        Ok((self.n_filled - self.at).min(n))
    }
}
