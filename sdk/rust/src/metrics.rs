//! Numbers on the gateway's `/metrics` page, beside the ones that every statement gets for nothing.
//!
//! Needs the grant `metrics`.

use crate::bindings::imports::tollgate::metrics::metrics as wit;
use crate::host::metrics as host;
use crate::verdict::Verdict;

pub use wit::{Label, MetricError};

/// Add to a counter. It appears as `tollgate_policy_<name>_total` with the label `component`.
pub fn count(name: &str, value: f64, labels: &[(&str, &str)]) -> Result<(), MetricError> {
    let labels: Vec<Label> =
        labels.iter().map(|&(name, value)| Label { name: name.into(), value: value.into() }).collect();
    host::count(name, value, &labels)
}

impl From<MetricError> for Verdict {
    fn from(error: MetricError) -> Self {
        Verdict::Fail(format!("a metric was refused: {error:?}"))
    }
}
