//! One stream of mono or stereo packets: which layer codes what, and how one passes to the other
//! (RFC 6716 §4.5).

use std::f64::consts::FRAC_PI_2;
use std::sync::LazyLock;

use super::celt::{self, CeltDecoder};
use super::packet::{MAX_PACKET_SAMPLES, Mode, Packet, Toc};
use super::range::RangeDecoder;
use super::silk::{self, SilkDecoder};

/// Samples of 2.5 and of 5 ms.
const FADE: usize = 120;
const REDUNDANT: usize = 2 * FADE;
/// Samples of the longest frame: 60 ms.
const MAX_FRAME: usize = 2880;

/// How one signal passes into another.
static RISE: LazyLock<[f32; FADE]> = LazyLock::new(|| {
    std::array::from_fn(|n| {
        let inner = (FRAC_PI_2 * (n as f64 + 0.5) / FADE as f64).sin();
        (FRAC_PI_2 * inner * inner).sin().powi(2) as f32
    })
});

/// A short CELT frame that bridges a change of mode.
#[derive(Debug, Clone, Copy)]
struct Bridge<'a> {
    data: &'a [u8],
    /// It belongs before the frame that carries it, not after.
    leads: bool,
}

/// State of one stream.
pub(super) struct StreamDecoder {
    silk: Box<SilkDecoder>,
    celt: Box<CeltDecoder>,
    last_mode: Option<Mode>,
    /// The last frame ended in a bridge to CELT.
    bridged: bool,
    /// Planes of the frame, of CELT's part of it, and of a bridge.
    frame: Vec<Vec<f32>>,
    celt_out: Vec<Vec<f32>>,
    bridge_out: Vec<Vec<f32>>,
}

impl StreamDecoder {
    /// With one output, stereo comes as the mean of its channels.
    pub(super) fn new(n_out: usize) -> Self {
        Self {
            silk: Box::new(SilkDecoder::new()),
            celt: Box::new(CeltDecoder::new(n_out)),
            last_mode: None,
            bridged: false,
            frame: vec![vec![0.0; MAX_FRAME]; n_out],
            celt_out: vec![vec![0.0; 960]; n_out],
            bridge_out: vec![vec![0.0; REDUNDANT]; n_out],
        }
    }

    pub(super) fn reset(&mut self) {
        *self.silk = SilkDecoder::new();
        self.celt.reset();
        self.last_mode = None;
        self.bridged = false;
    }

    /// Decodes a packet at 48 kHz, planes of equal length.
    ///
    /// # Errors
    ///
    /// If a frame contradicts itself; `planes` then has the packet's length, but not its sound.
    pub(super) fn decode(
        &mut self,
        packet: &Packet,
        planes: &mut [Vec<f32>],
    ) -> Result<(), &'static str> {
        debug_assert!(packet.n_samples() <= MAX_PACKET_SAMPLES);
        planes.iter_mut().for_each(Vec::clear);
        let mut result = Ok(());
        for frame in packet.frames() {
            result = result.and(self.decode_frame(packet.toc, frame));
            for (plane, frame) in planes.iter_mut().zip(&self.frame) {
                plane.extend_from_slice(&frame[..packet.toc.frame_length]);
            }
        }
        result
    }

    fn decode_frame(&mut self, toc: Toc, data: &[u8]) -> Result<(), &'static str> {
        if data.len() <= 1 {
            // Discontinuous transmission: there is nothing to hear.
            self.decode_nothing(toc);
            return Ok(());
        }
        let mut range = RangeDecoder::new(data);
        let last = self.last_mode.filter(|_| !self.bridged);
        let bridge = match toc.mode {
            Mode::Celt => None,
            Mode::Silk | Mode::Hybrid => self.decode_silk(toc, data, &mut range),
        };
        let unbridged = match last {
            Some(Mode::Celt) => toc.mode != Mode::Celt && bridge.is_none(),
            Some(_) => toc.mode == Mode::Celt,
            None => false,
        };
        if unbridged {
            self.decode_tail();
        }
        if let Some(bridge) = bridge.filter(|bridge| bridge.leads) {
            self.decode_bridge(toc, bridge)?;
        }
        if toc.mode == Mode::Silk {
            self.fade_out_celt(toc, bridge)?;
        } else {
            self.decode_celt(toc, &mut range)?;
        }
        if unbridged {
            add(&mut self.frame, &self.bridge_out, FADE);
        }
        if let Some(bridge) = bridge {
            self.cross(toc, bridge)?;
        }
        self.last_mode = Some(toc.mode);
        self.bridged = bridge.is_some_and(|bridge| !bridge.leads);
        Ok(())
    }

    /// What the layers of the last frame still have to give, where another one takes over with no
    /// bridge between them.
    fn decode_tail(&mut self) {
        match self.last_mode {
            Some(Mode::Silk | Mode::Hybrid) => self.silk.decode_nothing(FADE, &mut self.bridge_out),
            _ => self.bridge_out.iter_mut().for_each(|plane| plane[..FADE].fill(0.0)),
        }
        if self.last_mode != Some(Mode::Silk) {
            self.celt.decode_nothing(FADE, &mut self.celt_out);
            add(&mut self.bridge_out, &self.celt_out, FADE);
        }
    }

    fn decode_nothing(&mut self, toc: Toc) {
        let length = toc.frame_length;
        match self.last_mode {
            Some(Mode::Silk | Mode::Hybrid) => self.silk.decode_nothing(length, &mut self.frame),
            _ => self.frame.iter_mut().for_each(|plane| plane[..length].fill(0.0)),
        }
        if self.last_mode.is_none_or(|mode| mode == Mode::Silk) {
            return;
        }
        let part = length.min(960);
        self.celt.decode_nothing(part, &mut self.celt_out);
        add(&mut self.frame, &self.celt_out, part);
    }

    /// The lower layer, and what the frame holds besides (§4.5.1).
    fn decode_silk<'a>(
        &mut self,
        toc: Toc,
        data: &'a [u8],
        range: &mut RangeDecoder<'a>,
    ) -> Option<Bridge<'a>> {
        if self.last_mode == Some(Mode::Celt) {
            *self.silk = SilkDecoder::new();
        }
        let layout = silk::Layout {
            frame_length: toc.frame_length,
            stereo: toc.stereo,
            bandwidth: toc.bandwidth,
        };
        self.silk.decode(range, layout, &mut self.frame);
        let hybrid = toc.mode == Mode::Hybrid;
        let needed = if hybrid { 37 } else { 17 };
        if range.tell() + needed > range.n_bits_total() || (hybrid && !range.flag(12)) {
            return None;
        }
        let leads = range.flag(1);
        let n_used = (range.tell().max(0) as usize).div_ceil(8);
        let n_bytes = if hybrid {
            range.uniform(256) as usize + 2
        } else {
            data.len().saturating_sub(n_used)
        };
        let start = data.len().checked_sub(n_bytes)?;
        if (start * 8) < range.tell().max(0) as usize {
            return None;
        }
        range.shorten(n_bytes);
        Some(Bridge { data: &data[start..], leads })
    }

    fn celt_layout(toc: Toc, frame_length: usize, hybrid: bool) -> celt::Layout {
        celt::Layout { frame_length, stereo: toc.stereo, hybrid, bandwidth: toc.bandwidth }
    }

    fn decode_bridge(&mut self, toc: Toc, bridge: Bridge) -> Result<(), &'static str> {
        let mut range = RangeDecoder::new(bridge.data);
        let layout = Self::celt_layout(toc, REDUNDANT, false);
        self.celt.decode(&mut range, layout, &mut self.bridge_out)
    }

    fn decode_celt(&mut self, toc: Toc, range: &mut RangeDecoder) -> Result<(), &'static str> {
        if self.last_mode.is_some_and(|last| last != toc.mode) && !self.bridged {
            self.celt.reset();
        }
        let length = toc.frame_length;
        if toc.mode == Mode::Celt {
            let layout = Self::celt_layout(toc, length, false);
            return self.celt.decode(range, layout, &mut self.frame);
        }
        let layout = Self::celt_layout(toc, length, true);
        let result = self.celt.decode(range, layout, &mut self.celt_out);
        add(&mut self.frame, &self.celt_out, length);
        result
    }

    /// After a hybrid frame, the upper layer still has an overlap to give.
    fn fade_out_celt(&mut self, toc: Toc, bridge: Option<Bridge>) -> Result<(), &'static str> {
        let replaced = self.bridged && bridge.is_some_and(|bridge| bridge.leads);
        if self.last_mode != Some(Mode::Hybrid) || replaced {
            return Ok(());
        }
        let mut range = RangeDecoder::new(&[0xff, 0xff]);
        let layout = Self::celt_layout(toc, FADE, false);
        let result = self.celt.decode(&mut range, layout, &mut self.celt_out);
        add(&mut self.frame, &self.celt_out, FADE);
        result
    }

    /// Passes from the bridge into the frame, or out of it.
    fn cross(&mut self, toc: Toc, bridge: Bridge) -> Result<(), &'static str> {
        if bridge.leads {
            // Unless what it bridges from was lost.
            if self.last_mode != Some(Mode::Silk) || self.bridged {
                for (plane, bridge) in self.frame.iter_mut().zip(&self.bridge_out) {
                    plane[..FADE].copy_from_slice(&bridge[..FADE]);
                    for (n, &rise) in RISE.iter().enumerate() {
                        let to = &mut plane[FADE + n];
                        *to = rise * *to + (1.0 - rise) * bridge[FADE + n];
                    }
                }
            }
            return Ok(());
        }
        self.celt.reset();
        let result = self.decode_bridge(toc, bridge);
        let from = toc.frame_length - FADE;
        for (plane, bridge) in self.frame.iter_mut().zip(&self.bridge_out) {
            for (n, &rise) in RISE.iter().enumerate() {
                let to = &mut plane[from + n];
                *to = rise * bridge[FADE + n] + (1.0 - rise) * *to;
            }
        }
        result
    }
}

fn add(planes: &mut [Vec<f32>], others: &[Vec<f32>], length: usize) {
    for (plane, other) in planes.iter_mut().zip(others) {
        for (sample, &other) in plane[..length].iter_mut().zip(other) {
            *sample += other;
        }
    }
}
