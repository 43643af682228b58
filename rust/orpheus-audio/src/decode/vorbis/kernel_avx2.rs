//! Decoding of a packet for x86-64 with AVX2 and BMI: the code is the portable one, compiled with the
//! instructions that shift by a register and work on eight lanes.
#![expect(unsafe_code, reason = "instructions that not every processor has")]
#![expect(clippy::unused_self, reason = "having an `Avx2` is what allows to call its methods")]

use super::VorbisDecoder;

/// Proof that the processor has what the function here is compiled for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        has.then_some(Self(()))
    }

    pub(super) fn decode(
        self,
        decoder: &mut VorbisDecoder,
        packet: &[u8],
        planes: &mut [Vec<f32>],
    ) -> Result<(), &'static str> {
        // SAFETY: `self` exists only where `detect` found these features.
        unsafe { decode(decoder, packet, planes) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn decode(
    decoder: &mut VorbisDecoder,
    packet: &[u8],
    planes: &mut [Vec<f32>],
) -> Result<(), &'static str> {
    decoder.decode_packet(packet, planes)
}
