//! The elements of a packet: one channel or two (`ALACDecoder.cpp` of Apple's reference).

use super::bits::Bits;
use super::config::Config;
use super::kernel::Kernel;
use super::planes::Mixing;
use super::predict::{MOST_COEFFICIENTS, Predictor};
use super::rice::Rice;
use super::{Result, TOO_MANY};

/// The next element that holds samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// Of one channel, be it of low frequencies or not.
    Single,
    Pair,
}

impl Element {
    /// Passes over what holds no samples; `None` at the end of the packet.
    pub(super) fn next(bits: &mut Bits<'_>) -> Result<Option<Self>> {
        loop {
            match bits.read(3)? {
                0 | 3 => return Ok(Some(Self::Single)),
                1 => return Ok(Some(Self::Pair)),
                4 => pass_data(bits)?,
                6 => pass_filling(bits)?,
                7 => return Ok(None),
                _ => return Err("an element that no version of the codec has"),
            }
        }
    }
}

fn pass_data(bits: &mut Bits<'_>) -> Result<()> {
    const LONG: u32 = 255;
    bits.read(4)?;
    let is_aligned = bits.flag()?;
    let n_bytes = match bits.read(8)? {
        LONG => LONG + bits.read(8)?,
        n_bytes => n_bytes,
    };
    if is_aligned {
        bits.align();
    }
    bits.pass(n_bytes as usize * 8)?;
    Ok(())
}

fn pass_filling(bits: &mut Bits<'_>) -> Result<()> {
    const LONG: u32 = 15;
    let n_bytes = match bits.read(4)? {
        // It counts itself.
        LONG => LONG + bits.read(8)? - 1,
        n_bytes => n_bytes,
    };
    bits.pass(n_bytes as usize * 8)?;
    Ok(())
}

/// The head of an element.
struct Head {
    n_samples: usize,
    /// Bits at the lower end of a sample that are stored apart.
    n_low: u32,
    is_verbatim: bool,
}

/// Reads elements, one at a time.
pub(super) struct Elements {
    pub(super) config: Config,
    pub(super) kernel: Kernel,
    samples: [Vec<i32>; 2],
    n_channels: usize,
}

impl Elements {
    pub(super) fn new(config: Config) -> Self {
        Self { config, kernel: Kernel::best(), samples: [Vec::new(), Vec::new()], n_channels: 0 }
    }

    /// The channels of the last element.
    pub(super) fn samples(&self) -> &[Vec<i32>] {
        &self.samples[..self.n_channels]
    }

    /// Reads an element behind its tag, and says how many samples it has.
    pub(super) fn read(&mut self, bits: &mut Bits<'_>, element: Element) -> Result<usize> {
        let head = self.head(bits)?;
        self.n_channels = if element == Element::Pair { 2 } else { 1 };
        let n_stored = if head.is_verbatim { self.config.n_bits } else { head.n_low };
        if n_stored as usize * head.n_samples * self.n_channels > bits.n_left() {
            return Err(TOO_MANY);
        }
        for plane in &mut self.samples[..self.n_channels] {
            plane.resize(head.n_samples, 0);
        }
        if head.is_verbatim {
            self.copy(bits);
        } else {
            self.decode(bits, &head)?;
        }
        Ok(head.n_samples)
    }

    fn head(&self, bits: &mut Bits<'_>) -> Result<Head> {
        bits.read(4)?;
        if bits.read(12)? != 0 {
            return Err("bits that are not in use are set");
        }
        let is_partial = bits.flag()?;
        let n_low = bits.read(2)? * 8;
        let is_verbatim = bits.flag()?;
        if n_low == 24 || n_low >= self.config.n_bits {
            return Err("more low bits than a sample has");
        }
        let n_samples = if is_partial { bits.read(32)? as usize } else { self.config.frame_length };
        if n_samples > self.config.frame_length {
            return Err("a packet is longer than its stream allows");
        }
        Ok(Head { n_samples, n_low, is_verbatim })
    }

    /// Samples as they are, those of a pair in turn.
    fn copy(&mut self, bits: &mut Bits<'_>) {
        let n_bits = self.config.n_bits;
        let beside = 32 - n_bits;
        for at in 0..self.samples[0].len() {
            for plane in &mut self.samples[..self.n_channels] {
                plane[at] = (bits.take(n_bits) << beside) as i32 >> beside;
            }
        }
    }

    fn decode(&mut self, bits: &mut Bits<'_>, head: &Head) -> Result<()> {
        let is_pair = self.n_channels == 2;
        let n_bits = self.config.n_bits - head.n_low + u32::from(is_pair);
        if n_bits > 32 {
            return Err("samples of 33 bits");
        }
        let mixing = Mixing { shift: bits.read(8)?, weight: i32::from(bits.read(8)? as u8 as i8) };
        if mixing.weight != 0 && (mixing.shift > 31 || !is_pair) {
            return Err("channels are mixed as no encoder does");
        }
        let first = self.channel(bits, n_bits)?;
        let second = if is_pair { Some(self.channel(bits, n_bits)?) } else { None };
        let n_samples = head.n_samples * self.n_channels;
        let low = bits.pass(head.n_low as usize * n_samples)?;
        let kernel = self.kernel;
        let [left, right] = &mut self.samples;
        kernel.read(bits, first.1, n_bits, left)?;
        let mut first = first.0;
        if let Some((second, rice)) = second {
            kernel.read(bits, rice, n_bits, right)?;
            kernel.predict_pair(&mut [first, second], left, right);
            kernel.part(mixing, left, right);
        } else {
            kernel.predict(&mut first, left);
        }
        self.append(low, head.n_low)
    }

    /// How one channel was predicted, and its residuals coded.
    fn channel(&self, bits: &mut Bits<'_>, n_bits: u32) -> Result<(Predictor, Rice)> {
        let is_double = bits.read(4)? != 0;
        let shift = bits.read(4)?;
        let rate = bits.read(3)?;
        let order = bits.read(5)? as usize;
        let mut coefficients = [0; MOST_COEFFICIENTS];
        for coefficient in &mut coefficients[..order] {
            *coefficient = bits.read(16)? as u16 as i16;
        }
        let predictor = Predictor { is_double, shift, order, coefficients, n_bits };
        if predictor.is_adaptive() && shift == 0 {
            return Err("coefficients without a fraction");
        }
        // The cookie's rate in quarters.
        let rate = self.config.rice.rate * rate / 4;
        Ok((predictor, Rice { rate, ..self.config.rice }))
    }

    /// Puts low bits below the samples.
    fn append(&mut self, mut low: Bits<'_>, n_low: u32) -> Result<()> {
        if n_low == 0 {
            return Ok(());
        }
        let n_high = self.config.n_bits - n_low;
        let samples = &mut self.samples[..self.n_channels];
        if !samples.iter().all(|plane| self.kernel.fits(plane, n_high)) {
            return Err("samples leave their bits");
        }
        if let [left, right] = samples {
            for (left, right) in left.iter_mut().zip(right) {
                let both = low.take(2 * n_low);
                *left = *left << n_low | (both >> n_low) as i32;
                *right = *right << n_low | (both & ((1 << n_low) - 1)) as i32;
            }
        } else {
            for sample in &mut self.samples[0] {
                *sample = *sample << n_low | low.take(n_low) as i32;
            }
        }
        Ok(())
    }
}
