//! Blocks of ADPCM, against codecs that are written down as in the formats' descriptions.

use proptest::prelude::*;

use super::writer::{self, Wave};
use super::{from, planes, random, sound, tail};
use crate::outcome::Status;

const IMA: u16 = 0x11;
const MICROSOFT: u16 = 0x02;

/// `WAVEFORMATEX` with the samples of a block behind it.
fn format(tag: u16, n_channels: u16, block: u16, n_block_samples: u16) -> Vec<u8> {
    let wave = Wave { tag, n_channels, sample_rate: 22_050, block, bits: 4 };
    let mut bytes = wave.format(false);
    bytes.extend([2, 0]);
    bytes.extend(n_block_samples.to_le_bytes());
    bytes
}

fn fact(n_samples: u32) -> Vec<u8> {
    writer::chunk(false, b"fact", &n_samples.to_le_bytes())
}

/// The decoder of the IMA's document: state in, state out, bit by bit.
fn ima_step(value: &mut i32, index: &mut i32, code: u8) -> f32 {
    // 1.1 times the one before, from 7 on: table 2 of the document, by the rule it was made with,
    // where that gives the same numbers.
    let steps: [i32; 16] = [7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31];
    let step = steps[*index as usize];
    let mut difference = step >> 3;
    if code & 4 != 0 {
        difference += step;
    }
    if code & 2 != 0 {
        difference += step >> 1;
    }
    if code & 1 != 0 {
        difference += step >> 2;
    }
    *value += if code & 8 != 0 { -difference } else { difference };
    *index += [-1, -1, -1, -1, 2, 4, 6, 8][usize::from(code & 7)];
    *index = (*index).clamp(0, 15);
    *value as f32 / 32_768.0
}

/// Codes that never lead beyond the first steps of the table.
fn small_codes(seed: u32, n: usize) -> Vec<u8> {
    let bounded = |(n, value): (usize, i32)| {
        let code = (value >> 20) as u8 & 0xb;
        if n % 4 == 0 { (value >> 24) as u8 & 8 | 4 } else { code }
    };
    random(seed, n).into_iter().enumerate().map(bounded).collect()
}

#[test]
fn ima_blocks_decode_as_the_document_says() {
    for n_channels in [1_usize, 2, 3] {
        let codes: Vec<Vec<u8>> =
            (0..n_channels).map(|channel| small_codes(channel as u32, 64)).collect();
        let mut data = Vec::new();
        let mut expected = Vec::new();
        for (channel, codes) in codes.iter().enumerate() {
            let (mut value, mut index) = (1000 * channel as i32 - 500, channel as i32);
            data.extend((value as i16).to_le_bytes());
            data.extend([index as u8, 0]);
            let mut plane = vec![value as f32 / 32_768.0];
            plane.extend(codes.iter().map(|&code| ima_step(&mut value, &mut index, code)));
            expected.push(plane);
        }
        for at in (0..64).step_by(8) {
            for codes in &codes {
                data.extend(codes[at..at + 8].chunks(2).map(|pair| pair[0] | pair[1] << 4));
            }
        }
        let format = format(IMA, n_channels as u16, data.len() as u16, 65);
        assert_eq!(sound(&writer::wav(&format, &fact(65), &data)), expected);
    }
}

#[test]
fn apple_packets_decode_as_the_document_says() {
    let codes = small_codes(9, 64);
    let (mut value, mut index) = (-1280, 3);
    let mut data = ((value as i16) | 3).to_be_bytes().to_vec();
    data.extend(codes.chunks(2).map(|pair| pair[0] | pair[1] << 4));
    let expected: Vec<f32> =
        codes.iter().map(|&code| ima_step(&mut value, &mut index, code)).collect();
    let wave = Wave { tag: 0, n_channels: 1, sample_rate: 22_050, block: 34, bits: 0 };
    // The count is one of packets in some files, and one of samples in others.
    for n_stated in [1, 64] {
        let bytes = writer::aiff(Some(b"ima4"), Wave { bits: 16, ..wave }, n_stated, &data);
        assert_eq!(sound(&bytes), [expected.as_slice()]);
    }
    let trimmed = writer::aiff(Some(b"ima4"), Wave { bits: 16, ..wave }, 50, &data);
    assert_eq!(sound(&trimmed), [&expected[..50]]);
    assert_eq!(sound(&writer::caf(b"ima4", 0, wave, 38, &data)), [expected]);
}

#[test]
fn microsoft_blocks_decode_as_the_document_says() {
    // Predictor 1 is (2, -1): a straight line goes on as long as the codes are 0.
    let line: Vec<f32> = (0..12).map(|n| (100 + 10 * n) as f32 / 32_768.0).collect();
    let mut block = vec![1];
    for field in [16_i16, 110, 100] {
        block.extend(field.to_le_bytes());
    }
    block.extend([0; 5]);
    assert_eq!(sound(&writer::wav(&format(MICROSOFT, 1, 12, 12), b"", &block)), [line]);
    // Code 7 adds seven steps of 16, and makes the step 614/256 as large; code 9 is −7.
    block.truncate(7);
    block.push(0x79);
    let (planes, ..) = planes(&writer::wav(&format(MICROSOFT, 1, 8, 4), b"", &block)).unwrap();
    let first = 120 + 7 * 16;
    let second = 2 * first - 110 - 7 * (16 * 614 / 256);
    let expected = [100, 110, first, second].map(|value| value as f32 / 32_768.0);
    assert_eq!(planes, [expected]);
}

#[test]
fn a_fact_chunk_cuts_the_filling_of_the_last_block_off() {
    let data = [0; 4 * 36];
    let n = |n_fact, n_data| {
        let bytes = writer::wav(&format(IMA, 1, 36, 65), &fact(n_fact), &data[..n_data]);
        let (planes, _, outcome) = planes(&bytes).unwrap();
        (planes[0].len(), outcome.status)
    };
    assert_eq!(n(4 * 65, 144), (260, Status::Ok));
    assert_eq!(n(4 * 65 - 40, 144), (220, Status::Ok));
    // A last block may be cut short.
    assert_eq!(n(3 * 65 + 9, 3 * 36 + 8), (204, Status::Ok));
    // Neither more than there is nor a block less can be meant; writers of good files count wrong.
    assert_eq!(n(4 * 65 + 1, 144), (260, Status::Ok));
    assert_eq!(n(3 * 65, 144), (260, Status::Ok));
}

#[test]
fn a_block_that_contradicts_its_format_is_silence_in_its_place() {
    let sound_block = [&[100, 0, 3, 0][..], &[0x21; 4]].concat();
    let mut blocks = vec![sound_block; 300];
    let bytes = |blocks: &[Vec<u8>]| writer::wav(&format(IMA, 1, 8, 9), b"", &blocks.concat());
    let whole = sound(&bytes(&blocks));
    blocks[150][2] = 89;
    let (planes, _, outcome) = planes(&bytes(&blocks)).unwrap();
    let (from, to) = (150 * 9, 151 * 9);
    assert_eq!(planes[0][from..to], [0.0; 9]);
    assert_eq!((&planes[0][..from], &planes[0][to..]), (&whole[0][..from], &whole[0][to..]));
    let told = [outcome.seconds_sound, outcome.seconds_lost].map(|n| (n * 22_050.0).round() as u64);
    assert_eq!(told, [2691, 9], "{outcome:?}");
    // One lost block is no loss of what the file promises.
    assert_eq!(outcome.message, "a block contradicts its format");
}

#[test]
fn a_step_index_or_predictor_that_does_not_exist_is_noticed() {
    for (tag, block) in [(IMA, [0, 0, 89, 0, 0, 0, 0, 0]), (MICROSOFT, [7, 16, 0, 0, 0, 0, 0, 0])] {
        let n_samples = if tag == IMA { 9 } else { 4 };
        let sound_block = [0; 8];
        let bytes = writer::wav(&format(tag, 1, 8, n_samples), b"", &[block, sound_block].concat());
        assert_eq!(planes(&bytes).unwrap().2.status, Status::Partial);
        // Nothing but silence is left of the first block alone.
        let alone = writer::wav(&format(tag, 1, 8, n_samples), b"", &block);
        assert_eq!(planes(&alone).unwrap_err().kind(), "damaged");
    }
}

proptest! {
    #[test]
    fn seeking_into_blocks_gives_the_samples_of_a_full_decode(
        tag in prop_oneof![Just(IMA), Just(MICROSOFT), Just(0)],
        n_channels in 1_u16..4,
        n_blocks in 1_usize..60,
        sample in 0_usize..20_000,
    ) {
        let block = if tag == 0 { 34 } else { 40 * usize::from(n_channels) };
        let n_bytes = block * n_blocks * if tag == 0 { usize::from(n_channels) } else { 1 };
        let mut data: Vec<u8> = random(5, n_bytes).iter().map(|value| (value >> 13) as u8).collect();
        let n_block_samples = if tag == IMA { 73 } else { 68 };
        let bytes = if tag == 0 {
            let wave = Wave { tag, n_channels, sample_rate: 22_050, block: 34 * n_channels, bits: 0 };
            data.chunks_mut(34).for_each(|packet| packet[1] &= 0xbf);
            writer::caf(b"ima4", 0, wave, -1, &data)
        } else {
            for head in data.chunks_mut(block) {
                for channel in 0..usize::from(n_channels) {
                    head[if tag == IMA { 4 * channel + 2 } else { channel }] %= 7;
                }
            }
            let format = format(tag, n_channels, block as u16, n_block_samples);
            writer::wav(&format, b"", &data)
        };
        let whole = sound(&bytes);
        let (planes, n_samples) = tail(&bytes, sample as u64);
        prop_assert_eq!(n_samples as usize, whole[0].len());
        prop_assert!(planes == from(&whole, sample));
    }
}
