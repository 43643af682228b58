//! Packets that nobody meant to be decoded, and some that somebody did.

use proptest::prelude::*;
use symphonia::core::codecs::audio::AudioCodecParameters;

use super::packet::{MAX_PACKET_SAMPLES, Packet as OpusPacket};
use super::range::RangeDecoder;
use super::*;

fn decoder(mix: Mix) -> OpusDecoder {
    let mut parameters = AudioCodecParameters::new();
    let mut head = b"OpusHead\x01".to_vec();
    head.extend([2, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 0, 0]);
    parameters.with_extra_data(head.into_boxed_slice()).with_channels(Channels::Discrete(2));
    OpusDecoder::new(&parameters, mix).unwrap()
}

/// The planes of a packet, or why there are none.
fn decode(decoder: &mut OpusDecoder, data: &[u8]) -> std::result::Result<Vec<Vec<f32>>, String> {
    let mut block = Block { channels: vec![Vec::new(); 2] };
    decoder.decode(data, &mut block)?;
    Ok(block.channels)
}

/// Bytes without meaning.
fn noise(n: usize, mut state: u32) -> Vec<u8> {
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..n).map(|_| next()).collect()
}

#[test]
fn a_packet_is_as_long_as_it_says_in_every_mode() {
    for config in 0..32_u8 {
        let mut decoder = decoder(Mix::Channels);
        for code in 0..2 {
            let mut data = vec![config << 3 | 4 | code];
            data.extend(noise(120, u32::from(config)));
            let wanted = OpusPacket::parse(&data).unwrap().n_samples();
            // Noise may contradict itself, in words.
            let Ok(planes) = decode(&mut decoder, &data) else { continue };
            assert!(planes.iter().all(|plane| plane.len() == wanted), "{config}");
        }
    }
}

#[test]
fn a_frame_of_nothing_is_silence() {
    let mut decoder = decoder(Mix::Channels);
    let planes = decode(&mut decoder, &[0xfc]).unwrap();
    assert_eq!(planes.len(), 2);
    assert!(planes.iter().flatten().all(|&sample| sample == 0.0));
}

#[test]
fn one_output_is_the_mean_of_two() {
    let (mut both, mut one) = (decoder(Mix::Channels), decoder(Mix::Mono));
    let (mut error, mut level, mut n_decoded) = (0.0, 0.0, 0);
    for (index, config) in [31, 31, 29, 31, 13, 15, 9, 1, 30, 31].into_iter().enumerate() {
        let mut data = vec![config << 3 | 4];
        data.extend(noise(200, 77 + index as u32));
        let (both, one) = (decode(&mut both, &data), decode(&mut one, &data));
        assert_eq!(both.is_ok(), one.is_ok());
        let (Ok(both), Ok(one)) = (both, one) else { continue };
        n_decoded += 1;
        for ((left, right), mean) in both[0].iter().zip(&both[1]).zip(&one[0]) {
            let wanted = 0.5 * (left + right);
            error += f64::from(mean - wanted).powi(2);
            // Rounding follows the channels, however much of them cancels out.
            level += 0.5 * (f64::from(*left).powi(2) + f64::from(*right).powi(2));
        }
    }
    assert!(n_decoded >= 5);
    assert!(error < 1e-10 * level, "{error} of {level}");
}

#[test]
fn what_is_no_packet_is_an_error() {
    let mut decoder = decoder(Mix::Channels);
    for data in [&[][..], &[0x01, 1, 2, 3], &[0x03, 0], &[0xff, 63, 1, 2], &[0xfa, 251, 1]] {
        assert!(decode(&mut decoder, data).is_err(), "{data:?}");
    }
}

#[test]
fn raw_bits_come_from_the_end_and_uniform_values_from_their_range() {
    let data = noise(64, 5);
    let mut range = RangeDecoder::new(&data);
    assert_eq!(range.raw(8), u32::from(data[63]));
    assert_eq!(range.raw(4), u32::from(data[62] & 15));
    let before = range.tell();
    for total in [2, 3, 255, 256, 257, 70_000, u32::MAX] {
        assert!(range.uniform(total) < total);
    }
    assert!(range.tell() > before);
    // Eighths of a bit are bits, to the rounding.
    let difference = 8 * range.tell() - range.tell_eighths();
    assert!((0..8).contains(&difference));
}

#[test]
fn equally_likely_symbols_cost_their_logarithm() {
    let data = noise(400, 9);
    let mut range = RangeDecoder::new(&data);
    let start = range.tell_eighths();
    for _ in 0..100 {
        range.uniform(11);
    }
    let cost = f64::from(range.tell_eighths() - start) / 8.0;
    assert!((cost - 100.0 * 11_f64.log2()).abs() < 1.0, "{cost}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_make_it_panic(packets in prop::collection::vec(
        prop::collection::vec(any::<u8>(), 0..400), 1..8
    )) {
        let (mut both, mut one) = (decoder(Mix::Channels), decoder(Mix::Mono));
        for data in &packets {
            if let Ok(planes) = decode(&mut both, data) {
                prop_assert!(planes[0].len() <= MAX_PACKET_SAMPLES);
                prop_assert!(planes.iter().flatten().all(|sample| sample.is_finite()));
            }
            let _ = decode(&mut one, data);
        }
    }
}

/// Of `../shared/audio`; `None`, with a word, where that is absent.
fn shared(name: &str) -> Option<Vec<u8>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/audio");
    let bytes = std::fs::read(root.join(name)).ok();
    if bytes.is_none() {
        eprintln!("skipped: {name} is not there");
    }
    bytes
}

#[test]
fn tracks_have_their_exact_length_and_their_mean_in_mono() {
    use crate::decode::{DecodeOptions, decode};
    for name in ["formats/opus.opus", "formats/opus-mono.ogg", "formats/opus.webm"] {
        let Some(bytes) = shared(name) else { return };
        let source = crate::source::Source::Bytes(bytes.into());
        let (signal, info, outcome) = decode(&source, &DecodeOptions::default()).unwrap();
        assert_eq!(outcome.status, crate::outcome::Status::Ok, "{name}: {outcome:?}");
        assert_eq!((signal.n_samples(), info.sample_rate), (144_000, 48_000), "{name}");
        let options = DecodeOptions { mono: true, ..DecodeOptions::default() };
        let (mono, _, outcome) = decode(&source, &options).unwrap();
        assert_eq!(outcome.status, crate::outcome::Status::Ok, "{name}: {outcome:?}");
        let (left, rest) = signal.samples().split_at(144_000);
        let right = if rest.is_empty() { left } else { rest };
        let pairs = left.iter().zip(right).zip(mono.samples());
        let worst = pairs.map(|((l, r), m)| (0.5 * (l + r) - m).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{name}: {worst}");
    }
}
