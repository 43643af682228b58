//! Residuals and predictors.

use super::super::predict::Predictor;
use super::super::rice::Rice;
use super::super::testing::{Form, Numbers, Prediction, config};
use super::*;

#[test]
fn every_order_of_prediction_comes_back() {
    let mut numbers = Numbers(1);
    for order in 0..=31 {
        for (shift, mode) in [(9, 0), (1, 0), (15, 0), (6, 15), (9, 3)] {
            let mut form = Form::usual();
            form.predictions[0] = Prediction { mode, shift, ..Prediction::usual(order) };
            form.predictions[1] = Prediction { shift, ..Prediction::usual(30 - order.min(30)) };
            let config = config(16, 2, 700);
            let channels = [numbers.music(700, 16, 0.7), numbers.music(700, 16, 0.5)];
            assert_comes_back(&channels, &form, &config);
        }
    }
}

#[test]
fn packets_of_any_length_come_back() {
    let mut numbers = Numbers(2);
    for n_samples in (0..80).chain([4095, 4096]) {
        for order in [0, 4, 5, 8, 11, 30, 31] {
            let mut form = Form { is_partial: true, ..Form::usual() };
            form.predictions = [Prediction::usual(order), Prediction::usual(8)];
            let config = config(16, 2, 4096);
            let channels = [0, 1].map(|_| numbers.music(n_samples, 16, 0.3));
            assert_comes_back(&channels, &form, &config);
        }
    }
}

/// Encoders that start from coefficients like these do not exist; decoders must not care.
#[test]
fn coefficients_wrap_at_16_bits() {
    let mut numbers = Numbers(3);
    for first in [i16::MIN, i16::MAX, i16::MAX - 1, -32_700, 32_600, 30_000] {
        for order in [1, 4, 6, 7, 8, 9] {
            let config = config(16, 1, 4096);
            let mut form = Form::usual();
            let coefficients = vec![first; order];
            form.predictions[0] = Prediction { shift: 13, coefficients, ..Prediction::usual(0) };
            let channels = [numbers.music(4096, 16, 0.9)];
            // symphonia does not wrap them.
            let packet = packet(&channels, &form, &config);
            assert_eq!(decode(&packet, &config), Ok(to_f32(&channels, 16)), "{form:?}");
        }
    }
}

#[test]
fn noise_at_full_scale_comes_back_at_every_depth() {
    let mut numbers = Numbers(4);
    for (n_bits, n_low_bytes) in
        [(16, 0), (16, 1), (20, 0), (20, 1), (24, 0), (24, 1), (24, 2), (32, 1), (32, 2)]
    {
        for order in [2, 4, 6, 8, 16] {
            let mut form = Form { n_low_bytes, ..Form::usual() };
            form.predictions = [Prediction::usual(order), Prediction::usual(8)];
            let config = config(n_bits, 2, 1000);
            let channels = [numbers.noise(1000, n_bits), numbers.noise(1000, n_bits)];
            assert_comes_back(&channels, &form, &config);
            let config = super::super::testing::config(n_bits, 1, 1000);
            assert_comes_back(&channels[..1], &form, &config);
        }
    }
}

#[test]
fn one_channel_of_32_bits_comes_back_without_low_bits() {
    let mut numbers = Numbers(5);
    for order in [0, 4, 8, 12] {
        let mut form = Form::usual();
        form.predictions[0] = Prediction::usual(order);
        let config = config(32, 1, 2000);
        for channel in [numbers.music(2000, 32, 0.2), numbers.noise(2000, 32)] {
            let packet = packet(std::slice::from_ref(&channel), &form, &config);
            assert_eq!(decode(&packet, &config), Ok(to_f32(&[channel], 32)), "{order}");
        }
    }
}

#[test]
fn silence_with_a_click_now_and_then_comes_back() {
    for (n_samples, every) in
        [(65_536, 70_000), (65_536, 65_535), (65_536, 65_534), (4096, 17), (4096, 3)]
    {
        let click = |at: usize| if at % every == every - 1 { 300 } else { 0 };
        for value in [0, 1, -1] {
            let channel: Vec<i32> = (0..n_samples).map(|at| click(at) + value).collect();
            let config = config(16, 1, n_samples);
            assert_comes_back(&[channel], &Form::usual(), &config);
        }
    }
}

#[test]
fn the_code_adapts_as_the_cookie_says() {
    let mut numbers = Numbers(6);
    for (mean, rate, most_bits) in
        [(10, 40, 14), (0, 0, 8), (255, 255, 31), (3, 1, 9), (90, 120, 23)]
    {
        for factor in 0..8 {
            let config = Config { rice: Rice { mean, rate, most_bits }, ..config(16, 2, 2000) };
            let mut form = Form::usual();
            form.predictions[0].rate = factor;
            let loud = numbers.noise(2000, 16);
            let channels = [numbers.music(2000, 16, 0.01), loud];
            let packet = packet(&channels, &form, &config);
            assert_eq!(decode(&packet, &config), Ok(to_f32(&channels, 16)), "{config:?} {factor}");
        }
    }
}

#[test]
fn every_way_of_mixing_is_undone() {
    let mut numbers = Numbers(7);
    let loud = [numbers.music(500, 16, 1.0), numbers.noise(500, 16)];
    for mixing in [(0, 0), (200, 0), (0, 1), (31, 1), (1, 1), (2, 3), (7, 127)] {
        let form = Form { mixing, ..Form::usual() };
        assert_comes_back(&loud, &form, &config(16, 2, 500));
    }
    // What sums up to more than the pair's 17 bits cannot be written.
    let quiet = [numbers.music(500, 8, 1.0), numbers.noise(500, 8)];
    for mixing in [(0, -128), (0, 127), (3, -100), (31, -1)] {
        let form = Form { mixing, ..Form::usual() };
        assert_comes_back(&quiet, &form, &config(16, 2, 500));
    }
}

/// Codes hold no such residuals, as far as anyone knows; kernels must agree nonetheless.
#[test]
fn kernels_agree_on_residuals_of_any_size() {
    let mut numbers = Numbers(8);
    for round in 0..4000 {
        let n_bits = [4, 8, 16, 17, 20, 24, 25, 26, 27, 32][round % 10];
        let order = 1 + numbers.below(9);
        let coefficients = std::array::from_fn(|_| numbers.next() as i16);
        let shift = 1 + numbers.next() % 15;
        let is_double = numbers.below(4) == 0;
        let predictor = Predictor { is_double, shift, order, coefficients, n_bits };
        let excess = numbers.next() % 32;
        let samples: Vec<i32> = (0..numbers.below(200))
            .map(|_| match numbers.below(9) {
                0 => [i32::MIN, i32::MAX, -1, 0][numbers.below(4)],
                _ => (numbers.next() << 1) as i32 >> excess,
            })
            .collect();
        let other: Vec<i32> = samples.iter().rev().copied().collect();
        let [portable, fastest] = [Kernel::Portable, Kernel::fastest()].map(|kernel| {
            let mut pair = [predictor.clone(), predictor.clone()];
            let (mut first, mut second) = (samples.clone(), other.clone());
            kernel.predict_pair(&mut pair, &mut first, &mut second);
            let mut alone = samples.clone();
            kernel.predict(&mut predictor.clone(), &mut alone);
            assert_eq!(alone, first, "{predictor:?}");
            (first, second, pair.map(|predictor| predictor.coefficients))
        });
        assert_eq!(portable, fastest, "{predictor:?} {samples:?}");
    }
}
