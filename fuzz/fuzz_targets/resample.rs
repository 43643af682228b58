//! See `orpheus_fuzz::resample`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orpheus_fuzz::resample(data));
