//! Coded packets → samples, cut and counted as the container says.

mod codec;
#[cfg(test)]
mod made_up_tests;
mod seek;
#[cfg(test)]
mod tests;
mod timeline;

use std::collections::VecDeque;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;

use self::codec::NoDecoder;
pub(super) use self::codec::PacketDecoder;
use self::timeline::Timeline;
use super::aac::AacDecoder;
use super::demux::{self, Demuxer, Packet};
use super::mpeg::layer3::Mix;
use super::symphonia::make_decoder;
use super::{Backend, Block, Losses, TrackInfo};
use crate::error::{CONVERT, Error, Result};
use crate::sniff::{Container, Sniffed};
use crate::source::Input;

/// Packets that are looked at before a stream is believed to be what it says.
const LOOK_AHEAD: usize = 32;
/// No further than this: 32 packets of 48 channels, at the most that the standard allows them
/// (6144 bits per channel, ISO/IEC 14496-3 §4.5.3.2), have as many bytes. Containers may say more.
const LOOK_AHEAD_BYTES: usize = 32 * 48 * 6144 / 8;

/// One track's packets, decoded.
pub(super) struct Packets {
    demuxer: Box<dyn Demuxer>,
    decoder: Box<dyn PacketDecoder>,
    parameters: AudioCodecParameters,
    info: TrackInfo,
    mix: Mix,
    timeline: Timeline,
    losses: Losses,
    /// Read while opening, not decoded yet.
    ahead: VecDeque<Packet>,
    packet: Packet,
    /// The decoder lacks the packet before, without which this one's samples are wrong.
    lacks_last: bool,
    /// Whether the demuxer knows where it is behind a seek.
    is_seekable: Option<bool>,
    ended: bool,
}

impl Packets {
    /// Opens the track and looks at its first packets.
    pub(super) fn open(input: Input, sniffed: Sniffed, mix: Mix) -> Result<Self> {
        let mut losses = Losses::default();
        let demuxer = open_demuxer(input, sniffed, &mut losses)?;
        Self::over(demuxer, sniffed.container.name(), mix, losses)
    }

    fn over(
        demuxer: Box<dyn Demuxer>,
        container: &'static str,
        mix: Mix,
        losses: Losses,
    ) -> Result<Self> {
        let stream = demuxer.stream().clone();
        let timeline = Timeline::new(&stream);
        let parameters = stream.parameters;
        let decoder = make_decoder(&parameters, mix)?;
        let info = TrackInfo {
            container,
            codec: decoder.name().to_owned(),
            sample_rate: parameters.sample_rate.unwrap_or(0),
            n_channels: parameters.channels.as_ref().map_or(0, Channels::count),
            n_samples: stream.n_samples,
        };
        let mut opened = Self {
            demuxer,
            decoder,
            parameters,
            timeline,
            info,
            mix,
            losses,
            ahead: VecDeque::new(),
            packet: Packet::default(),
            lacks_last: false,
            is_seekable: None,
            ended: false,
        };
        opened.look_ahead()?;
        Ok(opened)
    }

    fn is_aac(&self) -> bool {
        self.parameters.codec == CODEC_ID_AAC
    }

    /// AAC may hold spectral band replication, for one, without its headers saying so; or channels that
    /// are not those of its headers, by which others do not go.
    fn look_ahead(&mut self) -> Result<()> {
        if !self.is_aac() {
            return Ok(());
        }
        let mut decoder = AacDecoder::new(&self.parameters, self.mix)?;
        let (mut all_misfit, mut n_bytes) = (true, 0);
        while self.ahead.len() < LOOK_AHEAD && n_bytes < LOOK_AHEAD_BYTES {
            let mut packet = Packet::default();
            if !self.demuxer.next_packet(&mut packet, &mut self.losses)? {
                break;
            }
            if let Some(refusal) = decoder.refuses(&packet.data) {
                return Err(refusal);
            }
            all_misfit &= decoder.misfits(&packet.data);
            n_bytes += packet.data.len();
            self.ahead.push_back(packet);
        }
        // A few packets of garbage in a torn file are another thing.
        if all_misfit && !self.ahead.is_empty() && self.losses.is_empty() {
            let what = "AAC of another channel layout than its header's".to_owned();
            return Err(Error::Unsupported { what, advice: CONVERT });
        }
        Ok(())
    }

    /// Puts the next packet into `self.packet`; `false` at the end.
    fn next_packet(&mut self) -> Result<bool> {
        if let Some(packet) = self.ahead.pop_front() {
            self.packet = packet;
            return Ok(true);
        }
        self.demuxer.next_packet(&mut self.packet, &mut self.losses)
    }

    /// One packet; `false` at the end.
    fn step(&mut self, block: &mut Block) -> Result<bool> {
        block.clear(self.info.n_channels);
        if self.ended || !self.next_packet()? {
            self.ended = true;
            self.timeline.settle(&mut self.losses);
            return Ok(false);
        }
        if let Some(stream) = self.packet.stream.take()
            && !self.restart(&stream)?
        {
            self.ended = true;
            return Ok(false);
        }
        if self.timeline.begin(&self.packet, &mut self.losses) {
            self.decoder.reset();
            self.lacks_last = true;
        }
        let decoded = self.decode(block);
        let lacks_last = std::mem::replace(&mut self.lacks_last, decoded.is_err());
        let why = match decoded {
            Err(why) => why,
            // Half of what it adds up is missing: what is there is aliased.
            Ok(()) if lacks_last && self.is_aac() => {
                self.packet.n_samples = block.n_samples() as u64;
                "a frame behind one that is missing".to_owned()
            }
            Ok(()) => {
                self.timeline.end(&self.packet, block, &mut self.losses);
                return Ok(true);
            }
        };
        self.timeline.lose(&self.packet, why, &mut self.losses);
        block.clear(self.info.n_channels);
        Ok(true)
    }

    fn decode(&mut self, block: &mut Block) -> std::result::Result<(), String> {
        self.decoder.decode(&self.packet.data, block)?;
        let planes = &block.channels;
        let is_mixed = self.mix == Mix::Mono && planes.len() == 1;
        let is_even = planes.iter().all(|plane| plane.len() == planes[0].len());
        if !is_even || !is_mixed && planes.len() != self.info.n_channels {
            return Err("the channels change".to_owned());
        }
        Ok(())
    }

    /// Goes on with the next stream of a chain if it sounds alike; `false` if it does not.
    fn restart(&mut self, stream: &demux::Stream) -> Result<bool> {
        let parameters = &stream.parameters;
        let n_channels = parameters.channels.as_ref().map_or(0, Channels::count);
        if parameters.sample_rate != Some(self.info.sample_rate)
            || n_channels != self.info.n_channels
        {
            self.losses.add(0, "a chained stream of another sample rate or channel count");
            return Ok(false);
        }
        // Two of them at a time may be too many: each takes what its headers ask for.
        self.decoder = Box::new(NoDecoder);
        self.lacks_last = false;
        match make_decoder(parameters, self.mix) {
            Ok(decoder) => self.decoder = decoder,
            Err(error @ Error::Io(_)) => return Err(error),
            Err(error) => {
                self.losses.add(0, format!("a chained stream cannot be decoded: {error}"));
                return Ok(false);
            }
        }
        self.parameters = parameters.clone();
        self.timeline = Timeline::new(stream);
        Ok(true)
    }
}

impl Backend for Packets {
    fn info(&self) -> &TrackInfo {
        &self.info
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        self.step(block)
    }

    fn measure(&mut self) -> Result<Option<u64>> {
        self.measured()
    }

    fn seek(&mut self, sample: u64) -> Result<Option<u64>> {
        self.go_to(sample)
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

fn open_demuxer(
    input: Input,
    Sniffed { container, start, end }: Sniffed,
    losses: &mut Losses,
) -> Result<Box<dyn Demuxer>> {
    Ok(match container {
        Container::Ogg => Box::new(demux::ogg::Ogg::open(input, start, end, losses)?),
        Container::Mp4 => Box::new(demux::mp4::open(input, start, end, losses)?),
        Container::Matroska => Box::new(demux::matroska::open(input, start, end, losses)?),
        Container::Caf => Box::new(demux::caf::open(input, start, end, losses)?),
        _ => Box::new(demux::adts::open(input, start, end, losses)?),
    })
}
