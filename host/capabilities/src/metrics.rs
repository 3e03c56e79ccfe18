//! `tollgate:metrics/metrics`: series that policies own, capped per component.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tollgate_bindings::metrics::metrics::{Host, Label, MetricError};
use wasmtime::Result;

use crate::session::Session;

/// Series that one component may own.
const MAX_SERIES: usize = 100;
const MAX_LABELS: usize = 10;
const MAX_NAME_BYTES: usize = 64;
const MAX_VALUE_BYTES: usize = 128;

/// One series: metric name and labels, in Prometheus' text form.
type SeriesName = (String, String);

/// The series of all components.
#[derive(Debug, Default)]
pub struct MetricStore {
    components: Mutex<BTreeMap<String, BTreeMap<SeriesName, f64>>>,
}

impl MetricStore {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<SeriesName, f64>>> {
        self.components.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, component: &str, series: SeriesName, value: f64) -> std::result::Result<(), MetricError> {
        let mut components = self.lock();
        let owned = components.entry(component.to_owned()).or_default();
        if owned.len() >= MAX_SERIES && !owned.contains_key(&series) {
            return Err(MetricError::TooManySeries);
        }
        *owned.entry(series).or_insert(0.0) += value;
        Ok(())
    }

    /// Every series in Prometheus' text format, grouped by metric as the format asks.
    pub fn write(&self, out: &mut String) {
        let mut by_metric: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (component, owned) in self.lock().iter() {
            for ((name, labels), value) in owned {
                let line = format!("tollgate_policy_{name}_total{{component=\"{component}\"{labels}}} {value}\n");
                by_metric.entry(name.clone()).or_default().push(line);
            }
        }
        for (name, lines) in by_metric {
            // Writing to a String can't fail.
            let _ = writeln!(out, "# TYPE tollgate_policy_{name}_total counter");
            out.extend(lines);
        }
    }
}

/// What the gateway itself tells of every statement under names of the same form.
const TAKEN: [&str; 6] = ["calls", "failures", "fuel", "host_calls", "seconds", "verdicts"];

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && text.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

/// Labels in Prometheus' text form, each with a leading comma; or why they are none.
fn written_labels(labels: &[Label]) -> std::result::Result<String, String> {
    if labels.len() > MAX_LABELS {
        return Err(format!("{} labels; at most {MAX_LABELS} are taken", labels.len()));
    }
    let mut out = String::new();
    for (at, label) in labels.iter().enumerate() {
        if !is_name(&label.name) || label.name == "component" || labels[..at].iter().any(|l| l.name == label.name) {
            return Err(format!("{:?} is no free label name", label.name));
        }
        if label.value.len() > MAX_VALUE_BYTES {
            return Err(format!("the value of label {:?} is longer than {MAX_VALUE_BYTES} bytes", label.name));
        }
        let value = label.value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        out.push_str(&format!(",{}=\"{value}\"", label.name));
    }
    Ok(out)
}

impl Host for Session {
    fn count(&mut self, name: String, value: f64, labels: Vec<Label>) -> Result<std::result::Result<(), MetricError>> {
        self.enter()?;
        if !is_name(&name) || TAKEN.contains(&name.as_str()) {
            return Ok(Err(MetricError::Invalid(format!("{name:?} is no metric name"))));
        }
        if !value.is_finite() || value < 0.0 {
            return Ok(Err(MetricError::Invalid("a counter takes no negative or infinite value".into())));
        }
        let labels = match written_labels(&labels) {
            Ok(labels) => labels,
            Err(problem) => return Ok(Err(MetricError::Invalid(problem))),
        };
        let component = &self.identity()?.name;
        Ok(self.services.metrics.count(component, (name, labels), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_grouped_and_capped() {
        let store = MetricStore::default();
        let series = |n: usize| ("seen".to_owned(), format!(",n=\"{n}\""));
        for n in 0..MAX_SERIES {
            assert!(store.count("a", series(n), 1.0).is_ok());
        }
        assert!(store.count("a", series(0), 0.5).is_ok());
        assert!(matches!(store.count("a", series(MAX_SERIES), 1.0), Err(MetricError::TooManySeries)));
        assert!(store.count("b", series(0), 1.0).is_ok());
        let mut page = String::new();
        store.write(&mut page);
        assert_eq!(page.matches("# TYPE").count(), 1);
        assert!(page.contains("tollgate_policy_seen_total{component=\"a\",n=\"0\"} 1.5\n"));
    }

    #[test]
    fn hostile_labels_are_escaped_or_refused() {
        let label = |name: &str, value: &str| Label { name: name.into(), value: value.into() };
        assert_eq!(written_labels(&[label("a", "x\"\\\n")]).unwrap(), ",a=\"x\\\"\\\\\\n\"");
        assert!(written_labels(&[label("A", "")]).is_err());
        assert!(written_labels(&[label("a", ""), label("a", "")]).is_err());
        assert!(written_labels(&[label("component", "")]).is_err());
    }
}
