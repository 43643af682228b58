use proptest::prelude::*;

use super::{decoded, expected, is_ok, small, source};
use crate::decode::flac::frame::FrameDecoder;
use crate::decode::flac::header::FrameHeader;
use crate::decode::flac::kernel::Kernel;
use crate::decode::flac::stream_info::Format;
use crate::decode::flac::testing::{SAMPLE_RATE, Shape, Stream};
use crate::decode::{Block, DecodeOptions, decode, downmix};

fn shapes() -> impl Strategy<Value = Shape> {
    let sizes = prop_oneof![1_usize..40, Just(192), Just(576), 100_usize..1500];
    (any::<u64>(), 4_u32..=32, 1_usize..=8, 1_usize..6, sizes, any::<bool>()).prop_map(
        |(seed, n_bits, n_channels, n_frames, block_size, variable)| {
            // Joined channels are the harder ones.
            let n_channels = if seed % 2 == 0 { 2 } else { n_channels };
            Shape { seed, n_bits, n_channels, n_frames, block_size, variable }
        },
    )
}

fn by_frames(kernel: Kernel, stream: &Stream, shape: Shape) -> Vec<Vec<i32>> {
    let format =
        Format { sample_rate: SAMPLE_RATE, n_channels: shape.n_channels, n_bits: shape.n_bits };
    let mut decoder = FrameDecoder::new(kernel);
    let mut channels = vec![Vec::new(); shape.n_channels];
    for offsets in stream.offsets.windows(2) {
        let bytes = &stream.bytes[offsets[0]..offsets[1]];
        let header = FrameHeader::parse(bytes).unwrap();
        let n_bytes = decoder.decode(&header, &format, bytes, &mut None).unwrap();
        assert_eq!(n_bytes, bytes.len());
        for (all, plane) in channels.iter_mut().zip(decoder.planes()) {
            all.extend(plane);
        }
    }
    channels
}

proptest! {
    #[test]
    fn every_kind_of_stream_is_decoded_to_the_bit_and_matches_its_sum(shape in shapes()) {
        let stream = shape.encode();
        let (samples, outcome) = decoded(&stream.bytes).unwrap();
        prop_assert!(samples == expected(&stream, shape.n_bits));
        prop_assert!(is_ok(&outcome), "{:?}", outcome);
    }

    #[test]
    fn every_processor_comes_to_the_same_samples(shape in shapes()) {
        let stream = shape.encode();
        prop_assert!(by_frames(Kernel::Portable, &stream, shape) == stream.samples);
        prop_assert!(by_frames(Kernel::best(), &stream, shape) == stream.samples);
    }

    #[test]
    fn mono_is_the_mean_of_the_channels(shape in shapes()) {
        let stream = shape.encode();
        let options = DecodeOptions { mono: true, ..DecodeOptions::default() };
        let (signal, ..) = decode(&source(&stream.bytes), &options).unwrap();
        let mut mono = Vec::new();
        downmix(&Block { channels: expected(&stream, shape.n_bits) }, &mut mono);
        prop_assert!(signal.samples() == mono);
    }
}

#[test]
fn blocks_are_of_one_frame_however_long_the_file_is() {
    let stream = small(3).encode();
    let mut decoder = super::open(&stream.bytes);
    while let Some(block) = decoder.next_block().unwrap() {
        assert!(block.n_samples() <= 256);
    }
    assert!(is_ok(&decoder.finish().unwrap()));
}
