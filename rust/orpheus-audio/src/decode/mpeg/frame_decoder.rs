//! One frame → samples, whatever its layer.

use super::header::FrameHeader;
use super::layer3::{Layer3, Mix, Soundness};
use super::subbands::Subbands;

pub(super) enum FrameDecoder {
    Layer3(Box<Layer3>),
    Layers1And2(Box<Subbands>),
}

impl FrameDecoder {
    pub(super) fn new(first: &FrameHeader, mix: Mix) -> Self {
        if first.layer == 3 {
            Self::Layer3(Box::new(Layer3::new(mix)))
        } else {
            Self::Layers1And2(Box::new(Subbands::new(mix)))
        }
    }

    /// As before the first frame.
    pub(super) fn reset(&mut self, mix: Mix) {
        match self {
            Self::Layer3(decoder) => **decoder = Layer3::new(mix),
            Self::Layers1And2(decoder) => **decoder = Subbands::new(mix),
        }
    }

    /// Takes in what later frames may refer to, of a frame that is not to be decoded.
    pub(super) fn prime(&mut self, header: &FrameHeader, frame: &[u8]) {
        if let Self::Layer3(decoder) = self {
            // A frame that contradicts itself leaves nothing to refer to, as when it is decoded.
            let _ = decoder.prime(header, frame);
        }
    }

    /// Appends the frame's samples to `out`, or says why they are lost.
    pub(super) fn decode(
        &mut self,
        header: &FrameHeader,
        frame: &[u8],
        out: &mut [Vec<f32>],
    ) -> Result<Soundness, String> {
        match self {
            Self::Layer3(decoder) => {
                decoder.decode(header, frame, out).map_err(|error| error.to_string())
            }
            Self::Layers1And2(decoder) => {
                decoder.decode(header, frame, out)?;
                Ok(Soundness::Sound)
            }
        }
    }
}
