//! Real files, beside symphonia's decoder; made-up streams, beside the portable code.

use std::path::Path;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
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
    for name in names {
        let path = &folder.join(name);
        if !path.exists() {
            eprintln!("skipped: {name} is not there");
            continue;
        }
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

/// What each packet puts out, under both kernels.
fn decoded(headers: &[u8], packets: &[Vec<u8>], mix: Mix, kernel: Kernel) -> Vec<Vec<f32>> {
    let mut decoder = VorbisDecoder::from_headers(headers, mix).unwrap();
    let mut planes = vec![Vec::new(); decoder.overlaps.len()];
    for packet in packets {
        // What is no audio is told the same way, by a block less.
        let _ = kernel.decode(&mut decoder, packet, &mut planes);
    }
    planes
}

fn bits_of(planes: &[Vec<f32>]) -> Vec<Vec<u32>> {
    planes.iter().map(|plane| plane.iter().map(|value| value.to_bits()).collect()).collect()
}

#[test]
fn the_fastest_code_decodes_bit_by_bit_what_the_portable_code_does() {
    let packets = testing::packets(400);
    for residue_type in 0..3 {
        for is_coupled in [false, true] {
            let headers = testing::headers(residue_type, is_coupled);
            for mix in [Mix::Mono, Mix::Channels] {
                let wanted = decoded(&headers, &packets, mix, Kernel::Portable);
                let got = decoded(&headers, &packets, mix, Kernel::fastest());
                assert_eq!(bits_of(&got), bits_of(&wanted), "type {residue_type}, {mix:?}");
                let energy: f32 = wanted.iter().flatten().map(|value| value * value).sum();
                assert!(energy > 1.0 && wanted[0].len() > 100_000, "{energy}");
            }
        }
    }
}

#[test]
fn mono_is_the_mean_of_the_channels_whatever_the_packets_hold() {
    let packets = testing::packets(400);
    for (residue_type, is_coupled) in [(0, true), (1, false), (2, true), (2, false)] {
        let headers = testing::headers(residue_type, is_coupled);
        let planes = decoded(&headers, &packets, Mix::Channels, Kernel::best());
        let mono = decoded(&headers, &packets, Mix::Mono, Kernel::best());
        assert_eq!(mono[0].len(), planes[0].len());
        let loudest = planes.iter().flatten().fold(0.0, |most: f32, value| most.max(value.abs()));
        for ((left, right), mean) in planes[0].iter().zip(&planes[1]).zip(&mono[0]) {
            // The transform rounds relative to the whole block.
            assert!((0.5 * (left + right) - mean).abs() <= 1e-6 * loudest);
        }
    }
}

/// No encoder of this century writes such floors. symphonia refuses some of the packets, and knows two
/// orders well.
#[test]
fn floors_of_line_spectral_pairs_decode_as_symphonia_decodes_them() {
    for order in [1, 2] {
        let headers = testing::headers_of_pairs(order);
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(CODEC_ID_VORBIS)
            .with_sample_rate(44_100)
            .with_channels(Channels::Discrete(2))
            .with_extra_data(headers.clone().into());
        let make = || {
            get_codecs()
                .make_audio_decoder(&parameters, &AudioDecoderOptions::default().gapless(false))
                .unwrap()
        };
        let planes_of = |decoder: &mut Box<dyn AudioDecoder>, packet: &[u8]| {
            let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
            let mut planes: Vec<Vec<f32>> = Vec::new();
            decoder.decode_ref(&packet).ok()?.copy_to_vecs_planar(&mut planes);
            Some(planes)
        };
        // Long enough never to end early, and long blocks all, between long ones: symphonia believes what
        // they say of their neighbours.
        let packets: Vec<_> = testing::packets(3200)
            .chunks(16)
            .map(|packets| {
                let mut packet = packets.concat();
                packet[0] |= 0b1110;
                packet
            })
            .filter(|packet| planes_of(&mut make(), packet).is_some())
            .collect();
        let got = decoded(&headers, &packets, Mix::Channels, Kernel::best());
        let mut wanted = vec![Vec::<f32>::new(); 2];
        let mut reference = make();
        for (number, packet) in packets.iter().enumerate() {
            let planes = planes_of(&mut reference, packet).unwrap();
            if number > 0 {
                wanted.iter_mut().zip(&planes).for_each(|(all, plane)| all.extend(plane));
            }
        }
        assert!(packets.len() > 50, "{}", packets.len());
        let loudest = wanted.iter().flatten().fold(0.0, |most: f32, value| most.max(value.abs()));
        assert!(loudest > 1e-3, "{loudest}");
        for (got, wanted) in got.iter().zip(&wanted) {
            assert_eq!(got.len(), wanted.len());
            let worst = got.iter().zip(wanted).map(|(g, w)| (g - w).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5 * loudest, "order {order}: off by {worst} of {loudest}");
        }
    }
}
