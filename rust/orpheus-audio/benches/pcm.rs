//! WAV files in memory → samples: our reader, to one channel and to all, and symphonia's.
//!
//! Elements per second are samples of every channel. The files are noise, made here: 30 s at
//! 44.1 kHz.

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use orpheus_audio::{DecodeOptions, SharedBytes, Source, decode};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::default::codecs::PcmDecoder;
use symphonia::default::formats::WavReader;

const SAMPLE_RATE: u32 = 44_100;
const N_SAMPLES: usize = 30 * SAMPLE_RATE as usize;

/// Name, format tag and bytes of one number.
const KINDS: [(&str, u16, usize); 5] =
    [("u8", 1, 1), ("s16", 1, 2), ("s24", 1, 3), ("s32", 1, 4), ("f32", 3, 4)];

fn wav(tag: u16, n_bytes: usize, n_channels: usize) -> Arc<[u8]> {
    let block = n_channels * n_bytes;
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state
    };
    let mut data: Vec<u8> = Vec::with_capacity(N_SAMPLES * block);
    for _ in 0..N_SAMPLES * n_channels {
        let word = if tag == 3 { (next() as i32 as f32 / 2e9).to_bits() } else { next() };
        data.extend(&word.to_le_bytes()[4 - n_bytes..]);
    }
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0");
    bytes.extend(tag.to_le_bytes());
    bytes.extend((n_channels as u16).to_le_bytes());
    bytes.extend(SAMPLE_RATE.to_le_bytes());
    bytes.extend((SAMPLE_RATE * block as u32).to_le_bytes());
    bytes.extend((block as u16).to_le_bytes());
    bytes.extend((8 * n_bytes as u16).to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes.into()
}

fn ours(bytes: &Arc<[u8]>, mono: bool) {
    let options = DecodeOptions { mono, ..DecodeOptions::default() };
    let source = Source::Bytes(SharedBytes::new(bytes.clone()));
    black_box(decode(&source, &options).expect("a sound file"));
}

/// Packets, decoded and copied out as planes of float32: nothing is mixed or put together.
fn symphonias(bytes: &Arc<[u8]>) {
    let source = Box::new(Cursor::new(bytes.clone()));
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let mut reader = WavReader::try_new(stream, FormatOptions::default()).expect("a sound file");
    let track = reader.default_track(TrackType::Audio).expect("a WAV file has a track");
    let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
        panic!("the track is audio")
    };
    let mut decoder = PcmDecoder::try_new(parameters, &AudioDecoderOptions::default())
        .expect("symphonia decodes PCM");
    let mut planes: Vec<Vec<f32>> = Vec::new();
    while let Ok(Some(packet)) = reader.next_packet() {
        let buffer = decoder.decode(&packet).expect("a sound packet");
        buffer.copy_to_vecs_planar(&mut planes);
        black_box(&planes);
    }
}

fn pcm(criterion: &mut Criterion) {
    for n_channels in [1, 2] {
        let mut group = criterion.benchmark_group(format!("pcm/{n_channels} channels"));
        group.sample_size(20).throughput(Throughput::Elements((N_SAMPLES * n_channels) as u64));
        for (kind, tag, n_bytes) in KINDS {
            let bytes = wav(tag, n_bytes, n_channels);
            let name = |who: &str| BenchmarkId::new(who, kind);
            group.bench_function(name("mono"), |bencher| bencher.iter(|| ours(&bytes, true)));
            group.bench_function(name("channels"), |bencher| bencher.iter(|| ours(&bytes, false)));
            group.bench_function(name("symphonia"), |bencher| bencher.iter(|| symphonias(&bytes)));
        }
        group.finish();
    }
}

criterion_group!(benches, pcm);
criterion_main!(benches);
