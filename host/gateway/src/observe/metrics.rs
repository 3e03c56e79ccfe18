//! The page of numbers: Prometheus' text format, added up from all workers when it is asked for.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use tollgate_core::fault::FaultKind;
use tollgate_core::place::Phase;
use tollgate_core::verdict::Verdict;
use tollgate_runtime::{LookedUp, QuotaHealth, Runtime, Statement, Totals};

use crate::overload::Overload;
use crate::plan::Plan;
use crate::retry_budget::RetryBudget;

/// What workers count of requests: a row for each, so that nobody waits for anybody.
#[derive(Debug)]
pub(crate) struct Traffic {
    workers: Box<[Row]>,
}

/// Rows of different workers don't share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Row {
    /// By the first digit of the status.
    by_class: [AtomicU64; 6],
    micros: AtomicU64,
    cache_hits: AtomicU64,
    cache_misses: AtomicU64,
}

impl Traffic {
    /// Nothing yet.
    pub(crate) fn new(workers: usize) -> Traffic {
        Traffic { workers: (0..workers.max(1)).map(|_| Row::default()).collect() }
    }

    /// Count a response of `worker`.
    pub(crate) fn count(&self, worker: usize, status: StatusCode, time: Duration) {
        let Some(row) = self.workers.get(worker) else { return };
        if let Some(counter) = row.by_class.get(usize::from(status.as_u16() / 100)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        row.micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Traffic {
    /// Count what a cache said, if one was asked.
    pub(crate) fn count_lookup(&self, worker: usize, said: Option<LookedUp>) {
        let (Some(row), Some(said)) = (self.workers.get(worker), said) else { return };
        let counter = match said {
            LookedUp::Hit => &row.cache_hits,
            LookedUp::Miss => &row.cache_misses,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Write the page.
pub(crate) fn write(out: &mut String, plan: &Plan, runtime: &Runtime, traffic: &Traffic, dropped_log_lines: u64) {
    // Writing to a String can't fail.
    let _ = write_gateway(out, plan, traffic, dropped_log_lines);
    let _ = write_cache(out, traffic, runtime);
    let _ = write_statements(out, &plan.statements.iter().map(|s| &**s).collect::<Vec<_>>());
    if let Some(health) = runtime.services().quotas.health() {
        let _ = write_quotas(out, health);
    }
    runtime.services().metrics.write(out);
}

/// Write what was refused so that origins and the gateway itself live on.
pub(crate) fn write_protection(out: &mut String, budget: &RetryBudget, overload: &Overload) {
    let (used, limit) = overload.memory();
    for (name, kind, help, value) in [
        (
            "tollgate_retries_refused_total",
            "counter",
            "Retries that were not made because the budget for them was spent.",
            budget.refused(),
        ),
        (
            "tollgate_overload_refused_total",
            "counter",
            "Requests that were answered 503 because there was too much to do.",
            overload.refused(),
        ),
        ("tollgate_memory_used_bytes", "gauge", "Memory in use, as the watch for overload sees it.", used),
        ("tollgate_memory_limit_bytes", "gauge", "Memory that there is, as the watch for overload sees it.", limit),
    ] {
        // Writing to a String can't fail.
        let _ = header(out, name, kind, help);
        let _ = writeln!(out, "{name} {value}");
    }
}

fn header(out: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn write_gateway(out: &mut String, plan: &Plan, traffic: &Traffic, dropped_log_lines: u64) -> std::fmt::Result {
    header(out, "tollgate_requests_total", "counter", "Requests answered, by class of status.")?;
    for class in 1..6 {
        let sum: u64 = traffic.workers.iter().map(|row| row.by_class[class].load(Ordering::Relaxed)).sum();
        writeln!(out, "tollgate_requests_total{{status=\"{class}xx\"}} {sum}")?;
    }
    let micros: u64 = traffic.workers.iter().map(|row| row.micros.load(Ordering::Relaxed)).sum();
    header(out, "tollgate_request_seconds_total", "counter", "Time from a request's head to its response's end.")?;
    writeln!(out, "tollgate_request_seconds_total {}", micros as f64 / 1e6)?;
    header(out, "tollgate_plan_generation", "gauge", "Counts plans; grows by one with every reload that took effect.")?;
    writeln!(out, "tollgate_plan_generation {}", plan.generation)?;
    header(out, "tollgate_access_log_dropped_total", "counter", "Access-log lines that nobody could take in time.")?;
    writeln!(out, "tollgate_access_log_dropped_total {dropped_log_lines}")
}

fn write_cache(out: &mut String, traffic: &Traffic, runtime: &Runtime) -> std::fmt::Result {
    let sum =
        |of: fn(&Row) -> &AtomicU64| -> u64 { traffic.workers.iter().map(|row| of(row).load(Ordering::Relaxed)).sum() };
    header(out, "tollgate_cache_requests_total", "counter", "Requests that a cache was asked for, by what it said.")?;
    writeln!(out, "tollgate_cache_requests_total{{result=\"hit\"}} {}", sum(|row| &row.cache_hits))?;
    writeln!(out, "tollgate_cache_requests_total{{result=\"miss\"}} {}", sum(|row| &row.cache_misses))?;
    header(out, "tollgate_cache_bytes", "gauge", "Bytes of cached responses, about.")?;
    writeln!(out, "tollgate_cache_bytes {}", runtime.services().cache.bytes())
}

fn write_quotas(out: &mut String, health: &QuotaHealth) -> std::fmt::Result {
    let failures = "Times that used quotas could not be written to the disk.";
    header(out, "tollgate_quota_write_failures_total", "counter", failures)?;
    writeln!(out, "tollgate_quota_write_failures_total {}", health.write_failures())?;
    let damaged = "Times that the file of used quotas was found damaged and set aside.";
    header(out, "tollgate_quota_file_damaged_total", "counter", damaged)?;
    writeln!(out, "tollgate_quota_file_damaged_total {}", health.times_damaged())
}

/// One metric of a statement's totals: name, help, and its lines' extra labels and values.
type Metric = (&'static str, &'static str, fn(&Totals, &mut dyn FnMut(&str, f64)));

const METRICS: [Metric; 6] = [
    ("tollgate_policy_calls_total", "Calls of a statement, those that failed included.", |totals, line| {
        line("", totals.calls as f64);
    }),
    ("tollgate_policy_verdicts_total", "Verdicts of a statement.", |totals, line| {
        for (label, count) in Verdict::LABELS.iter().zip(totals.verdicts) {
            line(&format!(",verdict=\"{label}\""), count as f64);
        }
    }),
    ("tollgate_policy_failures_total", "Failures of a statement, by kind.", |totals, line| {
        for (kind, count) in FaultKind::ALL.iter().zip(totals.faults) {
            line(&format!(",kind=\"{}\"", kind.name()), count as f64);
        }
    }),
    ("tollgate_policy_fuel_total", "Fuel that a statement used: about one unit an instruction.", |totals, line| {
        line("", totals.fuel as f64);
    }),
    ("tollgate_policy_seconds_total", "Time within a statement.", |totals, line| {
        line("", totals.nanos as f64 / 1e9);
    }),
    ("tollgate_policy_host_calls_total", "Calls of host functions by a statement.", |totals, line| {
        line("", totals.host_calls as f64);
    }),
];

fn write_statements(out: &mut String, statements: &[&Statement]) -> std::fmt::Result {
    for (name, help, lines) in METRICS {
        header(out, name, "counter", help)?;
        for statement in statements {
            for phase in Phase::ALL.into_iter().filter(|phase| statement.unit.admitted.has(*phase)) {
                let totals = statement.account.totals(phase);
                let labels = format!(
                    "statement=\"{}\",policy=\"{}\",place=\"{}\",phase=\"{phase}\"",
                    statement.identity.statement, statement.identity.name, statement.identity.position.place
                );
                lines(&totals, &mut |more, value| {
                    // Ids, names and places are made of letters, digits, hyphens and slashes: nothing to escape.
                    let _ = writeln!(out, "{name}{{{labels}{more}}} {value}");
                });
            }
        }
    }
    let name = "tollgate_policy_quarantined";
    header(out, name, "gauge", "1 while a statement has failed too often and isn't called.")?;
    for statement in statements {
        let identity = &statement.identity;
        let (id, policy, place) = (&identity.statement, &identity.name, &identity.position.place);
        let shut = u8::from(statement.quarantine.is_shut());
        writeln!(out, "{name}{{statement=\"{id}\",policy=\"{policy}\",place=\"{place}\"}} {shut}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_added_up_by_class() {
        let traffic = Traffic::new(2);
        traffic.count(0, StatusCode::OK, Duration::from_millis(2));
        traffic.count(1, StatusCode::NO_CONTENT, Duration::from_millis(3));
        traffic.count(1, StatusCode::NOT_FOUND, Duration::ZERO);
        traffic.count(7, StatusCode::OK, Duration::ZERO);
        let sum =
            |class: usize| traffic.workers.iter().map(|row| row.by_class[class].load(Ordering::Relaxed)).sum::<u64>();
        assert_eq!((sum(2), sum(4)), (2, 1));
    }
}
