//! Ten seconds of audio for each model: the cost of feeding it.
//!
//! `ORPHEUS_FORCE_TIER=avx2 cargo bench -p orpheus-features` measures another instruction set.

use std::f64::consts::TAU;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use orpheus_features::front_end::{ClapPadding, FrontEnd, Model, Precision};

/// A chord over noise.
fn window(sample_rate: u32) -> Vec<f32> {
    let mut state = 1_u64;
    (0..10 * sample_rate)
        .map(|n| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let noise = (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
            let seconds = f64::from(n) / f64::from(sample_rate);
            let chord: f64 =
                [220.0, 277.2, 329.6].map(|hz: f64| (TAU * hz * seconds).sin()).iter().sum();
            (0.2 * chord + 0.05 * noise) as f32
        })
        .collect()
}

fn ten_seconds(criterion: &mut Criterion) {
    for model in
        [Model::Clap(ClapPadding::Pad), Model::Panns, Model::Yamnet, Model::Vggish, Model::Wav2Vec2]
    {
        let window = window(model.sample_rate().unwrap_or(24_000));
        for precision in [Precision::Fast, Precision::Reference] {
            let Ok(front_end) = FrontEnd::new(model, window.len(), precision) else { return };
            let mut workspace = front_end.workspace();
            let mut row = vec![0.0; front_end.n_values()];
            criterion.bench_function(&format!("{}, {precision:?}", model.name()), |bencher| {
                bencher.iter(|| {
                    let done = front_end.compute_into(black_box(&window), &mut workspace, &mut row);
                    assert!(done.is_ok());
                    black_box(&row);
                });
            });
        }
    }
}

criterion_group!(benches, ten_seconds);
criterion_main!(benches);
