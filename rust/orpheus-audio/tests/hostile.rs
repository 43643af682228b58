//! No bytes, however wrong, get past the gate without an answer.

use orpheus_audio::{DecodeOptions, Error, Limits, Source, Status, decode};
use proptest::prelude::*;

/// How files begin that some decoder will look at more closely.
const MAGIC: [&[u8]; 10] = [
    b"",
    b"fLaC\0\0\0\x22",
    b"OggS\0\x02",
    b"\xff\xfb\x90\x64",
    b"\0\0\0\x20ftypM4A ",
    b"\x1a\x45\xdf\xa3",
    b"FORM\0\0\x10\0AIFFCOMM",
    b"caff\0\x01\0\0desc",
    b"ID3\x04\0\0\0\0\0\x05",
    b"\xff\xf1\x50\x80\x02\x1f\xfc",
];

fn options() -> DecodeOptions {
    let limits = Limits { max_decoded_samples: 1 << 24, ..Limits::default() };
    DecodeOptions { sample_rate: Some(22_050), mono: true, limits, ..DecodeOptions::default() }
}

/// A 16-bit WAV whose header is as given.
fn wav(n_channels: u16, sample_rate: u32, n_data: u32, data: &[u8]) -> Vec<u8> {
    let block = n_channels.wrapping_mul(2);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36_u32.saturating_add(n_data)).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    bytes.extend(n_channels.to_le_bytes());
    bytes.extend(sample_rate.to_le_bytes());
    bytes.extend(sample_rate.wrapping_mul(u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(n_data.to_le_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn a_sound_file_is_ok_and_an_equal_one_cut_short_is_not() {
    let data = vec![7; 8820];
    let whole = Source::Bytes(wav(2, 44_100, 8820, &data).into());
    let (signal, info, outcome) = decode(&whole, &DecodeOptions::default()).unwrap();
    assert_eq!((signal.n_channels(), signal.n_samples(), info.n_samples), (2, 2205, Some(2205)));
    assert_eq!(outcome.status, Status::Ok);
    let cut = Source::Bytes(wav(2, 44_100, 8820, &data[..4000]).into());
    let (signal, _, outcome) = decode(&cut, &DecodeOptions::default()).unwrap();
    assert_eq!(signal.n_samples(), 1000);
    assert_eq!(outcome.status, Status::Partial);
    assert!((outcome.seconds_sound + outcome.seconds_lost - 0.05).abs() < 1e-9, "{outcome:?}");
}

#[test]
fn a_small_file_that_unpacks_without_end_is_stopped() {
    let limits = Limits { max_seconds: 1.0, ..Limits::default() };
    let source = Source::Bytes(wav(1, 8000, 80_000, &vec![0; 80_000]).into());
    let error = decode(&source, &DecodeOptions { limits, ..DecodeOptions::default() }).unwrap_err();
    assert_eq!(error.kind(), "limit");
}

proptest! {
    #[test]
    fn any_wav_header_ends_in_an_answer(
        n_channels in prop_oneof![0_u16..10, Just(u16::MAX), any::<u16>()],
        sample_rate in prop_oneof![0_u32..100_000, any::<u32>()],
        n_data in prop_oneof![0_u32..5000, any::<u32>()],
        n_bytes in 0_usize..4000,
    ) {
        let bytes = wav(n_channels, sample_rate, n_data, &vec![3; n_bytes]);
        match decode(&Source::Bytes(bytes.into()), &options()) {
            Ok((signal, _, outcome)) => {
                prop_assert!(signal.samples().iter().all(|value| value.is_finite()));
                prop_assert!((1..=32).contains(&n_channels));
                prop_assert!((1000..=768_000).contains(&sample_rate));
                let promised = u64::from(n_data) / (2 * u64::from(n_channels));
                let held = (n_bytes / (2 * usize::from(n_channels))) as u64;
                if promised > held && n_data < 0xffff_0000 {
                    prop_assert_eq!(outcome.status, Status::Partial);
                }
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn random_bytes_behind_any_magic_end_in_an_answer(
        magic in proptest::sample::select(MAGIC.to_vec()),
        tail in proptest::collection::vec(any::<u8>(), 0..3000),
    ) {
        let bytes = [magic, &tail].concat();
        match decode(&Source::Bytes(bytes.into()), &options()) {
            Ok((signal, ..)) => prop_assert!(signal.samples().iter().all(|v| v.is_finite())),
            Err(Error::Cancelled | Error::Parameter { .. } | Error::Forked) => {
                prop_assert!(false, "not an answer about the file");
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
