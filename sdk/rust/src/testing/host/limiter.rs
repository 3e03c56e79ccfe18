//! Counting, on the world's limiter.

use crate::limiter::{Counter, Decision, LimiterError, Quota, QuotaDecision, Rule};
use crate::testing::call::{Call, with};
use crate::testing::later::{Budget, Pending};
use crate::testing::limiter::{Ask, Owned, owned};

pub(crate) fn admit(counter: &Counter, cost: u64, rule: Rule) -> Result<Decision, LimiterError> {
    with(|call| {
        let owned = counter_of(call, counter)?;
        let state = &mut *call.world.state();
        state.limiter.admit(owned, Ask::Admit, cost, rule, state.monotonic_ms, state.unix_ms)
    })
}

pub(crate) fn admit_later(
    counter: &Counter,
    cost: u64,
    rule: Rule,
    condition: Option<u32>,
    count: Option<u32>,
) -> Result<Decision, LimiterError> {
    with(|call| {
        let owned = counter_of(call, counter)?;
        let pending = pending(call, owned.clone(), Budget::Rule(rule), cost, condition, count)?;
        let decision = {
            let state = &mut *call.world.state();
            state.limiter.admit(owned, Ask::Look, cost, rule, state.monotonic_ms, state.unix_ms)?
        };
        if decision.admitted {
            call.pending.push(pending);
        }
        Ok(decision)
    })
}

pub(crate) fn admit_quota(counter: &Counter, cost: u64, quota: Quota) -> Result<QuotaDecision, LimiterError> {
    with(|call| {
        let owned = counter_of(call, counter)?;
        let counted = call.quotas.iter().any(|(counted, _)| *counted == owned);
        let state = &mut *call.world.state();
        let (decision, key) =
            state.limiter.admit_quota(owned.clone(), Ask::Admit, cost, quota, state.unix_ms, counted)?;
        if decision.exhausted.is_none() && !counted {
            call.quotas.push((owned, key));
        }
        Ok(decision)
    })
}

pub(crate) fn admit_quota_later(
    counter: &Counter,
    cost: u64,
    quota: Quota,
    condition: Option<u32>,
    count: Option<u32>,
) -> Result<QuotaDecision, LimiterError> {
    with(|call| {
        let owned = counter_of(call, counter)?;
        let pending = pending(call, owned.clone(), Budget::Quota(quota), cost, condition, count)?;
        let counted = call.quotas.iter().any(|(counted, _)| *counted == owned)
            || call.pending.iter().any(|pending| pending.is_quota_of(&owned));
        let (decision, _) = {
            let state = &mut *call.world.state();
            state.limiter.admit_quota(owned, Ask::Look, cost, quota, state.unix_ms, counted)?
        };
        if decision.exhausted.is_none() && !counted {
            call.pending.push(pending);
        }
        Ok(decision)
    })
}

pub(crate) fn acquire(counter: &Counter, max: u32) -> Result<bool, LimiterError> {
    with(|call| {
        let owned = counter_of(call, counter)?;
        let acquired = call.world.state().limiter.acquire(owned.clone(), max);
        if acquired {
            call.permits.push(owned);
        }
        Ok(acquired)
    })
}

fn counter_of(call: &Call, counter: &Counter) -> Result<Owned, LimiterError> {
    match &call.world.state().broken {
        Some(why) => Err(LimiterError::Other(why.clone())),
        None => owned(counter, call.component, &call.statement),
    }
}

/// What is to be counted, with the texts of its expressions.
fn pending(
    call: &Call,
    owned: Owned,
    budget: Budget,
    cost: u64,
    condition: Option<u32>,
    count: Option<u32>,
) -> Result<Pending, LimiterError> {
    let text = |number: Option<u32>| match number {
        None => Ok(None),
        Some(number) => match call.expressions.get(number as usize) {
            Some(text) => Ok(Some(text.clone())),
            None => Err(LimiterError::Invalid(format!("this statement has no expression {number}"))),
        },
    };
    Ok(Pending { owned, budget, cost, condition: text(condition)?, count: text(count)? })
}
