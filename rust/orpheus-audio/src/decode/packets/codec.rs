//! What a codec does for the packets' backend.

use super::super::Block;

/// One codec: packets → samples.
pub(in crate::decode) trait PacketDecoder: Send {
    /// `aac`, `vorbis`, ...
    fn name(&self) -> &'static str;

    /// Appends what a packet completes to the planes of `block`: one for each channel, in the order of
    /// WAVE (front left, front right, front centre, low frequency, back, side), all of one length. A
    /// decoder made for [`Mix::Mono`](crate::decode::mpeg::layer3::Mix) may cut `block` down to one
    /// plane, the mean of all channels.
    ///
    /// # Errors
    ///
    /// Why the packet could not be decoded; the caller drops what was appended.
    fn decode(&mut self, packet: &[u8], block: &mut Block) -> Result<(), String>;

    /// Forgets the packets before: the next one does not follow them.
    fn reset(&mut self);
}

/// Stands for a decoder while there is none.
pub(super) struct NoDecoder;

impl PacketDecoder for NoDecoder {
    fn name(&self) -> &'static str {
        "none"
    }

    fn decode(&mut self, _: &[u8], _: &mut Block) -> Result<(), String> {
        Err("there is no decoder".to_owned())
    }

    fn reset(&mut self) {}
}
