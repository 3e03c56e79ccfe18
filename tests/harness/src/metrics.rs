//! The gateway's `/metrics` page, read.

/// A page of metrics in Prometheus' text format.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub text: String,
}

impl Metrics {
    /// The sum of all series with this name and at least these labels; 0 if there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.series()
            .filter(|(found, has, _)| {
                *found == name && labels.iter().all(|(key, value)| has.contains(&(key.to_string(), value.to_string())))
            })
            .map(|(_, _, value)| value)
            .sum()
    }

    /// Is there a series with this name?
    pub fn has(&self, name: &str) -> bool {
        self.series().any(|(found, ..)| found == name)
    }

    fn series(&self) -> impl Iterator<Item = (&str, Vec<(String, String)>, f64)> {
        self.text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let end = line.find(['{', ' '])?;
            let (name, rest) = line.split_at(end);
            let (labels, rest) = match rest.strip_prefix('{') {
                Some(rest) => labels(rest)?,
                None => (Vec::new(), rest),
            };
            let value = rest.split_whitespace().next()?.parse().ok()?;
            Some((name, labels, value))
        })
    }
}

/// `a="b",c="d"} 1` to its labels and what follows the brace.
fn labels(mut text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        text = text.trim_start_matches(',');
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = rest.char_indices();
        loop {
            match characters.next()? {
                (_, '\\') => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (end, '"') => {
                    text = &rest[end + 1..];
                    break;
                }
                (_, other) => value.push(other),
            }
        }
        labels.push((name.to_owned(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_by_name_and_some_labels() {
        let metrics = Metrics {
            text: "# HELP a b\na{x=\"1\",y=\"},\\\"q\"} 2\na{x=\"1\",y=\"z\"} 3 1700000000\na{x=\"2\"} 10\nb 4.5\n"
                .to_owned(),
        };
        assert_eq!(metrics.sum("a", &[("x", "1")]), 5.0);
        assert_eq!(metrics.sum("a", &[("y", "},\"q")]), 2.0);
        assert_eq!(metrics.sum("a", &[]), 15.0);
        assert_eq!(metrics.sum("b", &[]), 4.5);
        assert_eq!(metrics.sum("c", &[]), 0.0);
        assert!(metrics.has("b") && !metrics.has("c"));
    }
}
