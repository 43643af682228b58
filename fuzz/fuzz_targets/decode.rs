//! See `orpheus_fuzz::decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orpheus_fuzz::decode(data));
