//! Placeholder until the resampler lands (same API).
use crate::error::Result;
/// Quality.
#[derive(Debug, Clone, Copy, Default)]
pub enum Quality {
    /// High
    #[default]
    High,
    /// Best
    Best,
}
/// Pass through.
#[derive(Debug)]
pub struct Resampler;
impl Resampler {
    /// new
    pub fn new(_from_hz: u32, _to_hz: u32, _quality: Quality) -> Result<Self> {
        Ok(Self)
    }
    /// process
    pub fn process(&mut self, input: &[f32], output: &mut Vec<f32>) {
        output.extend_from_slice(input);
    }
    /// finish
    pub fn finish(&mut self, _output: &mut Vec<f32>) {}
}
/// resample
pub fn resample(samples: &[f32], _f: u32, _t: u32, _q: Quality) -> Result<Vec<f32>> {
    Ok(samples.to_vec())
}
