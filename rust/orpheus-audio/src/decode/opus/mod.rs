//! Opus (RFC 6716, as amended by RFC 8251): packets → samples at 48 kHz.
#![expect(
    clippy::inline_always,
    reason = "what is generic over the kernel must be compiled into the function that is allowed its instructions"
)]

mod celt;
mod head;
mod packet;
mod range;
mod silk;
mod stream;
#[cfg(test)]
mod tests;

use symphonia::core::audio::{
    AsGenericAudioBufferRef, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, FinalizeResult};
use symphonia::core::errors::{Error as SymphoniaError, Result as SymphoniaResult};
use symphonia::core::packet::PacketRef;

use self::head::{Head, HeadError, Origin};
use self::packet::{MAX_PACKET_SAMPLES, Packet};
use self::stream::StreamDecoder;
use crate::decode::mpeg::layer3::Mix;
use crate::error::{Error, Result};

/// The rate that every Opus stream is decoded at.
const SAMPLE_RATE: u32 = 48_000;

static INFO: CodecInfo = CodecInfo { short_name: "opus", long_name: "Opus", profiles: &[] };

/// Decodes the packets of one track.
pub(super) struct OpusDecoder {
    parameters: AudioCodecParameters,
    head: Head,
    streams: Vec<StreamDecoder>,
    /// What each stream decoded.
    planes: Vec<Vec<Vec<f32>>>,
    buffer: AudioBuffer<f32>,
}

impl OpusDecoder {
    /// With [`Mix::Mono`], a track of one stereo stream comes as the mean of its channels.
    pub(super) fn new(parameters: &AudioCodecParameters, mix: Mix) -> Result<Self> {
        let n_channels = parameters.channels.as_ref().map_or(0, Channels::count);
        let head = match parameters.extra_data.as_deref() {
            Some(data) => Head::parse(data).map_err(refused)?,
            None => Head::simple(n_channels).ok_or_else(|| Error::damaged("no Opus header"))?,
        };
        let mixed = mix == Mix::Mono && head.n_channels == 2 && head.n_coupled == 1;
        let n_planes = |stream: usize| if mixed { 1 } else { head.n_planes(stream) };
        let streams = head.streams().map(|stream| StreamDecoder::new(n_planes(stream))).collect();
        let planes = head.streams().map(|stream| vec![Vec::new(); n_planes(stream)]).collect();
        let n_out = if mixed { 1 } else { head.n_channels };
        let spec = AudioSpec::new(SAMPLE_RATE, Channels::Discrete(n_out as u16));
        Ok(Self {
            parameters: parameters.clone(),
            streams,
            planes,
            buffer: AudioBuffer::new(spec, MAX_PACKET_SAMPLES),
            head,
        })
    }

    /// Decodes a packet into the planes of its streams; its samples per channel.
    fn decode_streams(&mut self, mut data: &[u8]) -> std::result::Result<usize, &'static str> {
        let mut n_samples = None;
        let last = self.streams.len() - 1;
        for (index, (stream, planes)) in self.streams.iter_mut().zip(&mut self.planes).enumerate() {
            let packet = if index == last {
                Packet::parse(data)?
            } else {
                let (packet, rest) = Packet::parse_delimited(data)?;
                data = rest;
                packet
            };
            if *n_samples.get_or_insert(packet.n_samples()) != packet.n_samples() {
                return Err("streams of different length");
            }
            stream.decode(&packet, planes)?;
        }
        Ok(n_samples.unwrap_or(0))
    }

    /// Puts the channels in order.
    fn assemble(&mut self, n_samples: usize) {
        self.buffer.clear();
        self.buffer.render_silence(Some(n_samples));
        let gain = self.head.gain;
        let origins = self.head.origins.iter();
        for (channel, origin) in self.buffer.iter_planes_mut().zip(origins) {
            let Origin::Stream { stream, plane } = *origin else { continue };
            channel.copy_from_slice(&self.planes[stream][plane][..n_samples]);
            if gain.to_bits() != 1_f32.to_bits() {
                for sample in channel {
                    *sample *= gain;
                }
            }
        }
    }
}

/// Why there is no decoder.
fn refused(error: HeadError) -> Error {
    match error {
        HeadError::Damaged(why) => Error::damaged(why),
        HeadError::Unsupported(what) => Error::Unsupported {
            what: what.to_owned(),
            advice: "convert it to FLAC, WAV, MP3, Ogg Vorbis or M4A",
        },
    }
}

impl AudioDecoder for OpusDecoder {
    fn reset(&mut self) {
        self.streams.iter_mut().for_each(StreamDecoder::reset);
        self.buffer.clear();
    }

    fn codec_info(&self) -> &CodecInfo {
        &INFO
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.parameters
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> SymphoniaResult<GenericAudioBufferRef<'_>> {
        match self.decode_streams(packet.data) {
            Ok(n_samples) => {
                self.assemble(n_samples);
                Ok(self.buffer.as_generic_audio_buffer_ref())
            }
            Err(why) => {
                self.buffer.clear();
                Err(SymphoniaError::DecodeError(why))
            }
        }
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.buffer.as_generic_audio_buffer_ref()
    }
}
