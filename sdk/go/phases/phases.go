// Package phases is where the bindings' exports go: what a component does when the gateway calls it. Package tollgate
// fills it in.
package phases

import (
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_lifecycle"
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_messages"
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_on_error"
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_verdicts"
	"github.com/tollgate/tollgate/sdk/go/wit"
)

type (
	request  = tollgate_policy_messages.Request
	response = tollgate_policy_messages.Response
	verdict  = tollgate_policy_verdicts.Verdict
	refusal  = tollgate_policy_lifecycle.ConfigError
)

// Exported names are those of the contract's functions.
var (
	Describe          func() string
	Configure         func(string) wit.Result[wit.Unit, refusal]
	OnRequest         func(*request) verdict
	OnResponse        func(*request, *response) verdict
	OnError           func(*request, *response, tollgate_policy_on_error.LastError) verdict
	WantsRequestBody  func(*request) bool
	WantsResponseBody func(*request, *response) bool
)
