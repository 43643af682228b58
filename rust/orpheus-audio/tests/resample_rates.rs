//! Any two rates are accepted or refused, in bounded time and memory.

use std::time::{Duration, Instant};

use orpheus_audio::{Error, Fan, Quality, Resampler};
use proptest::prelude::*;

const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Filters of one conversion, designed by a busy machine without optimisation.
const MAX_DESIGN: Duration = Duration::from_secs(5);

/// Everything this process ever held, filters of many rates among it.
const MAX_MEMORY_KIB: u64 = 256 << 10;

/// The most memory that this process has held, where the system tells.
fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn any_rate() -> impl Strategy<Value = u32> {
    let usual = proptest::sample::select(vec![
        8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000,
        192_000, 352_800, 384_000, 705_600, 768_000, 1_000, 767_999, 3_001, 65_536, 44_099,
    ]);
    prop_oneof![2 => usual, 2 => RATES_HZ, 1 => 1_000u32..50_000, 1 => any::<u32>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_two_rates_are_accepted_or_refused_by_name_soon_and_cheaply(
        from in any_rate(),
        to in any_rate(),
        best: bool,
    ) {
        let quality = if best { Quality::Best } else { Quality::High };
        let started = Instant::now();
        let made = Resampler::new(from, to, quality);
        prop_assert!(started.elapsed() < MAX_DESIGN, "{:?}", started.elapsed());
        let within = [from, to].iter().all(|rate| RATES_HZ.contains(rate));
        let possible = within && from.max(to) <= from.min(to) * 256;
        match made {
            Ok(mut resampler) => {
                prop_assert!(possible);
                let mut output = Vec::new();
                resampler.process(&[0.5; 300], &mut output);
                resampler.finish(&mut output);
                prop_assert_eq!(output.len() as u64, resampler.n_out(300));
                prop_assert!(output.iter().all(|sample| sample.abs() < 2.0));
                // The filter's reach is that of the slower rate, and some samples.
                let slowest = u64::from(from).div_ceil(u64::from(from.min(to)));
                prop_assert!(resampler.reach() <= 200 * slowest + 10);
                prop_assert_eq!(u64::from(from) % resampler.period(), 0);
            }
            Err(Error::Parameter { name, .. }) => {
                prop_assert!(!possible && ["from_hz", "to_hz"].contains(&name));
            }
            Err(other) => prop_assert!(false, "{other:?}"),
        }
        if let Some(peak) = peak_memory_kib() {
            prop_assert!(peak < MAX_MEMORY_KIB, "{peak} KiB");
        }
    }

    #[test]
    fn any_rates_can_be_asked_for_together(
        from in 4_000u32..=768_000,
        rates in proptest::collection::vec(4_000u32..=768_000, 0..5),
    ) {
        let started = Instant::now();
        let mut fan = Fan::new(from, &rates, Quality::High).unwrap();
        prop_assert!(started.elapsed() < MAX_DESIGN * 5, "{:?}", started.elapsed());
        let mut outputs = vec![Vec::new(); rates.len()];
        fan.process(&[0.5; 300], &mut outputs);
        fan.finish(&mut outputs);
        for (&to, output) in rates.iter().zip(&outputs) {
            prop_assert_eq!(output.len() as u64, (300 * u64::from(to)).div_ceil(from.into()));
        }
        prop_assert_eq!(u64::from(from) % fan.period(), 0);
    }
}
