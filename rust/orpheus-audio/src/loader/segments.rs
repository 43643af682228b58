//! Which stretches of a track have to be decoded for the windows of all taps.

use std::ops::Range;

use crate::resample::seam::{Seam, common_stride};
use crate::window::{WindowPlan, merged};

/// A tap's windows, and the way from the track's rate to its own.
pub(crate) type Need<'a> = (&'a WindowPlan, Seam);

/// From this share of a track on, decoding all of it costs no more than passing over the rest.
const WORTHWHILE_SHARE: f64 = 0.7;

/// Seconds between two stretches that are decoded sooner than passed over: frames to warm up a decoder
/// and samples to fill the resamplers.
const GAP_SECONDS: f64 = 0.5;

/// Whether windows may leave out so much that it pays to pass over it.
pub(crate) fn may_leave_out(plan: &WindowPlan, sample_rate: u32) -> bool {
    plan.leaves_gaps(gap(sample_rate))
}

fn gap(sample_rate: u32) -> u64 {
    (GAP_SECONDS * f64::from(sample_rate)) as u64
}

/// The stretches of a track of `n_samples` at `sample_rate` to decode, each from an input on that
/// coincides with an output of every rate. One that reaches the end of the track has no end.
pub(crate) fn segments(needs: &[Need<'_>], n_samples: u64, sample_rate: u32) -> Vec<Range<u64>> {
    let gap = gap(sample_rate);
    let stride = common_stride(needs.iter().map(|(_, seam)| seam));
    let mut stretches = Vec::new();
    for (plan, seam) in needs {
        let spans = plan.spans(seam.outputs(n_samples), seam.outputs(gap));
        stretches.extend(spans.iter().map(|span| {
            let inputs = seam.inputs(span);
            inputs.start / stride * stride..inputs.end
        }));
    }
    stretches.sort_unstable_by_key(|stretch| stretch.start);
    let mut segments = merged(stretches, gap);
    let n_covered: u64 =
        segments.iter().map(|segment| segment.end.min(n_samples) - segment.start).sum();
    if n_covered as f64 > WORTHWHILE_SHARE * n_samples as f64 {
        let end = segments.last().map_or(0, |last| last.end);
        segments = vec![0..end];
    }
    if let Some(last) = segments.last_mut().filter(|last| last.end >= n_samples) {
        last.end = u64::MAX;
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::Quality;
    use crate::window::{Placement, WindowPolicy};

    fn plan(placement: Placement, max_windows: Option<usize>) -> WindowPlan {
        let (window_seconds, hop_seconds, pad_threshold) = (10.0, 60.0, 0.5);
        WindowPolicy { placement, window_seconds, hop_seconds, pad_threshold, max_windows }
            .at(48_000)
            .unwrap()
    }

    fn segments_of(plans: &[WindowPlan], seconds: u64) -> Vec<Range<u64>> {
        let seam = Seam::new(44_100, 48_000, Quality::High);
        let needs: Vec<Need<'_>> = plans.iter().map(|plan| (plan, seam)).collect();
        segments(&needs, seconds * 44_100, 44_100)
    }

    #[test]
    fn each_window_is_a_segment_with_what_its_filter_reaches() {
        let segments = segments_of(&[plan(Placement::Evenly, Some(3))], 240);
        assert_eq!(segments.len(), 3);
        assert_eq!(segments[2].end, u64::MAX);
        assert_eq!(segments[0].start, 0);
        let middle = &segments[1];
        assert!(middle.start.is_multiple_of(147) && middle.start < 115 * 44_100);
        assert!(middle.end > 125 * 44_100 && middle.end - middle.start < 443_000, "{middle:?}");
    }

    #[test]
    fn windows_of_several_taps_that_overlap_are_decoded_once() {
        let taps = [plan(Placement::Evenly, Some(3)), plan(Placement::Center, None)];
        assert_eq!(segments_of(&taps, 240).len(), 3);
    }

    #[test]
    fn most_of_a_track_is_decoded_straight_through() {
        assert_eq!(segments_of(&[plan(Placement::Evenly, Some(3))], 40), vec![0..u64::MAX]);
        let first = segments_of(&[plan(Placement::Every, Some(1))], 12);
        assert_eq!(first.len(), 1);
        assert!(first[0].start == 0 && first[0].end < 11 * 44_100);
    }
}
