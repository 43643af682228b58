//! Every tier and precision against plain float64, shapes, and refusals.

use super::{ClapPadding, FrontEnd, Model, Precision, Workspace};
use crate::error::Error;
use crate::signals::{noise, tune};
use crate::spectrum::simd::Tier;

const MODELS: [Model; 6] = [
    Model::Clap(ClapPadding::RepeatPad),
    Model::ClapFused(ClapPadding::Repeat),
    Model::Wav2Vec2,
    Model::Yamnet,
    Model::Vggish,
    Model::Panns,
];

fn row(
    front_end: &FrontEnd,
    samples: &[f32],
    workspace: &mut Workspace,
) -> Result<Vec<f32>, Error> {
    let mut row = vec![0.5; front_end.n_values()];
    front_end.compute_into(samples, workspace, &mut row).map(|()| row)
}

#[test]
fn every_tier_and_precision_gives_the_rows_of_plain_float64() {
    let mut workspace = Workspace::default();
    let signals = [tune(1, 40_000), noise(2, 23_281), vec![0.0; 16_000], vec![1.0; 20_000]];
    for model in MODELS {
        for signal in &signals {
            let mut rows = |tier: Tier, precision: Precision| {
                let front_end = FrontEnd::on(tier, model, 40_000, precision).expect("a window");
                row(&front_end, signal, &mut workspace).expect("a signal")
            };
            let expected = rows(Tier::available()[0], Precision::Reference);
            for tier in Tier::available() {
                for precision in [Precision::Fast, Precision::Reference] {
                    let found = rows(tier, precision);
                    for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
                        let tolerance = match precision {
                            Precision::Reference => 2e-5,
                            // The tune's loudest band is 90 dB above this.
                            Precision::Fast if *expected > -60.0 => 4e-3,
                            Precision::Fast => 0.05,
                        };
                        assert!(
                            (found - expected).abs() <= tolerance,
                            "{model:?} {} {precision:?} at {place}: {found} against {expected}",
                            tier.name()
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn rows_have_the_shapes_of_the_models() {
    let shape = |model: Model, n_samples: usize| {
        FrontEnd::new(model, n_samples, Precision::Fast).expect("a window").row_shape().to_vec()
    };
    assert_eq!(shape(MODELS[0], 1), [1, 1001, 64]);
    assert_eq!(shape(MODELS[1], 480_000), [4, 1001, 64]);
    assert_eq!(shape(Model::Wav2Vec2, 12_345), [12_345]);
    assert_eq!(shape(Model::Yamnet, 48_000), [6, 96, 64]);
    assert_eq!(shape(Model::Vggish, 48_000), [3, 96, 64]);
    assert_eq!(shape(Model::Panns, 320_000), [1, 1001, 64]);
}

#[test]
fn a_tail_is_padded_as_the_model_demands_not_with_what_the_window_holds() {
    let mut workspace = Workspace::default();
    let samples = noise(3, 30_000);
    let mut rows = |model: Model, n_samples: usize| {
        let front_end = FrontEnd::new(model, n_samples, Precision::Fast).expect("a window");
        row(&front_end, &samples, &mut workspace).expect("a signal")
    };
    // Ten seconds of a repeated tail, however long the window is that it is the tail of.
    assert_eq!(rows(MODELS[0], 480_000), rows(MODELS[0], 30_000));
    let zeros_behind = rows(Model::Wav2Vec2, 40_000);
    assert_eq!(zeros_behind[..30_000], rows(Model::Wav2Vec2, 30_000));
    assert!(zeros_behind[30_000..].iter().all(|value| value.to_bits() == 0));
}

#[test]
fn the_channels_of_a_fused_row_are_the_same() {
    let front_end = FrontEnd::new(MODELS[1], 48_000, Precision::Fast).expect("a window");
    let row = row(&front_end, &noise(4, 48_000), &mut front_end.workspace()).expect("a signal");
    let channels: Vec<&[f32]> = row.chunks_exact(1001 * 64).collect();
    assert_eq!(channels.len(), 4);
    assert!(channels.iter().all(|channel| *channel == channels[0]));
}

#[test]
fn windows_that_a_model_cannot_take_are_refused() {
    let refused = |model: Model, n_samples: usize| {
        FrontEnd::new(model, n_samples, Precision::Fast).expect_err("no window").to_string()
    };
    let message = refused(MODELS[0], 480_001);
    assert!(message.starts_with("n_samples is 480001, expected 1 to 480000"), "{message}");
    assert!(refused(Model::Vggish, 15_599).contains("15600"));
    for model in MODELS {
        assert_eq!(refused(model, 0), Error::Empty.to_string());
        assert_eq!(
            Model::named(model.name(), ClapPadding::Repeat).map(Model::name),
            Some(model.name())
        );
    }
    assert_eq!(Model::named("resnet", ClapPadding::Pad), None);
}

#[test]
fn samples_that_cannot_be_worked_with_leave_the_row_as_it_was() {
    for model in MODELS {
        let front_end = FrontEnd::new(model, 16_000, Precision::Fast).expect("a window");
        let mut workspace = front_end.workspace();
        let mut row = vec![0.25; front_end.n_values()];
        let mut unsound = noise(5, 16_000);
        unsound[15_999] = f32::INFINITY;
        let mut refuse = |samples: &[f32], row: &mut [f32]| {
            front_end.compute_into(samples, &mut workspace, row).expect_err("unsound")
        };
        assert_eq!(refuse(&unsound, &mut row), Error::NotFinite { index: 15_999 });
        assert_eq!(refuse(&[], &mut row), Error::Empty);
        assert!(matches!(refuse(&noise(5, 16_001), &mut row), Error::Parameter { .. }));
        assert!(matches!(refuse(&noise(5, 16), &mut row[1..]), Error::OutputLength { .. }));
        assert!(row.iter().all(|value| (value - 0.25).abs() < 1e-9));
    }
}
