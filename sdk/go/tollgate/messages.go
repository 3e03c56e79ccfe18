package tollgate

import (
	"encoding/json"
	"strings"

	"github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_policy_messages"
	"github.com/tollgate/tollgate/sdk/go/wit"
)

type (
	headerResult = wit.Result[wit.Unit, tollgate_policy_messages.HeaderError]
	bodyResult   = wit.Result[[]uint8, tollgate_policy_messages.BodyError]
	setResult    = wit.Result[wit.Unit, tollgate_policy_messages.BodyError]
)

// handle is what requests and responses of the contract have alike.
type handle interface {
	Header(name string) wit.Option[[]uint8]
	HeaderValues(name string) [][]uint8
	Headers() []tollgate_policy_messages.Field
	SetHeader(name string, value []uint8) headerResult
	AppendHeader(name string, value []uint8) headerResult
	RemoveHeader(name string) headerResult
	Body() bodyResult
	SetBody(body []uint8) setResult
}

// message has what requests and responses have alike: headers and a body.
type message struct {
	handle handle
}

// text is UTF-8; what isn't becomes U+FFFD.
func text(bytes []byte) string { return strings.ToValidUTF8(string(bytes), "\uFFFD") }

// Header is the first value of a header; empty if it is absent.
func (m message) Header(name string) string {
	value, _ := m.LookupHeader(name)
	return value
}

// LookupHeader is the first value of a header, and whether there is one.
func (m message) LookupHeader(name string) (string, bool) {
	value, there := m.handle.Header(name).Get()
	return text(value), there
}

// HeaderValues are all values of a header, in order.
func (m message) HeaderValues(name string) []string {
	var values []string
	for _, value := range m.handle.HeaderValues(name) {
		values = append(values, text(value))
	}
	return values
}

// Headers are all headers, in order.
func (m message) Headers() []Field {
	var fields []Field
	for _, field := range m.handle.Headers() {
		fields = append(fields, Field{Name: field.Name, Value: text(field.Value)})
	}
	return fields
}

// SetHeader makes value the header's only value.
func (m message) SetHeader(name, value string) error {
	return headerError("set the header "+name, m.handle.SetHeader(name, []byte(value)))
}

// AppendHeader adds one more line to a header.
func (m message) AppendHeader(name, value string) error {
	return headerError("append the header "+name, m.handle.AppendHeader(name, []byte(value)))
}

// RemoveHeader takes a header away. It's fine if it is absent.
func (m message) RemoveHeader(name string) error {
	return headerError("remove the header "+name, m.handle.RemoveHeader(name))
}

// Body is the whole body. The phase needs a [Buffer] in the manifest.
func (m message) Body() ([]byte, error) {
	result := m.handle.Body()
	return result.Ok(), Refused("read the body", result, "not-buffered", "too-large")
}

// SetBody replaces the body; content-length follows by itself.
func (m message) SetBody(body []byte) error {
	return Refused("set the body", m.handle.SetBody(body), "not-buffered", "too-large")
}

// JSON reads the whole body as JSON, as [json.Unmarshal] does.
func (m message) JSON(into any) error {
	body, err := m.Body()
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

func headerError(doing string, result headerResult) error {
	return Refused(doing, result, "invalid-name", "invalid-value", "forbidden", "too-large")
}

// Request is the request as it will be forwarded. It is valid during the phase only.
type Request struct {
	message
	request *tollgate_policy_messages.Request
}

func requestOf(lent *tollgate_policy_messages.Request) *Request {
	return &Request{message{lent}, lent}
}

// Method as it was sent. Example: GET
func (r *Request) Method() string { return r.request.Method() }

// Scheme is http or https.
func (r *Request) Scheme() string { return r.request.Scheme() }

// Authority is the host, and perhaps the port, that the client addressed.
func (r *Request) Authority() string { return r.request.Authority() }

// Path is the normalised path, the API's own included.
func (r *Request) Path() string { return r.request.Path() }

// Query is the query without its question mark, and whether there is one.
func (r *Request) Query() (string, bool) { return r.request.Query().Get() }

// QueryValues are the values of a query parameter, decoded.
func (r *Request) QueryValues(name string) []string { return r.request.QueryValues(name) }

// Parameter is one of the operation's URL template, and whether there is one.
func (r *Request) Parameter(name string) (string, bool) { return r.request.Parameter(name).Get() }

// SetMethod replaces the method.
func (r *Request) SetMethod(method string) error {
	return Refused("set the method", r.request.SetMethod(method), "invalid")
}

// SetTarget replaces path and query, relative to the API.
func (r *Request) SetTarget(pathAndQuery string) error {
	return Refused("set the target", r.request.SetTarget(pathAndQuery), "invalid")
}

// SetQuery replaces the query alone.
func (r *Request) SetQuery(query string) error {
	return Refused("set the query", r.request.SetQuery(wit.Some(query)), "invalid")
}

// RemoveQuery takes the query away.
func (r *Request) RemoveQuery() error {
	return Refused("remove the query", r.request.SetQuery(wit.None[string]()), "invalid")
}

// Response is the response as it will be returned. It is valid during the phase only.
type Response struct {
	message
	response *tollgate_policy_messages.Response
}

func responseOf(lent *tollgate_policy_messages.Response) *Response {
	return &Response{message{lent}, lent}
}

// Status is 200–599.
func (r *Response) Status() int { return int(r.response.Status()) }

// SetStatus replaces the status.
func (r *Response) SetStatus(status int) error {
	if status < 0 || status > 999 || !r.response.SetStatus(uint16(status)) {
		return &Error{Doing: "set the status", Code: "invalid"}
	}
	return nil
}
