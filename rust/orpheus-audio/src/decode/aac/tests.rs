//! Whole packets.

use std::f64::consts::PI;

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::get_codecs;

use super::synthesis::Windows;
use super::testing::{Kind, Random, Writer};
use super::window::Sequence::{self, Long, Short, Start, Stop};
use super::window::Shape;
use super::*;

const PLAIN: Kind = Kind { rate_index: 4, frame_length: 1024, noise: false, n_books: 11 };

fn parameters(rate_index: usize, n_channels: u16) -> AudioCodecParameters {
    let mut parameters = AudioCodecParameters::new();
    parameters
        .for_codec(CODEC_ID_AAC)
        .with_sample_rate(SAMPLE_RATES[rate_index])
        .with_channels(Channels::Discrete(n_channels));
    parameters
}

fn decoder(rate_index: usize, n_channels: u16, mix: Mix) -> AacDecoder {
    AacDecoder::new(&parameters(rate_index, n_channels), mix).unwrap()
}

fn decode(decoder: &mut AacDecoder, packet: &[u8]) -> std::result::Result<Vec<Vec<f32>>, String> {
    let mut block = Block { channels: vec![Vec::new(); decoder.channels.len()] };
    decoder.decode(packet, &mut block)?;
    Ok(block.channels)
}

fn energy(samples: &[f32]) -> f64 {
    samples.iter().map(|&sample| f64::from(sample).powi(2)).sum()
}

/// Error of all channels against their level.
fn error_db(got: &[Vec<f32>], wanted: &[Vec<f32>]) -> f64 {
    assert_eq!(got.len(), wanted.len());
    let (mut error, mut level) = (0.0, 1e-12);
    for (got, wanted) in got.iter().zip(wanted) {
        assert_eq!(got.len(), wanted.len());
        let difference: Vec<f32> = got.iter().zip(wanted).map(|(a, b)| a - b).collect();
        error += energy(&difference);
        level += energy(wanted);
    }
    10.0 * (error / level).max(1e-30).log10()
}

#[test]
fn random_packets_decode_as_symphonia_decodes_them() {
    for (rate_index, n_channels) in [(4, 2), (4, 1), (0, 2), (7, 1), (11, 2)] {
        let kind = Kind { rate_index, ..PLAIN };
        let random = &mut Random(7 + rate_index as u64);
        let options = AudioDecoderOptions::default();
        let parameters = parameters(rate_index, n_channels);
        let mut reference = get_codecs().make_audio_decoder(&parameters, &options).unwrap();
        let mut ours = decoder(rate_index, n_channels, Mix::Channels);
        let (mut got, mut wanted) = (vec![Vec::new(); n_channels.into()], Vec::new());
        for _ in 0..60 {
            let packet = kind.packet(random, n_channels.into());
            let planes = decode(&mut ours, &packet).unwrap();
            got.iter_mut().zip(planes).for_each(|(all, plane)| all.extend(plane));
            let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, &packet);
            let buffer = reference.decode_ref(&packet).unwrap();
            let mut planes: Vec<Vec<f32>> = Vec::new();
            buffer.copy_to_vecs_planar(&mut planes);
            wanted.resize_with(planes.len(), Vec::new);
            wanted.iter_mut().zip(planes).for_each(|(all, plane)| all.extend(plane));
        }
        let db = error_db(&got, &wanted);
        assert!(db < -110.0, "{db:.1} dB at rate {rate_index}, {n_channels} channels");
    }
}

#[test]
fn mono_is_the_mean_of_the_channels_whatever_their_windows() {
    let kind = Kind { noise: true, ..PLAIN };
    let random = &mut Random(99);
    let mut channels = decoder(4, 2, Mix::Channels);
    let mut mono = decoder(4, 2, Mix::Mono);
    let (mut got, mut wanted) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        let packet = kind.packet(random, 2);
        let planes = decode(&mut channels, &packet).unwrap();
        wanted.extend(planes[0].iter().zip(&planes[1]).map(|(a, b)| 0.5 * (a + b)));
        got.extend(decode(&mut mono, &packet).unwrap().remove(0));
    }
    let db = error_db(&[got], &[wanted]);
    assert!(db < -110.0, "{db:.1} dB");
}

#[test]
fn every_kernel_decodes_as_the_portable_one() {
    let kind = Kind { noise: true, ..PLAIN };
    let random = &mut Random(5);
    let mut fast = decoder(4, 2, Mix::Channels);
    let mut portable = decoder(4, 2, Mix::Channels);
    fast.format.kernel = Kernel::fastest();
    portable.format.kernel = Kernel::Portable;
    for _ in 0..30 {
        let packet = kind.packet(random, 2);
        let wanted = decode(&mut portable, &packet).unwrap();
        let db = error_db(&decode(&mut fast, &packet).unwrap(), &wanted);
        assert!(db < -120.0, "{db:.1} dB");
    }
}

#[test]
fn a_stream_entered_in_its_middle_has_the_noise_of_a_full_decode() {
    let kind = Kind { noise: true, ..PLAIN };
    let random = &mut Random(3);
    let packets: Vec<_> = (0..40).map(|_| kind.packet(random, 2)).collect();
    for mix in [Mix::Channels, Mix::Mono] {
        let mut whole = decoder(4, 2, mix);
        let wanted: Vec<_> = packets.iter().map(|p| decode(&mut whole, p).unwrap()).collect();
        let mut part = decoder(4, 2, mix);
        decode(&mut part, &packets[3]).unwrap();
        part.reset();
        decode(&mut part, &packets[19]).unwrap();
        for (packet, wanted) in packets.iter().zip(&wanted).skip(20) {
            let db = error_db(&decode(&mut part, packet).unwrap(), wanted);
            assert!(db < -120.0, "{db:.1} dB");
        }
    }
}

/// Noise in the same band of both channels is the same if the mask says so (§4.6.13.3).
#[test]
fn masked_bands_of_noise_are_alike_in_both_channels() {
    let lines = |mask: u32| {
        let mut writer = Writer::default();
        // A pair with common long windows of one band.
        writer.put_all(&[(1, 3), (0, 4), (1, 1), (0, 4), (1, 6), (0, 1), (mask, 2)]);
        for _ in 0..2 {
            writer.put_all(&[(150, 8), (13, 4), (1, 5), (256, 9), (0, 3)]);
        }
        writer.put(7, 3);
        let mut decoder = decoder(4, 2, Mix::Channels);
        decoder.read(&writer.bytes()).unwrap();
        [0, 1].map(|channel| decoder.channels[channel].lines[..4].to_vec())
    };
    let [left, right] = lines(2);
    assert!(energy(&left) > 0.0 && left == right);
    let [left, right] = lines(0);
    assert!(left != right);
}

/// The inverse transform and the windows, by their formulas (§4.6.11.3).
#[test]
fn frames_of_both_lengths_are_what_the_standard_says() {
    for (length, kernel) in
        [(1024, Kernel::fastest()), (960, Kernel::fastest()), (960, Kernel::Portable)]
    {
        let random = &mut Random(1);
        let mut overlap = Overlap::new();
        let mut wanted = vec![0.0_f64; 7 * length];
        let mut got = Vec::new();
        for (frame, sequence) in [Long, Start, Short, Short, Stop, Long].into_iter().enumerate() {
            let mut lines = [0.0; 1024];
            lines[..length].fill_with(|| random.below(2000) as f32 - 1000.0);
            let windows = Windows { sequence, shape: Shape::Sine, last_shape: Shape::Sine };
            let mut out = vec![0.0; length];
            overlap.begin(&mut out);
            kernel.synthesize(&mut overlap, &lines, windows, &mut out);
            got.extend(out);
            add_frame(&lines[..length], sequence, &mut wanted[frame * length..][..2 * length]);
        }
        let wanted = wanted[..got.len()].iter().map(|&sample| sample as f32).collect();
        let db = error_db(&[got], &[wanted]);
        assert!(db < -120.0, "{db:.1} dB, {length}");
    }
}

fn add_frame(lines: &[f32], sequence: Sequence, out: &mut [f64]) {
    let n = lines.len();
    let short = n / 8;
    let flat = (n - short) / 2;
    if sequence == Sequence::Short {
        for (window, lines) in lines.chunks(short).enumerate() {
            let sine = |i: usize| (PI / (2 * short) as f64 * (i as f64 + 0.5)).sin();
            add_window(lines, sine, &mut out[flat + window * short..][..2 * short]);
        }
        return;
    }
    let slope = |i: usize, is_steep: bool| match (is_steep, i) {
        (false, i) => (PI / (2 * n) as f64 * (i as f64 + 0.5)).sin(),
        (true, i) if i < flat => 0.0,
        (true, i) if i >= flat + short => 1.0,
        (true, i) => (PI / (2 * short) as f64 * ((i - flat) as f64 + 0.5)).sin(),
    };
    let window = |i: usize| {
        if i < n {
            slope(i, sequence == Sequence::Stop)
        } else {
            slope(2 * n - 1 - i, sequence == Sequence::Start)
        }
    };
    add_window(lines, window, out);
}

fn add_window(lines: &[f32], window: impl Fn(usize) -> f64, out: &mut [f64]) {
    let n = lines.len() as f64;
    for (i, out) in out.iter_mut().enumerate() {
        let phase = PI / n * (i as f64 + f64::midpoint(n, 1.0));
        let term = |(k, &line): (usize, &f32)| f64::from(line) * (phase * (k as f64 + 0.5)).cos();
        *out += window(i) * lines.iter().enumerate().map(term).sum::<f64>();
    }
}

#[test]
fn damaged_packets_end_with_an_error_or_samples() {
    let kind = Kind { noise: true, ..PLAIN };
    let random = &mut Random(11);
    let mut decoder = decoder(4, 2, Mix::Channels);
    let mut n_refused = 0;
    for round in 0..3000 {
        let mut packet = kind.packet(random, 2);
        for _ in 0..=round % 4 {
            let at = random.below(8 * packet.len() as u32) as usize;
            packet[at / 8] ^= 1 << (at % 8);
        }
        n_refused += u32::from(decode(&mut decoder, &packet).is_err());
        let mut noise = vec![0; random.below(300) as usize];
        noise.fill_with(|| random.below(256) as u8);
        decode(&mut decoder, &noise).ok();
    }
    assert!(n_refused > 1500, "{n_refused}");
}

#[test]
fn a_packet_that_ends_early_is_refused_wherever_it_is_cut() {
    let packet = Kind { n_books: 5, ..PLAIN }.packet(&mut Random(21), 2);
    let mut decoder = decoder(4, 2, Mix::Channels);
    assert!(decode(&mut decoder, &packet).is_ok());
    for n_bytes in 0..packet.len() - 1 {
        assert!(decode(&mut decoder, &packet[..n_bytes]).is_err(), "{n_bytes}");
    }
}

/// A silent channel, then a fill element, then the end.
fn with_fill(fields: &[(u32, u32)]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.put_all(&[(0, 7), (100, 8), (0, 4), (0, 7), (0, 3)]);
    writer.put_all(fields);
    writer.put(7, 3);
    writer.bytes()
}

#[test]
fn replicated_bands_are_found_in_fill_elements_of_every_form_and_refused() {
    let mut decoder = decoder(7, 1, Mix::Mono);
    let short = [(6, 3), (5, 4), (0xd, 4), (0x0abc_def0, 28), (0x12, 8)];
    let mut long = vec![(6, 3), (15, 4), (6, 8), (0xe, 4), (3, 4)];
    long.extend([(0x55, 8); 19]);
    let behind = [&[(6, 3), (2, 4), (0, 16)], short.as_slice()].concat();
    for fields in [&short, long.as_slice(), &behind] {
        let packet = with_fill(fields);
        assert!(decoder.refuses(&packet).unwrap().to_string().contains("HE-AAC"));
        assert!(decode(&mut decoder, &packet).unwrap_err().contains("band replication"));
    }
    for fields in [&[][..], &[(6, 3), (3, 4), (0, 24)], &[(6, 3), (3, 4), (0xb, 4), (0, 20)]] {
        let packet = with_fill(fields);
        assert!(decoder.refuses(&packet).is_none());
        assert_eq!(decode(&mut decoder, &packet).unwrap(), [vec![0.0; 1024]]);
    }
}

#[test]
fn channels_that_the_configuration_does_not_have_are_refused() {
    let random = &mut Random(2);
    let pair = PLAIN.packet(random, 2);
    let single = PLAIN.packet(random, 1);
    assert!(decode(&mut decoder(4, 1, Mix::Mono), &pair).is_err());
    assert!(decode(&mut decoder(4, 2, Mix::Mono), &single).is_err());
    assert!(decode(&mut decoder(4, 2, Mix::Mono), &[0xe0]).is_err(), "no channel at all");
    let coupling = decoder(4, 2, Mix::Mono).refuses(&[0x40, 0, 0, 0]).unwrap();
    assert!(coupling.to_string().contains("coupling"), "{coupling}");
}
