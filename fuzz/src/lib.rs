//! What is fuzzed: each function takes arbitrary bytes and panics if a promise is broken.
//!
//! The fuzzer's binaries are in `fuzz_targets/`; `tests/replay.rs` runs the same functions over
//! everything in `corpus/`, on any toolchain.

use orpheus_audio::{
    DecodeOptions, Error, Limits, Quality, Resampler, Source, Status, decode as decode_track,
    read_tags,
};
use orpheus_search::ErrorKind;
use orpheus_search::format::model::{Ivf, Kind, Stored};
use orpheus_search::format::{read::read, write::write_stored};

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

/// A FAISS file: what it states lies within it, and is the same after it was written again.
///
/// # Panics
///
/// If an error is not about the file, a place lies outside of it, or a copy states something else.
pub fn faiss(data: &[u8]) {
    let stored = match read(data) {
        Ok(stored) => stored,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Format, "{error}");
            return;
        }
    };
    check_places(&stored, data);
    if let Err(error) = stored.check_links(data) {
        assert_eq!(error.kind(), ErrorKind::Format, "{error}");
    }
    let copy = written(&stored, data);
    let again = read(&copy).expect("what was written can be read");
    assert_eq!(again.description().to_string(), stored.description().to_string());
    assert!(written(&again, &copy) == copy, "a copy of a copy differs");
}

fn written(stored: &Stored, file: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_stored(&mut bytes, stored, file).expect("memory takes everything");
    bytes
}

fn check_places(stored: &Stored, file: &[u8]) {
    match &stored.kind {
        Kind::Ivf(ivf) => {
            check_lists(ivf, file);
            check_places(&ivf.quantizer, file);
        }
        Kind::IdMap { inner, ids, .. } => {
            assert_eq!(file[ids.clone()].len(), 8 * stored.header.ntotal);
            check_places(inner, file);
        }
        Kind::PreTransform { inner, .. } => check_places(inner, file),
        Kind::Refine { base, refine, .. } => {
            check_places(base, file);
            check_places(refine, file);
        }
        Kind::Hnsw(hnsw) => check_places(&hnsw.storage, file),
        Kind::Flat { vectors } => {
            let n_values = stored.header.ntotal * stored.header.dim;
            assert_eq!(file[vectors.clone()].len(), 4 * n_values);
        }
        _ => {}
    }
}

fn check_lists(ivf: &Ivf, file: &[u8]) {
    let mut n_vectors = 0;
    // A file of an index that was not trained may speak of more lists than there is time for.
    for number in (0..ivf.nlist).take(file.len()) {
        let list = ivf.lists.list(number);
        assert_eq!(file[list.ids].len(), 8 * list.len);
        assert!(file[list.codes].len() >= list.len);
        assert_eq!(ivf.lists.n_before(number), n_vectors);
        n_vectors += list.len;
    }
    assert_eq!(n_vectors, ivf.lists.n_vectors());
}
