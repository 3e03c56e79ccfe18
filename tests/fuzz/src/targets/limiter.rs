//! The limiter's arithmetic against exact counts: every decision, in any order of time that clocks may show.

use tollgate_runtime::{LimiterStore, Rule};

use crate::{Run, Target, outcome};

pub(super) const TARGET: Target = Target {
    name: "limiter",
    make,
    seeds: Vec::new,
    words: &["\0\0", "\x01\0", "\u{7f}\u{7f}", "\x02\x01\0\0\0"],
    max_bytes: 600,
};

/// Everything that was admitted, and when.
#[derive(Default)]
struct Model {
    admitted: Vec<(u64, u64)>,
    level: u128,
    at: u64,
}

impl Model {
    fn window(&self, now: u64, length: u64) -> u64 {
        self.admitted.iter().filter(|(when, _)| when + length > now).map(|(_, cost)| cost).sum()
    }

    /// Must it be admitted, and may it be?
    fn bounds(&mut self, rule: Rule, now: u64, cost: u64) -> (bool, bool) {
        match rule {
            Rule::SlidingWindow { calls, period_us } => {
                // Above 64 calls neighbours share a stamp, and what they hold may come back a 64th of the period late.
                let grain = if calls <= 64 { 0 } else { period_us / 64 };
                (self.window(now, period_us + grain) + cost <= calls, self.window(now, period_us) + cost <= calls)
            }
            Rule::TokenBucket { capacity, refill, period_us } => {
                let full = u128::from(capacity) * u128::from(period_us);
                self.level = full.min(self.level + u128::from(now - self.at) * u128::from(refill));
                self.at = now;
                let has = self.level >= u128::from(cost) * u128::from(period_us);
                (has, has)
            }
            Rule::FixedWindow { calls, period_ms, anchor_unix_ms } => {
                let index = |us: u64| ((us / 1000) as i64 - anchor_unix_ms).div_euclid(period_ms as i64);
                let within = self.admitted.iter().filter(|(when, _)| index(*when) == index(now));
                let spent: u64 = within.map(|(_, cost)| cost).sum();
                (spent + cost <= calls, spent + cost <= calls)
            }
        }
    }
}

fn rule(head: &[u8; 6]) -> Rule {
    let calls = 1 + u64::from(head[1]);
    let period = 1 + u64::from(u16::from_le_bytes([head[2], head[3]]));
    match head[0] % 3 {
        0 => Rule::SlidingWindow { calls, period_us: period },
        1 => Rule::TokenBucket { capacity: calls, refill: 1 + u64::from(head[4]), period_us: period },
        _ => Rule::FixedWindow {
            calls,
            period_ms: 1 + period % 500,
            anchor_unix_ms: i64::from(head[4]) - i64::from(head[5]),
        },
    }
}

fn make() -> Run {
    Box::new(|input| {
        let Some((head, steps)) = input.split_first_chunk::<6>() else { return 0 };
        let rule = rule(head);
        let store = LimiterStore::new(1 << 16);
        let mut model = Model::default();
        if let Rule::TokenBucket { capacity, period_us, .. } = rule {
            model.level = u128::from(capacity) * u128::from(period_us);
        }
        let (mut now, mut refused) = (0, 0u32);
        for step in steps.chunks_exact(3) {
            now += u64::from(u16::from_le_bytes([step[0], step[1]]));
            let cost = u64::from(step[2] % 16);
            let (must, may) = model.bounds(rule, now, cost);
            let decision = store.admit(&[b"k"], cost, rule, now, (now / 1000) as i64).expect("there is room");
            assert!(if decision.admitted { may } else { !must }, "{rule:?} at {now} for {cost}: {decision:?}");
            match decision.admitted {
                true => {
                    model.level = model.level.saturating_sub(u128::from(cost) * period_of(rule));
                    model.admitted.push((now, cost));
                }
                false => refused += 1,
            }
        }
        outcome((head[0] % 3, model.admitted.len().min(8), refused.min(8), now.checked_ilog2().unwrap_or(0) / 4))
    })
}

fn period_of(rule: Rule) -> u128 {
    match rule {
        Rule::TokenBucket { period_us, .. } => period_us.into(),
        _ => 0,
    }
}
