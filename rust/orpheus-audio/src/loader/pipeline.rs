//! One track, decoded once, for all taps.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::CheckedTap;
use super::feed::Row;
use super::rows::{Kept, Places, RowMaker};
use super::segments::{may_leave_out, segments};
use super::stats::Stats;
use crate::decode::mpeg::layer3::Mix;
use crate::decode::{Decoder, TrackInfo, downmix};
use crate::error::{Error, Result};
use crate::guard::Guard;
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::resample::seam::Seam;
use crate::resample::{Fan, Quality};
use crate::source::Source;
use crate::window::{Cut, Cutter, WindowPlan};

/// A worker's machinery; outlives its tracks so that scratch memory is reused.
pub(crate) struct Pipeline {
    taps: Vec<TapWorker>,
    /// The distinct sample rates of the taps.
    rates: Vec<u32>,
    quality: Quality,
    mono: Vec<f32>,
    /// By rate.
    converted: Vec<Vec<f32>>,
}

struct TapWorker {
    sample_rate: u32,
    plan: WindowPlan,
    rows: RowMaker,
}

impl TapWorker {
    fn needs_length(&self) -> bool {
        self.plan.needs_length()
    }
}

/// What one track's run needs from outside.
pub(crate) struct Job<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) stats: &'a Stats,
    pub(crate) cancelled: &'a Arc<AtomicBool>,
    pub(crate) send: &'a mut dyn FnMut(Row) -> Result<()>,
    pub(crate) places: &'a Places<'a>,
    pub(crate) info: &'a mut Option<TrackInfo>,
}

/// A track that was opened.
struct Opened {
    decoder: Decoder,
    guard: Guard,
}

/// What of a track to decode.
struct Plan {
    /// Its length, where windows are placed by it.
    n_samples: Option<u64>,
    /// Whether the length holds, only the end of the track tells.
    to_the_end: bool,
    /// Windows that need no length have been cut before.
    by_length_only: bool,
    /// In samples of the track. Without an end, up to its end.
    segments: Vec<Range<u64>>,
}

/// The rates and windows of one track.
struct Routes {
    seams: Vec<Seam>,
    fan: Fan,
    /// By tap; `None` if it takes nothing of this pass.
    cutters: Vec<Option<Cutter>>,
}

impl Plan {
    fn through(n_samples: Option<u64>) -> Self {
        let segments = std::iter::once(0..u64::MAX).collect();
        Self { n_samples, to_the_end: false, by_length_only: false, segments }
    }
}

impl Job<'_> {
    fn open(&self, source: &Source, guard: Guard) -> Result<Opened> {
        let decoder = Decoder::open_guarded(source, self.limits, Mix::Mono, guard.clone())?;
        Ok(Opened { decoder, guard })
    }
}

impl Pipeline {
    pub(crate) fn new(taps: &[CheckedTap], quality: Quality) -> Self {
        let mut rates: Vec<u32> = taps.iter().map(|tap| tap.sample_rate).collect();
        rates.sort_unstable();
        rates.dedup();
        let worker = |(i, tap): (usize, &CheckedTap)| TapWorker {
            sample_rate: tap.sample_rate,
            plan: tap.plan,
            rows: RowMaker::new(i, tap),
        };
        let taps = taps.iter().enumerate().map(worker).collect();
        let converted = vec![Vec::new(); rates.len()];
        Self { taps, rates, quality, mono: Vec::new(), converted }
    }

    /// Decodes what the windows need of the track and sends its rows.
    pub(crate) fn run(&mut self, source: &Source, job: &mut Job<'_>) -> Result<Outcome> {
        let mut opened = job.open(source, Guard::new(job.limits, job.cancelled.clone()))?;
        *job.info = Some(opened.decoder.info().clone());
        self.expect(opened.decoder.info(), opened.decoder.info().n_samples, job);
        let needs_length = self.taps.iter().any(TapWorker::needs_length);
        if !needs_length && !self.may_leave_out() {
            return Ok(self.pass(opened, &Plan::through(None), job)?.0);
        }
        let started = Instant::now();
        let measured = opened.decoder.measure()?;
        job.stats.decode(started.elapsed());
        match measured {
            Some(n_samples) => {
                let plan = self.plan(opened.decoder.info(), n_samples);
                *job.info = Some(opened.decoder.measured_info());
                self.expect(opened.decoder.info(), Some(n_samples), job);
                Ok(self.pass(opened, &plan, job)?.0)
            }
            None if needs_length => self.run_by_promise(source, opened, job),
            None => Ok(self.pass(opened, &Plan::through(None), job)?.0),
        }
    }

    /// Tells how many rows will come of a track that is `n_samples` long.
    fn expect(&self, info: &TrackInfo, n_samples: Option<u64>, job: &Job<'_>) {
        let Some(n_samples) = n_samples else { return };
        let n_rows = |tap: &TapWorker| {
            let seam = Seam::new(info.sample_rate, tap.sample_rate, self.quality);
            tap.plan.n_windows(seam.outputs(n_samples))
        };
        job.places.expect(|| self.taps.iter().map(n_rows).collect());
    }

    fn may_leave_out(&self) -> bool {
        self.taps.iter().all(|tap| may_leave_out(&tap.plan, tap.sample_rate))
    }

    fn plan(&self, info: &TrackInfo, n_samples: u64) -> Plan {
        let mut plan = Plan::through(Some(n_samples));
        if n_samples > 0 && self.may_leave_out() {
            let needs = self.taps.iter().map(|tap| (&tap.plan, tap.sample_rate));
            let seam = |to_hz| Seam::new(info.sample_rate, to_hz, self.quality);
            let needs: Vec<_> = needs.map(|(plan, to_hz)| (plan, seam(to_hz))).collect();
            plan.segments = segments(&needs, n_samples, info.sample_rate);
        }
        plan
    }

    /// Windows that depend on the length are placed by the container's count. Where there is none,
    /// or it proves wrong, the track is decoded once more for them; the others do not wait.
    fn run_by_promise(
        &mut self,
        source: &Source,
        opened: Opened,
        job: &mut Job<'_>,
    ) -> Result<Outcome> {
        let promised = opened.decoder.info().n_samples;
        // However often it is decoded, it is one track, with the time of one.
        let guard = opened.guard.clone();
        let n_samples = if promised.is_none() && self.taps.iter().all(TapWorker::needs_length) {
            count(opened.decoder)?
        } else {
            let mut kept = Kept::new();
            let (outcome, n_decoded) = self.pass_keeping(opened, promised, &mut kept, job)?;
            if promised == Some(n_decoded)
                && let Some(rows) = kept.rows
            {
                rows.into_iter().try_for_each(&mut *job.send)?;
                return Ok(outcome);
            }
            n_decoded
        };
        let plan =
            Plan { to_the_end: true, by_length_only: true, ..Plan::through(Some(n_samples)) };
        let (outcome, n_decoded) = self.pass(job.open(source, guard)?, &plan, job)?;
        if n_decoded == n_samples { Ok(outcome) } else { Err(Error::Changed) }
    }

    /// A pass over the whole track that keeps the rows placed by its length and sends the others.
    fn pass_keeping(
        &mut self,
        opened: Opened,
        n_samples: Option<u64>,
        kept: &mut Kept,
        job: &mut Job<'_>,
    ) -> Result<(Outcome, u64)> {
        let by_length: Vec<bool> = self.taps.iter().map(TapWorker::needs_length).collect();
        let mut send = |row: Row| {
            if by_length[row.tap] {
                kept.add(row);
                return Ok(());
            }
            (job.send)(row)
        };
        let mut job = Job {
            limits: job.limits,
            stats: job.stats,
            cancelled: job.cancelled,
            send: &mut send,
            places: job.places,
            info: &mut *job.info,
        };
        let plan = Plan { to_the_end: true, ..Plan::through(n_samples) };
        self.pass(opened, &plan, &mut job)
    }

    /// Decodes the track's segments; returns its outcome and how many samples were decoded.
    fn pass(
        &mut self,
        mut opened: Opened,
        plan: &Plan,
        job: &mut Job<'_>,
    ) -> Result<(Outcome, u64)> {
        let mut routes = self.routes(opened.decoder.info().sample_rate, plan)?;
        let mut segments = plan.segments.iter().cloned().peekable();
        let mut ended = false;
        while !ended && let Some(mut segment) = segments.next() {
            let started = Instant::now();
            opened.decoder.seek(segment.start)?;
            job.stats.decode(started.elapsed());
            routes.jump(&self.taps, &self.rates, segment.start);
            while !ended && (plan.to_the_end || !routes.is_done()) {
                let position = opened.decoder.position();
                // A long block may reach into the next segment: then they are one.
                while let Some(next) = segments.next_if(|next| next.start < position) {
                    segment.end = next.end;
                }
                if position >= segment.end {
                    break;
                }
                ended = !self.feed_block(&mut opened, &mut routes, job)?;
            }
            let started = Instant::now();
            self.finish_segment(&mut routes, ended, &opened.guard, job)?;
            job.stats.front_end(started.elapsed());
        }
        let decoder = opened.decoder;
        let n_decoded = decoder.n_decoded();
        *job.info = Some(decoder.measured_info());
        // Where it stops, every window is there: nothing need be known of the rest, or it is known.
        let outcome = if ended { decoder.finish()? } else { decoder.stop()? };
        Ok((outcome, n_decoded))
    }

    /// Decodes a block and sends it on; `false` at the end of the track.
    fn feed_block(
        &mut self,
        opened: &mut Opened,
        routes: &mut Routes,
        job: &mut Job<'_>,
    ) -> Result<bool> {
        let started = Instant::now();
        let block = opened.decoder.next_block()?;
        let decoded = Instant::now();
        job.stats.decode(decoded - started);
        let Some(block) = block else { return Ok(false) };
        downmix(block, &mut self.mono);
        self.feed(routes, &opened.guard, job)?;
        job.stats.front_end(decoded.elapsed());
        Ok(true)
    }

    fn routes(&self, from_hz: u32, plan: &Plan) -> Result<Routes> {
        let fan = Fan::new(from_hz, &self.rates, self.quality)?;
        let seam = |to_hz: u32| Seam::new(from_hz, to_hz, self.quality);
        let seams = self.rates.iter().map(|&to_hz| seam(to_hz)).collect();
        let cutter = |tap: &TapWorker| {
            let n_samples = plan.n_samples.map(|n| seam(tap.sample_rate).outputs(n));
            let takes_part = !plan.by_length_only || tap.needs_length();
            takes_part.then(|| Cutter::new(tap.plan, n_samples))
        };
        Ok(Routes { seams, fan, cutters: self.taps.iter().map(cutter).collect() })
    }

    /// Sends `self.mono` through every rate to every tap.
    fn feed(&mut self, routes: &mut Routes, guard: &Guard, job: &mut Job<'_>) -> Result<()> {
        self.converted.iter_mut().for_each(Vec::clear);
        routes.fan.process(&self.mono, &mut self.converted);
        self.cut(routes, false, guard, job)
    }

    /// What the resamplers hold back; with `end`, which is the track's, incomplete windows too.
    fn finish_segment(
        &mut self,
        routes: &mut Routes,
        end: bool,
        guard: &Guard,
        job: &mut Job<'_>,
    ) -> Result<()> {
        self.converted.iter_mut().for_each(Vec::clear);
        routes.fan.finish(&mut self.converted);
        self.cut(routes, end, guard, job)
    }

    /// Cuts windows out of what is at hand.
    fn cut(
        &mut self,
        routes: &mut Routes,
        end: bool,
        guard: &Guard,
        job: &mut Job<'_>,
    ) -> Result<()> {
        for (&rate, samples) in self.rates.iter().zip(&self.converted) {
            let taps = self.taps.iter_mut().zip(&mut routes.cutters);
            for (tap, cutter) in taps.filter(|(tap, _)| tap.sample_rate == rate) {
                let Some(cutter) = cutter else { continue };
                let mut take = |cut: Cut<'_>| {
                    let row = guard.excuse(|| tap.rows.make(cut, job.places))?;
                    (job.send)(row)
                };
                cutter.push(samples, &mut take)?;
                if end {
                    cutter.finish(&mut take)?;
                }
            }
        }
        Ok(())
    }
}

impl Routes {
    /// Whether every window is there.
    fn is_done(&self) -> bool {
        self.cutters.iter().flatten().all(Cutter::is_done)
    }

    /// The next sample that comes is number `sample` of the track.
    fn jump(&mut self, taps: &[TapWorker], rates: &[u32], sample: u64) {
        self.fan.reset();
        for (tap, cutter) in taps.iter().zip(&mut self.cutters) {
            let Some(cutter) = cutter else { continue };
            let rates = rates.iter().zip(&self.seams);
            for (_, seam) in rates.filter(|(rate, _)| **rate == tap.sample_rate) {
                cutter.jump(seam.outputs(sample));
            }
        }
    }
}

/// Decodes a track only to learn how long it is.
fn count(mut decoder: Decoder) -> Result<u64> {
    while decoder.next_block()?.is_some() {}
    Ok(decoder.n_decoded())
}
