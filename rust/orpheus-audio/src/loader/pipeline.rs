//! One track, decoded once, for all taps.

use std::time::Instant;

use super::feed::Row;
use super::stats::Stats;
use super::{CheckedTap, FrontEndWorker};
use crate::decode::{Decoder, TrackInfo, downmix};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::resample::{Quality, Resampler};
use crate::source::Source;
use crate::window::{Cutter, Window, WindowPlan};

/// A worker's machinery; outlives its tracks so that scratch memory is reused.
pub(crate) struct Pipeline {
    taps: Vec<TapWorker>,
    /// The distinct sample rates of the taps.
    rates: Vec<u32>,
    quality: Quality,
    mono: Vec<f32>,
    resampled: Vec<f32>,
}

struct TapWorker {
    sample_rate: u32,
    plan: WindowPlan,
    front_end: Option<(Box<dyn FrontEndWorker>, usize)>,
}

/// What one track's run needs from outside.
pub(crate) struct Job<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) stats: &'a Stats,
    pub(crate) cancelled: &'a mut dyn FnMut() -> bool,
    pub(crate) send: &'a mut dyn FnMut(Row) -> Result<()>,
    pub(crate) info: &'a mut Option<TrackInfo>,
}

/// The rates and windows of one track.
struct Lanes {
    resamplers: Vec<Resampler>,
    cutters: Vec<Cutter>,
}

impl Pipeline {
    pub(crate) fn new(taps: &[CheckedTap], quality: Quality) -> Self {
        let mut rates: Vec<u32> = taps.iter().map(|tap| tap.sample_rate).collect();
        rates.sort_unstable();
        rates.dedup();
        let taps =
            taps.iter()
                .map(|tap| TapWorker {
                    sample_rate: tap.sample_rate,
                    plan: tap.plan,
                    front_end: tap.front_end.as_ref().map(|front_end| {
                        (front_end.worker(), front_end.row_shape().iter().product())
                    }),
                })
                .collect();
        Self { taps, rates, quality, mono: Vec::new(), resampled: Vec::new() }
    }

    /// Decodes the track and sends its rows.
    pub(crate) fn run(&mut self, source: &Source, job: &mut Job<'_>) -> Result<Outcome> {
        let needs_length = self.taps.iter().any(|tap| tap.plan.needs_length());
        if !needs_length {
            return Ok(self.pass(source, None, job)?.0);
        }
        // Windows that depend on the length are placed by the container's count. Where there is
        // none, or it proves wrong, the track is decoded once more.
        let promised = Decoder::open(source, job.limits)?.info().n_samples;
        let expected = match promised {
            Some(n_samples) => n_samples,
            None => count(source, job)?,
        };
        let mut rows = Vec::new();
        let (outcome, n_decoded) = self.collect(source, expected, &mut rows, job)?;
        let (outcome, _) = if n_decoded == expected {
            (outcome, n_decoded)
        } else {
            rows.clear();
            self.collect(source, n_decoded, &mut rows, job)?
        };
        rows.into_iter().try_for_each(&mut *job.send)?;
        Ok(outcome)
    }

    /// A pass whose rows are kept: there are few, and they may have to be made again.
    fn collect(
        &mut self,
        source: &Source,
        expected: u64,
        rows: &mut Vec<Row>,
        job: &mut Job<'_>,
    ) -> Result<(Outcome, u64)> {
        let mut keep = |row| {
            rows.push(row);
            Ok(())
        };
        let mut job = Job {
            limits: job.limits,
            stats: job.stats,
            cancelled: &mut *job.cancelled,
            send: &mut keep,
            info: &mut *job.info,
        };
        self.pass(source, Some(expected), &mut job)
    }

    /// Decodes the track once; returns its outcome and how many samples it had.
    fn pass(
        &mut self,
        source: &Source,
        expected: Option<u64>,
        job: &mut Job<'_>,
    ) -> Result<(Outcome, u64)> {
        let mut decoder = Decoder::open_mono(source, job.limits)?;
        let info = job.info.insert(decoder.info().clone()).clone();
        let mut lanes = self.lanes(&info, expected)?;
        loop {
            if (job.cancelled)() {
                return Err(Error::Cancelled);
            }
            let started = Instant::now();
            let block = decoder.next_block()?;
            let decoded = Instant::now();
            job.stats.decode(decoded - started);
            let Some(block) = block else { break };
            downmix(block, &mut self.mono);
            self.feed(&mut lanes, false, job)?;
            job.stats.front_end(decoded.elapsed());
            if expected.is_none() && lanes.cutters.iter().all(Cutter::is_done) {
                // Every window that was asked for is there: the rest need not be decoded.
                return Ok((decoder.stop()?, 0));
            }
        }
        let started = Instant::now();
        self.mono.clear();
        self.feed(&mut lanes, true, job)?;
        job.stats.front_end(started.elapsed());
        let n_decoded = decoder.n_decoded();
        *job.info = Some(decoder.info().clone());
        Ok((decoder.finish()?, n_decoded))
    }

    fn lanes(&self, info: &TrackInfo, expected: Option<u64>) -> Result<Lanes> {
        let from = info.sample_rate;
        let resamplers = self
            .rates
            .iter()
            .map(|&to| Resampler::new(from, to, self.quality))
            .collect::<Result<Vec<_>>>()?;
        let at_rate = |n_samples: u64, to: u32| {
            (u128::from(n_samples) * u128::from(to)).div_ceil(u128::from(from)) as u64
        };
        let cutters = self
            .taps
            .iter()
            .map(|tap| Cutter::new(tap.plan, expected.map(|n| at_rate(n, tap.sample_rate))))
            .collect();
        Ok(Lanes { resamplers, cutters })
    }

    /// Sends `self.mono` through every rate to every tap; with `end`, the tails too.
    fn feed(&mut self, lanes: &mut Lanes, end: bool, job: &mut Job<'_>) -> Result<()> {
        for (&rate, resampler) in self.rates.iter().zip(&mut lanes.resamplers) {
            self.resampled.clear();
            if end {
                resampler.finish(&mut self.resampled);
            } else {
                resampler.process(&self.mono, &mut self.resampled);
            }
            let taps = self.taps.iter_mut().zip(&mut lanes.cutters).enumerate();
            for (i, (tap, cutter)) in taps.filter(|(_, (tap, _))| tap.sample_rate == rate) {
                let front_end = &mut tap.front_end;
                let mut take =
                    |window: Window<'_>| (job.send)(make_row(i, rate, window, front_end)?);
                cutter.push(&self.resampled, &mut take)?;
                if end {
                    cutter.finish(&mut take)?;
                }
            }
        }
        Ok(())
    }
}

fn make_row(
    tap: usize,
    sample_rate: u32,
    window: Window<'_>,
    front_end: &mut Option<(Box<dyn FrontEndWorker>, usize)>,
) -> Result<Row> {
    let values = match front_end {
        None => window.samples.to_vec(),
        Some((worker, n_values)) => {
            let mut values = vec![0.0; *n_values];
            worker.compute(window, &mut values).map_err(Error::Damaged)?;
            values
        }
    };
    let start_seconds = window.start as f64 / f64::from(sample_rate);
    Ok(Row { tap, values, start_seconds, n_valid: window.n_valid })
}

/// Decodes a track only to learn how long it is.
fn count(source: &Source, job: &mut Job<'_>) -> Result<u64> {
    let mut decoder = Decoder::open_mono(source, job.limits)?;
    while decoder.next_block()?.is_some() {
        if (job.cancelled)() {
            return Err(Error::Cancelled);
        }
    }
    Ok(decoder.n_decoded())
}
