//! What the decoder promises, on streams of our own encoder and on real files.

mod damage;
mod exactness;
mod metadata;
mod real_files;
mod windows;

use super::testing::{Shape, Stream};
use crate::decode::{DecodeOptions, Decoder, decode};
use crate::error::Result;
use crate::limits::Limits;
use crate::outcome::{Outcome, Status};
use crate::source::Source;

/// 24 frames of up to 256 samples of two channels of 16 bits.
fn small(seed: u64) -> Shape {
    Shape { seed, n_bits: 16, n_channels: 2, n_frames: 24, block_size: 256, variable: false }
}

fn source(bytes: &[u8]) -> Source {
    Source::Bytes(bytes.into())
}

fn decoded(bytes: &[u8]) -> Result<(Vec<Vec<f32>>, Outcome)> {
    let (signal, _, outcome) = decode(&source(bytes), &DecodeOptions::default())?;
    let channels = signal.samples().chunks(signal.n_samples().max(1));
    Ok((channels.map(<[f32]>::to_vec).collect(), outcome))
}

fn open(bytes: &[u8]) -> Decoder {
    Decoder::open(&source(bytes), &Limits::default()).unwrap()
}

/// The samples as they should come out, exact where float32 can be.
fn expected(stream: &Stream, n_bits: u32) -> Vec<Vec<f32>> {
    let scale = (1_u64 << (n_bits - 1)) as f64;
    let convert = |sample: &i32| (f64::from(*sample) / scale) as f32;
    stream.samples.iter().map(|channel| channel.iter().map(convert).collect()).collect()
}

fn is_ok(outcome: &Outcome) -> bool {
    outcome.status == Status::Ok
}
