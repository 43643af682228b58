//! What packets are made of.

use super::super::testing::{Form, Numbers, config};
use super::*;

const SINGLE: u32 = 0;
const PAIR: u32 = 1;
const LOW: u32 = 3;

/// The elements of every channel count (`ALACChannelLayoutTags`), and where WAVE has the channels.
const LAYOUTS: [(&[u32], &[usize]); 8] = [
    (&[SINGLE], &[0]),
    (&[PAIR], &[0, 1]),
    (&[SINGLE, PAIR], &[2, 0, 1]),
    (&[SINGLE, PAIR, SINGLE], &[2, 0, 1, 3]),
    (&[SINGLE, PAIR, PAIR], &[2, 0, 1, 3, 4]),
    (&[SINGLE, PAIR, PAIR, LOW], &[2, 0, 1, 4, 5, 3]),
    (&[SINGLE, PAIR, PAIR, SINGLE, LOW], &[2, 0, 1, 4, 5, 6, 3]),
    (&[SINGLE, PAIR, PAIR, PAIR, LOW], &[2, 6, 7, 0, 1, 4, 5, 3]),
];

fn write(tags: &[u32], channels: &[Vec<i32>], form: &Form, config: &Config) -> Vec<u8> {
    let mut out = BitWriter::default();
    let mut rest = channels;
    for &tag in tags {
        let (own, others) = rest.split_at(if tag == PAIR { 2 } else { 1 });
        element(&mut out, tag, own, form, config);
        rest = others;
    }
    out.end()
}

#[test]
fn up_to_eight_channels_come_in_the_order_of_wave() {
    let mut numbers = Numbers(10);
    for (n, (tags, order)) in LAYOUTS.into_iter().enumerate() {
        for n_bits in [16, 20, 24, 32] {
            let n_channels = n + 1;
            let config = config(n_bits, n_channels, 300);
            let n_low_bytes = u32::from(n_bits == 24) + 2 * u32::from(n_bits == 32);
            let form = Form { n_low_bytes, ..Form::usual() };
            let channels: Vec<Vec<i32>> =
                (0..n_channels).map(|_| numbers.music(300, n_bits, 0.8)).collect();
            let packet = write(tags, &channels, &form, &config);
            let mut wanted = vec![Vec::new(); n_channels];
            for (plane, &at) in to_f32(&channels, n_bits).into_iter().zip(order) {
                wanted[at] = plane;
            }
            assert_eq!(decode(&packet, &config).as_ref(), Ok(&wanted), "{n_channels} channels");
            // Its layouts of seven and eight channels are others.
            if n_channels <= 6 {
                assert_eq!(by_symphonia(&packet, &config), wanted, "{n_channels} channels");
            }
        }
    }
}

#[test]
fn samples_that_are_not_compressed_come_back() {
    let mut numbers = Numbers(11);
    let form = Form { is_verbatim: true, ..Form::usual() };
    for n_bits in [16, 20, 24, 32] {
        for n_channels in [1, 2] {
            let channels: Vec<_> = (0..n_channels).map(|_| numbers.noise(77, n_bits)).collect();
            for is_partial in [false, true] {
                let form = Form { is_partial, ..form.clone() };
                let config = config(n_bits, n_channels, if is_partial { 4096 } else { 77 });
                assert_comes_back(&channels, &form, &config);
            }
        }
    }
}

#[test]
fn two_channels_may_be_two_elements() {
    let mut numbers = Numbers(12);
    let config = config(16, 2, 200);
    let channels = [numbers.music(200, 16, 0.5), numbers.noise(200, 16)];
    let packet = write(&[SINGLE, SINGLE], &channels, &Form::usual(), &config);
    assert_eq!(decode(&packet, &config), Ok(to_f32(&channels, 16)));
}

/// Nothing forbids a stream to change between them from packet to packet.
#[test]
fn pairs_and_two_single_elements_follow_each_other_in_mono() {
    let mut numbers = Numbers(16);
    let config = config(16, 2, 200);
    let mut decoder = AlacDecoder::new(&cookie(&config), Mix::Mono).unwrap();
    let mut block = Block { channels: vec![Vec::new(); 2] };
    let mut wanted = Vec::new();
    for tags in [&[PAIR][..], &[SINGLE, SINGLE], &[SINGLE, LOW], &[PAIR], &[SINGLE, SINGLE]] {
        let channels = [numbers.music(200, 16, 0.5), numbers.noise(200, 16)];
        decoder.decode(&write(tags, &channels, &Form::usual(), &config), &mut block).unwrap();
        let apart = to_f32(&channels, 16);
        wanted.extend(mean(&apart[0], &apart[1]));
    }
    assert_eq!(block.channels, [wanted]);
}

#[test]
fn what_is_no_audio_is_passed_over() {
    let mut numbers = Numbers(13);
    let config = config(16, 1, 200);
    let channels = [numbers.music(200, 16, 0.5)];
    for n_bytes in [0_u32, 1, 14, 15, 254, 255, 270, 510] {
        let mut out = BitWriter::default();
        if n_bytes <= 269 {
            out.put(6, 3);
            out.put(n_bytes.min(15), 4);
            if n_bytes >= 15 {
                out.put(n_bytes - 14, 8);
            }
            (0..n_bytes).for_each(|n| out.put(n, 8));
        }
        for is_aligned in [false, true] {
            out.put(4, 3);
            out.put(5, 4);
            out.put(is_aligned.into(), 1);
            out.put(n_bytes.min(255), 8);
            if n_bytes >= 255 {
                out.put(n_bytes - 255, 8);
            }
            if is_aligned {
                out.align();
            }
            (0..n_bytes).for_each(|n| out.put(!n, 8));
        }
        element(&mut out, SINGLE, &channels, &Form::usual(), &config);
        assert_eq!(decode(&out.end(), &config), Ok(to_f32(&channels, 16)), "{n_bytes}");
    }
}

#[test]
fn mono_is_the_mean_of_two_channels() {
    let mut numbers = Numbers(14);
    for n_bits in [16, 20, 24, 32] {
        let config = config(n_bits, 2, 999);
        let channels = [numbers.noise(999, n_bits), numbers.music(999, n_bits, 0.9)];
        let form = Form { n_low_bytes: (n_bits - 16) / 8, ..Form::usual() };
        let packet = packet(&channels, &form, &config);
        let apart = to_f32(&channels, n_bits);
        let mean = mean(&apart[0], &apart[1]);
        for kernel in [Kernel::Portable, Kernel::fastest()] {
            assert_eq!(decode_on(kernel, &packet, &config, Mix::Mono), Ok(vec![mean.clone()]));
        }
    }
}

#[test]
fn a_block_is_appended_to() {
    let mut numbers = Numbers(15);
    let config = config(16, 2, 100);
    let channels = [numbers.music(100, 16, 0.5), numbers.music(100, 16, 0.5)];
    let packet = packet(&channels, &Form::usual(), &config);
    for (mix, n_planes) in [(Mix::Channels, 2), (Mix::Mono, 1)] {
        let mut decoder = AlacDecoder::new(&cookie(&config), mix).unwrap();
        let mut block = Block { channels: vec![vec![0.25; 3]; 2] };
        decoder.decode(&packet, &mut block).unwrap();
        decoder.reset();
        decoder.decode(&packet, &mut block).unwrap();
        assert_eq!(block.channels.len(), n_planes);
        for plane in &block.channels {
            assert_eq!(plane.len(), 203);
            assert_eq!((&plane[..3], &plane[3..103]), ([0.25; 3].as_slice(), &plane[103..]));
        }
    }
}
