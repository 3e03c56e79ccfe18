//! The page of numbers as metrics of OTLP.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{attribute, nanos, scope};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u64 = 2;

/// The body of a request to `/v1/metrics`. `page` is Prometheus' text format as the gateway writes it: counters, which
/// began at `began`, and gauges, each behind its `# TYPE`.
pub(super) fn request(page: &str, resource: &Value, began: SystemTime, now: SystemTime) -> Value {
    let (began, now) = (nanos(began), nanos(now));
    let mut metrics: Vec<Metric<'_>> = Vec::new();
    let mut help = None;
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let help = help.take().filter(|(of, _)| *of == name).map_or("", |(_, help)| help);
            metrics.push(Metric { name, help, is_counter: kind == "counter", points: Vec::new() });
        } else if let Some((name, labels, value)) = sample(line)
            && let Some(metric) = metrics.iter_mut().rfind(|metric| metric.name == name)
        {
            let mut point = json!({ "attributes": labels, "timeUnixNano": now, "asDouble": value });
            if metric.is_counter {
                point["startTimeUnixNano"] = began.as_str().into();
            }
            metric.points.push(point);
        }
    }
    let metrics: Vec<Value> =
        metrics.into_iter().filter(|metric| !metric.points.is_empty()).map(Metric::json).collect();
    json!({ "resourceMetrics": [ { "resource": resource, "scopeMetrics": [ { "scope": scope(), "metrics": metrics } ] } ] })
}

struct Metric<'p> {
    name: &'p str,
    help: &'p str,
    is_counter: bool,
    points: Vec<Value>,
}

impl Metric<'_> {
    fn json(self) -> Value {
        let Metric { name, help, is_counter, points } = self;
        let mut metric = json!({ "name": name, "description": help });
        if is_counter {
            metric["sum"] = json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true });
        } else {
            metric["gauge"] = json!({ "dataPoints": points });
        }
        metric
    }
}

/// Name, labels and value of a line.
fn sample(line: &str) -> Option<(&str, Vec<Value>, f64)> {
    let (head, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, rest)) = head.split_once('{') else { return Some((head, Vec::new(), value)) };
    let mut rest = rest.strip_suffix('}')?;
    let mut labels = Vec::new();
    while let Some((key, after)) = rest.split_once("=\"") {
        let (text, after) = quoted(after)?;
        labels.push(attribute(key, &text));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some((name, labels, value))
}

/// A label's value up to its quote, and what stands behind that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn counters_and_gauges_become_sums_and_gauges_with_their_labels() {
        let page = "# HELP a_total All of them.\n# TYPE a_total counter\na_total{x=\"1\",y=\"a \\\"b\\\\\\n}\"} 7\na_total 0.5\n\
                    # TYPE b gauge\nb 3\n# HELP c Nothing.\n# TYPE c counter\n";
        let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        let request = request(page, &json!({}), at(1), at(2));
        let metrics = request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].clone();
        let labels = json!([attribute("x", "1"), attribute("y", "a \"b\\\n}")]);
        let (began, now) = ("1000000000", "2000000000");
        assert_eq!(
            metrics,
            json!([
                { "name": "a_total", "description": "All of them.", "sum": { "aggregationTemporality": 2, "isMonotonic": true,
                    "dataPoints": [
                        { "attributes": labels, "timeUnixNano": now, "startTimeUnixNano": began, "asDouble": 7.0 },
                        { "attributes": [], "timeUnixNano": now, "startTimeUnixNano": began, "asDouble": 0.5 },
                    ] } },
                { "name": "b", "description": "", "gauge": { "dataPoints": [
                    { "attributes": [], "timeUnixNano": now, "asDouble": 3.0 } ] } },
            ])
        );
    }
}
