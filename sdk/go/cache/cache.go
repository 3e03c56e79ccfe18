// Package cache keeps small values, and whole responses. Needs `capabilities: [cache]` in policy.yaml, and a grant.
package cache

import (
	"time"

	contract "github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_cache_cache"
	"github.com/tollgate/tollgate/sdk/go/tollgate"
	"github.com/tollgate/tollgate/sdk/go/wit"
)

// Get is a value, and whether there is one.
func Get(key string) (value []byte, there bool, err error) {
	result := contract.Get(key)
	value, there = result.Ok().Get()
	return value, there, refused("read the cache", result)
}

// Put keeps a value for so long.
func Put(key string, value []byte, ttl time.Duration) error {
	return refused("write to the cache", contract.Put(key, value, uint64(ttl.Milliseconds())))
}

// Remove forgets a value. It's fine if there is none.
func Remove(key string) error {
	return refused("remove from the cache", contract.Remove(key))
}

// Lookup looks for a stored response to this request; after true, answer with [tollgate.Staged]. What vary names tells
// responses apart, as a URL does.
func Lookup(vary ...string) (bool, error) {
	result := contract.Lookup(vary)
	return result.Ok() == contract.Outcome_Hit && result.Tag() == wit.ResultOk, refused("look into the cache", result)
}

// Store keeps this exchange's response.
func Store(ttl time.Duration) error {
	return refused("store the response", contract.Store(uint64(ttl.Milliseconds())))
}

func refused[T any](doing string, result wit.Result[T, contract.CacheError]) error {
	return tollgate.Refused(doing, result, "no-lookup", "not-storable", "too-large")
}
