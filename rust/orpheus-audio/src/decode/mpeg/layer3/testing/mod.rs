//! Random frames through the decoder, symphonia's decoder and the standard's formulas.

mod files;
mod random;
mod reference;
mod streams;
mod writer;

use symphonia::core::audio::{Audio, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::MpaDecoder;

pub(crate) use self::files::{Piece, info_frame, mischecked_pieces, random_pieces};
use self::random::Random;
use self::reference::Reference;
use self::streams::{Allowed, stream};
use self::writer::Format;
use super::bands::N_LINES;
use super::codes::codes;
use super::huffman::Coded;
use super::huffman_codes::{LEAVES, LINBITS};
use super::kernel::Kernel;
use super::{FrameError, FrameHeader, Layer3, Mix, Soundness};
use crate::decode::bits::Bits;

const ALL_JOINT: &[Option<u8>] = &[None, Some(0), Some(1), Some(2), Some(3)];

/// Every sample rate with one and with two channels, at bit rates that leave room and that do not.
fn formats() -> Vec<Format> {
    let format = |i: usize| Format {
        rate: i / 2 % 9,
        n_channels: 1 + i % 2,
        bitrate: [14, 9, 5][i / 18],
        crc: i.is_multiple_of(3),
    };
    (0..54).map(format).collect()
}

fn kernels() -> Vec<Kernel> {
    let best = Kernel::best();
    if matches!(best, Kernel::Portable) { vec![best] } else { vec![Kernel::Portable, best] }
}

fn header(frame: &[u8]) -> FrameHeader {
    FrameHeader::parse(frame).unwrap()
}

fn decode(decoder: &mut Layer3, frame: &[u8], n_planes: usize) -> (Vec<Vec<f32>>, Soundness) {
    let mut out = vec![Vec::new(); n_planes];
    let soundness = decoder.decode(&header(frame), frame, &mut out).unwrap();
    (out, soundness)
}

/// Largest and mean square difference, and the largest sample.
#[derive(Default)]
struct Differences {
    largest: f64,
    squares: f64,
    n: usize,
    peak: f64,
}

impl Differences {
    fn note(&mut self, ours: &[f32], theirs: impl ExactSizeIterator<Item = f64>) {
        assert_eq!(ours.len(), theirs.len());
        for (&ours, theirs) in ours.iter().zip(theirs) {
            let difference = (f64::from(ours) - theirs).abs();
            assert!(difference.is_finite());
            self.largest = self.largest.max(difference);
            self.squares += difference * difference;
            self.n += 1;
            self.peak = self.peak.max(theirs.abs());
        }
    }

    fn assert_below(&self, largest: f64, rms: f64, what: &str) {
        let actual = (self.squares / self.n as f64).sqrt();
        let scale = self.peak.max(1.0);
        assert!(self.peak > 0.01, "{what}: silence proves nothing, peak {}", self.peak);
        assert!(self.largest < largest * scale, "{what}: {} of {scale}", self.largest);
        assert!(actual < rms * scale, "{what}: {actual} of {scale}");
    }
}

#[test]
fn random_frames_decode_to_what_the_formulas_of_the_standard_say() {
    let mut random = Random::new(1);
    for (i, format) in formats().into_iter().enumerate() {
        let joint = if i % 4 < 2 { ALL_JOINT } else { &[None, Some(2)] };
        let allowed = Allowed { joint, mismatched: i % 4 >= 2, disputed: true };
        let (values, frames) = stream(&mut random, format, &allowed, 8);
        for kernel in kernels() {
            let mut reference = Reference::new(format);
            let mut decoder = Layer3::with_kernel(Mix::Channels, kernel);
            let mut differences = Differences::default();
            for (values, frame) in values.iter().zip(&frames) {
                let (out, soundness) = decode(&mut decoder, frame, format.n_channels);
                assert_eq!(soundness, Soundness::Sound);
                for (ours, theirs) in out.iter().zip(reference.decode(values)) {
                    differences.note(ours, theirs.into_iter());
                }
            }
            // The standard calls a decoder fully accurate below 6.1e-5, and 8.8e-6 r.m.s.
            // (ISO/IEC 11172-4 §2.5); single precision allows a hundred times less.
            differences.assert_below(5e-7, 5e-8, &format!("{format:?}"));
        }
    }
}

#[test]
fn random_frames_decode_to_what_symphonia_makes_of_them() {
    let mut random = Random::new(2);
    for (i, format) in (0..4).flat_map(|_| formats()).enumerate() {
        let joint = if i % 4 < 2 { ALL_JOINT } else { &[None] };
        let allowed = Allowed { joint, mismatched: i % 4 >= 2, disputed: false };
        let (_, frames) = stream(&mut random, format, &allowed, 24);
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(CODEC_ID_MP3);
        let mut theirs = MpaDecoder::try_new(&parameters, &AudioDecoderOptions::default()).unwrap();
        let mut decoder = Layer3::new(Mix::Channels);
        let mut differences = Differences::default();
        for (n, frame) in frames.iter().enumerate() {
            let (out, _) = decode(&mut decoder, frame, format.n_channels);
            let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, frame);
            let GenericAudioBufferRef::F32(buffer) = theirs.decode_ref(&packet).unwrap() else {
                panic!("symphonia decodes to f32");
            };
            assert_eq!(buffer.num_planes(), out.len());
            for (ours, theirs) in out.iter().zip(buffer.iter_planes()) {
                differences.note(ours, theirs.iter().map(|&sample| f64::from(sample)));
            }
            assert!(differences.largest < 1e-3, "{format:?}, frame {n}");
        }
        // Most of it is symphonia's: see the test above.
        differences.assert_below(2e-6, 2e-7, &format!("{format:?}"));
    }
}

#[test]
fn mono_is_the_mean_of_the_channels() {
    let mut random = Random::new(3);
    for (i, format) in (0..3).flat_map(|_| formats()).enumerate() {
        let joint = if i % 4 < 2 { ALL_JOINT } else { &[None, Some(2)] };
        let allowed = Allowed { joint, mismatched: i % 4 >= 2, disputed: true };
        let (_, frames) = stream(&mut random, format, &allowed, 16);
        for kernel in kernels() {
            let mut mono = Layer3::with_kernel(Mix::Mono, kernel);
            let mut channels = Layer3::with_kernel(Mix::Channels, kernel);
            let mut differences = Differences::default();
            for frame in &frames {
                let (mono, _) = decode(&mut mono, frame, 1);
                let (both, _) = decode(&mut channels, frame, format.n_channels);
                let mean = |t: usize| {
                    both.iter().map(|plane| f64::from(plane[t])).sum::<f64>() / both.len() as f64
                };
                differences.note(&mono[0], (0..both[0].len()).map(mean));
            }
            differences.assert_below(5e-7, 5e-8, &format!("{format:?}"));
        }
    }
}

#[test]
fn every_code_of_every_table_gives_its_values_with_every_sign() {
    let mut random = Random::new(4);
    for table in (1..32).filter(|table| ![4, 14].contains(table)) {
        let number = if table < 16 { table } else { table / 8 * 8 };
        let largest_more = (1_usize << LINBITS[table]) - 1;
        for leaf in LEAVES[number] {
            for signs in 0..4 {
                let values: [i32; 2] = std::array::from_fn(|i| {
                    let value = i32::from(leaf >> (4 - 4 * i) & 15);
                    let more = [0, largest_more, random.below(largest_more + 1)][random.below(3)];
                    let value = if table > 15 && value == 15 { 15 + more as i32 } else { value };
                    if signs >> i & 1 == 1 { -value } else { value }
                });
                assert_decodes_to(table, values, signs == 0);
            }
        }
    }
}

fn assert_decodes_to(table: usize, values: [i32; 2], add: bool) {
    let layout = &super::bands::bands(0).long;
    let mut writer = writer::BitWriter::default();
    writer.put(5, 3);
    writer::put_pair(&mut writer, table, values);
    let coded = Coded {
        tables: [table as u8; 3],
        region_ends: [1; 3],
        quads_b: false,
        end: writer.n_bits,
        slots: &layout.slots,
        gains: [1.0; 256],
        add,
    };
    for kernel in kernels() {
        let mut lines = [0.0; N_LINES];
        let bits = Bits::new(&writer.bytes, 3);
        assert_eq!(kernel.decode(codes(), bits, &coded, &mut lines), Ok(1));
        for (value, at) in values.into_iter().zip(layout.slots[0].at) {
            let exact = f64::from(value.signum()) * f64::from(value.abs()).powf(4.0 / 3.0);
            let difference = f64::from(lines[usize::from(at)]) - exact;
            assert!(difference.abs() <= exact.abs() * 6e-8, "{table}: {values:?}");
        }
    }
}

#[test]
fn damaged_frames_are_refused_or_decoded_but_never_panic() {
    let mut random = Random::new(5);
    let mut n_refused = 0;
    for format in formats() {
        let allowed = Allowed { joint: ALL_JOINT, mismatched: true, disputed: true };
        let (_, frames) = stream(&mut random, format, &allowed, 40);
        for mix in [Mix::Channels, Mix::Mono] {
            let n_planes = if mix == Mix::Mono { 1 } else { format.n_channels };
            for kernel in kernels() {
                let mut decoder = Layer3::with_kernel(mix, kernel);
                let mut out = vec![Vec::new(); n_planes];
                for frame in &frames {
                    let frame = streams::damaged(&mut random, frame);
                    let before = out[0].len();
                    let header = header(&frame);
                    let outcome = decoder.decode(&header, &frame, &mut out);
                    let n = if outcome.is_ok() { header.n_samples as usize } else { 0 };
                    n_refused += usize::from(outcome.is_err());
                    assert!(out.iter().all(|plane| plane.len() == before + n));
                    assert!(out.iter().flatten().all(|sample| sample.is_finite()));
                    out.iter_mut().for_each(Vec::clear);
                }
            }
        }
    }
    assert!(n_refused > 500, "{n_refused}");
}

#[test]
fn a_stream_cut_in_its_middle_is_silent_until_its_reservoir_is_whole() {
    let mut random = Random::new(6);
    let mut n_missing = 0;
    for format in formats() {
        let allowed = Allowed { joint: &[None], mismatched: true, disputed: true };
        let (_, frames) = stream(&mut random, format, &allowed, 30);
        let mut whole = Layer3::new(Mix::Channels);
        let mut cut = Layer3::new(Mix::Channels);
        let mut n_sound = 0;
        for (i, frame) in frames.iter().enumerate() {
            let (expected, _) = decode(&mut whole, frame, format.n_channels);
            if i < 8 {
                continue;
            }
            let (out, soundness) = decode(&mut cut, frame, format.n_channels);
            n_missing += usize::from(soundness == Soundness::MissingReservoir);
            n_sound = if soundness == Soundness::Sound { n_sound + 1 } else { 0 };
            if i == 8 && soundness == Soundness::MissingReservoir && !format.mpeg1() {
                assert!(out.iter().flatten().all(|&sample| sample == 0.0));
            }
            // The overlap and the filterbank remember a granule and 15 steps.
            if n_sound > 3 {
                assert_eq!(out, expected);
            }
        }
        assert!(n_sound > 3, "{format:?}");
    }
    assert!(n_missing > 10, "{n_missing}");
}

#[test]
fn a_frame_that_contradicts_the_standard_is_refused_and_the_next_one_is_not() {
    let format = Format { rate: 0, n_channels: 2, bitrate: 9, crc: false };
    let allowed = Allowed { joint: &[None], mismatched: false, disputed: false };
    let (_, frames) = stream(&mut Random::new(7), format, &allowed, 12);
    // Offsets in bits: behind the header, main_data_begin, private bits and scfsi stand the fields
    // of the first channel of the first granule.
    let part = 32 + 9 + 3 + 8;
    let patches: [(&[Patch], FrameError); 4] = [
        (&[(part + 12, 9, 289)], FrameError::SideInfo),
        (&[(part + 33, 1, 1), (part + 34, 2, 0)], FrameError::SideInfo),
        (&[(part, 12, 4095), (part + 59, 12, 4095), (part + 118, 12, 4095)], FrameError::MainData),
        (&[(part, 12, 1), (part + 12, 9, 288), (part + 33, 1, 0)], FrameError::Overrun),
    ];
    for (patch, error) in patches {
        let mut decoder = Layer3::new(Mix::Channels);
        let mut other = Layer3::new(Mix::Channels);
        for (i, frame) in frames.iter().enumerate() {
            let mut out = vec![Vec::new(); 2];
            let mut bytes = frame.clone();
            if i == 5 {
                for &(at, n, value) in patch {
                    overwrite(&mut bytes, at, n, value);
                }
                let outcome = decoder.decode(&header(&bytes), &bytes, &mut out);
                assert_eq!(outcome, Err(error), "{patch:?}");
                assert!(out.iter().all(Vec::is_empty));
                continue;
            }
            assert_eq!(decoder.decode(&header(&bytes), &bytes, &mut out), Ok(Soundness::Sound));
            let (expected, _) = decode(&mut other, frame, 2);
            assert_eq!(out[0].len(), expected[0].len());
        }
    }
}

#[test]
fn a_frame_that_is_cut_off_is_refused() {
    let format = Format { rate: 4, n_channels: 1, bitrate: 8, crc: true };
    let allowed = Allowed { joint: &[None], mismatched: false, disputed: false };
    let (_, frames) = stream(&mut Random::new(8), format, &allowed, 2);
    let header = header(&frames[0]);
    for n in 0..frames[0].len() {
        let mut out = vec![Vec::new()];
        let outcome = Layer3::new(Mix::Channels).decode(&header, &frames[0][..n], &mut out);
        assert_eq!((outcome, out[0].len()), (Err(FrameError::Short), 0));
    }
}

#[test]
fn a_frame_with_more_or_fewer_channels_than_planes_is_refused() {
    let allowed = Allowed { joint: &[None], mismatched: false, disputed: false };
    for (n_channels, n_planes, mix) in
        [(1, 2, Mix::Channels), (2, 1, Mix::Channels), (2, 2, Mix::Mono), (2, 0, Mix::Mono)]
    {
        let format = Format { rate: 3, n_channels, bitrate: 10, crc: false };
        let (_, frames) = stream(&mut Random::new(9), format, &allowed, 1);
        let mut out = vec![Vec::new(); n_planes];
        let outcome = Layer3::new(mix).decode(&header(&frames[0]), &frames[0], &mut out);
        assert_eq!(outcome, Err(FrameError::Channels));
        assert!(out.iter().all(Vec::is_empty));
    }
}

/// Offset, width and value of a field, in bits.
type Patch = (usize, usize, usize);

fn overwrite(bytes: &mut [u8], at: usize, n: usize, value: usize) {
    for i in 0..n {
        let bit = (value >> (n - 1 - i) & 1) as u8;
        let shift = 7 - (at + i) % 8;
        bytes[(at + i) / 8] = bytes[(at + i) / 8] & !(1 << shift) | bit << shift;
    }
}
