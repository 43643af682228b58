//! The exact scan: one query and many, at the dimensions of the spaces, at every tier.
//!
//! `cargo bench -p orpheus-search --bench flat`. Throughput is bytes of vectors compared, so that a
//! single query can be held against the memory bandwidth of the machine.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use orpheus_search::{Kernels, Metric, Rows, SearchOptions, Tier, search_rows};

/// Bytes before the first vector of a FAISS Flat file.
const FAISS_OFFSET: usize = 45;

/// Reproducible values in [-1, 1).
fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(step).collect()
}

fn file_image(vectors: &[f32], offset: usize) -> Vec<u8> {
    let mut bytes = vec![0; offset];
    bytes.extend(vectors.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

fn scan(criterion: &mut Criterion) {
    for (n_rows, dim, n_queries) in [
        (10_000, 512, 1),
        (100_000, 512, 1),
        (100_000, 33, 1),
        (100_000, 128, 1),
        (20_000, 512, 64),
        (100_000, 33, 64),
    ] {
        let mut group = criterion.benchmark_group(format!("{n_rows}x{dim} queries={n_queries}"));
        group.sample_size(20);
        group.throughput(Throughput::Bytes((n_rows * dim * 4 * n_queries) as u64));
        let vectors = values(n_rows * dim, 1);
        let queries = values(n_queries * dim, 2);
        for (place, offset) in [("aligned", 0), ("faiss", FAISS_OFFSET)] {
            let image = file_image(&vectors, offset);
            let rows = Rows::from_bytes(&image[offset..], dim).expect("whole rows");
            for kernels in Tier::ALL.into_iter().filter_map(Kernels::of) {
                for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
                    let options = SearchOptions { kernels, ..SearchOptions::new(10) };
                    let id = BenchmarkId::new(format!("{place}/{}", kernels.tier()), metric);
                    group.bench_function(id, |bencher| {
                        bencher.iter(|| {
                            search_rows(rows, metric, black_box(&queries), &options).expect("valid")
                        });
                    });
                }
            }
        }
        group.finish();
    }
}

criterion_group!(benches, scan);
criterion_main!(benches);
