//! Frames of random samples, beside symphonia's decoder.

use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP1, CODEC_ID_MP2};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::MpaDecoder;

use super::*;

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(n)) as u32
    }
}

/// Writes bits, most significant first, into a frame.
struct Writer {
    frame: Vec<u8>,
    at: usize,
}

impl Writer {
    fn put(&mut self, value: u32, n_bits: u32) {
        for bit in (0..n_bits).rev() {
            self.frame[self.at / 8] |= ((value >> bit & 1) as u8) << (7 - self.at % 8);
            self.at += 1;
        }
    }

    fn n_left(&self) -> usize {
        8 * self.frame.len() - self.at
    }
}

/// A frame with what its header says, of as many samples as fit into it.
fn frame(random: &mut Random, head: [u8; 4]) -> Vec<u8> {
    let header = FrameHeader::parse(&head).unwrap();
    let mut frame = vec![0; header.n_bytes];
    frame[..4].copy_from_slice(&head);
    let start = if head[1] & 1 == 0 { 48 } else { 32 };
    let mut writer = Writer { frame, at: start };
    let runs: Vec<(usize, u32, Vec<u32>)> = match header.layer {
        1 => vec![(32, 4, (0..15).map(|n| if n == 0 { 0 } else { (2 << n) - 1 }).collect())],
        _ => layer2(&header)
            .iter()
            .map(|&(n, width, l)| (n, width, l[..1 << width].to_vec()))
            .collect(),
    };
    let n_subbands = runs.iter().map(|(n, ..)| n).sum();
    let mut coding = Coding::new(&header, head[3], n_subbands);
    let n_times = header.n_samples as usize / 96;
    let mut n_left = writer.n_left();
    let mut subband = 0;
    for (n, width, levels) in &runs {
        for _ in 0..*n {
            for channel in 0..coding.n_stored(subband) {
                let n_scales = if subband < coding.bound { 1 } else { header.n_channels };
                let choice = random.below(levels.len() as u32);
                let n_bits = match levels[choice as usize] {
                    0 => 0,
                    levels if header.layer == 1 => 12 * bits_of(levels) as usize,
                    3 => 5 * n_times,
                    5 => 7 * n_times,
                    9 => 10 * n_times,
                    levels => 3 * n_times * bits_of(levels) as usize,
                } + n_scales * 20;
                // What is left must do for the other allocations.
                let choice = if n_bits + 8 * 32 < n_left { choice } else { 0 };
                n_left -= if choice == 0 { 0 } else { n_bits };
                writer.put(choice, *width);
                coding.allocate(subband, channel, levels[choice as usize]);
            }
            subband += 1;
        }
    }
    put_scales(&mut writer, random, &coding, header.layer);
    for _ in 0..if header.layer == 1 { 12 } else { n_times } {
        for (_, _, levels) in coding.stored() {
            match (header.layer, levels) {
                (2, 3) => writer.put(random.below(27), 5),
                (2, 5) => writer.put(random.below(125), 7),
                (2, 9) => writer.put(random.below(729), 10),
                (layer, levels) => (0..2 * layer - 1)
                    .for_each(|_| writer.put(random.below(levels), bits_of(levels))),
            }
        }
    }
    writer.frame
}

fn put_scales(writer: &mut Writer, random: &mut Random, coding: &Coding, layer: u8) {
    let levels = coding.levels.as_flattened();
    let mut selections = vec![2; levels.len()];
    for (selection, _) in selections.iter_mut().zip(levels).filter(|(_, levels)| **levels > 0) {
        if layer == 2 {
            *selection = random.below(4);
            writer.put(*selection, 2);
        }
    }
    for (selection, _) in selections.iter().zip(levels).filter(|(_, levels)| **levels > 0) {
        let n = [3, 2, 1, 2][*selection as usize];
        (0..n).for_each(|_| writer.put(6 + random.below(40), 6));
    }
}

fn by_symphonia(frames: &[Vec<u8>]) -> Vec<Vec<f32>> {
    let header = FrameHeader::parse(&frames[0]).unwrap();
    let mut parameters = AudioCodecParameters::new();
    parameters
        .for_codec(if header.layer == 1 { CODEC_ID_MP1 } else { CODEC_ID_MP2 })
        .with_sample_rate(header.sample_rate);
    let mut decoder = MpaDecoder::try_new(&parameters, &AudioDecoderOptions::default()).unwrap();
    let mut all = vec![Vec::new(); header.n_channels];
    for frame in frames {
        let length = Duration::new(u64::from(header.n_samples));
        let packet = PacketRef::new(0, Timestamp::ZERO, length, frame);
        let mut planes: Vec<Vec<f32>> = Vec::new();
        decoder.decode_ref(&packet).unwrap().copy_to_vecs_planar(&mut planes);
        all.iter_mut().zip(planes).for_each(|(all, plane)| all.extend(plane));
    }
    all
}

fn decoded(frames: &[Vec<u8>], mix: Mix) -> Vec<Vec<f32>> {
    let header = FrameHeader::parse(&frames[0]).unwrap();
    let mut decoder = Subbands::new(mix);
    let mut planes = vec![Vec::new(); if mix == Mix::Mono { 1 } else { header.n_channels }];
    for frame in frames {
        decoder.decode(&header, frame, &mut planes).unwrap();
    }
    planes
}

fn error_db(got: &[f32], wanted: &[f32]) -> f64 {
    assert_eq!(got.len(), wanted.len());
    let energy = |values: &mut dyn Iterator<Item = f32>| -> f64 {
        values.map(|value| f64::from(value).powi(2)).sum()
    };
    let error = energy(&mut got.iter().zip(wanted).map(|(a, b)| a - b));
    10.0 * (error / energy(&mut wanted.iter().copied()).max(1e-9)).max(1e-30).log10()
}

/// The second byte of a header, by layer, with MPEG-1 and without a checksum.
const LAYERS: [u8; 2] = [0xff, 0xfd];

#[test]
fn frames_decode_as_symphonia_decodes_them_and_to_their_mean_in_mono() {
    let random = &mut Random(1);
    let mut n_tried = 0;
    for layer in LAYERS {
        for (is_half, rate, bitrate, mode) in (0..2_u8).flat_map(|is_half| {
            (0..3_u8).flat_map(move |rate| {
                (1..15_u8).flat_map(move |bitrate| {
                    [0, 0x40, 0x50, 0x60, 0x70, 0x80, 0xc0]
                        .map(|mode| (is_half, rate, bitrate, mode))
                })
            })
        }) {
            let head = [0xff, layer ^ is_half << 3, bitrate << 4 | rate << 2, mode];
            let header = FrameHeader::parse(&head).unwrap();
            let kbit = header.kbit_per_second;
            // It refuses others, at halved rates too.
            let is_allowed = header.layer == 1
                || match header.n_channels {
                    1 => kbit <= 192,
                    _ => kbit == 64 || kbit >= 96,
                };
            // Some have no room for the allocations alone.
            if !is_allowed || header.n_bytes < 40 {
                continue;
            }
            n_tried += 1;
            let frames: Vec<_> = (0..4).map(|_| frame(random, head)).collect();
            let wanted = by_symphonia(&frames);
            let got = decoded(&frames, Mix::Channels);
            for (got, wanted) in got.iter().zip(&wanted) {
                let db = error_db(got, wanted);
                assert!(db < -110.0, "{header:?}, mode {mode:x}: {db:.1} dB");
            }
            let mean: Vec<f32> = match got.as_slice() {
                [left, right] => left.iter().zip(right).map(|(l, r)| 0.5 * (l + r)).collect(),
                _ => got[0].clone(),
            };
            let db = error_db(&decoded(&frames, Mix::Mono)[0], &mean);
            assert!(db < -110.0, "{header:?}, mode {mode:x}: {db:.1} dB in mono");
        }
    }
    assert!(n_tried > 900, "{n_tried}");
}

/// Rates that the standard does not allow for these channels, and encoders write: the coding is that of
/// the rate per channel.
#[test]
fn rates_that_the_standard_forbids_are_decoded() {
    let random = &mut Random(2);
    // 224 to 384 kbit/s in mono; 32, 48, 56 and 80 in stereo.
    for (bitrate, mode) in [(11, 0xc0), (12, 0xc0), (14, 0xc0), (1, 0), (2, 0), (3, 0x40), (5, 0)] {
        let head = [0xff, 0xfd, bitrate << 4, mode];
        let frames: Vec<_> = (0..3).map(|_| frame(random, head)).collect();
        let got = decoded(&frames, Mix::Channels);
        // The same samples in a frame whose rate per channel is allowed and has the same coding.
        let twin = match (bitrate, mode) {
            (_, 0xc0) => [0xff, 0xfd, 0xa0, 0xc0],
            (_, mode) => [0xff, 0xfd, 0x40, mode],
        };
        let twins: Vec<_> = frames
            .iter()
            .map(|frame| [&twin[..], &frame[4..]].concat())
            .map(|mut frame| {
                let n_bytes = FrameHeader::parse(&twin).unwrap().n_bytes;
                frame.resize(n_bytes.max(frame.len()), 0);
                frame
            })
            .collect();
        let header = FrameHeader { n_bytes: 4000, ..FrameHeader::parse(&twin).unwrap() };
        let mut decoder = Subbands::new(Mix::Channels);
        let mut wanted = vec![Vec::new(); header.n_channels];
        for frame in &twins {
            decoder.decode(&header, frame, &mut wanted).unwrap();
        }
        assert!(got == wanted, "{bitrate} {mode:x}");
        assert!(got[0].iter().any(|&sample| sample.abs() > 1e-3), "{bitrate} {mode:x}");
    }
}

#[test]
fn bytes_of_any_kind_end_with_samples_or_an_error() {
    let random = &mut Random(3);
    let (mut n_sound, mut n_refused) = (0, 0);
    for round in 0..3000 {
        let layer = LAYERS[round % 2];
        let head = [0xff, layer, (1 + random.below(14) as u8) << 4, random.below(256) as u8];
        let header = FrameHeader::parse(&head).unwrap();
        let mut frame = head.to_vec();
        frame.resize_with(header.n_bytes, || random.below(256) as u8);
        let mut planes = vec![Vec::new(); header.n_channels];
        match Subbands::new(Mix::Channels).decode(&header, &frame, &mut planes) {
            Ok(()) => {
                n_sound += 1;
                assert!(planes.iter().flatten().all(|sample| sample.is_finite()));
                assert_eq!(planes[0].len(), header.n_samples as usize);
            }
            Err(_) => n_refused += 1,
        }
    }
    assert!(n_sound > 100 && n_refused > 100, "{n_sound}, {n_refused}");
}
