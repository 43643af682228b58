//! See `orpheus_fuzz::faiss`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orpheus_fuzz::faiss(data));
