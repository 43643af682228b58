//! See `orpheus_fuzz::tags`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orpheus_fuzz::tags(data));
