//! Blocks that come later than those before them last: something between them is missing.

use super::super::WOBBLE;
use super::super::durations::Durations;
use super::track::nanoseconds_to_samples;
use super::{Found, MISSING};

/// A hole in a stream of Vorbis. The first block behind it completes nothing: only the next one's time
/// tells how much is missing.
pub(super) struct Torn {
    n_lost: u64,
    /// Size of the block before the hole.
    before: Option<u64>,
    /// Packets before the hole.
    n_packets: usize,
}

/// Notes what is missing in front of a block of so many ticks; `hole` is whether something must be.
pub(super) fn note(found: &mut Found, ticks: u64, nanoseconds_per_tick: u64, hole: &mut bool) {
    let rate = found.rate();
    let nanoseconds = ticks.saturating_mul(nanoseconds_per_tick);
    let first = *found.first_time.get_or_insert(nanoseconds);
    let due = nanoseconds_to_samples(nanoseconds.saturating_sub(first), rate);
    // Times are rounded.
    let rounding = nanoseconds_to_samples(nanoseconds_per_tick, rate).saturating_add(rate / 250);
    settle(found, due, rounding);
    let gap = due.saturating_sub(found.entries.end());
    if gap <= tolerance(&found.durations, rounding) && !*hole {
        return;
    }
    *hole = false;
    let n_lost = if gap > rate / 250 { whole_packets(found, gap, rounding) } else { 0 };
    if let Durations::Vorbis(blocks) = &found.durations {
        let n_packets = found.entries.len();
        found.torn = Some(Torn { n_lost, before: blocks.previous(), n_packets });
    }
    found.durations.after_hole();
    found.entries.push_hole(n_lost, MISSING);
}

fn last_duration(found: &Found) -> u64 {
    found.entries.last().map_or(0, |entry| u64::from(entry.n_samples))
}

/// How far a block may come too late without anything missing.
fn tolerance(durations: &Durations, rounding: u64) -> u64 {
    match durations {
        Durations::Flac | Durations::Alac { .. } | Durations::Pcm(_) => rounding,
        Durations::Unknown => u64::MAX,
        _ => WOBBLE.max(rounding),
    }
}

/// The gap without its rounding, where packets as long as the last one fill it.
fn whole_packets(found: &Found, gap: u64, rounding: u64) -> u64 {
    if matches!(found.durations, Durations::Vorbis(_) | Durations::Pcm(_)) {
        return gap;
    }
    let one = last_duration(found).max(1);
    let whole = gap.saturating_add(one / 2) / one * one;
    if whole.abs_diff(gap) <= rounding { whole } else { gap }
}

/// Makes the last hole as long as the time of the second block behind it says.
fn settle(found: &mut Found, due: u64, rounding: u64) {
    let (Some(torn), Durations::Vorbis(blocks)) = (found.torn.take(), &found.durations) else {
        return;
    };
    let end = found.entries.end().saturating_sub(torn.n_lost);
    let n_lost = due.saturating_sub(end);
    let is_second = found.entries.len() == torn.n_packets + 1;
    let exact = torn.before.filter(|_| is_second);
    let exact = exact.and_then(|before| blocks.behind_lost(before, n_lost, rounding));
    found.entries.set_last_hole(exact.unwrap_or(n_lost));
}
