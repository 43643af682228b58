//! One track in a worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::{Backend, Block, Losses, TrackInfo};
use super::formats::Foreign;
use super::protocol::{DATA, Header, MAX_READ, Message, OPEN, Reason, STOP, parse};
use super::worker::{Death, Worker};
use super::{Behind, CONVERT, Fallback, asf, dsd, ogg, pool};
use crate::error::{Error, Result};

/// A worker that does not stop within this is ended: starting another one is cheaper than waiting.
const TIME_TO_STOP: Duration = Duration::from_millis(80);

/// A track that a worker decodes.
pub(super) struct External {
    fallback: Arc<Fallback>,
    /// `None` once it has died, or has gone back.
    worker: Option<Worker>,
    bytes: Behind,
    payload: Vec<u8>,
    read: Vec<u8>,
    info: TrackInfo,
    losses: Losses,
    tolerance: u64,
    n_samples: u64,
}

impl External {
    pub(super) fn open(fallback: &Arc<Fallback>, foreign: Foreign, bytes: Behind) -> Result<Self> {
        let mut opened = Self {
            fallback: fallback.clone(),
            worker: None,
            bytes,
            payload: Vec::new(),
            read: Vec::new(),
            info: TrackInfo {
                container: foreign.container,
                codec: String::new(),
                sample_rate: 0,
                n_channels: 0,
                n_samples: None,
            },
            losses: Losses::default(),
            tolerance: 0,
            n_samples: 0,
        };
        let header = opened.begin(foreign.demuxer)?;
        opened.tolerance = header.tolerance;
        opened.info.codec = header.codec;
        opened.info.sample_rate = header.sample_rate;
        opened.info.n_channels = header.n_channels;
        opened.info.n_samples = header.promised.filter(|&n| n > 0);
        opened.cross_check(foreign.demuxer)?;
        Ok(opened)
    }

    /// What the container states and libav does not heed.
    fn cross_check(&mut self, demuxer: &str) -> Result<()> {
        match demuxer {
            "ogg" => {
                if let Some(why) = ogg::trouble_at_end(&mut self.bytes.input)? {
                    self.losses.add(0, why);
                }
            }
            "asf" => {
                let stated = asf::stated(&mut self.bytes.input, self.bytes.start)?;
                self.info.n_samples = stated.as_ref().map(|stated| {
                    (stated.seconds * f64::from(self.info.sample_rate)).round() as u64
                });
                let n_bytes = self.bytes.input.len().saturating_sub(self.bytes.start);
                if let Some(stated) = stated.filter(|stated| stated.n_bytes > n_bytes) {
                    let why = format!("the file ends early: {n_bytes} of {} bytes", stated.n_bytes);
                    self.losses.add(0, why);
                }
            }
            "dsf" => {
                let stated = dsd::samples_of_dsf(&mut self.bytes.input, self.bytes.start)?;
                self.info.n_samples = stated;
            }
            "iff" => {
                let (input, start) = (&mut self.bytes.input, self.bytes.start);
                let stated = dsd::samples_of_dsdiff(input, start, self.info.n_channels)?;
                self.info.n_samples = stated.or(self.info.n_samples);
            }
            _ => {}
        }
        Ok(())
    }

    /// Hands the file to a worker and waits for the first samples.
    fn begin(&mut self, demuxer: &str) -> Result<Header> {
        let n_bytes = self.bytes.input.len().saturating_sub(self.bytes.start).to_le_bytes();
        let cpu_milliseconds = (self.bytes.guard.seconds_left() * 1e3) as u32;
        for fresh in [false, true] {
            let guard = &self.bytes.guard;
            let mut worker = pool::take(&self.fallback, fresh, &|| guard.check())?;
            let used = worker.n_files > 0;
            worker.n_files += 1;
            let sent =
                worker.send(OPEN, &[&n_bytes, &cpu_milliseconds.to_le_bytes(), demuxer.as_bytes()]);
            self.worker = Some(worker);
            match sent.and_then(|()| self.listen()) {
                // It may have died while it waited, of which this file is innocent.
                Err(Death::Closed) if used => self.worker = None,
                Err(death) => return Err(self.died(death)),
                Ok(kind) => return self.header(kind),
            }
        }
        Err(self.died(Death::Closed))
    }

    fn header(&mut self, kind: u32) -> Result<Header> {
        match parse(kind, &self.payload) {
            Some(Message::Header(header)) => Ok(header),
            Some(Message::Error { reason, text }) => Err(self.refused(reason, text)),
            _ => Err(self.died(Death::Garbled)),
        }
    }

    /// Waits for what the worker says next, which is then in `payload`, and answers its reads.
    fn listen(&mut self) -> Result<u32, Death> {
        let mut deadline = Instant::now() + self.fallback.silence;
        loop {
            let worker = self.worker.as_mut().ok_or(Death::Closed)?;
            let go_on = || self.bytes.guard.check();
            let kind = worker.receive(&mut self.payload, deadline, &go_on)?;
            match parse(kind, &self.payload) {
                Some(Message::Read { offset, n_bytes }) => {
                    let started = Instant::now();
                    self.answer(offset, n_bytes)?;
                    // A slow disk is not the worker's fault.
                    deadline += started.elapsed();
                }
                Some(Message::Hello { .. }) | None => return Err(Death::Garbled),
                Some(_) => return Ok(kind),
            }
        }
    }

    fn answer(&mut self, offset: u64, n_bytes: usize) -> Result<(), Death> {
        // What follows the end may be a tag, which is not shown.
        let end = self.bytes.input.len();
        let at = self.bytes.start.saturating_add(offset).min(end);
        let n_left = usize::try_from(end - at).unwrap_or(MAX_READ);
        self.read.resize(n_bytes.min(MAX_READ).min(n_left), 0);
        let n_read = self.bytes.input.read_at(at, &mut self.read).map_err(Death::Else)?;
        let worker = self.worker.as_mut().ok_or(Death::Closed)?;
        worker.send(DATA, &[&self.read[..n_read]])
    }

    fn died(&mut self, death: Death) -> Error {
        match self.worker.take() {
            Some(worker) => worker.bury(death),
            None => Error::Worker("ended".to_owned()),
        }
    }

    /// The worker has said why there is nothing more of this file.
    fn refused(&mut self, reason: Reason, text: String) -> Error {
        match reason {
            Reason::Damaged => {
                self.part();
                Error::Damaged(text)
            }
            Reason::Unsupported => {
                self.part();
                Error::Unsupported { what: text, advice: CONVERT }
            }
            Reason::NotAudio => {
                self.part();
                Error::NotAudio(text)
            }
            // Not to be trusted with another file.
            Reason::OutOfMemory => {
                self.worker = None;
                Error::Worker("needs more memory than it may have".to_owned())
            }
            Reason::Fault => {
                self.worker = None;
                Error::Worker(text)
            }
        }
    }

    /// The worker waits for its next file.
    fn part(&mut self) {
        if let Some(worker) = self.worker.take() {
            pool::give_back(worker, &self.fallback);
        }
    }

    fn take_samples(&mut self, kind: u32, block: &mut Block) -> Result<bool> {
        match parse(kind, &self.payload) {
            Some(Message::Block(samples)) => {
                self.bytes.guard.spent_elsewhere(samples.spent)?;
                let (rate, n_channels) = (samples.sample_rate, samples.n_channels);
                if (rate, n_channels) == (self.info.sample_rate, self.info.n_channels) {
                    self.n_samples += samples.n_samples as u64;
                    samples.copy_to(&mut block.channels);
                } else {
                    let n_samples = samples.n_samples as u64 * u64::from(self.info.sample_rate);
                    let n_lost = n_samples.checked_div(u64::from(rate)).unwrap_or(0);
                    self.losses.add_gap(n_lost, "sample rate or channels change");
                }
            }
            Some(Message::Loss { n_samples, why }) => self.losses.add_gap(n_samples, why),
            Some(Message::End) => {
                self.part();
                self.note_excess();
                return Ok(false);
            }
            Some(Message::Error { reason, text }) => return Err(self.refused(reason, text)),
            _ => return Err(self.died(Death::Garbled)),
        }
        Ok(true)
    }

    /// Twice as many samples as promised are as wrong as half of them: a decoder took one rate for
    /// another, or decoded everything twice.
    fn note_excess(&mut self) {
        let Some(promised) = self.info.n_samples else { return };
        if self.n_samples > promised.saturating_add(self.tolerance) {
            let why = format!("{} samples where {promised} were promised", self.n_samples);
            self.losses.add(0, why);
        }
    }

    /// Asks the worker to leave the file; `false` if it does not do so at once.
    fn stop(&mut self) -> bool {
        let Some(worker) = &mut self.worker else { return false };
        let deadline = Instant::now() + TIME_TO_STOP;
        if worker.send(STOP, &[]).is_err() {
            return false;
        }
        loop {
            match worker.receive(&mut self.payload, deadline, &|| Ok(())) {
                Ok(kind) => match parse(kind, &self.payload) {
                    Some(Message::End | Message::Error { .. }) => return true,
                    Some(_) => {}
                    None => return false,
                },
                Err(_) => return false,
            }
        }
    }
}

impl Backend for External {
    fn info(&self) -> &TrackInfo {
        &self.info
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.clear(self.info.n_channels);
        if self.worker.is_none() {
            return Ok(false);
        }
        match self.listen() {
            Ok(kind) => self.take_samples(kind, block),
            Err(death) => Err(self.died(death)),
        }
    }

    fn losses(&mut self) -> &mut Losses {
        &mut self.losses
    }

    fn forget_promise(&mut self) {
        self.info.n_samples = None;
    }

    fn tolerance(&self) -> u64 {
        self.tolerance
    }
}

impl Drop for External {
    fn drop(&mut self) {
        if self.worker.as_ref().is_some_and(Worker::is_ours) && self.stop() {
            self.part();
        }
    }
}

#[cfg(test)]
mod tests;
