//! Files of every container and coding, made here, against what went into them.

mod adpcm;
mod hostile;
mod lengths;
mod writer;

use std::io::Write;

use proptest::prelude::*;
use proptest::sample::select;

use self::writer::{KINDS, Kind, Wave};
use crate::decode::{Block, DecodeOptions, Decoder, TrackInfo, decode, downmix};
use crate::error::Result;
use crate::limits::Limits;
use crate::outcome::{Outcome, Status};
use crate::source::Source;

const SAMPLE_RATE: u32 = 44_100;

/// Numbers without a pattern.
fn random(seed: u32, n: usize) -> Vec<i32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state ^ (state << 16)) as i32
    };
    (0..n).map(|_| next()).collect()
}

/// Everything a file decodes to.
fn planes(bytes: &[u8]) -> Result<(Vec<Vec<f32>>, TrackInfo, Outcome)> {
    let (signal, info, outcome) = decode(&Source::Bytes(bytes.into()), &DecodeOptions::default())?;
    let n_samples = signal.n_samples().max(1);
    let planes = signal.samples().chunks(n_samples).map(<[f32]>::to_vec).collect();
    Ok((planes, info, outcome))
}

fn sound(bytes: &[u8]) -> Vec<Vec<f32>> {
    let (planes, _, outcome) = planes(bytes).unwrap();
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    planes
}

/// What is left of a track from `sample` on, by seeking; and the length that was measured.
fn tail(bytes: &[u8], sample: u64) -> (Vec<Vec<f32>>, u64) {
    let mut decoder = Decoder::open(&Source::Bytes(bytes.into()), &Limits::default()).unwrap();
    let n_samples = decoder.measure().unwrap().unwrap();
    decoder.seek(sample).unwrap();
    let mut planes = vec![Vec::new(); decoder.info().n_channels];
    while let Some(block) = decoder.next_block().unwrap() {
        for (plane, samples) in planes.iter_mut().zip(&block.channels) {
            plane.extend_from_slice(samples);
        }
    }
    (planes, n_samples)
}

fn from(planes: &[Vec<f32>], sample: usize) -> Vec<Vec<f32>> {
    planes.iter().map(|plane| plane[sample.min(plane.len())..].to_vec()).collect()
}

/// A container, and whether the numbers in it are big-endian.
const CONTAINERS: [(&str, bool); 13] = [
    ("wav", false),
    ("wavex", false),
    ("rifx", true),
    ("rf64", false),
    ("bw64", false),
    ("w64", false),
    ("aiff", true),
    ("aifc", true),
    ("sowt", false),
    ("au", true),
    ("dec", false),
    ("caf", true),
    ("caf", false),
];

/// A file, if the container has a place for that kind of number.
fn file(container: (&str, bool), kind: Kind, n_channels: u16, data: &[u8]) -> Option<Vec<u8>> {
    let wave = Wave::linear(kind, n_channels, SAMPLE_RATE);
    let n_data = data.len() as u64;
    let n_samples = (data.len() / usize::from(wave.block)) as u32;
    let (name, big) = container;
    let wave_kind = kind != Kind::S8;
    Some(match name {
        "wav" if wave_kind => writer::wav(&wave.format(false), b"", data),
        "wavex" if wave_kind => writer::wav(&wave.extensible(wave.bits), b"", data),
        "rifx" if wave_kind => {
            let format = writer::chunk(true, b"fmt ", &wave.format(true));
            let data = writer::chunk(true, b"data", data);
            writer::form(true, b"RIFX", b"WAVE", &[&format, &data])
        }
        "rf64" if wave_kind => writer::rf64(b"RF64", &wave.format(false), n_data, data),
        "bw64" if wave_kind => writer::rf64(b"BW64", &wave.format(false), n_data, data),
        "w64" if wave_kind => writer::wave64(&wave.format(false), data),
        "aiff" if !kind.is_float() && kind != Kind::U8 => writer::aiff(None, wave, n_samples, data),
        "aifc" => writer::aiff(Some(aifc_codec(kind)), wave, n_samples, data),
        "sowt" if !kind.is_float() && kind != Kind::U8 => {
            writer::aiff(Some(b"sowt"), wave, n_samples, data)
        }
        "au" | "dec" if kind != Kind::U8 => {
            let kinds = [Kind::S8, Kind::S16, Kind::S24, Kind::S32, Kind::F32, Kind::F64];
            let coding = 2 + kinds.iter().position(|&other| other == kind)? as u32;
            writer::au(big, coding, wave, data.len() as u32, data)
        }
        "caf" if kind != Kind::U8 => {
            let flags = u32::from(kind.is_float()) | if big { 0 } else { 2 };
            writer::caf(b"lpcm", flags, wave, data.len() as i64 + 4, data)
        }
        _ => return None,
    })
}

fn aifc_codec(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::F32 => b"fl32",
        Kind::F64 => b"FL64",
        Kind::S24 => b"in24",
        Kind::S32 => b"in32",
        Kind::S16 => b"twos",
        Kind::S8 => b"NONE",
        Kind::U8 => b"raw ",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_container_gives_back_the_numbers_that_went_in(
        container in select(CONTAINERS.to_vec()),
        kind in select(KINDS.to_vec()),
        n_channels in prop_oneof![Just(1_u16), Just(2), 3_u16..=32],
        n_samples in prop_oneof![1_usize..300, 8000_usize..9000],
        seed in any::<u32>(),
    ) {
        let values = random(seed, n_samples * usize::from(n_channels));
        let (data, expected) = writer::encode(kind, container.1, usize::from(n_channels), &values);
        let Some(bytes) = file(container, kind, n_channels, &data) else { return Ok(()) };
        let (planes, info, outcome) = planes(&bytes).unwrap();
        prop_assert_eq!(outcome.status, Status::Ok, "{:?}", outcome);
        prop_assert_eq!(info.n_samples, Some(n_samples as u64));
        prop_assert_eq!(info.sample_rate, SAMPLE_RATE);
        prop_assert!(planes == expected, "{info:?}");
    }

    #[test]
    fn mono_is_the_mean_of_the_channels_bit_for_bit(
        kind in select(KINDS.to_vec()),
        n_channels in 1_u16..9,
        seed in any::<u32>(),
    ) {
        let values = random(seed, 700 * usize::from(n_channels));
        let (data, planes) = writer::encode(kind, false, usize::from(n_channels), &values);
        let container = if kind == Kind::S8 { ("caf", false) } else { ("wav", false) };
        let bytes = file(container, kind, n_channels, &data).unwrap();
        let mut expected = Vec::new();
        downmix(&Block { channels: planes }, &mut expected);
        let options = DecodeOptions { mono: true, ..DecodeOptions::default() };
        let (signal, ..) = decode(&Source::Bytes(bytes.into()), &options).unwrap();
        prop_assert_eq!(signal.samples(), expected);
    }

    #[test]
    fn seeking_lands_on_the_sample_that_was_asked_for(
        container in select(CONTAINERS.to_vec()),
        kind in select(KINDS.to_vec()),
        n_channels in 1_u16..4,
        sample in 0_usize..22_000,
    ) {
        let values = random(1, 20_000 * usize::from(n_channels));
        let (data, expected) = writer::encode(kind, container.1, usize::from(n_channels), &values);
        let Some(bytes) = file(container, kind, n_channels, &data) else { return Ok(()) };
        let (planes, n_samples) = tail(&bytes, sample as u64);
        prop_assert_eq!(n_samples, 20_000);
        prop_assert!(planes == from(&expected, sample));
    }
}

#[test]
fn a_file_on_disk_decodes_like_its_bytes_in_memory() {
    // Blocks of 9 bytes fit into no power of two, and the file is several reads long.
    let values = random(7, 3 * 100_000);
    let (data, expected) = writer::encode(Kind::S24, false, 3, &values);
    let bytes = writer::wav(&Wave::linear(Kind::S24, 3, SAMPLE_RATE).format(false), b"", &data);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let source = Source::Path(file.path().to_owned());
    let (signal, _, outcome) = decode(&source, &DecodeOptions::default()).unwrap();
    assert_eq!(outcome.status, Status::Ok);
    assert!(signal.samples() == expected.concat());
    let mut decoder = Decoder::open(&source, &Limits::default()).unwrap();
    decoder.seek(70_001).unwrap();
    let block = decoder.next_block().unwrap().unwrap();
    assert_eq!(block.channels[2], expected[2][70_001..][..block.n_samples()]);
}

#[test]
fn valid_bits_are_the_upper_ones_of_their_container() {
    for (bits, kind) in [(12, Kind::S16), (20, Kind::S24), (24, Kind::S32), (20, Kind::S32)] {
        let mask = -1_i32 << (32 - bits);
        let values: Vec<i32> = random(3, 400).into_iter().map(|value| value & mask).collect();
        let (data, expected) = writer::encode(kind, false, 2, &values);
        let wave = Wave::linear(kind, 2, SAMPLE_RATE);
        assert!(sound(&writer::wav(&wave.extensible(bits), b"", &data)) == expected);
        let plain = Wave { bits, ..wave };
        assert!(sound(&writer::wav(&plain.format(false), b"", &data)) == expected, "{plain:?}");
        let (data, expected) = writer::encode(kind, true, 2, &values);
        let odd = Wave { bits: if bits == 24 { 32 } else { bits }, ..wave };
        if (usize::from(odd.bits)).div_ceil(8) == kind.n_bytes() {
            assert!(sound(&writer::aiff(None, odd, 200, &data)) == expected);
        }
        let caf = writer::caf(b"lpcm", 0, plain, data.len() as i64 + 4, &data);
        assert!(sound(&caf) == expected, "caf {bits}");
    }
}

#[test]
#[expect(clippy::float_cmp, reason = "tables hold exact values")]
fn companded_samples_are_the_same_in_every_container() {
    let data: Vec<u8> = (0..=255).collect();
    let wave = |tag| Wave { tag, n_channels: 1, sample_rate: 8000, block: 1, bits: 8 };
    for (tag, au, lower, upper) in [(6, 27, &b"alaw"[..], &b"ALAW"[..]), (7, 1, b"ulaw", b"ULAW")] {
        let wave = wave(tag);
        let wav = sound(&writer::wav(&wave.format(false), b"", &data));
        assert_eq!(wav[0][0x80] * 32_768.0, if tag == 6 { 5504.0 } else { 32_124.0 });
        assert_eq!(wav, sound(&writer::wave64(&wave.format(false), &data)));
        assert_eq!(wav, sound(&writer::au(true, au, wave, 256, &data)));
        assert_eq!(wav, sound(&writer::caf(lower, 0, wave, 260, &data)));
        for codec in [lower, upper] {
            let wave = Wave { bits: 16, ..wave };
            assert_eq!(wav, sound(&writer::aiff(Some(codec), wave, 256, &data)));
        }
    }
}

#[test]
fn values_that_are_no_numbers_are_silenced() {
    let data: Vec<u8> =
        [0.5, f64::NAN, 1e300, -0.25].into_iter().flat_map(f64::to_le_bytes).collect();
    let format = Wave::linear(Kind::F64, 1, SAMPLE_RATE).format(false);
    let (planes, _, outcome) = planes(&writer::wav(&format, b"", &data)).unwrap();
    assert_eq!(planes, [[0.5, 0.0, 0.0, -0.25]]);
    assert_eq!(outcome.status, Status::Partial);
}
