//! Medians over rounds, as tables in Markdown.

use super::rows::Row;
use std::collections::BTreeMap;

/// One run of one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// Microseconds of CPU time of a request.
    pub(super) cpu: f64,
    pub(super) per_second: f64,
    /// Microseconds that half, 99 % and 99.9 % of the requests took at most.
    pub(super) percentiles: [f64; 3],
    pub(super) resident_kib: f64,
    pub(super) failed: u64,
}

/// By row, one for each round.
pub(super) type Rounds = BTreeMap<&'static str, Vec<Measured>>;

/// The rows that were measured. `over`: with a column for what a row takes more than its proxy takes for nothing.
pub(super) fn table(rows: &[Row], rounds: &Rounds, over: bool) -> String {
    if !rows.iter().any(|row| rounds.contains_key(row.name)) {
        return String::new();
    }
    let over_head = if over { " over its bare proxy |" } else { "" };
    let mut table = format!(
        "| row | proxy | µs CPU per request | least–most | beside nginx |{over_head} requests/s | p50 | p99 | p99.9 | MiB |\n\
         | --- | --- | --- | --- | --- |{} --- | --- | --- | --- | --- |\n",
        if over { " --- |" } else { "" },
    );
    for row in rows {
        let Some(own) = rounds.get(row.name) else {
            continue;
        };
        let cpu = |measured: &Measured| measured.cpu;
        let least = own.iter().map(cpu).fold(f64::INFINITY, f64::min);
        let most = own.iter().map(cpu).fold(0.0, f64::max);
        let times = rounds.get(row.beside).map(|peer| pairwise(own, peer, |own, peer| own.cpu / peer.cpu));
        let times = times.map_or("–".to_owned(), |times| format!("{times:.1}"));
        let [median, p99, p999] = [0, 1, 2].map(|at| micros(middle(own.iter().map(|one| one.percentiles[at]))));
        let failed = own.iter().map(|one| one.failed).sum::<u64>();
        let failed = if failed == 0 { String::new() } else { format!(" ({failed} requests failed)") };
        table += &format!(
            "| `{}` | {}{failed} | {:.1} | {least:.1}–{most:.1} | {times} |",
            row.name,
            row.what,
            middle(own.iter().map(cpu))
        );
        if over {
            let bare = row.bare().and_then(|bare| rounds.get(bare));
            let more = bare.map(|bare| format!("{:.1}", pairwise(own, bare, |own, bare| own.cpu - bare.cpu)));
            table += &format!(" {} |", more.unwrap_or_default());
        }
        let per_second = middle(own.iter().map(|one| one.per_second));
        let resident = middle(own.iter().map(|one| one.resident_kib)) / 1024.0;
        table += &format!(" {per_second:.0} | {median} | {p99} | {p999} | {resident:.0} |\n");
    }
    table
}

/// The median over rounds of what two rows are to one another within a round: what disturbs one disturbs the other.
fn pairwise(one: &[Measured], other: &[Measured], relation: impl Fn(&Measured, &Measured) -> f64) -> f64 {
    middle(one.iter().zip(other).map(|(one, other)| relation(one, other)))
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

/// A time as one says it.
pub(super) fn micros(micros: f64) -> String {
    match micros {
        ..1000.0 => format!("{micros:.0} µs"),
        1000.0..10_000.0 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.0} ms", micros / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::POLICIES;
    use super::*;

    fn measured(cpu: f64) -> Measured {
        Measured { cpu, per_second: 1e6 / cpu, percentiles: [500.0, 1500.0, 15_000.0], resident_kib: 2048.0, failed: 0 }
    }

    #[test]
    fn ratios_are_taken_within_rounds_and_their_median_is_shown() {
        let rounds = Rounds::from([
            ("nginx", vec![measured(10.0), measured(20.0), measured(16.0)]),
            ("none", vec![measured(20.0), measured(40.0), measured(64.0)]),
        ]);
        let table = table(POLICIES, &rounds, true);
        let line = table.lines().find(|line| line.starts_with("| `none`")).unwrap();
        assert!(line.contains("| 40.0 | 20.0–64.0 | 2.0 |  | 25000 | 500 µs | 1.5 ms | 15 ms | 2 |"), "{line}");
    }

    #[test]
    fn rows_that_were_not_measured_are_left_out_and_failures_are_told() {
        let rounds = Rounds::from([("warm-1", vec![Measured { failed: 7, ..measured(30.0) }])]);
        let table = table(POLICIES, &rounds, false);
        assert_eq!(table.lines().count(), 3);
        assert!(table.contains("(7 requests failed)"), "{table}");
    }
}
