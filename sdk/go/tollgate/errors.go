package tollgate

import (
	"fmt"

	"github.com/tollgate/tollgate/sdk/go/wit"
)

// Error is a capability's or a message's no.
type Error struct {
	// Doing is what was asked for. Example: set the header te
	Doing string
	// Code is the case of the contract. Examples: forbidden, not-buffered
	Code string
	// Detail is what else there is to say; mostly empty.
	Detail string
}

// Errors to compare with: errors.Is(err, tollgate.ErrForbidden).
var (
	ErrForbidden   = &Error{Code: "forbidden"}
	ErrNotBuffered = &Error{Code: "not-buffered"}
	ErrTooLarge    = &Error{Code: "too-large"}
	ErrTimeout     = &Error{Code: "timeout"}
)

func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Doing + ": " + e.Code
	}
	return fmt.Sprintf("%s: %s (%s)", e.Doing, e.Code, e.Detail)
}

// Is tells whether both have the same code.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code
}

// ConfigError refuses a configuration at a JSON Pointer below the statement, which the gateway turns into a place in the
// operator's document.
type ConfigError struct {
	// Pointer is the value at fault. Example: /keys/0
	Pointer string
	// Message is one lower-case sentence without a full stop.
	Message string
}

func (e *ConfigError) Error() string { return e.Message }

// failure is an error of the contract: a variant whose last case is other(string).
type failure interface {
	Tag() uint8
	Other() string
}

// Refused is the error in a result of the contract, or nil; codes are the names of its cases. The packages of the SDK
// use it.
func Refused[T any, E failure](doing string, result wit.Result[T, E], codes ...string) error {
	if result.Tag() == wit.ResultOk {
		return nil
	}
	err := result.Err()
	refused := &Error{Doing: doing, Code: "other"}
	if tag := int(err.Tag()); tag < len(codes) {
		refused.Code = codes[tag]
	} else {
		refused.Detail = err.Other()
	}
	return refused
}
