//! One track in a worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::{Backend, Block, Losses, TrackInfo};
use super::formats::Foreign;
use super::protocol::{DATA, Header, MAX_READ, Message, OPEN, Reason, STOP, parse};
use super::worker::{Death, Worker};
use super::{CONVERT, Fallback, asf, ogg, pool};
use crate::error::{Error, Result};
use crate::source::Input;

/// A worker that does not stop within this is ended: starting another one is cheaper than waiting.
const TIME_TO_STOP: Duration = Duration::from_millis(80);

/// A track that a worker decodes.
pub(super) struct External {
    fallback: Arc<Fallback>,
    /// `None` once it has died, or has gone back.
    worker: Option<Worker>,
    input: Input,
    /// Where in the input the worker's file begins.
    start: u64,
    payload: Vec<u8>,
    read: Vec<u8>,
    info: TrackInfo,
    losses: Losses,
    tolerance: u64,
}

impl External {
    pub(super) fn open(
        fallback: &Arc<Fallback>,
        foreign: Foreign,
        input: Input,
        start: u64,
    ) -> Result<Self> {
        let mut opened = Self {
            fallback: fallback.clone(),
            worker: None,
            input,
            start,
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
                if let Some(why) = ogg::trouble_at_end(&mut self.input)? {
                    self.losses.add(0, why);
                }
            }
            "asf" => {
                let stated = asf::stated(&mut self.input, self.start)?;
                self.info.n_samples = stated
                    .as_ref()
                    .map(|stated| (stated.seconds * f64::from(self.info.sample_rate)) as u64);
                let n_bytes = self.input.len().saturating_sub(self.start);
                if let Some(stated) = stated.filter(|stated| stated.n_bytes > n_bytes) {
                    let why = format!("the file ends early: {n_bytes} of {} bytes", stated.n_bytes);
                    self.losses.add(0, why);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Hands the file to a worker and waits for the first samples.
    fn begin(&mut self, demuxer: &str) -> Result<Header> {
        let n_bytes = self.input.len().saturating_sub(self.start).to_le_bytes();
        for fresh in [false, true] {
            let mut worker = pool::take(&self.fallback, fresh)?;
            let used = worker.n_files > 0;
            worker.n_files += 1;
            let sent = worker.send(OPEN, &[&n_bytes, demuxer.as_bytes()]);
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
            let kind = worker.receive(&mut self.payload, deadline)?;
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
        self.read.resize(n_bytes.min(MAX_READ), 0);
        let n_read = match self.start.checked_add(offset) {
            Some(at) => self.input.read_at(at, &mut self.read).map_err(Death::Input)?,
            None => 0,
        };
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
                let (rate, n_channels) = (samples.sample_rate, samples.n_channels);
                if (rate, n_channels) == (self.info.sample_rate, self.info.n_channels) {
                    samples.copy_to(&mut block.channels);
                } else {
                    let n_samples = samples.n_samples as u64 * u64::from(self.info.sample_rate);
                    let n_lost = n_samples.checked_div(u64::from(rate)).unwrap_or(0);
                    self.losses.add(n_lost, "sample rate or channels change");
                }
            }
            Some(Message::Loss { n_samples, why }) => self.losses.add(n_samples, why),
            Some(Message::End) => {
                self.part();
                return Ok(false);
            }
            Some(Message::Error { reason, text }) => return Err(self.refused(reason, text)),
            _ => return Err(self.died(Death::Garbled)),
        }
        Ok(true)
    }

    /// Asks the worker to leave the file; `false` if it does not do so at once.
    fn stop(&mut self) -> bool {
        let Some(worker) = &mut self.worker else { return false };
        let deadline = Instant::now() + TIME_TO_STOP;
        if worker.send(STOP, &[]).is_err() {
            return false;
        }
        loop {
            match worker.receive(&mut self.payload, deadline) {
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
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::source::Source;

    /// A worker made of a shell script, which knows half of the protocol.
    fn worker(script: &str) -> Arc<Fallback> {
        Arc::new(Fallback {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            silence: Duration::from_millis(700),
            idle: Duration::from_secs(1),
        })
    }

    fn open(script: &str) -> Result<External> {
        let source = Source::Bytes(b"wvpk and so on"[..].into());
        let input = Input::open(&source, &Limits::default()).unwrap();
        let foreign = super::super::formats::foreign(b"wvpk").unwrap();
        External::open(&worker(script), foreign, input, 0)
    }

    /// `printf` of a frame whose payload is `payload`, spelled in octal; it goes to the socket.
    fn frame(kind: u32, payload: &[u8]) -> String {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend((payload.len() as u32).to_le_bytes());
        bytes.extend(payload);
        let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
        format!("printf '{octal}' >&0; ")
    }

    fn hello() -> String {
        frame(16, &[1, 0, 0, 0])
    }

    fn header() -> String {
        let mut payload = 8000_u32.to_le_bytes().to_vec();
        payload.extend(1_u32.to_le_bytes());
        payload.extend(3_u64.to_le_bytes());
        payload.extend(0_u32.to_le_bytes());
        frame(18, &[&payload[..], b"odd"].concat())
    }

    /// One block of two 8-bit samples.
    fn block(sample_rate: u32) -> String {
        let mut payload = vec![0, 0, 1, 0];
        payload.extend(sample_rate.to_le_bytes());
        payload.extend([2, 0, 0, 0, 192, 64]);
        frame(19, &payload)
    }

    fn refusal(script: &str) -> Error {
        match open(script) {
            Err(error) => error,
            Ok(_) => panic!("it was opened"),
        }
    }

    #[test]
    fn samples_and_losses_come_as_the_worker_sends_them() {
        let loss = frame(20, &[&5_u64.to_le_bytes()[..], b"a hole"].concat());
        let script = [hello(), header(), block(8000), loss, block(4000), frame(21, b"")].concat();
        let mut track = open(&format!("{script} sleep 5")).unwrap();
        assert_eq!(track.info().codec, "odd");
        assert_eq!((track.info().n_samples, track.info().sample_rate), (Some(3), 8000));
        let mut block = Block::default();
        assert!(track.next_block(&mut block).unwrap());
        assert_eq!(block.channels, [[0.5, -0.5]]);
        while track.next_block(&mut block).unwrap() {
            assert_eq!(block.n_samples(), 0);
        }
        // Five of the hole, and two at half of the rate.
        assert_eq!(track.losses().n_samples, 9);
        assert_eq!(track.losses().first.as_deref(), Some("a hole"));
    }

    #[test]
    fn a_worker_that_breaks_the_rules_is_an_error_of_its_own_kind() {
        let scripts = [
            ("exit 3".to_owned(), "exit status 3"),
            ("echo no >&2; exit 1".to_owned(), "no"),
            ("sleep 60".to_owned(), "gave no answer"),
            (frame(16, &[9, 0, 0, 0]), "protocol"),
            (hello() + "kill -9 $$", "signal 9"),
            (hello() + &frame(19, &[1, 2, 3]) + "sleep 60", "protocol"),
            (hello() + &block(8000) + "sleep 60", "protocol"),
            (hello() + &frame(22, b"\x03") + "sleep 60", "memory"),
            (hello() + "sleep 60", "gave no answer"),
        ];
        for (script, message) in scripts {
            let error = refusal(&script);
            assert_eq!(error.kind(), "worker", "{script}: {error}");
            assert!(error.to_string().contains(message), "{script}: {error}");
        }
    }

    #[test]
    fn what_the_worker_says_against_the_file_is_the_files_fault() {
        for (code, kind) in [(0, "damaged"), (1, "unsupported"), (2, "not_audio")] {
            let script = hello() + &frame(22, &[&[code], &b"a reason"[..]].concat()) + "sleep 60";
            let error = refusal(&script);
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().contains("a reason"), "{error}");
        }
    }

    #[test]
    fn a_worker_that_falls_silent_in_the_middle_fails_the_track() {
        let mut track = open(&(hello() + &header() + &block(8000) + "sleep 60")).unwrap();
        let mut block = Block::default();
        assert!(track.next_block(&mut block).unwrap());
        assert_eq!(track.next_block(&mut block).unwrap_err().kind(), "worker");
        // And has no more to give.
        assert!(!track.next_block(&mut block).unwrap());
    }
}
