//! The codecs that symphonia decodes, and the choice between them and ours.

use symphonia::core::audio::{Audio, Channels, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_ALAC, CODEC_ID_FLAC, CODEC_ID_OPUS, CODEC_ID_SPEEX, CODEC_ID_VORBIS,
};
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, CODEC_ID_NULL_AUDIO,
};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::get_codecs;

use super::Block;
use super::aac::AacDecoder;
use super::alac::AlacDecoder;
use super::flac::crc::crc16;
use super::mpeg::layer3::Mix;
use super::opus::OpusDecoder;
use super::packets::PacketDecoder;
use super::vorbis::VorbisDecoder;
use crate::error::{CONVERT, Error, Result};

/// The decoder's own words, without the frame that its error type puts around them.
pub(super) fn describe(error: &SymphoniaError) -> String {
    match error {
        SymphoniaError::DecodeError(what)
        | SymphoniaError::Unsupported(what)
        | SymphoniaError::LimitError(what) => (*what).to_owned(),
        error => error.to_string(),
    }
}

/// A decoder of symphonia's.
struct Symphonia {
    decoder: Box<dyn AudioDecoder>,
    parameters: AudioCodecParameters,
}

impl PacketDecoder for Symphonia {
    fn name(&self) -> &'static str {
        self.decoder.codec_info().short_name
    }

    fn decode(&mut self, packet: &[u8], block: &mut Block) -> std::result::Result<(), String> {
        if self.parameters.codec == CODEC_ID_FLAC && crc16(packet) != 0 {
            return Err("a frame fails its checksum".to_owned());
        }
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
        let buffer = self.decoder.decode_ref(&packet).map_err(|error| describe(&error))?;
        let n_channels = self.parameters.channels.as_ref().map_or(0, Channels::count);
        let is_alike = buffer.num_planes() == n_channels
            && Some(buffer.spec().rate()) == self.parameters.sample_rate;
        if is_alike {
            copy_planes(&buffer, block);
        } else if !buffer.is_empty() {
            return Err("sample rate or channels change".to_owned());
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.decoder.reset();
    }
}

pub(super) fn make_decoder(
    parameters: &AudioCodecParameters,
    mix: Mix,
) -> Result<Box<dyn PacketDecoder>> {
    let unsupported = |what: &str| Error::Unsupported { what: what.to_owned(), advice: CONVERT };
    let extra_data = parameters.extra_data.as_deref().unwrap_or(&[]);
    match parameters.codec {
        CODEC_ID_ALAC => return Ok(Box::new(AlacDecoder::new(extra_data, mix)?)),
        CODEC_ID_OPUS => return Ok(Box::new(OpusDecoder::new(parameters, mix)?)),
        CODEC_ID_VORBIS => return Ok(Box::new(VorbisDecoder::new(parameters, mix)?)),
        CODEC_ID_SPEEX => return Err(unsupported("codec Speex")),
        CODEC_ID_AAC => return Ok(Box::new(AacDecoder::new(parameters, mix)?)),
        CODEC_ID_NULL_AUDIO => return Err(unsupported("codec that the container does not name")),
        _ => {}
    }
    let decoder = get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| match error {
            SymphoniaError::Unsupported(what) => unsupported(&format!("codec ({what})")),
            error => Error::damaged(describe(&error)),
        })?;
    Ok(Box::new(Symphonia { decoder, parameters: parameters.clone() }))
}

fn copy_planes(buffer: &GenericAudioBufferRef<'_>, block: &mut Block) {
    if let GenericAudioBufferRef::F32(planes) = buffer {
        for (channel, plane) in block.channels.iter_mut().zip(planes.iter_planes()) {
            channel.extend_from_slice(plane);
        }
    } else {
        buffer.copy_to_vecs_planar(&mut block.channels);
    }
}
