//! FLAC (RFC 9639).
//!
//! Every frame's checksums are tested, a damaged frame is left out and counted by the number of the
//! next one, and the samples of a whole file are held against the MD5 sum in its STREAMINFO.
#![expect(
    clippy::inline_always,
    reason = "the hot loops must be compiled into the function that is allowed its instructions"
)]

mod bits;
pub(super) mod crc;
#[cfg(target_arch = "x86_64")]
mod crc_clmul;
mod frame;
mod frames;
mod header;
mod kernel;
#[cfg(target_arch = "x86_64")]
mod kernel_avx2;
mod md5;
#[cfg(target_arch = "x86_64")]
mod md5_x86;
mod metadata;
mod planes;
mod positions;
mod predict;
mod residual;
mod search;
mod stream_info;
mod subframe;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use self::frames::{Found, Frames, Trouble};
use self::header::FrameHeader;
use self::kernel::Kernel;
use self::md5::Md5;
use self::positions::Positions;
use self::stream_info::{Format, StreamInfo};
use super::mpeg::layer3::Mix;
use super::{Backend, Block, Losses, TrackInfo};
use crate::error::{Error, Result};
use crate::sniff::Sniffed;
use crate::source::Input;

/// More than the largest metadata block: how far the first frame may be from where it should be.
const FIRST_FRAME_WITHIN: u64 = 64 << 20;

const MORE_THAN_PROMISED: &str = "holds more samples than its STREAMINFO says";

/// What a frame contradicts itself or its stream in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("bytes that are no frame")]
    NoHeader,
    #[error("a frame is cut off")]
    Short,
    #[error("a frame does not match its checksum")]
    Checksum,
    #[error("a frame uses reserved values")]
    Reserved,
    #[error("a frame's partitions do not fit it")]
    Partitions,
    #[error("a frame's residuals are too large")]
    Residual,
    #[error("a frame's samples exceed their bits")]
    Range,
    #[error("the number of channels changes")]
    Channels,
    #[error("the sample rate or the bits per sample change")]
    Format,
    #[error("a frame is out of order")]
    Order,
}

/// A native FLAC file.
pub(super) struct Flac {
    frames: Frames,
    positions: Positions,
    info: TrackInfo,
    format: Format,
    promised_md5: Option<[u8; 16]>,
    losses: Losses,
    mix: Mix,
    kernel: Kernel,
    /// Of all samples so far, while none were left out.
    md5: Option<Md5>,
    /// A frame that the decoder holds already.
    pending: Option<Found>,
    /// Position of the first sample that is handed out.
    origin: u64,
    /// Offset of the first sound frame.
    first_at: u64,
    n_decoded: u64,
    ended: bool,
}

impl Flac {
    pub(super) fn open(mut input: Input, sniffed: Sniffed, mix: Mix) -> Result<Self> {
        let metadata = metadata::read(&mut input, sniffed.start + 4)?;
        let claimed = metadata.stream_info.map(|info| info.format);
        let mut losses = Losses::default();
        let mut frames = Frames::new(input, metadata.frames_from, claimed);
        let first = first_frame(&mut frames, metadata.frames_from, &mut losses)?;
        let Some((found, header, first_at, format)) = first else {
            return Err(no_frame(metadata.stream_info));
        };
        // What describes another format can describe nothing else.
        let stream_info = metadata.stream_info.filter(|info| info.format == format);
        if metadata.stream_info.is_none() {
            losses.add(0, "the file has no STREAMINFO");
        }
        let n_samples = stream_info.and_then(|info| info.n_samples);
        let promised_md5 = stream_info.and_then(|info| info.md5);
        let positions = Positions::new(&header, stream_info.as_ref());
        let begins_at = positions.of(&header);
        // A stream of unknown length may be a part of a longer one.
        let origin = if n_samples.is_some_and(|n| begins_at < n) { 0 } else { begins_at };
        let mut opened = Self {
            frames,
            positions,
            info: describe(&format, n_samples),
            format,
            promised_md5,
            losses,
            mix,
            kernel: Kernel::best(),
            md5: promised_md5.map(|_| Md5::new(format.n_bits)),
            pending: Some(found),
            origin,
            first_at,
            n_decoded: 0,
            ended: false,
        };
        opened.positions.go_to(origin);
        Ok(opened)
    }

    /// Planes that are handed over: the file's channels, or their mean.
    fn n_planes(&self) -> usize {
        if self.mixes() { 1 } else { self.format.n_channels }
    }

    /// More channels than two are rare: their mean is left to the caller.
    fn mixes(&self) -> bool {
        self.mix == Mix::Mono && self.format.n_channels == 2
    }

    fn next_frame(&mut self) -> Result<Found> {
        if let Some(found) = self.pending.take() {
            return Ok(found);
        }
        let complete = self.info.n_samples.is_some_and(|n| self.positions.expected() >= n);
        // Behind the last sample that is promised, anything may stand; but if there is another
        // frame, the promise is wrong.
        let until = if complete { self.frames.offset() } else { u64::MAX };
        self.frames.next(until, &mut self.md5, |header| self.positions.check(header))
    }

    /// Counts what is missing in front of the frame.
    fn accept(&mut self, header: &FrameHeader, trouble: Option<Trouble>) {
        let expected = self.positions.expected();
        let gap = self.positions.accept(header).saturating_sub(expected);
        if gap > 0 {
            let why = trouble.map(|trouble| trouble.error.to_string());
            self.losses.add_gap(gap, why.unwrap_or_else(|| "frames are missing".to_owned()));
            self.md5 = None;
        }
    }

    fn hand_over(&mut self, block: &mut Block) {
        let planes = self.frames.decoder.planes();
        let n_bits = self.format.n_bits;
        let n_samples = planes.first().map_or(0, Vec::len);
        for out in &mut block.channels {
            out.resize(n_samples, 0.0);
        }
        match (planes, &mut block.channels[..]) {
            ([left, right], [mono]) => self.kernel.to_mono(left, right, n_bits, mono),
            (planes, channels) => {
                for (plane, out) in planes.iter().zip(channels) {
                    self.kernel.to_f32(plane, n_bits, out);
                }
            }
        }
        if let Some(md5) = &mut self.md5 {
            let n_bytes = n_samples * planes.len() * n_bits.div_ceil(8) as usize;
            self.kernel.to_bytes(planes, n_bits, md5.append(n_bytes));
        }
        self.n_decoded += n_samples as u64;
    }

    /// Settles what can only be told from the whole file.
    fn end(&mut self, trouble: Option<Trouble>) -> Result<()> {
        self.ended = true;
        match self.info.n_samples {
            None => self.end_of_unknown_length(trouble)?,
            Some(promised) if self.n_decoded > promised => {
                self.losses.add(0, MORE_THAN_PROMISED);
            }
            Some(promised) if self.n_decoded < promised => self.md5 = None,
            Some(_) => self.look_behind(trouble)?,
        }
        if let (Some(md5), Some(promised)) = (self.md5.take(), self.promised_md5)
            && md5.finish() != promised
        {
            self.losses.add(0, "decoded samples do not match the MD5 of the file");
        }
        Ok(())
    }

    /// Files that somebody joined: the samples of the second are not decoded.
    fn look_behind(&mut self, trouble: Option<Trouble>) -> Result<()> {
        let mut magic = [0; 4];
        let at = trouble.map_or(self.frames.offset(), |trouble| trouble.at);
        self.frames.input().read_at(at, &mut magic)?;
        if magic == *b"fLaC" {
            self.losses.add(0, "another FLAC file follows, which is not decoded");
        }
        Ok(())
    }

    /// Nothing says where the stream should end: it must end with a frame, or tags behind it.
    fn end_of_unknown_length(&mut self, trouble: Option<Trouble>) -> Result<()> {
        let Some(Trouble { error, at }) = trouble else { return Ok(()) };
        let mut bytes = [0; header::MAX_HEADER_BYTES];
        let n = self.frames.input().read_at(at, &mut bytes)?;
        let bytes = &bytes[..n];
        let tags: [&[u8]; 4] = [b"TAG", b"APETAGEX", b"ID3", b"LYRICSBEGIN"];
        if bytes.iter().all(|&byte| byte == 0) || tags.iter().any(|tag| bytes.starts_with(tag)) {
            return Ok(());
        }
        let n_lost = FrameHeader::parse(bytes).map_or(0, |header| header.block_size as u64);
        self.losses.add(n_lost, format!("behind the last sound frame: {error}"));
        self.md5 = None;
        Ok(())
    }
}

impl Backend for Flac {
    fn info(&self) -> &TrackInfo {
        &self.info
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.clear(self.n_planes());
        if self.ended {
            return Ok(false);
        }
        let found = self.next_frame()?;
        let Some((header, _)) = found.frame else {
            self.end(found.trouble)?;
            return Ok(false);
        };
        self.accept(&header, found.trouble);
        self.hand_over(block);
        Ok(true)
    }

    fn measure(&mut self) -> Result<Option<u64>> {
        self.measure_by_last_frame()
    }

    fn seek(&mut self, sample: u64) -> Result<Option<u64>> {
        self.seek_by_bisection(sample)
    }

    fn losses(&mut self) -> &mut Losses {
        &mut self.losses
    }

    fn forget_promise(&mut self) {
        self.info.n_samples = None;
        self.md5 = None;
    }

    fn tolerance(&self) -> u64 {
        0
    }
}

fn describe(format: &Format, n_samples: Option<u64>) -> TrackInfo {
    TrackInfo {
        container: "flac",
        codec: "flac".to_owned(),
        sample_rate: format.sample_rate,
        n_channels: format.n_channels,
        n_samples,
    }
}

/// The first frame of the format that STREAMINFO claims or, if there is none, of any.
fn first_frame(
    frames: &mut Frames,
    from: u64,
    losses: &mut Losses,
) -> Result<Option<(Found, FrameHeader, u64, Format)>> {
    let until = from.saturating_add(FIRST_FRAME_WITHIN);
    for attempt in 0..2 {
        let found = frames.next(until, &mut None, |_| Ok(()))?;
        if let (Some((header, at)), Some(format)) = (found.frame, frames.format) {
            if attempt > 0 {
                losses.add(0, "STREAMINFO contradicts the frames");
            }
            return Ok(Some((found, header, at, format)));
        }
        if frames.format.take().is_none() {
            break;
        }
        frames.go_to(from);
    }
    Ok(None)
}

/// Why a file without a sound frame is refused.
fn no_frame(stream_info: Option<StreamInfo>) -> Error {
    match stream_info {
        None => Error::damaged("FLAC without a STREAMINFO block or a sound frame"),
        Some(_) => Error::damaged("FLAC without a sound frame"),
    }
}
