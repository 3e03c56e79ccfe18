// Package tollgate is for policies of the Tollgate gateway.
//
// A policy is a type with a manifest and a method for each phase, which [Export] hands over:
//
//	func init() { tollgate.Export(&Hello{}) }
package tollgate

import "encoding/json"

// Policy is what every policy is. It also has a method for each phase that policy.yaml names: [RequestHandler],
// [ResponseHandler], [ErrorHandler]; and, if it has a configuration, [Configurer].
type Policy interface {
	Manifest() Manifest
}

// Configurer takes the configuration, once, after the gateway has checked it against the manifest's schema. An error
// refuses it; a [*ConfigError] says where.
type Configurer interface {
	Configure(configuration json.RawMessage) error
}

// RequestHandler is the phase on-request: before the request is forwarded.
type RequestHandler interface {
	OnRequest(request *Request) (Verdict, error)
}

// ResponseHandler is the phase on-response: before the response is returned.
type ResponseHandler interface {
	OnResponse(request *Request, response *Response) (Verdict, error)
}

// ErrorHandler is the phase on-error: when something has failed.
type ErrorHandler interface {
	OnError(request *Request, response *Response, failure Failure) (Verdict, error)
}

// BodyGate decides for each message whether its body is to be buffered. It needs `body-gate: true` in policy.yaml.
type BodyGate interface {
	WantsRequestBody(request *Request) bool
	WantsResponseBody(request *Request, response *Response) bool
}

// Manifest is what a policy says of itself.
type Manifest struct {
	// ID is of lower-case letters, digits and hyphens, at most 64.
	ID string `json:"id"`
	// Version is the policy's own. Example: 0.1.0
	Version string `json:"version"`
	// Summary is one sentence.
	Summary string `json:"summary,omitempty"`
	// Configuration is a JSON Schema. Without it everything is accepted.
	Configuration Schema `json:"configuration,omitempty"`
	// Bodies says what phases need of the body, by their names. Example: {"on-request": Buffer(65536)}
	Bodies map[string]Buffering `json:"bodies,omitempty"`
	// Sections says where statements may stand: inbound, backend, outbound, on-error.
	Sections []string `json:"sections,omitempty"`
	// Scopes says in whose documents: global, product, api, operation.
	Scopes []string `json:"scopes,omitempty"`
	// Once is true if a section may have the statement once only.
	Once bool `json:"once,omitempty"`
	// Rejections says how the statement refuses.
	Rejections []Rejection `json:"rejections,omitempty"`
}

// Schema is a JSON Schema (draft 2020-12), as text.
type Schema string

// MarshalJSON leaves the text as it is.
func (s Schema) MarshalJSON() ([]byte, error) { return []byte(s), nil }

// Buffering is what a phase needs of the body.
type Buffering struct {
	Buffer struct {
		MaxBytes uint64 `json:"max-bytes"`
	} `json:"buffer"`
}

// Buffer asks for bodies of at most so many bytes.
func Buffer(maxBytes uint64) Buffering {
	var buffering Buffering
	buffering.Buffer.MaxBytes = maxBytes
	return buffering
}

// Rejection is a way to refuse: a status of 400–599, or 0 if the configuration says it, and a word.
type Rejection struct {
	Status int
	Reason string
}

// MarshalJSON writes null for a status that the configuration says.
func (r Rejection) MarshalJSON() ([]byte, error) {
	written := struct {
		Status *int   `json:"status"`
		Reason string `json:"reason"`
	}{Reason: r.Reason}
	if r.Status != 0 {
		written.Status = &r.Status
	}
	return json.Marshal(written)
}

// Failure is what went wrong before on-error.
type Failure struct {
	// Source is a statement's name, or a step of the gateway. Example: forward-request
	Source string
	// Reason is a word. Example: RateLimitExceeded
	Reason string
	// Message is the sentence that the client is about to get.
	Message string
	// StatementID is the statement's id or its place in the document; empty for a step of the gateway.
	StatementID string
}
