//! Real files, beside symphonia's decoder.

use std::path::Path;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::default::formats::OggReader;
use symphonia::default::get_codecs;

use super::*;

/// Headers and packets of an Ogg file, and what symphonia's decoder makes of them.
fn packets(path: &Path) -> (Vec<u8>, Vec<Vec<u8>>, Vec<Vec<f32>>) {
    let file = Box::new(std::fs::File::open(path).unwrap());
    let stream = MediaSourceStream::new(file, MediaSourceStreamOptions::default());
    let mut reader = OggReader::try_new(stream, FormatOptions::default()).unwrap();
    let track = reader.default_track(TrackType::Audio).unwrap();
    let Some(CodecParameters::Audio(parameters)) = &track.codec_params else { panic!("no audio") };
    let headers = parameters.extra_data.as_deref().unwrap().to_vec();
    let options = AudioDecoderOptions::default().gapless(false);
    let mut reference = get_codecs().make_audio_decoder(parameters, &options).unwrap();
    let (mut packets, mut wanted) = (Vec::new(), Vec::new());
    while let Some(packet) = reader.next_packet().unwrap() {
        let buffer = reference.decode(&packet).unwrap();
        let mut planes: Vec<Vec<f32>> = Vec::new();
        buffer.copy_to_vecs_planar::<f32>(&mut planes);
        wanted.resize_with(planes.len(), Vec::new);
        if !packets.is_empty() {
            for (all, plane) in wanted.iter_mut().zip(&planes) {
                all.extend(plane);
            }
        }
        packets.push(packet.data.to_vec());
    }
    (headers, packets, wanted)
}

#[test]
fn real_files_decode_as_symphonia_decodes_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/audio");
    let names = ["formats/vorbis.ogg", "formats/vorbis-48k-mono.ogg", "music/yd--shrine.ogg"];
    for path in names.map(|name| folder.join(name)).iter().filter(|path| path.exists()) {
        let (headers, packets, wanted) = packets(path);
        let mut channels = VorbisDecoder::from_headers(&headers, Mix::Channels).unwrap();
        let mut mono = VorbisDecoder::from_headers(&headers, Mix::Mono).unwrap();
        let mut planes = vec![Vec::new(); channels.overlaps.len()];
        let mut mean = vec![Vec::new()];
        for packet in &packets {
            channels.decode_packet(packet, &mut planes).unwrap();
            mono.decode_packet(packet, &mut mean).unwrap();
        }
        assert_eq!(planes[0].len(), wanted[0].len(), "{path:?}");
        for (got, wanted) in planes.iter().zip(&wanted) {
            let error = got.iter().zip(wanted).map(|(g, w)| (g - w).abs()).fold(0.0, f32::max);
            assert!(error < 2e-6, "{path:?}: off by {error}");
        }
        let n = wanted.len() as f32;
        for (i, got) in mean[0].iter().enumerate() {
            let wanted = wanted.iter().map(|plane| plane[i]).sum::<f32>() / n;
            assert!((got - wanted).abs() < 2e-6, "{path:?}: mono at {i}: {got}, {wanted}");
        }
    }
}
