//! Thirty seconds of music at 22.05 kHz, as six windows of 5 s: the cost of describing one track.
//!
//! `ORPHEUS_FORCE_TIER=avx2 cargo bench -p orpheus-features` measures another instruction set.

use std::f64::consts::TAU;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use orpheus_features::vector::classical::{Classical, Layout, Precision};

const RATE: u32 = 22_050;
const N_SAMPLES: usize = 5 * RATE as usize;

/// A melody with overtones over a beat and a little noise, different in every window.
fn window(index: usize) -> Vec<f32> {
    let mut state = index as u64 + 1;
    (0..N_SAMPLES)
        .map(|n| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let noise = (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
            let seconds = n as f64 / f64::from(RATE);
            let note = ((seconds * 4.0) as usize * 5 + index * 3) % 24;
            let hz = 130.8 * (note as f64 / 12.0).exp2();
            let tone: f64 = (1..=6)
                .map(|partial| (TAU * hz * f64::from(partial) * seconds).sin() / f64::from(partial))
                .sum();
            let beat = (-20.0 * (seconds % 0.5)).exp();
            (0.2 * tone + 0.3 * beat * noise + 0.003 * noise) as f32
        })
        .collect()
}

fn thirty_seconds(criterion: &mut Criterion) {
    let windows: Vec<Vec<f32>> = (0..6).map(window).collect();
    for precision in [Precision::Fast, Precision::Reference] {
        let Ok(classical) = Classical::with_precision(RATE, Layout::Chroma12, precision) else {
            return;
        };
        let mut workspace = classical.workspace();
        let mut vector = vec![0.0; classical.dim()];
        criterion.bench_function(&format!("30 s as 6 x 5 s, {precision:?}"), |bencher| {
            bencher.iter(|| {
                for window in &windows {
                    let done =
                        classical.vector_into(black_box(window), &mut workspace, &mut vector);
                    assert!(done.is_ok());
                    black_box(&vector);
                }
            });
        });
    }
    criterion.bench_function("a plan", |bencher| {
        bencher.iter(|| Classical::new(black_box(RATE), Layout::Chroma12));
    });
}

criterion_group!(benches, thirty_seconds);
criterion_main!(benches);
