//! Packets that no encoder writes.

use super::super::testing::{Form, Numbers, Prediction, config};
use super::*;
use crate::error::Error;

fn usual() -> (Config, Vec<u8>) {
    let mut numbers = Numbers(20);
    let config = config(16, 2, 400);
    let channels = [numbers.music(400, 16, 0.6), numbers.music(400, 16, 0.4)];
    let packet = packet(&channels, &Form::usual(), &config);
    (config, packet)
}

#[track_caller]
fn assert_refused(packet: &[u8], config: &Config, why: &str) {
    assert_eq!(decode(packet, config), Err(why.to_owned()));
}

#[test]
fn a_packet_cut_anywhere_is_refused() {
    let (config, packet) = usual();
    for n_bytes in 0..packet.len() {
        assert!(decode(&packet[..n_bytes], &config).is_err(), "{n_bytes} bytes");
    }
}

/// There is no checksum, and a bit of a remainder changes one residual and little else: few of these
/// can be noticed. None may be a panic.
#[test]
fn a_flipped_bit_is_never_a_panic() {
    let (config, mut packet) = usual();
    let mut n_noticed = 0;
    for bit in 0..packet.len() * 8 {
        packet[bit / 8] ^= 0x80 >> (bit % 8);
        n_noticed += usize::from(decode(&packet, &config).is_err());
        packet[bit / 8] ^= 0x80 >> (bit % 8);
    }
    assert!(n_noticed > packet.len() / 4, "{n_noticed} of {}", packet.len() * 8);
}

/// Codes of other lengths end elsewhere.
#[test]
fn bytes_that_were_overwritten_are_mostly_noticed() {
    let (config, packet) = usual();
    let mut numbers = Numbers(24);
    let mut n_noticed = 0;
    for _ in 0..500 {
        let mut damaged = packet.clone();
        let at = numbers.below(packet.len() - 32);
        damaged[at..at + 32].fill_with(|| numbers.next() as u8);
        n_noticed += usize::from(decode(&damaged, &config).is_err());
    }
    assert!(n_noticed > 300, "{n_noticed} of 500");
}

#[test]
fn random_bytes_are_never_a_panic() {
    let mut numbers = Numbers(21);
    for n in 0..3000_usize {
        let n_bits = [16, 20, 24, 32][n % 4];
        let n_channels = 1 + n % 8;
        let rice = super::super::rice::Rice {
            mean: numbers.next() % 256,
            rate: numbers.next() % 256,
            most_bits: 1 + numbers.next() % 31,
        };
        let config = Config { rice, ..config(n_bits, n_channels, 1 + numbers.below(300)) };
        let mut packet: Vec<u8> = (0..numbers.below(400)).map(|_| numbers.next() as u8).collect();
        // A tag, and header bits that let it go on.
        let tag = u8::from(n_channels > 1) << 5;
        packet.splice(..packet.len().min(3), [tag, 0, numbers.next() as u8 & 0x1f]);
        let _ = decode(&packet, &config);
    }
}

#[test]
fn bits_behind_the_end_are_refused_unless_they_are_zeros() {
    let (config, mut packet) = usual();
    packet.extend([0; 9]);
    assert!(decode(&packet, &config).is_ok());
    packet.push(4);
    assert_refused(&packet, &config, "a packet goes on behind its end");
}

#[test]
fn a_packet_must_be_ended() {
    let mut numbers = Numbers(22);
    let config = config(16, 1, 10);
    let form = Form { is_verbatim: true, ..Form::usual() };
    let mut out = BitWriter::default();
    element(&mut out, 0, &[numbers.noise(10, 16)], &form, &config);
    out.align();
    assert_refused(&out.bytes(), &config, "a packet ends early");
}

#[test]
fn elements_must_add_up_to_the_channels_of_the_stream() {
    let mut numbers = Numbers(23);
    let channels = [numbers.music(50, 16, 0.5), numbers.music(50, 16, 0.5)];
    let pair = packet(&channels, &Form::usual(), &config(16, 2, 50));
    assert_refused(&pair, &config(16, 1, 50), "a packet has more channels than its stream");
    assert_refused(&pair, &config(16, 3, 50), "a packet has fewer channels than its stream");
    let mut out = BitWriter::default();
    let form = Form { is_partial: true, ..Form::usual() };
    for n_samples in [50, 49] {
        let channel = channels[0][..n_samples].to_vec();
        element(&mut out, 0, &[channel], &form, &config(16, 2, 50));
    }
    let why = "the channels of a packet differ in length";
    assert_refused(&out.end(), &config(16, 2, 50), why);
}

/// Values, and how many bits each has.
type Fields<'a> = &'a [(u32, u32)];

/// The first bits of an element of one channel, and zeros.
fn head(fields: Fields<'_>) -> Vec<u8> {
    let mut out = BitWriter::default();
    for &(value, n_bits) in fields {
        out.put(value, n_bits);
    }
    (0..50).for_each(|_| out.put(0, 32));
    out.end()
}

#[test]
fn heads_that_make_no_sense_are_refused() {
    let unknown = "an element that no version of the codec has";
    let low = "more low bits than a sample has";
    let mixed = "channels are mixed as no encoder does";
    let long = "a packet is longer than its stream allows";
    let single = (0, 3 + 16);
    let cases: [(Fields<'_>, usize, &str); 11] = [
        (&[(2, 3)], 1, unknown),
        (&[(5, 3)], 1, unknown),
        (&[(0, 3 + 4), (1, 12)], 1, "bits that are not in use are set"),
        (&[single, (0b0110, 4)], 1, low),
        (&[single, (0b0100, 4)], 1, low),
        (&[single, (0b1000, 4), (65, 32)], 1, long),
        (&[single, (0b1001, 4), (u32::MAX, 32)], 1, long),
        (&[single, (0, 4), (0, 8), (1, 8)], 1, mixed),
        (&[(1, 3), (0, 16), (0, 4), (32, 8), (1, 8)], 2, mixed),
        (&[single, (0, 4), (0, 16), (0, 8), (4, 8)], 1, "coefficients without a fraction"),
        (&[single, (0b0011, 4)], 1, "samples leave their bits"),
    ];
    for (fields, n_channels, why) in &cases[..10] {
        assert_refused(&head(fields), &config(16, *n_channels, 64), why);
    }
    // Low bits are not in use where all bits are written.
    let (fields, n_channels, _) = cases[10];
    assert!(decode(&head(fields), &config(16, n_channels, 100)).is_ok());
    let pair_of_33_bits = head(&[(1, 3), (0, 16), (0, 4)]);
    assert_refused(&pair_of_33_bits, &config(32, 2, 64), "samples of 33 bits");
}

#[test]
fn more_samples_than_the_packet_has_bits_for_are_refused_before_room_is_made() {
    let many = "a packet has more samples than it says";
    let verbatim = head(&[(0, 19), (0b0001, 4)]);
    assert_refused(&verbatim, &config(16, 1, 65_536), many);
    let low = head(&[(0, 19), (0b0010, 4)]);
    assert_refused(&low, &config(24, 1, 65_536), many);
}

#[test]
fn a_run_of_zeros_ends_with_the_packet() {
    let config = config(16, 1, 4096);
    let silence = packet(&[vec![0; 4096]], &Form::usual(), &config);
    let shorter = Config { frame_length: 4000, ..config };
    assert_refused(&silence, &shorter, "a packet has more samples than it says");
}

#[test]
fn channels_that_leave_their_bits_are_refused() {
    let config = config(16, 2, 64);
    // A mean of full scale and a difference that adds to it.
    let mut form = Form { mixing: (0, 0), ..Form::usual() };
    let loud = vec![40_000; 64];
    let packet = packet(&[loud.clone(), loud], &form, &config);
    assert_refused(&packet, &config, "samples leave their bits");
    form.n_low_bytes = 1;
    form.predictions[1] = Prediction::usual(0);
    let loud = vec![40_000 << 8; 64];
    let config = Config { n_bits: 24, ..config };
    let packet = super::packet(&[loud.clone(), loud], &form, &config);
    assert_refused(&packet, &config, "samples leave their bits");
}

#[test]
fn cookies_that_ask_for_what_no_encoder_writes_are_refused() {
    let sound = cookie(&config(16, 2, 4096));
    assert_eq!(Config::parse(&sound).unwrap(), config(16, 2, 4096));
    let refused = |at: usize, value: u8| {
        let mut cookie = sound.clone();
        cookie[at] = value;
        Config::parse(&cookie).unwrap_err()
    };
    for (at, value) in [(4, 1), (5, 8), (5, 0), (5, 33), (9, 0), (9, 9)] {
        let error = refused(at, value);
        assert!(matches!(error, Error::Unsupported { .. }), "{at}: {error}");
    }
    for (at, value) in [(0, 1), (8, 0), (8, 32)] {
        assert!(matches!(refused(at, value), Error::Damaged(_)), "{at}");
    }
    assert!(matches!(Config::parse(&sound[..9]), Err(Error::Damaged(_))));
    assert!(matches!(Config::parse(&[]), Err(Error::Damaged(_))));
}
