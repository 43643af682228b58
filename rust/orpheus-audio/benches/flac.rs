//! FLAC files → samples: our decoder, with the MD5 sum, to one channel and to all; and symphonia's,
//! without.
//!
//! The files are those in the folder that `ORPHEUS_BENCH_FLAC` names; all of them are decoded in one
//! iteration. `ORPHEUS_FORCE_TIER=scalar` shows what processors without AVX2 get.

use std::hint::black_box;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use orpheus_audio::{DecodeOptions, SharedBytes, Source, decode};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::default::codecs::FlacDecoder;
use symphonia::default::formats::FlacReader;

fn files() -> Vec<Arc<[u8]>> {
    let Some(folder) = std::env::var_os("ORPHEUS_BENCH_FLAC") else { return Vec::new() };
    let entries = std::fs::read_dir(Path::new(&folder)).expect("ORPHEUS_BENCH_FLAC names a folder");
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let flac = paths.filter(|path| path.extension().is_some_and(|extension| extension == "flac"));
    flac.filter_map(|path| Some(std::fs::read(path).ok()?.into())).collect()
}

fn ours(files: &[Arc<[u8]>], mono: bool, sample_rate: Option<u32>) {
    let options = DecodeOptions { mono, sample_rate, ..DecodeOptions::default() };
    for bytes in files {
        black_box(
            decode(&Source::Bytes(SharedBytes::new(bytes.clone())), &options)
                .expect("a sound file"),
        );
    }
}

/// Frames only: nothing is mixed, put together or checked against the sum.
fn symphonias(files: &[Arc<[u8]>]) {
    for bytes in files {
        let source = Box::new(Cursor::new(bytes.clone()));
        let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
        let mut reader =
            FlacReader::try_new(stream, FormatOptions::default()).expect("a sound file");
        let parameters = reader.tracks()[0].codec_params.clone().expect("a track of audio");
        let parameters = parameters.audio().expect("a track of audio");
        let mut decoder = FlacDecoder::try_new(parameters, &AudioDecoderOptions::default())
            .expect("symphonia decodes FLAC");
        while let Ok(Some(packet)) = reader.next_packet() {
            let _ = black_box(decoder.decode(&packet));
        }
    }
}

fn flac(criterion: &mut Criterion) {
    let files = files();
    if files.is_empty() {
        eprintln!("ORPHEUS_BENCH_FLAC names no folder of FLAC files: nothing to measure");
        return;
    }
    let mut group = criterion.benchmark_group(format!("flac/{} files", files.len()));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function("mono, 48 kHz", |bencher| {
        bencher.iter(|| ours(&files, true, Some(48_000)));
    });
    group.bench_function("mono", |bencher| bencher.iter(|| ours(&files, true, None)));
    group.bench_function("channels", |bencher| bencher.iter(|| ours(&files, false, None)));
    group.bench_function("symphonia", |bencher| bencher.iter(|| symphonias(&files)));
    group.finish();
}

criterion_group!(benches, flac);
criterion_main!(benches);
