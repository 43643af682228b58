//! One frame → samples: layer III by our own decoder, layers I and II by symphonia's.

use symphonia::core::audio::{Audio, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP1, CODEC_ID_MP2};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::MpaDecoder;

use super::header::FrameHeader;
use super::layer3::{Layer3, Mix, Soundness};
use crate::error::{Error, Result};

pub(super) enum FrameDecoder {
    Layer3(Box<Layer3>),
    Layers1And2(Box<MpaDecoder>),
}

impl FrameDecoder {
    pub(super) fn new(first: &FrameHeader, mix: Mix) -> Result<Self> {
        let codec = match first.layer {
            1 => CODEC_ID_MP1,
            2 => CODEC_ID_MP2,
            _ => return Ok(Self::Layer3(Box::new(Layer3::new(mix)))),
        };
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(codec).with_sample_rate(first.sample_rate);
        let decoder = MpaDecoder::try_new(&parameters, &AudioDecoderOptions::default())
            .map_err(|error| Error::damaged(error.to_string()))?;
        Ok(Self::Layers1And2(Box::new(decoder)))
    }

    /// As before the first frame.
    pub(super) fn reset(&mut self, mix: Mix) {
        match self {
            Self::Layer3(decoder) => **decoder = Layer3::new(mix),
            Self::Layers1And2(decoder) => decoder.reset(),
        }
    }

    /// Takes in what later frames may refer to, of a frame that is not to be decoded.
    pub(super) fn prime(&mut self, header: &FrameHeader, frame: &[u8]) {
        if let Self::Layer3(decoder) = self {
            // A frame that contradicts itself leaves nothing to refer to, as when it is decoded.
            let _ = decoder.prime(header, frame);
        }
    }

    /// Whether it hands over one channel when mono is asked for.
    pub(super) fn mixes(&self) -> bool {
        matches!(self, Self::Layer3(_))
    }

    /// Appends the frame's samples to `out`, or says why they are lost.
    pub(super) fn decode(
        &mut self,
        header: &FrameHeader,
        frame: &[u8],
        out: &mut [Vec<f32>],
    ) -> Result<Soundness, String> {
        match self {
            Self::Layer3(decoder) => {
                decoder.decode(header, frame, out).map_err(|error| error.to_string())
            }
            Self::Layers1And2(decoder) => {
                let length = Duration::new(u64::from(header.n_samples));
                let packet = PacketRef::new(0, Timestamp::ZERO, length, frame);
                match decoder.decode_ref(&packet).map_err(|error| error.to_string())? {
                    GenericAudioBufferRef::F32(buffer) if buffer.num_planes() == out.len() => {
                        for (out, plane) in out.iter_mut().zip(buffer.iter_planes()) {
                            out.extend_from_slice(plane);
                        }
                        Ok(Soundness::Sound)
                    }
                    _ => Err("the number of channels changes".to_owned()),
                }
            }
        }
    }
}
