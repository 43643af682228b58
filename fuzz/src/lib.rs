//! What is fuzzed: each function takes arbitrary bytes and panics if a promise is broken.
//!
//! The fuzzer's binaries are in `fuzz_targets/`; `tests/replay.rs` runs the same functions over
//! everything in `corpus/`, on any toolchain.

use orpheus_audio::{
    DecodeOptions, Error, Limits, Quality, Resampler, Source, Status, decode as decode_track,
    read_tags,
};

/// Small enough that no input takes long.
fn limits() -> Limits {
    Limits { max_bytes: 1 << 20, max_decoded_samples: 1 << 22, ..Limits::default() }
}

/// The whole way from bytes to samples, as channels, as mono at another rate, and as a stretch.
///
/// # Panics
///
/// If a panic had to be contained, a sample is not finite, or an outcome contradicts the samples.
pub fn decode(data: &[u8]) {
    let source = Source::Bytes(data.into());
    let whole = DecodeOptions { limits: limits(), ..DecodeOptions::default() };
    let mono = DecodeOptions { mono: true, sample_rate: Some(16_000), ..whole };
    let stretch = DecodeOptions { start_seconds: 0.05, duration_seconds: Some(0.1), ..whole };
    for options in [whole, mono, stretch] {
        match decode_track(&source, &options) {
            Err(Error::Panic(what)) => panic!("a panic had to be contained: {what}"),
            Err(_) => {}
            Ok((signal, _, outcome)) => {
                assert!(signal.samples().iter().all(|sample| sample.is_finite()), "{outcome:?}");
                assert!(outcome.status != Status::Failed, "{outcome:?}");
                assert!(outcome.status != Status::Ok || signal.n_samples() > 0, "{outcome:?}");
            }
        }
    }
}

/// Tags of anything.
///
/// # Panics
///
/// If a panic had to be contained.
pub fn tags(data: &[u8]) {
    let source = Source::Bytes(data.into());
    if let Err(Error::Panic(what)) = read_tags(&source, &limits()) {
        panic!("a panic had to be contained: {what}");
    }
}

/// Parameters of the resampler, and blocks of any length.
///
/// # Panics
///
/// If the number of samples is wrong, or the samples depend on how the input was cut into blocks.
pub fn resample(data: &[u8]) {
    let Some((head, cuts)) = data.split_first_chunk::<9>() else { return };
    let rate = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], 0]);
    let (from_hz, to_hz) = (rate(0), rate(3));
    let quality = if head[6] & 1 == 0 { Quality::High } else { Quality::Best };
    let n_samples = usize::from(u16::from_le_bytes([head[7], head[8]]));
    let Ok(mut at_once) = Resampler::new(from_hz, to_hz, quality) else { return };
    let input: Vec<f32> = (0..n_samples).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
    let mut wanted = Vec::new();
    at_once.process(&input, &mut wanted);
    at_once.finish(&mut wanted);
    let n_wanted = (n_samples as u64 * u64::from(to_hz)).div_ceil(u64::from(from_hz));
    assert_eq!(wanted.len() as u64, n_wanted, "{from_hz} to {to_hz} Hz");
    let mut in_blocks = at_once;
    let mut got = Vec::new();
    let mut rest = input.as_slice();
    for &cut in cuts {
        let (block, tail) = rest.split_at(rest.len().min(usize::from(cut) * 3));
        in_blocks.process(block, &mut got);
        rest = tail;
    }
    in_blocks.process(rest, &mut got);
    in_blocks.finish(&mut got);
    assert!(got == wanted, "{from_hz} to {to_hz} Hz: the blocks make a difference");
}
