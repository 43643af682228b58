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

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;

use self::head::{Head, HeadError, Origin};
use self::packet::Packet;
use self::stream::StreamDecoder;
use crate::decode::Block;
use crate::decode::mpeg::layer3::Mix;
use crate::decode::packets::PacketDecoder;
use crate::error::{CONVERT, Error, Result};

/// Decodes the packets of one track.
pub(super) struct OpusDecoder {
    head: Head,
    streams: Vec<StreamDecoder>,
    /// What each stream decoded.
    planes: Vec<Vec<Vec<f32>>>,
    /// Whether they are already the mean of all channels.
    mixed: bool,
}

impl OpusDecoder {
    /// With [`Mix::Mono`], a track of one stereo stream comes as the mean of its channels.
    pub(super) fn new(parameters: &AudioCodecParameters, mix: Mix) -> Result<Self> {
        let n_channels = parameters.channels.as_ref().map_or(0, Channels::count);
        let head = match parameters.extra_data.as_deref() {
            Some(data) => Head::parse(data).map_err(refused)?,
            None => Head::simple(n_channels).ok_or_else(|| Error::damaged("no Opus header"))?,
        };
        if head.n_channels != n_channels {
            return Err(Error::damaged("the container's channels are not the stream's"));
        }
        let mixed = mix == Mix::Mono && head.n_channels == 2 && head.n_coupled == 1;
        let n_planes = |stream: usize| if mixed { 1 } else { head.n_planes(stream) };
        let streams = head.streams().map(|stream| StreamDecoder::new(n_planes(stream))).collect();
        let planes = head.streams().map(|stream| vec![Vec::new(); n_planes(stream)]).collect();
        Ok(Self { head, streams, planes, mixed })
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

    /// Appends the channels in order.
    fn assemble(&self, n_samples: usize, block: &mut Block) {
        if self.mixed {
            block.channels.truncate(1);
        }
        let gain = self.head.gain;
        for (channel, origin) in block.channels.iter_mut().zip(&self.head.origins) {
            let start = channel.len();
            match *origin {
                Origin::Stream { stream, plane } => {
                    channel.extend_from_slice(&self.planes[stream][plane][..n_samples]);
                }
                Origin::Silence => channel.resize(start + n_samples, 0.0),
            }
            if gain.to_bits() != 1_f32.to_bits() {
                for sample in &mut channel[start..] {
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
        HeadError::Unsupported(what) => {
            Error::Unsupported { what: what.to_owned(), advice: CONVERT }
        }
    }
}

impl PacketDecoder for OpusDecoder {
    fn name(&self) -> &'static str {
        "opus"
    }

    fn decode(&mut self, packet: &[u8], block: &mut Block) -> std::result::Result<(), String> {
        let n_samples = self.decode_streams(packet)?;
        self.assemble(n_samples, block);
        Ok(())
    }

    fn reset(&mut self) {
        self.streams.iter_mut().for_each(StreamDecoder::reset);
    }
}
