//! MPEG-1/2/2.5 audio, layers I to III.
//!
//! The frames are found here rather than by the decoder's own demuxer, which guesses a length for
//! files without a Xing header and cuts at it, believes a Xing header of zero frames, and cannot
//! say what it skipped.

mod frame_decoder;
pub(crate) mod header;
pub(crate) mod info_tag;
pub(crate) mod layer3;

use self::frame_decoder::FrameDecoder;
use self::header::{FrameHeader, HEADER_BYTES, find_chain};
use self::info_tag::InfoTag;
use self::layer3::{Mix, Soundness};
use super::{Backend, Block, Losses, TrackInfo};
use crate::error::{Error, Result};
use crate::source::Input;

const READ_BYTES: usize = 256 << 10;
/// Frames that must fit together before a position counts as the stream again.
const CHAIN: usize = 3;
/// More undecodable frames than this at the start are damage, not a stream cut from another.
const LEAD_IN_FRAMES: u64 = 4;

/// Frames → samples.
pub(super) struct Mpeg {
    frames: Frames,
    decoder: FrameDecoder,
    info: TrackInfo,
    losses: Losses,
    tag: Option<InfoTag>,
    /// Samples still to drop at the start: the encoder's and the decoder's delay.
    n_skip: usize,
    /// The last samples, kept back until it is known whether they are the encoder's padding.
    held: Block,
    n_frames: u64,
    /// Planes that the decoder hands over: the file's channels, or their mean.
    n_planes: usize,
    ended: bool,
}

impl Mpeg {
    pub(super) fn open(input: Input, start: u64, mix: Mix) -> Result<Self> {
        let mut frames = Frames::new(input, start)?;
        let Some((first, bytes)) = frames.next(&mut Losses::default())? else {
            return Err(Error::damaged("no MPEG frame"));
        };
        let tag = InfoTag::parse(bytes, &first);
        if tag.is_none() {
            frames.step_back();
        }
        let name = match first.layer {
            1 => "mp1",
            2 => "mp2",
            _ => "mp3",
        };
        let decoder = FrameDecoder::new(&first, mix)?;
        let n_planes = if mix == Mix::Mono && decoder.mixes() { 1 } else { first.n_channels };
        let n_samples = tag.as_ref().and_then(|tag| tag.n_samples(&first));
        Ok(Self {
            frames,
            decoder,
            info: TrackInfo {
                container: "mpeg",
                codec: name.to_owned(),
                sample_rate: first.sample_rate,
                n_channels: first.n_channels,
                n_samples,
            },
            losses: Losses::default(),
            n_skip: tag.as_ref().map_or(0, |tag| tag.delay),
            tag,
            held: Block::default(),
            n_frames: 0,
            n_planes,
            ended: false,
        })
    }

    /// Decodes one frame behind the samples that are held back; `false` when there are no more.
    fn decode_frame(&mut self) -> Result<bool> {
        let Some((header, bytes)) = self.frames.next(&mut self.losses)? else { return Ok(false) };
        self.n_frames += 1;
        let n_samples = u64::from(header.n_samples);
        if header.n_channels != self.info.n_channels {
            self.losses.add(n_samples, "the number of channels changes");
            return Ok(true);
        }
        self.held.channels.resize_with(self.n_planes, Vec::new);
        match self.decoder.decode(&header, bytes, &mut self.held.channels) {
            Ok(Soundness::Sound) => {}
            // A stream cut out of a longer one starts like this; everything after it is sound.
            Ok(Soundness::MissingReservoir) if self.n_frames <= LEAD_IN_FRAMES => {}
            Ok(Soundness::MissingReservoir) => {
                self.losses.add(n_samples, "a frame refers to data that is missing");
            }
            Err(why) => self.losses.add(n_samples, why),
        }
        Ok(true)
    }

    /// Moves what is certain to be audio from the held samples to `block`.
    fn release(&mut self, block: &mut Block) {
        let n_padding = if self.ended { self.n_padding_now() } else { self.n_padding_claimed() };
        let n_held = self.held.n_samples();
        let n_skip = self.n_skip.min(n_held);
        let n_ready = n_held.saturating_sub(n_skip.saturating_add(n_padding));
        for (held, out) in self.held.channels.iter_mut().zip(&mut block.channels) {
            out.extend_from_slice(&held[n_skip..n_skip + n_ready]);
            held.drain(..n_skip + n_ready);
        }
        self.n_skip -= n_skip;
    }

    fn n_padding_claimed(&self) -> usize {
        self.tag.as_ref().map_or(0, |tag| tag.padding)
    }

    /// Padding is only dropped where the encoder put it: at the end of all its frames.
    fn n_padding_now(&self) -> usize {
        match &self.tag {
            Some(tag) if tag.n_frames.is_none_or(|n| n == self.n_frames) => tag.padding,
            _ => 0,
        }
    }

    /// More frames than the tag counts means that the tag is wrong, fewer that frames are gone.
    fn settle_count(&mut self) {
        let Some(n) = self.tag.as_ref().and_then(|tag| tag.n_frames) else { return };
        // Some encoders count the tag's own frame; LAME, which notes the delay, does not.
        let counts_itself = n == self.n_frames + 1 && self.n_padding_claimed() == 0;
        if counts_itself || n < self.n_frames {
            self.info.n_samples = None;
        }
    }
}

impl Backend for Mpeg {
    fn info(&self) -> &TrackInfo {
        &self.info
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.clear(self.n_planes);
        if self.ended {
            return Ok(false);
        }
        while block.n_samples() == 0 {
            if !self.decode_frame()? {
                self.ended = true;
                self.settle_count();
                self.release(block);
                return Ok(true);
            }
            self.release(block);
        }
        Ok(true)
    }

    fn losses(&mut self) -> &mut Losses {
        &mut self.losses
    }

    fn forget_promise(&mut self) {
        self.info.n_samples = None;
    }

    fn tolerance(&self) -> u64 {
        0
    }
}

/// Walks from frame to frame, and over what is none.
struct Frames {
    input: Input,
    /// Offset in the file of `buffer[0]`.
    base: u64,
    end: u64,
    buffer: Vec<u8>,
    at: usize,
    last: usize,
    stream: Option<FrameHeader>,
}

impl Frames {
    fn new(mut input: Input, start: u64) -> Result<Self> {
        let end = info_tag::audio_end(&mut input)?;
        Ok(Self { input, base: start, end, buffer: Vec::new(), at: 0, last: 0, stream: None })
    }

    /// The next frame; bytes that belong to none are counted as lost frames.
    fn next(&mut self, losses: &mut Losses) -> Result<Option<(FrameHeader, &[u8])>> {
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
    fn step_back(&mut self) {
        self.at = self.last;
    }

    fn next_header(&mut self, losses: &mut Losses) -> Result<Option<FrameHeader>> {
        if self.available(HEADER_BYTES)? < HEADER_BYTES {
            return Ok(None);
        }
        if let Some(header) = FrameHeader::parse(&self.buffer[self.at..])
            && self.stream.is_none_or(|stream| stream.same_stream(&header))
        {
            return Ok(Some(header));
        }
        let n_skipped = self.resync()?;
        let Some(stream) = self.stream else { return Ok(None) };
        let n_frames = n_skipped.div_ceil(stream.n_bytes as u64);
        if self.available(HEADER_BYTES)? < HEADER_BYTES {
            // Foreign bytes behind the last frame; a count in the header still tells lost frames.
            return Ok(None);
        }
        losses.add(n_frames * u64::from(stream.n_samples), "bytes that are no frame in between");
        Ok(FrameHeader::parse(&self.buffer[self.at..]))
    }

    /// Moves to the next chain of frames, or to the end; returns how many bytes were passed.
    fn resync(&mut self) -> Result<u64> {
        let mut n_passed = 0;
        loop {
            let n = self.available(READ_BYTES)?;
            let at_end = n < READ_BYTES;
            let bytes = &self.buffer[self.at..self.at + n];
            let found = find_chain(bytes, CHAIN, at_end);
            // The search stops short of the last bytes: a chain may begin there.
            let step = found.unwrap_or(if at_end { n } else { n / 2 });
            self.at += step;
            n_passed += step as u64;
            if found.is_some() || at_end {
                return Ok(n_passed);
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
