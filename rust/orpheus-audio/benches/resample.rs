//! Cost of sample-rate conversion, one channel on one thread, streamed in packets as decoders give them.
//!
//! Elements per second are input samples. `ORPHEUS_FORCE_TIER=scalar|avx2|avx512` picks the tier.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use orpheus_audio::{Quality, Resampler};

/// Samples in one packet: an MPEG audio frame.
const PACKET: usize = 1_152;

const SECONDS: usize = 30;

const PAIRS: [(u32, u32); 9] = [
    (44_100, 22_050),
    (44_100, 24_000),
    (44_100, 48_000),
    (44_100, 16_000),
    (48_000, 22_050),
    (48_000, 24_000),
    (48_000, 16_000),
    (48_000, 44_100),
    (44_100, 44_099),
];

fn noise(n_samples: usize) -> Vec<f32> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n_samples).map(|_| next()).collect()
}

fn convert(resampler: &mut Resampler, packet: &[f32], n_packets: usize, output: &mut Vec<f32>) {
    for _ in 0..n_packets {
        output.clear();
        resampler.process(black_box(packet), output);
    }
    output.clear();
    resampler.finish(output);
}

fn resampling(criterion: &mut Criterion) {
    let packet = noise(PACKET);
    for quality in [Quality::High, Quality::Best] {
        let mut group = criterion.benchmark_group(format!("resample/{quality:?}"));
        for (from, to) in PAIRS {
            let n_packets = from as usize * SECONDS / PACKET;
            let Ok(mut resampler) = Resampler::new(from, to, quality) else { continue };
            let mut output = Vec::new();
            group.throughput(Throughput::Elements((n_packets * PACKET) as u64));
            group.bench_function(BenchmarkId::from_parameter(format!("{from}-{to}")), |bencher| {
                bencher.iter(|| convert(&mut resampler, &packet, n_packets, &mut output));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, resampling);
criterion_main!(benches);
