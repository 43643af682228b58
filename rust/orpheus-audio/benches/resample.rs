//! Cost of sample-rate conversion, one channel on one thread, streamed in packets as decoders give them.
//!
//! Elements per second are input samples. `ORPHEUS_FORCE_TIER=scalar|avx2|avx512` picks the tier.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use orpheus_audio::{Fan, Quality, Resampler};

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

/// Rates that are asked for together.
const FANS: [(u32, &[u32]); 3] = [
    (44_100, &[48_000, 24_000, 22_050]),
    (44_100, &[48_000, 24_000, 16_000]),
    (48_000, &[48_000, 24_000, 22_050, 16_000]),
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

fn fan_out(fan: &mut Fan, packet: &[f32], n_packets: usize, outputs: &mut [Vec<f32>]) {
    for _ in 0..n_packets {
        outputs.iter_mut().for_each(Vec::clear);
        fan.process(black_box(packet), outputs);
    }
    outputs.iter_mut().for_each(Vec::clear);
    fan.finish(outputs);
}

fn fans(criterion: &mut Criterion) {
    let packet = noise(PACKET);
    let mut group = criterion.benchmark_group("fan");
    for (from, rates) in FANS {
        let n_packets = from as usize * SECONDS / PACKET;
        let Ok(mut fan) = Fan::new(from, rates, Quality::High) else { continue };
        let mut outputs = vec![Vec::new(); rates.len()];
        group.throughput(Throughput::Elements((n_packets * PACKET) as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{from}-{rates:?}")), |bencher| {
            bencher.iter(|| fan_out(&mut fan, &packet, n_packets, &mut outputs));
        });
    }
    group.finish();
}

criterion_group!(benches, resampling, fans);
criterion_main!(benches);
