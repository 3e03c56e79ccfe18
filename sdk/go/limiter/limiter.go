// Package limiter counts exactly, for all workers of the gateway. Needs `capabilities: [limiter]` in policy.yaml, and a
// grant.
package limiter

import (
	"time"

	contract "github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_limiter_limiter"
	"github.com/tollgate/tollgate/sdk/go/tollgate"
	"github.com/tollgate/tollgate/sdk/go/wit"
)

// Window is a sliding window: at most Calls in every interval of Period.
type Window struct {
	Calls  uint64
	Period time.Duration
	// Shared is true if every statement of the component counts together, and not this one alone.
	Shared bool
}

// Decision is what Admit decided.
type Decision struct {
	// Admitted is true if the cost has been counted.
	Admitted bool
	// Remaining is what may still be spent now.
	Remaining uint64
	// RetryAfter is how long to wait until the same cost can be admitted; 0 if it was.
	RetryAfter time.Duration
}

// Admit admits a call and counts it, in one step.
func Admit(key string, window Window) (Decision, error) { return AdmitCost(key, 1, window) }

// AdmitCost admits a call that counts as several.
func AdmitCost(key string, cost uint64, window Window) (Decision, error) {
	rule := contract.MakeRuleSlidingWindow(contract.SlidingWindow{
		Calls: window.Calls, PeriodMs: uint64(window.Period.Milliseconds()),
	})
	result := contract.Admit(counter(key, window.Shared), cost, rule)
	decision := result.Ok()
	return Decision{
		Admitted: decision.Admitted, Remaining: decision.Remaining,
		RetryAfter: time.Duration(decision.RetryAfterMs) * time.Millisecond,
	}, refused("ask the limiter", result)
}

// Acquire takes one of so many places until the exchange ends; false if all are taken.
func Acquire(key string, maximum uint32) (bool, error) {
	result := contract.Acquire(counter(key, false), maximum)
	return result.Ok(), refused("acquire a place", result)
}

func counter(key string, shared bool) contract.Counter {
	if shared {
		return contract.Counter{Sharing: contract.Sharing_Gateway, Key: key}
	}
	return contract.Counter{Sharing: contract.Sharing_Statement, Key: key}
}

func refused[T any](doing string, result wit.Result[T, contract.LimiterError]) error {
	err := tollgate.Refused(doing, result, "invalid", "capacity")
	if err != nil && result.Err().Tag() == contract.LimiterError_Invalid {
		return &tollgate.Error{Doing: doing, Code: "invalid", Detail: result.Err().Invalid()}
	}
	return err
}
