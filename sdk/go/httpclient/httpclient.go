// Package httpclient sends requests of the policy's own. Needs `capabilities: [http]` in policy.yaml, and a grant that
// names the origins.
package httpclient

import (
	"time"

	contract "github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_http_client_http_client"
	"github.com/tollgate/tollgate/sdk/go/tollgate"
	"github.com/tollgate/tollgate/sdk/go/wit"
)

// DefaultTimeout is for requests that name none.
const DefaultTimeout = 5 * time.Second

// Request is what to send.
type Request struct {
	Method string
	// URL is absolute, http or https.
	URL     string
	Headers []tollgate.Field
	Body    []byte
	// Timeout is for the whole of it. At most 4 minutes; 0 is DefaultTimeout.
	Timeout time.Duration
}

// Response is the whole response, whatever its status.
type Response struct {
	Status  int
	Headers []tollgate.Field
	Body    []byte
}

// Header is the first value of a header, by its lower-case name; empty if it is absent.
func (r *Response) Header(name string) string {
	for _, field := range r.Headers {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

// Get sends a GET.
func Get(url string) (*Response, error) { return Send(Request{Method: "GET", URL: url}) }

// Send sends a request and waits for the whole response.
func Send(request Request) (*Response, error) {
	timeout := request.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	outgoing := contract.OutgoingRequest{
		Method: request.Method, Url: request.URL, Body: request.Body, TimeoutMs: uint32(timeout.Milliseconds()),
	}
	for _, field := range request.Headers {
		outgoing.Headers = append(outgoing.Headers, contract.Field{Name: field.Name, Value: []byte(field.Value)})
	}
	result := contract.Send(outgoing)
	if result.Tag() == wit.ResultErr {
		return nil, refused(request.Method+" "+request.URL, result.Err())
	}
	incoming := result.Ok()
	response := &Response{Status: int(incoming.Status), Body: incoming.Body}
	for _, field := range incoming.Headers {
		response.Headers = append(response.Headers, tollgate.Field{Name: field.Name, Value: string(field.Value)})
	}
	return response, nil
}

func refused(doing string, err contract.HttpError) error {
	refused := &tollgate.Error{Doing: doing}
	switch err.Tag() {
	case contract.HttpError_InvalidRequest:
		refused.Code, refused.Detail = "invalid-request", err.InvalidRequest()
	case contract.HttpError_NotGranted:
		refused.Code, refused.Detail = "not-granted", err.NotGranted()
	case contract.HttpError_Connect:
		refused.Code, refused.Detail = "connect", err.Connect()
	case contract.HttpError_Timeout:
		refused.Code = "timeout"
	case contract.HttpError_Broken:
		refused.Code, refused.Detail = "broken", err.Broken()
	case contract.HttpError_TooLarge:
		refused.Code = "too-large"
	default:
		refused.Code, refused.Detail = "other", err.Other()
	}
	return refused
}
