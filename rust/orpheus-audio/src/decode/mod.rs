//! Source → blocks of samples → [`Signal`]; one file per decoding backend.

mod aac;
mod alac;
mod bits;
mod decoder;
mod demux;
pub(crate) mod external;
mod flac;
mod lanes;
mod losses;
mod mdct;
pub(crate) mod mpeg;
mod opus;
mod packets;
mod pcm;
mod planes;
mod prefix_code;
mod symphonia;
mod track;
mod vorbis;

pub use self::decoder::Decoder;
pub use self::track::{DecodeOptions, decode, decode_with};

pub(crate) use self::losses::Losses;
use self::mpeg::layer3::Mix;
use crate::error::Result;
use crate::guard::Guard;
use crate::limits::Limits;
use crate::sniff::{Container, Sniffed, sniff};
use crate::source::{Input, Source, Watch};

/// What a track says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackInfo {
    /// `wav`, `flac`, `mpeg`, `ogg`, `mp4`, ...
    pub container: &'static str,
    /// `mp3`, `vorbis`, `pcm_s16le`, ...
    pub codec: String,
    /// Samples per second, Hz.
    pub sample_rate: u32,
    /// Channels.
    pub n_channels: usize,
    /// Samples per channel that were counted, or else that the container promises, where it can be
    /// trusted; with those found missing.
    pub n_samples: Option<u64>,
}

/// Planar samples of one or more packets; every channel has the same length.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) channels: Vec<Vec<f32>>,
}

impl Block {
    pub(crate) fn n_samples(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    fn drop_front(&mut self, n_samples: usize) {
        if n_samples == 0 {
            return;
        }
        for channel in &mut self.channels {
            channel.drain(..n_samples.min(channel.len()));
        }
    }

    fn clear(&mut self, n_channels: usize) {
        self.channels.resize_with(n_channels, Vec::new);
        self.channels.iter_mut().for_each(Vec::clear);
    }
}

/// One way to turn bytes into samples.
///
/// Positions are samples per channel from the first one that a full decode hands out: encoder delay
/// and pre-skip are before 0.
trait Backend: Send {
    fn info(&self) -> &TrackInfo;
    /// Replaces the contents of `block`; `false` at the end. What is missing in front of it is noted
    /// with [`Losses::add_gap`].
    fn next_block(&mut self, block: &mut Block) -> Result<bool>;
    /// How many samples a full decode would hand out, found without decoding: by headers, tables and
    /// the last packet, not by what the container promises alone. What is found missing on the way
    /// is added to the losses, now and not once more when decoding. `None` if only decoding can tell.
    ///
    /// # Errors
    ///
    /// The input's.
    fn measure(&mut self) -> Result<Option<u64>> {
        Ok(None)
    }
    /// Makes the next block start at the returned position: `sample` or a little (some packets) before
    /// it. From there on, the samples are those of a full decode; the backend itself decodes and drops
    /// what its codec needs to get there. Places only move forward. `None`: it cannot, or it is not
    /// worth it; nothing has changed then.
    ///
    /// # Errors
    ///
    /// The input's.
    fn seek(&mut self, sample: u64) -> Result<Option<u64>> {
        let _ = sample;
        Ok(None)
    }
    fn losses(&mut self) -> &mut Losses;
    /// The rest of the track will not be decoded: its promised length says nothing any more.
    fn forget_promise(&mut self);
    /// How far the decoded count may lie below the promised one before samples count as lost.
    fn tolerance(&self) -> u64;
}

/// Opens a track with the decoders of this crate.
fn open_own(
    source: &Source,
    limits: &Limits,
    mix: Mix,
    guard: &Guard,
) -> Result<(Box<dyn Backend>, Watch)> {
    let mut input = Input::open(source, limits)?.guarded(guard.clone());
    let watch = input.watch()?;
    let opened = sniff(&mut input).and_then(|sniffed| open_backend(input, sniffed, mix));
    Ok((opened.map_err(|error| guard.cause(error))?, watch))
}

fn open_backend(mut input: Input, sniffed: Sniffed, mix: Mix) -> Result<Box<dyn Backend>> {
    Ok(match sniffed.container {
        Container::Mpeg => Box::new(mpeg::Mpeg::open_file(input, sniffed.start, mix)?),
        Container::Flac => Box::new(flac::Flac::open(input, sniffed, mix)?),
        Container::Wav | Container::Wave64 | Container::Aiff | Container::Au => {
            pcm::open(input, sniffed, mix)?
        }
        Container::Caf if demux::caf::is_pcm(&mut input, sniffed.start)? => {
            pcm::open(input, sniffed, mix)?
        }
        Container::Ogg
        | Container::Mp4
        | Container::Matroska
        | Container::Adts
        | Container::Caf => Box::new(packets::Packets::open(input, sniffed, mix)?),
    })
}

/// Mean over the channels, as most analysis software defines mono.
pub(crate) fn downmix(block: &Block, mono: &mut Vec<f32>) {
    mono.clear();
    match block.channels.as_slice() {
        [] => {}
        [only] => mono.extend_from_slice(only),
        [left, right] => mono.extend(left.iter().zip(right).map(|(l, r)| 0.5 * (l + r))),
        [first, rest @ ..] => {
            mono.extend_from_slice(first);
            for channel in rest {
                mono.iter_mut().zip(channel).for_each(|(sum, value)| *sum += value);
            }
            let scale = 1.0 / block.channels.len() as f32;
            for value in mono {
                *value *= scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mono_is_the_mean_of_all_channels() {
        let block = Block { channels: vec![vec![1.0, 0.0], vec![0.0, 0.5], vec![0.5, 1.0]] };
        let mut mono = vec![9.0];
        downmix(&block, &mut mono);
        assert_eq!(mono, [0.5, 0.5]);
    }
}
