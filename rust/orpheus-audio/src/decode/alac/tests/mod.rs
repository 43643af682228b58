//! Packets of a test encoder, decoded by us on every kind of processor, and by symphonia.

mod damage;
mod elements;
mod prediction;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::CODEC_ID_ALAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use super::AlacDecoder;
use super::config::Config;
use super::kernel::Kernel;
use super::testing::{BitWriter, Form, cookie, element};
use crate::decode::Block;
use crate::decode::mpeg::layer3::Mix;
use crate::decode::packets::PacketDecoder;

/// One packet of one element: a tag of 0 for a channel, of 1 for two.
fn packet(channels: &[Vec<i32>], form: &Form, config: &Config) -> Vec<u8> {
    let mut out = BitWriter::default();
    element(&mut out, channels.len() as u32 - 1, channels, form, config);
    out.end()
}

type Result<T> = std::result::Result<T, String>;

fn decode_on(kernel: Kernel, packet: &[u8], config: &Config, mix: Mix) -> Result<Vec<Vec<f32>>> {
    let mut decoder = AlacDecoder::new(&cookie(config), mix).unwrap();
    decoder.elements.kernel = kernel;
    let mut block = Block { channels: vec![Vec::new(); config.n_channels] };
    decoder.decode(packet, &mut block).map(|()| block.channels)
}

/// The channels; their mean, where there are two, is asked for as well and compared.
fn decode(packet: &[u8], config: &Config) -> Result<Vec<Vec<f32>>> {
    let portable = decode_on(Kernel::Portable, packet, config, Mix::Channels);
    assert_eq!(portable, decode_on(Kernel::fastest(), packet, config, Mix::Channels));
    let wanted = portable.clone().map(|planes| match planes.as_slice() {
        [left, right] => vec![mean(left, right)],
        _ => planes,
    });
    for kernel in [Kernel::Portable, Kernel::fastest()] {
        assert_eq!(decode_on(kernel, packet, config, Mix::Mono), wanted);
    }
    portable
}

fn mean(left: &[f32], right: &[f32]) -> Vec<f32> {
    left.iter().zip(right).map(|(l, r)| 0.5 * (l + r)).collect()
}

fn to_f32(channels: &[Vec<i32>], n_bits: u32) -> Vec<Vec<f32>> {
    let scale = f64::from(1_u32 << (n_bits - 1));
    let plane = |plane: &Vec<i32>| plane.iter().map(|&s| (f64::from(s) / scale) as f32).collect();
    channels.iter().map(plane).collect()
}

fn by_symphonia(packet: &[u8], config: &Config) -> Vec<Vec<f32>> {
    let mut parameters = AudioCodecParameters::new();
    parameters
        .for_codec(CODEC_ID_ALAC)
        .with_sample_rate(44_100)
        .with_channels(Channels::Discrete(config.n_channels as u16))
        .with_extra_data(cookie(config).into());
    let decoder = symphonia::default::codecs::AlacDecoder::try_new(
        &parameters,
        &AudioDecoderOptions::default(),
    );
    let mut decoder = decoder.unwrap();
    let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
    let mut planes: Vec<Vec<f32>> = vec![Vec::new(); config.n_channels];
    decoder.decode_ref(&packet).unwrap().copy_to_vecs_planar(&mut planes);
    planes
}

/// symphonia takes plain differences for something else, and two of the modes for damage.
fn is_known_to_symphonia(form: &Form) -> bool {
    form.predictions.iter().all(|prediction| {
        let is_usual = (1..31).contains(&prediction.coefficients.len());
        prediction.mode == 0 && prediction.coefficients.len() < 31
            || prediction.mode == 15 && is_usual
    })
}

/// The samples come back, and symphonia agrees.
#[track_caller]
fn assert_comes_back(channels: &[Vec<i32>], form: &Form, config: &Config) {
    let packet = packet(channels, form, config);
    let wanted = to_f32(channels, config.n_bits);
    let what = || format!("{form:?} {config:?}");
    assert_eq!(decode(&packet, config).as_ref(), Ok(&wanted), "{}", what());
    if is_known_to_symphonia(form) {
        assert_eq!(by_symphonia(&packet, config), wanted, "symphonia: {}", what());
    }
}

/// Files of ../shared/audio; skipped where that is absent.
#[test]
fn shared_files_are_their_original_bit_for_bit() {
    use crate::decode::{DecodeOptions, decode};
    use crate::source::Source;
    let formats =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/audio/formats");
    if !formats.exists() {
        eprintln!("skipped: ../shared/audio is not there");
        return;
    }
    let samples = |name: &str| {
        let source = Source::Path(formats.join(name));
        decode(&source, &DecodeOptions::default()).unwrap().0.samples().to_vec()
    };
    let original = samples("ref-s16.wav");
    for name in ["alac.m4a", "alac.caf"] {
        assert_eq!(samples(name), original, "{name}");
    }
}
