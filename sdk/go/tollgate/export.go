package tollgate

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"

	// The component's exports.
	_ "github.com/tollgate/tollgate/sdk/go/contract/exports/wit_exports"
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_lifecycle"
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_messages"
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_on_error"
	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_verdicts"
	"github.com/tollgate/tollgate/sdk/go/phases"
	"github.com/tollgate/tollgate/sdk/go/wit"
)

// exported is what policy.yaml names: phases, and body-gate. `tollgate policy build` writes it.
var exported string

// trap ends the call.
func trap()

// Export hands the policy over. Call it once, from init.
func Export(policy Policy) {
	phases.Describe = func() string {
		defer concluded()
		if problem := mismatch(policy, exported); problem != "" {
			panic(problem)
		}
		manifest, err := json.Marshal(policy.Manifest())
		if err != nil {
			panic(fmt.Errorf("the manifest is no JSON: %w", err))
		}
		return string(manifest)
	}
	phases.Configure = func(configuration string) wit.Result[wit.Unit, tollgate_policy_lifecycle.ConfigError] {
		defer concluded()
		configurer, ok := policy.(Configurer)
		if !ok {
			return wit.Ok[wit.Unit, tollgate_policy_lifecycle.ConfigError](wit.Unit{})
		}
		return configured(configurer.Configure(json.RawMessage(configuration)))
	}
	if handler, ok := policy.(RequestHandler); ok {
		phases.OnRequest = func(request *tollgate_policy_messages.Request) tollgate_policy_verdicts.Verdict {
			defer concluded(request)
			return decided(handler.OnRequest(requestOf(request)))
		}
	}
	if handler, ok := policy.(ResponseHandler); ok {
		phases.OnResponse = func(
			request *tollgate_policy_messages.Request, response *tollgate_policy_messages.Response,
		) tollgate_policy_verdicts.Verdict {
			defer concluded(request, response)
			return decided(handler.OnResponse(requestOf(request), responseOf(response)))
		}
	}
	if handler, ok := policy.(ErrorHandler); ok {
		phases.OnError = func(
			request *tollgate_policy_messages.Request, response *tollgate_policy_messages.Response,
			failure tollgate_policy_on_error.LastError,
		) tollgate_policy_verdicts.Verdict {
			defer concluded(request, response)
			return decided(handler.OnError(requestOf(request), responseOf(response), Failure{
				Source: failure.Source, Reason: failure.Reason, Message: failure.Message,
				StatementID: failure.StatementId.Some(),
			}))
		}
	}
	if gate, ok := policy.(BodyGate); ok {
		phases.WantsRequestBody = func(request *tollgate_policy_messages.Request) bool {
			defer concluded(request)
			return gate.WantsRequestBody(requestOf(request))
		}
		phases.WantsResponseBody = func(
			request *tollgate_policy_messages.Request, response *tollgate_policy_messages.Response,
		) bool {
			defer concluded(request, response)
			return gate.WantsResponseBody(requestOf(request), responseOf(response))
		}
	}
}

// mismatch tells where policy.yaml and the policy's methods differ; empty if they don't. A misspelt method would
// otherwise be a phase that lets everything pass.
func mismatch(policy Policy, exported string) string {
	_, onRequest := policy.(RequestHandler)
	_, onResponse := policy.(ResponseHandler)
	_, onError := policy.(ErrorHandler)
	_, gate := policy.(BodyGate)
	const (
		decides  = "(tollgate.Verdict, error)"
		request  = "request *tollgate.Request"
		response = request + ", response *tollgate.Response"
	)
	for _, part := range []struct {
		name, method, key string
		there             bool
	}{
		{"on-request", "OnRequest(" + request + ") " + decides, "phases", onRequest},
		{"on-response", "OnResponse(" + response + ") " + decides, "phases", onResponse},
		{"on-error", "OnError(" + response + ", failure tollgate.Failure) " + decides, "phases", onError},
		{"body-gate", "WantsRequestBody and WantsResponseBody", "body-gate: true", gate},
	} {
		named := strings.Contains(","+exported+",", ","+part.name+",")
		switch {
		case named && !part.there:
			return fmt.Sprintf("policy.yaml names %s, but %T has no method %s", part.name, policy, part.method)
		case !named && part.there:
			return fmt.Sprintf("%T has the method %s, but policy.yaml doesn't name it: `%s`", policy, part.method, part.key)
		}
	}
	return ""
}

func configured(err error) wit.Result[wit.Unit, tollgate_policy_lifecycle.ConfigError] {
	if err == nil {
		return wit.Ok[wit.Unit, tollgate_policy_lifecycle.ConfigError](wit.Unit{})
	}
	refused := &ConfigError{Message: err.Error()}
	errors.As(err, &refused)
	return wit.Err[wit.Unit](tollgate_policy_lifecycle.ConfigError{Pointer: refused.Pointer, Message: refused.Message})
}

func decided(verdict Verdict, err error) tollgate_policy_verdicts.Verdict {
	if err != nil {
		failed(err.Error())
	}
	return verdict.written()
}

// concluded ends a phase: its messages go back to the gateway. A panic is told in one line with the places that led to
// it, instead of in the runtime's many.
func concluded(lent ...interface{ Drop() }) {
	if broken := recover(); broken != nil {
		failed(fmt.Sprintf("panic: %v%s", broken, places()))
	}
	for _, message := range lent {
		message.Drop()
	}
	wit.Release()
}

// failed says why and ends the call: the statement's on-failure decides.
func failed(why string) {
	fmt.Fprintln(os.Stderr, why)
	trap()
}

// places are those of the policy's own functions on the stack, the innermost first.
func places() string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	var found strings.Builder
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, "main.") {
			fmt.Fprintf(&found, ", in %s (%s:%d)", frame.Function, path.Base(frame.File), frame.Line)
		}
		if !more {
			return found.String()
		}
	}
}
