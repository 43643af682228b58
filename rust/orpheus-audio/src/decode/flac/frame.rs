//! One frame's bytes → its samples (RFC 9639 §9).
//!
//! Nothing here knows where frames come from: a file of its own, or packets of Ogg, Matroska or MP4.

use super::FrameError;
use super::bits::Bits;
use super::crc::crc16;
use super::header::{Channels, FrameHeader};
use super::kernel::Kernel;
use super::md5::Md5;
use super::stream_info::Format;

/// Room for the channels of a frame.
#[derive(Debug)]
pub(crate) struct FrameDecoder {
    kernel: Kernel,
    planes: Vec<Vec<i32>>,
    /// The one channel that may have 33 bits.
    difference: Vec<i64>,
}

impl FrameDecoder {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel, planes: Vec::new(), difference: Vec::new() }
    }

    /// Decodes the frame that `bytes` begin with. While it reads, `md5` goes on with what waits
    /// there. Returns the length of the frame in bytes.
    ///
    /// # Errors
    ///
    /// [`FrameError::Short`] if the frame does not end within `bytes`; others if it is damaged. The
    /// samples are none then.
    pub(super) fn decode(
        &mut self,
        header: &FrameHeader,
        format: &Format,
        bytes: &[u8],
        md5: &mut Option<Md5>,
    ) -> Result<usize, FrameError> {
        header.fits(format)?;
        self.planes.resize_with(header.channels.count(), Vec::new);
        for plane in &mut self.planes {
            plane.resize(header.block_size, 0);
        }
        let n_bytes = self.decode_channels(header, format.n_bits, bytes, md5);
        let sound = n_bytes.and_then(|n_bytes| {
            check(bytes, n_bytes)?;
            self.join(header.channels, format.n_bits)?;
            Ok(n_bytes + 2)
        });
        if sound.is_err() {
            self.planes.iter_mut().for_each(Vec::clear);
        }
        sound
    }

    /// Returns where the checksum stands.
    fn decode_channels(
        &mut self,
        header: &FrameHeader,
        n_bits: u32,
        bytes: &[u8],
        md5: &mut Option<Md5>,
    ) -> Result<usize, FrameError> {
        let mut bits = Bits::new(bytes, header.n_bytes);
        let side = header.channels.side();
        for (channel, plane) in self.planes.iter_mut().enumerate() {
            if side != Some(channel) {
                self.kernel.decode(&mut bits, n_bits, plane, md5)?;
            } else if n_bits < 32 {
                self.kernel.decode(&mut bits, n_bits + 1, plane, md5)?;
            } else {
                self.difference.resize(header.block_size, 0);
                super::subframe::decode_33_bits(&mut bits, plane, &mut self.difference)?;
            }
        }
        Ok(bits.next_byte())
    }

    /// Left and right of what was coded as one of them, or their mean, and their difference.
    fn join(&mut self, channels: Channels, n_bits: u32) -> Result<(), FrameError> {
        if let ([first, second], true) = (&mut self.planes[..], channels.side().is_some()) {
            if n_bits == 32 {
                join_33_bits(channels, first, second, &self.difference)?;
            } else {
                self.kernel.join(channels, first, second);
            }
        }
        let in_range = self.planes.iter().all(|plane| self.kernel.fits(plane, n_bits));
        if in_range { Ok(()) } else { Err(FrameError::Range) }
    }

    /// The samples of the frame decoded last, by channel.
    pub(super) fn planes(&self) -> &[Vec<i32>] {
        &self.planes
    }
}

fn check(bytes: &[u8], at: usize) -> Result<(), FrameError> {
    let (covered, rest) = bytes.split_at_checked(at).ok_or(FrameError::Short)?;
    let stored = rest.first_chunk().ok_or(FrameError::Short)?;
    if u16::from_be_bytes(*stored) == crc16(covered) { Ok(()) } else { Err(FrameError::Checksum) }
}

/// Two channels of 32 bits, one of which stands in `difference` instead.
fn join_33_bits(
    channels: Channels,
    first: &mut [i32],
    second: &mut [i32],
    difference: &[i64],
) -> Result<(), FrameError> {
    let narrow = |value: i64| i32::try_from(value).map_err(|_| FrameError::Range);
    for ((first, second), &side) in first.iter_mut().zip(second).zip(difference) {
        let (left, right) = match channels {
            Channels::Independent(_) => continue,
            Channels::LeftSide => {
                let left = i64::from(*first);
                (left, left.wrapping_sub(side))
            }
            Channels::SideRight => {
                let right = i64::from(*second);
                (right.wrapping_add(side), right)
            }
            Channels::MidSide => {
                let sum = i64::from(*first) << 1 | (side & 1);
                (sum.wrapping_add(side) >> 1, sum.wrapping_sub(side) >> 1)
            }
        };
        (*first, *second) = (narrow(left)?, narrow(right)?);
    }
    Ok(())
}
