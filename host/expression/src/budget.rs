//! What is left of what an evaluation may cost.

use crate::error::EvaluationError;
use crate::limits::{MAX_BYTES, MAX_STEPS};

/// Bytes that are looked at or copied in about the time of a step.
const BYTES_PER_STEP: usize = 1024;

/// Steps and bytes that are left.
#[derive(Debug)]
pub(crate) struct Budget {
    steps: u32,
    bytes: usize,
}

impl Budget {
    /// All that one evaluation may cost.
    pub(crate) fn new() -> Budget {
        Budget { steps: MAX_STEPS, bytes: MAX_BYTES }
    }

    /// What working out a constant while compiling may cost.
    pub(crate) fn of_a_constant() -> Budget {
        Budget { steps: 1_000, bytes: 16 << 10 }
    }

    pub(crate) fn step(&mut self) -> Result<(), EvaluationError> {
        self.steps(1)
    }

    pub(crate) fn steps(&mut self, steps: usize) -> Result<(), EvaluationError> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.steps = self.steps.checked_sub(steps).ok_or(EvaluationError::TooManySteps)?;
        Ok(())
    }

    /// Reads so many bytes, fast: a comparison, a search, a copy.
    pub(crate) fn work(&mut self, bytes: usize) -> Result<(), EvaluationError> {
        if bytes < BYTES_PER_STEP { Ok(()) } else { self.steps(bytes / BYTES_PER_STEP) }
    }

    /// Reads so many bytes with some thought for each: a regular expression, JSON, a digest.
    pub(crate) fn hard_work(&mut self, bytes: usize) -> Result<(), EvaluationError> {
        self.work(bytes.saturating_mul(8))
    }

    /// How many bytes may still be produced.
    pub(crate) fn bytes_left(&self) -> usize {
        self.bytes
    }

    /// Produces so many bytes.
    pub(crate) fn produce(&mut self, bytes: usize) -> Result<(), EvaluationError> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(EvaluationError::TooManyBytes)?;
        self.work(bytes)
    }

    /// Produces a list or map of so many values.
    pub(crate) fn produce_values(&mut self, values: usize) -> Result<(), EvaluationError> {
        self.produce(values.saturating_mul(std::mem::size_of::<crate::value::Value>()))
    }
}
