// Package metrics adds to series on the gateway's /metrics. Needs `capabilities: [metrics]` in policy.yaml, and a grant.
package metrics

import (
	"maps"
	"slices"

	contract "github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_metrics_metrics"
	"github.com/tollgate/tollgate/sdk/go/tollgate"
)

// Count adds to a series of the policy's own.
func Count(name string, value float64, labels map[string]string) error {
	var pairs []contract.Label
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, contract.Label{Name: label, Value: labels[label]})
	}
	result := contract.Count(name, value, pairs)
	err := tollgate.Refused("count "+name, result, "invalid", "too-many-series")
	if err != nil && result.Err().Tag() == contract.MetricError_Invalid {
		return &tollgate.Error{Doing: "count " + name, Code: "invalid", Detail: result.Err().Invalid()}
	}
	return err
}
