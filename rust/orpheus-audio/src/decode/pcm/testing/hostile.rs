//! Headers that lie, and files that were damaged at random.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::writer::{self, KINDS, Wave};
use super::{CONTAINERS, SAMPLE_RATE, file, planes, random, sound};
use crate::decode::{DecodeOptions, decode};
use crate::source::Source;

const WAVE: Wave = Wave { tag: 1, n_channels: 2, sample_rate: SAMPLE_RATE, block: 4, bits: 16 };

fn kind(bytes: &[u8]) -> &'static str {
    planes(bytes).map_or_else(|error| error.kind(), |(_, _, outcome)| outcome.status.name())
}

#[test]
fn absurd_formats_are_refused_by_the_limits() {
    let data = vec![1; 4000];
    for (n_channels, sample_rate) in
        [(0, SAMPLE_RATE), (33, SAMPLE_RATE), (u16::MAX, SAMPLE_RATE), (2, 0), (2, 800_000)]
    {
        let wave = Wave { n_channels, sample_rate, ..WAVE };
        assert_eq!(kind(&writer::wav(&wave.format(false), b"", &data)), "limit", "{wave:?}");
        assert_eq!(kind(&writer::wave64(&wave.format(false), &data)), "limit", "{wave:?}");
        assert_eq!(kind(&writer::au(true, 3, wave, 4000, &data)), "limit", "{wave:?}");
        assert_eq!(kind(&writer::caf(b"lpcm", 2, wave, 4004, &data)), "limit", "{wave:?}");
        if sample_rate > 0 {
            assert_eq!(kind(&writer::aiff(None, wave, 1000, &data)), "limit", "{wave:?}");
        }
    }
}

#[test]
fn the_extremes_of_channels_and_rates_decode() {
    for (n_channels, sample_rate) in [(32, 1000), (1, 768_000), (32, 768_000)] {
        let wave = Wave { n_channels, sample_rate, block: 2 * n_channels, ..WAVE };
        let data = vec![1; 640];
        let planes = sound(&writer::wav(&wave.format(false), b"", &data));
        assert_eq!(planes.len(), usize::from(n_channels));
    }
}

#[test]
fn codecs_that_are_not_decoded_are_refused_by_name() {
    let message = |bytes: &[u8]| planes(bytes).unwrap_err().to_string();
    for (tag, name) in [(0x31, "GSM 6.10"), (0xf1ac, "FLAC"), (0xff, "AAC"), (0x2001, "DTS")] {
        let bytes = writer::wav(&Wave { tag, ..WAVE }.format(false), b"", &[0; 400]);
        assert!(message(&bytes).starts_with(&format!("unsupported codec {name};")));
    }
    let gsm = writer::aiff(Some(b"GSM "), WAVE, 10, &[0; 400]);
    assert!(message(&gsm).contains("GSM 6.10"));
    let other = writer::aiff(Some(b"ab\xffd"), WAVE, 10, &[0; 400]);
    assert!(message(&other).contains(r"'ab\xffd'"));
    assert!(message(&writer::au(true, 23, WAVE, 400, &[0; 400])).contains("G.721"));
}

#[test]
fn a_tag_in_front_of_the_file_is_skipped() {
    let (data, expected) = writer::encode(writer::Kind::S16, true, 2, &random(4, 2000));
    let tag = b"ID3\x04\0\0\0\0\0\x05hello";
    let files = [
        writer::aiff(None, WAVE, 1000, &data),
        writer::au(true, 3, WAVE, 4000, &data),
        writer::caf(b"lpcm", 0, WAVE, 4004, &data),
    ];
    for bytes in files {
        assert!(sound(&[&tag[..], &bytes].concat()) == expected);
    }
    let (data, expected) = writer::encode(writer::Kind::S16, false, 2, &random(4, 2000));
    for bytes in
        [writer::wav(&WAVE.format(false), b"", &data), writer::wave64(&WAVE.format(false), &data)]
    {
        assert!(sound(&[&tag[..], &bytes].concat()) == expected);
    }
}

#[test]
fn mpeg_audio_in_a_wav_goes_to_its_own_decoder() {
    // Frames of silence: layer III, 128 kbit/s, 44.1 kHz, and no main data.
    let frame = [&[0xff, 0xfb, 0x90, 0x64][..], &[0; 413]].concat();
    let data = frame.repeat(10);
    let wave = Wave { tag: 0x55, block: 1, bits: 0, ..WAVE };
    let whole = writer::wav(&wave.format(false), b"", &data);
    let (planes, info, _) = planes(&whole).unwrap();
    assert_eq!((info.codec.as_str(), planes[0].len()), ("mp3", 11_520));
    let cut = &whole[..whole.len() - 417];
    assert_eq!(kind(cut), "partial");
}

#[test]
fn the_data_of_wave64_are_found_although_their_guid_is_damaged() {
    let (data, expected) = writer::encode(writer::Kind::S16, false, 2, &random(4, 2000));
    let bytes = writer::wave64(&WAVE.format(false), &data);
    let at = |name: &[u8]| bytes.windows(4).position(|four| four == name).unwrap();
    for byte in 4..16 {
        let mut damaged = bytes.clone();
        damaged[at(b"data") + byte] ^= 0x10;
        assert!(sound(&damaged) == expected, "byte {byte}");
        // What stands in front of the data is not looked for behind them.
        let mut damaged = bytes.clone();
        damaged[at(b"fmt ") + byte] ^= 0x10;
        assert_eq!(kind(&damaged), "damaged", "byte {byte}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damage_anywhere_ends_in_an_answer_no_larger_than_the_file(
        container in select(CONTAINERS.to_vec()),
        number in select(KINDS.to_vec()),
        n_channels in 1_u16..4,
        n_samples in 0_usize..400,
        flips in proptest::collection::vec((any::<Index>(), any::<u8>(), any::<bool>()), 1..9),
        cut in proptest::option::of(any::<Index>()),
    ) {
        let values = random(2, n_samples * usize::from(n_channels));
        let (data, _) = writer::encode(number, container.1, usize::from(n_channels), &values);
        let Some(mut bytes) = file(container, number, n_channels, &data) else { return Ok(()) };
        for (at, value, is_in_header) in flips {
            let n = if is_in_header { bytes.len().min(80) } else { bytes.len() };
            bytes[at.index(n)] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()) + 1);
        }
        let n_bytes = bytes.len();
        match decode(&Source::Bytes(bytes.into()), &DecodeOptions::default()) {
            Ok((signal, _, outcome)) => {
                prop_assert!(signal.samples().iter().all(|value| value.is_finite()));
                // ADPCM packs two samples into a byte.
                prop_assert!(signal.samples().len() <= 2 * n_bytes);
                prop_assert!(outcome.seconds_sound.is_finite() && outcome.seconds_lost.is_finite());
            }
            Err(error) => prop_assert!(error.kind() != "panic", "{error}"),
        }
    }

    #[test]
    fn random_format_chunks_end_in_an_answer(
        tag in prop_oneof![select(vec![1_u16, 2, 3, 6, 7, 0x11, 0x50, 0x55, 0xfffe]), any::<u16>()],
        rest in proptest::collection::vec(any::<u8>(), 0..60),
        small in any::<bool>(),
        data in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut format = [&tag.to_le_bytes()[..], &rest].concat();
        if small && format.len() >= 16 {
            let n_channels = 1 + format[2] % 3;
            format[2..4].copy_from_slice(&[n_channels, 0]);
            format[4..8].copy_from_slice(&SAMPLE_RATE.to_le_bytes());
            format[13] = 0;
            let bits = format[14] % 66;
            format[14..16].copy_from_slice(&[bits, 0]);
        }
        let bytes = writer::wav(&format, b"", &data);
        let n_bytes = bytes.len();
        match decode(&Source::Bytes(bytes.into()), &DecodeOptions::default()) {
            Ok((signal, ..)) => prop_assert!(signal.samples().len() <= 1152 * n_bytes),
            Err(error) => prop_assert!(error.kind() != "panic", "{error}"),
        }
    }
}
