//! Streams of packets that no file has to hold.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use super::*;
use crate::decode::aac::testing::packets;

const FRAME: u64 = 1024;

/// Packets of one length.
struct Listed {
    stream: demux::Stream,
    n_samples: u64,
    packets: Vec<Vec<u8>>,
    /// Which of them come behind bytes that are missing.
    after_hole: Option<usize>,
    at: usize,
}

impl Listed {
    fn new(packets: Vec<Vec<u8>>) -> Self {
        Self::with_codec(packets, CODEC_ID_AAC, 44_100, FRAME)
    }

    fn with_codec(
        packets: Vec<Vec<u8>>,
        codec: AudioCodecId,
        sample_rate: u32,
        n_samples: u64,
    ) -> Self {
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(codec)
            .with_sample_rate(sample_rate)
            .with_channels(Channels::Discrete(2));
        let stream = demux::Stream { parameters, ..demux::Stream::default() };
        Self { stream, n_samples, packets, after_hole: None, at: 0 }
    }

    fn opened(self) -> Packets {
        Packets::over(Box::new(self), "adts", Mix::Channels, Losses::default()).unwrap()
    }
}

impl Demuxer for Listed {
    fn stream(&self) -> &demux::Stream {
        &self.stream
    }

    fn next_packet(&mut self, packet: &mut Packet, _: &mut Losses) -> Result<bool> {
        let Some(data) = self.packets.get(self.at) else { return Ok(false) };
        *packet = Packet {
            data: data.clone(),
            at: Some(self.at as u64 * self.n_samples),
            n_samples: self.n_samples,
            after_hole: self.after_hole == Some(self.at),
            ..Packet::default()
        };
        self.at += 1;
        Ok(true)
    }

    fn measure(&mut self) -> Result<Option<u64>> {
        Ok(Some(self.packets.len() as u64 * self.n_samples))
    }

    fn seek(&mut self, time: u64) -> Result<Option<u64>> {
        // As with pages: some packets before.
        self.at = (time / self.n_samples) as usize / 3 * 3;
        Ok(Some(self.at as u64 * self.n_samples))
    }
}

/// The blocks of what is left of a stream.
fn blocks(opened: &mut Packets) -> Vec<Vec<Vec<f32>>> {
    let mut blocks = Vec::new();
    let mut block = Block::default();
    while opened.next_block(&mut block).unwrap() {
        blocks.push(block.channels.clone());
    }
    blocks
}

#[test]
fn a_lost_frame_of_aac_takes_the_one_behind_it_with_it() {
    let sound = packets(80);
    let wanted = blocks(&mut Listed::new(sound.clone()).opened());
    let mut damaged = sound.clone();
    damaged[60] = vec![0xff];
    let damaged = || Listed::new(damaged.clone());
    let torn = || Listed { after_hole: Some(60), ..Listed::new(sound.clone()) };
    let cases: [(&dyn Fn() -> Listed, &[usize]); 2] = [(&damaged, &[60, 61]), (&torn, &[60])];
    for (listed, lost) in cases {
        let mut opened = listed().opened();
        let got = blocks(&mut opened);
        assert_eq!(opened.losses().n_pending, lost.len() as u64 * FRAME);
        assert_eq!(opened.losses().n_times, lost.len() as u64);
        for (at, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
            if lost.contains(&at) {
                assert!(got.iter().all(Vec::is_empty), "{at}");
            } else {
                assert!(got == wanted, "{at}");
            }
        }
        // The same, wherever the stream is entered.
        for first in 57..64 {
            let mut opened = listed().opened();
            let place = opened.seek(first as u64 * FRAME).unwrap().unwrap();
            assert!(place <= first as u64 * FRAME);
            let parts = blocks(&mut opened);
            let parts = &parts[parts.len() - (80 - first)..];
            assert!(parts == &got[first..], "from {first}");
        }
    }
}

#[test]
fn packets_that_are_looked_at_before_take_little_memory() {
    // A pair of channels, and then nothing that is allowed.
    let large = [&[0x3f][..], &vec![0xff; 3 << 20]].concat();
    let opened = Listed::new(vec![large; 100]).opened();
    let n_bytes: usize = opened.ahead.iter().map(|packet| packet.data.len()).sum();
    assert!(n_bytes < 5 << 20, "{n_bytes}");
    let usual = Listed::new(packets(80)).opened();
    assert_eq!(usual.ahead.len(), LOOK_AHEAD);
}

/// 20 ms of Opus each, with anything in them.
fn opus(configurations: impl Iterator<Item = u8>) -> Listed {
    let mut state = 1_u32;
    let mut packet = |configuration: u8| {
        let mut bytes = vec![configuration << 3 | 4];
        bytes.extend((0..60).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }));
        bytes
    };
    let packets = configurations.map(&mut packet).collect();
    Listed::with_codec(packets, CODEC_ID_OPUS, 48_000, 960)
}

/// Speech, which is decoded from the start, and music, which is entered where it is wanted.
#[test]
fn opus_is_entered_only_where_that_gives_the_samples_of_a_full_decode() {
    for speech in [1, 5, 9, 13, 15] {
        let listed = || opus((0..400).map(|n| if n < 200 { speech } else { 31 }));
        let whole = blocks(&mut listed().opened()).concat();
        assert!(whole.iter().flatten().any(|&sample| sample.abs() > 1e-3));
        // One block is behind: there is no way to the middle of the speech but to go on.
        let mut opened = listed().opened();
        let mut block = Block::default();
        assert!(opened.next_block(&mut block).unwrap());
        assert_eq!(opened.seek(150 * 960).unwrap(), None);
        let got = [block.channels.clone(), blocks(&mut opened).concat()].concat();
        assert!(got == whole, "{speech}");
        let mut opened = listed().opened();
        let place = opened.seek(300 * 960).unwrap().unwrap();
        assert!((290 * 960..=300 * 960).contains(&place), "{place}");
    }
}
