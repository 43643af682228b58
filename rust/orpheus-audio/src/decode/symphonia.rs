//! Every container but MPEG audio, by symphonia.

use std::io::ErrorKind;

use symphonia::core::audio::{Audio, Channels, GenericAudioBufferRef};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_OPUS, CODEC_ID_SPEEX};
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, CODEC_ID_NULL_AUDIO,
};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::Duration;
use symphonia::default::formats::{
    AdtsReader, CafReader, FlacReader, IsoMp4Reader, MkvReader, OggReader,
};
use symphonia::default::get_codecs;

use super::mpeg::layer3::Mix;
use super::opus::OpusDecoder;
use super::{Backend, Block, Losses, TrackInfo};
use crate::error::{Error, Result};
use crate::sniff::{Container, Sniffed};
use crate::source::{Input, Section};

/// Advice for what no decoder here reads.
const CONVERT: &str = "convert it to FLAC, WAV, MP3, Ogg Vorbis or M4A";

type Reader = Box<dyn FormatReader + 'static>;

/// Packets of one track → samples.
pub(super) struct Symphonia {
    reader: Reader,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    info: TrackInfo,
    losses: Losses,
    /// Samples per tick of the container's clock.
    samples_per_tick: f64,
    next_ticks: Option<i64>,
    /// A block that was decoded while opening.
    first: Option<Block>,
    ended: bool,
}

impl Symphonia {
    /// Opens the section of `input` that holds the audio, with `head` in front of it.
    pub(super) fn open(input: Input, head: Vec<u8>, sniffed: Sniffed) -> Result<Self> {
        let section = Section::new(input, head, sniffed.start, sniffed.end);
        let reader = open_reader(section, sniffed.container).map_err(|error| refused(&error))?;
        let track = audio_track(reader.as_ref())?;
        let parameters = audio_parameters(track)?;
        let decoder = make_decoder(parameters, Mix::Channels)?;
        let sample_rate = parameters.sample_rate.unwrap_or(0);
        let n_channels = parameters.channels.as_ref().map_or(0, Channels::count);
        let samples_per_tick = track.time_base.map_or(1.0, |base| {
            f64::from(base.numer.get()) * f64::from(sample_rate) / f64::from(base.denom.get())
        });
        let info = TrackInfo {
            container: sniffed.container.name(),
            codec: decoder.codec_info().short_name.to_owned(),
            sample_rate,
            n_channels,
            n_samples: promised_samples(track, samples_per_tick, sniffed.container),
        };
        let track_id = track.id;
        let mut opened = Self {
            reader,
            decoder,
            track_id,
            info,
            losses: Losses::default(),
            samples_per_tick,
            next_ticks: None,
            first: None,
            ended: false,
        };
        opened.learn_format()?;
        Ok(opened)
    }

    /// Some containers leave rate or channels to the codec: the first packet tells.
    fn learn_format(&mut self) -> Result<()> {
        if self.info.sample_rate != 0 && self.info.n_channels != 0 {
            return Ok(());
        }
        let mut block = Block::default();
        while self.step(&mut block, true)? && block.n_samples() == 0 {}
        self.first = Some(block);
        Ok(())
    }

    /// One packet; `false` at the end. With `learning`, the packet's format becomes the track's.
    fn step(&mut self, block: &mut Block, learning: bool) -> Result<bool> {
        block.clear(self.info.n_channels);
        if self.ended {
            return Ok(false);
        }
        let Some(packet) = self.next_packet()? else {
            self.ended = true;
            return Ok(false);
        };
        if packet.track_id != self.track_id {
            return Ok(true);
        }
        self.note_gap(&packet);
        let n_samples = self.samples(packet.dur.get());
        match self.decoder.decode(&packet) {
            Ok(buffer) => {
                let spec = buffer.spec();
                if learning && !buffer.is_empty() {
                    self.info.sample_rate = spec.rate();
                    self.info.n_channels = spec.channels().count();
                }
                if buffer.num_planes() == self.info.n_channels
                    && spec.rate() == self.info.sample_rate
                {
                    copy_planes(&buffer, block);
                } else if !buffer.is_empty() {
                    self.losses.add(n_samples, "sample rate or channels change");
                }
            }
            Err(SymphoniaError::ResetRequired) => self.ended = !self.restart()?,
            Err(error) => self.losses.add(n_samples, describe(&error)),
        }
        Ok(true)
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        loop {
            match self.reader.next_packet() {
                Ok(packet) => return Ok(packet),
                Err(SymphoniaError::ResetRequired) => {
                    if !self.restart()? {
                        return Ok(None);
                    }
                }
                Err(SymphoniaError::IoError(error)) => {
                    if error.kind() != ErrorKind::UnexpectedEof {
                        return Err(error.into());
                    }
                    // A WAV that was written to a pipe states no length: it ends where it ends.
                    let streamed = self.info.codec.starts_with("pcm");
                    if self.info.n_samples.is_none() && !streamed {
                        self.losses.add(0, "the file ends in the middle of a packet");
                    }
                    return Ok(None);
                }
                Err(error) => {
                    self.losses.add(0, describe(&error));
                    return Ok(None);
                }
            }
        }
    }

    /// Goes on with the next stream of a chain if it sounds alike; `false` if it does not.
    fn restart(&mut self) -> Result<bool> {
        let Ok(track) = audio_track(self.reader.as_ref()) else { return Ok(false) };
        let parameters = audio_parameters(track)?;
        let n_channels = parameters.channels.as_ref().map_or(0, Channels::count);
        let alike = parameters.sample_rate == Some(self.info.sample_rate)
            && n_channels == self.info.n_channels;
        if !alike {
            self.losses.add(0, "a chained stream of another sample rate or channel count");
            return Ok(false);
        }
        let promised = promised_samples(track, self.samples_per_tick, Container::Ogg);
        self.decoder = make_decoder(parameters, Mix::Channels)?;
        self.track_id = track.id;
        self.next_ticks = None;
        self.info.n_samples =
            self.info.n_samples.zip(promised).and_then(|(sum, next)| sum.checked_add(next));
        Ok(true)
    }

    /// A jump of the container's clock is audio that vanished without an error.
    fn note_gap(&mut self, packet: &Packet) {
        let at = packet.pts.get();
        if packet.dur.get() == 0 {
            // The container does not say how long a packet is, so nothing can be missed.
            return;
        }
        if let Some(expected) = self.next_ticks {
            let gap = self.samples(u64::try_from(at.saturating_sub(expected)).unwrap_or(0));
            if gap > self.gap_tolerance() {
                self.losses.add(gap, "a stretch of the stream is missing");
            }
        }
        let length = i64::try_from(packet.block_dur().get()).unwrap_or(i64::MAX);
        self.next_ticks = Some(at.saturating_add(length));
    }

    fn gap_tolerance(&self) -> u64 {
        match (self.is_lossless(), self.info.container) {
            (false, _) => 4096,
            // Times are rounded to milliseconds.
            (true, "matroska") => u64::from(self.info.sample_rate / 250),
            (true, _) => 0,
        }
    }

    fn is_lossless(&self) -> bool {
        let codec = self.info.codec.as_str();
        codec == "flac" || codec == "alac" || codec.starts_with("pcm")
    }

    fn samples(&self, ticks: u64) -> u64 {
        (ticks as f64 * self.samples_per_tick).round() as u64
    }
}

impl Backend for Symphonia {
    fn info(&self) -> &TrackInfo {
        &self.info
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        if let Some(first) = self.first.take() {
            *block = first;
            return Ok(true);
        }
        self.step(block, false)
    }

    fn losses(&mut self) -> &mut Losses {
        &mut self.losses
    }

    fn forget_promise(&mut self) {
        self.info.n_samples = None;
    }

    fn tolerance(&self) -> u64 {
        // The packet table of a CAF file counts whole packets.
        if self.is_lossless() && self.info.container != "caf" { 0 } else { 4096 }
    }
}

fn open_reader(section: Section, container: Container) -> Result<Reader, SymphoniaError> {
    let buffer = MediaSourceStreamOptions { buffer_len: 256 << 10 };
    let stream = MediaSourceStream::new(Box::new(section), buffer);
    let options = FormatOptions::default();
    Ok(match container {
        Container::Caf => Box::new(CafReader::try_new(stream, options)?),
        Container::Flac => Box::new(FlacReader::try_new(stream, options)?),
        Container::Ogg => Box::new(OggReader::try_new(stream, options)?),
        Container::Mp4 => Box::new(IsoMp4Reader::try_new(stream, options)?),
        Container::Matroska => Box::new(MkvReader::try_new(stream, options)?),
        // MPEG audio and uncompressed samples have their own backends; ADTS is what is left.
        _ => Box::new(AdtsReader::try_new(stream, options)?),
    })
}

/// Why a container could not be opened.
fn refused(error: &SymphoniaError) -> Error {
    match error {
        // What is missing from a header is not a feature.
        SymphoniaError::Unsupported(what) if !what.contains("missing") => {
            Error::Unsupported { what: format!("feature ({what})"), advice: CONVERT }
        }
        SymphoniaError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Error::damaged("the file ends inside its header")
        }
        error => Error::damaged(describe(error)),
    }
}

/// The decoder's own words, without the frame that its error type puts around them.
pub(super) fn describe(error: &SymphoniaError) -> String {
    match error {
        SymphoniaError::DecodeError(what)
        | SymphoniaError::Unsupported(what)
        | SymphoniaError::LimitError(what) => (*what).to_owned(),
        error => error.to_string(),
    }
}

fn audio_track(reader: &dyn FormatReader) -> Result<&Track> {
    reader
        .default_track(TrackType::Audio)
        .or_else(|| reader.first_track(TrackType::Audio))
        .ok_or_else(|| Error::NotAudio("the container holds no audio track".to_owned()))
}

fn audio_parameters(track: &Track) -> Result<&AudioCodecParameters> {
    match &track.codec_params {
        Some(CodecParameters::Audio(parameters)) => Ok(parameters),
        _ => Err(Error::NotAudio("the container holds no audio track".to_owned())),
    }
}

pub(super) fn make_decoder(
    parameters: &AudioCodecParameters,
    mix: Mix,
) -> Result<Box<dyn AudioDecoder>> {
    let unsupported = |what: &str| Error::Unsupported { what: what.to_owned(), advice: CONVERT };
    match parameters.codec {
        CODEC_ID_OPUS => return Ok(Box::new(OpusDecoder::new(parameters, mix)?)),
        CODEC_ID_SPEEX => return Err(unsupported("codec Speex")),
        CODEC_ID_AAC if is_he_aac(parameters.extra_data.as_deref().unwrap_or(&[])) => {
            return Err(unsupported("codec HE-AAC"));
        }
        CODEC_ID_NULL_AUDIO => return Err(unsupported("codec that the container does not name")),
        _ => {}
    }
    get_codecs().make_audio_decoder(parameters, &AudioDecoderOptions::default()).map_err(|error| {
        match error {
            SymphoniaError::Unsupported(what) => unsupported(&format!("codec ({what})")),
            error => Error::damaged(describe(&error)),
        }
    })
}

/// Whether an `AudioSpecificConfig` announces spectral band replication (ISO/IEC 14496-3 §1.6.2.1):
/// the decoder would hand back the lower half of the spectrum at half the rate, without a word.
fn is_he_aac(config: &[u8]) -> bool {
    const SBR: u8 = 5;
    const PS: u8 = 29;
    let object_type = config.first().map(|byte| byte >> 3);
    let sync_extension = config.windows(3).skip(1).any(|bytes| {
        // 0x2b7 in eleven bits, then object type 5 in five, then the flag.
        bytes[0] == 0x56 && bytes[1] == 0xe5 && bytes[2] & 0x80 != 0
    });
    matches!(object_type, Some(SBR | PS)) || sync_extension
}

/// The container's count of samples, where it is more than an estimate.
fn promised_samples(track: &Track, samples_per_tick: f64, container: Container) -> Option<u64> {
    if container == Container::Adts {
        return None;
    }
    let ticks = track.duration.map(Duration::get);
    let samples = track.num_frames.filter(|_| (samples_per_tick - 1.0).abs() < f64::EPSILON);
    let samples = samples.or_else(|| ticks.map(|n| (n as f64 * samples_per_tick).round() as u64));
    samples.filter(|&n| n > 0)
}

pub(super) fn copy_planes(buffer: &GenericAudioBufferRef<'_>, block: &mut Block) {
    if let GenericAudioBufferRef::F32(planes) = buffer {
        for (channel, plane) in block.channels.iter_mut().zip(planes.iter_planes()) {
            channel.extend_from_slice(plane);
        }
    } else {
        buffer.copy_to_vecs_planar(&mut block.channels);
    }
}
