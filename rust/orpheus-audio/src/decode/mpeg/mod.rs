//! MPEG-1/2/2.5 audio, layers I to III.
//!
//! The frames are found here rather than by the decoder's own demuxer, which guesses a length for
//! files without a Xing header and cuts at it, believes a Xing header of zero frames, and cannot
//! say what it skipped.

mod checksum;
mod frame_decoder;
mod frame_index;
mod frames;
pub(crate) mod header;
pub(crate) mod info_tag;
pub(crate) mod layer3;
mod subbands;

use self::frame_decoder::FrameDecoder;
use self::frame_index::FrameIndex;
use self::frames::Frames;
use self::header::FrameHeader;
use self::info_tag::InfoTag;
use self::layer3::{Mix, Soundness};
use super::{Backend, Block, Losses, TrackInfo};
use crate::error::{Error, Result};
use crate::sniff::skip_id3v2;
use crate::source::Input;

/// Frames whose checksums are tried before any is believed: there are encoders that write nothing but
/// wrong ones.
const TRIED_FRAMES: usize = 16;
/// More undecodable frames than this at the start are damage, not a stream cut from another.
const LEAD_IN_FRAMES: u64 = 4;
/// Frames to decode before one whose samples are to be right: the filterbank remembers 480 samples of
/// subbands, which overlap with the granule before them, and a frame of MPEG-2 has only one granule.
const WARM_UP_FRAMES: u64 = 4;
/// Frames before those whose main data may be referred to, 511 bytes of it. At 32 kbit/s and 48 kHz in
/// stereo a frame has 58; at 8 kbit/s and 24 kHz, one: if a few frames are too few, more are tried.
const PRIMED_FRAMES: [u64; 3] = [12, 64, 512];

/// Frames → samples.
pub(super) struct Mpeg {
    frames: Frames,
    decoder: FrameDecoder,
    info: TrackInfo,
    losses: Losses,
    tag: Option<InfoTag>,
    first: FrameHeader,
    mix: Mix,
    /// Whether a frame that fails its checksum is damaged.
    trusts_checksums: bool,
    /// Where frame 0 starts; the tag's frame does not count.
    audio_at: u64,
    /// Once measured: what the walk found missing was noted then.
    index: Option<FrameIndex>,
    /// Samples still to drop at the start: the encoder's and the decoder's delay.
    n_skip: usize,
    /// The last samples, kept back until it is known whether they are the encoder's padding.
    held: Block,
    /// Number of the next frame.
    n_frames: u64,
    /// Planes that the decoder hands over: the file's channels, or their mean.
    n_planes: usize,
    ended: bool,
}

impl Mpeg {
    /// Opens a file of nothing but frames, the first of which stands at `start`, and tags.
    ///
    /// # Errors
    ///
    /// As [`Mpeg::open`].
    pub(super) fn open_file(mut input: Input, start: u64, mix: Mix) -> Result<Self> {
        let tags_end = skip_id3v2(&mut input)?;
        let mut opened = Self::open(input, start, mix)?;
        opened.frames.look_before(tags_end, start)?;
        Ok(opened)
    }

    /// Opens a stretch of frames from `start` on.
    ///
    /// # Errors
    ///
    /// The input's; [`Error::Damaged`] if no frame is there.
    pub(super) fn open(input: Input, start: u64, mix: Mix) -> Result<Self> {
        let mut frames = Frames::new(input, start)?;
        let Some((first, bytes)) = frames.next(&mut Losses::default())? else {
            return Err(Error::damaged("no MPEG frame"));
        };
        let tag = InfoTag::parse(bytes, &first);
        if tag.is_none() {
            frames.step_back();
        }
        let audio_at = frames.offset();
        let trusts_checksums = tries_checksums(&mut frames)?;
        frames.jump(audio_at);
        let n_planes = if mix == Mix::Mono { 1 } else { first.n_channels };
        Ok(Self {
            frames,
            decoder: FrameDecoder::new(&first, mix),
            info: describe(&first, tag.as_ref()),
            losses: Losses::default(),
            n_skip: tag.as_ref().map_or(0, |tag| tag.delay),
            tag,
            first,
            mix,
            trusts_checksums,
            audio_at,
            index: None,
            held: Block::default(),
            n_frames: 0,
            n_planes,
            ended: false,
        })
    }

    /// Decodes one frame behind the samples that are held back; `false` when there are no more.
    ///
    /// A frame that cannot be decoded is silent: what follows it stays in its place, wherever
    /// decoding began.
    fn decode_frame(&mut self) -> Result<bool> {
        let mut noted_before = Losses::default();
        let losses = if self.index.is_some() { &mut noted_before } else { &mut self.losses };
        let Some((header, bytes)) = self.frames.next(losses)? else { return Ok(false) };
        self.n_frames += 1;
        self.held.channels.resize_with(self.n_planes, Vec::new);
        let decoded = if self.trusts_checksums && checksum::fits(&header, bytes) == Some(false) {
            // Later frames may refer to its main data, which the checksum does not cover.
            self.decoder.prime(&header, bytes);
            Err("a frame fails its checksum".to_owned())
        } else if header.n_channels == self.info.n_channels {
            self.decoder.decode(&header, bytes, &mut self.held.channels)
        } else {
            Err("the number of channels changes".to_owned())
        };
        match decoded {
            Ok(Soundness::Sound) => {}
            // A stream cut out of a longer one starts like this; everything after it is sound.
            Ok(Soundness::MissingReservoir) if self.n_frames <= LEAD_IN_FRAMES => {}
            Ok(Soundness::MissingReservoir) => {
                let why = "a frame refers to data that is missing";
                self.losses.add_silenced(u64::from(header.n_samples), why);
            }
            Err(why) => {
                self.losses.add_silenced(u64::from(header.n_samples), why);
                for channel in &mut self.held.channels {
                    channel.resize(channel.len() + header.n_samples as usize, 0.0);
                }
            }
        }
        Ok(true)
    }

    /// Moves what is certain to be audio from the held samples to `block`.
    fn release(&mut self, block: &mut Block) {
        let n_padding = if self.ended {
            self.n_padding_behind(self.n_frames)
        } else {
            self.n_padding_claimed()
        };
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

    fn delay(&self) -> u64 {
        self.tag.as_ref().map_or(0, |tag| tag.delay as u64)
    }

    /// Padding is only dropped where the encoder put it: at the end of all its frames.
    fn n_padding_behind(&self, n_frames: u64) -> usize {
        match &self.tag {
            Some(tag) if tag.n_frames.is_none_or(|n| n == n_frames) => tag.padding,
            _ => 0,
        }
    }

    /// What is known only behind the last frame: whether the tag's count holds, and whether the bytes
    /// that are left were frames. More frames than the tag counts means that the tag is wrong, fewer
    /// that frames are gone; a tag whose count is reached outweighs foreign bytes.
    fn settle_end(&mut self, n_frames: u64) {
        let n_around = self.frames.n_samples_around();
        let counted = self.tag.as_ref().and_then(|tag| tag.n_frames);
        if let Some(n) = counted {
            // Some encoders count the tag's own frame; LAME, which notes the delay, does not.
            let counts_itself = n == n_frames + 1 && self.n_padding_claimed() == 0;
            if counts_itself && n_around == 0 || n < n_frames {
                self.info.n_samples = None;
            }
        }
        if n_around > 0 && counted.is_none_or(|n| n < n_frames) {
            self.losses.add(n_around, "bytes around the frames are neither frames nor a tag");
        }
    }

    /// Walks over all frames; what is missing is noted now and not again.
    fn index_frames(&mut self) -> Result<&FrameIndex> {
        let here = self.frames.offset();
        self.frames.jump(self.audio_at);
        let mut index = FrameIndex::new();
        while self.frames.next(&mut self.losses)?.is_some() {
            index.push(self.frames.last_offset());
        }
        self.settle_end(index.n_frames());
        self.frames.jump(here);
        let n_samples = self.n_samples_of(index.n_frames());
        if let Some(promised) = self.info.n_samples {
            let missing = promised.saturating_sub(n_samples.saturating_add(self.losses.n_samples));
            if missing > 0 {
                let why = format!("ends early: {n_samples} of {promised} samples");
                self.losses.add(missing, why);
            }
        }
        Ok(self.index.insert(index))
    }

    /// What is handed out of so many frames.
    fn n_samples_of(&self, n_frames: u64) -> u64 {
        let all = n_frames.saturating_mul(u64::from(self.first.n_samples));
        all.saturating_sub(self.delay() + self.n_padding_behind(n_frames) as u64)
    }

    /// Makes `frame` the next one, or comes to the end.
    fn walk_to(&mut self, frame: u64) -> Result<()> {
        let noted = self.index.as_ref().and_then(|index| index.before(frame));
        let useful = |number: u64| number > self.n_frames || frame < self.n_frames;
        if let Some((number, offset)) = noted.filter(|(number, _)| useful(*number)) {
            self.frames.jump(offset);
            self.n_frames = number;
        }
        while self.n_frames < frame && self.frames.next(&mut Losses::default())?.is_some() {
            self.n_frames += 1;
        }
        Ok(())
    }

    /// Makes `target` the next frame, having decoded what it and the frames behind it depend on;
    /// says whether `n_primed` frames were enough for that.
    fn warm_up(&mut self, target: u64, n_primed: u64) -> Result<bool> {
        self.walk_to(target.saturating_sub(WARM_UP_FRAMES + n_primed))?;
        self.decoder.reset(self.mix);
        while self.n_frames + WARM_UP_FRAMES < target {
            let Some((header, bytes)) = self.frames.next(&mut Losses::default())? else { break };
            if header.n_channels == self.info.n_channels {
                self.decoder.prime(&header, bytes);
            }
            self.n_frames += 1;
        }
        let losses = std::mem::take(&mut self.losses);
        while self.n_frames < target && self.decode_frame()? {}
        let losses = std::mem::replace(&mut self.losses, losses);
        self.held.clear(self.n_planes);
        Ok(losses.n_silenced == 0)
    }
}

fn describe(first: &FrameHeader, tag: Option<&InfoTag>) -> TrackInfo {
    let codec = match first.layer {
        1 => "mp1",
        2 => "mp2",
        _ => "mp3",
    };
    TrackInfo {
        container: "mpeg",
        codec: codec.to_owned(),
        sample_rate: first.sample_rate,
        n_channels: first.n_channels,
        n_samples: tag.and_then(|tag| tag.n_samples(first)),
    }
}

/// Whether most of the next frames' checksums are right.
fn tries_checksums(frames: &mut Frames) -> Result<bool> {
    let (mut n_right, mut n_wrong) = (0, 0);
    for _ in 0..TRIED_FRAMES {
        let Some((header, bytes)) = frames.next(&mut Losses::default())? else { break };
        match checksum::fits(&header, bytes) {
            Some(true) => n_right += 1,
            Some(false) => n_wrong += 1,
            None => {}
        }
    }
    Ok(n_right > n_wrong)
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
                if self.index.is_none() {
                    self.settle_end(self.n_frames);
                }
                self.release(block);
                return Ok(true);
            }
            self.release(block);
        }
        Ok(true)
    }

    fn measure(&mut self) -> Result<Option<u64>> {
        let n_frames = match &self.index {
            Some(index) => index.n_frames(),
            None => self.index_frames()?.n_frames(),
        };
        Ok(Some(self.n_samples_of(n_frames)))
    }

    fn seek(&mut self, sample: u64) -> Result<Option<u64>> {
        let (delay, frame_samples) = (self.delay(), u64::from(self.first.n_samples));
        let target = sample.saturating_add(delay) / frame_samples;
        if target <= self.n_frames + WARM_UP_FRAMES + PRIMED_FRAMES[0] || self.ended {
            return Ok(None);
        }
        self.measure()?;
        for n_primed in PRIMED_FRAMES {
            if self.warm_up(target, n_primed)? {
                break;
            }
        }
        let at = self.n_frames.saturating_mul(frame_samples);
        self.n_skip = delay.saturating_sub(at) as usize;
        Ok(Some(at.saturating_sub(delay)))
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

#[cfg(test)]
mod tests;
