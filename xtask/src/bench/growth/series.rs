//! What something costs at several sizes, and whether it grows faster than the size does.

/// One more may cost so many times what one more cost before: caches and hash tables have their steps.
const STEEPER: f64 = 1.5;

/// Measurements lie so far apart from run to run, as a share of the whole.
const NOISE: f64 = 0.1;

pub(super) struct Series {
    /// What grows.
    pub(super) subject: &'static str,
    /// What is measured, with its unit.
    pub(super) cost: &'static str,
    /// Sizes, ascending, with what each cost.
    pub(super) points: Vec<(u64, f64)>,
}

impl Series {
    /// What one more costs, from each size to the next.
    fn slopes(&self) -> impl Iterator<Item = f64> {
        self.points.windows(2).filter_map(|pair| match pair {
            &[(size, cost), (next, higher)] => Some((higher - cost) / (next - size) as f64),
            _ => None,
        })
    }

    /// The first size up to which cost grew faster than in proportion, noise left aside.
    fn worse_than_linear(&self) -> Option<u64> {
        self.points.windows(3).find_map(|three| match three {
            &[(first, low), (size, cost), (next, high)] => {
                let before = (cost - low).max(0.0) + NOISE * cost;
                let expected = STEEPER * before / (size - first) as f64;
                let above = high - cost - expected * (next - size) as f64;
                (above > NOISE * high).then_some(next)
            }
            _ => None,
        })
    }

    /// In one line.
    pub(super) fn steepness(&self) -> String {
        match self.worse_than_linear() {
            Some(size) => format!("{} worse than linear up to {size}", self.subject),
            None => format!("{}: not worse than linear", self.subject),
        }
    }

    /// In Markdown, a column for each size.
    pub(super) fn table(&self) -> String {
        let line = |head: &str, cells: Vec<String>| format!("| {head} | {} |\n", cells.join(" | "));
        let sizes = self.points.iter().map(|(size, _)| grouped(*size)).collect();
        let costs = self.points.iter().map(|(_, cost)| rounded(*cost)).collect();
        let slopes = ["".to_owned()].into_iter().chain(self.slopes().map(rounded)).collect();
        let worse = self.worse_than_linear().map(|size| format!(", **worse than linear** up to {}", grouped(size)));
        line(self.subject, sizes)
            + &line("---", vec!["---".to_owned(); self.points.len()])
            + &line(self.cost, costs)
            + &line(&format!("for each one more{}", worse.unwrap_or_default()), slopes)
    }
}

/// Three digits, of numbers that have fewer before the point; never an exponent.
fn rounded(number: f64) -> String {
    match number.abs() {
        100.0.. => grouped_signed(number.round() as i64),
        10.0.. => format!("{number:.1}"),
        0.1.. => format!("{number:.2}"),
        0.00005.. => format!("{number:.4}"),
        _ => "0".to_owned(),
    }
}

fn grouped_signed(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    sign.to_owned() + &grouped(number.unsigned_abs())
}

/// With commas: 1,000,000.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(u64, f64)]) -> Series {
        Series { subject: "things", cost: "µs", points: points.to_vec() }
    }

    #[test]
    fn a_line_isn_t_worse_than_linear_and_a_parabola_is() {
        let of = |cost: fn(f64) -> f64| series(&[1, 10, 100, 1000].map(|size| (size, cost(size as f64))));
        assert_eq!(of(|size| 50.0 + 2.0 * size).worse_than_linear(), None);
        assert_eq!(of(|size| 50.0 + size.log2()).worse_than_linear(), None);
        assert_eq!(of(|size| 50.0 + size * size).worse_than_linear(), Some(100));
    }

    #[test]
    fn what_could_be_noise_isn_t_growth() {
        assert_eq!(series(&[(1, 100.0), (2, 100.0), (3, 124.0)]).worse_than_linear(), None);
        assert_eq!(series(&[(1, 100.0), (2, 100.0), (3, 140.0)]).worse_than_linear(), Some(3));
        assert_eq!(series(&[(1, 77.0), (10, 25.0), (100, 27.0), (1000, 50.0)]).worse_than_linear(), None);
    }

    #[test]
    fn a_table_has_a_column_for_each_size_and_what_one_more_costs() {
        assert_eq!(
            series(&[(1, 100.0), (1001, 2345.6)]).table(),
            "| things | 1 | 1,001 |\n| --- | --- | --- |\n| µs | 100 | 2,346 |\n| for each one more |  | 2.25 |\n"
        );
    }
}
