//! MP3 files → samples: our decoder, to one channel and to all, and symphonia's.
//!
//! The files are those in the folder that `ORPHEUS_BENCH_MP3` names; all of them are decoded in one
//! iteration. `ORPHEUS_FORCE_TIER=scalar` shows what processors without AVX2 get.

use std::hint::black_box;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use orpheus_audio::{DecodeOptions, SharedBytes, Source, decode};
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::default::codecs::MpaDecoder;
use symphonia::default::formats::MpaReader;

fn files() -> Vec<Arc<[u8]>> {
    let Some(folder) = std::env::var_os("ORPHEUS_BENCH_MP3") else { return Vec::new() };
    let entries = std::fs::read_dir(Path::new(&folder)).expect("ORPHEUS_BENCH_MP3 names a folder");
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mp3 = paths.filter(|path| path.extension().is_some_and(|extension| extension == "mp3"));
    mp3.filter_map(|path| Some(std::fs::read(path).ok()?.into())).collect()
}

fn ours(files: &[Arc<[u8]>], mono: bool) {
    let options = DecodeOptions { mono, ..DecodeOptions::default() };
    for bytes in files {
        black_box(
            decode(&Source::Bytes(SharedBytes::new(bytes.clone())), &options)
                .expect("a sound file"),
        );
    }
}

/// Frames only: nothing is mixed, trimmed or put together.
fn symphonias(files: &[Arc<[u8]>]) {
    for bytes in files {
        let source = Box::new(Cursor::new(bytes.clone()));
        let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
        let mut reader =
            MpaReader::try_new(stream, FormatOptions::default()).expect("a sound file");
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(CODEC_ID_MP3);
        let mut decoder = MpaDecoder::try_new(&parameters, &AudioDecoderOptions::default())
            .expect("symphonia decodes MP3");
        while let Ok(Some(packet)) = reader.next_packet() {
            let _ = black_box(decoder.decode(&packet));
        }
    }
}

fn layer3(criterion: &mut Criterion) {
    let files = files();
    if files.is_empty() {
        eprintln!("ORPHEUS_BENCH_MP3 names no folder of MP3 files: nothing to measure");
        return;
    }
    let mut group = criterion.benchmark_group(format!("layer3/{} files", files.len()));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function("mono", |bencher| bencher.iter(|| ours(&files, true)));
    group.bench_function("channels", |bencher| bencher.iter(|| ours(&files, false)));
    group.bench_function("symphonia", |bencher| bencher.iter(|| symphonias(&files)));
    group.finish();
}

criterion_group!(benches, layer3);
criterion_main!(benches);
